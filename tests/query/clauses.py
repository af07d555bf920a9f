"""Columns, conditions and sources of generated statements; ``grammar.py`` makes statements of them."""

# ruff: noqa: D102 - each method makes what its name says

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

from sekisho.domain.access import TransformKind
from sekisho.domain.terms import ColumnType, StoreKind
from tests.query.shop import SHOP
from tests.query.world import PURPOSES, transform_of

Option = TypeVar("Option")

S, I, F, B, D, T, KEY, TEXT, BLANK = "S", "I", "F", "B", "D", "T", "key", "text", "blank"  # noqa: E741
"""Types of clear columns, and what the others are."""

_TYPES = {
    ColumnType.STRING: S, ColumnType.INTEGER: I, ColumnType.DOUBLE: F, ColumnType.BOOLEAN: B, ColumnType.DATE: D,
    ColumnType.TIMESTAMP: T,
}  # fmt: skip
LITERALS = {
    S: ("'gold'", "'Japan'", "'tea'", "'東京都'", "'***'", "''", "'view'"),
    I: ("0", "3", "10", "1990", "60"),
    F: ("0.5", "2", "3.25"),
    B: ("true", "false"),
    D: ("DATE '2015-03-01'", "DATE '2012-06-01'"),
    T: ("TIMESTAMP '2011-03-01 00:00:00'", "TIMESTAMP '2025-03-05 10:00:00'"),
}
_TOKENS = {"person": ("'<p12>'", "'<p20>'", "'<p14>'"), "invoice": ("'<invoice:MK-00004>'", "'<invoice:MK-00009>'"),
           "ticket": ("'<ticket:MK-T0016>'",), "event": ("'<event:MK-E0012>'",)}  # fmt: skip
_FORGETS = 12
"""In one of so many places any column stands."""


@dataclass(frozen=True)
class Col:
    """A column of a source: how it is written, what it is, and of which kind of key."""

    text: str
    kind: str
    domain: str = ""

    @property
    def name(self) -> str:
        """The name without its alias."""
        return self.text.rsplit(".", 1)[-1]


def _columns(table: str) -> tuple[Col, ...]:
    dataset = SHOP[table]
    found = []
    for column in dataset.columns:
        key = dataset.data_subject is not None and dataset.data_subject.column == column.name
        transform = transform_of(column, PURPOSES["recommendation"], key=key)
        kind, domain = _TYPES[column.type], ""
        if transform is TransformKind.PSEUDONYM:
            kind, domain = KEY, "person"
        elif transform is TransformKind.TOKEN:
            kind, domain = KEY, column.domain or ""
        elif transform is TransformKind.MASK_TEXT:
            kind = TEXT
        elif transform in {TransformKind.REDACT, TransformKind.WITHHOLD}:
            kind = BLANK
        elif transform is TransformKind.YEAR:
            kind = I
        elif transform is not TransformKind.CLEAR:
            kind = S
        found.append(Col(column.name, kind, domain))
    return tuple(found)


TABLES = {name: _columns(name) for name in SHOP if name not in {"shop.secrets", "shop.products"}}
PRODUCTS = _columns("shop.products")


@dataclass(frozen=True)
class Source:
    """Something in FROM: its text with its alias, and its columns behind that alias."""

    text: str
    alias: str
    columns: tuple[Col, ...]


