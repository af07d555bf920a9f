"""How two decisions on one question differ, and a decision as JSON tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from sekisho.domain.access import Decision, Deny, Obligation, Permit

ALLOW_TO_DENY: Final = "allow_to_deny"
DENY_TO_ALLOW: Final = "deny_to_allow"
REASONS: Final = "reasons"

_NOT_COMPARED = frozenset({"revision", "valid_until"})  # of which policy it is, and for how long: not what it says
_CONDITIONS = tuple(each.name for each in fields(Permit) if each.name not in _NOT_COMPARED)

KINDS: Final = (ALLOW_TO_DENY, DENY_TO_ALLOW, REASONS, *_CONDITIONS)
"""Every way in which two decisions can differ: what the answer is, why, or on which condition."""

UNDECIDED: Final = Deny("policy_unavailable", (), "")
"""What stands for no decision at all: it means no."""


def differences(before: Decision, after: Decision) -> tuple[str, ...]:
    """Return in which of :data:`KINDS` two decisions differ; none where they say the same."""
    if isinstance(before, Permit) and isinstance(after, Permit):
        return tuple(name for name in _CONDITIONS if _plain(getattr(before, name)) != _plain(getattr(after, name)))
    if isinstance(before, Permit):
        return (ALLOW_TO_DENY,)
    if isinstance(after, Permit):
        return (DENY_TO_ALLOW,)
    return () if (before.code, before.reasons) == (after.code, after.reasons) else (REASONS,)


def told(decision: Decision) -> dict[str, object]:
    """Return a decision as JSON: ``allow`` with its conditions, or ``deny`` with its code and reasons."""
    if isinstance(decision, Deny):
        return {"decision": "deny", "code": decision.code, "reasons": list(decision.reasons)}
    return {"decision": "allow", **{name: _plain(getattr(decision, name)) for name in _CONDITIONS}}


def told_changes(before: Decision, after: Decision) -> dict[str, dict[str, object]]:
    """Return what differs as ``{"before": …, "after": …}`` by kind; of other conditions nothing."""
    changes: dict[str, dict[str, object]] = {}
    for kind in differences(before, after):
        if kind in {ALLOW_TO_DENY, DENY_TO_ALLOW, REASONS}:
            changes[kind] = {"before": _short(before), "after": _short(after)}
        else:
            changes[kind] = _narrowed(_plain(getattr(before, kind)), _plain(getattr(after, kind)))
    return changes


def _short(decision: Decision) -> object:
    return list(decision.reasons) or [decision.code] if isinstance(decision, Deny) else "allow"


def _narrowed(before: object, after: object) -> dict[str, object]:
    """Return both sides without the members that are equal on both, as deep as objects go."""
    if isinstance(before, dict) and isinstance(after, dict):
        left: dict[str, object] = {}
        right: dict[str, object] = {}
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) == after.get(key):
                continue
            inner = _narrowed(before.get(key), after.get(key))
            left[key], right[key] = inner["before"], inner["after"]
        return {"before": left, "after": right}
    return {"before": before, "after": after}


def _plain(value: object) -> object:
    """Return *value* as JSON can say it, equal where the values are, whatever order a set came in."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {
            "is": type(value).__name__,
            **{each.name: _plain(getattr(value, each.name)) for each in fields(value)},
        }
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(each) for key, each in sorted(value.items(), key=lambda item: str(item[0]))}
    if isinstance(value, tuple) and value and all(isinstance(each, Obligation) for each in value):
        kinds: dict[str, list[object]] = {}
        for each in value:
            kinds.setdefault(each.kind.value, []).append(each.value_json())
        return dict(sorted(kinds.items()))  # in which order they stand says nothing
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, frozenset | set):
        return sorted((_plain(each) for each in value), key=str)
    if isinstance(value, datetime):
        return value.isoformat()
    return value
