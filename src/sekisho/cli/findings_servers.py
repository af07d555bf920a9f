"""What ``sekisho check`` looks at in stores in PostgreSQL. Nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sekisho.adapters.stores.postgresql.inspection import SCHEMA, Found, columns_of, other_readers
from sekisho.adapters.stores.postgresql.session import FAULTS, connect
from sekisho.domain.terms import Dataset, Store
from sekisho.errors import StoreUnavailable

_CONNECT_S = 20.0


@dataclass(frozen=True, slots=True)
class _Seen:
    columns: dict[str, dict[str, Found]]
    readers: dict[str, list[str]]
    owns_schema: bool


def errors_and_warnings(store: Store, datasets: Sequence[Dataset]) -> Iterator[tuple[str, str, bool]]:
    """Yield what is found in one store: about what, what it is, and whether it must be mended first."""
    try:
        seen = asyncio.run(_look(store, datasets))
    except StoreUnavailable as error:
        yield f"store {store.name}", error.detail, True
        return
    again = f"sekisho stores bootstrap {store.name}"
    if store.writes and not seen.owns_schema:
        yield f"store {store.name}", f"it has no schema {SCHEMA} of the gateway's own; {again}", True
    for dataset in datasets:
        held = seen.columns[dataset.name]
        if not held:
            yield dataset.name, f"there is no table {dataset.relation} in the store", True
            continue
        declared = {column.name for column in dataset.columns}
        if missing := sorted(declared - held.keys()):
            yield (
                dataset.name,
                f"the store has no column {', '.join(missing)}; it has {', '.join(sorted(held))}",
                True,
            )
        if denied := sorted(name for name in declared & held.keys() if not held[name].readable):
            yield dataset.name, f"the gateway's role may not read {', '.join(denied)}; {again}", True
        if undeclared := sorted(held.keys() - declared):
            yield dataset.name, f"not declared, so nobody can ask for them: {', '.join(undeclared)}", False
        if open_ := sorted(name for name in held.keys() - declared if held[name].readable):
            yield (
                dataset.name,
                f"the gateway's role may read {', '.join(open_)}, which nobody governs; {again}",
                False,
            )
        if others := seen.readers.get(dataset.name):
            yield dataset.name, f"other roles can read it past the gateway: {', '.join(others)}", False


async def _look(store: Store, datasets: Sequence[Dataset]) -> _Seen:
    session = await connect(store, datasets, statement_s=_CONNECT_S)
    try:
        connection = session.connection
        owns = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1"
            " AND has_schema_privilege(oid, 'CREATE') AND has_schema_privilege(oid, 'USAGE'))",
            SCHEMA,
        )
        return _Seen(await columns_of(connection, datasets), await other_readers(connection, datasets), bool(owns))
    except FAULTS:
        raise StoreUnavailable(f"The store {store.name} could not be looked at.") from None
    finally:
        await session.end()
