"""Records as events of the Open Cybersecurity Schema Framework, version 1.7.0, one JSON object a line.

What data was asked for is Datastore Activity (6005, with the profile ``security_control``); everything else that the
log knows is API Activity (6003). Purpose, consent and the like have no place in OCSF and stand under ``unmapped``,
beside what binds the event to the log: the record's leaf hash in the tree, and ``record_integrity`` in the words of
OCSF 1.9.0-dev. A statement is its fingerprint; values and literals are in no record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from sekisho import __version__

VERSION: Final = "1.7.0"

_DATASTORE: Final = 6005
_API: Final = 6003
_CREATE, _READ, _UPDATE, _DELETE, _OTHER = 1, 2, 3, 4, 99
_QUERY: Final = 4  # activity of Datastore Activity
_CLEAR: Final = "clear"
_PREVIOUS: Final = b'"},"prev_event":{"fingerprint":{"algorithm_id":3,"value":'

# What an API activity did, by the last word of the record's kind; every other word is "Other", under its own name.
_ACTIVITIES: Final = {
    **dict.fromkeys(("create", "give", "request", "draft", "start", "import", "add", "grant"), _CREATE),
    **dict.fromkeys(("read", "search", "show", "list"), _READ),
    **dict.fromkeys(
        (
            "withdraw", "refuse", "object", "renew", "defer", "confirm", "revoke", "invalidate", "expire", "publish",
            "activate", "rotate", "answer", "close", "pause", "resume", "link", "unlink", "sync", "config", "finish",
        ),
        _UPDATE,
    ),
    **dict.fromkeys(("delete", "erase"), _DELETE),
}  # fmt: skip

_SEVERITIES: Final = {"gap": 4, "access.deny": 2, "access.void": 2, "auth.fail": 3}
"""1 is informational, 2 low, 3 medium, 4 high."""

# The codes of a refusal for which nobody is registered, as against a policy that said no.
_UNAUTHORIZED: Final = frozenset({"purpose_not_registered", "unauthenticated"})

_UNMAPPED: Final = frozenset((
    "action", "change", "code", "columns", "consent", "consent_seq", "count", "datasets", "decision", "due_at",
    "event_id", "export", "follows", "format", "keep_until", "legal_basis", "method", "outcome", "page", "pages",
    "parent_id", "purpose", "purposes", "reason", "reasons", "recipient", "repeated", "rows", "scope", "searched_by",
    "stores", "subjects", "version", "view", "wseq",
))  # fmt: skip
"""Fields that OCSF has no attribute for. All others are left to the raw export: references of people above all."""

_RESOURCES: Final = ("purpose", "notice", "record", "export", "webhook", "batch", "dataset", "store", "view")
"""Fields that name what an API activity was about, the first one there being taken."""

_ENGINE: Final = {"name": "sekisho", "type_id": 99, "type": "Gateway"}


def ocsf_lines(records: Sequence[bytes]) -> bytes:
    """Return an event for each of *records*, one a line."""
    loads, dumps = orjson.loads, orjson.dumps
    return b"".join(
        [dumps(ocsf_event(loads(record), record), option=orjson.OPT_APPEND_NEWLINE) for record in records]
    )


def ocsf_event(fields: dict[str, Any], record: bytes) -> dict[str, Any]:
    """Return the event of the record with these *fields*, whose bytes are *record*."""
    kind, at, requester = fields["kind"], fields["at"], fields.get("requester")
    head = _head(kind)
    actor, endpoint = _party(requester if type(requester) is str else None)
    unmapped: dict[str, Any] = {name: value for name, value in fields.items() if name in _UNMAPPED}
    unmapped["record_integrity"] = _integrity(fields["writer"], fields["prev"], record)
    event: dict[str, Any] = {
        **head.fixed,
        "time": event_time(at),
        "metadata": {**head.metadata, "uid": fields["id"], "sequence": fields["seq"], "original_time": at},
        "actor": actor,
        "src_endpoint": endpoint,
        "unmapped": unmapped,
    }
    if head.asked:
        _add_access(event, fields, kind)
    else:
        _add_call(event, fields, kind)
    return event


class _Head:
    """What all events of one kind have in common."""

    __slots__ = ("asked", "fixed", "metadata")

    def __init__(self, kind: str) -> None:
        asked = self.asked = kind.startswith("access.")
        uid = _DATASTORE if asked else _API
        if asked:
            activity = _QUERY if kind in {"access.release", "access.deny"} else _OTHER
        else:
            activity = _ACTIVITIES.get(kind.rpartition(".")[2], _OTHER)
        self.fixed: dict[str, Any] = {
            "category_uid": 6,
            "class_uid": uid,
            "activity_id": activity,
            "type_uid": uid * 100 + activity,
            "severity_id": _SEVERITIES.get(kind, 1),
        }
        if activity == _OTHER:
            self.fixed["activity_name"] = kind
        self.metadata: dict[str, Any] = {
            "version": VERSION,
            "product": _fragment({"name": "Sekisho", "vendor_name": "Sekisho", "version": __version__}),
            "log_name": "audit",
            "log_provider": "sekisho",
            "event_code": kind,
        }
        if asked:
            self.metadata["profiles"] = ["security_control"]


@lru_cache(maxsize=256)
def _head(kind: str) -> _Head:
    return _Head(kind)


def event_time(at: str) -> int:
    """Return the time of a record as milliseconds since 1970."""
    return _second(at[:19]) + int(at[20:23])


@lru_cache(maxsize=4_096)
def _second(text: str) -> int:
    """Return a whole second, in UTC, as milliseconds since 1970."""
    return int(datetime.fromisoformat(text + "+00:00").timestamp()) * 1_000


@lru_cache(maxsize=1_024)
def _party(requester: str | None) -> tuple[orjson.Fragment, orjson.Fragment]:
    """Return who did it, and from where: the service that asked, by its name, or the gateway itself.

    Addresses are not recorded.
    """
    name = requester or "sekisho"
    user = {"name": name, "uid": name, "type_id": 4, "type": "Service"}
    actor = {"app_name": name} if requester is None else {"user": user, "app_uid": name}
    return _fragment(actor), _fragment({"svc_name": name, "name": name})


def _fragment(value: object) -> orjson.Fragment:
    """Return *value* written out once, for all events that have it."""
    return orjson.Fragment(orjson.dumps(value))


@lru_cache(maxsize=1_024)
def _place(dataset: str, store: str | None) -> tuple[orjson.Fragment, orjson.Fragment]:
    """Return the table and the database; of several datasets it is the first, all are under ``unmapped``."""
    table = {"name": dataset, "uid": dataset}
    database = {"name": store or dataset.partition(".")[0], "type_id": 0, "type": "Unknown"}
    return _fragment(table), _fragment(database)


@lru_cache(maxsize=1_024)
def _policy(revision: str, decision: str) -> tuple[orjson.Fragment, orjson.Fragment]:
    """Return the policy that was applied, and what it decided."""
    policy = {"uid": "sekisho", "version": revision, "is_applied": True}
    authorizations = [{"decision": decision, "policy": policy}]
    return _fragment(policy), _fragment(authorizations)


def _integrity(writer: str, before: str, record: bytes) -> orjson.Fragment:
    """Return what binds the event to the log, in the words of OCSF 1.9.0-dev."""
    leaf = hashlib.sha256(b"\x00" + record).hexdigest().encode("ascii")
    return orjson.Fragment(b"".join((_chain(writer), leaf, _PREVIOUS, orjson.dumps(before), b"}}}]}")))


@lru_cache(maxsize=256)
def _chain(writer: str) -> bytes:
    """Return the beginning of the record's integrity, up to its fingerprint."""
    return (
        b'{"serialization_id":2,"attestation_list":[{"chain_uid":'  # 2 is RFC 8785
        + orjson.dumps(writer)
        + b',"fingerprint":{"algorithm_id":3,"value":"'  # 3 is SHA-256
    )


