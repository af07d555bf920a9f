"""One question to the policy and its answer, as closed types.

The answer is data: transforms by name, row filters as a small tree, obligations. What these types
cannot express does not exist, and :func:`decision_from_json` refuses everything it does not know
(XACML 7.18: a PEP that does not understand an obligation denies).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sekisho.domain.terms import Cell, Dataset, LegalBasis, Purpose, Requester


class Use(StrEnum):
    """How a statement uses a column."""

    SHOWN = "shown"
    COMPARED = "compared"
    JOINED = "joined"
    GROUPED = "grouped"
    ORDERED = "ordered"
    AGGREGATED = "aggregated"
    PASSED = "passed"  # to a function, cast or other expression


class TransformKind(StrEnum):
    """What happens to a column's values before a requester sees them.

    ``clear`` shows the value. ``withhold`` (null) and ``redact`` (a constant) say nothing of it.
    ``year``, ``age_band``, ``prefix3``, ``host``, ``browser`` and ``partial`` are computed at the scan.
    ``pseudonym`` (data-subject key) and ``token`` (linking identifier) are keyed and computed on the
    way out. ``mask_text`` masks personal data inside free text, on the way out.
    """

    CLEAR = "clear"
    WITHHOLD = "withhold"
    REDACT = "redact"
    PARTIAL = "partial"
    YEAR = "year"
    AGE_BAND = "age_band"
    PREFIX3 = "prefix3"
    HOST = "host"
    BROWSER = "browser"
    PSEUDONYM = "pseudonym"
    TOKEN = "token"  # noqa: S105 - the name of a transform, not a secret
    MASK_TEXT = "mask_text"


class ObligationKind(StrEnum):
    """What the gateway must do besides; one it does not know means no."""

    MAX_ROWS = "max_rows"
    MAX_DATA_SUBJECTS = "max_data_subjects"
    MIN_GROUP = "min_group"


@dataclass(frozen=True, slots=True)
class Obligation:
    """One obligation with its whole-number argument (a limit in rows, persons, or persons a group)."""

    kind: ObligationKind
    value: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A row filter: ``column op value``, all filters of a dataset and-ed.

    ``op`` is one of ``eq ne lt le gt ge in``; ``value`` is a literal, or a tuple of literals for ``in``.
    """

    column: str
    op: str
    value: str | int | float | bool | tuple[str | int | float | bool, ...]


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """One dataset of a statement and how each of its columns is used."""

    dataset: Dataset
    columns: Mapping[str, frozenset[Use]]


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """The whole question: who, why, what, and how each column is used.

    ``action`` is ``query`` (a requester's statement) or ``view`` (a published view, named in ``view``).
    """

    requester: Requester
    purpose: Purpose
    datasets: tuple[DatasetUse, ...]
    action: str = "query"
    view: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return the policy's ``input``: the slice that this decision needs, nothing else."""
        return {
            "action": self.action,
            "view": self.view,
            "requester": {
                "name": self.requester.name,
                "purposes": sorted(self.requester.purposes),
                "roles": sorted(self.requester.roles),
                "recipient": self.requester.recipient.value,
            },
            "purpose": {
                "name": self.purpose.name,
                "legal_basis": self.purpose.legal_basis.value,
                "output": self.purpose.output,
                "cells": list(self.purpose.cells),
                "explicit": sorted(self.purpose.explicit),
                "third_party": self.purpose.third_party,
                "clear": sorted(self.purpose.clear),
            },
            "datasets": {use.dataset.name: _dataset_json(use) for use in self.datasets},
        }

    def canonical(self) -> bytes:
        """Return the canonical bytes of :meth:`to_json`; equal questions have equal bytes."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()

    def fingerprint(self) -> str:
        """Return the SHA-256 of the canonical bytes, the key under which a decision is cached."""
        return hashlib.sha256(self.canonical()).hexdigest()


def _dataset_json(use: DatasetUse) -> dict[str, object]:
    dataset = use.dataset
    columns: dict[str, object] = {}
    for name, uses in sorted(use.columns.items()):
        column = dataset.column(name)
        if column is None:  # pragma: no cover - resolution refuses unknown columns before
            raise KeyError(name)
        columns[name] = {
            "class": column.column_class.value,
            "category": column.category,
            "generalise": column.generalise,
            "data_subject": dataset.data_subject is not None and dataset.data_subject.column == name,
            "uses": sorted(u.value for u in uses),
        }
    return {
        "data_category": dataset.data_category,
        "has_data_subject": dataset.data_subject is not None,
        "purposes": sorted(dataset.purposes),
        "columns": columns,
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
        Dataset name to filters, and-ed.
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
    row_filters: Mapping[str, tuple[Comparison, ...]]
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
_OPS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "in"})


def decision_from_json(answer: object, request: AccessRequest, revision: str) -> Decision:
    """Read a policy's answer strictly.

    The answer is ``{"allow", "deny": [{"code", "reason"}…], "legal_basis", "consent": {"required",
    "cells"}, "columns", "row_filters", "obligations": [{"kind", "value"}…], "valid_until"}``; all keys
    must stand there, no other may.

    Raises
    ------
    ValueError
        When anything is missing, of another type, unknown, or contradicts itself (an ``allow`` beside a
        reason to deny; a used column without transform). The caller turns this into "no".
    """
    body = _mapping(answer, "answer")
    if set(body) != _ANSWER_KEYS:
        raise ValueError("the policy's answer has other keys than the contract")
    allow = _flag(body["allow"], "allow")
    reasons = [_mapping(item, "deny") for item in _list(body["deny"], "deny")]
    valid_until = _instant(body["valid_until"])
    if not allow:
        if not reasons:
            raise ValueError("a refusal without a reason")
        codes = {_string(reason.get("code"), "code") for reason in reasons}
        code = next((known for known in _DENY_CODES if known in codes), "access_denied")
        texts = tuple(sorted({_string(reason.get("reason"), "reason") for reason in reasons}))
        return Deny(code, texts, revision, valid_until)
    if reasons:
        raise ValueError("an allow beside a reason to deny")
    consent = _mapping(body["consent"], "consent")
    required = _flag(consent.get("required"), "required")
    if set(consent) != {"required", "cells"}:
        raise ValueError("consent is not {required, cells}")
    cells = tuple(sorted(Cell(_string(cell, "cell")) for cell in _list(consent["cells"], "cells")))
    known_cells = set(request.purpose.all_cells())
    if required and not cells:
        raise ValueError("consent is required for no cell")
    if not known_cells.issuperset(cells):
        raise ValueError("a cell of another purpose")
    return Permit(
        legal_basis=LegalBasis(_string(body["legal_basis"], "legal_basis")),
        consent_required=required,
        cells=cells,
        transforms=_transforms(body["columns"], request),
        row_filters=_row_filters(body["row_filters"], request),
        obligations=tuple(_obligation(item) for item in _list(body["obligations"], "obligations")),
        revision=revision,
        valid_until=valid_until,
    )


def _transforms(value: object, request: AccessRequest) -> dict[str, dict[str, TransformKind]]:
    answer = _mapping(value, "columns")
    transforms: dict[str, dict[str, TransformKind]] = {}
    for use in request.datasets:
        columns = _mapping(answer.get(use.dataset.name, {}), "columns")
        if set(columns) != set(use.columns):
            raise ValueError("a used column without transform, or a transform for another column")
        transforms[use.dataset.name] = {
            name: TransformKind(_string(kind, "transform")) for name, kind in columns.items()
        }
    if set(answer) - set(transforms):
        raise ValueError("transforms for a dataset that was not asked for")
    return transforms


def _row_filters(value: object, request: AccessRequest) -> dict[str, tuple[Comparison, ...]]:
    names = {use.dataset.name: use.dataset for use in request.datasets}
    filters: dict[str, tuple[Comparison, ...]] = {}
    for name, items in _mapping(value, "row_filters").items():
        if name not in names:
            raise ValueError("a row filter for a dataset that was not asked for")
        filters[name] = tuple(_comparison(item, names[name]) for item in _list(items, "row_filters"))
    return filters


def _comparison(value: object, dataset: Dataset) -> Comparison:
    item = _mapping(value, "row filter")
    column, op = _string(item.get("column"), "column"), _string(item.get("op"), "op")
    if set(item) != {"column", "op", "value"} or op not in _OPS or dataset.column(column) is None:
        raise ValueError("a row filter that is not {column, op, value} of the catalogue")
    operand = item["value"]
    if op == "in":
        values = tuple(_literal(v) for v in _list(operand, "value"))
        return Comparison(column, op, values)
    return Comparison(column, op, _literal(operand))


def _literal(value: object) -> str | int | float | bool:
    if isinstance(value, str | int | float | bool):
        return value
    raise ValueError("a row filter's value is not a literal")


def _obligation(value: object) -> Obligation:
    item = _mapping(value, "obligation")
    amount = item.get("value")
    if set(item) != {"kind", "value"} or isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        raise ValueError("an obligation that is not {kind, value}")
    return Obligation(ObligationKind(_string(item["kind"], "kind")), amount)


def _instant(value: object) -> datetime | None:
    if value is None:
        return None
    instant = datetime.fromisoformat(_string(value, "valid_until"))
    if instant.tzinfo is None:
        raise ValueError("valid_until without a time zone")
    return instant


def _mapping(value: object, what: str) -> dict[str, object]:
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    raise ValueError(f"{what} is not an object")


def _list(value: object, what: str) -> list[object]:
    if isinstance(value, list):
        return value
    raise ValueError(f"{what} is not a list")


def _string(value: object, what: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"{what} is not a non-empty string")


def _flag(value: object, what: str) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"{what} is not a boolean")
