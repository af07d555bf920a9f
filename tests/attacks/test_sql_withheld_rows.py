"""No expression of a requester runs on a withheld row: every consent shape with every expression, on both engines.

Withheld rows hold values on which the expressions fail. An expression that met one of them would end the statement in
an error, which is an oracle even without its text. The fence keeps planners from moving expressions below the
consent join; without it the same statements do fail, which is shown too, so that this suite is known to see.
"""

# ruff: noqa: E501, ISC004 - a statement reads best on its own line

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

import pytest
from tests.query.world import FIRST_ID, PEOPLE, ROWS, Rows, World, agrees

from sekisho.domain.row_filters import AllOf, AnyOf, Comparison, IsNull, Negated, RowFilter
from sekisho.errors import InvalidRequest, SekishoError
from sekisho.query import rules
from sekisho.query.dialects import Dialect

pytestmark = pytest.mark.slow

LINES = 200_000  # with half as many DuckDB plans otherwise, and the suite would see less
TICKETS = 40_000
SOME = 11
"""So many statements that fail without a guard are enough to know that the suite would see it missing."""

EXPRESSIONS = {
    "duckdb": (
        "CAST(o.stock_code AS INT) = 5",
        "CAST(o.quantity AS TINYINT) = 5",
        "CAST(o.description AS DATE) > DATE '2000-01-01'",
        "CAST(substr(o.country, 1, 2) AS INT) = 1",
        "CASE WHEN o.gift THEN CAST(o.stock_code AS INT) ELSE 5 END = 5",
        "coalesce(CAST(o.stock_code AS INT), 5) = 5",
        "o.quantity * 1000000 > 0",
        "o.stock_code = 5",
        "o.stock_code IN (5, 6)",
        "NOT o.country OR o.country",
        "o.country AND o.gift OR true",
        "o.country IS TRUE",
        "o.quantity > 0.0000000000000000000000000000000000001",
        "date_trunc('month', CAST(o.description AS DATE)) > DATE '2000-01-01'",
    ),
    "sqlite": (
        "abs(o.minutes) = 5",
        "abs(o.minutes) > 0 AND o.resolved = 1",
        "CASE WHEN abs(o.minutes) > 1 THEN 1 ELSE 0 END = 1",
        "abs(CASE WHEN o.channel > 'a' THEN o.minutes ELSE 1 END) > 0",
        "coalesce(abs(o.minutes), 1) = 5",
        "o.minutes = 5 AND abs(o.minutes) = 5",
        "-abs(o.minutes) < 0",
    ),
}

PARAMETERS = (
    ("? IN (o.stock_code)", 5),
    ("? BETWEEN o.stock_code AND o.stock_code", 5),
    ("? IN (o.country, o.stock_code)", 5),
    ("'5' IN (o.stock_code, ?)", 5),
    ("'5' BETWEEN ? AND o.stock_code", 5),
    ("? IN (o.stock_code)", True),
)
"""Values of another type than the column beside which they stand, wherever that is."""

STATEMENTS = {
    "duckdb": (
        "SELECT count(*) AS n FROM pos.order_lines o WHERE {}",
        "SELECT o.country, count(*) AS n FROM pos.order_lines o WHERE {} GROUP BY o.country",
        "SELECT sum(CASE WHEN {} THEN 1 ELSE 0 END) AS n FROM pos.order_lines o",
        "SELECT count(*) FILTER (WHERE {}) AS n FROM pos.order_lines o",
        "SELECT count(*) AS n FROM pos.order_lines o JOIN (SELECT 'mail' AS c) k ON {}",
        "SELECT count(*) AS n FROM (SELECT * FROM pos.order_lines) o WHERE {}",
        "WITH x AS (SELECT * FROM pos.order_lines) SELECT count(*) AS n FROM x o WHERE {}",
        "SELECT count(*) AS n FROM pos.order_lines o LEFT JOIN web.events e USING (customer_id) WHERE {}",
        "SELECT o.quantity FROM pos.order_lines o WHERE {} LIMIT 5",
        "SELECT o.quantity FROM pos.order_lines o ORDER BY {} LIMIT 5",
        "SELECT count(*) AS n FROM pos.order_lines a WHERE EXISTS"
        " (SELECT 1 FROM pos.order_lines o WHERE o.customer_id = a.customer_id AND {}) AND a.quantity = 5",
        "SELECT count(*) AS n FROM pos.order_lines o JOIN (SELECT '5' AS stock_code) s USING (stock_code) WHERE {}",
    ),
    "sqlite": (
        "SELECT count(*) AS n FROM crm.tickets o WHERE {}",
        "SELECT o.channel, count(*) AS n FROM crm.tickets o WHERE {} GROUP BY o.channel",
        "SELECT sum(CASE WHEN {} THEN 1 ELSE 0 END) AS n FROM crm.tickets o",
        "SELECT count(*) AS n FROM crm.tickets o JOIN (SELECT 'mail' AS c) k ON {}",
        "SELECT count(*) AS n FROM (SELECT * FROM crm.tickets) o WHERE {}",
        "WITH x AS (SELECT * FROM crm.tickets) SELECT count(*) AS n FROM x o WHERE {}",
        "SELECT count(*) AS n FROM crm.tickets o JOIN crm.customers c USING (customer_id) WHERE {}",
        "SELECT o.minutes FROM crm.tickets o WHERE {} LIMIT 5",
        "SELECT o.minutes FROM crm.tickets o ORDER BY {} LIMIT 5",
        "SELECT count(*) AS n FROM crm.customers c WHERE EXISTS"
        " (SELECT 1 FROM crm.tickets o WHERE o.customer_id = c.customer_id AND {})",
    ),
}

