"""Who is asked about, and a store that keeps what it was asked: for the tests of what stores hold of one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sekisho.adapters.stores.personal_data import Key, KeyedStore, StoredPersonalData
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, DataSubjectKey, SubjectNumber
from sekisho.ports import DataSubjectRef
from tests.query.world import DATASETS, FIRST_ID


@dataclass
class People:
    """Identifiers by number."""

    known: dict[int, list[DataSubjectRef]]
    error: Exception | None = None

    async def identifiers_of_many(
        self, numbers: Sequence[SubjectNumber]
    ) -> dict[SubjectNumber, list[DataSubjectRef]]:
        """Return the identifiers of each."""
        if self.error is not None:
            raise self.error
        return {number: self.known.get(number, []) for number in numbers}


@dataclass
class Recorder:
    """A store that answers what it was told to, and keeps what it was asked."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    error: Exception | None = None
    asked: list[tuple[str, list[Key], int]] = field(default_factory=list)

    async def rows_with_key(self, dataset: Dataset, keys: Sequence[Key], most: int) -> list[tuple[object, ...]]:
        """Return the rows."""
        self.asked.append((dataset.name, list(keys), most))
        if self.error is not None:
            raise self.error
        return self.rows


def customer(place: int) -> DataSubjectRef:
    return DataSubjectRef("customer_id", str(FIRST_ID + place))


def data_of(
    stores: Mapping[str, KeyedStore],
    known: dict[int, list[DataSubjectRef]],
    datasets: Mapping[str, Dataset] = DATASETS,
    linked: Mapping[int, Sequence[int]] | None = None,
) -> StoredPersonalData:
    """Return what is tested, over *stores*."""

    async def one_person(number: SubjectNumber) -> list[SubjectNumber]:
        return [SubjectNumber(each) for each in (linked or {}).get(number, [number])]

    return StoredPersonalData(datasets, stores, People(known), one_person)  # type: ignore[arg-type]


def dataset_of(
    relation: str, kind: ColumnType = ColumnType.STRING, *more: Column, store: str = "crm", key: str = "key"
) -> Dataset:
    """Return a dataset keyed by a column of *kind*."""
    columns = (Column(key, kind, ColumnClass.DIRECT_IDENTIFIER), *more)
    return Dataset(f"{store}.things", store, relation, columns, DataSubjectKey(key, "customer_id"), None, frozenset())
