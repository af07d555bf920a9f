"""What the rewriter says to PostgreSQL: without a server where the text tells, with one where only it can."""

# ruff: noqa: E501, ISC004 - a statement reads best on its own line

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlglot import exp

from sekisho.domain.access import TransformKind
from sekisho.domain.terms import ColumnType, Dataset, Store, StoreKind
from sekisho.errors import InvalidRequest, StatementRefused
from sekisho.query.dialects import DIALECTS
from sekisho.query.dialects.postgresql import COLUMN_TYPES, COMPARED, COMPARISONS
from sekisho.query.plan import Plan, bind
from sekisho.query.statements import Statements
from tests.query.planning import question_of, shop_plan
from tests.query.postgres import PostgresWorld
from tests.query.reference import Judge
from tests.query.shop import SHOP, shop_catalogue
from tests.query.test_leakproof import Codec
from tests.query.world import PURPOSES, REQUESTERS, ClassPolicy, catalogue

POSTGRESQL = DIALECTS[StoreKind.POSTGRESQL]

HARMLESS = [
    "SELECT quantity FROM shop.order_lines",
    "SELECT country, count(*), sum(quantity), min(country) FROM shop.order_lines GROUP BY country",
    "SELECT quantity FROM shop.order_lines WHERE quantity > 5 AND NOT country = 'Japan' OR gift",
    "SELECT quantity FROM shop.order_lines WHERE quantity BETWEEN 1 AND 9 AND country IN ('Japan', 'France')",
    "SELECT quantity FROM shop.order_lines WHERE quantity BETWEEN ? AND ? AND country = ?",
    "SELECT quantity FROM shop.order_lines WHERE invoiced_at >= '2011-01-01' AND customer_id IS NOT NULL",
    "SELECT points FROM shop.customers WHERE signed_up_on < '2015-01-01' AND birth_date = 1980",
    "SELECT o.quantity FROM shop.order_lines o JOIN shop.events e ON o.customer_id = e.customer_id AND e.category = 'tea'",
    "SELECT o.quantity FROM shop.order_lines o JOIN shop.events e USING (customer_id, invoice)",
    "SELECT customer_id, count(*) FROM shop.order_lines GROUP BY customer_id HAVING count(*) > 3",
]

MAY_FAIL = [
    "SELECT quantity FROM shop.order_lines WHERE unit_price > 2",
    "SELECT quantity FROM shop.order_lines WHERE unit_price <= 2.5",
    "SELECT quantity FROM shop.order_lines WHERE unit_price > quantity",
    "SELECT quantity FROM shop.order_lines WHERE unit_price = ?",
    "SELECT quantity FROM shop.order_lines WHERE quantity > 2.5",
    "SELECT quantity FROM shop.order_lines WHERE quantity > 10000000000000000000",
    "SELECT quantity FROM shop.order_lines WHERE quantity = '5'",
    "SELECT quantity FROM shop.order_lines WHERE country LIKE 'J%'",
    "SELECT quantity FROM shop.order_lines WHERE starts_with(country, 'J')",
    "SELECT o.quantity FROM shop.order_lines o JOIN shop.events e ON o.invoiced_at = e.occurred_at",
    "SELECT c.points FROM shop.customers c JOIN shop.order_lines o ON c.signed_up_on < o.invoiced_at",
    "SELECT country FROM shop.order_lines GROUP BY country HAVING sum(quantity) > 3",
    "SELECT quantity::bigint FROM shop.order_lines",
    "SELECT count(*) FILTER (WHERE gift) FROM shop.order_lines",
    "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY quantity) FROM shop.order_lines",
]

