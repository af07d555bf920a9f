"""The attacks on a PostgreSQL store: those on every engine, and those that only PostgreSQL's own ways allow."""

# ruff: noqa: E501, ISC004 - a statement reads best on its own line

from __future__ import annotations

import pytest
from tests.attacks import test_sql_constructs as constructs
from tests.attacks import test_sql_masks as masks
from tests.attacks import test_sql_names as names
from tests.attacks import test_sql_order as order
from tests.attacks import test_sql_recursive as recursive
from tests.query.reference import Judge
from tests.query.shop import shop

pytestmark = pytest.mark.postgres

REFUSED = {
    "statement_refused", "masked_column_use", "unknown_column", "unknown_dataset", "invalid_request",
}  # fmt: skip

OF_EVERY_ENGINE = [
    shop(sql)
    for corpus in (
        constructs.NOT_ONE_READ, constructs.NO_TABLE, constructs.NOT_LISTED, constructs.STARS, constructs.NAMES,
        masks.SEALED, masks.TRUTHS, recursive.RECURSIVE, masks.BLANK, masks.KEYED, names.CONFUSED,
    )
    for sql in corpus
]  # fmt: skip
# Refused elsewhere because these datasets lie in different stores, or because SQLite does not name the columns of VALUES.
FINE_HERE = {
    "SELECT * FROM shop.customers, shop.order_lines",
    "SELECT points FROM shop.customers WHERE points IN (SELECT quantity FROM shop.order_lines)",
    "SELECT c.points FROM shop.customers c JOIN (VALUES ('gold')) v(r) ON v.r = c.member_rank",
    "SELECT shop.events.category FROM shop.events",
    "SELECT shop.events.* FROM shop.events",
    "SELECT shop.tickets.body FROM shop.tickets",
}

NO_READ = [
    "LISTEN x", "NOTIFY x, 'y'", "LOCK TABLE shop.customers", "SET ROLE postgres", "RESET ROLE", "DISCARD ALL",
    "SET SESSION AUTHORIZATION postgres", "SHOW ALL", "SHOW server_version", "REINDEX TABLE shop.customers",
    "CLUSTER", "REFRESH MATERIALIZED VIEW x", "SECURITY LABEL ON TABLE shop.customers IS 'x'", "DEALLOCATE ALL",
    "COPY shop.customers TO STDOUT", "COPY shop.customers TO PROGRAM 'cat'", "COPY (SELECT email FROM shop.customers) TO STDOUT",
    "DO $$ BEGIN RAISE NOTICE 'x'; END $$", "CALL x()", "PREPARE x AS SELECT 1", "EXECUTE x", "DECLARE x CURSOR FOR SELECT 1",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE RULE r AS ON SELECT TO x DO INSTEAD NOTHING",
    "IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z", "CREATE EXTENSION dblink", "ALTER SYSTEM SET x = 1",
    "GRANT SELECT ON shop.customers TO PUBLIC", "VALUES ('x')", "EXPLAIN (ANALYZE, VERBOSE) SELECT points FROM shop.customers",
    "SELECT points FROM shop.customers FOR UPDATE", "SELECT points FROM shop.customers FOR NO KEY UPDATE NOWAIT",
    "SELECT points FROM shop.customers FOR KEY SHARE OF customers SKIP LOCKED",
    "SELECT points INTO TEMP x FROM shop.customers", "SELECT points INTO UNLOGGED x FROM shop.customers",
    "WITH x AS (INSERT INTO shop.customers SELECT * FROM shop.customers RETURNING email) SELECT * FROM x",
    "WITH x AS (UPDATE shop.customers SET points = 1 RETURNING email) SELECT * FROM x",
    "WITH x AS (MERGE INTO shop.customers USING shop.tickets ON true WHEN MATCHED THEN DELETE RETURNING *) SELECT * FROM x",
    "SELECT points FROM shop.customers; SELECT pg_sleep(10)", "SELECT points FROM shop.customers \\; SELECT 1",
]  # fmt: skip