# Who is withheld, and by what: consent, the policy's row filter, or both.
FILTERS: dict[str, tuple[RowFilter, ...]] = {
    "pos.order_lines": (Comparison("description", "eq", "2001-01-01"),),
    "crm.tickets": (Comparison("channel", "eq", "mail"),),
}
TREES: dict[str, tuple[RowFilter, ...]] = {
    "pos.order_lines": (
        AnyOf((Comparison("description", "eq", "2001-01-01"), IsNull("quantity"))),
        Negated(AllOf((Comparison("quantity", "gt", 5), Comparison("unit_price", "lt", 0)))),
    ),
    "crm.tickets": (Negated(AnyOf((Comparison("channel", "eq", "NGp"), IsNull("channel")))),),
}
SHAPES: dict[str, tuple[str, Mapping[str, tuple[RowFilter, ...]]]] = {
    "consent": ("recommendation", {}),
    "filter": ("fraud", FILTERS),
    "consent and filter": ("recommendation", FILTERS),
    "tree of filters": ("fraud", TREES),
}


def _rows() -> Rows:
    """Return many rows, those of people without consent failing every expression."""
    line, ticket = ROWS["pos.order_lines"][0], ROWS["crm.tickets"][0]
    fine = {"stock_code": "5", "quantity": 5, "unit_price": 1.0, "country": "1", "description": "2001-01-01"}
    bad = {"stock_code": "NGx", "quantity": 2**61, "unit_price": -1.0, "country": "NGx", "description": "NGdate"}
    rows: Rows = dict(ROWS)
    rows["pos.order_lines"] = [
        line | (fine if agrees(p, "recommendation") else bad)
        | {"place": p, "customer_id": FIRST_ID + p, "invoice": f"I{n // 3}", "gift": n % 2 == 0}
        for n in range(LINES)
        for p in [n % PEOPLE]
    ]  # fmt: skip
    rows["crm.tickets"] = [
        ticket | {"place": p, "ticket_id": f"T{n}", "customer_id": FIRST_ID + p, "resolved": n % 2 == 0}
        | ({"channel": "mail", "minutes": 5} if agrees(p, "recommendation") else {"channel": "NGp", "minutes": -(2**63)})
        for n in range(TICKETS)
        for p in [n % PEOPLE]
    ]  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("crowd"), _rows()) as built:
        yield built


def failing(crowd: World, engine: str, shape: str) -> Iterator[str]:
    """Yield the statements that end in an error."""
    purpose, filters = SHAPES[shape]
    crowd.policy.filters = dict(filters)
    for statement in STATEMENTS[engine]:
        for expression in EXPRESSIONS[engine]:
            sql = statement.format(expression)
            try:
                crowd.ask(sql, purpose=purpose)
            except SekishoError:
                yield sql


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("engine", EXPRESSIONS)
def test_no_expression_meets_a_withheld_row(crowd: World, engine: str, shape: str) -> None:
    """Every statement is answered: nothing failed on a row that is not the requester's to see."""
    assert list(failing(crowd, engine, shape)) == []


@pytest.mark.parametrize(("expression", "value"), PARAMETERS)
def test_no_parameter_has_a_withheld_row_cast(crowd: World, expression: str, value: object) -> None:
    """A parameter has the type of the column that it is compared with, on whichever side of BETWEEN or IN."""
    with pytest.raises(InvalidRequest):
        crowd.ask(STATEMENTS["duckdb"][0].format(expression), value)


def test_columns_of_unlike_types_are_not_alike_beside_null(crowd: World) -> None:
    """Engines give all operands of IN one type, so that each is held against each before a table goes unfenced."""
    for condition in ("NULL IN (o.stock_code, o.quantity)", "? IN (o.stock_code, o.quantity)"):
        assert crowd.plan(STATEMENTS["duckdb"][0].format(condition)).fenced
    assert not crowd.plan(STATEMENTS["duckdb"][0].format("o.quantity IN (5, ?, NULL)")).fenced


@pytest.mark.parametrize("engine", EXPRESSIONS)
def test_without_the_fence_expressions_meet_withheld_rows(
    crowd: World, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same statements fail when nothing is fenced, so this suite would see a fence that does not hold."""
    monkeypatch.setattr(Dialect, "fence", lambda _self, select: select)
    crowd.gateway.statements._known.clear()
    try:
        assert len(list(islice(failing(crowd, engine, "consent"), SOME))) == SOME
    finally:
        crowd.gateway.statements._known.clear()


@pytest.mark.parametrize("engine", EXPRESSIONS)
def test_without_the_judgement_expressions_meet_withheld_rows(
    crowd: World, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same statements fail when every expression is taken for harmless."""
    monkeypatch.setattr(rules, "leak_proof", lambda *_: True)
    crowd.gateway.statements._known.clear()
    try:
        assert len(list(islice(failing(crowd, engine, "consent"), SOME))) == SOME
    finally:
        crowd.gateway.statements._known.clear()
