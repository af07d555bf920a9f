"""Statements from a grammar over the shop, for each engine: a Hypothesis strategy.

The grammar knows what a column is for the purpose (``Sort``) and puts it where it may stand: keys into equality, masked
texts into the select list, clear values anywhere. Now and then it forgets, and any column stands in any position: such
a statement must be refused, or answered from masks alone. No answer depends on the order of rows: what cuts, orders
by all that it shows, and windows treat equal rows alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

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
_LITERALS = {
    S: ("'gold'", "'Japan'", "'tea'", "'東京都'", "'***'", "''", "'view'"),
    I: ("0", "3", "10", "1990", "60"),
    F: ("0.5", "2", "3.25"),
    B: ("true", "false"),
    D: ("DATE '2015-03-01'", "DATE '2012-06-01'"),
    T: ("TIMESTAMP '2011-03-01 00:00:00'", "TIMESTAMP '2025-03-05 10:00:00'"),
}
_TOKENS = {"person": ("'<p12>'", "'<p20>'", "'<p14>'"), "invoice": ("'<invoice:MK-00004>'", "'<invoice:MK-00009>'"),
           "ticket": ("'<ticket:MK-T0016>'",), "event": ("'<event:MK-E0012>'",)}  # fmt: skip
_FORGETS = 25
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
class Maker:
    """Makes the parts of one statement for one engine."""

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
        text = self.pick(_LITERALS[kind])
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
                      f"replace({inner}, 'a', 'o')", f"trim({inner})", f"CAST({self.clear(columns, I, 0)} AS TEXT)"]  # fmt: skip
        elif kind == I:
            forms += [f"{inner} + 1", f"abs({inner})", f"-({inner})", f"{inner} * 2", f"{inner} % 7",
                      f"length({self.clear(columns, S, 0)})"]  # fmt: skip
        elif kind == F:
            forms += [f"{inner} * 2", f"round({inner})", f"{inner} + {self.clear(columns, I, 0)}"]
        elif kind == T and not self.lite:
            forms.append(f"date_trunc('month', {inner})")
        elif kind == B:
            forms = [f"coalesce({inner}, false)", f"NOT {inner}"]
        return self.pick(forms)

    def kinds(self, columns: Sequence[Col]) -> list[str]:
        return sorted({c.kind for c in columns if c.kind in _LITERALS}) or [I]

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
            return Source(f"(VALUES ('Japan', 1), ('gold', 10), ('tea', NULL)) AS {alias}(country, n)", alias, columns)
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
        both = [c.name for c in right.columns if sum(c.name == o.name for o in left) == 1 and c.kind in {KEY, *_LITERALS}]
        alike = [n for n in both if {(c.kind, c.domain) for c in (*left, *right.columns) if c.name == n}.__len__() == 1]
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
            return f"{text} CROSS JOIN {small.text}" if how == "cross" else f"{text}, {small.text}", left + small.columns
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

    # -- queries --------------------------------------------------------------------------------------

    def query(
        self, given: Sequence[Source], depth: int, want: Sequence[Col] | None = None
    ) -> tuple[tuple[Col, ...], str]:
        """Return the output columns and the text of a SELECT; *want* says of which kinds the columns are."""
        from_, columns = self.from_(given, depth)
        where = f" WHERE {self.condition(columns, depth)}" if self.one_in(2) else ""
        if want is not None:
            shown = [self._wanted(columns, w) for w in want]
            outputs = tuple(replace(w, text=f"c{n}") for n, w in enumerate(want))
            listed = ", ".join(f"{text} AS c{n}" for n, text in enumerate(shown))
            return outputs, f"SELECT {listed} FROM {from_}{where}"
        how = self.pick(["rows", "rows", "grouped", "grouped", "one", "distinct", "windows", "first", "star"])
        make = {"rows": self._rows, "grouped": self._grouped, "one": self._one, "distinct": self._distinct,
                "windows": self._windows, "first": self._first, "star": self._star}[how]  # fmt: skip
        return make(columns, from_, where, depth)

    def _wanted(self, columns: Sequence[Col], want: Col) -> str:
        if want.kind == KEY:
            found = self.any_of(columns, KEY, domain=want.domain)
            return found.text if found is not None else "NULL"
        return self.clear(columns, want.kind)

    def _shown(self, columns: Sequence[Col], *, width: int = 3, texts: bool = True) -> list[Col]:
        """Return output expressions as columns: their text is the expression."""
        found = []
        for _ in range(self.chance.randint(1, width)):
            kind = self.pick(["key", "clear", "clear", "clear", "text" if texts else "clear"])
            column = self.any_of(columns, *{"key": (KEY,), "text": (TEXT, BLANK), "clear": ()}[kind]) if kind != "clear" else None
            if column is None:
                of = self.pick(self.kinds(columns))
                found.append(Col(self.clear(columns, of), of))
            else:
                found.append(replace(column, text=self.spelled(column)))
        return found

    @staticmethod
    def _listed(shown: Sequence[Col]) -> tuple[tuple[Col, ...], str]:
        outputs = tuple(replace(c, text=f"c{n}") for n, c in enumerate(shown))
        return outputs, ", ".join(f"{c.text} AS c{n}" for n, c in enumerate(shown))

    def _rows(self, columns: Sequence[Col], from_: str, where: str, depth: int) -> tuple[tuple[Col, ...], str]:
        shown = self._shown(columns)
        if depth and self.one_in(5):
            table = self.table()
            key = self.any_of(columns, KEY, domain="person")
            if key is not None and key.domain == "person":
                shown.append(Col(f"(SELECT count(*) FROM {table.text} WHERE {table.alias}.customer_id = {key.text})", I))
        outputs, listed = self._listed(shown)
        sql = f"SELECT {listed} FROM {from_}{where}"
        clear = [n for n, c in enumerate(outputs) if c.kind in _LITERALS]
        if len(clear) == len(outputs) and self.one_in(3):
            sql += f" ORDER BY {', '.join(str(n + 1) for n in clear)} LIMIT {self.pick([1, 3, 7])}"
            sql += f" OFFSET {self.pick([1, 4])}" if self.one_in(2) else ""
        elif clear and depth and self.one_in(3):
            place = self.pick(clear)
            sql += " ORDER BY " + self.pick([f"c{place}", str(place + 1), f"c{place} DESC NULLS LAST"])
        return outputs, sql

    def _star(self, columns: Sequence[Col], from_: str, where: str, _depth: int) -> tuple[tuple[Col, ...], str]:
        qualified = sorted({c.text.split(".")[0] for c in columns if "." in c.text})
        if not qualified or "USING" in from_ or "NATURAL" in from_:
            return self._rows(columns, from_, where, 0)
        alias = self.pick(qualified)
        own = tuple(replace(c, text=c.name) for c in columns if c.text.startswith(f"{alias}."))
        if self.one_in(25):
            return (Col("c0", BLANK),), f"SELECT {alias} AS c0 FROM {from_}{where}"  # the whole row: refused
        return own, f"SELECT {alias}.* FROM {from_}{where}"

    def _distinct(self, columns: Sequence[Col], from_: str, where: str, _depth: int) -> tuple[tuple[Col, ...], str]:
        outputs, listed = self._listed(self._shown(columns, texts=False))
        return outputs, f"SELECT DISTINCT {listed} FROM {from_}{where}"

    def _first(self, columns: Sequence[Col], from_: str, where: str, _depth: int) -> tuple[tuple[Col, ...], str]:
        key = self.any_of(columns, KEY)
        if self.lite or key is None:
            return self._distinct(columns, from_, where, 0)
        kinds = [self.pick(self.kinds(columns)) for _ in range(self.chance.randint(1, 2))]
        shown = [key, *(Col(self.clear(columns, kind), kind) for kind in kinds)]
        outputs, listed = self._listed(shown)
        order = ", ".join(["1", *(f"{n} {self.pick(['', 'DESC'])}" for n in range(2, len(shown) + 1))])
        return outputs, f"SELECT DISTINCT ON ({self.pick([key.text, '1', 'c0'])}) {listed} FROM {from_}{where} ORDER BY {order}"

    def aggregate(self, columns: Sequence[Col]) -> Col:
        kind = self.pick([k for k in self.kinds(columns) if k != B] or [I])
        value = self.clear(columns, kind, 0)
        key = self.any_of(columns, KEY)
        forms = [Col("count(*)", I), Col(f"count({value})", I), Col(f"count(DISTINCT {value})", I),
                 Col(f"min({value})", kind), Col(f"max({value})", kind)]  # fmt: skip
        if kind in {I, F}:
            forms += [Col(f"sum({value})", F), Col(f"avg({value})", F)]
        if key is not None:
            forms += [Col(f"count(DISTINCT {key.text})", I), Col(f"count({key.text})", I)]
        if kind == S and not self.lite:
            forms.append(Col(f"string_agg({value}, ',' ORDER BY {value})", S))
        chosen = self.pick(forms)
        if self.one_in(6):
            return replace(chosen, text=f"{chosen.text} FILTER (WHERE {self.condition(columns, 0)})")
        return chosen

    def _one(self, columns: Sequence[Col], from_: str, where: str, _depth: int) -> tuple[tuple[Col, ...], str]:
        outputs, listed = self._listed([self.aggregate(columns) for _ in range(self.chance.randint(1, 3))])
        return outputs, f"SELECT {listed} FROM {from_}{where}"

    def _grouped(self, columns: Sequence[Col], from_: str, where: str, _depth: int) -> tuple[tuple[Col, ...], str]:
        keys: list[Col] = []
        for _ in range(self.chance.randint(1, 2)):
            kind = self.pick(self.kinds(columns))
            key = self.any_of(columns, KEY) if self.one_in(2) else None
            keys.append(key or self.any_of(columns, kind) or Col(self.clear(columns, kind), kind))
        keys = list(dict.fromkeys(keys))
        blank = self.any_of(columns, BLANK)
        if blank is not None and self.one_in(6):
            keys.append(blank)
        aggregates = [self.aggregate(columns) for _ in range(self.chance.randint(1, 2))]
        outputs, listed = self._listed([*keys, *aggregates])
        sets = not self.lite and blank not in keys and all(c.text.replace(".", "").isidentifier() for c in keys)
        plain = ", ".join(self.pick([c.text, str(n + 1)]) for n, c in enumerate(keys))
        written = ", ".join(c.text for c in keys)
        group = self.pick([f"ROLLUP ({written})", f"CUBE ({written})", f"GROUPING SETS (({written}), ())"]) if (
            sets and self.one_in(3)
        ) else plain  # fmt: skip
        sql = f"SELECT {listed} FROM {from_}{where} GROUP BY {group}"
        if self.one_in(4):
            sql += f" HAVING {self.pick(['count(*) > 1', 'count(*) < 5'])}"
        return outputs, sql

    def _windows(self, columns: Sequence[Col], from_: str, where: str, _depth: int) -> tuple[tuple[Col, ...], str]:
        kind = self.pick([k for k in self.kinds(columns) if k != B] or [I])
        order = self.any_of(columns, kind)
        key = self.any_of(columns, KEY, kind)
        by = order.text if order is not None else self.clear(columns, kind, 0)
        over = " ".join(
            [f"PARTITION BY {key.text}" if key is not None and self.one_in(2) else "",
             f"ORDER BY {by} {self.pick(['', 'DESC', 'DESC NULLS LAST'])}"]
        ).strip()  # fmt: skip
        call, of = self.pick([("rank()", I), ("dense_rank()", I), ("count(*)", I), ("percent_rank()", F), (f"min({by})", kind),
                              (f"sum({self.clear(columns, I, 0)})", F), (f"first_value({by})", kind), ("cume_dist()", F)])  # fmt: skip
        shown = self._shown(columns, width=2)
        if not self.one_in(4):
            outputs, listed = self._listed([*shown, Col(f"{call} OVER ({over})", of)])
            sql = f"SELECT {listed} FROM {from_}{where}"
            if self.engine is StoreKind.DUCKDB and self.one_in(3):
                sql += f" QUALIFY rank() OVER ({over}) <= 2"
            return outputs, sql
        outputs, listed = self._listed([*shown, Col(f"{call} OVER w", of)])
        return outputs, f"SELECT {listed} FROM {from_}{where} WINDOW w AS ({over})"

    # -- statements -----------------------------------------------------------------------------------

    def statement(self) -> str:
        how = self.pick(["plain"] * 5 + ["with", "with", "recursive", "set", "set"])
        if how == "set":
            return self._set_operation()
        if how == "recursive":
            top = self.pick([3, 12])
            given = Source("n", "levels", (Col("i", I),))
            body = self.query((given,), 1)[1]
            return f"WITH RECURSIVE levels(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM levels WHERE i < {top}) {body}"
        if how == "with":
            # Named like a dataset's table, now and then: the name shadows nothing that has a store before it.
            name = self.pick(["w1", "customers", "events"])
            columns, body = self.query((), 1)
            outer = self.query((Source(name, name, columns),), 1)[1]
            hint = "MATERIALIZED " if self.one_in(6) else ""
            return f"WITH {name} AS {hint}({body}) {outer}"
        return self.query((), 2)[1]

    def _set_operation(self) -> str:
        kinds = [Col("", KEY, "person"), Col("", S), Col("", I)]
        want = [self.pick(kinds) for _ in range(self.chance.randint(1, 2))]
        parts = [self.query((), 0, want)[1] for _ in range(self.pick([2, 2, 3]))]
        operators = [self.pick(["UNION ALL", "UNION", "INTERSECT", "EXCEPT"]) for _ in parts[1:]]
        sql = parts[0] + "".join(f" {op} {part}" for op, part in zip(operators, parts[1:], strict=True))
        clear = [n for n, c in enumerate(want, start=1) if c.kind != KEY]
        if len(clear) == len(want) and self.one_in(3):
            sql += f" ORDER BY {', '.join(map(str, clear))} LIMIT 5"
        elif self.one_in(4):
            return f"SELECT count(*) AS n FROM ({sql}) AS s"
        return sql


@st.composite
def statements(draw: DrawFn, engine: StoreKind) -> str:
    """A statement about the shop in the words of *engine*."""
    return Maker(draw(st.randoms(use_true_random=True)), engine).statement()
