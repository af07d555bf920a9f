"""A few words that mean everything: tables and columns that share their names, in worlds nobody may tell apart.

``note`` is a masked text, a clear one or a table; ``x`` a token or a clear text. All values are texts of the same few
letters, also the raw ones and the keys of people: whatever a name is bound to, the statement runs, and a condition on
what is masked finds other rows in another world.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, DataSubjectKey, StoreKind
from tests.query.doubles import FakePeople
from tests.query.ground import Ground, GroundReference
from tests.query.postgres import database
from tests.query.reference import counted, outcome
from tests.query.retailer import agrees, number_of
from tests.query.rows import Rows

CLEAR, KEY, TOKEN, TEXT, BLANK, NUMBER = "clear", "key", "token", "text", "blank", "number"
"""What a column is for the purpose; a number is what a statement counts."""

_CLASSES = {
    CLEAR: ColumnClass.NONE, KEY: ColumnClass.DIRECT_IDENTIFIER, TOKEN: ColumnClass.LINKING_IDENTIFIER,
    TEXT: ColumnClass.FREE_TEXT, BLANK: ColumnClass.DIRECT_IDENTIFIER,
}  # fmt: skip
TABLES: dict[str, dict[str, str]] = {
    "note": {"id": KEY, "note": TEXT, "points": CLEAR, "x": TOKEN, "t": CLEAR},
    "t": {"id": KEY, "t": TEXT, "note": CLEAR, "alias": CLEAR, "points": BLANK, "x": CLEAR},
    "points": {"points": CLEAR, "note": CLEAR, "x": CLEAR, "count": CLEAR},
}
"""The tables, their columns, and what each is; the last is about nobody."""

PLACES = (*range(4), *(p for p in range(10, 30) if agrees(p, "recommendation")))[:14]
"""Whose rows there are; the first four agreed to nothing."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_COMMON = "aabbccdn"


def _dataset(table: str) -> Dataset:
    of_people = KEY in TABLES[table].values()
    columns = tuple(
        Column(name, ColumnType.STRING, _CLASSES[kind], domain="x" if kind == TOKEN else None)
        for name, kind in TABLES[table].items()
    )
    key = DataSubjectKey("id", "customer_id") if of_people else None
    return Dataset(f"shop.{table}", "shop", table, columns, key, "of_words" if of_people else None,
                   frozenset({"recommendation"}))  # fmt: skip


DATASETS = {f"shop.{table}": _dataset(table) for table in TABLES}


def rows(masked: int, keys: int) -> tuple[Rows, dict[str, int]]:
    """Return the rows of a world and its people by identifier.

    Worlds that differ in *masked* have other values in masked columns and withheld rows, of the same length, in
    another order; those that differ in *keys* know the same people under other identifiers.
    """
    seen, hidden, names = Random(1), Random(masked), Random(keys)
    ids = dict(zip(PLACES, names.sample(_LETTERS, len(PLACES)), strict=True))
    found: Rows = {}
    for table, columns in TABLES.items():
        found[f"shop.{table}"] = held = []
        places = [*PLACES, *PLACES[4:10], None] if KEY in columns.values() else [None] * 5
        for place in places:
            shown = (place is not None and place in PLACES[4:]) or KEY not in columns.values()
            row: dict[str, object] = {"place": place}
            for name, kind in columns.items():
                clear, secret = seen.choice(_COMMON), hidden.choice(_COMMON)
                token, empty = seen.choice(_LETTERS), not seen.randrange(8)
                if kind == KEY:
                    row[name] = ids.get(place) if place is not None else None
                elif kind == TOKEN:
                    row[name] = token
                elif kind == BLANK or not shown:
                    row[name] = secret
                else:
                    row[name] = None if empty else secret if kind == TEXT else clear
            held.append(row)
    return found, {ids[place]: number_of(place) for place in PLACES}


_SEVERAL = re.compile(r"(?i)(shop\..*){2}|\b(?:with|join|lateral|union|intersect|except|values)\b", re.DOTALL)