USEFUL = [
    "SELECT * FROM shop.customers",
    "SELECT * FROM shop.order_lines o JOIN shop.customers c USING (customer_id)",
    "SELECT * FROM shop.order_lines o JOIN shop.events e USING (customer_id, invoice) JOIN shop.customers c USING (customer_id)",
    "SELECT customer_id, sum(quantity * unit_price)::numeric AS spent FROM shop.order_lines GROUP BY customer_id HAVING sum(quantity) > 5",
    "SELECT date_trunc('month', invoiced_at) AS month, count(DISTINCT customer_id) FROM shop.order_lines GROUP BY 1 ORDER BY 1",
    "SELECT date_trunc('week', invoiced_at)::date AS week, sum(quantity) FROM shop.order_lines GROUP BY week ORDER BY week",
    "SELECT extract(dow FROM invoiced_at) AS d, extract(epoch FROM invoiced_at) > 0 AS e, date_part('hour', invoiced_at) FROM shop.order_lines",
    "SELECT to_char(invoiced_at, 'YYYY-MM') AS month, to_char(invoiced_at, 'YYYY-\"Q\"Q'), to_char(invoiced_at, 'Dy DD Mon') FROM shop.order_lines",
    "SELECT (occurred_at AT TIME ZONE 'Asia/Tokyo')::date AS day, count(*) FROM shop.events GROUP BY 1",
    "SELECT occurred_at AT TIME ZONE 'UTC' + interval '9 hours' AS local FROM shop.events",
    "SELECT invoiced_at + interval '1 day' * 3, invoiced_at - interval '2 mons 3 days' FROM shop.order_lines WHERE quantity = 4",
    "SELECT age(TIMESTAMP '2025-01-01', invoiced_at) > interval '14 years' AS old, count(*) FROM shop.order_lines GROUP BY 1",
    "SELECT DATE '2025-01-01' - signed_up_on AS days, signed_up_on + 7 FROM shop.customers",
    "SELECT make_date(2020, 1, 1) > signed_up_on, isfinite(signed_up_on) FROM shop.customers",
    "SELECT count(*) FILTER (WHERE gift), sum(quantity) FILTER (WHERE country = 'Japan') FROM shop.order_lines",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY quantity), percentile_disc(0.9) WITHIN GROUP (ORDER BY quantity) FROM shop.order_lines",
    "SELECT country, mode() WITHIN GROUP (ORDER BY stock_code) FROM shop.order_lines GROUP BY country",
    "SELECT bool_and(gift), bool_or(gift), stddev(quantity), variance(unit_price), corr(quantity, quantity) FROM shop.order_lines",
    "SELECT stddev_pop(quantity), stddev_samp(quantity), var_pop(quantity), covar_pop(quantity, quantity), covar_samp(quantity, 1) FROM shop.order_lines",
    "SELECT member_rank, rank() OVER (PARTITION BY prefecture ORDER BY points DESC NULLS LAST) FROM shop.customers",
    "SELECT sum(points) OVER (ORDER BY points, signed_up_on ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM shop.customers",
    "SELECT points - lag(points, 1, 0) OVER (ORDER BY signed_up_on, points) AS more FROM shop.customers",
    "SELECT ntile(4) OVER (ORDER BY points) AS q, count(*) OVER () FROM shop.customers",
    "SELECT member_rank, points FROM (SELECT member_rank, points, row_number() OVER (PARTITION BY member_rank ORDER BY points DESC, signed_up_on, prefecture) AS r FROM shop.customers) x WHERE r = 1",
    "SELECT points / 10 * 10 AS band, points % 7, -points, points ^ 2, abs(points - 50) FROM shop.customers",
    "SELECT round(avg(points), 2), trunc(avg(points), 1), ceil(avg(points)), floor(avg(points)), sign(min(points)) FROM shop.customers",
    "SELECT width_bucket(points, 0, 120, 4) AS bucket, count(*) FROM shop.customers GROUP BY bucket ORDER BY bucket",
    "SELECT greatest(points, 5), least(points, 100), coalesce(NULLIF(points, 0), 1), sqrt(points), ln(points + 1), exp(0) FROM shop.customers",
    "SELECT upper(member_rank) || '-' || prefecture, initcap(member_rank), concat(member_rank, points), concat_ws('/', member_rank, prefecture) FROM shop.customers",
    "SELECT substring(member_rank FROM 2 FOR 3), substr(member_rank, 2), left(member_rank, 1), right(member_rank, 2), length(member_rank) FROM shop.customers",
    "SELECT substring(member_rank, length(member_rank) - 1), substring(member_rank, position('l' IN member_rank) + 1, 1) FROM shop.customers",
    "SELECT split_part(stock_code, '0', 1), strpos(stock_code, '0'), replace(stock_code, '0', 'o'), trim(BOTH 'S' FROM stock_code), ltrim(stock_code, 'S') FROM shop.order_lines",
    "SELECT points FROM shop.customers WHERE member_rank LIKE 'go%' OR member_rank ILIKE '%ER' OR starts_with(member_rank, 'b')",
    "SELECT points FROM shop.customers WHERE member_rank NOT LIKE '%!_%' ESCAPE '!' AND prefecture ~~ '東%'",
    "SELECT points FROM shop.customers WHERE points BETWEEN SYMMETRIC 50 AND 10",
    "SELECT points IS NULL, points NOTNULL, member_rank IS DISTINCT FROM 'gold', (points > 5) IS TRUE, (points > 5) IS NOT FALSE FROM shop.customers",
    "SELECT points::text, points::numeric, CAST(points AS double precision), signed_up_on::timestamp, 'true'::bool FROM shop.customers",
    "SELECT DISTINCT member_rank, prefecture FROM shop.customers ORDER BY prefecture, member_rank LIMIT 3",
    "SELECT points FROM shop.customers ORDER BY points DESC NULLS LAST, signed_up_on OFFSET 2 ROWS FETCH NEXT 3 ROWS ONLY",
    "SELECT points FROM shop.customers ORDER BY points, signed_up_on LIMIT ALL",
    "SELECT lower(member_rank) AS member_rank, count(*) FROM shop.customers GROUP BY member_rank ORDER BY (count(*)) DESC, member_rank",
    "SELECT -points AS points FROM shop.customers ORDER BY (points) LIMIT 3",
    "SELECT points AS p FROM shop.customers ORDER BY points + 1 DESC LIMIT 3",
    "SELECT points::text FROM shop.customers ORDER BY points LIMIT 5",
    'SELECT points AS "Total", member_rank AS "R" FROM shop.customers',
    'SELECT points AS "Points", -points AS points FROM shop.customers ORDER BY points, "Points"',
    'SELECT q."N" FROM (SELECT count(*) AS "N", 1 AS n FROM shop.customers) q',
    "SELECT c.customer_id, t.channel FROM shop.customers c LEFT JOIN shop.tickets t USING (customer_id) WHERE t.minutes IS NULL OR t.minutes > 3",
    "SELECT customer_id FROM shop.customers FULL JOIN shop.events USING (customer_id)",
    "SELECT c.points FROM shop.customers c WHERE customer_id IN (SELECT customer_id FROM shop.order_lines WHERE quantity > 6)",
    "SELECT c.points FROM shop.customers c WHERE NOT EXISTS (SELECT 1 FROM shop.tickets t WHERE t.customer_id = c.customer_id AND NOT t.resolved)",
    "SELECT (SELECT max(t.minutes) FROM shop.tickets t WHERE t.customer_id = c.customer_id) AS longest FROM shop.customers c",
    "WITH big AS (SELECT customer_id, sum(quantity) AS n FROM shop.order_lines GROUP BY 1), few AS (SELECT customer_id FROM big WHERE n < 9)"
    " SELECT c.member_rank, count(*) FROM shop.customers c JOIN few USING (customer_id) GROUP BY 1",
    "WITH RECURSIVE days(d) AS (SELECT DATE '2012-01-01' UNION ALL SELECT (d + interval '1 year')::date FROM days WHERE d < DATE '2020-01-01')"
    " SELECT d, count(points) FROM days LEFT JOIN shop.customers ON signed_up_on <= d GROUP BY d ORDER BY d",
    "(SELECT customer_id FROM shop.customers EXCEPT SELECT customer_id FROM shop.tickets) INTERSECT SELECT customer_id FROM shop.events",
    "SELECT points FROM shop.customers UNION SELECT minutes FROM shop.tickets ORDER BY 1 DESC LIMIT 4",
    "SELECT v.label, count(*) FROM shop.order_lines o JOIN (VALUES ('Japan', 'home'), ('France', 'away')) AS v(c, label) ON v.c = o.country GROUP BY 1",
    "SELECT p.title, sum(o.quantity) FROM shop.order_lines o JOIN (SELECT 'S001' AS stock_code, 'x' AS title) p USING (stock_code) GROUP BY p.title",
    "SELECT user_agent, referrer, count(*) FROM shop.events GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 3 DESC, 1, 2",
    "SELECT birth_date / 10 * 10 AS decade, postal_code, count(*) FROM shop.customers WHERE birth_date BETWEEN 1970 AND 1995 GROUP BY 1, 2",
    "SELECT customer_id, event_id, invoice, query_text FROM shop.events WHERE invoice IS NOT NULL",
    "SELECT o.stock_code FROM shop.order_lines o JOIN shop.events e ON e.invoice = o.invoice AND e.customer_id = o.customer_id",
    "SELECT points FROM shop.customers WHERE customer_id = '<p12>' OR customer_id IN ('<p14>', '<p15>')",
    "SELECT quantity FROM shop.order_lines WHERE invoice = '<invoice:MK-00004>'",
    "SELECT count(*) FROM shop.customers WHERE points IN (10, 20) AND (member_rank, prefecture) IN (('gold', '東京都'), ('silver', '大阪府'))",
    "SELECT CASE member_rank WHEN 'gold' THEN 3 WHEN 'silver' THEN 2 ELSE 1 END * points AS score FROM shop.customers",
    "SELECT current_date > signed_up_on AS past, now() > TIMESTAMP '2020-01-01' FROM shop.customers LIMIT 1",
]  # fmt: skip

