"""The second opinion of PostgreSQL: what its plan may read and call."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from sekisho.errors import StatementRefused
from sekisho.query import oracle
from sekisho.query.plan import bind
from tests.query.postgres import PostgresWorld
from tests.query.reference import Judge
from tests.query.test_postgresql import USEFUL

READS = {
    ("public.customers", "points"),
    ("public.customers", "member_rank"),
    ("sekisho.p_1", "k"),
    ("sekisho.p_1", "n"),
}


def node(kind: str, *below: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return one node of a plan."""
    named = {key.replace("_", " "): value for key, value in more.items()}
    return {"Node Type": kind, **named, **({"Plans": list(below)} if below else {})}


def scan(table: str = "customers", schema: str = "public", alias: str = "t", **more: object) -> dict[str, Any]:
    """Return a scan of a table."""
    return node("Seq Scan", Relation_Name=table, Schema=schema, Alias=alias, **more)


ALLOWED = [
    scan(Output=["points", "CASE WHEN (points > 5) THEN lower((member_rank)::text) ELSE NULL::text END"]),
    scan(Output=["TRIM(BOTH FROM member_rank)", "POSITION((' '::text) IN (TRIM(LEADING FROM member_rank)))"]),
    scan(Output=["t.points"]),
    scan(Output=["t.points", "'t.email lower(x)'::text"], Filter="(t.points > 5)"),
    scan(Output=['"t"."points"', "(t.member_rank)::character varying(40)"]),
    scan(Output=["t.points"], Filter="(E'it''s \\\\ t.email'::text <> (t.member_rank)::text)"),
    node("Limit", scan(Parent_Relationship="Outer", Output=["t.points", "t.email"]), Output=["t.points"]),
    node("Aggregate", scan(Parent_Relationship="Outer", Output=["t.email"]), Output=["count(*)", "sum(t.points)"]),
    node(
        "Hash Join",
        scan(Parent_Relationship="Outer", Output=["t.points", "t.email"]),
        node("Hash", scan("p_1", "sekisho", "g", Parent_Relationship="Outer"), Parent_Relationship="Inner"),
        Hash_Cond="(t.points = g.k)",
        Output=["t.points", "pg_catalog.lower(t.member_rank)", "hashint8extended(g.n, '5'::bigint)"],
    ),
    node("Subquery Scan", scan(Parent_Relationship="Subquery", Output=["t.points"]), Alias="c", Output=["c.x"]),
    node("Result", Output=["EXTRACT(year FROM '2011-01-01'::date)", "(CURRENT_DATE - 1)"]),
    node("Sort", scan(Output=["t.points"]), Sort_Key=["t.points DESC"], Output=["t.points"]),
]  # fmt: skip

REFUSED = [
    scan(Output=["email"]),  # as the server writes it where a plan has one table
    scan(Output=["points", "lower(email)"]),
    scan(Output=["t.email"]),
    scan(Output=["t.*"]),
    scan(Output=["t.ctid"]),
    scan(Output=["t.points"], Filter="(t.email = 'x'::text)"),
    scan(Output=['t."Email"']),
    scan(Output=['"t".points', '"t"."email"']),
    scan("tickets", Output=["t.points"]),
    scan(schema="other", Output=["t.points"]),
    scan("pg_stats", "pg_catalog", "pg_stats"),
    node("Index Scan", Relation_Name="customers", Schema="public", Alias="t", Index_Cond="(t.email = $1)"),
    node("Aggregate", scan(Parent_Relationship="Outer"), Output=["max(t.email)"]),
    node("Aggregate", scan(Parent_Relationship="Outer"), Output=["array_agg(t.member_rank)"]),
    node("Aggregate", scan(Parent_Relationship="Outer"), Group_Key=["t.email"]),
    node("Hash Join", scan(Parent_Relationship="Outer"), Join_Filter="(t.email > 'a'::text)"),
    node("Subquery Scan", scan(Parent_Relationship="Subquery", Output=["t.email"]), Alias="c", Output=["c.points"]),
    node("Result", scan(Parent_Relationship="InitPlan", Output=["t.email"])),
    # What is fenced by UNION ALL hands over what it computes; and whole rows are handed over as they are.
    node("Append", scan(Parent_Relationship="Member", Output=["t.points", "t.email"]), Output=["t.points"]),
    node("Aggregate", scan(Parent_Relationship="Outer", Output=["to_json(t.*)"]), Output=["count(*)"]),
    node("Append", scan(Parent_Relationship="Member", Output=["md5(t.points)"]), Output=["t.points"]),
    node("Result", Output=["pg_sleep('5'::double precision)"]),
    node("Result", Output=["public.lower('x'::text)"]),
    node("Result", Output=["pg_catalog.pg_read_file('x'::text)"]),
    node("Result", Output=["(1 OPERATOR(public.+) 2)"]),
    node("Result", Output=['"lower-case"(1)']),
    node("Result", One_Time_Filter="(current_setting('x'::text) = 'y'::text)"),
    node("Function Scan", Function_Name="generate_series", Alias="x"),
    node("Table Function Scan", Alias="x"),
    node("Foreign Scan", Relation_Name="customers", Schema="public", Alias="t"),
    node("ModifyTable", scan()),
    node("LockRows", scan()),
    node("ProjectSet", scan()),
    node("Custom Scan", scan()),
    node("Something New", scan()),
]  # fmt: skip


