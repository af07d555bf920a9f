"""Parsing and resolution: what a statement uses, in which dialect it is read, and what is remembered."""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from sekisho.domain.access import Use
from sekisho.domain.terms import Column, ColumnClass, ColumnType, StoreKind
from sekisho.errors import InvalidRequest, StatementRefused, UnknownColumn, UnknownDataset
from sekisho.query.names import fold
from sekisho.query.parse import MAX_STATEMENT_CHARACTERS, shown_name
from sekisho.query.resolve import resolve
from tests.query.planning import plan_of, question_of
from tests.query.shop import shop_catalogue
from tests.query.world import REQUESTERS, ClassPolicy, catalogue


def uses(sql: str) -> dict[str, dict[str, set[Use]]]:
    """Return how a statement uses the columns of each dataset."""
    return {
        use.dataset.name: {column: set(kinds) for column, kinds in use.columns.items()}
        for use in question_of(sql).request.datasets
    }


@pytest.mark.parametrize(
    ("sql", "column", "expected"),
    [
        ("SELECT points FROM crm.customers", "points", {Use.SHOWN}),
        ("SELECT abs(points) FROM crm.customers", "points", {Use.PASSED}),
        ("SELECT sum(points) FROM crm.customers", "points", {Use.AGGREGATED}),
        ("SELECT sum(points + 1) FROM crm.customers", "points", {Use.AGGREGATED, Use.PASSED}),
        ("SELECT name FROM crm.customers WHERE points > 1", "points", {Use.COMPARED}),
        ("SELECT name FROM crm.customers WHERE abs(points) > 1", "points", {Use.COMPARED, Use.PASSED}),
        ("SELECT name FROM crm.customers GROUP BY points, name", "points", {Use.GROUPED}),
        ("SELECT name FROM crm.customers ORDER BY points", "points", {Use.ORDERED}),
        ("SELECT points AS p FROM crm.customers ORDER BY p", "points", {Use.SHOWN, Use.ORDERED}),
        ("SELECT rank() OVER (ORDER BY points) FROM crm.customers", "points", {Use.ORDERED}),
        ("SELECT a.name FROM crm.customers a JOIN crm.tickets b USING (customer_id)", "customer_id", {Use.JOINED}),
        ("SELECT x.p FROM (SELECT points AS p FROM crm.customers) x WHERE x.p > 1", "points", {Use.SHOWN, Use.COMPARED}),
        ("SELECT points FROM crm.customers UNION SELECT minutes FROM crm.tickets ORDER BY points", "points",
         {Use.SHOWN, Use.ORDERED}),
    ],
)  # fmt: skip
def test_uses_are_told_to_the_policy(sql: str, column: str, expected: set[Use]) -> None:
    """The policy hears how a column is used, through aliases, subqueries and set operations."""
    assert uses(sql)["crm.customers"][column] >= expected


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT Date_Trunc('month', birth_date) FROM crm.customers", "function date_trunc is not"),
        ("SELECT epoch_ms(quantity) FROM shop.orders", "function epoch_ms is not"),
        ("SELECT list_value(quantity) FROM shop.orders", "function list_value is not"),
        ("SELECT unnest(quantity) FROM shop.orders", "function unnest is not"),
        ("SELECT json_extract(name, '$.a') FROM crm.customers", "function json_extract is not"),
        ("SELECT name ->> 'a' FROM crm.customers", "->> is not"),
        ("SELECT name FROM crm.customers WHERE name REGEXP 'a'", "function regexp is not"),
    ],
)
def test_a_refusal_names_what_the_requester_wrote(sql: str, said: str) -> None:
    """A function is called what it is called in the statement, and not as the parser calls it in all engines."""
    with pytest.raises(StatementRefused) as refused:
        question_of(sql)
    assert said.casefold() in refused.value.detail.casefold()


def test_every_column_that_is_touched_is_told() -> None:
    """No column is read without the policy having been asked about it."""
    told = uses(
        "WITH x AS (SELECT customer_id, prefecture FROM crm.customers WHERE member_rank = 'gold')"
        " SELECT x.prefecture, (SELECT max(minutes) FROM crm.tickets t WHERE t.customer_id = x.customer_id) FROM x"
    )
    assert set(told["crm.customers"]) == {"customer_id", "prefecture", "member_rank"}
    assert set(told["crm.tickets"]) == {"minutes", "customer_id"}


def test_a_star_uses_every_column() -> None:
    """A star is its columns, all of them shown."""
    assert len(uses("SELECT * FROM crm.customers")["crm.customers"]) == 11
    assert uses("SELECT count(*) FROM crm.customers")["crm.customers"] == {}