def _add_access(event: dict[str, Any], fields: dict[str, Any], kind: str) -> None:
    """Add what Datastore Activity has: where, which statement, and what control decided."""
    datasets, stores = fields.get("datasets"), fields.get("stores")
    if isinstance(datasets, list) and datasets:
        event["table"], event["database"] = _place(
            str(datasets[0]), str(stores[0]) if isinstance(stores, list) and stores else None
        )
    else:
        event["database"] = _ENGINE
    fingerprint, size = fields.get("query_fp"), fields.get("bytes")
    if isinstance(fingerprint, str):
        event["query_info"] = {"query_string": fingerprint, **({"bytes": size} if type(size) is int else {})}
    permitted = kind == "access.release"
    columns = fields.get("columns")
    masked = isinstance(columns, dict) and [*columns.values()].count(_CLEAR) < len(columns)
    if permitted:
        event["status_id"] = 1
        event["action_id"], event["disposition_id"] = (4, 11) if masked else (1, 1)
    else:
        code = fields.get("code", fields.get("reason"))
        event["status_id"] = 2
        event["action_id"], event["disposition_id"] = 2, (26 if code in _UNAUTHORIZED else 2)
        if isinstance(code, str):
            event["status_code"] = code
    policy = fields.get("policy")
    revision = policy.get("revision") if isinstance(policy, dict) else None
    if isinstance(revision, str):
        event["policy"], event["authorizations"] = _policy(revision, "permit" if permitted else "deny")


def _add_call(event: dict[str, Any], fields: dict[str, Any], kind: str) -> None:
    """Add what API Activity has: the operation, and what it was about."""
    event["api"] = {"operation": kind, "service": {"name": "sekisho"}}
    event["status_id"] = 2 if kind == "gap" or kind.endswith(".fail") else 1
    for name in _RESOURCES:
        subject = fields.get(name)
        if isinstance(subject, str):
            event["resources"] = [{"type": name, "name": subject, "uid": subject}]
            break
