"""Under what terms a statistics view is released: what it reads, and what decides what it shows and of whom.

A view has one release for each set of terms: two could be subtracted, and what was added between them read off. So
the terms hold what a release is made of, no less, as another one would be due and not be made; and no more, as one
would be made that nobody needs. What each part is there for stands in ADR 46.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from sekisho.domain.access import DatasetUse, Permit
from sekisho.domain.row_filters import columns_of, filter_json
from sekisho.domain.terms import Column, StatisticsView, Store
from sekisho.errors import PolicyUnavailable
from sekisho.query.rules import counts_only
from sekisho.query.statements import Question


def released_as(view: StatisticsView, question: Question, permit: Permit, smallest: int) -> str:
    """Return the SHA-256 of the terms of *view*, in hexadecimal: under other terms its release is another.

    *question* is what the view asks over the catalogue in force, *permit* what the policy answers to it, *smallest*
    the number of people below which a group is left out.

    Raises ``PolicyUnavailable`` where the policy asks for consent: what is released once can follow nobody
    who withdraws.
    """
    if permit.consent_required:
        raise PolicyUnavailable(
            "The policy asks for consent in a statistics view, which is released once and for all."
        )
    request = question.request
    told = {
        "view": {"name": view.name, "sql": question.sql, "people": view.people, "smallest": smallest},
        "purpose": request.purpose.name,
        "place": asdict(request.place),
        "datasets": {use.dataset.name: _dataset(use, permit, question.stores) for use in request.datasets},
        "legal_basis": permit.legal_basis,
        "transforms": {name: dict(kinds) for name, kinds in permit.transforms.items()},
        "row_filters": {name: [filter_json(each) for each in parts] for name, parts in permit.row_filters.items()},
        "nobody": counts_only(permit),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _dataset(use: DatasetUse, permit: Permit, stores: Mapping[str, Store]) -> dict[str, object]:
    """Return what *use* reads: where it lies, whose it is, and the columns that have a part in the answer."""
    dataset, store = use.dataset, stores[use.dataset.store]
    read = {*use.columns, *(name for part in permit.row_filters.get(dataset.name, ()) for name in columns_of(part))}
    if dataset.data_subject is not None:
        read.add(dataset.data_subject.column)
    return {
        "store": [store.kind, store.named or store.location, store.writes],
        "relation": dataset.relation,
        "columns": {column.name: _column(column) for column in dataset.columns if column.name in read},
        "data_subject": None if dataset.data_subject is None else asdict(dataset.data_subject),
        "data_category": dataset.data_category,
        "class": dataset.dataset_class,
        "keep": None if dataset.keep is None else asdict(dataset.keep),
        "least_age": dataset.least_age,
    }


def _column(column: Column) -> dict[str, object]:
    mask = column.mask
    return {
        "type": column.type,
        "class": column.column_class,
        "generalise": column.generalise,
        "domain": column.domain,
        "category": column.category,
        "mask": None if mask is None else [mask.kind, asdict(mask)],
    }