def test_the_dialect_is_that_of_the_store() -> None:
    """A statement is read in the dialect of the engine that holds its datasets."""
    assert plan_of("SELECT points FROM crm.customers").engine is StoreKind.SQLITE
    assert plan_of("SELECT quantity FROM pos.order_lines, web.events").stores == ("pos", "web")
    both = plan_of("SELECT quantity // 2, points FROM pos.order_lines, crm.customers")
    assert (both.engine, both.stores) == (StoreKind.DUCKDB, ("crm", "pos"))
    with pytest.raises(StatementRefused, match="Over these stores, statements are DuckDB SQL"):
        plan_of("SELECT julianday(signed_up_on), quantity FROM pos.order_lines, crm.customers")


def test_limits() -> None:
    """Empty, too long and unknown are told apart."""
    with pytest.raises(InvalidRequest):
        question_of("  ")
    with pytest.raises(InvalidRequest):
        question_of("SELECT points FROM crm.customers --" + "x" * MAX_STATEMENT_CHARACTERS)
    with pytest.raises(UnknownDataset):
        question_of("SELECT 1 FROM crm.nothing")
    with pytest.raises(UnknownColumn):
        question_of("SELECT nothing FROM crm.customers")


def test_names_fold_by_ascii_alone() -> None:
    """No letter of another script folds into a name of the catalogue."""
    assert fold("CRM.Points") == "crm.points"
    for other in ("\u212a", "\u0130", "\u017f", "\uff23"):  # Kelvin, dotted I, long s, full-width C
        assert fold(other) == other
    assert shown_name("a.b_1") == "'a.b_1'"
    assert shown_name("taro@example.org") == "(a name outside the catalogue)"
    assert shown_name("x" * 65) == "(a name outside the catalogue)"


def test_a_plan_is_made_once_for_each_permit() -> None:
    """An equal permit gets the plan that was made; another permit gets its own, from the text again."""
    question = question_of("SELECT customer_id, points FROM crm.customers WHERE points > ?")
    policy = ClassPolicy()
    first = question.plan(policy.permit(question.request))
    assert question.plan(policy.permit(question.request)) is first
    second = question_of("SELECT customer_id, points FROM crm.customers WHERE points > ?", purpose="fraud")
    assert second.plan(policy.permit(second.request)).sql != first.sql
    assert question.plan(policy.permit(question.request)).sql == first.sql


def test_no_value_stands_where_it_does_not_belong() -> None:
    """Tokens and parameters are no part of the SQL; the shown SQL has no literal at all."""
    plan = plan_of(
        "SELECT points FROM crm.customers WHERE customer_id = 'secrettoken' AND member_rank = 'goldsecret'"
    )
    assert "secrettoken" not in plan.sql + plan.shown_sql + repr(plan)
    assert "goldsecret" not in plan.shown_sql + repr(plan)


def test_what_is_read_is_listed() -> None:
    """The plan lists every physical column that the engine may read, and no other."""
    plan = plan_of("SELECT note FROM crm.customers WHERE points > 5")
    people = plan.projections[0].table
    assert plan.reads == {
        ("customers", "note"), ("customers", "points"), ("customers", "customer_id"), (people, "k"), (people, "n"),
    }  # fmt: skip


def test_a_column_that_nobody_names_has_a_kind_before_anything_is_rewritten() -> None:
    """Ties of a numbering in a WITH are ended by a column of the gateway's own, which no later question meets."""
    plan = plan_of(
        "WITH w AS (SELECT customer_id, channel, first_value(minutes) OVER (ORDER BY minutes) AS least FROM crm.tickets)"
        " SELECT customer_id, channel FROM w ORDER BY channel"
    )
    assert plan.order_by_token is False


def test_reference_data_stands_beside_governed_data() -> None:
    """A dataset without a key whose columns say nothing about people needs nobody's consent."""
    plan = plan_of("SELECT o.quantity, p.title FROM pos.order_lines o JOIN pos.products p USING (stock_code)")
    assert len(plan.projections) == plan.hidden == 1
    assert plan_of("SELECT title FROM pos.products").projections == ()


