"""Prepared statements that go to PostgreSQL together, past what the driver does around each of them.

The thread that writes the audit log shares the interpreter with the requests whose records it writes: each call of
the driver that waits gives the interpreter up, and gets it back when the requests let go of it. So a group of
statements is sent at once, and waited for once, through the driver's own binding of libpq.
"""

from __future__ import annotations

import select
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import psycopg
from psycopg import pq
from psycopg.errors import lookup

from sekisho.adapters.records.consent_projection import array, inserting
from sekisho.domain.record import StoredRecord
from sekisho.ports import Ground

Call = tuple[bytes, Sequence[bytes | None]]
"""The name of a prepared statement, and its parameters as PostgreSQL reads them."""


def _numbered(sql: str) -> str:
    """Return *sql* with ``$1`` instead of the first ``%s`` and so on."""
    first, *rest = sql.split("%s")
    return first + "".join(f"${place}{text}" for place, text in enumerate(rest, 1))


_TYPES = {"seq": "bigint", "wseq": "bigint", "at": "bigint", "record": "bytea", "chain": "bytea"}
_RECORDS = inserting("audit_record", {name: _TYPES.get(name, "text") for name in StoredRecord._fields})
_SUBJECTS = inserting("audit_subject", {"seq": "bigint", "refs": "bytea"})
_HEADS = inserting("audit_head", {"writer": "text", "wseq": "bigint", "note": "text"}, "ON CONFLICT DO NOTHING")
_ENDS = inserting(
    "audit_tail",
    {"writer": "text", "wseq": "bigint", "tag": "bytea"},
    "ON CONFLICT (writer) DO UPDATE SET wseq = excluded.wseq, tag = excluded.tag",
)
_COUNTED = "WHERE name = 'audit'"


def holding(now: str, same: str, marks: Sequence[str]) -> str:
    """Return the SELECT of 1 when a ground holds (:func:`held`), else of 0.

    *now* is the database's clock in SQL, *same* compares also nulls, *marks* stand for the seven values.
    """
    seq, until, *event = marks
    columns = ("m.seq", "m.number", "m.cells", "m.kind", "m.valid_until")
    alike = " AND ".join(f"{column} {same} {mark}" for column, mark in zip(columns, event, strict=True))
    return (
        "SELECT count(*) FROM ledger_counter c LEFT JOIN consent_event m ON m.seq = c.value"
        f" WHERE c.name = 'consent' AND c.value = {seq} AND {now} < {until} AND {alike}"
    )


def held(ground: Ground) -> tuple[object, ...]:
    """Return the values that :func:`holding` asks for."""
    return ground.seq, ground.until, *ground.event


_HOLDS = holding(
    "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
    "IS NOT DISTINCT FROM",
    ("$1::bigint", "$2::bigint", "$3::bigint", "$4::bigint", "$5::text", "$6::text", "$7::bigint"),
)
# The statements that a transaction rests on fail where they do not hold, so that the server runs nothing after them.
STATEMENTS = {
    b"sekisho_begin": "BEGIN",
    b"sekisho_take_after": (
        f"UPDATE ledger_counter SET value = value + $1::bigint / (value = $2::bigint)::int {_COUNTED} RETURNING value"
    ),
    b"sekisho_look": _HOLDS,
    b"sekisho_hold": _HOLDS.replace("count(*)", "1 / count(*)", 1),
    b"sekisho_take": f"UPDATE ledger_counter SET value = value + $1::bigint {_COUNTED} RETURNING value",
    b"sekisho_move": f"UPDATE ledger_counter SET value = $1::bigint {_COUNTED}",
    b"sekisho_records": _numbered(_RECORDS["postgresql"]),
    b"sekisho_subjects": _numbered(_SUBJECTS["postgresql"]),
    b"sekisho_heads": _numbered(_HEADS["postgresql"]),
    b"sekisho_end": _numbered(_ENDS["postgresql"]),
    b"sekisho_commit": "COMMIT",
}
_FORMS: Final[Mapping[bytes, Sequence[int]]] = {b"sekisho_subjects": (pq.Format.TEXT, pq.Format.BINARY)}
"""Forms of the parameters of statements that do not take all of them as text.

References of a full page are a megabyte: as text they are two, which both sides spell and read byte by byte.
"""
_BYTEA: Final = 17  # OID of the type, pg_type.dat
BEGIN: Call = (b"sekisho_begin", ())
COMMIT: Call = (b"sekisho_commit", ())
_LOST: Final = "08006"  # connection_failure