FUNCTIONS = [
    "pg_sleep(1)", "pg_read_file('/etc/passwd')", "pg_read_binary_file('/etc/passwd')", "pg_ls_dir('.')", "pg_stat_file('x')",
    "current_setting('data_directory')", "set_config('row_security', 'off', false)", "current_user", "session_user",
    "current_database()", "version()", "inet_server_addr()", "pg_backend_pid()", "pg_terminate_backend(1)", "pg_reload_conf()",
    "pg_advisory_lock(1)", "pg_try_advisory_lock(1)", "pg_advisory_xact_lock(1)", "txid_current()", "pg_current_xact_id()",
    "nextval('s')", "currval('s')", "setval('s', 1)", "lastval()", "lo_import('/etc/passwd')", "lo_get(1)", "lo_export(1, 'x')",
    "lo_from_bytea(0, 'x')", "dblink('x', 'SELECT 1')", "dblink_exec('x', 'DROP TABLE x')", "query_to_xml('SELECT 1', true, true, '')",
    "table_to_xml('customers', true, true, '')", "schema_to_xml('public', true, true, '')", "database_to_xml(true, true, '')",
    "cursor_to_xml('c', 1, true, true, '')", "xmlparse(DOCUMENT '<x/>')", "xpath('/x', '<x/>')", "to_regclass('customers')",
    "pg_get_viewdef('x')", "pg_get_functiondef(1)", "obj_description(1)", "col_description(1, 1)", "pg_relation_size('customers')",
    "pg_table_size('customers')", "pg_column_size(points)", "has_table_privilege('customers', 'SELECT')", "random()", "gen_random_uuid()",
    "clock_timestamp()", "statement_timestamp()", "timeofday()", "generate_series(1, 10)", "unnest(ARRAY[points])",
    "regexp_matches(member_rank, '(a+)+$')", "regexp_replace(member_rank, '(a+)+$', '')", "regexp_split_to_table(member_rank, 'a')",
    "regexp_match(member_rank, '(a+)+$')", "regexp_like(member_rank, '(a+)+$')", "regexp_count(member_rank, '(a+)+$')",
    "repeat(member_rank, 1000000000)", "lpad(member_rank, 1000000000)", "rpad(member_rank, 1000000000)", "format('%s', points)",
    "to_json(points)", "row_to_json(customers)", "to_jsonb(customers)", "json_agg(customers)", "jsonb_agg(note)", "array_agg(note)",
    "xmlagg(NULL)", "json_build_object('a', note)", "hstore(customers)", "record_out(customers)",
    "textin(NULL)", "int4in(NULL)", "encode(NULL, 'hex')", "convert_from(NULL, 'UTF8')", "md5(note)", "sha256(NULL)",
    "hashtext(note)", "hashtextextended(note, 0)", "hashint8extended(customer_id, 0)", "pg_typeof(note)", "row_security_active('customers')",
    "pg_stat_get_live_tuples(1)", "pg_notify('x', member_rank)", "pg_logical_emit_message(true, 'x', note)", "ts_stat('SELECT 1')",
    "crosstab('SELECT 1')", "plpgsql_call_handler()", "bpcharin(NULL, 1, 1)", "lower(customers)", "count(customers)",
    "pg_catalog.lower(member_rank)", "public.lower(member_rank)", "lower(VARIADIC ARRAY[member_rank])", "nth_value(note, 1) OVER ()",
    "grouping(points)", "cast(note AS regclass)", "'customers'::regclass", "member_rank::regtype", "member_rank::json",
    "member_rank::xml", "member_rank::bytea", "member_rank::oid", "points::int[]", "points::public.mood", 'points::"char"',
    "ARRAY(SELECT note FROM shop.customers)", "ARRAY[note]", "ROW(note)", "ROW(customers.*)", "(customers).note", "(customers.*)::text",
    "customers::text", "customers IS NULL", "customers = customers", "customers.*", 'note COLLATE "C"', "points OPERATOR(pg_catalog.+) 1",
    "U&'\\0061'", "E'\\\\x'", "$$x$$", "$x$ x $x$", "B'1'", "X'1F'", 'U&"note"', "points IS DOCUMENT", "member_rank IS NORMALIZED",
    "points = ANY (ARRAY[1])", "points = ALL (ARRAY[1])", "points = SOME (SELECT note FROM shop.customers)", "(points, 1) OVERLAPS (1, 2)",
    "member_rank ~ 'a'", "member_rank !~* 'a'", "member_rank SIMILAR TO 'a'", "substring(member_rank FROM '(a+)+$')",
    "substring(member_rank, prefecture)", "substring(member_rank SIMILAR 'a' ESCAPE '#')", "substr(member_rank, '1')",
    "member_rank @@ 'a'", "member_rank -> 'a'", "member_rank #>> '{a}'", "points <-> 1", "member_rank ? 'a'", "member_rank ?| ARRAY['a']",
    "extract(year FROM note)", "to_char(points, note)", "to_char(signed_up_on, '\"MM\"')", "TRY_CAST(member_rank AS INT)", "TRY_CAST(points AS TEXT)",
]  # fmt: skip

