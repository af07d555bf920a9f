"""Rows of files that come with their keys: a bit for each key says who may be read; whose a row is is found here.

To look the key of every row up in a table of people, DuckDB holds the table in memory, and for each statement a table
of hashes over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

import duckdb

from sekisho.adapters.stores.key_bits import BitsByKey, Keyed, changed
from sekisho.domain.governed import GovernedQuery
from sekisho.domain.terms import ColumnType, Dataset, DataSubjectKey
from sekisho.ports import ConsentView, PeopleIndex

_WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"})


class FileKeys:
    """The keys of all datasets of files.

    Parameters
    ----------
    datasets:
        All datasets, by catalogue name. A person's key may be of another store, and come to the engine by a scan.
    stores:
        The stores of files.
    cursor:
        Makes a cursor of the engine, which knows each dataset by its name.
    """

    def __init__(
        self,
        datasets: Mapping[str, Dataset],
        stores: Collection[str],
        cursor: Callable[[], duckdb.DuckDBPyConnection],
    ) -> None:
        self._subjects: dict[str, DataSubjectKey] = {}
        self.types: dict[str, ColumnType] = {}
        for name, dataset in datasets.items():
            if dataset.data_subject is None:
                continue
            if dataset.store in stores:
                self._subjects[name] = dataset.data_subject
            column = dataset.column(dataset.data_subject.column)
            if column is not None:
                self.types[dataset.data_subject.identifier] = column.type
        self._cursor = cursor
        self._bits = BitsByKey(self.types, "big")
        self._whole: set[str] = set()

    async def usable(self, name: str, people: PeopleIndex) -> bool:
        """Return whether the keys of the dataset *name* are whole numbers, in its files too, of each person one."""
        subject = self._subjects.get(name)
        if subject is None or not await self._bits.possible(await people.keys(subject.identifier)):
            return False
        if name not in self._whole and await asyncio.to_thread(self._are_whole, name, subject):
            self._whole.add(name)
        return name in self._whole

    def _are_whole(self, name: str, subject: DataSubjectKey) -> bool:
        schema, table = name.split(".", 1)
        with self._cursor() as cursor:
            try:
                (found,) = cursor.sql(f'SELECT "{subject.column}" FROM "{schema}"."{table}"').types
            except duckdb.Error:
                return False  # the statement itself says what is wrong
        return str(found) in _WHOLE

    async def of(
        self, query: GovernedQuery, consent: ConsentView | None, people: PeopleIndex
    ) -> tuple[dict[str, object], Keyed]:
        """Return the bits that *query* takes, and how person numbers come into its answer.

        Raises ``ConsentUnavailable`` for keys that are no longer such as bits are made of.
        """
        given, numbers = dict[str, object](), None
        for projection in query.projections:
            if projection.travels:
                keys = await people.keys(projection.identifier)
                bits = None if consent is None else await self._bits.of(projection, keys, consent)
                numbers = await self._bits.numbers(keys)
                if bits is None or not set(projection.bits) <= query.parameters.keys():
                    raise changed()
                given |= bits.given(projection)
        return given, Keyed.of(query, numbers)

    def check(self, answer: duckdb.DuckDBPyRelation, keyed: Keyed) -> None:
        """Raise ``ConsentUnavailable`` unless the keys of *answer*, which has not begun, are whole numbers.

        Of a number with a fraction the bit of another key would be read.
        """
        if not {str(answer.types[place]) for place in keyed.columns} <= _WHOLE:
            self._whole.clear()  # other files lie there now
            raise changed()
