"""The second oracle: what the server itself would read for a statement is put before ``query.oracle``.

The plan is made without the parameters' values. With them the planner may see that a part can have no rows and
leave its tables out, and the next values would read tables that nobody looked at.
"""

from __future__ import annotations

import itertools
import json

import asyncpg

from sekisho.adapters.stores.postgresql.inspection import BENEATH, SCHEMA, quoted
from sekisho.adapters.stores.postgresql.session import Session
from sekisho.domain.governed import GovernedQuery
from sekisho.query.oracle import check

_BENEATH = f"""{BENEATH}
SELECT n.nspname || '.' || c.relname
FROM beneath JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
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
    check(explained, reads, await _beneath(connection, {table for table, _ in reads if "." in table}))


async def _beneath(connection: asyncpg.Connection, planned: set[str]) -> set[str]:
    names = [quoted(*table.split(".", 1)) for table in sorted(planned)]
    return {row[0] for row in await connection.fetch(_BENEATH, names)} - planned