PARAMETERS = [
    ("SELECT points FROM shop.customers WHERE member_rank = ? AND points > ?", ("gold", 20)),
    ("SELECT points FROM shop.customers WHERE points IN (?, ?, ?)", (10, 20, 30)),
    ("SELECT points FROM shop.customers WHERE customer_id = ?", ("<p12>",)),
    ("SELECT points FROM shop.customers WHERE customer_id IN (?, '<p14>', ?)", ("<p12>", "<p15>")),
    ("SELECT quantity FROM shop.order_lines WHERE unit_price >= ?", (2.5,)),
    ("SELECT quantity FROM shop.order_lines WHERE invoiced_at < ?", ("2011-05-01",)),
    ("SELECT quantity FROM shop.order_lines WHERE gift = ? AND quantity BETWEEN ? AND ?", (True, 2, 8)),
    ("SELECT quantity FROM shop.order_lines WHERE invoice IN (?, ?)", ("<invoice:MK-00004>", "<invoice:MK-00009>")),
    ("SELECT quantity FROM shop.order_lines WHERE customer_id = ?", (None,)),
    ("SELECT quantity + ? FROM shop.order_lines WHERE ? = country", (5, "Norway")),
    ("SELECT count(*) FROM shop.events WHERE category LIKE ? OR category ILIKE '%' || ? || '%'", ("te%", "OT")),
    ("SELECT points FROM shop.customers ORDER BY points, signed_up_on LIMIT ? OFFSET ?", (3, 2)),
    ("SELECT points, '?' FROM shop.customers WHERE points > ? -- ?", (50,)),
    ("SELECT ?::text, points FROM shop.customers WHERE points = ?::int", ("x", 20)),
]


