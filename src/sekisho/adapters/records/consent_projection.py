"""The part of the projection that one transaction touches: standings, links, and the bits that follow.

Everything is read and written in sets. The transaction holds the ledger's counter row from before the first
read until its commit, so that nobody else changes a row in between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import orjson
from sqlalchemy import Connection

from sekisho.adapters.records.consent_rows import StateRow, state_row
from sekisho.domain.consent import IN_FORCE, ConsentState, Standing
from sekisho.domain.linking import Effective, Group, Link, effective, groups_of

Bit = tuple[bool, int | None]
"""Whether data may be used, and until when (microseconds), as the bitmaps hold it."""

Change = tuple[int, str, int, int | None]
"""Person, cell, 1 or 0, until: what an event does to one bit."""

Query = tuple[str, Sequence[Sequence[object]]]
"""SQL whose parameters are lists."""

Statement = tuple[Mapping[str, str], Sequence[Sequence[object]]]
"""SQL by dialect, and rows of parameters."""

Spelled = tuple[str, list[str]]
"""PostgreSQL's SQL, and arrays of parameters as text."""

_COLUMNS = ", ".join(f"s.{name}" for name in StateRow._fields)
_TEXTS = frozenset({"cell", "state", "notice_version", "linked"})
_ASKED_AGAIN: Query = ("SELECT cell, asked_again_seq FROM consent_cell", ())
_DELETE = {
    "postgresql": "DELETE FROM consent_state s USING unnest(%s::bigint[], %s::text[]) AS gone (number, cell)"
    " WHERE s.number = gone.number AND s.cell = gone.cell",
    "sqlite": "DELETE FROM consent_state WHERE number = ? AND cell = ?",
}
_SPECIAL = re.compile(r"[\\\n\r\t]")
_ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_DIGITS = int.__repr__  # refuses everything but integers
_NUMBERS = {"postgresql": "= ANY(%s::bigint[])", "sqlite": "IN (SELECT value FROM json_each(?))"}
_IN_CELLS = {
    # Exactly the pairs: the product of people and cells would be looked up one by one.
    "postgresql": "unnest(%s::bigint[], %s::text[]) AS wanted (of, within)"
    " JOIN consent_state s ON s.number = wanted.of AND s.cell = wanted.within",
    "sqlite": "consent_state s WHERE s.number IN (SELECT value FROM json_each(?))"
    " AND s.cell IN (SELECT value FROM json_each(?))",
}


def inserting(table: str, types: Mapping[str, str], conflict: str = "") -> dict[str, str]:
    """Return the statement that inserts rows into *table*, by dialect; *types* are PostgreSQL's, by column."""
    into = f"INSERT INTO {table} ({', '.join(types)})"
    arrays = ", ".join(f"%s::{kind}[]" for kind in types.values())
    return {
        "postgresql": f"{into} SELECT * FROM unnest({arrays}) {conflict}",
        "sqlite": f"{into} VALUES ({', '.join('?' * len(types))}) {conflict}",
    }


_UPSERT = inserting(
    "consent_state",
    {name: "text" if name in _TEXTS else "bigint" for name in StateRow._fields},
    "ON CONFLICT (number, cell) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in StateRow._fields[2:]),
)


