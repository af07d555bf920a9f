"""A value that an engine cannot read, or cannot cast, fails for nobody's row but those that the requester may see.

DuckDB reads a text beside a date, and casts a parameter, when the first row comes so far. In a condition that is
asked inside a governed table that row may be withheld: whether the statement fails would say that there is one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.query.reference import outcome
from tests.query.world import World

LINES = "FROM pos.order_lines o"
JOINED = f"{LINES} JOIN web.events e ON o.customer_id = e.customer_id"
STATEMENTS = [
    f"SELECT count(*) AS n {LINES} WHERE o.country = '{{country}}' AND {{condition}}",
    f"SELECT o.stock_code {LINES} WHERE o.country = '{{country}}' AND {{condition}}",
    f"SELECT count(*) AS n {JOINED} WHERE o.country = '{{country}}' AND {{condition}}",
    f"SELECT o.stock_code {JOINED} AND {{condition}} WHERE o.country = '{{country}}'",
]
UNREADABLE: list[tuple[str, tuple[object, ...]]] = [
    ("o.invoiced_at > 'no instant'", ()),
    ("o.invoiced_at > '300000-01-01'", ()),
    ("o.invoiced_at > '2011-02-30'", ()),
    ("o.invoiced_at > '9999-12-31'", ()),  # beyond what an instant with nanoseconds reaches
    ("o.invoiced_at IN ('2011-01-01', '2011-01-01T10:00:00z')", ()),
    ("o.invoiced_at BETWEEN '2011-01-01' AND 'infinite'", ()),
    ("o.invoiced_at > ?", ("no instant",)),
    ("o.invoiced_at BETWEEN ? AND ?", ("2011-01-01", "2011-02-30")),
    ("o.unit_price IN (?, 1)", (10**37,)),
    ("o.quantity > ?", (2**63,)),
    ("o.quantity > ?", (10**39,)),
    ("(o.quantity = 1 OR ? = 1)", ("x",)),
    ("(o.quantity = 1 OR ? = ?)", ("x", 1)),
    ("(? = true OR o.quantity > 1)", ("x",)),
    ("(? IN (1, 2) OR o.quantity > 1)", ("x",)),
    ("(? BETWEEN 1 AND 2 OR o.quantity > 1)", ("x",)),
]
READABLE: list[tuple[str, tuple[object, ...]]] = [
    ("o.invoiced_at > '2011-02-01'", ()),
    ("o.invoiced_at > '2011-02-01 10:00:00.123456789'", ()),
    ("o.invoiced_at BETWEEN '2011-02-01T10:00Z' AND '2011-03-01T10:00:00+09:00'", ()),
    ("o.invoiced_at > ?", ("2011-02-01T10:00:00-0530",)),
    ("o.unit_price IN (?, 1.5)", (2,)),
    ("o.quantity > ?", (2**63 - 1,)),
    ("(? IS NULL OR o.country = ?)", (None, "Japan")),
]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world whose prices are decimals; its instants have nanoseconds here, and come to the end of time there."""
    with World(tmp_path_factory.mktemp("odd")) as world:
        lines = world.folder / "pos" / "order_lines.parquet"
        table = pq.read_table(lines)
        for name, kind in (("unit_price", pa.decimal128(18, 4)), ("invoiced_at", pa.timestamp("ns"))):
            table = table.set_column(table.schema.get_field_index(name), name, table.column(name).cast(kind))
        pq.write_table(table, lines, version="2.6")
        (events,) = (world.folder / "web").glob("*.jsonl")
        rows = [json.loads(line) for line in events.read_text().splitlines()]
        for row in rows:
            if row["category"] == "NGcat":
                row["occurred_at"] = "9999-12-31 00:00:00"
        events.write_text("\n".join(map(json.dumps, rows)))
        yield world


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize(("condition", "values"), UNREADABLE)
def test_whether_it_fails_says_nothing_of_withheld_rows(
    odd: World, statement: str, condition: str, values: tuple[object, ...]
) -> None:
    """A country that withheld rows alone have is answered as one that no row has."""
    told = [outcome(odd, statement.format(country=c, condition=condition), *values) for c in ("NGland", "Nowhere")]
    assert told[0] == told[1]


@pytest.mark.parametrize("comparison", ["=", ">", "IS DISTINCT FROM"])
def test_instants_of_two_resolutions_fail_on_no_withheld_row(odd: World, comparison: str) -> None:
    """The end of time in a withheld row has no nanoseconds, and is never cast to them."""
    on = f"ON o.invoiced_at {comparison} e.occurred_at"
    for where in ("", " WHERE e.category = 'NGcat'", " WHERE e.category = 'none'"):
        assert outcome(odd, f"SELECT count(*) AS n {LINES} JOIN web.events e {on}{where}")[0] == "rows"


@pytest.mark.parametrize(("condition", "values"), READABLE)
def test_what_is_read_without_fail_needs_no_fence(odd: World, condition: str, values: tuple[object, ...]) -> None:
    """Days and instants as people and programs write them stay conditions that files are narrowed by."""
    sql = f"SELECT count(*) AS n {LINES} WHERE {condition}"
    assert not odd.plan(sql).fenced
    assert outcome(odd, sql, *values)[0] == "rows"