# -- the text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", HARMLESS)
def test_what_the_server_calls_leak_proof_needs_no_fence(sql: str) -> None:
    """Comparisons by leak-proof operators leave the planner free."""
    plan = shop_plan(sql)
    assert not plan.fenced
    assert "OFFSET" not in plan.sql


@pytest.mark.parametrize("sql", MAY_FAIL)
def test_everything_else_fences_every_table(sql: str) -> None:
    """Numeric comparisons, casts and functions are not leak-proof to the server."""
    plan = shop_plan(sql)
    assert plan.fenced
    assert plan.sql.count("OFFSET '0'") == plan.sql.count('AS "t"')


def test_parameters_are_numbered_in_the_order_of_their_values() -> None:
    """``$n`` is the n-th value that is bound, wherever it stands."""
    plan = shop_plan(
        "SELECT points + ? AS p FROM shop.customers WHERE customer_id IN ('p:1', ?) AND member_rank = ? ORDER BY p LIMIT ?"
    )
    values = list(bind(plan, [7, "p:2", "gold", 3], Codec()).parameters.values())
    for value, text in ((7, '"points" + ${}'), ("gold", '"member_rank" = ${}'), (3, "LIMIT ${}")):
        assert text.format(values.index(value) + 1) in plan.sql
    assert "?" not in plan.sql
    assert all(f"${number}" in plan.sql for number in range(1, len(values) + 1))
    assert f"${len(values) + 1}" not in plan.sql


