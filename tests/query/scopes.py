"""Statements whose names collide, in scopes within scopes: a Hypothesis strategy.

It knows what a name should denote, so that most statements are ones that could be answered; now and then it writes
another.
"""

# ruff: noqa: D102 - each method makes what its name says

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from sekisho.domain.terms import StoreKind
from tests.query.naming import FORGETS, PLAIN, WORDS, Col, Naming, Scope, Source
from tests.query.words import BLANK, CLEAR, KEY, NUMBER, TABLES, TEXT, TOKEN, Scoped


@dataclass
class Scopes(Naming):
    """Makes one statement for one engine."""

    # -- sources ----------------------------------------------------------------------------------------

    def from_(self, scope: Scope, depth: int) -> str:
        text = self.source(scope, depth)
        for _ in range(self.pick((0, 0, 0, 1, 1, 2)) if depth else 0):
            text = self.joined(text, scope, depth)
        return text

    def source(self, scope: Scope, depth: int) -> str:
        """Add a source to *scope* and return its text."""
        taken = [source.alias for source in scope.sources]
        alias = self.word(taken)
        if alias == "alias" and self.engine is StoreKind.DUCKDB and not self.one_in(8):
            alias = "x" if "x" not in taken else "y"  # DuckDB has a word of its own there
        if scope.ctes and self.one_in(2):
            name = self.pick(sorted(scope.ctes))
            columns = scope.ctes[name]
            if self.one_in(3) and name not in taken:
                scope.sources.append(Source(name, columns))
                return self.spelled(name)
            scope.sources.append(Source(alias, columns))
            return f"{self.spelled(name)} AS {self.spelled(alias)}"
        if depth and self.one_in(3):
            columns, sql = self.query(Scope(scope.ctes), depth - 1)
        elif depth and not self.lite and scope.sources and self.one_in(6):
            columns, sql = self.query(Scope(scope.ctes, tuple(scope.sources)), 0)
            scope.sources.append(Source(alias, columns))
            return f"LATERAL ({sql}) AS {self.spelled(alias)}"
        elif not self.lite and self.one_in(14):
            names = (self.word(), self.pick(("v", "w")))
            scope.sources.append(Source(alias, (Col(names[0], CLEAR), Col(names[1], CLEAR))))
            listed = ", ".join(map(self.spelled, names))
            return f"(VALUES ('a', 'b'), ('c', NULL)) AS {self.spelled(alias)}({listed})"
        else:
            table = self.pick(sorted(TABLES))
            columns = tuple(Col(name, kind) for name, kind in TABLES[table].items())
            if self.one_in(3) and table not in taken:
                scope.sources.append(Source(table, columns))
                return f"shop.{table}"
            scope.sources.append(Source(alias, columns))
            return f"shop.{table} {self.pick(['AS ', ''])}{self.quoted(alias)}"
        renamed = ""
        if not self.lite and columns and self.one_in(6):
            columns = self.renamed(columns)
            renamed = f"({', '.join(self.spelled(c.name) for c in columns)})"
        scope.sources.append(Source(alias, columns))
        return f"({sql}) AS {self.spelled(alias)}{renamed}"

    def quoted(self, alias: str) -> str:
        """Write an alias that may stand without AS: what is no word of ours is quoted."""
        return self.spelled(alias) if alias in WORDS else f'"{alias}"'

    def renamed(self, columns: Sequence[Col]) -> tuple[Col, ...]:
        names: list[str] = []
        for _ in columns:
            names.append(self.word(names))
        return tuple(replace(c, name=n) for c, n in zip(columns, names, strict=True))

    def joined(self, text: str, scope: Scope, depth: int) -> str:
        left = list(scope.sources)
        right = self.source(scope, depth - 1)
        added = scope.sources[-1]
        side = self.pick(["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        if right.startswith("LATERAL"):
            return f"{text}{self.pick([' CROSS JOIN ', ', '])}{right}"
        before = [c for source in left for c in source.columns]
        times = {c.name: sum(c.name == o.name for o in before) for c in before}
        both = [c for c in added.columns if c.name and times.get(c.name) == 1]
        alike = [c for c in both if c in before and c.kind in {KEY, CLEAR, TOKEN}]
        how = self.pick(["on", "on", "using", "using", "natural", "comma", "cross"])
        if how == "using" and both and (alike or self.one_in(4)):
            merged = [self.pick(both if self.one_in(FORGETS) or not alike else alike)]
            self.merge(scope, merged)
            return f"{text} {side} {right} USING ({', '.join(self.spelled(c.name) for c in merged)})"
        if how == "natural" and both and (both == alike or self.one_in(8)):
            self.merge(scope, both)
            return f"{text} NATURAL {side} {right}"
        if how in {"comma", "cross"} and len(left) < 2:
            return f"{text}{', ' if how == 'comma' else ' CROSS JOIN '}{right}"
        keys = [any(c.kind == KEY for s in part for c in s.columns) for part in (left, [added])]
        kind = KEY if all(keys) and not self.one_in(3) else CLEAR
        sides = [self.ref(scope, kind, only=part) or "NULL" for part in (left, [added])]
        return f"{text} {side} {right} ON {sides[0]} = {sides[1]}"

    @staticmethod
    def merge(scope: Scope, merged: Sequence[Col]) -> None:
        names = {c.name for c in merged}
        scope.sources[:] = [Source("", tuple(merged))] + [
            replace(s, columns=tuple(c for c in s.columns if c.name not in names)) for s in scope.sources
        ]

    # -- queries ----------------------------------------------------------------------------------------

    def query(self, scope: Scope, depth: int, want: Sequence[str] = ()) -> tuple[tuple[Col, ...], str]:
        """Return output columns and text of a query; *want* says what its columns are to be."""
        if depth and self.one_in(6):
            return self.with_(scope, depth, want)
        if depth and self.one_in(6):
            return self.set_operation(scope, depth, want)
        return self.select(scope, depth, want)

    def with_(self, scope: Scope, depth: int, want: Sequence[str]) -> tuple[tuple[Col, ...], str]:
        ctes, parts, recursive = dict(scope.ctes), [], ""
        for _ in range(self.pick((1, 1, 2))):
            name = self.pick(WORDS) if self.one_in(FORGETS) else self.word([*ctes, *scope.ctes])
            steps = self.one_in(5)
            if steps:
                columns, sql = self.recursion(name)
                recursive = "RECURSIVE "
            else:
                columns, sql = self.query(Scope(ctes, scope.around), depth - 1)
            listed = ""
            if columns and (steps or self.one_in(5)):
                columns = columns if steps else self.renamed(columns)
                listed = f"({', '.join(self.spelled(c.name) for c in columns)})"
            ctes[name] = columns
            parts.append(f"{self.spelled(name)}{listed} AS ({sql})")
        columns, sql = self.query(replace(scope, ctes=ctes), depth - 1, want)
        return columns, f"WITH {recursive}{', '.join(parts)} {sql}"

    def recursion(self, name: str) -> tuple[tuple[Col, ...], str]:
        """Return columns and text of a recursive WITH: a step, and what is handed on."""
        step, held = self.pick((("step", "x"), ("step", "note"), ("x", "id")))
        kind = self.pick((CLEAR, KEY))
        columns = (Col(step, NUMBER), Col(held, kind))
        anchor, branch = Scope({}), Scope({})
        from_ = self.from_(anchor, 0)
        start = (self.ref(anchor, kind) or "NULL") if not self.one_in(8) else "NULL"
        branch.sources.append(Source(name, columns))
        joined = f", {self.source(branch, 0)}" if self.one_in(2) else ""
        handed = self.ref(branch, kind) or f"{self.spelled(name)}.{held}"
        me = self.spelled(name)
        return columns, (
            f"SELECT 'r', {start} FROM {from_} UNION ALL"
            f" SELECT {me}.{step} || 'r', {handed} FROM {me}{joined} WHERE {me}.{step} < 'rr'"
        )

    def set_operation(self, scope: Scope, depth: int, want: Sequence[str]) -> tuple[tuple[Col, ...], str]:
        want = want or tuple(self.pick((CLEAR, CLEAR, KEY)) for _ in range(self.pick((1, 2, 2))))
        columns, sql = self.select(scope, depth - 1, want)
        for _ in range(self.pick((1, 1, 2))):
            operator = self.pick(["UNION ALL", "UNION", "INTERSECT", "EXCEPT"])
            other = Scope(scope.ctes, scope.around)
            sql += f" {operator} {self.select(other, depth - 1, want)[1]}"
        if all(c.kind == CLEAR for c in columns) and self.one_in(2):
            by = self.pick([str(len(columns)), self.spelled(columns[-1].name or "column1")])
            sql += f" ORDER BY {by}{''.join(f', {n}' for n in range(1, len(columns)))}{self.pick(['', ' LIMIT 3'])}"
        return columns, sql

    def select(self, scope: Scope, depth: int, want: Sequence[str]) -> tuple[tuple[Col, ...], str]:
        scope = Scope(scope.ctes, scope.around)  # sources of its own
        from_ = self.from_(scope, depth)
        how = "rows" if want else self.pick(["rows"] * 4 + ["star"] * 2 + ["grouped"] * 3 + ["distinct", "window"])
        if how == "star":
            return self.star(scope, from_)
        if how == "grouped":
            return self.grouped(scope, from_)
        wanted = want or [
            self.pick((CLEAR, CLEAR, CLEAR, KEY, TOKEN) + ((TEXT,) * 2 if how == "rows" else ()))
            for _ in range(self.pick((1, 2, 2, 3)))
        ]
        over, qualify = self.window(scope) if how == "window" else "", ""
        columns, listed = self.listed(scope, wanted, [(over, NUMBER)] if over else ())
        if over and self.engine is not StoreKind.POSTGRESQL and self.one_in(2 if not self.lite else 4):
            tested = self.condition(self.named(scope, columns[:-1]), 0)
            qualify = f" QUALIFY {self.pick([f'{over} < 3', tested])}"
        where = self.where(scope, columns) if self.one_in(2) else ""
        distinct = "DISTINCT " if how == "distinct" else ""
        order = self.order(scope, columns, last=depth > 1) if not want and self.one_in(2) else ""
        return columns, f"SELECT {distinct}{listed} FROM {from_}{where}{qualify}{order}"

    def shown(self, scope: Scope, kind: str) -> str:
        if kind == CLEAR:
            return self.value(scope)
        found = self.ref(scope, kind, *([BLANK] if kind == TEXT else [])) or "NULL"
        return f"({found})" if self.one_in(2) else found

    def listed(
        self, scope: Scope, kinds: Sequence[str], more: Sequence[tuple[str, str]] = ()
    ) -> tuple[tuple[Col, ...], str]:
        """Return columns of *kinds*, and *more* of them by text and kind, with names for most."""
        columns: list[Col] = []
        parts: list[str] = []
        for kind in kinds:
            seen = replace(scope, outputs=tuple(columns)) if self.engine is StoreKind.DUCKDB else scope
            self.add(columns, parts, self.shown(seen, kind), kind, scope)
        for text, kind in more:
            self.add(columns, parts, text, kind, scope)
        return tuple(columns), ", ".join(parts)

    def add(self, columns: list[Col], parts: list[str], text: str, kind: str, scope: Scope) -> None:
        """Name what is shown: by any word, by what the gateway calls another, by a source or a column of USING."""
        bare, names = text.rsplit(".", 1)[-1].strip('"').lower(), [c.name for c in columns]
        if bare not in names and self.one_in(2 if text.startswith("(") else 5):
            columns.append(Col(bare if PLAIN.fullmatch(bare) else "", kind))
            parts.append(text)
            return
        made_up = [f"column{place}" for place, column in enumerate(columns, 1) if not column.name]
        near = [c for s in scope.sources if not s.alias for c in s.columns]
        if not near and kind not in {CLEAR, NUMBER}:  # what else is called like a clear column
            near = [c for s in scope.sources for c in s.columns if c.kind == CLEAR]
        other = [s.alias for s in scope.sources if s.alias] if self.one_in(8) else [c.name for c in near]
        other = [name for name in other if name and name not in names]
        name = self.pick(made_up) if made_up and self.one_in(2) else ""
        name = name or (self.pick(other) if other and self.one_in(2) else self.word(names))
        columns.append(Col(name, kind))
        parts.append(f"{text} AS {self.spelled(name)}")

    def named(self, scope: Scope, columns: Sequence[Col]) -> Scope:
        """Return *scope* where output columns may be named, in engines that know them there."""
        return scope if self.engine is StoreKind.POSTGRESQL else replace(scope, outputs=tuple(columns))

    def where(self, scope: Scope, columns: Sequence[Col]) -> str:
        return f" WHERE {self.condition(self.named(scope, columns))}"

    def order(self, scope: Scope, columns: Sequence[Col], *, last: bool = False) -> str:
        """Order by something; what is cut is ordered by all that may differ, so that it is the same rows.

        In the *last* query tokens and masked texts may.
        """
        outputs = [c for c in columns if c.kind in {CLEAR, NUMBER}]
        merged = [c for s in scope.sources if not s.alias for c in s.columns if c.kind == CLEAR]
        if merged and self.one_in(2):
            by = self.spelled(self.pick(merged).name)
        elif outputs and self.one_in(2):
            chosen = self.pick(outputs)
            by = self.spelled(chosen.name) if chosen.name and self.one_in(2) else str(columns.index(chosen) + 1)
        else:
            by = self.value(replace(scope, outputs=tuple(columns)), 0)
            if by.startswith("'"):
                return ""
        by = f"({by})" if self.one_in(2) else by
        if self.one_in(4) or not (last or all(c.kind in {CLEAR, NUMBER, KEY} for c in columns)):
            return f" ORDER BY {by}{self.pick(['', ' DESC'])}"
        self.cut |= len(outputs) < len(columns)
        all_of_it = "".join(f", {columns.index(c) + 1}" for c in outputs)
        return f" ORDER BY {by}{self.pick(['', ' DESC'])}{all_of_it} LIMIT {self.pick(['2', '4 OFFSET 1'])}"

    def star(self, scope: Scope, from_: str) -> tuple[tuple[Col, ...], str]:
        source = self.pick([s for s in scope.sources if s.alias])
        alias = self.spelled(source.alias)
        where = f" WHERE {self.condition(scope)}" if self.one_in(2) else ""
        if self.one_in(2 if sum(len(s.columns) for s in scope.sources) == 1 else 12):
            odd = self.pick(
                ["(*)", "(*)", f"{alias}", f"({alias}.*)", "COLUMNS(*)", f"count({alias})", "* EXCLUDE (note)"]
            )
            return source.columns, f"SELECT {odd} FROM {from_}{where}"
        if len(scope.sources) == 1 or self.one_in(3):
            columns = tuple(c for s in scope.sources for c in s.columns)
            return columns, f"SELECT * FROM {from_}{where}"
        return source.columns, f"SELECT {alias}.* FROM {from_}{where}"

    def aggregate(self, scope: Scope) -> tuple[str, str]:
        value = self.value(scope, 0)
        key = self.ref(scope, KEY, TOKEN)
        texts = ["count(*)", f"count({value})", f"max({value})", f"min({value})"]
        if key:
            texts.append(f"count(DISTINCT {key})")
        text = self.pick(texts)
        kind = NUMBER if text.startswith("count") else CLEAR
        return (f"{text} FILTER (WHERE {self.condition(scope, 0)})" if self.one_in(10) else text), kind

    def grouped(self, scope: Scope, from_: str) -> tuple[tuple[Col, ...], str]:
        keys = [(self.shown(scope, kind), kind) for kind in self.pick(((CLEAR,), (KEY,), (CLEAR, KEY), ()))]
        keys = [(text, kind) for text, kind in keys if not text.startswith(("'", "NULL"))]
        more = [*keys, *(self.aggregate(scope) for _ in range(self.pick((1, 1, 2))))]
        if keys and self.one_in(FORGETS if not self.lite else 8):
            self.chosen = True  # SQLite shows it as it is in any row of the group
            more.append((self.value(scope, 0), CLEAR))
        columns, listed = self.listed(scope, (), more)
        where = self.where(scope, columns[: len(keys)]) if self.one_in(3) else ""
        by = []
        for place, ((text, _), column) in enumerate(zip(keys, columns, strict=False), start=1):
            by.append(self.pick([text, text, str(place), self.spelled(column.name) if column.name else text]))
        group = f" GROUP BY {', '.join(by)}" if by else ""
        if by and not self.lite and self.one_in(10):
            group = f" GROUP BY ROLLUP ({', '.join(text for text, _ in keys)})"
        having = self.having(scope, columns) if by and self.one_in(3) else ""
        order = self.order(Scope({}), columns) if self.one_in(4) else ""
        return columns, f"SELECT {listed} FROM {from_}{where}{group}{having}{order}"

    def having(self, scope: Scope, columns: Sequence[Col]) -> str:
        if self.engine is not StoreKind.POSTGRESQL and self.one_in(2):
            return f" HAVING {self.condition(Scope({}, scope.around, [], tuple(columns)), 0)}"
        return f" HAVING {self.pick(['count(*) > 1', 'count(*) < 4', f'max({self.value(scope, 0)}) > ' + repr('b')])}"

    def window(self, scope: Scope) -> str:
        key = self.ref(scope, KEY, CLEAR)
        within = f"PARTITION BY {key} " if key and self.one_in(2) else ""
        by = self.ref(scope, CLEAR)
        order = f"ORDER BY {by}" if by else ""
        return f"{self.pick(['count(*)', 'rank()', 'dense_rank()'] if by else ['count(*)'])} OVER ({within}{order})"

    def statement(self) -> str:
        return self.query(Scope({}), 3)[1]


@st.composite
def scoped(draw: DrawFn, engine: StoreKind) -> Scoped:
    """A statement in the words of *engine*."""
    return made(draw(st.randoms(use_true_random=False)), engine)


def made(chance: Random, engine: StoreKind) -> Scoped:
    """Return the statement that *chance* leads to."""
    maker = Scopes(chance, engine)
    sql = maker.statement()
    return Scoped(sql, maker.cut, maker.chosen)