class Projection:
    """A working copy of some people's rows of ``consent_state``.

    Parameters
    ----------
    connection:
        Inside the transaction that holds the counter row.
    by_default:
        Purposes that are active until somebody objects.
    """

    def __init__(self, connection: Connection, by_default: Collection[str]) -> None:
        self._connection = connection
        self._by_default = by_default
        self._standings: dict[tuple[int, str], Standing | None] = {}
        self._effective: dict[tuple[int, str], Effective | None] = {}
        self._touched: dict[tuple[int, str], None] = {}
        self._stored: set[tuple[int, str]] = set()
        self._asked_again: dict[str, int] = {}
        self.links: list[Link] = []
        self.groups: dict[int, Group] = {}

    def load(self, numbers: Collection[int]) -> None:
        """Read all rows of *numbers* and of everybody linked to them."""
        sql = f"SELECT {_COLUMNS} FROM consent_state s WHERE s.number {_NUMBERS[self._connection.dialect.name]}"
        self._load(numbers, lambda members: (sql, (sorted(members),)))

    def load_cells(self, pairs: Collection[tuple[int, str]]) -> None:
        """Read the rows of these pairs of person and cell; of linked people, in every cell that is named."""
        numbers, cells = {number for number, _ in pairs}, sorted({cell for _, cell in pairs})
        sql = f"SELECT {_COLUMNS} FROM {_IN_CELLS[self._connection.dialect.name]}"

        def query(members: Collection[int]) -> Query:
            if self._connection.dialect.name == "sqlite":
                return sql, (sorted(members), cells)
            wanted = pairs if members is numbers else [(number, cell) for number in members for cell in cells]
            wanted = sorted(wanted)  # neighbours lie together, in the index and in the table
            return sql, ([number for number, _ in wanted], [cell for _, cell in wanted])

        self._load(numbers, query)

    def standing(self, number: int, cell: str) -> Standing | None:
        """Return a person's own standing in *cell*."""
        return self._standings.get((number, cell))

    def state(self, number: int, cell: str) -> ConsentState | None:
        """Return the state that counts, time aside."""
        instead = self._effective.get((number, cell))
        if instead is not None:
            return instead.state
        held = self._standings.get((number, cell))
        return None if held is None else held.state

    def put(self, number: int, cell: str, standing: Standing | None) -> Change | None:
        """Keep a person's new standing; return what that does to the person's bit, links aside."""
        key = (number, cell)
        instead = self._effective.get(key) if self._effective else None
        before = self._bit(cell, instead or self._standings.get(key))
        self._standings[key] = standing
        self._touched[key] = None
        now = before if instead else self._bit(cell, standing)
        return None if now == before else (number, cell, int(now[0]), now[1])

    def bit(self, number: int, cell: str) -> Bit:
        """Return a person's bit in *cell*, expiry aside."""
        key = (number, cell)
        return self._bit(cell, self._effective.get(key) or self._standings.get(key))

    def _bit(self, cell: str, counts: Standing | Effective | None) -> Bit:
        if counts is None:
            return cell.partition("/")[0] in self._by_default, None
        if counts.state not in IN_FORCE:
            return False, None
        outdated = self._asked_again and counts.seq <= self._asked_again.get(cell, 0)
        if outdated and cell.partition("/")[0] not in self._by_default:
            return False, None
        return True, counts.until if isinstance(counts, Effective) else counts.holds_until()

    def settle(self, groups: Iterable[Group], cells: Iterable[str]) -> None:
        """Work out anew what counts for the members of *groups* in *cells*."""
        cells = list(cells)
        for group in groups:
            for cell in cells:
                held = {number: self._standings.get((number, cell)) for number in group.members}
                said = {number: standing for number, standing in held.items() if standing is not None}
                by_default = cell.partition("/")[0] in self._by_default
                for number, instead in effective(group, said, by_default=by_default).items():
                    key = (number, cell)
                    if self._effective.get(key) != instead:
                        self._effective[key] = instead
                        self._touched[key] = None

    def bits(self, numbers: Iterable[int], cells: Collection[str]) -> dict[tuple[int, str], Bit]:
        """Return the bits of all *numbers* in *cells*."""
        return {(number, cell): self.bit(number, cell) for number in numbers for cell in cells}

    def changes(self, before: Mapping[tuple[int, str], Bit]) -> list[Change]:
        """Return how the bits differ now from *before*, ordered by person and cell."""
        changed = []
        for (number, cell), bit in before.items():
            now = self.bit(number, cell)
            if now != bit:
                changed.append((number, cell, int(now[0]), now[1]))
        return sorted(changed, key=lambda change: change[:2])

    def cells_of(self, numbers: Collection[int]) -> list[str]:
        """Return the cells in which any of *numbers* has a row, ascending."""
        return sorted({cell for number, cell in self._standings if number in numbers})

    def relink(self, links: Sequence[Link]) -> list[Change]:
        """Replace the active links and return what that does to the bits of everybody concerned."""
        members = {number for link in (*self.links, *links) for number in link[1:]}
        cells = self.cells_of(members)
        before = self.bits(sorted(members), cells)
        self.links = list(links)
        self._regroup(members)
        self.settle({id(group): group for group in self.groups.values()}.values(), cells)
        return self.changes(before)

    def write(self, *before: Statement) -> None:
        """Write what was touched, after the statements *before*."""
        write_together(self._connection, *before, *self.changed())

    def changed(self) -> list[Statement]:
        """Return what writes all that was touched since the last call."""
        rows, gone = [], []
        for key in self._touched:
            row = state_row(*key, self._standings.get(key), self._effective.get(key))
            if row is not None:
                rows.append(row)
            elif key in self._stored:
                gone.append(key)
        self._stored.update(self._touched)
        self._touched.clear()
        statements: list[Statement] = [(_UPSERT, rows)] if rows else []
        if gone:  # the few that a link had made, for people who were never asked
            statements.append((_DELETE, gone))
        return statements

    def _load(self, numbers: Collection[int], query: Callable[[Collection[int]], Query]) -> None:
        again, links, rows = fetch_together(
            self._connection, _ASKED_AGAIN, _links(self._connection, numbers), query(numbers)
        )
        self._asked_again = dict(again)
        self._keep(rows)
        if links:
            self.links = active_links(self._connection, numbers)
            self._regroup()
            self._keep(fetch(self._connection, *query(self.groups.keys())))

    def _keep(self, rows: Iterable[Sequence[Any]]) -> None:
        for row in map(StateRow._make, rows):
            key = row[:2]
            self._stored.add(key)
            self._standings[key] = row.standing()
            if row.linked is not None:
                self._effective[key] = row.effective()

    def _regroup(self, numbers: Iterable[int] = ()) -> None:
        self.groups = groups_of(numbers, self.links)


