"""Requests and answers as values, without any connection: both clients are built on these."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from sekisho.client.errors import ClientError, Problem
from sekisho.client.stream import Batches

ARROW = "application/vnd.apache.arrow.stream"
Scope = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request: method, path, body and headers. A call with ``key`` may be sent again safely."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """What a check says of one person: ``allowed`` at consent sequence ``seq``.

    ``state`` and ``reasons`` are there for collection points and the privacy officer only.
    """

    allowed: bool
    seq: int
    state: str | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded consent event: its id and sequence, the state that followed, its receipt."""

    id: str
    seq: int
    state: str
    receipt_id: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change feed. ``raw`` is all that the service said."""

    seq: int
    id: str
    data_subject: str
    purpose: str
    event: str
    recorded_at: datetime
    scope: Mapping[str, str] | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A governed answer: the rows as an Arrow table, and the release that they came with.

    ``complete`` is false when ``max_rows`` cut the answer short.
    """

    table: pa.Table = field(repr=False)
    release_id: str
    policy_revision: str
    consent_seq: int
    complete: bool

    def arrow(self) -> pa.Table:
        """Return the rows as a ``pyarrow.Table``."""
        return self.table

    def polars(self) -> Any:
        """Return the rows as a ``polars.DataFrame``. Raises ``ClientError`` without polars."""
        try:
            import polars  # noqa: ICN001, PLC0415 - an optional dependency of the caller
        except ImportError:
            raise ClientError("polars is not installed: pip install polars") from None
        return polars.from_arrow(self.table)

    def pandas(self) -> Any:
        """Return the rows as a ``pandas.DataFrame``. Raises ``ClientError`` without pandas."""
        try:
            # It may be absent, and is not typed; Arrow imports it again by itself.
            import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: F401, ICN001, PLC0415 - an extra
        except ImportError:
            raise ClientError("pandas is not installed: pip install pandas") from None
        return self.table.to_pandas()


def query(sql: str, purpose: str, parameters: Sequence[object], max_rows: int | None) -> Call:
    """Return the call that asks for governed rows."""
    body: dict[str, object] = {"purpose": purpose, "sql": sql, "parameters": list(parameters)}
    if max_rows is not None:
        body["max_rows"] = max_rows
    return Call("POST", "/v1/query", body, headers={"Accept": ARROW})


def check(
    items: Sequence[tuple[str, str] | tuple[str, str, Scope]],
    *,
    min_seq: int,
    valid_at: datetime | None,
    known_at: datetime | None,
    explain: bool,
) -> Call:
    """Return the call that checks (person, purpose, scope) triples."""
    body: dict[str, object] = {"items": [_item(item) for item in items]}
    if min_seq:
        body["min_seq"] = min_seq
    for name, at in (("valid_at", valid_at), ("known_at", known_at)):
        if at is not None:
            body[name] = instant(at)
    if explain:
        body["explain"] = True
    return Call("POST", "/v1/consents:check", body)


def filtering(purpose: str, data_subjects: Sequence[str], scope: Scope | None, min_seq: int) -> Call:
    """Return the call that keeps the allowed ones of *data_subjects*."""
    body: dict[str, object] = {"purpose": purpose, "data_subjects": list(data_subjects)}
    if scope:
        body["scope"] = dict(scope)
    if min_seq:
        body["min_seq"] = min_seq
    return Call("POST", "/v1/consents:filter", body)


def event(
    data_subject: str, purpose: str, kind: str, method: str, key: str | None, more: Mapping[str, object]
) -> Call:
    """Return the call that records an event; a fresh idempotency key makes it safe to send again."""
    body: dict[str, object] = {"data_subject": data_subject, "purpose": purpose, "event": kind, "method": method}
    for name, value in more.items():
        if value is not None:
            body[name] = instant(value) if isinstance(value, datetime) else value
    return Call("POST", "/v1/consents/events", body, headers={"Idempotency-Key": key or str(uuid.uuid4())})


def changes(after_seq: int) -> Call:
    """Return the call for the next page of changes."""
    return Call("GET", "/v1/consents/changes", params={"after_seq": str(after_seq)})


def follow(after_seq: int) -> Call:
    """Return the call for changes as they come (server-sent events)."""
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after_seq)}
    return Call("GET", "/v1/consents/changes", params={"after_seq": str(after_seq)}, headers=headers)


def read_checks(body: Mapping[str, Any]) -> list[Check]:
    """Return the answers of a check, in the order of its items."""
    return [
        Check(bool(item["allowed"]), int(item["seq"]), item.get("state"), tuple(item.get("reasons", ())))
        for item in body["items"]
    ]


def read_recorded(body: Mapping[str, Any]) -> Recorded:
    """Return what a recorded event answers."""
    return Recorded(body["id"], int(body["seq"]), body["state"], body.get("receipt_id"))


def read_change(item: Mapping[str, Any]) -> Change:
    """Return one entry of the feed."""
    return Change(
        seq=int(item["seq"]),
        id=item["id"],
        data_subject=item["data_subject"],
        purpose=item["purpose"],
        event=item["event"],
        recorded_at=datetime.fromisoformat(item["recorded_at"]),
        scope=item.get("scope"),
        raw=item,
    )


def whole(batches: Batches, found: list[pa.RecordBatch]) -> Answer:
    """Return the answer whose batches have all been *found*."""
    return Answer(
        pa.Table.from_batches(found, batches.schema),
        batches.release_id,
        batches.policy_revision,
        batches.consent_seq,
        bool(batches.complete),
    )


def problem(status: int, content: bytes) -> Problem:
    """Return what a refusal says."""
    try:
        body = json.loads(content)
        return Problem(status, str(body["code"]), str(body.get("detail", "")), body.get("trace_id"))
    except (ValueError, KeyError, TypeError):
        return Problem(status, "unknown", "The service answered with an error that is none of its own.", None)


class Events:
    """Server-sent events, line by line (WHATWG HTML, 9.2.6), as far as the feed uses them."""

    def __init__(self) -> None:
        self._data: list[str] = []

    def line(self, text: str) -> Change | None:
        """Take one line without its end; return the change that it completes, if any."""
        if text.startswith("data:"):
            self._data.append(text[5:].removeprefix(" "))
        elif not text and self._data:
            told, self._data = "\n".join(self._data), []
            return read_change(json.loads(told))
        return None


def instant(at: datetime) -> str:
    """Return *at* in RFC 3339. Raises ``ValueError`` for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError("a time needs a zone: datetime.now(UTC)")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _item(item: tuple[str, str] | tuple[str, str, Scope]) -> dict[str, object]:
    told: dict[str, object] = {"data_subject": item[0], "purpose": item[1]}
    if len(item) == 3 and item[2]:
        told["scope"] = dict(item[2])
    return told