@pytest.mark.parametrize("plan", ALLOWED, ids=range(len(ALLOWED)))
def test_what_was_decided_about_may_be_read(plan: dict[str, Any]) -> None:
    """Relations, columns and functions of the plan; whole rows that a scan hands over below are not a reading."""
    oracle.check({"Plan": plan}, READS)


@pytest.mark.parametrize("plan", REFUSED, ids=range(len(REFUSED)))
def test_anything_else_is_refused(plan: dict[str, Any]) -> None:
    """Another relation, column, function or kind of node is refused, without its name."""
    with pytest.raises(StatementRefused) as caught:
        oracle.check({"Plan": plan}, READS)
    assert "email" not in str(caught.value)


def test_what_stands_behind_a_table_may_be_read() -> None:
    """Partitions, and the tables of a view, are named by the adapter."""
    plan = node("Append", scan("customers_2024", alias="t_1", Parent_Relationship="Member"), Output=["t.points"])
    with pytest.raises(StatementRefused):
        oracle.check({"Plan": plan}, READS)
    oracle.check({"Plan": plan}, READS, {"public.customers_2024"})
    plan["Output"] = ["t.email"]
    with pytest.raises(StatementRefused):
        oracle.check({"Plan": plan}, READS, {"public.customers_2024"})


def test_what_a_view_calls_may_be_called() -> None:
    """The functions in the server's text of a view, each under its whole name, and no other."""
    view = """SELECT b.id, md5((b.mail)::text) AS "f(x)", public."F"(b.x, 'g(1)'::text) AS y FROM base b;"""
    calls = oracle.calls_of(view)
    assert calls == {("md5",), ("public", "F")}
    for call in ("md5(x)", 'public."F"(x)'):
        oracle.check({"Plan": node("Result", Output=[call])}, READS, calls=calls)
    for call in ("f(x)", "public.md5(x)", "g(1)", "public.f(x)", '"F"(x)'):
        with pytest.raises(StatementRefused):
            oracle.check({"Plan": node("Result", Output=[call])}, READS, calls=calls)


def test_a_table_that_a_view_reads_too_is_told_from_nothing() -> None:
    """What a scan hands over may be the view's; what is computed with it may not."""
    member = scan(Parent_Relationship="Member", Output=["t.points", "t.email"])
    oracle.check({"Plan": node("Append", member, Output=["t.points"])}, READS, twice={"public.customers"})
    member["Filter"] = "(t.email > 'a'::text)"
    with pytest.raises(StatementRefused):
        oracle.check({"Plan": node("Append", member, Output=["t.points"])}, READS, twice={"public.customers"})


@pytest.mark.postgres
@pytest.mark.parametrize("sql", USEFUL)
def test_no_column_that_is_read_can_be_left_out(shop_judge: Judge, sql: str) -> None:
    """The server's own plan passes; without any one of the columns that it reads, it does not."""
    world, sql = shop_judge.world, shop_judge.fill(sql)
    assert isinstance(world, PostgresWorld)
    world.ask(sql)  # so that the people tables are there
    plan = world.plan(sql)
    query = bind(plan, [], world.keyed(plan=plan))
    with psycopg.RawCursor(world.connection) as cursor:
        cursor.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {query.sql}".encode(), list(query.parameters.values()))
        ((told,),) = cursor.fetchall()
    oracle.check(told[0], query.reads)
    for pair in query.reads:
        if pair[1] != "n":  # nobody's number is shown by an aggregate
            with pytest.raises(StatementRefused):
                oracle.check(told[0], query.reads - {pair})
