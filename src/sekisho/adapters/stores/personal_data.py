"""What all stores hold of one person: the answer to a request for access or portability.

The statements are the gateway's own, one for each dataset, written from the catalogue alone; identifiers are
bound as values of the key column's own type, so that a store finds them by its indexes and statistics.
"""

from __future__ import annotations

import asyncio
import base64
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from sekisho.domain.identifiers import whole_number
from sekisho.domain.terms import Column, ColumnType, Dataset, SubjectNumber
from sekisho.errors import StatementRefused, StoreUnavailable
from sekisho.ports import People
from sekisho.query.dialects.sqlite_instants import canonical

Key = int | str
"""An identifier as the store holds it."""


class KeyedStore(Protocol):
    """A store that finds rows by the key of their person; every store adapter is one."""

    async def rows_with_key(self, dataset: Dataset, keys: Sequence[Key], most: int) -> list[tuple[object, ...]]:
        """Return at most *most* rows of *dataset* whose key is one of *keys*, their columns in catalogue order.

        Raises ``StoreUnavailable`` or ``StatementRefused``, without the engine's own text.
        """


class StoredPersonalData:
    """The rows of one person in every dataset that names people. Implements ``consents.rights.PersonalData``.

    Parameters
    ----------
    datasets:
        Of the catalogue.
    stores:
        By the name of the store.
    people:
        Knows the identifiers of a number.
    linked:
        Returns all numbers that are one person with a number, itself among them (``ConsentLedger.linked``).
    """

    def __init__(
        self,
        datasets: Mapping[str, Dataset],
        stores: Mapping[str, KeyedStore],
        people: People,
        linked: Callable[[SubjectNumber], Awaitable[Sequence[SubjectNumber]]],
    ) -> None:
        self._datasets = [dataset for dataset in datasets.values() if dataset.data_subject is not None]
        self._stores = stores
        self._people = people
        self._linked = linked

    async def rows_of(self, number: SubjectNumber, most: int) -> dict[str, list[dict[str, object]]]:
        """Return the rows of the person that *number* is, by dataset, column to JSON value.

        Every column of the catalogue, as it is stored: it is the person's own data. Instants are UTC (RFC 3339),
        a number that is not finite is null, bytes are base64. A dataset in which the person does not occur has no
        rows. One dataset after another, so that one request never takes all threads of a store.

        Parameters
        ----------
        number:
            One number of the person; rows of the linked ones are theirs, too.
        most:
            Rows of each dataset.

        Raises ``StoreUnavailable`` when any dataset cannot be read, ``ConsentUnavailable`` when it is not known
        who the person is: a part is never returned for the whole.
        """
        held = await self._people.identifiers_of_many(await self._linked(number))
        refs = [ref for refs in held.values() for ref in refs]
        values: dict[str, dict[str, None]] = {}
        for ref in refs:
            values.setdefault(ref.identifier, {})[ref.value] = None
        return {dataset.name: await self._rows(dataset, values, most) for dataset in self._datasets}

    async def _rows(
        self, dataset: Dataset, values: Mapping[str, Mapping[str, None]], most: int
    ) -> list[dict[str, object]]:
        key = dataset.data_subject
        column = None if key is None else dataset.column(key.column)
        store = self._stores.get(dataset.store)
        if key is None or column is None or store is None:
            raise StoreUnavailable(f"The store of {dataset.name} is not connected.")
        keys = _typed(column, list(values.get(key.identifier, ())))
        if not keys:
            return []
        try:
            rows = await store.rows_with_key(dataset, keys, most)
        except StatementRefused:  # nobody but the gateway wrote the statement: the files or the catalogue are wrong
            raise StoreUnavailable(f"The rows of {dataset.name} could not be read.") from None
        place = dataset.columns.index(column)
        mine = {*keys, *map(str, keys)}
        # A store that compares more loosely than letter by letter would answer with somebody else's rows.
        if any(row[place] not in mine for row in rows):
            raise StoreUnavailable(f"The store of {dataset.name} compares keys in another way than the gateway.")
        return await asyncio.to_thread(_told, dataset, rows)


def statement(table: str, dataset: Dataset, keys: int) -> str:
    """Return the one statement by which rows of a person are read; the keys and the most rows are bound to it.

    Parameters
    ----------
    table:
        The table's name in its engine, quoted.
    dataset:
        Names the columns. Each is qualified: SQLite reads a quoted name that is no column as a text.
    keys:
        How many keys are bound.
    """
    columns = ", ".join(f't."{column.name}"' for column in dataset.columns)
    assert dataset.data_subject is not None  # noqa: S101 - only such datasets are read
    marks = ", ".join("?" * keys)
    return f'SELECT {columns} FROM {table} AS t WHERE t."{dataset.data_subject.column}" IN ({marks}) LIMIT ?'


def _typed(column: Column, values: Sequence[str]) -> list[Key]:
    """Return *values* as the store holds them, without those that it cannot hold."""
    if column.type is not ColumnType.INTEGER:
        return list(values)
    return [number for number in map(whole_number, values) if number is not None]


def _told(dataset: Dataset, rows: Sequence[tuple[object, ...]]) -> list[dict[str, object]]:
    columns = dataset.columns
    return [
        {column.name: _json(value, column.type) for column, value in zip(columns, row, strict=True)} for row in rows
    ]


def _json(value: object, kind: ColumnType) -> object:
    """Return *value* as JSON has it, by the rules of every answer of the gateway."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if kind is ColumnType.TIMESTAMP and isinstance(value, str):  # SQLite keeps instants as texts, in any spelling
        instant = canonical(value)
        return value if instant is None else f"{instant.replace(' ', 'T')}Z"
    if kind is ColumnType.BOOLEAN and value in {0, 1}:  # SQLite keeps truth values as 0 and 1
        return bool(value)
    return value
