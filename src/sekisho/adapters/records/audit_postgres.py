"""What the audit writer sends to PostgreSQL, and how: in the event loop, past what the driver does around it.

A group is one statement that writes all of it or nothing: what it rests on is part of it, and where that does not
hold it writes no row, so that nothing fails and nothing has to be undone. It goes to the server together with the
beginning and the end of its transaction, and is waited for once, through the driver's own binding of libpq.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from struct import Struct
from typing import Final

import psycopg
from psycopg import pq
from psycopg.errors import lookup

from sekisho.adapters.records.audit_batch import Batch
from sekisho.ports import Ground

Call = tuple[bytes, Sequence[bytes | None]]
"""The name of a prepared statement, and its parameters in PostgreSQL's binary form."""

_COUNTED: Final = "ledger_counter WHERE name = 'audit'"


_COUNTER = "SELECT o.value FROM ledger_counter o WHERE o.name = '{}'"


def holding(now: str, same: str, marks: Sequence[str]) -> str:
    """Return the SELECT of 1 when a ground holds (:func:`held`), else of 0.

    *now* is the database's clock in SQL, *same* compares also nulls, *marks* stand for the ten values.
    """
    seq, until, *event, identifiers, epoch, began = marks
    columns = ("m.seq", "m.number", "m.cells", "m.kind", "m.valid_until")
    alike = " AND ".join(f"{column} {same} {mark}" for column, mark in zip(columns, event, strict=True))
    return (
        "SELECT count(*) FROM ledger_counter c LEFT JOIN consent_event m ON m.seq = c.value"
        f" WHERE c.name = 'consent' AND c.value = {seq} AND {now} < {until} AND {alike}"
        f" AND ({identifiers} IS NULL OR {identifiers} = ({_COUNTER.format('identifier')}))"
        f" AND ({epoch} IS NULL OR {epoch} = ({_COUNTER.format('key_epoch')})"
        f" AND {began} = (SELECT e.began_at FROM key_epoch e WHERE e.epoch = {epoch}))"
    )


def held(ground: Ground) -> tuple[object, ...]:
    """Return the values that :func:`holding` asks for; ``None`` for what need not be as it was."""
    besides: tuple[int | None, ...] = (None, None, None)
    if ground.whole:  # what is not known holds nowhere
        besides = (-1 if ground.identifiers is None else ground.identifiers, *(ground.key_epoch or (-1, -1)))
    return ground.seq, ground.until, *ground.event, *besides


def _holds(first: int) -> str:
    """Return :func:`holding` of the ten parameters from number *first* on."""
    kinds = ("bigint", "bigint", "bigint", "bigint", "text", "text", "bigint", "bigint", "bigint", "bigint")
    marks = [f"${first + place}::{kind}" for place, kind in enumerate(kinds)]
    return holding("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)", "IS NOT DISTINCT FROM", marks)


# $1 records after sequence $2, by writer $3 after its place $4: records, people, heads, tail; the ground, or nulls.
_WRITE = f"""
WITH took AS (
 UPDATE ledger_counter SET value = value + $1::bigint
 WHERE name = 'audit' AND value = $2::bigint AND ($19::bigint IS NULL OR ({_holds(19)}) = 1) RETURNING value
), records AS (
 INSERT INTO audit_record (seq, id, writer, wseq, at, kind, requester, purpose, decision, record, chain)
 SELECT $2::bigint + r.place, r.id, $3::text, $4::bigint + r.place, r.at, r.kind, r.requester, r.purpose, r.decision,
 r.record, r.chain FROM took, unnest($5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[],
 $11::bytea[], $12::bytea[])
 WITH ORDINALITY AS r (id, at, kind, requester, purpose, decision, record, chain, place)
), subjects AS (
 INSERT INTO audit_subject (seq, refs)
 SELECT s.seq, s.refs FROM took, unnest($13::bigint[], $14::bytea[]) AS s (seq, refs)
), heads AS (
 INSERT INTO audit_head (writer, wseq, note)
 SELECT h.writer, h.wseq, h.note FROM took, unnest($15::text[], $16::bigint[], $17::text[]) AS h (writer, wseq, note)
 ON CONFLICT DO NOTHING
), tail AS (
 INSERT INTO audit_tail (writer, wseq, tag) SELECT $3::text, $4::bigint + $1::bigint, $18::bytea FROM took
 ON CONFLICT (writer) DO UPDATE SET wseq = excluded.wseq, tag = excluded.tag
)
SELECT count(*) FROM took"""

STATEMENTS = {
    b"sekisho_begin": "BEGIN",
    # Whoever is writing is waited for here: the next statement sees what they did, and what was withdrawn meanwhile.
    b"sekisho_wait": f"SELECT value FROM {_COUNTED} FOR UPDATE",
    b"sekisho_look": _holds(1),
    b"sekisho_write": _WRITE,
    b"sekisho_commit": "COMMIT",
}
BEGIN: Call = (b"sekisho_begin", ())
WAIT: Call = (b"sekisho_wait", ())
COMMIT: Call = (b"sekisho_commit", ())
_LOST: Final = "08006"  # connection_failure
_INT8, _TEXT, _BYTEA = 20, 25, 17  # as pg_type numbers them
_NULL = b"\xff\xff\xff\xff"
_number = Struct(">q").pack
_length = Struct(">i").pack
_array_of = Struct(">iiIii").pack
_element = Struct(">iq").pack