TABLES = [
    "pg_stats", "pg_catalog.pg_stats", "pg_statistic", "pg_stat_activity", "pg_class", "pg_authid", "pg_shadow", "pg_roles", "pg_views",
    "information_schema.columns", "sekisho.p_730ae0ee2cc6", "sekisho.applied", "public.customers", "customers", "public.hidden",
    "shop.hidden", "sales.order_lines", "shop.public.customers", "postgres.shop.customers", "ONLY shop.customers", "shop.customers *, nothing",
    "shop.customers TABLESAMPLE SYSTEM (50)", "shop.customers TABLESAMPLE BERNOULLI (50) REPEATABLE (1)", "generate_series(1, 9) x",
    "ROWS FROM (generate_series(1, 9)) x", "unnest(ARRAY[1]) WITH ORDINALITY x", "json_to_recordset('[]') AS x(a int)", "pg_ls_dir('.') x",
    "xmltable('/x' PASSING '<x/>' COLUMNS a int)", "json_table('[]', '$' COLUMNS (a int))", "(VALUES (1)) v", "(TABLE pg_shadow) x",
    "shop.customers c(a, b)", "shop.customers AS c (a int)", "(shop.customers CROSS JOIN shop.tickets)", "(shop.customers NATURAL JOIN shop.tickets) x",
    "shop.customers JOIN shop.tickets USING (customer_id) AS j",
    "LATERAL shop.customers x", "shop.customers c, LATERAL (SELECT upper(c.note)) x", "shop.customers c, LATERAL generate_series(1, c.points) x",
    "shop.secrets", '"SHOP".customers', '"Shop"."Customers"', 'shop."Customers"',
]  # fmt: skip