@pytest.mark.parametrize("column_class", [c for c in ColumnClass if c is not ColumnClass.NONE])
def test_data_about_people_without_a_key_cannot_be_covered_by_consent(column_class: ColumnClass) -> None:
    """One column that says something about people is enough, whether it is asked for or not."""
    declared = catalogue(Path("/nowhere"))
    products = declared.datasets["pos.products"]
    guest = Column("guest", ColumnType.STRING, column_class)
    datasets = {**declared.datasets, "pos.products": replace(products, columns=(*products.columns, guest))}
    with pytest.raises(StatementRefused, match="names nobody"):
        plan_of("SELECT title FROM pos.products", declared=replace(declared, datasets=datasets))
    assert plan_of("SELECT title FROM pos.products", purpose="fraud").projections == ()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM crm.customers",
        "SELECT member_rank FROM crm.customers GROUP BY member_rank",
        "SELECT DISTINCT member_rank FROM crm.customers",
        "SELECT sum(points) OVER (ORDER BY points) FROM crm.customers",
        "SELECT points FROM crm.customers UNION ALL SELECT minutes FROM crm.tickets",
        "SELECT x.points FROM (SELECT points FROM crm.customers) x",
        "WITH x AS (SELECT points FROM crm.customers) SELECT points FROM x",
        "SELECT points FROM crm.customers WHERE EXISTS (SELECT 1 FROM crm.tickets)",
        "SELECT (SELECT count(*) FROM crm.tickets) FROM crm.customers",
        "SELECT min(points) FROM crm.customers",
    ],
)
def test_one_person_at_a_time_needs_rows_of_persons(sql: str) -> None:
    """Where the policy limits an answer to one person, a statement whose rows are nobody's in particular is refused."""
    assert not plan_of(sql).rowwise
    with pytest.raises(StatementRefused):
        plan_of(sql, purpose="support")


def test_rows_of_persons_carry_their_numbers() -> None:
    """A row of two tables carries both persons."""
    plan = plan_of("SELECT c.points FROM crm.customers c, crm.tickets t ORDER BY c.points LIMIT 5")
    assert plan.rowwise
    assert plan.hidden == 2


FRAME = "SELECT sum(quantity) OVER (ORDER BY quantity ROWS BETWEEN {} PRECEDING AND CURRENT ROW) AS s FROM pos.order_lines"


def test_a_place_that_nobody_looks_at_holds_no_table_and_no_column() -> None:
    """Resolution refuses a tree with a table or column that it did not reach, whoever let it through."""
    visible = catalogue(Path("/nowhere")).visible_to(REQUESTERS["recommender"])
    for bound in (
        "(SELECT max(quantity) FROM pos.order_lines)",
        "(SELECT count(*) FROM pos.order_lines)",
        "quantity",
    ):
        tree = sqlglot.parse_one(FRAME.format(bound), dialect="duckdb")
        assert isinstance(tree, exp.Query)
        with pytest.raises(StatementRefused, match="where none can be bound"):
            resolve(tree, visible, lateral=True)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        (FRAME.format("quantity"), "bounds of a window frame"),
        (FRAME.format("(SELECT 1)"), "bounds of a window frame"),
        ("SELECT invoice FROM pos.order_lines WINDOW w AS (ORDER BY invoice)", "WINDOWS is not on the allow-list"),
        ("SELECT lower(SELECT 'A') FROM pos.order_lines", "parentheses of its own"),
        ("SELECT EXISTS(country) FROM pos.order_lines", "EXISTS takes a subquery"),
        ("SELECT quantity FROM pos.order_lines WHERE quantity IS 5", "IS takes NULL, TRUE and FALSE"),
        ("SELECT o.gift FROM pos.order_lines o, web.events e JOIN web.events f ON o.gift", "ON does not see 'o'"),
        ("SELECT quantity FROM pos.order_lines ORDER BY -1", "ORDER BY takes columns"),
        ("SELECT quantity FROM pos.order_lines ORDER BY 2", "out of range"),
        ("SELECT gift, count(*) FROM pos.order_lines GROUP BY 'x'", "GROUP BY takes columns"),
    ],
)
def test_a_refusal_says_what_would_help(sql: str, says: str) -> None:
    """The text names the construct."""
    with pytest.raises(StatementRefused, match=says):
        plan_of(sql)


def test_keys_of_two_kinds_do_not_stand_for_people() -> None:
    """A loyalty number and a customer number of one person are joined by the person number."""
    declared = shop_catalogue()
    lines = declared.datasets["shop.order_lines"]
    assert lines.data_subject is not None
    other = replace(lines, data_subject=replace(lines.data_subject, identifier="loyalty_id"))
    joined = "SELECT count(*) AS n FROM shop.customers c JOIN shop.order_lines o ON o.customer_id = c.customer_id"
    assert "GET_BIT" in plan_of(joined, declared=declared, shape="bits").sql
    two = replace(declared, datasets={**declared.datasets, other.name: other})
    assert "GET_BIT" not in plan_of(joined, declared=two, shape="bits").sql