class Together:
    """Sends prepared statements of one connection together, and waits for them in the running event loop.

    Parameters
    ----------
    connection:
        In a transaction or not; nothing else of it may be under way.
    statements:
        SQL by name, with ``$1`` for the first parameter. They are prepared here, which blocks.
    patience:
        Seconds after which a server that says nothing counts as gone.
    """

    def __init__(
        self, connection: psycopg.Connection[tuple[object, ...]], statements: Mapping[bytes, str], patience: float
    ) -> None:
        self._pq = connection.pgconn
        self._patience = patience
        self._found: list[pq.abc.PGresult] = []
        self._told: asyncio.Future[None] | None = None
        for name, sql in statements.items():
            _checked(self._pq.prepare(name, sql.encode()))

    async def run(self, calls: Sequence[Call]) -> list[pq.abc.PGresult]:
        """Run *calls* in one go and return all results; after a failure none runs.

        Raises the driver's error of the first statement that failed, or of a server that is gone; what came of the
        others is not known then, and the connection is to be given up.
        """
        connection, loop = self._pq, asyncio.get_running_loop()
        self._found, self._told = [], loop.create_future()
        try:
            socket = connection.socket
            connection.enter_pipeline_mode()
            for name, parameters in calls:
                connection.send_query_prepared(name, parameters, [pq.Format.BINARY] * len(parameters))
            connection.pipeline_sync()
            limit = loop.call_later(
                self._patience, self._fail, psycopg.OperationalError("the server does not answer")
            )
            loop.add_reader(socket, self._read)
            try:
                if connection.flush():  # it does not take all of it at once
                    loop.add_writer(socket, self._send)
                await self._told
            finally:
                limit.cancel()
                loop.remove_reader(socket)
                loop.remove_writer(socket)
            connection.exit_pipeline_mode()
        except BaseException:
            connection.finish()  # half of an answer may be under way
            raise
        return [_checked(result) for result in self._found]

    def _send(self) -> None:
        """Send more of what the server has not taken yet; it may be telling something before it has read all."""
        try:
            if not self._pq.flush():
                asyncio.get_running_loop().remove_writer(self._pq.socket)
        except psycopg.Error as error:
            self._fail(error)

    def _read(self) -> None:
        """Take what the server tells, until it has told the end."""
        connection = self._pq
        try:
            connection.consume_input()
            while not connection.is_busy():
                result = connection.get_result()
                if result is None:
                    if connection.status != pq.ConnStatus.OK:
                        raise psycopg.OperationalError("the server is gone")
                    continue  # the end of one statement's results
                if result.status == pq.ExecStatus.PIPELINE_SYNC:
                    if self._told is not None and not self._told.done():
                        self._told.set_result(None)
                    return
                self._found.append(result)
        except psycopg.Error as error:
            self._fail(error)

    def _fail(self, error: psycopg.Error) -> None:
        if self._told is not None and not self._told.done():
            self._told.set_exception(error)


def _checked(result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status in {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}:
        return result
    state = result.error_field(pq.DiagnosticField.SQLSTATE)
    raise lookup((state or _LOST.encode()).decode("ascii"))


def looking(ground: Ground) -> Call:
    """Return what asks whether *ground* holds."""
    return b"sekisho_look", _spelled(ground)


def writing(batch: Batch, ground: Ground | None) -> Call:
    """Return what writes *batch*; it answers 1, or 0 when the log or consent stands elsewhere and nothing is written.

    The records follow each other, in the log and in their writer's chain.
    """
    rows = batch.rows
    first = rows[0]
    _, ids, _, _, at, kinds, requesters, purposes, decisions, records, chains = zip(*rows, strict=True)
    seqs, refs = zip(*batch.subjects, strict=True) if batch.subjects else ((), ())
    writers, places, notes = zip(*batch.heads, strict=True) if batch.heads else ((), (), ())
    return b"sekisho_write", [
        _number(len(rows)), _number(first.seq - 1), first.writer.encode(), _number(first.wseq - 1),
        _texts(ids), _numbers(at), _texts(kinds), _texts(requesters), _texts(purposes), _texts(decisions),
        _blobs(records), _blobs(chains), _numbers(seqs), _blobs(refs),
        _texts(writers), _numbers(places), _texts(notes), batch.tail[2],
        *([None] * 10 if ground is None else _spelled(ground)),
    ]  # fmt: skip


def all_of(grounds: Sequence[Ground]) -> Ground | None:
    """Return the ground that holds where each of *grounds* does; ``None`` when they cannot, and of none."""
    first = next((each for each in grounds if each.whole), grounds[0] if grounds else None)
    if first is None or any(each.seq != first.seq or each.event != first.event for each in grounds):
        return None
    besides = (first.identifiers, first.key_epoch)
    if any(each.whole and (each.identifiers, each.key_epoch) != besides for each in grounds):
        return None
    return replace(first, until=min(each.until for each in grounds))


def _spelled(ground: Ground) -> list[bytes | None]:
    return [
        value if value is None else _number(value) if isinstance(value, int) else str(value).encode()
        for value in held(ground)
    ]


def _numbers(values: Sequence[int]) -> bytes:
    return _array(_INT8, [_element(8, value) for value in values])


def _texts(values: Sequence[str | None]) -> bytes:
    if values and values.count(values[0]) == len(values):  # nearly all of a group are of one kind
        return _array(_TEXT, [_text(values[0])] * len(values))
    return _array(_TEXT, [_text(value) for value in values])


def _text(value: str | None) -> bytes:
    return _NULL if value is None else _length(len(text := value.encode())) + text


def _blobs(values: Sequence[bytes]) -> bytes:
    return _array(_BYTEA, [_length(len(value)) + value for value in values])


def _array(kind: int, elements: Sequence[bytes]) -> bytes:
    """Return a one-dimensional array in PostgreSQL's binary form (``array_recv``); it may have nulls."""
    if not elements:
        return _array_of(0, 1, kind, 0, 0)[:12]
    return _array_of(1, 1, kind, len(elements), 1) + b"".join(elements)
