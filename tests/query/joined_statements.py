"""Hypothesis strategies: statements from a grammar over the world of ``tests/query/world.py``.

The grammar knows nothing of masks: every column, whatever its class, may stand in every position. It makes
statements whose answer does not depend on the order of rows: no LIMIT, no window that counts equal rows apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from sekisho.domain.terms import ColumnType, StoreKind
from tests.query.world import DATASETS

_TABLES = {
    StoreKind.SQLITE: ("crm.customers", "crm.tickets"),
    StoreKind.DUCKDB: ("pos.order_lines", "web.events"),
    StoreKind.POSTGRESQL: ("crm.customers", "crm.tickets", "pos.order_lines", "web.events"),  # all in one store
}
_LITERALS = {
    ColumnType.STRING: (
        "'gold'", "'Japan'", "'tea'", "'東京都'", "'***'", "''", "'MK-00007'", "'<p12>'", "'<invoice:MK-00004>'",
    ),
    ColumnType.INTEGER: ("0", "3", "10", "17015", "-1", "1990"),
    ColumnType.DOUBLE: ("0.5", "2", "3.25"),
    ColumnType.BOOLEAN: ("true", "false"),
    ColumnType.DATE: ("'2015-03-01'",),
    ColumnType.TIMESTAMP: ("'2011-03-01'", "'2025-03-05 10:00:00'"),
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Something in FROM: its text, its alias and its columns with their types."""

    text: str
    alias: str
    columns: tuple[tuple[str, ColumnType], ...]


@st.composite
def statements(draw: DrawFn, engines: tuple[StoreKind, ...] = (StoreKind.SQLITE, StoreKind.DUCKDB)) -> str:
    """A statement of one engine, perhaps with a WITH, perhaps a set operation."""
    engine = draw(st.sampled_from(engines))
    if draw(st.integers(0, 4)) == 0:
        name, columns, body = "w1", *draw(_query(engine, (), 1))
        source = Source(name, name, columns)
        return f"WITH {name} AS ({body}) {draw(_query(engine, (source,), 1))[1]}"
    if draw(st.integers(0, 5)) == 0:
        kind = draw(st.sampled_from(("UNION ALL", "UNION", "INTERSECT", "EXCEPT")))
        (_, left), (_, right) = draw(_query(engine, (), 0, width=1)), draw(_query(engine, (), 0, width=1))
        return f"{left} {kind} {right}"
    return draw(_query(engine, (), 2))[1]


@st.composite
def _query(
    draw: DrawFn, engine: StoreKind, given: tuple[Source, ...], depth: int, width: int | None = None
) -> tuple[tuple[tuple[str, ColumnType], ...], str]:
    """A SELECT over one or two sources; returns its columns and its text."""
    first = draw(_source(engine, given, depth, "a"))
    sources, from_ = [first], first.text if first.text == first.alias else f"{first.text} AS {first.alias}"
    if depth and draw(st.integers(0, 2)) == 0:
        second = draw(_source(engine, given, depth, "b"))
        text = second.text if second.text == second.alias and second.alias != first.alias else f"{second.text} AS b"
        second = Source(second.text, text.rsplit(" ", 1)[-1], second.columns)
        left, right = draw(_column([first])), draw(_column([second]))
        side = draw(st.sampled_from(("JOIN", "LEFT JOIN")))
        from_ += f" {side} {text} ON {left[0]} = {right[0]}"
        sources.append(second)
    columns: list[tuple[str, ColumnType]] = []
    shown: list[str] = []
    grouped = draw(st.integers(0, 3)) == 0
    keys = draw(st.lists(_column(sources), min_size=1, max_size=2)) if grouped else []
    for position in range(width or draw(st.integers(1, 3))):
        if grouped:
            text, kind = draw(st.sampled_from(keys)) if position == 0 else draw(_aggregate(sources))
        else:
            text, kind = draw(st.one_of(_column(sources), _value(sources, engine)))
        columns.append((f"c{position}", kind))
        shown.append(f"{text} AS c{position}")
    sql = f"SELECT {'DISTINCT ' if draw(st.integers(0, 6)) == 0 else ''}{', '.join(shown)} FROM {from_}"
    if draw(st.booleans()):
        sql += f" WHERE {draw(_condition(sources, engine, depth))}"
    if grouped:
        sql += f" GROUP BY {', '.join(key for key, _ in keys)}"
        if draw(st.booleans()):
            sql += f" HAVING {draw(_aggregate(sources))[0]} > 1"
    elif draw(st.integers(0, 4)) == 0 and not width:
        order = draw(
            st.one_of(
                st.sampled_from([f"c{i}" for i in range(len(columns))] + ["1", "(1)"]), _column(sources).map(_text)
            )
        )
        if "DISTINCT" not in sql:
            sql += f" ORDER BY {order}"
    return tuple(columns), sql


