"""What a PostgreSQL store is like: what its role could do, the columns of its tables, and who else reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from sekisho.domain.terms import Dataset
from sekisho.query.dialects.postgresql import COLUMN_TYPES

SCHEMA = "sekisho"
"""Schema of the gateway's own tables in a store."""

BENEATH = """
WITH RECURSIVE beneath (oid) AS (
  SELECT to_regclass(given.name)::oid FROM unnest($1::text[]) AS given(name)
  UNION
  SELECT further.oid FROM beneath, LATERAL (
    SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = beneath.oid
    UNION ALL
    SELECT d.refobjid FROM pg_rewrite w
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
    WHERE w.ev_class = beneath.oid
  ) AS further(oid)
)
"""
"""The relations $1 and what stands behind them: their partitions, and what a view reads."""

_ROLE = """
SELECT
  session_user = current_user AS itself,
  EXISTS (SELECT FROM pg_roles r WHERE pg_has_role(r.oid, 'MEMBER') AND r.rolsuper) AS superuser,
  EXISTS (SELECT FROM pg_roles r WHERE pg_has_role(r.oid, 'MEMBER') AND r.rolbypassrls) AS bypasses,
  EXISTS (
    SELECT FROM pg_roles r WHERE pg_has_role(r.oid, 'MEMBER')
    AND (r.rolcreaterole OR r.rolreplication OR r.rolname ~ '^pg_' AND r.rolname <> 'pg_database_owner')
  ) AS mighty
"""
_TABLES = """
SELECT
  given.name,
  pg_has_role(c.relowner, 'MEMBER') AS owner,
  has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
    OR has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES') AS writer
FROM unnest($1::text[]) AS given(name) JOIN pg_class c ON c.oid = to_regclass(given.name)
"""
_COLUMNS = """
SELECT
  given.name AS relation,
  a.attname AS name,
  CASE WHEN n.nspname = 'pg_catalog' THEN t.typname ELSE n.nspname || '.' || t.typname END AS type,
  coalesce(c.collisdeterministic, true) AS exact,
  has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS readable
FROM unnest($1::text[]) AS given(name)
JOIN pg_attribute a ON a.attrelid = to_regclass(given.name) AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_collation c ON c.oid = a.attcollation
"""
_READERS = """
SELECT given.name AS relation, r.rolname::text AS role
FROM unnest($1::text[]) AS given(name)
JOIN pg_class c ON c.oid = to_regclass(given.name)
JOIN pg_roles r ON r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> current_user
WHERE has_any_column_privilege(r.oid, c.oid, 'SELECT') AND NOT pg_has_role(r.oid, c.relowner, 'MEMBER')
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A column as the server has it: its type, whether its texts compare letter by letter, whether it may be read."""

    type: str
    exact: bool
    readable: bool


def physical(dataset: Dataset) -> tuple[str, str]:
    """Return schema and table of a dataset's relation."""
    schema, _, table = dataset.relation.rpartition(".")
    return schema or "public", table


def quoted(*names: str) -> str:
    """Return *names* as one quoted name."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


async def excess_of_role(connection: asyncpg.Connection, datasets: Sequence[Dataset]) -> str | None:
    """Return what the role could do besides reading, as the end of a sentence, or ``None``."""
    role = await connection.fetchrow(_ROLE)
    if role is None or not role["itself"]:
        return "is not the one that signed in"
    if role["superuser"]:
        return "is a superuser"
    if role["bypasses"]:
        return "bypasses row-level security"
    if role["mighty"]:
        return "may create roles, replicate, or use a predefined role"
    for table in await connection.fetch(_TABLES, [quoted(*physical(dataset)) for dataset in datasets]):
        if table["owner"]:
            return "owns a governed table"
        if table["writer"]:
            return "may change a governed table"
    return None


async def columns_of(connection: asyncpg.Connection, datasets: Sequence[Dataset]) -> dict[str, dict[str, Found]]:
    """Return the columns of each dataset's table, by the dataset; none for a table that is not there."""
    by_relation = {quoted(*physical(dataset)): dataset.name for dataset in datasets}
    found: dict[str, dict[str, Found]] = {dataset.name: {} for dataset in datasets}
    for row in await connection.fetch(_COLUMNS, list(by_relation)):
        found[by_relation[row["relation"]]][row["name"]] = Found(row["type"], row["exact"], row["readable"])
    return found


def unlike(found: Mapping[str, Mapping[str, Found]], datasets: Sequence[Dataset]) -> Iterator[str]:
    """Yield where the store is not what the catalogue says, by which it was judged what may run on withheld rows."""
    for dataset in datasets:
        for column in dataset.columns:
            held = found[dataset.name].get(column.name)
            if held is None:
                continue
            if held.type not in COLUMN_TYPES[column.type]:
                yield (
                    f"{column.name} of {dataset.name} is {held.type}, and {column.type.value} in sekisho.yaml;"
                    " correct its type, or declare a view that casts it"
                )
            elif not held.exact:
                yield f"{column.name} of {dataset.name} compares texts loosely (its collation); declare a view"


async def other_readers(connection: asyncpg.Connection, datasets: Sequence[Dataset]) -> dict[str, list[str]]:
    """Return, by dataset, the roles that may read its table besides the gateway's, owners and superusers."""
    by_relation = {quoted(*physical(dataset)): dataset.name for dataset in datasets}
    readers: dict[str, list[str]] = {}
    for row in await connection.fetch(_READERS, list(by_relation)):
        readers.setdefault(by_relation[row["relation"]], []).append(row["role"])
    return readers
