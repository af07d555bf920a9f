"""Statements from a grammar over the shop, for each engine: a Hypothesis strategy.

The grammar knows what a column is for the purpose and puts it where it may stand: keys into equality, masked texts
into the select list, clear values anywhere. Now and then it forgets, and any column stands in any position: such a
statement must be refused, or answered from masks alone. No answer depends on the order of rows: what cuts, orders by
all that it shows, and windows treat equal rows alike.
"""

# ruff: noqa: D102 - each method makes what its name says

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from sekisho.domain.terms import StoreKind
from tests.query.clauses import BLANK, KEY, LITERALS, TEXT, B, Clauses, Col, F, I, S, Source


@dataclass
class Maker(Clauses):
    """Makes one statement for one engine."""

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
            column = (
                self.any_of(columns, *{"key": (KEY,), "text": (TEXT, BLANK), "clear": ()}[kind])
                if kind != "clear"
                else None
            )
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
                shown.append(
                    Col(f"(SELECT count(*) FROM {table.text} WHERE {table.alias}.customer_id = {key.text})", I)
                )
        outputs, listed = self._listed(shown)
        sql = f"SELECT {listed} FROM {from_}{where}"
        clear = [n for n, c in enumerate(outputs) if c.kind in LITERALS]
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
        return (
            outputs,
            f"SELECT DISTINCT ON ({self.pick([key.text, '1', 'c0'])}) {listed} FROM {from_}{where} ORDER BY {order}",
        )

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
        total = f"sum({self.clear(columns, I, 0)})"
        calls = [("rank()", I), ("dense_rank()", I), ("count(*)", I), ("percent_rank()", F), ("cume_dist()", F),
                 (f"min({by})", kind), (f"first_value({by})", kind), (total, F)]  # fmt: skip
        call, of = self.pick(calls)
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
