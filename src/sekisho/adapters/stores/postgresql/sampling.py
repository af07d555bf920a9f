"""Looking into a PostgreSQL store as the gateway's own role: what it may not read is listed, and not read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from sekisho.adapters.stores.postgresql.inspection import SCHEMA, quoted
from sekisho.adapters.stores.postgresql.session import FAULTS, connect
from sekisho.adapters.stores.sampling import LONGEST, LONGEST_NESTED, ROWS_A_VALUE, Sampling, groups
from sekisho.domain.terms import Dataset, Store
from sekisho.errors import StoreUnavailable
from sekisho.ports.scans import FoundColumn, FoundTable, SampledColumn

_COLUMNS = """
SELECT n.nspname AS schema, c.relname AS relation, a.attname AS name,
  format_type(a.atttypid, a.atttypmod) AS type,
  has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') AS readable,
  col_description(c.oid, a.attnum) AS comment
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('information_schema', $1) AND n.nspname !~ '^pg_'
ORDER BY 1, 2, a.attnum
"""
# The parts of a partitioned table count as it; what was never analysed is guessed by its size.
_SIZE = """
SELECT c.relkind::text IN ('r', 'p', 'm') AS sampled,
  coalesce(sum(pg_relation_size(p.oid)), 0)::float8 / current_setting('block_size')::int AS blocks,
  coalesce(sum(CASE WHEN p.reltuples > 0 THEN p.reltuples ELSE pg_relation_size(p.oid) / 200.0 END), 0)::float8
    AS rows
FROM pg_class c JOIN pg_class p
  ON p.oid = c.oid AND c.relkind <> 'p' OR p.oid IN (SELECT relid FROM pg_partition_tree(c.oid) WHERE isleaf)
WHERE c.oid = to_regclass($1)
GROUP BY c.relkind
"""
_KINDS = """
SELECT a.attname AS name, t.typname AS type, t.typcategory::text AS category
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
"""
_SEED: Final = 42
_CHANCE: Final = 0.42
_SPREAD: Final = 4  # times as many rows as wanted stand in the blocks that are read
_BLOCKS: Final = 100  # that are read at least
_FEW: Final = 8  # times the rows wanted, up to which every block is read
_PREFETCH: Final = 200
_TEXTS: Final = frozenset({"text", "varchar", "bpchar", "name"})


class PostgresSampling:
    """Implements ``ports.scans.SampledStore`` for a database in a server.

    Parameters
    ----------
    store:
        The store; its location is the URL.
    timeout:
        Seconds that the server may work on one query.
    """

    def __init__(self, store: Store, *, timeout: float = 60.0) -> None:
        self._store = store
        self._timeout = timeout

    async def tables(self, declared: Mapping[str, Dataset]) -> list[FoundTable]:
        """See the port."""
        async with self._connection() as connection:
            rows = await connection.fetch(_COLUMNS, SCHEMA)
        found: dict[tuple[str, str], list[FoundColumn]] = {}
        for row in rows:
            columns = found.setdefault((row["schema"], row["relation"]), [])
            columns.append(FoundColumn(row["name"], row["type"], row["readable"], row["comment"]))
        names = {relation.removeprefix("public."): relation for relation in declared}
        return [
            FoundTable(names.get(spelled := _spelled(*place), spelled), tuple(columns))
            for place, columns in found.items()
        ]

    async def sample(self, table: FoundTable, most: int) -> AsyncGenerator[list[SampledColumn]]:
        """See the port."""
        wanted = most * ROWS_A_VALUE
        schema, _, name = table.relation.rpartition(".")
        place = quoted(schema or "public", name)
        async with self._connection() as connection:
            share = await _share(connection, place, wanted)
            kinds = {row["name"]: row for row in await connection.fetch(_KINDS, place)}
            for group in groups(table.columns):
                nested = [c.name for c in group if c.name in kinds and _is_nested(kinds[c.name])]
                values = ", ".join(
                    _value(c.name, kinds[c.name]["type"] if c.name in kinds else "", nested) for c in group
                )
                sampling = Sampling(group, most, nested)
                await connection.execute(f"SELECT setseed({_CHANCE})")  # the same rows for every group and scan
                async for row in connection.cursor(f"SELECT {values} FROM {place} AS t {share}", prefetch=_PREFETCH):
                    sampling.add(tuple(row))
                yield sampling.done()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        # No dataset is named: a table that is not what the catalogue says must be looked at all the same.
        session = await connect(self._store, (), statement_s=self._timeout)
        try:
            async with session.connection.transaction(isolation="repeatable_read", readonly=True):
                yield session.connection
        except FAULTS:
            # The server's own text may print a value.
            raise StoreUnavailable(f"The store {self._store.name} could not be looked into.") from None
        finally:
            await session.end()


def _spelled(schema: str, relation: str) -> str:
    return relation if schema == "public" else f"{schema}.{relation}"


def _is_nested(kind: asyncpg.Record) -> bool:
    return kind["type"] in {"json", "jsonb"} or kind["category"] in {"A", "C"}


async def _share(connection: asyncpg.Connection, place: str, wanted: int) -> str:
    """Return which rows are read: of a large table some blocks from all over it, the same ones each time."""
    size = await connection.fetchrow(_SIZE, place)
    rows = size["rows"] if size is not None else 0.0
    limit = f"LIMIT {wanted * 2}"
    if size is None or not size["sampled"] or rows <= wanted:
        return limit
    if rows <= wanted * _FEW:
        return f"TABLESAMPLE BERNOULLI ({100.0 * wanted / rows:.6f}) REPEATABLE ({_SEED}) {limit}"
    # Rows of a block are often alike: many blocks are read, and of their rows some are taken.
    percent = min(100.0, max(100.0 * wanted * _SPREAD / rows, 100.0 * _BLOCKS / max(1.0, size["blocks"])))
    share = min(1.0, 100.0 * wanted / (rows * percent))
    return f"TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE ({_SEED}) WHERE random() < {share:.6f} {limit}"


def _value(name: str, kind: str, nested: list[str]) -> str:
    column = f"t.{quoted(name)}"
    if kind == "bytea":
        return "NULL::text"
    if name in nested:
        text = f"{column}::text" if kind in {"json", "jsonb"} else f"to_json({column})::text"
        return f"CASE WHEN length({text}) <= {LONGEST_NESTED} THEN {text} END"
    cut = f"left({column}::text, {LONGEST})"
    if kind not in _TEXTS:
        return cut
    whole = f"left({column}, 1) IN ('{{', '[') AND length({column}) <= {LONGEST_NESTED}"
    return f"CASE WHEN {whole} THEN {column}::text ELSE {cut} END"