def test_integer_identifiers_are_bound_as_integers() -> None:
    """A token of a linking identifier that the stores hold as a number is bound as that number."""
    declared = shop_catalogue()
    lines = declared.datasets["shop.order_lines"]
    columns = tuple(replace(c, type=ColumnType.INTEGER) if c.name == "invoice" else c for c in lines.columns)
    declared = replace(declared, datasets={**declared.datasets, lines.name: replace(lines, columns=columns)})
    question = question_of("SELECT quantity FROM shop.order_lines WHERE invoice = 't:12'", declared=declared)
    plan = question.plan(ClassPolicy().permit(question.request))
    assert '"invoice" = CAST($1 AS BIGINT)' in plan.sql
    assert next(iter(bind(plan, [], Codec()).parameters.values())) == 12


def test_a_pattern_is_looked_at_when_it_is_bound() -> None:
    """A LIKE pattern that ends in a backslash is no parameter; elsewhere a backslash is a character."""
    plan = shop_plan("SELECT points FROM shop.customers WHERE member_rank LIKE ?")
    with pytest.raises(InvalidRequest):
        bind(plan, ["a\\"], Codec())
    assert next(iter(bind(plan, ["a\\%"], Codec()).parameters.values())) == "a\\%"
    plan = shop_plan("SELECT points FROM shop.customers WHERE member_rank = ?")
    assert next(iter(bind(plan, ["a\\"], Codec()).parameters.values())) == "a\\"


def test_several_stores_are_read_by_duckdb() -> None:
    """Two PostgreSQL stores, or PostgreSQL beside another engine, are joined in DuckDB; one is read as PostgreSQL."""
    declared = catalogue(Path("/nowhere"))
    tickets: Dataset = replace(SHOP["shop.tickets"], name="desk.tickets", store="desk")
    both = replace(
        declared,
        stores=dict(declared.stores) | {name: Store(name, StoreKind.POSTGRESQL, "") for name in ("shop", "desk")},
        datasets=dict(declared.datasets) | SHOP | {"desk.tickets": tickets},
    )
    for other in ("desk.tickets", "crm.tickets", "web.events"):
        plan = shop_question(f"SELECT c.points FROM shop.customers c, {other} t", Statements(both))
        assert plan.engine is StoreKind.DUCKDB
        assert plan.stores == tuple(sorted(("shop", other.split(".")[0])))
    assert shop_question("SELECT points FROM shop.customers", Statements(both)).engine is StoreKind.POSTGRESQL
    assert shop_question("SELECT points FROM crm.customers", Statements(both)).engine is StoreKind.SQLITE
    with pytest.raises(StatementRefused, match="cannot be read as PostgreSQL SQL"):
        shop_question("SELECT points FROM shop.customers WHERE", Statements(both))
    with pytest.raises(StatementRefused, match="cannot be read as SQLite SQL"):
        shop_question("SELECT points FROM crm.customers WHERE", Statements(both))


def shop_question(sql: str, statements: Statements) -> Plan:
    """Return the plan of *sql* among *statements*."""
    question = statements.read(REQUESTERS["recommender"], PURPOSES["recommendation"], sql)
    return question.plan(ClassPolicy().permit(question.request))


def test_what_is_read_is_listed_with_its_schema() -> None:
    """The second oracle compares with ``schema.table``."""
    plan = shop_plan("SELECT o.quantity FROM shop.order_lines o JOIN shop.customers c USING (customer_id)")
    people = f"sekisho.{plan.projections[0].table}"
    assert plan.reads == {
        ("sales.order_lines", "quantity"), ("sales.order_lines", "customer_id"), ("public.customers", "customer_id"),
        (people, "k"), (people, "n"),
    }  # fmt: skip


