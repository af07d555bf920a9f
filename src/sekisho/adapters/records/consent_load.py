"""Reads the whole projection into columns of bits, in a few large pieces instead of many rows.

PostgreSQL scans the table in ranges of pages, over connections that share one snapshot, and hands over each cell
of a range as one string of fixed-width numbers, which numpy reads as it stands: no index is needed, the
server holds one range at a time, and nothing is built in Python per person. Only who agrees is read that way, with
as few expressions for each row as can be: the server's processor is what a start waits for. SQLite, which is read
inside the process, hands over rows.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql
from sqlalchemy import Connection

from sekisho.adapters.records.consent_projection import asked_again, driver
from sekisho.adapters.records.consent_view import Column
from sekisho.domain.consent import IN_FORCE
from sekisho.domain.terms import Cell

_PAGES = 4_096  # of 8 KiB, read at once: some hundred thousand rows
_OTHERS = 3  # connections besides the first
_WORTH_ANOTHER = 2  # ranges for each of them
_BLOCK = 1_000_000  # numbers of those who said no, at most, in one string
_ROWS = 100_000  # rows read at once on SQLite
_END = np.dtype([("until", ">i8"), ("number", ">i4")])  # as the server sends it
_NOBODY = np.empty(0, np.int64)
_FOR_EVER = 2**63 - 1
_YES = f"COALESCE(s.linked, s.state) IN ({', '.join(repr(state.value) for state in sorted(IN_FORCE))})"


class _Piece(NamedTuple):
    """What was read of one cell: who said yes, who of them until when, and who said no where that matters."""

    cell: Cell
    yes: NDArray[np.int64] = _NOBODY
    ending: NDArray[np.int64] = _NOBODY
    until: NDArray[np.int64] = _NOBODY
    no: NDArray[np.int64] = _NOBODY


def fill(connection: Connection, columns: Mapping[Cell, Column], people: int, now: int) -> None:
    """Fill *columns*, which are new, from the projection as the snapshot of *connection* has it.

    Bits whose time has come at *now* (microseconds) are left out.
    """
    for column in columns.values():
        column.grow(people)
    if not columns or not people:
        return
    # What is active by default is not asked again.
    again = {
        cell: seq
        for cell, seq in asked_again(connection).items()
        if Cell(cell) in columns and not columns[Cell(cell)].by_default
    }
    lock = threading.Lock()

    def take(piece: _Piece) -> None:
        column = columns.get(piece.cell)
        if column is None:
            return  # a purpose that the workspace no longer declares
        over = piece.until <= now
        with lock:
            column.fill(piece.yes, on=True)
            column.fill(piece.ending[over], on=False)
            column.fill(piece.no, on=False)
            column.expect(piece.until[~over], piece.ending[~over])

    by_default = [cell for cell, column in columns.items() if column.by_default]
    if connection.dialect.name == "postgresql":
        _Scan(connection, by_default, again).run(take)
    else:
        for piece in _from_sqlite(connection, columns, again):
            take(piece)


class _Scan:
    """One reading of ``consent_state`` on PostgreSQL, by ranges of pages."""

    def __init__(self, connection: Connection, by_default: Collection[Cell], again: Mapping[str, int]) -> None:
        self._engine = connection.engine
        self._driver = driver(connection)
        self._parameters: list[Any] = []
        yes = _YES
        if again:
            # A chain of comparisons costs half of what a join with the few rows of consent_cell would.
            cases = " ".join(["WHEN %s THEN %s"] * len(again))
            yes += f" AND COALESCE(s.linked_seq, s.seq) > CASE s.cell {cases} ELSE 0 END"
            self._parameters += [value for pair in again.items() for value in pair]
        until = "CASE WHEN s.linked IS NULL THEN LEAST(s.valid_until, s.of_age_at) ELSE s.linked_until END"
        self._agreed = (
            "SELECT s.cell, string_agg(int4send(s.number::int), ''),"
            f" string_agg(int8send({until}) || int4send(s.number::int), '') FILTER (WHERE {until} IS NOT NULL)"
            f" FROM consent_state s WHERE {yes} AND s.ctid >= %s::tid AND s.ctid < %s::tid GROUP BY s.cell"
        )
        # A no takes away only what is active by default; elsewhere nobody has to be read who did not agree.
        self._by_default = list(by_default)
        self._refused = (
            f"SELECT s.cell, string_agg(int4send(s.number::int), '') FROM consent_state s WHERE NOT ({yes})"
            f" AND s.cell = ANY(%s) GROUP BY s.cell, s.number / {_BLOCK}"
        )

    def run(self, take: Callable[[_Piece], None]) -> None:
        """Hand everything to *take*, from this thread and some others."""
        pages = self._driver.execute(
            "SELECT pg_relation_size('consent_state') / current_setting('block_size')::int"
        ).fetchone()[0]
        starts = deque(range(0, pages + 1, _PAGES))
        others = min(_OTHERS, len(starts) // _WORTH_ANOTHER)
        if not others:
            self._read_all(starts, take)
            return
        snapshot = self._driver.execute("SELECT pg_export_snapshot()").fetchone()[0]
        with ThreadPoolExecutor(others, thread_name_prefix="records-load") as pool:
            beside = [pool.submit(self._read_beside, snapshot, starts, take) for _ in range(others)]
            try:
                self._read_all(starts, take)
            finally:
                starts.clear()
            for other in beside:
                other.result()

    def _read_beside(self, snapshot: str, starts: deque[int], take: Callable[[_Piece], None]) -> None:
        _, arguments = self._engine.dialect.create_connect_args(self._engine.url)
        try:
            own = psycopg.connect(**arguments)
        except psycopg.OperationalError:
            return  # no connection to spare: the first one reads it all
        with own:
            own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            own.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
            self._read(own, starts, take)

    def _read_all(self, starts: deque[int], take: Callable[[_Piece], None]) -> None:
        if self._by_default:
            cursor = _prepared(self._driver)
            for cell, no in cursor.stream(self._refused, (*self._parameters, self._by_default)):
                take(_Piece(Cell(cell), no=_numbers(no)))
        self._read(self._driver, starts, take)

    def _read(self, connection: Any, starts: deque[int], take: Callable[[_Piece], None]) -> None:
        cursor = _prepared(connection)
        while True:
            try:
                start = starts.popleft()
            except IndexError:
                return
            cursor.execute(self._agreed, (*self._parameters, f"({start},0)", f"({start + _PAGES},0)"))
            for cell, yes, ends in cursor:
                ending = np.frombuffer(ends or b"", _END)
                until = ending["until"].astype(np.int64)
                take(_Piece(Cell(cell), _numbers(yes), ending["number"].astype(np.int64), until))


def _prepared(connection: Any) -> Any:
    for setting in ("jit = off", "max_parallel_workers_per_gather = 0", "work_mem = '64MB'"):
        connection.execute(f"SET LOCAL {setting}")
    return connection.cursor(binary=True)


def _numbers(sent: bytes) -> NDArray[np.int64]:
    return np.frombuffer(sent, ">i4").astype(np.int64)


def _from_sqlite(
    connection: Connection, columns: Mapping[Cell, Column], again: Mapping[str, int]
) -> Iterator[_Piece]:
    # MIN of SQLite is null when one of its values is.
    until = "COALESCE(MIN(s.valid_until, s.of_age_at), s.valid_until, s.of_age_at)"
    statement = (
        f"SELECT s.number, {_YES} AND COALESCE(s.linked_seq, s.seq) > ?,"
        f" COALESCE(CASE WHEN s.linked IS NULL THEN {until} ELSE s.linked_until END, {_FOR_EVER})"
        " FROM consent_state s WHERE s.cell = ?"
    )
    for cell in columns:
        rows = connection.exec_driver_sql(statement, (again.get(cell, -1), cell))
        while chunk := rows.fetchmany(_ROWS):
            numbers, yes, ends = (np.array(values, np.int64) for values in zip(*chunk, strict=True))
            agreed = yes.astype(np.bool_)
            ending = agreed & (ends != _FOR_EVER)
            yield _Piece(cell, numbers[agreed], numbers[ending], ends[ending], numbers[~agreed])
