"""Statements over several stores are answered as if all their tables, filtered and masked, lay in one DuckDB."""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.query.joined import PLACES, JoinedReference, JoinedWorld, joined_judge, servers_of
from tests.query.reference import Judge, Reference, counted
from tests.query.world import PURPOSES, REQUESTERS

pytestmark = [pytest.mark.enable_socket]

CRM_POS = [
    "SELECT c.prefecture, c.birth_date, count(*) AS n, sum(o.quantity) AS q FROM crm.customers c JOIN pos.order_lines o USING (customer_id) GROUP BY 1, 2",
    "SELECT c.customer_id, c.prefecture, o.stock_code FROM crm.customers c JOIN pos.order_lines o ON c.customer_id = o.customer_id WHERE o.quantity > 5",
    "SELECT * FROM crm.customers JOIN pos.order_lines USING (customer_id)",
    "SELECT c.customer_id, c.name, c.email, c.note, o.invoice FROM crm.customers c, pos.order_lines o WHERE c.customer_id = o.customer_id AND c.points >= 20",
    "SELECT c.member_rank, o.country FROM crm.customers c LEFT JOIN pos.order_lines o ON o.customer_id = c.customer_id AND o.quantity > 8",
    "SELECT c.customer_id, o.quantity FROM crm.customers c RIGHT JOIN pos.order_lines o ON o.customer_id = c.customer_id AND c.points > 50",
    "SELECT c.customer_id, o.customer_id FROM crm.customers c FULL JOIN pos.order_lines o ON o.customer_id = c.customer_id AND o.quantity = 3",
    "SELECT c.customer_id FROM crm.customers c LEFT JOIN pos.order_lines o USING (customer_id) WHERE o.stock_code IS NULL",
    "SELECT c.prefecture, avg(o.unit_price), min(o.invoiced_at), max(o.quantity) FROM crm.customers c JOIN pos.order_lines o USING (customer_id) GROUP BY c.prefecture HAVING count(*) > 1 ORDER BY 1",
    "SELECT count(*), count(DISTINCT c.customer_id), sum(o.quantity * o.unit_price) FROM crm.customers c JOIN pos.order_lines o USING (customer_id)",
    "WITH spent AS (SELECT customer_id, sum(quantity * unit_price) AS total FROM pos.order_lines GROUP BY customer_id) SELECT c.member_rank, avg(s.total) FROM crm.customers c JOIN spent s ON s.customer_id = c.customer_id GROUP BY 1",
    "WITH c AS (SELECT * FROM crm.customers WHERE points > 10) SELECT a.customer_id, b.prefecture FROM c a JOIN c b USING (customer_id) JOIN pos.order_lines o USING (customer_id)",
    "SELECT c.customer_id, c.points FROM crm.customers c WHERE c.customer_id IN (SELECT customer_id FROM pos.order_lines WHERE quantity > 9)",
    "SELECT c.customer_id FROM crm.customers c WHERE NOT EXISTS (SELECT 1 FROM pos.order_lines o WHERE o.customer_id = c.customer_id AND o.country = 'Japan')",
    "SELECT c.customer_id, (SELECT max(o.quantity) FROM pos.order_lines o WHERE o.customer_id = c.customer_id) AS most FROM crm.customers c",
    "SELECT customer_id FROM crm.customers UNION SELECT customer_id FROM pos.order_lines",
    "SELECT customer_id FROM crm.customers EXCEPT SELECT customer_id FROM pos.order_lines",
    "SELECT customer_id FROM crm.tickets INTERSECT SELECT customer_id FROM pos.order_lines WHERE quantity > 3",
    "SELECT prefecture AS place FROM crm.customers UNION ALL SELECT country FROM pos.order_lines",
    "SELECT c.points, o.quantity FROM crm.customers c JOIN pos.order_lines o USING (customer_id) WHERE c.customer_id = '<p12>'",
    "SELECT c.points, o.quantity FROM crm.customers c JOIN pos.order_lines o USING (customer_id) WHERE o.customer_id IN ('<p12>', '<p16>') AND c.customer_id IN ('<p16>', '<p20>')",
    "SELECT c.prefecture, o.stock_code FROM crm.customers c JOIN pos.order_lines o USING (customer_id) WHERE o.invoice = '<invoice:MK-00004>'",
    "SELECT t.body, o.description FROM crm.tickets t JOIN pos.order_lines o USING (customer_id) WHERE t.ticket_id = '<ticket:MK-T0016>'",
    "SELECT c.signed_up_on, o.invoiced_at FROM crm.customers c JOIN pos.order_lines o USING (customer_id) WHERE c.signed_up_on >= '2015-01-01' AND o.invoiced_at < '2011-06-01'",
    "SELECT date_trunc('month', c.signed_up_on) AS m, count(*) FROM crm.customers c JOIN pos.order_lines o USING (customer_id) GROUP BY 1",
    "SELECT year(t.opened_at), month(o.invoiced_at), count(*) FROM crm.tickets t JOIN pos.order_lines o USING (customer_id) GROUP BY 1, 2",
    "SELECT date_diff('day', o.invoiced_at, t.opened_at) AS d FROM crm.tickets t JOIN pos.order_lines o USING (customer_id) WHERE t.resolved AND o.gift",
    "SELECT c.prefecture, o.quantity, rank() OVER (PARTITION BY c.prefecture ORDER BY o.quantity DESC) AS r FROM crm.customers c JOIN pos.order_lines o USING (customer_id)",
    "SELECT c.customer_id, o.stock_code FROM crm.customers c JOIN pos.order_lines o USING (customer_id) QUALIFY row_number() OVER (PARTITION BY c.prefecture ORDER BY o.quantity DESC, o.invoiced_at, o.stock_code) = 1",
    "SELECT c.points, CAST(substr(o.stock_code, 2) AS INT) FROM crm.customers c JOIN pos.order_lines o USING (customer_id)",
    "SELECT CASE WHEN c.points > 60 THEN 'high' ELSE 'low' END AS band, sum(o.quantity) FILTER (WHERE o.gift) FROM crm.customers c JOIN pos.order_lines o USING (customer_id) GROUP BY band",
    "SELECT DISTINCT c.prefecture, o.country FROM crm.customers c JOIN pos.order_lines o USING (customer_id) ORDER BY 1, 2",
    "SELECT a.prefecture, b.points FROM crm.customers a JOIN crm.customers b USING (customer_id) JOIN pos.order_lines o USING (customer_id) WHERE a.points BETWEEN 20 AND 90 AND b.prefecture = '東京都'",
    "SELECT c.prefecture, o.quantity FROM crm.customers c LEFT JOIN pos.order_lines o USING (customer_id) WHERE o.country IN ('Japan', 'France') AND c.member_rank = 'gold' AND c.points < 1000",
    "SELECT c.postal_code, c.income_band, o.quantity FROM crm.customers c JOIN pos.order_lines o USING (customer_id) WHERE c.postal_code > '100'",
    "SELECT upper(c.member_rank) || '-' || o.country AS label FROM crm.customers c JOIN pos.order_lines o USING (customer_id) WHERE c.member_rank > 'b'",
]  # fmt: skip
LOGS = [
    "SELECT c.name, p.title, count(*) FROM crm.customers c JOIN pos.order_lines o USING (customer_id) JOIN pos.products p USING (stock_code) GROUP BY 1, 2",
    "SELECT c.email FROM crm.customers c JOIN pos.products p ON p.stock_code = 'S003' WHERE c.name = 'MKname12'",
    "SELECT (SELECT count(*) FROM crm.customers), (SELECT count(*) FROM pos.products), (SELECT count(*) FROM pos.order_lines WHERE customer_id IS NOT NULL)",
    "SELECT count(*) FROM crm.customers c, pos.products p",
    "SELECT c.name, e.category FROM crm.customers c LEFT JOIN web.events e USING (customer_id)",
]  # fmt: skip
THREE = [
    "SELECT c.member_rank, o.country, e.category, count(*) FROM crm.customers c JOIN pos.order_lines o USING (customer_id) JOIN web.events e USING (customer_id) GROUP BY 1, 2, 3",
    "SELECT c.customer_id, e.user_agent, o.invoice FROM web.events e JOIN pos.order_lines o ON e.invoice = o.invoice JOIN crm.customers c ON c.customer_id = e.customer_id",
    "SELECT customer_id FROM crm.tickets UNION ALL SELECT customer_id FROM pos.order_lines UNION ALL SELECT customer_id FROM web.events",
    "WITH seen AS (SELECT customer_id, count(*) AS n FROM web.events GROUP BY 1), bought AS (SELECT customer_id, sum(quantity) AS q FROM pos.order_lines GROUP BY 1) SELECT c.prefecture, sum(s.n), sum(b.q) FROM crm.customers c LEFT JOIN seen s USING (customer_id) LEFT JOIN bought b USING (customer_id) GROUP BY 1",
    "SELECT e.category, max(t.minutes) FROM web.events e JOIN crm.tickets t ON t.customer_id = e.customer_id WHERE e.occurred_at >= '2025-03-10' AND t.minutes > 2 AND NOT EXISTS (SELECT 1 FROM pos.order_lines o WHERE o.customer_id = e.customer_id AND o.quantity > 11) GROUP BY 1",
    "SELECT e.query_text, t.body FROM web.events e JOIN crm.tickets t USING (customer_id) WHERE e.event_type = 'search'",
]  # fmt: skip