# -- with a server -------------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.parametrize("sql", USEFUL)
def test_ordinary_statements_are_answered(shop_judge: Judge, sql: str) -> None:
    """What analysts ask every day is answered as the server answers it over tables filtered and masked first."""
    shop_judge.answers(sql)


@pytest.mark.postgres
@pytest.mark.parametrize(("sql", "parameters"), PARAMETERS)
def test_parameters_take_the_place_of_values(shop_judge: Judge, sql: str, parameters: tuple[object, ...]) -> None:
    """Question marks are filled in order, tokens included."""
    shop_judge.answers(sql, *(shop_judge.fill(value) if isinstance(value, str) else value for value in parameters))


@pytest.mark.postgres
def test_rows_come_in_the_order_asked_for(shop_judge: Judge) -> None:
    """ORDER BY decides."""
    for sql in (
        "SELECT points, signed_up_on FROM shop.customers ORDER BY points DESC, signed_up_on",
        "SELECT invoiced_at, stock_code FROM shop.order_lines ORDER BY invoiced_at DESC, stock_code",
        "SELECT points::text FROM shop.customers ORDER BY points",
        "SELECT -points AS points FROM shop.customers ORDER BY (points)",
        "SELECT -points AS points FROM shop.customers ORDER BY points + 0",
    ):
        assert shop_judge.world.ask(sql).rows == shop_judge.reference.rows(sql)


@pytest.mark.postgres
def test_the_server_calls_the_comparisons_leak_proof(shop_judge: Judge) -> None:
    """Every comparison that needs no fence is by an operator, and by casts, that the server marks leak-proof."""
    connection = _connection(shop_judge)
    found = connection.execute(
        "SELECT o.oprname, l.typname, r.typname FROM pg_operator o JOIN pg_type l ON l.oid = o.oprleft"
        " JOIN pg_type r ON r.oid = o.oprright JOIN pg_proc p ON p.oid = o.oprcode WHERE p.proleakproof"
    ).fetchall()
    free = set(found)
    cast = set(
        connection.execute(
            "SELECT s.typname, t.typname FROM pg_cast c JOIN pg_type s ON s.oid = c.castsource JOIN pg_type t"
            " ON t.oid = c.casttarget LEFT JOIN pg_proc p ON p.oid = c.castfunc WHERE c.castmethod = 'b' OR p.proleakproof"
        ).fetchall()
    ) | {("bpchar", "text")}  # takes blanks from the end of a text: not marked, and cannot fail
    for column_type, family in COMPARISONS.families.items():
        types = COLUMN_TYPES[column_type]
        pairs = ((a, a) for a in types) if family in COMPARISONS.literals_only else product(types, types)
        for (left, right), operator in product(pairs, COMPARED):
            lefts = {left} | {b for a, b in cast if a == left}
            rights = {right} | {b for a, b in cast if a == right}
            assert any((operator, a, b) in free for a, b in product(lefts, rights)), (operator, left, right)
    assert ("=", "numeric", "numeric") not in free
    assert ("<", "timestamp", "timestamptz") not in free


@pytest.mark.postgres
def test_a_fence_keeps_conditions_out(shop_judge: Judge) -> None:
    """The server's plan has the requester's expression above the governed table, and the copied condition below."""
    for condition, fenced in (("abs(points) = 5", True), ("points = 5", False)):
        plan = shop_judge.world.plan(f"SELECT points FROM shop.customers WHERE {condition} AND member_rank = 'gold'")
        sql = "EXPLAIN (VERBOSE, FORMAT JSON) " + plan.sql.replace("$1", "'{}'")
        ((told,),) = _connection(shop_judge).execute(sql).fetchall()
        subqueries = [node for node in _nodes(told[0]["Plan"]) if node["Node Type"] == "Subquery Scan"]
        scans = json.dumps([node for node in _nodes(told[0]["Plan"]) if "Relation Name" in node])
        assert bool(subqueries) is fenced
        assert "gold" in scans
        assert "abs(" not in scans


def _nodes(plan: dict[str, object]) -> Iterator[dict[str, object]]:
    yield plan
    below = plan.get("Plans", [])
    assert isinstance(below, list)
    for node in below:
        yield from _nodes(node)