@dataclass
class Clauses:
    """Makes the parts of one statement for one engine, of what *chance* picks."""

    chance: Random
    engine: StoreKind
    names: int = 0

    # -- choices ----------------------------------------------------------------------------------

    def pick(self, options: Sequence[Option]) -> Option:
        return self.chance.choice(options)

    def one_in(self, many: int) -> bool:
        return self.chance.randrange(many) == 0

    @property
    def lite(self) -> bool:
        return self.engine is StoreKind.SQLITE

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def spelled(self, column: Col) -> str:
        """Write a name as people and tools write it."""
        how = self.chance.randint(0, 15)
        if how == 14:
            return column.text.upper()
        return ".".join(f'"{part}"' for part in column.text.split(".")) if how == 15 else column.text

    # -- columns ----------------------------------------------------------------------------------

    def any_of(self, columns: Sequence[Col], *kinds: str, domain: str = "") -> Col | None:
        """Return a column of one of *kinds*; now and then any."""
        if self.one_in(_FORGETS):
            return self.pick(columns)
        fitting = [c for c in columns if c.kind in kinds and (not domain or c.domain == domain)]
        return self.pick(fitting) if fitting else None

    def literal(self, kind: str) -> str:
        text = self.pick(LITERALS[kind])
        return text.split(" ", 1)[1] if self.lite and kind in {D, T} else text

    def clear(self, columns: Sequence[Col], kind: str, depth: int = 1) -> str:
        """Return an expression of a clear type."""
        column = self.any_of(columns, kind)
        base = self.spelled(column) if column else self.literal(kind)
        if not depth or self.one_in(2):
            return base
        inner = self.clear(columns, kind, depth - 1)
        forms = [
            f"coalesce({inner}, {self.literal(kind)})",
            f"CASE WHEN {self.condition(columns, 0)} THEN {inner} ELSE {self.literal(kind)} END",
            f"({inner})",
            f"nullif({inner}, {self.literal(kind)})",
        ]
        if kind == S:
            forms += [f"lower({inner})", f"upper({inner})", f"{inner} || 'x'", f"substr({inner}, 1, 2)",
                      f"replace({inner}, 'a', 'o')", f"trim({inner})",
                      f"CAST({self.clear(columns, I, 0)} AS TEXT)"]  # fmt: skip
        elif kind == I:
            forms += [f"{inner} + 1", f"abs({inner})", f"-({inner})", f"{inner} * 2", f"{inner} % 7",
                      f"length({self.clear(columns, S, 0)})"]  # fmt: skip
            if self.one_in(3):  # fails on rows of people who agreed to nothing, and on no other
                text = self.clear(columns, S, 0)
                forms.append(f"CASE WHEN {text} LIKE 'NG%' THEN CAST({text} AS INT) ELSE 1 END")
        elif kind == F:
            forms += [f"{inner} * 2", f"round({inner})", f"{inner} + {self.clear(columns, I, 0)}"]
        elif kind == T and not self.lite:
            forms.append(f"date_trunc('month', {inner})")
        elif kind == B:
            forms = [f"coalesce({inner}, false)", f"NOT {inner}"]
        return self.pick(forms)

    def kinds(self, columns: Sequence[Col]) -> list[str]:
        return sorted({c.kind for c in columns if c.kind in LITERALS}) or [I]

    # -- conditions ---------------------------------------------------------------------------------

    def condition(self, columns: Sequence[Col], depth: int) -> str:
        parts = [self._test(columns, depth) for _ in range(1 + self.chance.randint(0, 2) // 2)]
        text = self.pick([" AND ", " OR "]).join(parts)
        return f"NOT ({text})" if self.one_in(8) else text

    def _test(self, columns: Sequence[Col], depth: int) -> str:
        key = self.any_of(columns, KEY)
        if key is not None and key.kind == KEY and self.one_in(3):
            return self._test_of_key(key, columns, depth)
        kind = self.pick(self.kinds(columns))
        left = self.clear(columns, kind, min(depth, 1))
        if kind == B:
            return self.pick([left, f"{left} IS NOT NULL", f"NOT {left}"])
        forms = [
            f"{left} {self.pick(['=', '<>', '<', '>=', '<='])} {self.literal(kind)}",
            f"{left} IN ({self.literal(kind)}, {self.literal(kind)})",
            f"{left} BETWEEN {self.literal(kind)} AND {self.literal(kind)}",
            f"{left} IS {self.pick(['NULL', 'NOT NULL'])}",
            f"{left} = {self.clear(columns, kind, 0)}",
            f"{left} {'IS NOT' if self.lite else 'IS DISTINCT FROM'} {self.literal(kind)}",
        ]
        if kind == S:
            forms += [f"{left} LIKE {self.pick(['%a%', 'S0%', '%', 'NG%'])!r}", f"{left} NOT LIKE 'g_ld%'"]
        masked = self.any_of(columns, TEXT)
        if masked is not None and self.one_in(5):
            forms.append(f"{masked.text} IS NOT NULL")
        if depth:
            table = self.table()
            inner = self.clear(table.columns, kind, 0)
            forms += [
                f"{left} IN (SELECT {inner} FROM {table.text})",
                f"{left} >= (SELECT min({inner}) FROM {table.text} WHERE {self.condition(table.columns, 0)})",
            ]
            if not self.lite:
                forms.append(f"{left} {self.pick(['= ANY', '>= ALL', '<> ALL'])} (SELECT {inner} FROM {table.text})")
        return self.pick(forms)

    def _test_of_key(self, key: Col, columns: Sequence[Col], depth: int) -> str:
        text, tokens = self.spelled(key), _TOKENS[key.domain]
        forms = [
            f"{text} = {self.pick(tokens)}",
            f"{text} IN ({self.pick(tokens)}, {self.pick(tokens)})",
            f"{text} <> {self.pick(tokens)}",
            f"{text} IS NOT NULL",
        ]
        table = self.table()
        other = next((c for c in table.columns if c.domain == key.domain), None)
        if depth and other is not None:
            within = f"FROM {table.text} WHERE {self.condition(table.columns, 0)}"
            forms += [
                f"{text} IN (SELECT {other.text} {within})",
                f"EXISTS (SELECT 1 {within} AND {other.text} = {text})",
                f"NOT EXISTS (SELECT 1 FROM {table.text} WHERE {other.text} = {text})",
                f"(SELECT count(*) FROM {table.text} WHERE {other.text} = {text}) > 1",
            ]
        return self.pick(forms)

    def query(
        self, given: Sequence[Source], depth: int, want: Sequence[Col] | None = None
    ) -> tuple[tuple[Col, ...], str]:
        """Return the output columns and the text of a SELECT; *want* says of which kinds the columns are."""
        raise NotImplementedError

    # -- sources --------------------------------------------------------------------------------------

    def table(self) -> Source:
        name = self.pick(sorted(TABLES))
        return self._aliased(name, TABLES[name])

    def _aliased(self, text: str, columns: Sequence[Col]) -> Source:
        alias = self.name()
        shown = text.upper() if self.one_in(20) and text in TABLES else text
        as_ = self.pick([" AS ", " "])
        return Source(f"{shown}{as_}{alias}", alias, tuple(replace(c, text=f"{alias}.{c.name}") for c in columns))

    def source(self, given: Sequence[Source], depth: int, *, governed: bool = False) -> Source:
        if governed:  # a statement reads at least one dataset
            given = [source for source in given if source.alias != "levels"]
        if given and self.one_in(2):
            chosen = self.pick(given)
            return self._aliased(chosen.alias, chosen.columns)
        if depth and self.one_in(5):
            columns, body = self.query(given, depth - 1)
            return self._aliased(f"({body})", columns)
        if self.one_in(14):
            return self._aliased("shop.products", PRODUCTS)
        if not governed and not self.lite and self.one_in(14):
            alias = self.name()
            columns = (Col(f"{alias}.country", S), Col(f"{alias}.n", I))
            return Source(
                f"(VALUES ('Japan', 1), ('gold', 10), ('tea', NULL)) AS {alias}(country, n)", alias, columns
            )
        return self.table()

    def from_(self, given: Sequence[Source], depth: int) -> tuple[str, tuple[Col, ...]]:
        first = self.source(given, depth, governed=True)
        text, columns = first.text, first.columns
        for _ in range(self.pick([0, 0, 0, 1, 1, 1, 2]) if depth else 0):
            if ", (SELECT max(points)" in text:
                break  # an ON after a comma does not see what stands before it
            text, columns = self._joined(text, columns, given, depth)
        return text, columns

    def _joined(
        self, text: str, left: tuple[Col, ...], given: Sequence[Source], depth: int
    ) -> tuple[str, tuple[Col, ...]]:
        if not self.lite and self.one_in(8):
            return self._lateral(text, left)
        right = self.source(given, depth - 1)
        both = [
            c.name for c in right.columns if sum(c.name == o.name for o in left) == 1 and c.kind in {KEY, *LITERALS}
        ]
        alike = [
            n for n in both if {(c.kind, c.domain) for c in (*left, *right.columns) if c.name == n}.__len__() == 1
        ]
        side = self.pick(["JOIN", "INNER JOIN", "LEFT JOIN", "LEFT OUTER JOIN", "RIGHT JOIN", "FULL JOIN"])
        how = self.pick(["on", "on", "on", "using", "natural", "cross", "comma"])
        if how == "natural" and "," not in text and len(both) == len(alike) == len(
            [c for c in right.columns if any(c.name == o.name for o in left)]
        ) and alike:  # fmt: skip
            return f"{text} NATURAL {side} {right.text}", self._merged(left, right.columns, alike)
        if how == "using" and alike:
            names = [self.pick(alike)]
            return f"{text} {side} {right.text} USING ({', '.join(names)})", self._merged(left, right.columns, names)
        if how == "cross" or (how == "comma" and "JOIN" not in text):
            small = self._aliased("(SELECT max(points) AS best, count(*) AS people FROM shop.customers)",
                                  (Col("best", I), Col("people", I)))  # fmt: skip
            return (
                f"{text} CROSS JOIN {small.text}" if how == "cross" else f"{text}, {small.text}",
                left + small.columns,
            )
        return f"{text} {side} {right.text} ON {self._on(left, right.columns)}", left + right.columns

    @staticmethod
    def _merged(left: tuple[Col, ...], right: tuple[Col, ...], names: Sequence[str]) -> tuple[Col, ...]:
        """Return the columns after USING; those of both sides are written without an alias."""
        merged = tuple(c for c in left if c.name in names)
        return merged + tuple(c for c in (*left, *right) if c.name not in names)

    def _on(self, left: Sequence[Col], right: Sequence[Col]) -> str:
        pairs = [(a, b) for a in left for b in right if a.kind == b.kind == KEY and a.domain == b.domain]
        if pairs and not self.one_in(6):
            a, b = self.pick(pairs)
        else:
            kind = self.pick([k for k in self.kinds(left) if k in self.kinds(right) and k != B] or [I])
            first, second = self.any_of(left, kind), self.any_of(right, kind)
            if first is None or second is None:
                return f"{self.clear(right, kind, 0)} = {self.literal(kind)}"
            a, b = first, second
        more = f" AND {self.condition(right, 0)}" if self.one_in(4) else ""
        return f"{self.spelled(a)} = {self.spelled(b)}{more}"

    def _lateral(self, text: str, left: tuple[Col, ...]) -> tuple[str, tuple[Col, ...]]:
        table = self.table()
        link = self._on(left, table.columns)
        counted = self.clear(table.columns, I, 0)
        alias = self.name()
        body = f"LATERAL (SELECT count(*) AS n, max({counted}) AS most FROM {table.text} WHERE {link}) {alias}"
        columns = (*left, Col(f"{alias}.n", I), Col(f"{alias}.most", I))
        return self.pick([f"{text} CROSS JOIN {body}", f"{text} LEFT JOIN {body} ON true"]), columns
