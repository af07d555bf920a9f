"""Rows of the people registry, read and counted in sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, select, text, update

from sekisho.adapters.records.database import DatabaseFailed
from sekisho.adapters.records.people_lookup import HASH_BYTES, Hashes, LookupIndex
from sekisho.adapters.records.tables import data_subject, ledger_counter
from sekisho.adapters.records.tables import data_subject_identifier as identifiers

Identifier: TypeAlias = tuple[int, str, bytes]
"""Number, kind, sealed value."""

_CHUNK = 5_000  # values in one IN list; SQLite takes 32,766 parameters
_FETCHED = 50_000
VERSION = "SELECT value FROM ledger_counter WHERE name = 'identifier'"
"""Position of the counter of identifiers: what was added since is a range."""
_SINCE = "SELECT lookup, number FROM data_subject_identifier WHERE kind = {mark} AND position > {mark}"
# PostgreSQL's binary COPY: 19 bytes of header and extension, then of each row the number of its fields and
# each field with its length; at the end -1.
_COPY_HEAD = 19
_COPY_ROW = np.dtype([("fields", ">i2"), ("size", ">i4"), ("lookup", "<u8", 2), ("width", ">i4"), ("number", ">i8")])


def take(connection: Connection, name: str, count: int, now_sql: str) -> tuple[int, int]:
    """Add *count* to the counter *name*, lock it until commit; return its value and the database's clock."""
    row = connection.execute(
        update(ledger_counter)
        .where(ledger_counter.c.name == name)
        .values(value=ledger_counter.c.value + count)
        .returning(ledger_counter.c.value, text(now_sql))
    ).one()
    return row[0], row[1]


def find_hashes(connection: Connection, lookups: Sequence[bytes]) -> dict[bytes, int]:
    """Return the person of each of *lookups* that is known."""
    return {bytes(lookup): number for lookup, number in _among(connection, "lookup", lookups)}


def numbers_unerased(connection: Connection, numbers: Sequence[int]) -> list[int]:
    """Return those of *numbers* (ascending) who stand in the database and were not erased, in the same order."""
    found: list[int] = []
    for start in range(0, len(numbers), _CHUNK):
        among = numbers[start : start + _CHUNK]
        rows = select(data_subject.c.number).where(
            data_subject.c.number.in_(among), data_subject.c.erased_at.is_(None)
        )
        found += sorted(connection.execute(rows).scalars())
    return found


def identifiers_among(connection: Connection, numbers: Sequence[int]) -> list[Identifier]:
    """Return the identifiers of *numbers*, each person's oldest first."""
    columns = (identifiers.c.number, identifiers.c.kind, identifiers.c.sealed, identifiers.c.position)
    rows = _among(connection, "number", numbers, columns)
    return [(number, kind, sealed) for number, kind, sealed, _ in sorted(rows, key=lambda row: row[3])]


def erased_since(connection: Connection, erased_at: int) -> tuple[list[int], int]:
    """Return who was erased after *erased_at*, and the time of the last erasure."""
    rows = connection.execute(
        select(data_subject.c.number, data_subject.c.erased_at)
        .where(data_subject.c.erased_at > erased_at)
        .order_by(data_subject.c.erased_at)
    ).all()
    return [number for number, _ in rows], rows[-1][1] if rows else erased_at


def hashes_since(connection: Connection, identifier: str, position: int) -> tuple[Hashes, NDArray[np.int64]]:
    """Return hash and person of each identifier of one kind above *position*, in no order."""
    if connection.dialect.name == "postgresql":
        return _copied(connection, identifier, position)
    rows = connection.exec_driver_sql(_SINCE.format(mark="?"), (identifier, position))
    hashes, numbers = [b""], [np.empty(0, np.int64)]
    while chunk := rows.fetchmany(_FETCHED):
        hashes.append(b"".join([lookup for lookup, _ in chunk]))
        numbers.append(np.array([number for _, number in chunk], np.int64))
    return np.frombuffer(b"".join(hashes), "<u8").reshape(-1, 2), np.concatenate(numbers)


def _copied(connection: Connection, identifier: str, position: int) -> tuple[Hashes, NDArray[np.int64]]:
    """Read by COPY, whose rows all have the same length here: no object is made for any of them."""
    driver: Any = connection.connection.driver_connection
    statement = f"COPY ({_SINCE.format(mark='%s')}) TO STDOUT (FORMAT binary)"
    with driver.cursor() as cursor, cursor.copy(statement, (identifier, position)) as copy:
        stream = b"".join(copy)
    count = (len(stream) - _COPY_HEAD - 2) // _COPY_ROW.itemsize
    rows = np.frombuffer(stream, _COPY_ROW, count, _COPY_HEAD)
    if not ((rows["fields"] == 2) & (rows["size"] == HASH_BYTES) & (rows["width"] == 8)).all():
        raise DatabaseFailed("The people registry holds rows of another shape.")
    return np.ascontiguousarray(rows["lookup"]), rows["number"].astype(np.int64)


def _among(
    connection: Connection,
    name: str,
    wanted: Sequence[Any],
    columns: Sequence[Any] = (identifiers.c.lookup, identifiers.c.number),
) -> list[Any]:
    if connection.dialect.name == "postgresql":
        # One parameter, however many values: a list of parameters is parsed and planned value by value.
        kind = "bytea" if name == "lookup" else "bigint"
        condition = text(f"data_subject_identifier.{name} = ANY(CAST(:wanted AS {kind}[]))")
        return list(connection.execute(select(*columns).where(condition), {"wanted": list(wanted)}))
    statement = select(*columns).where(identifiers.c[name].in_(bindparam("wanted", expanding=True)))
    found: list[Any] = []
    for start in range(0, len(wanted), _CHUNK):
        found += connection.execute(statement, {"wanted": wanted[start : start + _CHUNK]})
    return found


def bring_up(index: LookupIndex, identifier: str, connection: Connection) -> None:
    """Add to *index* who came since, take out who was erased. A failure leaves it as it was or behind."""
    version = connection.execute(text(VERSION)).scalar_one()
    erased, erased_at = erased_since(connection, index.erased_at)
    arrived = hashes_since(connection, identifier, index.position)
    index.remove(np.array(erased, np.int64))
    index.add(*arrived)
    index.position, index.erased_at = version, erased_at
