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
WITH RECURSIVE beneath (oid, given) AS (
  SELECT to_regclass(given.name)::oid, true FROM unnest($1::text[]) AS given(name)
  UNION
  SELECT further.oid, false FROM beneath, LATERAL (
    SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = beneath.oid
    UNION ALL
    SELECT d.refobjid FROM pg_class v JOIN pg_rewrite w ON w.ev_class = v.oid AND w.ev_type = '1'
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
    WHERE v.oid = beneath.oid AND v.relkind = 'v' AND d.refobjid <> v.oid
  ) AS further(oid)
)
"""
"""The relations $1 and what stands behind them: their partitions, and what a view reads. A relation may be both.

A materialised view reads nothing, and the rules of a table that write elsewhere are not asked.
"""

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
_OF_ROWS = """
SELECT DISTINCT p.proname::text AS name
FROM pg_proc p JOIN pg_type t ON t.oid = p.proargtypes[0]
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.pronargs - p.pronargdefaults = 1 AND t.typtype = 'p'
  AND p.proname = ANY ($1::text[])
"""
_READERS = f"""{BENEATH}
SELECT DISTINCT r.rolname::text AS role
FROM beneath JOIN pg_class c USING (oid)
JOIN pg_roles r ON r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> current_user
WHERE has_any_column_privilege(r.oid, c.oid, 'SELECT') AND NOT pg_has_role(r.oid, c.relowner, 'MEMBER')
ORDER BY 1
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


async def faults_of(connection: asyncpg.Connection, datasets: Sequence[Dataset]) -> list[str]:
    """Return where the store is not what the catalogue says; nothing may run there then.

    A column that is not there fails the statements that name it, and no others, unless it is called like a function
    that takes a row: ``t.to_json`` is a column, and where there is none ``to_json(t)``, all columns of the row, raw.
    """
    found = await columns_of(connection, datasets)
    faults = list(unlike(found, datasets))
    gone = [(d, c.name) for d in datasets for c in d.columns if found[d.name] and c.name not in found[d.name]]
    if gone:
        of_rows = {row["name"] for row in await connection.fetch(_OF_ROWS, [name for _, name in gone])}
        faults += [
            f"{name} of {dataset.name} is no column, and PostgreSQL would call its function of that name; take it out"
            " of sekisho.yaml, or call it otherwise"
            for dataset, name in gone
            if name in of_rows
        ]
    return faults


async def other_readers(connection: asyncpg.Connection, datasets: Sequence[Dataset]) -> dict[str, list[str]]:
    """Return, by dataset, the roles that may read its table besides the gateway's, owners and superusers.

    A partition, or a table that a view reads, holds the same rows, and has rights of its own.
    """
    readers: dict[str, list[str]] = {}
    for dataset in datasets:
        if found := await connection.fetch(_READERS, [quoted(*physical(dataset))]):
            readers[dataset.name] = [row["role"] for row in found]
    return readers