def active_links(connection: Connection, numbers: Collection[int]) -> list[Link]:
    """Return every active link of the groups that *numbers* belong to, in order of sequence."""
    known: set[int] = set()
    found: set[Link] = set()
    new = set(numbers)
    while new:
        known |= new
        links = {Link(*row) for row in fetch(connection, *_links(connection, new))}
        found |= links
        new = {number for link in links for number in link[1:]} - known
    return sorted(found)


def asked_again(connection: Connection) -> dict[str, int]:
    """Return for each cell the sequence of the last major notice; a yes below it is outdated."""
    return dict(fetch(connection, *_ASKED_AGAIN))


def _links(connection: Connection, numbers: Collection[int]) -> Query:
    inside = _NUMBERS[connection.dialect.name]
    sql = (
        "SELECT linked_seq, one, other FROM data_subject_link"
        f" WHERE unlinked_seq IS NULL AND (one {inside} OR other {inside})"
    )
    wanted = sorted(numbers)
    return sql, (wanted, wanted)


def fetch(connection: Connection, sql: str, parameters: Sequence[Sequence[object]]) -> list[Any]:
    """Return the rows of *sql*, each of whose parameters is a list: an array, or JSON on SQLite."""
    return fetch_together(connection, (sql, parameters))[0]


def fetch_together(connection: Connection, *queries: Query) -> list[list[Any]]:
    """Return the rows of each of *queries*; PostgreSQL answers them all in one go."""
    if connection.dialect.name == "postgresql":
        own = driver(connection)
        with own.pipeline() if len(queries) > 1 else nullcontext():
            cursors = [own.execute(sql, [array(values) for values in parameters]) for sql, parameters in queries]
        return [list(cursor.fetchall()) for cursor in cursors]
    return [
        list(
            connection.exec_driver_sql(sql, tuple(orjson.dumps(list(values)).decode() for values in parameters)).all()
        )
        for sql, parameters in queries
    ]


def write_together(connection: Connection, *statements: Statement) -> None:
    """Run each statement for all of its rows; PostgreSQL, which takes them as arrays, runs them all in one go."""
    if connection.dialect.name == "postgresql":
        run_together(connection, spelled(statements))
        return
    for sql, rows in statements:
        connection.exec_driver_sql(sql["sqlite"], [tuple(row) for row in rows])


def spelled(statements: Iterable[Statement]) -> list[Spelled]:
    """Return *statements* with their rows as PostgreSQL takes them, for :func:`run_together`."""
    return [(sql["postgresql"], [array(column) for column in zip(*rows, strict=True)]) for sql, rows in statements]


def run_together(connection: Connection, statements: Iterable[Spelled]) -> None:
    """Run *statements* on PostgreSQL, all in one go."""
    own = driver(connection)
    with own.pipeline():
        for sql, arrays in statements:
            own.execute(sql, arrays)


def array(values: Sequence[object]) -> str:
    """Return *values* (texts, bytes, integers, nulls) as PostgreSQL writes an array; the driver takes much longer."""
    return "{" + ",".join(_spelled(values, "NULL", _element)) + "}"


def copy_lines(rows: Sequence[Sequence[object]]) -> bytes:
    """Return *rows* of texts, bytes, integers and nulls as PostgreSQL's COPY reads them."""
    columns = [_spelled(column, "\\N", _field) for column in zip(*rows, strict=True)]
    return "\n".join(map("\t".join, zip(*columns, strict=True))).encode()


def copied(connection: Connection, table: str, columns: Sequence[str], lines: bytes) -> None:
    """Insert *lines*, which :func:`copy_lines` made, by COPY; the driver's way, row by row, takes longer."""
    copying = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with driver(connection).cursor() as cursor, cursor.copy(copying) as copy:
        copy.write(lines)


def _spelled(values: Sequence[object], null: str, spell: Callable[[object], str]) -> list[str]:
    """Return each of *values* spelled."""
    first = values[0] if values else None
    if values.count(first) == len(values) and not isinstance(first, bool):
        return [null if first is None else spell(first)] * len(values)
    try:
        return [null if value is None else _DIGITS(value) for value in values]
    except TypeError:
        # Numbers differ from row to row, texts mostly do not.
        spelled = {value: null if value is None else spell(value) for value in set(values)}
        return [spelled[value] for value in values]


def _field(value: object) -> str:
    """Return *value* as the text format of COPY spells it."""
    if isinstance(value, str):
        return value.translate(_ESCAPED) if _SPECIAL.search(value) else value
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return _element(value)


def _element(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    raise TypeError("an array takes texts, bytes, integers and nulls")  # and nothing else becomes a null


def driver(connection: Connection) -> Any:
    """Return psycopg's own connection, inside the same transaction: arrays and COPY go past SQLAlchemy."""
    return connection.connection.driver_connection
