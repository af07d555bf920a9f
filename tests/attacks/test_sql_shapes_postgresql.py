"""Tables of any shape behind a dataset: what an administrator made of them opens no way to what is withheld or masked.

Everything here is asked of a real server by the real adapter, with the role that its own script makes.
"""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.adapters.stores.servers import Server, database
from tests.attacks.shaped import KEY, TEXT_KEY, Shaped, dataset

from sekisho.adapters.stores.postgresql import session
from sekisho.adapters.stores.postgresql.inspection import other_readers
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

S, N, F, D, T = (
    ColumnType.STRING, ColumnType.INTEGER, ColumnType.DOUBLE, ColumnType.DATE, ColumnType.TIMESTAMP,
)  # fmt: skip
NONE, QUASI, DIRECT, FREE = (
    ColumnClass.NONE, ColumnClass.QUASI_IDENTIFIER, ColumnClass.DIRECT_IDENTIFIER, ColumnClass.FREE_TEXT,
)  # fmt: skip
NOTE, REGION, POINTS = Column("note", S, FREE), Column("region", S, NONE), Column("points", N, NONE)


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections look at their tables before each statement."""
    monkeypatch.setattr(session, "_LOOKED_S", -1.0)


# -- tables that change while the gateway serves -------------------------------------------------------

LOOSE = "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
KEYS = ["SELECT region FROM shop.c", "SELECT count(*) FROM shop.c", "SELECT id, note, region FROM shop.c"]


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize("kind", ["text COLLATE ci", "citext", "name", "jsonb"])
def test_a_key_that_became_loose_lets_nobody_else_through(server: Server, kind: str) -> None:
    """The consent of ``a`` is not that of ``A``, also when the key's column changes below a connection at rest."""
    server.run(
        f"CREATE EXTENSION citext; {LOOSE} CREATE TABLE c (id text, note text, region text);"
        "INSERT INTO c VALUES ('1', 'MK', 'x'), ('\"A\"', 'NG', 'NG'), ('\"a\"', 'MK', 'y')"
    )
    people = {"1": 1, '"A"': 2, '"a"': 3}
    with Shaped(server, [dataset("c", [TEXT_KEY, NOTE, REGION])], people, {1, 3}) as world:
        before = [world.ask(sql).rows for sql in KEYS]
        assert [len(rows) for rows in before] == [2, 1, 2]
        server.run(f"ALTER TABLE c ALTER id TYPE {kind} USING id::{kind}")
        for sql in KEYS:
            world.rest()
            assert world.tell(sql) == "store_unavailable"
        server.run('ALTER TABLE c ALTER id TYPE text COLLATE "default" USING id::text')
        world.rest()
        assert [world.ask(sql).rows for sql in KEYS[:2]] == before[:2]