class ViewReference(GroundReference):
    """Masked copies behind views: what stands in place of a governed table has no columns of the system either."""

    def _load(self, dataset: Dataset) -> None:
        super()._load(dataset)
        shop, table = dataset.name.split(".")
        held = f"{shop}.held_{table}" if self._ground.engine is not StoreKind.SQLITE else f"held_{table}"
        for sql in (
            f"ALTER TABLE {dataset.name} RENAME TO held_{table}",
            f"CREATE VIEW {dataset.name} AS SELECT * FROM {held}",
        ):
            self._execute(sql)

    def _execute(self, sql: str) -> None:
        if self._ground.engine is StoreKind.POSTGRESQL:
            self._ground.connection.execute(sql.encode())
        elif self._ground.engine is StoreKind.DUCKDB:
            self._files.execute(sql)
        else:
            self._file.execute(sql)


_SHOWN = re.compile(r"[A-Za-z0-9_-]{43}|\[text of \d+\]")


@dataclass(frozen=True)
class Scoped:
    """A statement.

    *cut* is whether it leaves rows out of which some are alike but for tokens, keys or masked texts, *chosen* whether
    the engine chooses values that it shows.
    """

    sql: str
    cut: bool = False
    chosen: bool = False


@dataclass(frozen=True)
class Worlds:
    """A world; one that differs in what is masked or withheld; one that differs in keys; and the reference."""

    world: Ground
    masked: Ground
    keyed: Ground
    reference: ViewReference

    def told(self, asked: Scoped) -> tuple[str | None, str]:
        """Return code and text of the refusal of what is *asked*, ``None`` and nothing when it is answered.

        Fails when an answer or error is another where only masked values or withheld rows are, or other keys of the
        same people; or when an answer has other rows than the engine shows over tables filtered and masked before.
        In which order rows come counts where PostgreSQL gives it, or one table does.
        """
        sql = re.sub(r"<p(\d+)>", lambda m: self.world.pseudonym(int(m[1])), asked.sql)
        got, masked = outcome(self.world, sql), outcome(self.masked, sql)
        self._same(got, masked, cut=asked.cut, what="what is masked or withheld")
        ordered = self.world.engine is StoreKind.POSTGRESQL or not _SEVERAL.search(sql)
        assert not ordered or got == masked, "the order of rows depends on what is masked or withheld"
        if got[0] == "refused" or not asked.chosen:
            self._same(got, outcome(self.keyed, sql), cut=asked.cut, what="raw keys")
        if got[0] == "refused":
            return str(got[1]), str(got[2])
        if not (asked.cut or asked.chosen):
            try:
                expected = self.reference.rows(sql)
            except self.reference.errors:
                return None, ""
            assert counted(got[2]) == counted(expected), "an answer has other rows than masked tables"
        return None, ""

    @staticmethod
    def _same(one: tuple[Any, ...], other: tuple[Any, ...], *, cut: bool, what: str) -> None:
        assert one[:2] == other[:2], f"an answer depends on {what}"
        if one[0] == "refused":
            assert one == other, f"a refusal depends on {what}"
            return
        rows, others = (counted(_without_ties(each[2]) if cut else each[2]) for each in (one, other))
        assert rows == others, f"an answer depends on {what}"


def _without_ties(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return rows without tokens and masked texts: of rows alike in all else any may be cut."""
    return [tuple("·" if value is None or _SHOWN.fullmatch(str(value)) else value for value in row) for row in rows]


@contextmanager
def worlds(engine: StoreKind, folder: Path) -> Iterator[Worlds]:
    """Build the worlds on *engine*, in *folder* or in databases of the server."""
    with ExitStack() as stack:

        def built(name: str, masked: int, keys: int) -> Ground:
            held, people = rows(masked, keys)
            if engine is not StoreKind.POSTGRESQL:
                (folder / name).mkdir()
            place = stack.enter_context(database()) if engine is StoreKind.POSTGRESQL else folder / name
            ground = stack.enter_context(Ground(engine, DATASETS, held, place, small=True))
            ground.people = FakePeople({"customer_id": people})
            ground.gateway = replace(ground.gateway, people=ground.people)
            return ground

        first = built("first", 1, 1)
        masked, keyed = built("masked", 2, 1), built("keyed", 1, 2)
        yield Worlds(first, masked, keyed, ViewReference(first))