READ_ANOTHER_WAY = [
    # ON sees what it joins; the rest it takes from around the statement, where the same name hides a masked column.
    "SELECT c.note, (SELECT count(*) FROM (SELECT 'x' AS note) c, (SELECT 1 AS one) a JOIN (SELECT 1 AS two) b ON c.note > 'MKnote 2') FROM shop.customers c",
    "SELECT c.note FROM shop.customers c WHERE EXISTS (SELECT 1 FROM (SELECT 1 AS one) a JOIN (SELECT 1 AS two) b ON c.note LIKE '%tea%',"
    " (SELECT 'x' AS note) c)",
    "SELECT c.note FROM shop.customers c WHERE EXISTS (SELECT 1 FROM (SELECT 1 AS one) a JOIN (SELECT 1 AS two) b ON c.note > 'a'"
    " JOIN (SELECT 'x' AS note) c ON true)",
    "SELECT c.note FROM shop.customers c WHERE EXISTS (SELECT 1 FROM (SELECT 'x' AS note) c, (SELECT 1 AS one) a JOIN (SELECT 1 AS two) b"
    " ON EXISTS (SELECT 1 FROM (SELECT 1 AS z) z WHERE c.note > 'a'))",
    "SELECT c.note FROM shop.customers c WHERE EXISTS (SELECT 1 FROM (SELECT 'x' AS note) d, (SELECT 1 AS one) a JOIN (SELECT 1 AS two) b ON note > 'a')",
    # Names beyond 63 bytes are one name to PostgreSQL.
    "SELECT t.channel FROM (SELECT 'x' AS note) {0}a, shop.tickets t WHERE EXISTS (SELECT {0}b.note FROM shop.customers {0}b WHERE {0}a.note > 'MKnote 2')".format("n" * 63),
    "SELECT q.points FROM (SELECT points, note AS {0}a, 'x' AS {0}b FROM shop.customers) q WHERE q.{0}b > 'M'".format("n" * 63),
    "SELECT points AS {} FROM shop.customers".format("顧" * 22),
    # Quoted names of another case.
    'SELECT q."Note" FROM (SELECT note AS "Note", \'x\' AS note FROM shop.customers) q WHERE q."Note" > \'M\'',
    'SELECT points FROM shop.customers "C" WHERE c.points > 1',
    'SELECT "C".points FROM shop.customers C',
    # Output names in ORDER BY and GROUP BY, behind parentheses and casts too.
    "SELECT note AS points FROM shop.customers ORDER BY points",
    "SELECT note AS points FROM shop.customers ORDER BY (points)",
    "SELECT note AS points FROM shop.customers ORDER BY ((points)) DESC NULLS LAST",
    "SELECT customer_id AS points FROM shop.customers ORDER BY (points), member_rank",
    "SELECT (note) FROM shop.customers ORDER BY note",
    "SELECT points AS note, count(*) FROM shop.customers GROUP BY (note)",
    "SELECT upper(member_rank) AS note, count(*) FROM shop.customers GROUP BY note",
    "SELECT note AS n, count(*) FROM shop.customers GROUP BY n",
    "SELECT count(*) AS note FROM shop.customers HAVING note > 'M'",
    "SELECT 'a' AS note FROM shop.customers WHERE note = 'a'",
    "SELECT note AS x FROM shop.customers ORDER BY x || ''",
    "SELECT c.points, (SELECT 1 AS note ORDER BY note) FROM (SELECT 1 AS x) c, shop.customers ORDER BY note",
    # Aggregates that order.
    "SELECT mode() WITHIN GROUP (ORDER BY note) FROM shop.customers",
    "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY customer_id) FROM shop.customers",
    "SELECT percentile_disc(0) WITHIN GROUP (ORDER BY invoice) FROM shop.order_lines",
    "SELECT sum(points ORDER BY note) FROM shop.customers",
    "SELECT count(DISTINCT points ORDER BY customer_id) FROM shop.customers",
    "SELECT bool_and(note > 'M') FROM shop.customers",
    "SELECT max(points) FILTER (WHERE note LIKE '%tea%') FROM shop.customers",
    # Recursion in PostgreSQL's ways.
    "WITH RECURSIVE a AS (SELECT v FROM b), b AS (SELECT note AS v FROM shop.customers) SELECT lower(v) FROM a",
    "WITH RECURSIVE r(v, n) AS (SELECT note, 1 FROM shop.customers UNION ALL SELECT v, n + 1 FROM r WHERE n < 3)"
    " SEARCH DEPTH FIRST BY v SET o SELECT n FROM r ORDER BY o",
    "WITH RECURSIVE r(v) AS (SELECT customer_id FROM shop.customers UNION SELECT v FROM r) CYCLE v SET c USING p SELECT c FROM r",
    "WITH x AS NOT MATERIALIZED (SELECT note FROM shop.customers) SELECT lower(note) FROM x",
    # System columns.
    *[f"SELECT {name} FROM shop.customers" for name in ("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid")],
    "SELECT c.ctid FROM shop.customers c ORDER BY c.ctid",
    "SELECT tableoid::regclass FROM shop.customers",
    # DISTINCT ON, and cuts that WITH TIES widens.
    "SELECT DISTINCT ON (note) points FROM shop.customers",
    "SELECT customer_id FROM shop.customers ORDER BY points FETCH FIRST 1 ROWS WITH TIES",
    "SELECT points FROM shop.customers FETCH FIRST (SELECT length(note) FROM shop.customers) ROWS ONLY",
    "SELECT points FROM shop.customers LIMIT (SELECT 1)",
    "SELECT points FROM shop.customers GROUP BY GROUPING SETS ((points), (note))",
    "SELECT member_rank, count(*) FROM shop.customers GROUP BY DISTINCT ROLLUP (member_rank)",
    # Comparisons of rows.
    "SELECT points FROM shop.customers WHERE (note, points) > ('M', 1)",
    "SELECT points FROM shop.customers WHERE ROW(customer_id, 1) = ROW(17, 1)",
    "SELECT points FROM shop.customers WHERE (customer_id, points) IN (SELECT customer_id, points FROM shop.customers)",
    "SELECT points FROM shop.customers WHERE customer_id BETWEEN SYMMETRIC 50 AND 1",
    "SELECT points FROM shop.customers WHERE note IS NOT DISTINCT FROM 'x'",
    "SELECT points FROM shop.customers WHERE note ISNULL OR note IS UNKNOWN OR note > ''",
    # Parameters by number are the gateway's.
    "SELECT points FROM shop.customers WHERE points > $1",
    "SELECT points FROM shop.customers WHERE note = $1::text",
    "SELECT points FROM shop.customers WHERE points > %s",
]  # fmt: skip

