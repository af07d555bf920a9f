"""One question to the policy and its answer, as closed types.

The answer is data: transforms by name, row filters as a small tree, obligations. What these types
cannot express does not exist, and :func:`decision_from_json` refuses everything it does not know
(XACML 7.18: a PEP that does not understand an obligation denies).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from sekisho.domain.dpv import with_broader
from sekisho.domain.limits import Place
from sekisho.domain.masks import TransformKind
from sekisho.domain.obligations import Obligation, ObligationKind, obligation_from_json
from sekisho.domain.read_json import as_flag, as_list, as_mapping, as_string, as_whole
from sekisho.domain.request_context import Moment, RequestContext
from sekisho.domain.row_filters import Comparison, RowFilter, filters_from_json
from sekisho.domain.terms import Cell, Dataset, LegalBasis, Purpose, Requester
from sekisho.domain.transforms import fits

__all__ = [
    "AccessRequest",
    "Comparison",
    "DatasetUse",
    "Decision",
    "Deny",
    "Obligation",
    "ObligationKind",
    "Permit",
    "TransformKind",
    "Use",
    "decision_from_json",
]


class Use(StrEnum):
    """How a statement uses a column."""

    SHOWN = "shown"
    COMPARED = "compared"
    JOINED = "joined"
    GROUPED = "grouped"
    ORDERED = "ordered"
    AGGREGATED = "aggregated"
    PASSED = "passed"  # to a function, cast or other expression


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """One dataset of a statement and how each of its columns is used."""

    dataset: Dataset
    columns: Mapping[str, frozenset[Use]]


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """The whole question: who, why, what, how each column is used, on what occasion and when.

    ``action`` is ``query`` (a requester's statement) or ``view`` (a published view, named in ``view``). ``now`` is
    the instant of the decision; without one, no rule that knows time says yes.
    """

    requester: Requester
    purpose: Purpose
    datasets: tuple[DatasetUse, ...]
    action: str = "query"
    view: str | None = None
    place: Place = field(default_factory=Place)
    context: RequestContext = field(default_factory=RequestContext)
    now: Moment | None = None

    def to_json(self) -> dict[str, object]:
        """Return the policy's ``input``: the slice that this decision needs, nothing else."""
        return {**self.lasting_json(), "now": None if self.now is None else self.now.to_json()}

    def lasting_json(self) -> dict[str, object]:
        """Return the ``input`` without ``now``: decisions are kept under it until their ``valid_until``.

        What rules ask for most stands first, here and below: the embedded engine looks keys up from the front.
        Of the purposes of the requester and the datasets, those that this purpose is part of: a workspace of many
        purposes is not sent with every question.
        """
        about = {self.purpose.name, *self.purpose.ancestors}
        return {
            "purpose": purpose_json(self.purpose),
            "datasets": {use.dataset.name: dataset_use_json(use, about) for use in self.datasets},
            "requester": requester_json(self.requester, self.place, about),
            "action": self.action,
            "context": self.context.to_json(),
            "controller": {"country": self.place.country},
            "view": self.view,
        }

    def canonical(self) -> bytes:
        """Return the canonical bytes of :meth:`lasting_json`; equal questions have equal bytes, whenever asked."""
        return json.dumps(self.lasting_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()

    def fingerprint(self) -> str:
        """Return the SHA-256 of the canonical bytes."""
        return hashlib.sha256(self.canonical()).hexdigest()


def requester_json(requester: Requester, place: Place, about: AbstractSet[str] | None = None) -> dict[str, object]:
    """Return the policy's ``input.requester``, of its purposes those *about* which is asked.

    Who names no country is where the controller is.
    """
    return {
        "name": requester.name,
        "purposes": sorted(requester.purposes if about is None else requester.purposes & about),
        "roles": sorted(requester.roles),
        "recipient": requester.recipient.value,
        "country": requester.country or place.country,
    }


def purpose_json(purpose: Purpose) -> dict[str, object]:
    """Return the policy's ``input.purpose``."""
    limits = purpose.limits
    return {
        "legal_basis": purpose.legal_basis.value,
        "explicit": sorted(purpose.explicit),
        "name": purpose.name,
        "output": purpose.output,
        "output_class": None if purpose.output_class is None else purpose.output_class.value,
        "cells": list(purpose.cells),
        "ancestors": list(purpose.ancestors),
        "terms": list(with_broader(purpose.dpv)),
        "third_party": purpose.third_party,
        "person_related": purpose.person_related,
        "transfer_countries": sorted(purpose.transfer_countries),
        "clear": sorted(purpose.clear),
        "needs": None if purpose.needs is None else sorted(purpose.needs),
        "roles": sorted(purpose.roles),
        "minimum_age": purpose.minimum_age,
        "retention_days": purpose.retention_days,
        "limits": {
            "rows": limits.rows,
            "answers_per_minute": limits.answers_per_minute,
            "rows_per_day": limits.rows_per_day,
        },
        "formats": sorted(each.value for each in purpose.formats),
        "watermark": purpose.watermark,
        "weekend_freeze": purpose.weekend_freeze,
        "break_glass_minutes": purpose.break_glass_minutes,
    }


def dataset_use_json(use: DatasetUse, about: AbstractSet[str] | None = None) -> dict[str, object]:
    """Return the policy's ``input.datasets[name]``, of its purposes those *about* which is asked."""
    dataset = use.dataset
    columns: dict[str, object] = {}
    known = {column.name: column for column in dataset.columns}
    key = None if dataset.data_subject is None else dataset.data_subject.column
    for name, uses in sorted(use.columns.items()):
        column = known.get(name)
        if column is None:  # pragma: no cover - resolution refuses unknown columns before
            raise KeyError(name)
        columns[name] = {
            "class": column.column_class.value,
            "data_subject": key == name,
            "category": column.category,
            "generalise": column.generalise,
            "mask": None if column.mask is None else column.mask.kind.value,
            "uses": sorted(u.value for u in uses),
        }
    return {
        "columns": columns,
        "class": dataset.dataset_class.value,
        "data_category": dataset.data_category,
        "has_data_subject": dataset.data_subject is not None,
        "purposes": sorted(dataset.purposes if about is None else dataset.purposes & about),
        "countries": sorted(dataset.countries),
        "keep": None if dataset.keep is None else {"column": dataset.keep.column, "days": dataset.keep.days},
        "birth_date": dataset.birth_date,
        "least_age": dataset.least_age,
    }


@dataclass(frozen=True, slots=True)
class Permit:
    """Yes, on these conditions.

    Attributes
    ----------
    legal_basis:
        Ground of the access.
    consent_required:
        Whether rows are limited to data subjects who agree (or did not object).
    cells:
        The consent cells that every data subject in the answer must have in force.
    transforms:
        Dataset name to column name to transform; every used column must be named.
    row_filters:
        Dataset name to filters, all of which hold for a row that may be read.
    obligations:
        All must be discharged before release.
    revision:
        Revision of the policy that answered.
    valid_until:
        The instant (UTC) from which this answer may differ, or ``None``.
    """

    legal_basis: LegalBasis
    consent_required: bool
    cells: tuple[Cell, ...]
    transforms: Mapping[str, Mapping[str, TransformKind]]
    row_filters: Mapping[str, tuple[RowFilter, ...]]
    obligations: tuple[Obligation, ...]
    revision: str
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """No, and why.

    ``code`` is the error code of the contract; ``reasons`` are the policy's own codes, sorted.
    """

    code: str
    reasons: tuple[str, ...]
    revision: str
    valid_until: datetime | None = None


Decision = Permit | Deny

_DENY_CODES = ("purpose_not_registered", "access_denied", "aggregate_required", "column_denied")
_ANSWER_KEYS = frozenset(
    {"allow", "deny", "legal_basis", "consent", "columns", "row_filters", "obligations", "valid_until"}
)


def decision_from_json(answer: object, request: AccessRequest, revision: str) -> Decision:
    """Read a policy's answer strictly.

    The answer is ``{"allow", "deny": [{"code", "reason"}…], "legal_basis", "consent": {"required",
    "cells"}, "columns", "row_filters", "obligations": [{"kind", "value"}…], "valid_until"}``; all keys
    must stand there, no other may. ``valid_until`` is in whole seconds since 1970-01-01 UTC, or null.

    Raises
    ------
    ValueError
        When anything is missing, of another type, unknown, or contradicts itself (an ``allow`` beside a
        reason to deny; a used column without transform). The caller turns this into "no".
    """
    body = as_mapping(answer, "answer")
    if set(body) != _ANSWER_KEYS:
        raise ValueError("the policy's answer has other keys than the contract")
    allow = as_flag(body["allow"], "allow")
    reasons = [as_mapping(item, "deny") for item in as_list(body["deny"], "deny")]
    valid_until = _instant(body["valid_until"])
    if not allow:
        if not reasons:
            raise ValueError("a refusal without a reason")
        codes = {as_string(reason.get("code"), "code") for reason in reasons}
        code = next((known for known in _DENY_CODES if known in codes), "access_denied")
        texts = tuple(sorted({as_string(reason.get("reason"), "reason") for reason in reasons}))
        return Deny(code, texts, revision, valid_until)
    if reasons:
        raise ValueError("an allow beside a reason to deny")
    consent = as_mapping(body["consent"], "consent")
    required = as_flag(consent.get("required"), "required")
    if set(consent) != {"required", "cells"}:
        raise ValueError("consent is not {required, cells}")
    cells = tuple(sorted(Cell(as_string(cell, "cell")) for cell in as_list(consent["cells"], "cells")))
    known_cells = set(request.purpose.all_cells())
    if required and not cells:
        raise ValueError("consent is required for no cell")
    if not known_cells.issuperset(cells):
        raise ValueError("a cell of another purpose")
    return Permit(
        legal_basis=LegalBasis(as_string(body["legal_basis"], "legal_basis")),
        consent_required=required,
        cells=cells,
        transforms=_transforms(body["columns"], request),
        row_filters=_row_filters(body["row_filters"], request),
        obligations=tuple(obligation_from_json(item) for item in as_list(body["obligations"], "obligations")),
        revision=revision,
        valid_until=valid_until,
    )


def _transforms(value: object, request: AccessRequest) -> dict[str, dict[str, TransformKind]]:
    answer = as_mapping(value, "columns")
    transforms: dict[str, dict[str, TransformKind]] = {}
    for use in request.datasets:
        columns = as_mapping(answer.get(use.dataset.name, {}), "columns")
        if set(columns) != set(use.columns):
            raise ValueError("a used column without transform, or a transform for another column")
        kinds = {name: TransformKind(as_string(kind, "transform")) for name, kind in columns.items()}
        known = {column.name: column for column in use.dataset.columns}
        for name, kind in kinds.items():
            column = known.get(name)
            if column is None or not fits(kind, column):
                raise ValueError("a transform that the column's type does not take, or without its parameters")
        transforms[use.dataset.name] = kinds
    if set(answer) - set(transforms):
        raise ValueError("transforms for a dataset that was not asked for")
    return transforms


def _row_filters(value: object, request: AccessRequest) -> dict[str, tuple[RowFilter, ...]]:
    names = {use.dataset.name: use.dataset for use in request.datasets}
    filters: dict[str, tuple[RowFilter, ...]] = {}
    for name, items in as_mapping(value, "row_filters").items():
        if name not in names:
            raise ValueError("a row filter for a dataset that was not asked for")
        filters[name] = filters_from_json(items, names[name])
    return filters


def _instant(value: object) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # an engine of policies may write whole numbers so
    return datetime.fromtimestamp(as_whole(value, "valid_until", 0, 253_402_300_799), UTC)