@st.composite
def _source(draw: DrawFn, engine: StoreKind, given: tuple[Source, ...], depth: int, alias: str) -> Source:
    choice = draw(st.integers(0, 5))
    if given and choice < 3:
        return draw(st.sampled_from(given))
    if depth and choice == 5:
        columns, body = draw(_query(engine, given, depth - 1))
        return Source(f"({body})", alias, columns)
    name = draw(st.sampled_from(_TABLES[engine]))
    return Source(name, alias, tuple((column.name, column.type) for column in DATASETS[name].columns))


def _text(column: tuple[str, ColumnType]) -> str:
    return column[0]


def _column(sources: list[Source]) -> SearchStrategy[tuple[str, ColumnType]]:
    return st.sampled_from([(f"{s.alias}.{name}", kind) for s in sources for name, kind in s.columns])


@st.composite
def _value(draw: DrawFn, sources: list[Source], engine: StoreKind) -> tuple[str, ColumnType]:
    """An expression over a column."""
    text, kind = draw(_column(sources))
    forms = [
        (f"coalesce({text}, NULL)", kind),
        (f"CASE WHEN {text} IS NULL THEN 0 ELSE 1 END", ColumnType.INTEGER),
        (f"({text})", kind),
        (f"count(*) OVER (PARTITION BY {text})", ColumnType.INTEGER),
        (f"rank() OVER (ORDER BY {text})", ColumnType.INTEGER),
        (f"CAST({text} AS TEXT)", ColumnType.STRING),
        ("'x'", ColumnType.STRING),
    ]
    if kind is ColumnType.STRING:
        forms += [(f"lower({text})", kind), (f"{text} || 'x'", kind), (f"length({text})", ColumnType.INTEGER)]
    if kind is ColumnType.INTEGER:
        forms += [(f"{text} + 1", kind), (f"abs({text})", kind), (f"-{text}", kind)]
    if engine is not StoreKind.SQLITE and kind is ColumnType.TIMESTAMP:
        forms.append((f"date_trunc('month', {text})", kind))
    return draw(st.sampled_from(forms))


@st.composite
def _aggregate(draw: DrawFn, sources: list[Source]) -> tuple[str, ColumnType]:
    text, kind = draw(_column(sources))
    forms = ["count(*)", f"count({text})", f"count(DISTINCT {text})"]
    if kind in {ColumnType.INTEGER, ColumnType.DOUBLE}:
        forms += [f"sum({text})", f"max({text})"]
    return draw(st.sampled_from(forms)), ColumnType.INTEGER


@st.composite
def _condition(draw: DrawFn, sources: list[Source], engine: StoreKind, depth: int) -> str:
    """A condition, perhaps of several parts, perhaps with a subquery."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        text, kind = draw(_column(sources))
        literal = draw(st.sampled_from(_LITERALS[kind]))
        forms = [
            f"{text} {draw(st.sampled_from(('=', '<>', '<', '>=')))} {literal}",
            f"{text} IN ({literal}, {draw(st.sampled_from(_LITERALS[kind]))})",
            f"{text} IS NOT NULL",
            f"{text} IS NULL",
            f"NOT {text} = {literal}",
            f"{text} = {draw(_column(sources))[0]}",
        ]
        if kind is ColumnType.STRING:
            forms.append(f"{text} LIKE '%a%'")
        if kind is ColumnType.BOOLEAN:
            forms.append(text)
        if depth:
            name = draw(st.sampled_from(_TABLES[engine]))
            inner = Source(name, "i", tuple((c.name, c.type) for c in DATASETS[name].columns))
            column = draw(_column([inner]))[0]
            forms += [
                f"{text} IN (SELECT {column} FROM {name} AS i)",
                f"EXISTS (SELECT 1 FROM {name} AS i WHERE {column} = {text})",
                f"{text} = (SELECT max({column}) FROM {name} AS i)",
            ]
        parts.append(draw(st.sampled_from(forms)))
    return draw(st.sampled_from((" AND ", " OR "))).join(parts)