PATTERNS = [
    "LIKE '_G\\'", "LIKE '%G0\\'", "NOT LIKE '_G\\'", "ILIKE '_g\\'", "LIKE '_G!' ESCAPE '!'", "LIKE ('_G' || '\\')", "LIKE lower('_g\\')",
    "LIKE (SELECT '_G\\')", "LIKE CASE WHEN true THEN '_G\\' END", "LIKE CAST('_G\\' AS TEXT)", "LIKE coalesce(NULL, '_G\\')",
    "LIKE k.p", "LIKE '_G\\' || ''", "LIKE '_G' || k.p", "LIKE '_G' || k.p ESCAPE '!'", "LIKE '_G!!' ESCAPE '!'", "LIKE '_G' ESCAPE '!!'",
    "LIKE ? ESCAPE '!'", "LIKE '_G' || ?", "~~ '_G\\'", "~~* '_g\\'", "!~~ '_G\\'", "LIKE ANY (ARRAY['_G\\'])", "LIKE stock_code",
]  # fmt: skip


@pytest.mark.parametrize("sql", [sql for sql in OF_EVERY_ENGINE if sql not in FINE_HERE])
def test_what_is_refused_elsewhere_is_refused_here(shop_judge: Judge, sql: str) -> None:
    """The corpora of the other engines, about one store of PostgreSQL, are refused too."""
    assert shop_judge.refuses(sql) in REFUSED


@pytest.mark.parametrize("sql", NO_READ)
def test_only_one_read_is_taken(shop_judge: Judge, sql: str) -> None:
    """What is no single SELECT is refused."""
    assert shop_judge.refuses(sql) == "statement_refused"


@pytest.mark.parametrize("expression", FUNCTIONS)
def test_only_listed_expressions_are_taken(shop_judge: Judge, expression: str) -> None:
    """No set, file, catalogue, sequence, lock, session, regular expression or whole row: refused wherever it stands."""
    for sql in (
        f"SELECT {expression} AS x FROM shop.customers",
        f"SELECT points FROM shop.customers ORDER BY {expression}",
    ):
        if sql != "SELECT customers.* AS x FROM shop.customers":
            assert shop_judge.refuses(sql) in REFUSED


@pytest.mark.parametrize("table", TABLES)
def test_only_datasets_are_tables(shop_judge: Judge, table: str) -> None:
    """Catalogues, statistics, people tables, functions and samples are no tables."""
    assert shop_judge.refuses(f"SELECT 1 AS one FROM {table}") in REFUSED
    assert shop_judge.refuses(f"SELECT points FROM shop.customers, {table}") in REFUSED


