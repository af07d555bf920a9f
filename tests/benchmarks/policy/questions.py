"""A workspace of any size, and the question of twenty columns over three of its datasets."""

from __future__ import annotations

from sekisho.domain.access import AccessRequest, DatasetUse, Use
from sekisho.domain.request_context import Moment
from sekisho.domain.terms import (
    Column,
    ColumnClass,
    ColumnType,
    Dataset,
    DataSubjectKey,
    LegalBasis,
    Purpose,
    Requester,
)

NOW = Moment(1_795_305_600, "monday", 1_795_359_600)
_USES = frozenset({Use.SHOWN, Use.COMPARED})
_CATEGORIES = ("purchase", "behaviour", "profile")
_D, _L, _Q = ColumnClass.DIRECT_IDENTIFIER, ColumnClass.LINKING_IDENTIFIER, ColumnClass.QUASI_IDENTIFIER
_S, _F, _N = ColumnClass.SENSITIVE, ColumnClass.FREE_TEXT, ColumnClass.NONE
_COLUMNS = tuple(
    Column(name, ColumnType.STRING, column_class, category=category, generalise=generalise)
    for name, column_class, category, generalise in (
        ("customer_id", _D, "customer_id", None),
        ("name", _D, "name", None),
        ("email", _D, "email", None),
        ("invoice", _L, "invoice", None),
        ("postal_code", _Q, "postal_code", "prefix3"),
        ("income", _S, "income", None),
        ("message", _F, "message", None),
    )
)


class World:
    """A workspace of so many datasets and purposes, in which a requester holds every purpose."""

    def __init__(self, datasets: int, purposes: int) -> None:
        names = frozenset(f"purpose_{number}" for number in range(purposes))
        self.purpose = Purpose("purpose_0", LegalBasis.CONSENT, cells=_CATEGORIES)
        self.requester = Requester("recommender", names)
        self.datasets = [
            Dataset(
                f"store.table_{number}",
                "store",
                f"table_{number}",
                _COLUMNS,
                DataSubjectKey("customer_id", "customer_id"),
                _CATEGORIES[number % len(_CATEGORIES)],
                names,
            )
            for number in range(datasets)
        ]

    def question(self) -> AccessRequest:
        """Return the question, as new objects: nothing of a former one's is found by identity."""
        uses, left = [], 20
        for dataset in self.datasets[-3:]:
            columns = [column.name for column in dataset.columns][: min(7, left)]
            left -= len(columns)
            uses.append(DatasetUse(dataset, dict.fromkeys(columns, _USES)))
        return AccessRequest(self.requester, self.purpose, tuple(uses), now=NOW)
