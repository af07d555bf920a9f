"""What a requester is told of a decision and a plan: in words, with every literal hidden, and nothing of any row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sekisho.domain.access import Deny, ObligationKind, Permit, TransformKind
from sekisho.domain.row_filters import Ago, AllOf, AnyOf, Comparison, IsNull, Negated, RowFilter
from sekisho.domain.terms import Dataset, LegalBasis, Purpose
from sekisho.query.plan import Plan
from sekisho.query.statements import Question


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """What the METADATA of a rule that can say no tells: its title, what it stands on, and what would help."""

    title: str
    source: str
    remedy: str


MASKS: Mapping[TransformKind, str] = {
    TransformKind.CLEAR: "shown as it is",
    TransformKind.WITHHOLD: "withheld: always null",
    TransformKind.REDACT: "replaced by a constant",
    TransformKind.PARTIAL: "its first character, the rest hidden",
    TransformKind.YEAR: "the year alone",
    TransformKind.AGE_BAND: "an age in steps of ten years",
    TransformKind.PREFIX3: "its first three characters",
    TransformKind.HOST: "the host of the address alone",
    TransformKind.BROWSER: "the name of the browser alone",
    TransformKind.PSEUDONYM: "a pseudonym, the same for this requester and purpose alone",
    TransformKind.TOKEN: "a token, the same for this requester and purpose alone",
    TransformKind.MASK_TEXT: "text with personal data replaced by its kind",
}
"""What each transform does, in words."""

_BASES: Mapping[LegalBasis, str] = {
    LegalBasis.CONSENT: "the consent of each person",
    LegalBasis.LEGITIMATE_INTEREST: "a legitimate interest, to which each person may object",
    LegalBasis.CONTRACT: "a contract with the person",
    LegalBasis.LEGAL_OBLIGATION: "a legal obligation",
}
_OPERATORS = {"eq": "is", "ne": "is not", "lt": "is below", "le": "is at most", "gt": "is above", "ge": "is at least"}


def refusal(decision: Deny, rules: Mapping[str, PolicyRule]) -> dict[str, object]:
    """Return why the answer is no; a reason of which no rule tells stands alone."""
    return {
        "decision": "deny",
        "code": decision.code,
        "reasons": list(decision.reasons),
        "why": [_reason(reason, rules.get(reason)) for reason in decision.reasons],
        "policy_revision": decision.revision,
    }


def permission(question: Question, permit: Permit, plan: Plan, cost: dict[str, object] | None) -> dict[str, object]:
    """Return what the permit asks for, whose rows count, what becomes of columns and what each store runs."""
    request = question.request
    return {
        "decision": "permit",
        "reasons": [],
        "why": [{"title": _ground(request.purpose, permit)}],
        "legal_basis": permit.legal_basis.value,
        "consent": {"required": permit.consent_required, "cells": list(permit.cells)},
        "rows": {use.dataset.name: _rows(use.dataset, permit) for use in request.datasets},
        "transforms": {n: {c: k.value for c, k in t.items()} for n, t in permit.transforms.items()},
        "masks": {n: {c: MASKS[k] for c, k in t.items()} for n, t in permit.transforms.items()},
        "uses": {u.dataset.name: {c: sorted(k) for c, k in u.columns.items()} for u in request.datasets},
        "obligations": [{"kind": o.kind.value, "value": o.value_json()} for o in permit.obligations],
        "columns": [{"name": o.name, "transform": o.transform.value} for o in plan.outputs],
        "sql": plan.shown_sql,
        "statements": _statements(plan),
        "fenced": plan.fenced,
        "cost": cost,
        "policy_revision": permit.revision,
    }


def _statements(plan: Plan) -> list[dict[str, object]]:
    """Return what each store runs: first what other stores read for the statement, then the statement itself."""
    scanned = [statement for scan in plan.scans for statement in _statements(scan.plan)]
    return [*scanned, {"engine": plan.engine.value, "stores": list(plan.stores), "sql": plan.shown_sql}]


def _reason(reason: str, rule: PolicyRule | None) -> dict[str, str]:
    if rule is None:
        return {"reason": reason}
    return {"reason": reason, "title": rule.title, "source": rule.source, "remedy": rule.remedy}


def _ground(purpose: Purpose, permit: Permit) -> str:
    title = purpose.title.get("en") or purpose.name
    return f"No rule says no. The purpose {purpose.name} ({title}) stands on {_BASES[permit.legal_basis]}."


def _rows(dataset: Dataset, permit: Permit) -> list[str]:
    """Return whose rows of *dataset* count, in sentences."""
    key = dataset.data_subject
    told = []
    if key is None:
        told.append("Every row: the dataset is about nobody.")
    elif permit.consent_required:
        cells = ", ".join(permit.cells)
        agree = "did not object to" if permit.legal_basis is LegalBasis.LEGITIMATE_INTEREST else "agree to"
        told.append(f"Rows of people, by {key.column}, who {agree} {cells}, now and when each page leaves.")
    elif any(obligation.kind is ObligationKind.MIN_GROUP for obligation in permit.obligations):
        told.append("Every row; groups of few people are left out.")
    else:
        told.append(f"Rows of every person who is known by {key.column}; consent is not asked for.")
    told += [f"Rows whose {_filter(comparison)}." for comparison in permit.row_filters.get(dataset.name, ())]
    return told


def _filter(condition: RowFilter) -> str:
    """Return a row filter in words, without its values."""
    match condition:
        case Comparison(column, op, value):
            if isinstance(value, tuple):
                return f"{column} is among values that the policy names"
            named = "a time before now that" if isinstance(value, Ago) else "a value that"
            return f"{column} {_OPERATORS[op]} {named} the policy names"
        case IsNull(column):
            return f"{column} has no value"
        case Negated(part):
            return f"not: {_filter(part)}"
        case AllOf(parts):
            return "(" + " and ".join(map(_filter, parts)) + ")"
        case AnyOf(parts):
            return "(" + " or ".join(map(_filter, parts)) + ")"