@pytest.mark.parametrize("sql", READ_ANOTHER_WAY)
def test_what_postgresql_reads_another_way_is_refused(shop_judge: Judge, sql: str) -> None:
    """Where the gateway's reading and the server's could part, a masked column stands on one of the ways."""
    assert shop_judge.refuses(sql) in REFUSED


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_pattern_fails_on_some_rows(shop_judge: Judge, pattern: str) -> None:
    """A pattern that ends in its escape character would be tried on the statistics of withheld rows; it is refused."""
    sql = f"SELECT o.quantity FROM shop.order_lines o, (SELECT '_G\\' AS p, 1 AS one) k WHERE o.country {pattern}"
    given = ["\\"] * sql.count("?")
    assert shop_judge.refuses(sql, *given) in REFUSED


@pytest.mark.parametrize("value", ["_G\\", "\\", "%\\\\\\"])
def test_no_parameter_is_such_a_pattern(shop_judge: Judge, value: str) -> None:
    """The same as a parameter."""
    for operator in ("LIKE", "NOT LIKE", "ILIKE"):
        sql = f"SELECT quantity FROM shop.order_lines WHERE country {operator} ?"
        assert shop_judge.refuses(sql, value) == "invalid_request"


@pytest.mark.parametrize("token", masks.FORGED)
@pytest.mark.parametrize("where", ["customer_id = ?", "customer_id IN ('<p12>', ?)", "customer_id <> ?"])
def test_a_forged_token_is_refused(shop_judge: Judge, where: str, token: str) -> None:
    """What is no token of this requester and purpose is refused."""
    assert shop_judge.refuses(f"SELECT points FROM shop.customers WHERE {where}", token) == "masked_column_use"


def test_a_token_of_a_withheld_person_finds_nothing(shop_judge: Judge) -> None:
    """A genuine pseudonym of somebody who did not agree matches no row."""
    for place in (3, 13):
        token = shop_judge.world.pseudonym(place)
        for table in ("customers", "tickets", "order_lines", "events"):
            answer = shop_judge.world.ask(f"SELECT count(*) FROM shop.{table} WHERE customer_id = ?", token)
            assert answer.rows == [(0,)]


@pytest.mark.parametrize(
    "sql", [sql for sql in (shop(s) for s in names.AGREED) if not sql.startswith(("FROM", 'SELECT "SHOP"'))]
)
def test_a_name_is_bound_as_the_server_binds_it(shop_judge: Judge, sql: str) -> None:
    """Shadowing gives the answer that the server gives over masked data, or is unknown to PostgreSQL."""
    if any(name in sql for name in ("d + 1 AS e", "WHERE q > 6", "HAVING n > 2")):
        assert shop_judge.refuses(sql) == "unknown_column"
    else:
        shop_judge.answers(sql)


@pytest.mark.parametrize("sql", [shop(sql) for sql in order.UNORDERED])
def test_an_answer_without_order_is_in_the_order_of_its_tokens(shop_judge: Judge, sql: str) -> None:
    """As on the other engines."""
    order.test_an_answer_without_order_is_in_the_order_of_its_tokens(shop_judge, sql)


@pytest.mark.parametrize("sql", [shop(sql) for sql in order.NUMBERED])
def test_ties_are_not_broken_by_the_store(shop_judge: Judge, sql: str) -> None:
    """As on the other engines."""
    order.test_ties_are_not_broken_by_the_store(shop_judge, sql)


@pytest.mark.parametrize("sql", [shop(sql) for sql in order.CUT])
def test_single_rows_cannot_be_walked_through(shop_judge: Judge, sql: str) -> None:
    """As on the other engines."""
    order.test_single_rows_cannot_be_walked_through(shop_judge, sql)


@pytest.mark.parametrize("sql", [shop(sql) for sql in order.NOT_MIXED[:2]])
def test_what_cannot_be_mixed_is_refused(shop_judge: Judge, sql: str) -> None:
    """Where no order can be hidden, keys are neither cut nor ordered nor numbered."""
    assert shop_judge.refuses(sql) == "statement_refused"