def test_tables_are_looked_at_again_now_and_then(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection at rest looks once in ten seconds, not for each statement."""
    server.run(f"{LOOSE} CREATE TABLE c (id text, region text); INSERT INTO c VALUES ('a', 'x'), ('A', 'NG')")
    now = 1_000.0
    monkeypatch.setattr(session, "monotonic", lambda: now)
    with Shaped(server, [dataset("c", [TEXT_KEY, REGION])], {"a": 1, "A": 2}, {1}) as world:
        for _ in range(2):
            assert world.tell("SELECT count(*) FROM shop.c") == [(1,)]
            world.rest()
        looks: list[str] = []
        compare = session._compare

        async def counted(connection, store, datasets):
            looks.append(store.name)
            await compare(connection, store, datasets)

        monkeypatch.setattr(session, "_compare", counted)
        for _ in range(3):
            assert world.tell("SELECT count(*) FROM shop.c") == [(1,)]
            world.rest()
        assert looks == []
        now += 10.5
        server.run("ALTER TABLE c ALTER id TYPE text COLLATE ci")
        assert world.tell("SELECT count(*) FROM shop.c") == "store_unavailable"
        assert looks


OF_ROWS = ["to_json", "row_to_json", "to_jsonb", "quote_literal", "quote_nullable", "concat", "json_build_array", "jsonb_build_array", "record_out", "hash_record", "num_nulls", "pg_column_size", "pg_typeof"]  # fmt: skip


@pytest.mark.parametrize("name", OF_ROWS)
def test_a_column_that_is_not_there_is_no_function_of_the_row(server: Server, name: str) -> None:
    """``t.to_json`` is ``to_json(t)`` to PostgreSQL where there is no such column: all of the row, raw."""
    server.run(f"CREATE TABLE c (id bigint, note text, {name} text); INSERT INTO c VALUES (1, 'MKraw')")
    with Shaped(server, [dataset("c", [KEY, NOTE, Column(name, S, NONE)])], {"1": 1}, {1}) as world:
        server.run(f"ALTER TABLE c DROP COLUMN {name}")
        for sql in (f"SELECT {name} FROM shop.c", f"SELECT id, {name} FROM shop.c", "SELECT id FROM shop.c"):
            assert world.tell(sql) == "store_unavailable"


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize("name", OF_ROWS)
def test_a_column_that_was_dropped_is_no_function_of_the_row(server: Server, name: str) -> None:
    """Nor is one that went away after the statement was planned and looked at."""
    server.run(f"CREATE TABLE c (id bigint, note text, {name} text); INSERT INTO c VALUES (1, 'MKraw', 'x')")
    statements = [f"SELECT {name} FROM shop.c", f"SELECT id, {name} FROM shop.c WHERE {name} IS NOT NULL"]
    with Shaped(server, [dataset("c", [KEY, NOTE, Column(name, S, NONE)])], {"1": 1}, {1}) as world:
        for sql in statements:
            assert world.ask(sql).rows
            world.ask(sql, page_rows=70_000)
        server.run(f"ALTER TABLE c DROP COLUMN {name}")
        for sql in statements:
            for page_rows in (10_000, 70_000):
                world.rest()
                assert world.tell(sql, page_rows=page_rows) == "store_unavailable"


@pytest.mark.usefixtures("looking")
def test_a_column_that_is_gone_fails_its_statements_alone(server: Server) -> None:
    """What is called like no function of rows is missed by the statements that name it."""
    server.run("CREATE TABLE c (id bigint, region text, points int); INSERT INTO c VALUES (1, 'x', 2)")
    with Shaped(server, [dataset("c", [KEY, REGION, POINTS])], {"1": 1}, {1}) as world:
        assert world.tell("SELECT region, points FROM shop.c") == [("x", 2)]
        server.run("ALTER TABLE c DROP COLUMN points; ALTER TABLE c ADD COLUMN points text DEFAULT 'NG'")
        world.rest()
        assert world.tell("SELECT region, points FROM shop.c") == "store_unavailable"
        server.run("ALTER TABLE c DROP COLUMN points")
        world.rest()
        assert world.tell("SELECT region FROM shop.c") == [("x",)]
        assert world.tell("SELECT points FROM shop.c") == "store_unavailable"


# -- tables that are something else --------------------------------------------------------------------

OTHER_TYPES = [
    "mail", "mood", "citext", "text COLLATE ci", "text[]", "pair", "int4range", "jsonb", "json", "xml", "hstore", "uuid", "bytea", "inet",
    "money", "bit(3)", "varbit", "interval", "time", '"char"', "name", "oid", "regclass", "tsvector", "point", "information_schema.sql_identifier",
]  # fmt: skip


@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_a_column_of_another_type_closes_the_store(server: Server, kind: str) -> None:
    """What was judged of texts holds for texts: a domain, an enumeration, a loose collation and their like are refused."""
    server.run(
        f"CREATE EXTENSION citext; CREATE EXTENSION hstore; {LOOSE} CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TYPE pair AS (a int, b text);"
        f"CREATE DOMAIN mail AS text CHECK (VALUE <> 'NG'); CREATE TABLE c (id bigint, region {kind})"
    )
    for column in (REGION, Column("region", S, DIRECT), Column("region", S, QUASI, generalise="prefix3")):
        with Shaped(server, [dataset("c", [KEY, column])], {"1": 1}, {1}) as world:
            assert world.tell("SELECT region FROM shop.c") == "store_unavailable"
            assert world.tell("SELECT count(*) FROM shop.c") == "store_unavailable"


COLUMNS = "(id bigint, note text, code char(6), amount numeric, seen timestamptz, born date, region varchar(10))"
# Whoever did not agree has values on which every expression below fails.
ROWS = """SELECT i, 'MK' || i, w || '', CASE WHEN ok THEN i ELSE 'NaN'::numeric END,
  CASE WHEN ok THEN timestamptz '2020-01-01' ELSE 'infinity' END, CASE WHEN ok THEN date '1990-01-01' ELSE '4000-01-01 BC' END, w
  FROM (SELECT i, i BETWEEN 5 AND 14 AS ok, CASE WHEN i BETWEEN 5 AND 14 THEN (i % 3) || '' ELSE 'bad' END AS w FROM generate_series(1, 20) s(i)) r"""
DECLARED = [
    KEY, NOTE, Column("code", S, NONE), Column("amount", F, NONE), Column("seen", T, NONE),
    Column("born", D, QUASI, generalise="year"), REGION,
]  # fmt: skip
SHAPES = {
    "base": "CREATE TABLE base {c}; INSERT INTO base {r}; CREATE INDEX ON base (region); CREATE INDEX ON base (id)",
    "over": "CREATE VIEW over AS SELECT * FROM base WHERE note <> 'x'",
    "kept": "CREATE MATERIALIZED VIEW kept AS SELECT * FROM base",
    "parts": "CREATE TABLE parts {c} PARTITION BY LIST (region); CREATE TABLE parts_0 PARTITION OF parts FOR VALUES IN ('0', '1');"
    "CREATE TABLE parts_1 (region varchar(10), gone int, id bigint, seen timestamptz, note text, code char(6), born date, amount numeric);"
    "ALTER TABLE parts_1 DROP gone; ALTER TABLE parts ATTACH PARTITION parts_1 DEFAULT; INSERT INTO parts {r}",
    "parent": "CREATE TABLE parent {c}; CREATE TABLE child (extra text DEFAULT 'NG') INHERITS (parent); INSERT INTO child {r}",
    "barrier": "CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM parent",
    "grouped": "CREATE VIEW grouped AS SELECT id, max(note) AS note, max(code)::char(6) AS code, max(amount) AS amount, max(seen) AS seen,"
    " max(born) AS born, max(region)::varchar(10) AS region FROM base GROUP BY id",
    "windowed": "CREATE VIEW windowed AS SELECT id, note, code, amount, seen, born, first_value(region) OVER (PARTITION BY id) AS region FROM base",
    "united": "CREATE VIEW united AS SELECT * FROM parts UNION ALL SELECT * FROM parent WHERE id > 100",
    "joined": "CREATE VIEW joined AS SELECT p.id, p.note, b.code, p.amount, p.seen, p.born, b.region FROM parts p LEFT JOIN base b USING (id)",
    "renamed": "CREATE TABLE old (k bigint, n text, c char(6), a numeric, s timestamptz, b date, r varchar(10), secret text); INSERT INTO old SELECT *, 'NG' FROM ({r}) x;"
    "CREATE VIEW renamed AS SELECT k AS id, n AS note, c AS code, a AS amount, s AS seen, b AS born, r AS region FROM old",
}  # fmt: skip
FAILING = [
    "CAST(c.region AS INT)", "CAST(c.code AS INT)", "1 / (CASE WHEN c.amount > 1000 THEN 0 ELSE 1 END)", "CAST(c.amount AS INT)",
    "make_date(CAST(extract(year FROM c.seen) AS INT), 1, 1)", "age(c.seen)", "sqrt(1000 - c.amount)",
    "c.seen AT TIME ZONE (CASE WHEN c.region = 'bad' THEN 'nowhere' ELSE 'UTC' END)",
]  # fmt: skip
ASKED = [
    ("SELECT count(*) FROM shop.{t} c", 10), ("SELECT id, {e} AS x FROM shop.{t} c", 10),
    ("SELECT c.region FROM shop.{t} c WHERE c.region = '1' AND {e} IS NOT NULL", 3),
    ("SELECT c.region FROM shop.{t} c WHERE c.region = 'bad' AND {e} IS NOT NULL", 0),
    ("SELECT {e} AS x, count(*) FROM shop.{t} c WHERE c.region <> '9' OR {e} IS NULL GROUP BY 1", None),
    ("SELECT c.region, o.region AS r FROM shop.{t} c JOIN shop.{t} o USING (id) WHERE {e} IS NOT NULL", 10),
]  # fmt: skip


@pytest.fixture(scope="module")
def shapes() -> Iterator[Shaped]:
    """The same rows in tables of many shapes; ten of twenty people agree."""
    with database() as made:
        for text in SHAPES.values():
            made.run(text.format(c=COLUMNS, r=ROWS))
        made.run("ANALYZE")
        with Shaped(
            made, [dataset(s, DECLARED) for s in SHAPES], {str(i): i for i in range(1, 21)}, range(5, 15)
        ) as w:
            yield w


@pytest.mark.parametrize("page_rows", [10_000, 70_000])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_expression_runs_on_withheld_rows_of_any_shape(shapes: Shaped, shape: str, page_rows: int) -> None:
    """Views, partitions, children and materialised views are fenced like tables: nothing fails on a withheld row."""
    for sql, rows in ASKED:
        for expression in FAILING:
            answer = shapes.tell(sql.format(t=shape, e=expression), page_rows=page_rows)
            assert isinstance(answer, list)
            if rows is not None:
                assert answer == [(10,)] if "SELECT count" in sql else len(answer) == rows
            assert not any("NG" in str(row) or "MK" in str(row) or "bad" in str(row) for row in answer)


def test_a_view_and_its_table_stand_in_one_statement(shapes: Shaped) -> None:
    """What a view hands over of a table is not taken for what the statement reads of it."""
    for view, table in (("barrier", "parent"), ("united", "parts"), ("joined", "parts")):
        sql = f"SELECT a.region, count(*) AS n FROM shop.{view} a JOIN shop.{table} b USING (id) GROUP BY a.region"
        assert sorted(shapes.ask(sql).rows) == [("0", 3), ("1", 3), ("2", 4)]


def test_a_partition_that_is_attached_is_governed_like_the_others(server: Server) -> None:
    """Rows that come with a partition are those of people who agree; those of a detached one go."""
    server.run(
        "CREATE TABLE c (id bigint, note text, region text) PARTITION BY LIST (region);"
        "CREATE TABLE c_x PARTITION OF c FOR VALUES IN ('x'); INSERT INTO c VALUES (1, 'MK', 'x'), (2, 'MK', 'x');"
        "CREATE TABLE c_y (extra text, region text, note text, id bigint); INSERT INTO c_y VALUES ('NG', 'y', 'MK', 1), ('NG', 'y', 'NG', 2);"
        "ALTER TABLE c_y DROP extra"
    )
    with Shaped(server, [dataset("c", [KEY, NOTE, REGION])], {"1": 1, "2": 2}, {1}) as world:
        for change, regions in (
            ("", ["x"]),
            ("ALTER TABLE c ATTACH PARTITION c_y DEFAULT", ["x", "y"]),
            ("ALTER TABLE c DETACH PARTITION c_x", ["y"]),
        ):
            if change:
                server.run(change)
            assert [row[0] for row in world.ask("SELECT region FROM shop.c ORDER BY region").rows] == regions
            assert world.ask("SELECT count(*) FROM shop.c").rows == [(len(regions),)]
            assert {row[1] for row in world.ask("SELECT id, note FROM shop.c", page_rows=70_000).rows} == {
                "[text of 2]"
            }


def test_what_a_view_calls_is_its_owner_s_affair(server: Server) -> None:
    """A view may call what no statement may; a statement over it may not, and sees what its columns show."""
    server.run(
        "CREATE TABLE base (id bigint, mail text, points int); INSERT INTO base VALUES (1, 'a@b', 5), (2, 'NG', 6);"
        "CREATE FUNCTION host(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN split_part(x, ''@'', 2); END';"
        "CREATE VIEW c AS SELECT id, host(mail) AS region, md5(mail) AS note, points FROM base"
    )
    with Shaped(server, [dataset("c", [KEY, NOTE, REGION, POINTS])], {"1": 1, "2": 2}, {1}) as world:
        for page_rows in (10_000, 70_000):
            assert world.tell("SELECT note, region, points FROM shop.c", page_rows=page_rows) == [
                ("[text of 32]", "b", 5)
            ]
        assert world.tell("SELECT region, count(*) FROM shop.c GROUP BY region") == [("b", 1)]
        for call in ("md5(region)", "host(region)", "public.host(region)"):
            assert world.tell(f"SELECT {call} AS x FROM shop.c") == "statement_refused"


POLICIES = {
    "a column that is not declared": "tenant = 'a'",
    "another table": "id IN (SELECT a.id FROM allowed a WHERE a.tenant = 'a')",
    "a function": "tenant = tenant_of(current_user::text)",
    "the session": "coalesce(current_setting('app.tenant', true), 'a') = tenant OR tenant = 'a'",
}


@pytest.mark.parametrize("policy", POLICIES)
def test_row_level_security_stands_beside_consent(server: Server, policy: str) -> None:
    """Rows are those that both let through; what a policy reads and calls, no statement may."""
    server.run(
        "CREATE FUNCTION tenant_of(x text) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN ''a''; END';"
        "CREATE TABLE allowed (id bigint, tenant text); INSERT INTO allowed SELECT i, CASE WHEN i < 8 THEN 'a' ELSE 'b' END FROM generate_series(1, 20) s(i);"
        "CREATE TABLE c (id bigint, note text, region text, tenant text); INSERT INTO c SELECT id, 'MK', CASE WHEN id < 8 THEN '1' ELSE 'bad' END, tenant FROM allowed;"
        f"ALTER TABLE c ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON c USING ({POLICIES[policy]}); GRANT SELECT ON allowed TO PUBLIC"
    )
    people = {str(n): n for n in range(1, 21)}
    with Shaped(server, [dataset("c", [KEY, NOTE, REGION])], people, range(3, 15)) as world:
        for page_rows in (10_000, 70_000):
            assert world.tell("SELECT count(*) FROM shop.c", page_rows=page_rows) == [(5,)]
            answer = world.ask(
                "SELECT id, CAST(region AS INT) AS n FROM shop.c WHERE region <> 'x'", page_rows=page_rows
            )
            assert [row[1] for row in answer.rows] == [1] * 5
        assert world.tell("SELECT tenant FROM shop.c") == "unknown_column"
        assert world.tell("SELECT tenant_of(region) AS x FROM shop.c") == "statement_refused"


def test_who_reads_a_part_reads_past_the_gateway(server: Server) -> None:
    """Roles with rights on a partition, or on a table that a view reads, are named by `sekisho check`."""
    server.run(
        "CREATE TABLE c (id bigint, region text) PARTITION BY LIST (region); CREATE TABLE c_x PARTITION OF c DEFAULT;"
        "CREATE VIEW v AS SELECT * FROM c; CREATE TABLE d (id bigint, region text)"
    )
    other = f"{server.role}_other"
    datasets = [dataset(name, [KEY, REGION]) for name in "cvd"]
    with Shaped(server, datasets, {"1": 1}, {1}):
        assert _readers(server, datasets) == {}
        try:
            server.run(f"CREATE ROLE {other} LOGIN; GRANT SELECT ON c_x TO {other}")
            assert _readers(server, datasets) == {"shop.c": [other], "shop.v": [other]}
        finally:
            server.run(f"DROP OWNED BY {other}; DROP ROLE {other}")


def _readers(server: Server, datasets: list[Dataset]) -> dict[str, list[str]]:
    async def asked() -> dict[str, list[str]]:
        opened = await session.connect(server.store("shop"), datasets, statement_s=5)
        try:
            return await other_readers(opened.connection, datasets)
        finally:
            await opened.end()

    return asyncio.run(asked())


@pytest.mark.parametrize("kind", ["char(6)", "varchar(10)", "text", 'text COLLATE "C"'])
def test_padding_makes_nobody_somebody_else(server: Server, kind: str) -> None:
    """A key is told letter by letter; the blanks at the end of a ``char(n)`` are no letters."""
    server.run(
        f"CREATE TABLE c (id {kind}, region char(4), points int2);"
        "INSERT INTO c VALUES ('ab', 'x', 1), ('AB', 'NG', 2), (' ab', 'NG', 3), ('abc', 'x', 4), (NULL, 'NG', 5), ('ab\u3000', 'NG', 6)"
    )
    people = {"ab": 1, "AB": 2, " ab": 3, "abc": 4}
    with Shaped(server, [dataset("c", [TEXT_KEY, REGION, POINTS])], people, {1, 4}) as world:
        for page_rows in (10_000, 70_000):
            answer = world.ask("SELECT id, points FROM shop.c ORDER BY points", page_rows=page_rows).rows
            assert [row[1] for row in answer] == [1, 4]
            assert world.tell(f"SELECT points FROM shop.c WHERE id = '{answer[0][0]}'", page_rows=page_rows) == [(1,)]
        assert world.tell("SELECT sum(points) FROM shop.c WHERE region = 'x'") == [(5,)]
