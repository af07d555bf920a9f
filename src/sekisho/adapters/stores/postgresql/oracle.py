"""The second oracle: what the server itself would read for a statement is put before ``query.oracle``.

The plan is made without the parameters' values. With them the planner may see that a part can have no rows and
leave its tables out, and the next values would read tables that nobody looked at.
"""

from __future__ import annotations

import itertools
import json

from sekisho.adapters.stores.postgresql.inspection import BENEATH, SCHEMA, quoted
from sekisho.adapters.stores.postgresql.session import Session
from sekisho.domain.governed import GovernedQuery
from sekisho.query.oracle import calls_of, check

_BENEATH = f"""{BENEATH}
SELECT n.nspname || '.' || c.relname AS name, bool_or(NOT beneath.given) AS beneath,
  CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) ELSE '' END AS definition
FROM beneath JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
GROUP BY c.oid, n.nspname, c.relname, c.relkind
"""

# What the server adds by itself: row-level security, of which the gateway knows nothing.
_POLICIES = f"""{BENEATH}
SELECT DISTINCT n.nspname || '.' || c.relname AS name, a.attname AS column,
  coalesce(pg_get_expr(p.polqual, p.polrelid), '') AS condition
FROM beneath JOIN pg_class t ON t.oid = beneath.oid AND t.relrowsecurity
JOIN pg_policy p ON p.polrelid = t.oid AND p.polcmd IN ('r', '*')
LEFT JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass
LEFT JOIN pg_class c ON c.oid = d.refobjid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid AND a.attnum > 0
"""

_names = itertools.count()


async def compare(session: Session, query: GovernedQuery) -> None:
    """Raise ``StatementRefused`` when the server's plan of *query* does more than was decided about.

    Called inside a transaction. The statement must have been prepared before, so that it is one command.
    """
    name = f"sekisho_{next(_names)}"
    values = ", ".join(["NULL"] * len(query.parameters))
    connection = session.connection
    await connection.execute(f"PREPARE {name} AS {query.sql}")
    await connection.execute("SAVEPOINT plan; SET LOCAL plan_cache_mode = force_generic_plan")
    try:
        told = await connection.fetchval(
            f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {name}{f'({values})' if values else ''}"
        )
    finally:
        if not connection.is_closed():  # a prepared statement outlives its transaction
            await connection.execute(f"ROLLBACK TO SAVEPOINT plan; RELEASE SAVEPOINT plan; DEALLOCATE {name}")
    reads = set(query.reads)
    tables = [f"{SCHEMA}.{projection.table}" for projection in query.projections if projection.keys]
    reads |= {(table, column) for table in tables for column in ("k", "n")}
    (explained,) = json.loads(told)
    planned = {table for table, _ in reads if "." in table}
    names = [quoted(*table.split(".", 1)) for table in sorted(planned)]
    found = await connection.fetch(_BENEATH, names)
    policies = await connection.fetch(_POLICIES, names)
    beneath = {row["name"] for row in found if row["beneath"]}
    reads |= {(row["name"], row["column"]) for row in policies if row["column"] and row["name"] in planned}
    others = {row["name"] for row in policies if row["name"]}
    calls = {call for row in found for call in calls_of(row["definition"])}
    calls |= {call for row in policies for call in calls_of(row["condition"])}
    check(explained, reads, (beneath | others) - planned, beneath & planned, calls)
