"""Whether an answer tells what it must not: a world, its twin, and the same people under other keys.

* the answer holds a value that nobody may see;
* the *twin* differs only in withheld rows and masked values: an answer that differs tells them;
* the *renamed* world differs only in keys and person numbers: an answer that differs, once pseudonyms and tokens
  are read back, tells something of raw keys;
* the *copy* differs in nothing: where its answer is another, too, the statement tells of chance, the clock or the
  server, and nothing that anybody withholds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.attacks.guards import Site, construct_of, lifted, site_of
from tests.attacks.silent import without
from tests.query.postgres import DirectStore, PostgresWorld, database
from tests.query.reference import leaks, plain
from tests.query.world import FIRST_ID, PEOPLE, ROWS, Rows, World, agrees, number_of, twin_rows

from sekisho.domain.row_filters import Comparison, RowFilter
from sekisho.errors import SekishoError

_LINKS = {"invoice": ("MK-", "ZKK-", 97), "ticket_id": ("MK-T", "ZKK-T", 197), "event_id": ("MK-E", "ZKK-E", 197)}
_DOMAINS = {"invoice": "invoice", "ticket": "ticket_id", "event": "event_id"}


_SEEN = {"tickets": ("channel", ("mail", "phone", "chat")), "order_lines": ("country", ("Japan", "France", "Norway"))}
FILTERS: dict[str, tuple[RowFilter, ...]] = {
    f"{store}.{table}": (Comparison(column, "in", values),)
    for table, (column, values) in _SEEN.items()
    for store in ("crm", "pos", "shop")
}
"""Row filters that let the rows of those pass who agreed, for purposes that ask no consent."""


def new_key(place: int) -> int:
    """Return the raw key of a person in the renamed world."""
    return 2 * FIRST_ID + (place * 31 + 7) % PEOPLE


def new_number(place: int) -> int:
    """Return the person number in the renamed world."""
    return 201 + (place * 37 + 5) % PEOPLE


def _renamed(column: str, value: str | None, *, back: bool = False) -> str | None:
    """Return a linking identifier of one world as the other has it."""
    if value is None:
        return None
    old, new, size = _LINKS[column]
    if not value.startswith(new if back else old):
        return value
    digits = value.removeprefix(new if back else old)
    if back:
        return f"{old}{(int(digits) - 3) * pow(10, -1, size) % size:0{len(digits)}d}"
    return f"{new}{(int(digits) * 10 + 3) % size:0{len(digits)}d}"


def differing_rows() -> Rows:
    """Return the rows of the twin, with masked texts that have nothing in common with the first ones but length."""
    rows = twin_rows()
    for name, table in rows.items():
        rows[name] = [
            row | {c: "A" * len(row[c]) for c in ("note", "body", "query_text") if row.get(c) is not None}
            if row["place"] is not None and agrees(row["place"], "recommendation")
            else row
            for row in table
        ]
    return rows


def renamed_rows() -> Rows:
    """Return :data:`ROWS` with other keys and other linking identifiers."""
    rows: Rows = {}
    for name, table in ROWS.items():
        rows[name] = []
        for row in table:
            changed = dict(row)
            if row.get("customer_id") is not None and row["place"] is not None:
                changed["customer_id"] = new_key(row["place"])
            for column in _LINKS.keys() & row.keys():
                changed[column] = _renamed(column, row[column])
            rows[name].append(changed)
    return rows


def rename(world: World) -> World:
    """Give the people of *world* the numbers of the renamed world."""
    world.people.known = {"customer_id": {str(new_key(p)): new_number(p) for p in range(PEOPLE)}}
    world.consents.members = {
        purpose: {new_number(p) for p in range(PEOPLE) if agrees(p, purpose)} for purpose in world.consents.members
    }
    return world


Outcome = SekishoError | list[tuple[object, ...]]
"""What a requester gets: a refusal, or rows."""


@dataclass(frozen=True)
class Told:
    """What one statement told: why it is a leak, or the refusal, or neither (a clean answer)."""

    leak: str | None = None
    refusal: str | None = None
    site: Site | None = None


@dataclass(frozen=True)
class Witness:
    """The four worlds of one engine.

    Unless *ordered*, the order of rows does not count: PostgreSQL chooses it with the plan.
    """

    world: World
    twin: World
    renamed: World
    copy: World
    ordered: bool = True

    def told(self, sql: str, *parameters: object, purpose: str = "recommendation") -> Told:
        """Return what *sql* tells."""
        for each in (self.world, self.twin, self.renamed, self.copy):
            each.gateway.statements._known.clear()
            each.policy.filters = FILTERS if purpose == "fraud" else {}
        first, other, third = (
            self._outcome(each, sql, parameters, purpose) for each in (self.world, self.twin, self.renamed)
        )
        told = self._compared(sql, first, other, third)
        if told.leak in {None, "a value"}:
            return told
        again = self._outcome(self.copy, sql, parameters, purpose)
        if isinstance(first, SekishoError) or isinstance(again, SekishoError):
            return told if str(first) == str(again) else Told()
        return told if _counted(first) == _counted(again) else Told()

    def _compared(self, sql: str, first: Outcome, other: Outcome, third: Outcome) -> Told:
        if isinstance(first, SekishoError) and isinstance(other, SekishoError) and isinstance(third, SekishoError):
            if str(first) == str(other):
                return Told(refusal=str(first), site=site_of(first))
            return Told("the text of a refusal")
        if any(isinstance(each, SekishoError) for each in (first, other)):
            return Told("whether it is answered")
        assert not isinstance(first, SekishoError)
        assert not isinstance(other, SekishoError)
        if leaks(first):
            return Told("a value")
        if _counted(first) != _counted(other):
            return Told("the rows")
        if self.ordered and "order by" in sql.lower() and first != other:
            return Told("the order of rows")
        if isinstance(third, SekishoError):
            return Told("whether it is answered, by keys")
        if _counted(self._read_back(self.world, first)) != _counted(self._read_back(self.renamed, third)):
            return Told("raw keys")
        return Told()

    def _outcome(self, world: World, sql: str, parameters: tuple[object, ...], purpose: str) -> Outcome:
        if world is self.renamed:
            sql = self._fill(world, sql, {p: new_number(p) for p in range(PEOPLE)})
        else:
            sql = self._fill(world, sql, {p: number_of(p) for p in range(PEOPLE)})
        try:
            answer = world.ask(sql, *parameters, purpose=purpose)
        except SekishoError as refusal:
            return refusal
        return [tuple(plain(value) for value in row) for row in answer.rows]

    def _fill(self, world: World, sql: str, numbers: dict[int, int]) -> str:
        if "<" not in sql:
            return sql
        keyed = world.keyed()

        def token(found: re.Match[str]) -> str:
            raw = found[2]
            if world is self.renamed:
                raw = str(_renamed(_DOMAINS[found[1]], raw))
            return keyed.tokens(found[1]).encode_one(raw)

        sql = re.sub(r"<p(\d+)>", lambda m: str(keyed.pseudonyms.encode(_array(numbers[int(m[1])]))[0]), sql)
        return re.sub(r"<(invoice|ticket|event):([^>]+)>", token, sql)

    def _read_back(self, world: World, rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
        """Return *rows* with every pseudonym and token of this requester as the person or the first world's key."""
        keyed = world.keyed()
        places = {(new_number if world is self.renamed else number_of)(p): p for p in range(PEOPLE)}

        def read(value: object) -> object:
            if not isinstance(value, str):
                return value
            number = keyed.pseudonyms.decode(value) if len(value) == 32 else None
            if number is not None:
                return ("person", places.get(number, "nobody"))
            for domain, column in _DOMAINS.items():
                raw = keyed.tokens(domain).decode(value) if len(value) > 20 else None
                if raw is not None:
                    return (column, _renamed(column, raw, back=True) if world is self.renamed else raw)
            return value

        return [tuple(read(value) for value in row) for row in rows]

    def peel(self, sql: str, *, most: int = 8) -> Peeled:
        """Take away one guard after another until *sql* leaks, or there is none that can be taken away."""
        sites: list[Site] = []
        silent: list[str] = []
        first = ""
        told = Told()
        while len(sites) + len(silent) <= most:
            try:
                with lifted(sites), without(*silent):
                    told = self.told(sql)
            except Exception as fault:  # noqa: BLE001 - the program was taken apart: anything may follow
                told = Told(refusal=type(fault).__name__)
                break
            first = first or told.refusal or ""
            if told.leak:
                break
            if told.site is None:
                if told.refusal or "mask at the scan" in silent or not sites:
                    break
                silent.append("mask at the scan")
            elif told.site.guard == "tokens" and "tokens" not in silent:
                silent.append("tokens")
            elif told.site in sites:
                break
            else:
                sites.append(told.site)
        guards = dict.fromkeys([*(site.guard for site in sites), *silent])
        return Peeled(tuple(guards), told, construct_of(first))


