"""What a requester is told of a decision and a plan: in words, with every literal hidden, and nothing of any row.

Each sentence exists in every language of :data:`~sekisho.domain.refusal_texts.LANGUAGES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sekisho.domain.access import Deny, ObligationKind, Permit, TransformKind
from sekisho.domain.refusal_texts import LANGUAGES, RefusalText, text_of
from sekisho.domain.row_filters import Ago, AllOf, AnyOf, Comparison, IsNull, Negated, RowFilter
from sekisho.domain.terms import Dataset, LegalBasis, Purpose
from sekisho.domain.transforms import TRANSFORMS, said
from sekisho.errors import SekishoError
from sekisho.query.plan import Plan
from sekisho.query.statements import Question


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """What the METADATA of a rule that can say no tells: the articles it stands on, and its text by language."""

    source: str
    texts: Mapping[str, RefusalText]

    def text(self, language: str) -> RefusalText | None:
        """Return the text in *language*, else in the first language that it has."""
        return next((self.texts[each] for each in (language, *LANGUAGES) if each in self.texts), None)


MASKS: Mapping[TransformKind, str] = {kind: each.said["en"] for kind, each in TRANSFORMS.items()}
"""What each transform does, in English."""

_BASES: Mapping[str, Mapping[LegalBasis, str]] = {
    "en": {
        LegalBasis.CONSENT: "the consent of each person",
        LegalBasis.LEGITIMATE_INTEREST: "a legitimate interest, to which each person may object",
        LegalBasis.CONTRACT: "a contract with the person",
        LegalBasis.LEGAL_OBLIGATION: "a legal obligation",
    },
    "ja": {
        LegalBasis.CONSENT: "本人一人ひとりの同意",
        LegalBasis.LEGITIMATE_INTEREST: "本人が異議を述べられる正当な利益",
        LegalBasis.CONTRACT: "本人との契約",
        LegalBasis.LEGAL_OBLIGATION: "法律上の義務",
    },
}
_OPERATORS = {"eq": "is", "ne": "is not", "lt": "is below", "le": "is at most", "gt": "is above", "ge": "is at least"}
_OPERATORS_JA = {
    "eq": "に等しい",
    "ne": "に等しくない",
    "lt": "より小さい",
    "le": "以下",
    "gt": "より大きい",
    "ge": "以上",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change of what was asked that was found to turn the no into a yes.

    ``kind`` is ``purpose``, ``only_shown``, ``left_out`` or ``view``; ``name`` that purpose, column or view. Of a
    view, ``purpose`` is the one to read it for.
    """

    kind: str
    name: str
    purpose: str = ""


_CHANGES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "purpose": "Ask for the purpose {name}, if that is what the data is for: you are registered for it,"
        " and it gets a yes.",
        "only_shown": "Show {name} and do not compare, group, order or compute with it: that gets a yes.",
        "left_out": "Leave out {name}: the rest of the statement gets a yes.",
        "view": "Read the published view {name} (purpose {purpose}): that gets a yes.",
    },
    "ja": {
        "purpose": "本当にその目的で使うのであれば、利用目的 {name} で求めてください。登録済みで、許可されます。",
        "only_shown": "{name} を比較・集計・並べ替え・計算に使わず、表示だけにしてください。そうすれば許可されます。",
        "left_out": "{name} を外してください。残りの文は許可されます。",
        "view": "公開ビュー {name}（利用目的 {purpose}）を読んでください。許可されます。",
    },
}


def refusal(
    decision: Deny, rules: Mapping[str, PolicyRule], changes: Sequence[Change] = (), language: str = LANGUAGES[0]
) -> dict[str, object]:
    """Return why the policy says no and what would change it; a reason of which no rule tells stands alone."""
    return {
        "decision": "deny",
        "code": decision.code,
        **_told(text_of(decision.code, language)),
        "reasons": list(decision.reasons),
        "why": [_reason(reason, rules.get(reason), language) for reason in decision.reasons],
        "changes": _changes(changes, language),
        "policy_revision": decision.revision,
        "language": language,
    }


def fault(error: SekishoError, changes: Sequence[Change] = (), language: str = LANGUAGES[0]) -> dict[str, object]:
    """Return why the gateway itself says no, before or after the policy was asked, and what would change it."""
    return {
        "decision": "deny",
        "why": [{"reason": error.code, **_told(text_of(error.code, language))}],
        "changes": _changes(changes, language),
        "language": language,
    }


