"""The people tables in a PostgreSQL store, one for all workers of the gateway.

``sekisho.applied`` says for each table what stands in it, and is written in the same transaction. Workers count
versions each for themselves, so that it says what can be compared between them: the ledger's sequence, and
hashes of the registry and of who is listed.

A statement looks at it in its own snapshot. It runs when the table holds exactly the people of its view, or
those of a later one: at a higher sequence, or at the same one with fewer people, because between two events of
the ledger only the end of a consent changes who agrees. Otherwise the table is brought up first, by its
difference, by one writer at a time, and never back.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc
from numpy.typing import NDArray

from sekisho.adapters.stores.people_table import rows_of
from sekisho.adapters.stores.postgresql.inspection import SCHEMA, quoted
from sekisho.adapters.stores.postgresql.session import Session
from sekisho.domain.governed import Projection
from sekisho.domain.terms import ColumnType
from sekisho.errors import ConsentUnavailable, StoreUnavailable
from sekisho.ports import ConsentView, PeopleKeys

_FEW = 50_000  # identifiers up to which they are compared without a thread
_CHUNK = 1 << 20  # bytes of a COPY that are handed over at once

APPLIED = f"{SCHEMA}.applied"
"""What stands in each people table."""

_MAKE_APPLIED = f"""CREATE TABLE IF NOT EXISTS {APPLIED} (
  projection text PRIMARY KEY, identifier text NOT NULL, cells text[] NOT NULL,
  people bigint NOT NULL, people_sha256 bytea NOT NULL,
  consent bigint NOT NULL, members bigint NOT NULL, members_sha256 bytea NOT NULL)"""
_COLUMNS = "projection, identifier, cells, people, people_sha256, consent, members, members_sha256"
_SAY = f"""INSERT INTO {APPLIED} ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (projection) DO UPDATE SET people = excluded.people, people_sha256 = excluded.people_sha256,
  consent = excluded.consent, members = excluded.members, members_sha256 = excluded.members_sha256"""
HELD = f"SELECT {_COLUMNS} FROM {APPLIED} WHERE projection = ANY ($1::text[])"
"""What the people tables ``$1`` hold; read it in the snapshot of the statement that joins them."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a people table must hold for a statement: the identifiers of one kind that *chosen* says.

    ``consent`` is the sequence of the ledger at which they agreed; 0 where everybody is listed.
    """

    projection: Projection
    keys: PeopleKeys = field(repr=False)
    key_type: ColumnType
    chosen: NDArray[np.bool_] = field(repr=False)
    consent: int
    members: int
    people_sha256: bytes
    members_sha256: bytes

    @property
    def table(self) -> str:
        """Name of the table."""
        return self.projection.table

    def same_people(self, row: Mapping[str, Any]) -> bool:
        """Return whether *row* of ``applied`` was written with the same identifiers."""
        return bool(row["people_sha256"] == self.people_sha256)

    def is_exactly(self, row: Mapping[str, Any]) -> bool:
        """Return whether a table of which *row* tells holds this."""
        return self.same_people(row) and bool(row["members_sha256"] == self.members_sha256)

    def is_in(self, row: Mapping[str, Any] | None) -> bool:
        """Return whether a table of which *row* tells holds this, or what followed it."""
        if row is None or not self.same_people(row):
            return False
        if self.is_exactly(row) or row["consent"] > self.consent:
            return True
        return bool(row["consent"] == self.consent and row["members"] <= self.members)

    def is_older_than(self, row: Mapping[str, Any]) -> bool:
        """Return whether *row* was written with identifiers that came after these."""
        return not self.same_people(row) and row["people"] > self.keys.version

    def rows(self) -> pa.Table:
        """Return the rows of the table."""
        return rows_of(self.keys, self.chosen, self.key_type)


@dataclass(slots=True)
class _Registry:
    """The identifiers of one kind and their hash, which grows with them."""

    keys: PeopleKeys
    numbers: Any
    values: Any

    def digest(self) -> bytes:
        return hashlib.sha256(self.numbers.digest() + self.values.digest()).digest()


class Contents:
    """What tables must hold, computed once for each version of registry and consent."""

    def __init__(self, key_types: Mapping[str, ColumnType]) -> None:
        self._key_types = key_types
        self._registries: dict[str, _Registry] = {}
        self._contents: dict[str, tuple[int, Content]] = {}

    async def of(self, projection: Projection, keys: PeopleKeys, consent: ConsentView | None) -> Content:
        """Return what the table of *projection* must hold."""
        version = consent.version if consent is not None else 0
        seq = consent.seq if consent is not None else 0
        held = self._contents.get(projection.table)
        if held is not None and held[0] == version and held[1].keys is keys:
            if held[1].consent == seq:
                return held[1]
            content = replace(held[1], consent=seq)
        elif len(keys.numbers) > _FEW:
            content = await asyncio.to_thread(self._compute, projection, keys, consent, seq)
        else:
            content = self._compute(projection, keys, consent, seq)
        self._contents[projection.table] = (version, content)
        return content

    def _compute(self, projection: Projection, keys: PeopleKeys, consent: ConsentView | None, seq: int) -> Content:
        chosen = np.ones(len(keys.numbers), np.bool_) if consent is None else consent.allowed(keys.numbers)
        return Content(
            projection=projection,
            keys=keys,
            key_type=self._key_types.get(keys.identifier, ColumnType.STRING),
            chosen=chosen,
            consent=seq,
            members=int(np.count_nonzero(chosen)),
            people_sha256=self._digest(keys),
            members_sha256=hashlib.sha256(np.packbits(chosen).tobytes()).digest(),
        )

    def _digest(self, keys: PeopleKeys) -> bytes:
        """Return the hash of the identifiers, of which only those that came since the last call are read."""
        held = self._registries.get(keys.identifier)
        if held is not None and held.keys is keys:
            return held.digest()
        start = 0
        numbers, values = hashlib.sha256(), hashlib.sha256()
        if held is not None and len(keys.values) > len(held.keys.values):
            known = len(held.keys.values)
            if np.array_equal(keys.numbers[:known], held.keys.numbers) and keys.values[:known] == held.keys.values:
                start, numbers, values = known, held.numbers.copy(), held.values.copy()
        numbers.update(np.ascontiguousarray(keys.numbers[start:], "<i8").tobytes())
        for at in range(start, len(keys.values), 100_000):
            # Each value ends with its comma: the hash is the same wherever the identifiers are cut.
            values.update(json.dumps(keys.values[at : at + 100_000], separators=(",", ":"))[1:-1].encode() + b",")
        registry = self._registries[keys.identifier] = _Registry(keys, numbers, values)
        return registry.digest()


class PeopleTables:
    """Brings the people tables of one store up.

    Parameters
    ----------
    store:
        Name of the store, for messages.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._known: dict[str, Content] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def behind(self, contents: Iterable[Content], rows: Iterable[Mapping[str, Any]]) -> list[Content]:
        """Return those of *contents* that the tables, of which *rows* of ``applied`` tell, do not hold."""
        held = {row["projection"]: row for row in rows}
        late = []
        for content in contents:
            row = held.get(content.table)
            if not content.is_in(row):
                late.append(content)
            elif row is not None and content.is_exactly(row):
                self._known[content.table] = content
        return late

    async def bring_up(self, session: Session, content: Content, *, anew: bool = False) -> None:
        """Make the table hold *content*, unless it does or holds what followed; *anew*: also then.

        Nothing is changed either when the table was written with identifiers that came later: then the caller
        reads the registry again. Raises ``ConsentUnavailable`` when consent went on meanwhile in a way that an
        older view cannot follow, ``StoreUnavailable`` when the role may not write the gateway's own schema.
        """
        async with self._locks.setdefault(content.table, asyncio.Lock()):
            connection = session.connection
            try:
                await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
                # The caller's own deadline ends the wait for another writer, and a first COPY of all people.
                await connection.execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
                await connection.fetchval("SELECT pg_advisory_xact_lock($1)", _lock_number(content.table))
                changed = await self._apply(connection, content, anew=anew)
                await connection.execute("COMMIT")
            except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidSchemaNameError):
                raise StoreUnavailable(
                    f"The store {self._store} has no schema {SCHEMA} that the gateway may write its people tables"
                    f" into; make it by: sekisho stores bootstrap {self._store}."
                ) from None
            if changed:
                self._known[content.table] = content

    async def _apply(self, connection: asyncpg.Connection, content: Content, *, anew: bool) -> bool:
        if await connection.fetchval("SELECT to_regclass($1)", APPLIED) is None:
            # Two writers of two tables may both be the first.
            await connection.fetchval("SELECT pg_advisory_xact_lock($1)", _lock_number("applied"))
            await connection.execute(_MAKE_APPLIED)
        row = await connection.fetchrow(HELD, [content.table])
        if row is not None and not anew and (content.is_in(row) or content.is_older_than(row)):
            return False
        if row is not None and row["consent"] > content.consent:
            raise ConsentUnavailable("Consent changed while the statement was prepared; ask again.")
        table = quoted(SCHEMA, content.table)
        if row is None:
            kind = "bigint" if content.key_type is ColumnType.INTEGER else "text"
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (k {kind} PRIMARY KEY, n bigint NOT NULL);"
                f"CREATE INDEX IF NOT EXISTS {quoted(content.table + '_n')} ON {table} (n)"
            )
        removed, added = await self._difference(connection, content, None if anew else row)
        if removed.num_rows:
            kind = "bigint" if content.key_type is ColumnType.INTEGER else "text"
            await connection.execute(
                f"DELETE FROM {table} AS held USING unnest($1::{kind}[]) AS gone(k) WHERE held.k = gone.k",
                removed.column("k").to_pylist(),
            )
        if added.num_rows:
            await connection.copy_to_table(
                content.table, schema_name=SCHEMA, columns=["k", "n"], source=_csv(added), format="csv"
            )
        if (removed.num_rows + added.num_rows) * 10 > content.members:
            await connection.execute(f"ANALYZE {table}")
        projection = content.projection
        await connection.execute(
            _SAY, content.table, projection.identifier, list(projection.cells), content.keys.version,
            content.people_sha256, content.consent, content.members, content.members_sha256,
        )  # fmt: skip
        return True

    async def _difference(
        self, connection: asyncpg.Connection, content: Content, row: Mapping[str, Any] | None
    ) -> tuple[pa.Table, pa.Table]:
        """Return the rows to take out and those to put in."""
        known = self._known.get(content.table)
        if known is not None and (row is None or not known.is_exactly(row)):
            known = None
        if known is not None and known.keys is content.keys:
            gone, come = known.chosen & ~content.chosen, content.chosen & ~known.chosen
            return (
                rows_of(content.keys, gone, content.key_type),
                rows_of(content.keys, come, content.key_type),
            )
        held = known.rows() if known is not None else await self._read(connection, content)
        return await asyncio.to_thread(_compared, held, content.rows())

    async def _read(self, connection: asyncpg.Connection, content: Content) -> pa.Table:
        """Return what stands in the table."""
        kind = pa.int64() if content.key_type is ColumnType.INTEGER else pa.string()
        whole = io.BytesIO()
        await connection.copy_from_table(
            content.table, schema_name=SCHEMA, columns=["k", "n"], output=whole, format="csv", force_quote=["k"]
        )
        if not whole.tell():
            return pa.table({"k": pa.array([], kind), "n": pa.array([], pa.int64())})
        return pc.read_csv(
            pa.BufferReader(whole.getbuffer()),
            read_options=pc.ReadOptions(column_names=["k", "n"]),
            parse_options=pc.ParseOptions(newlines_in_values=True),
            convert_options=pc.ConvertOptions(column_types={"k": kind, "n": pa.int64()}, strings_can_be_null=False),
        )


def _lock_number(table: str) -> int:
    """Return the number of the lock of a people table, as PostgreSQL counts (64 bits, signed)."""
    return int.from_bytes(hashlib.sha256(f"{SCHEMA}.{table}".encode()).digest()[:8], "big", signed=True)


def _compared(held: pa.Table, wanted: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the rows of *held* that are not *wanted*, and those wanted that are not held."""
    before, after = pl.DataFrame(held), pl.DataFrame(wanted)
    return (
        before.join(after, on=["k", "n"], how="anti").to_arrow(),
        after.join(before, on=["k", "n"], how="anti").to_arrow(),
    )


async def _csv(table: pa.Table) -> AsyncIterator[bytes]:
    """Yield *table* as CSV, which the server reads back letter by letter."""
    whole = io.BytesIO()
    await asyncio.to_thread(pc.write_csv, table, whole, pc.WriteOptions(include_header=False))
    view = whole.getbuffer()
    for start in range(0, len(view), _CHUNK):
        yield bytes(view[start : start + _CHUNK])