def _connection(judge: Judge) -> psycopg.Connection[Any]:
    assert isinstance(judge.world, PostgresWorld)
    return judge.world.connection


AT = "https://taro:pw@shop.example.com:8080/secret?token=1#x"
MASKED = [
    (TransformKind.YEAR, ColumnType.DATE, "DATE '1984-05-06'", 1984),
    (TransformKind.YEAR, ColumnType.DATE, "DATE 'infinity'", None),
    (TransformKind.YEAR, ColumnType.DATE, "DATE '0044-03-15 BC'", -44),
    (TransformKind.YEAR, ColumnType.TIMESTAMP, "TIMESTAMP '-infinity'", None),
    (TransformKind.YEAR, ColumnType.TIMESTAMP, "TIMESTAMPTZ '1999-12-31 23:59:59 UTC'", 1999),
    (TransformKind.YEAR, ColumnType.STRING, "'1984-05-06'", 1984),
    (TransformKind.YEAR, ColumnType.STRING, "'unknown'", None),
    (TransformKind.YEAR, ColumnType.STRING, "'１９８４'", None),
    (TransformKind.AGE_BAND, ColumnType.DATE, "(CURRENT_DATE - interval '34 years')::date", 30),
    (TransformKind.AGE_BAND, ColumnType.DATE, "DATE 'infinity'", None),
    (TransformKind.AGE_BAND, ColumnType.STRING, "to_char(CURRENT_DATE - interval '47 years', 'YYYY-MM-DD')", 40),
    (TransformKind.AGE_BAND, ColumnType.STRING, "''", None),
    (TransformKind.PREFIX3, ColumnType.STRING, "'渋谷区神南'", "渋谷区"),
    (TransformKind.PREFIX3, ColumnType.STRING, "'1'", "1"),
    (TransformKind.PARTIAL, ColumnType.STRING, "'Taro'", "T***"),
    (TransformKind.HOST, ColumnType.STRING, f"'{AT}'", "shop.example.com"),
    (TransformKind.HOST, ColumnType.STRING, "'http://example.org'", "example.org"),
    (TransformKind.HOST, ColumnType.STRING, "'http://example.org?q=taro@example.com'", "example.org"),
    (TransformKind.HOST, ColumnType.STRING, "'http://taro@'", ""),
    (TransformKind.HOST, ColumnType.STRING, "'http://taro:pw@'", ""),
    (TransformKind.HOST, ColumnType.STRING, "'http://taro:12@'", ""),
    (TransformKind.HOST, ColumnType.STRING, "'mailto:taro@example.org'", ""),
    (TransformKind.HOST, ColumnType.STRING, "'taro'", ""),
    (TransformKind.BROWSER, ColumnType.STRING, "'Mozilla Chrome/1 Edg/2'", "Edge"),
    (TransformKind.BROWSER, ColumnType.STRING, "'curl'", "other"),
    (TransformKind.REDACT, ColumnType.STRING, "'Taro'", "***"),
    (TransformKind.REDACT, ColumnType.DATE, "DATE '1984-05-06'", None),
    (TransformKind.WITHHOLD, ColumnType.STRING, "'Taro'", None),
    (TransformKind.WITHHOLD, ColumnType.DOUBLE, "1.5", None),
    (TransformKind.CLEAR, ColumnType.STRING, "'Taro'", "Taro"),
]  # fmt: skip


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("kind", "column_type", "value", "shown"), MASKED, ids=[f"{k.value} {v[:40]}" for k, _, v, _ in MASKED]
)
def test_a_mask_is_what_it_says(
    shop_judge: Judge, kind: TransformKind, column_type: ColumnType, value: str, shown: object
) -> None:
    """Every mask at the scan shows what it may and fails on no value."""
    mask = POSTGRESQL.generate(POSTGRESQL.mask(kind, exp.column("c", quoted=True), column_type))
    ask = _connection(shop_judge).execute
    assert ask(f"SELECT {mask} FROM (SELECT {value} AS c) t").fetchall() == [(shown,)]
    if kind is not TransformKind.REDACT:
        null = f"SELECT {mask} FROM (SELECT CASE WHEN false THEN {value} END AS c) t"
        assert ask(null).fetchall() == [(None,)]
