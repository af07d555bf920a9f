"""PostgreSQL's own means on the same rows: row-level security with EXISTS, and a security-barrier view.

Both look the person up in a table of consent for every row. They are asked directly, by one connection, and compared
with the same statement as a role that sees all rows: no gateway, no HTTP, no audit record.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import psycopg
from sqlalchemy import make_url

from tests.benchmarks.cases import Row, in_turns
from tests.benchmarks.stores.place import PEOPLE, Place
from tests.benchmarks.stores.reads import PLAIN, period

_MAKE = """
CREATE SCHEMA peer;
CREATE UNLOGGED TABLE peer.consent AS
  SELECT n AS customer_id, 'recommendation'::text AS purpose FROM generate_series(1::bigint, {people}) n
  WHERE n % 4 > 0;
ALTER TABLE peer.consent ADD PRIMARY KEY (customer_id, purpose);
CREATE VIEW peer.barrier WITH (security_barrier) AS SELECT * FROM public.order_lines t WHERE EXISTS (
  SELECT FROM peer.consent c WHERE c.customer_id = t.customer_id AND c.purpose = 'recommendation');
CREATE VIEW peer.barrier_people WITH (security_barrier) AS SELECT * FROM public.customers t WHERE EXISTS (
  SELECT FROM peer.consent c WHERE c.customer_id = t.customer_id AND c.purpose = 'recommendation');
CREATE ROLE {role};
GRANT USAGE ON SCHEMA peer TO {role};
GRANT SELECT ON public.order_lines, public.customers, peer.consent, peer.barrier, peer.barrier_people TO {role};
CREATE POLICY consented ON public.order_lines TO {role} USING (EXISTS (
  SELECT FROM peer.consent c WHERE c.customer_id = order_lines.customer_id AND c.purpose = 'recommendation'));
CREATE POLICY consented ON public.customers TO {role} USING (EXISTS (
  SELECT FROM peer.consent c WHERE c.customer_id = customers.customer_id AND c.purpose = 'recommendation'));
CREATE POLICY everything ON public.order_lines TO {gateway} USING (true);
CREATE POLICY everything ON public.customers TO {gateway} USING (true);
"""
_UNMAKE = """
ALTER TABLE public.order_lines DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.customers DISABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS consented ON public.order_lines;
DROP POLICY IF EXISTS consented ON public.customers;
DROP POLICY IF EXISTS everything ON public.order_lines;
DROP POLICY IF EXISTS everything ON public.customers;
DROP SCHEMA IF EXISTS peer CASCADE;
"""
_POINT = "SELECT customer_id, member_rank, prefecture, birth_date, signed_up_on FROM {} WHERE customer_id = %s"


def peers(place: Place) -> Iterator[Row]:
    """Return what they cost."""
    database = make_url(place.shop).database
    role, gateway = f"{database}_peer", f"{database}_gateway"
    with closing(place.connect()) as admin:
        _clear(admin, role)
        admin.execute(_MAKE.format(people=PEOPLE, role=role, gateway=gateway))
        admin.execute("ANALYZE peer.consent")
        try:
            for table in ("order_lines", "customers"):
                admin.execute(f"ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY")
            with closing(place.connect()) as plain, closing(place.connect()) as bound:
                bound.execute(f"SET ROLE {role}")
                for connection in (plain, bound):
                    connection.execute("SET jit = off")
                yield from _compared(plain, bound)
        finally:
            _clear(admin, role)


def _clear(admin: psycopg.Connection[tuple[object, ...]], role: str) -> None:
    admin.execute(_UNMAKE)
    if admin.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None:
        admin.execute(f"DROP OWNED BY {role}")
        admin.execute(f"DROP ROLE {role}")


def _compared(
    plain: psycopg.Connection[tuple[object, ...]], bound: psycopg.Connection[tuple[object, ...]]
) -> Iterator[Row]:
    low, high = period(0.01)
    selective = PLAIN.replace(" GROUP", f" WHERE ordered_at >= '{low}' AND ordered_at < '{high}' GROUP")
    for title, lines, customers in (
        ("row-level security, EXISTS", "public.order_lines", "public.customers"),
        ("security-barrier view, EXISTS", "peer.barrier", "peer.barrier_people"),
    ):
        for measure, theirs, ours, values, times in (
            ("full aggregate", PLAIN.format("public.order_lines"), PLAIN.format(lines), (), 3),
            ("selective (1 %)", selective.format("public.order_lines"), selective.format(lines), (), 20),
            ("point read", _POINT.format("public.customers"), _POINT.format(customers), (PEOPLE // 2 + 1,), 300),
        ):
            pair = in_turns(
                partial(_seconds, bound, ours, values), partial(_seconds, plain, theirs, values), times, 1
            )
            row = pair.row(f"peer: {title}: {measure}", 0)
            note = "in the server, no HTTP"
            yield Row(row.measure, row.ours, row.theirs, row.ratio, "", met=True, note=note)


def _seconds(connection: psycopg.Connection[tuple[object, ...]], sql: str, values: tuple[object, ...]) -> float:
    begun = time.perf_counter()
    connection.execute(sql, values or None).fetchall()
    return time.perf_counter() - begun