@dataclass(frozen=True)
class Peeled:
    """The guards that were taken away, what the statement told then, and what its first refusal named."""

    guards: tuple[str, ...]
    told: Told
    construct: str


def _array(number: int) -> Any:
    import numpy as np

    return np.array([number])


def _counted(rows: Sequence[tuple[object, ...]]) -> Counter[str]:
    return Counter(map(repr, rows))


@contextmanager
def embedded(folder: Path) -> Iterator[Witness]:
    """The worlds in SQLite and DuckDB."""
    with ExitStack() as stack:
        worlds: list[World] = []
        for name, rows in (("world", ROWS), ("twin", differing_rows()), ("renamed", renamed_rows()), ("copy", ROWS)):
            (folder / name).mkdir()
            worlds.append(stack.enter_context(World(folder / name, rows)))
        rename(worlds[2])
        yield Witness(worlds[0], worlds[1], worlds[2], worlds[3])


@contextmanager
def in_postgres() -> Iterator[Witness]:
    """The worlds in PostgreSQL."""
    with ExitStack() as stack:
        worlds: list[World] = [
            stack.enter_context(PostgresWorld(stack.enter_context(database()), rows))
            for rows in (ROWS, differing_rows(), renamed_rows(), ROWS)
        ]
        rename(worlds[2])
        yield Witness(worlds[0], worlds[1], worlds[2], worlds[3], ordered=False)


__all__ = ["DirectStore", "Told", "Witness", "embedded", "in_postgres"]