def permission(
    question: Question, permit: Permit, plan: Plan, cost: dict[str, object] | None, language: str = LANGUAGES[0]
) -> dict[str, object]:
    """Return what the permit asks for, whose rows count, what becomes of columns and what each store runs."""
    request = question.request
    return {
        "decision": "permit",
        "reasons": [],
        "why": [{"title": _ground(request.purpose, permit, language)}],
        "legal_basis": permit.legal_basis.value,
        "consent": {"required": permit.consent_required, "cells": list(permit.cells)},
        "rows": {use.dataset.name: _rows(use.dataset, permit, language) for use in request.datasets},
        "transforms": {n: {c: k.value for c, k in t.items()} for n, t in permit.transforms.items()},
        "masks": {
            use.dataset.name: {
                name: said(kind, use.dataset.column(name), language)
                for name, kind in permit.transforms[use.dataset.name].items()
            }
            for use in request.datasets
        },
        "uses": {u.dataset.name: {c: sorted(k) for c, k in u.columns.items()} for u in request.datasets},
        "obligations": [{"kind": o.kind.value, "value": o.value_json()} for o in permit.obligations],
        "columns": [{"name": o.name, "transform": o.transform.value} for o in plan.outputs],
        "sql": plan.shown_sql,
        "statements": _statements(plan),
        "fenced": plan.fenced,
        "cost": cost,
        "policy_revision": permit.revision,
        "language": language,
    }


def _statements(plan: Plan) -> list[dict[str, object]]:
    """Return what each store runs: first what other stores read for the statement, then the statement itself."""
    scanned = [statement for scan in plan.scans for statement in _statements(scan.plan)]
    return [*scanned, {"engine": plan.engine.value, "stores": list(plan.stores), "sql": plan.shown_sql}]


def _told(text: RefusalText) -> dict[str, str]:
    return {"title": text.title, "explanation": text.explanation, "remedy": text.remedy}


def _reason(reason: str, rule: PolicyRule | None, language: str) -> dict[str, str]:
    text = None if rule is None else rule.text(language)
    if rule is None or text is None:
        return {"reason": reason}
    return {"reason": reason, **_told(text), "source": rule.source}


def _changes(changes: Sequence[Change], language: str) -> list[dict[str, str]]:
    told = []
    for change in changes:
        text = _CHANGES[language][change.kind].format(name=change.name, purpose=change.purpose)
        purpose = {"purpose": change.purpose} if change.purpose else {}
        told.append({"change": change.kind, "name": change.name, **purpose, "text": text})
    return told


def _ground(purpose: Purpose, permit: Permit, language: str) -> str:
    title = purpose.title.get(language) or purpose.name
    basis = _BASES[language][permit.legal_basis]
    if language == "ja":
        return f"拒否する規則はありません。利用目的「{title}」（{purpose.name}）は{basis}を根拠とします。"
    return f"No rule says no. The purpose {purpose.name} ({title}) stands on {basis}."


def _rows(dataset: Dataset, permit: Permit, language: str) -> list[str]:
    """Return whose rows of *dataset* count, in sentences."""
    key = dataset.data_subject
    cells = ", ".join(permit.cells)
    objecting = permit.legal_basis is LegalBasis.LEGITIMATE_INTEREST
    if key is None:
        told = ["Every row: the dataset is about nobody.", "すべての行（誰に関するものでもないデータセットです）。"]
    elif permit.consent_required:
        agree = "did not object to" if objecting else "agree to"
        agreed = "異議を述べていない" if objecting else "同意している"
        told = [
            f"Rows of people, by {key.column}, who {agree} {cells}, now and when each page leaves.",
            f"{key.column} で示される本人のうち、いま、そして各ページが出る時点で {cells} に{agreed}人の行。",
        ]
    elif any(obligation.kind is ObligationKind.MIN_GROUP for obligation in permit.obligations):
        told = ["Every row; groups of few people are left out.", "すべての行（人数の少ない群は除かれます）。"]
    else:
        told = [
            f"Rows of every person who is known by {key.column}; consent is not asked for.",
            f"{key.column} で知られるすべての人の行（同意は求められません）。",
        ]
    chosen = [told[LANGUAGES.index(language)]]
    return chosen + [_filter(comparison, language) for comparison in permit.row_filters.get(dataset.name, ())]


def _condition(condition: RowFilter, language: str) -> str:
    """Return a row filter in words, without its values."""
    japanese = language == "ja"
    match condition:
        case Comparison(column, op, value):
            if isinstance(value, tuple):
                if japanese:
                    return f"{column} がポリシーの挙げる値のいずれか"
                return f"{column} is among values that the policy names"
            if japanese:
                named = "ポリシーの示すいまから前の時点" if isinstance(value, Ago) else "ポリシーの示す値"
                return f"{column} が{named}{_OPERATORS_JA[op]}"
            named = "a time before now that" if isinstance(value, Ago) else "a value that"
            return f"{column} {_OPERATORS[op]} {named} the policy names"
        case IsNull(column):
            return f"{column} に値がない" if japanese else f"{column} has no value"
        case Negated(part):
            return f"「{_condition(part, language)}」ではない" if japanese else f"not: {_condition(part, language)}"
        case AllOf(parts):
            return "(" + (" かつ " if japanese else " and ").join(_condition(p, language) for p in parts) + ")"
        case AnyOf(parts):
            return "(" + (" または " if japanese else " or ").join(_condition(p, language) for p in parts) + ")"


def _filter(condition: RowFilter, language: str) -> str:
    told = _condition(condition, language)
    return f"「{told}」を満たす行。" if language == "ja" else f"Rows whose {told}."