@pytest.fixture(scope="module", params=PLACES)
def judge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    with joined_judge(tmp_path_factory.mktemp("joined"), PLACES[request.param]) as built:
        yield built


@pytest.mark.parametrize("sql", CRM_POS + THREE)
def test_statements_over_several_stores_are_answered(judge: Judge, sql: str) -> None:
    """The rows are those of the reference, and the same where what is withheld or masked is another."""
    judge.answers(sql)


def test_a_scan_of_a_small_table_is_asked_for_no_value_that_was_chosen() -> None:
    """What may show in the plans of its server stays outside of a scan, and is asked in DuckDB; a key goes with it."""
    places = PLACES["PostgreSQL, files"]
    with (
        servers_of(places) as servers,
        tempfile.TemporaryDirectory() as folder,
        JoinedWorld(Path(folder), places, servers) as world,
    ):
        question = world.gateway.statements.read(
            REQUESTERS["recommender"],
            PURPOSES["recommendation"],
            "SELECT c.points, o.quantity FROM crm.customers c JOIN pos.order_lines o USING (customer_id)"
            f" WHERE c.points > 20 AND c.customer_id = '{world.pseudonym(12)}'",
        )
        permit = world.policy.permit(question.request)
        large, small = (question.plan(permit, few=few).scans for few in (frozenset(), frozenset({"crm.customers"})))
    assert ['"t"."points" >' in scans[0].plan.sql for scans in (large, small)] == [True, False]
    assert all('"t"."customer_id" =' in scans[0].plan.sql for scans in (large, small))


def test_parameters_are_bound_in_the_scan_and_above(judge: Judge) -> None:
    """A parameter that is compared in a scan is the one that is compared in DuckDB."""
    judge.answers(
        "SELECT c.points, o.quantity FROM crm.customers c JOIN pos.order_lines o USING (customer_id)"
        " WHERE c.points > ? AND c.prefecture = ? AND o.quantity BETWEEN ? AND ? AND c.signed_up_on > ?",
        5, "東京都", 2, 9, "2001-02-03",
    )  # fmt: skip


@pytest.fixture(scope="module")
def logs(judge: Judge) -> Iterator[Reference]:
    assert isinstance(judge.world, JoinedWorld)
    built = JoinedReference(judge.world, "fraud")
    yield built
    built.close()


@pytest.mark.parametrize("sql", LOGS)
def test_without_consent_everybody_known_is_read(judge: Judge, logs: Reference, sql: str) -> None:
    """A purpose that needs no consent gets the rows of all who are known, and data about nobody."""
    answer = judge.world.ask(sql, purpose="fraud")
    assert counted(answer.rows) == counted(logs.rows(sql))