class Together:
    """Sends prepared statements of one connection together.

    Parameters
    ----------
    connection:
        In a transaction or not; nothing else of it may be under way.
    statements:
        SQL by name, with ``$1`` for the first parameter.
    patience:
        Seconds after which a server that says nothing counts as gone.
    """

    def __init__(
        self, connection: psycopg.Connection[tuple[object, ...]], statements: Mapping[bytes, str], patience: float
    ) -> None:
        self._pq = connection.pgconn
        self._patience = patience
        self._under_way = 0  # how many ends of what was sent the server has not told yet
        for name, sql in statements.items():
            _checked(self._pq.prepare(name, sql.encode()))

    def send(self, calls: Sequence[Call]) -> None:
        """Send *calls*, which the server works on from now on; :meth:`run` says what came of them."""
        connection = self._pq
        if connection.pipeline_status == pq.PipelineStatus.OFF:
            connection.enter_pipeline_mode()
        for name, parameters in calls:
            connection.send_query_prepared(name, parameters, _FORMS.get(name))
        # Only after such an end does the server count the time that it hears nothing more, and lets locks go.
        connection.pipeline_sync()
        self._under_way += 1
        connection.flush()  # what the server does not take yet goes with the next

    def run(self, calls: Sequence[Call], meanwhile: Callable[[], object] = lambda: None) -> list[pq.abc.PGresult]:
        """Run *calls* in one go, after what was sent before, and return all results; after a failure none runs.

        *meanwhile* is called while the server is at it. Raises what it raises, and the driver's error of the first
        statement that failed; what came of the others is not known then, and the connection is to be given up.
        """
        connection = self._pq
        try:
            self.send(calls)
            self._send()
            meanwhile()
            results = self._results(time.monotonic() + self._patience)
        except BaseException:
            connection.finish()  # half of an answer may be under way
            raise
        connection.exit_pipeline_mode()
        return [_checked(result) for result in results]

    def _send(self) -> None:
        connection = self._pq
        if not connection.flush():
            return
        until = time.monotonic() + self._patience
        while connection.flush():
            # The server may be telling something before it has read all: then that is read first.
            if self._wait(select.POLLIN | select.POLLOUT, until) & select.POLLIN:
                connection.consume_input()

    def _wait(self, events: int, until: float) -> int:
        """Return which of *events* came. Raises ``psycopg.OperationalError`` when none has come *until* then."""
        waiting = select.poll()
        waiting.register(self._pq.socket, events)
        for _, event in waiting.poll(max(0, round(1_000 * (until - time.monotonic())))):
            return event
        raise psycopg.OperationalError("the server does not answer")

    def _results(self, until: float) -> list[pq.abc.PGresult]:
        """Return a result for each statement that was sent."""
        connection, found = self._pq, list[pq.abc.PGresult]()
        while True:
            if connection.is_busy():
                self._wait(select.POLLIN, until)
                connection.consume_input()
                continue
            result = connection.get_result()
            if result is None:
                if connection.status != pq.ConnStatus.OK:
                    raise psycopg.OperationalError("the server is gone")
                continue  # the end of one statement's results
            if result.status != pq.ExecStatus.PIPELINE_SYNC:
                found.append(result)
                continue
            self._under_way -= 1
            if not self._under_way:
                return found


def _checked(result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status in {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}:
        return result
    state = result.error_field(pq.DiagnosticField.SQLSTATE)
    raise lookup((state or _LOST.encode()).decode("ascii"))


def calls(*tables: tuple[bytes, Sequence[tuple[object, ...]]]) -> list[Call]:
    """Return what inserts rows, as arrays, by each statement; a COPY waits for the server twice for each table."""
    return [(name, _arrays(name, rows)) for name, rows in tables if rows]


def _arrays(name: bytes, rows: Sequence[tuple[object, ...]]) -> list[bytes | None]:
    columns = list(zip(*rows, strict=True))
    forms = _FORMS.get(name) or [pq.Format.TEXT] * len(columns)
    return [_array(column) if form else array(column).encode() for column, form in zip(columns, forms, strict=True)]


def _array(values: Sequence[object]) -> bytes:
    """Return an array of bytes as PostgreSQL's ``array_recv`` reads it: one dimension, no nulls, from place 1 on."""
    parts = [struct.pack(">5i", 1, 0, _BYTEA, len(values), 1)]
    for value in values:
        if not isinstance(value, bytes):
            raise TypeError("an array of bytes takes nothing else")
        parts += [struct.pack(">i", len(value)), value]
    return b"".join(parts)
