"""What the audit log says of consent events: enough to write each of them again, people by keyed reference.

A decision that was recorded alone has a record of its own, of kind ``consent.<what happened>`` and under the id of
the event, so that writing it twice is impossible. Imported events share records of kind :data:`IMPORT`: what is
alike stands once in ``shapes``, what differs in one comma-separated text for each column. Times are whole
microseconds since 1970-01-01 UTC. Evidence is not in the audit log; its SHA-256 is, because the hash of the
event covers it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from sekisho.domain.record import MAX_RECORD_BYTES, REF_BYTES

IMPORT = "consent.import"
"""Kind of a record about imported events."""

MAX_BATCH = 500
"""Most events in one record about imported ones."""

_MAX_INTEGER = 2**53 - 1  # what a record holds as a number
_ROOM = MAX_RECORD_BYTES - 2_048  # left to the fields of the log and of the caller
_MAX_EFFECTS = MAX_RECORD_BYTES // 2
_ID_BYTES = 16
_NOBODY = bytes(REF_BYTES).hex()  # among imported events, one that concerns everybody
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)


class AuditedEvent(NamedTuple):
    """A consent event as the audit log has it.

    Attributes
    ----------
    ref:
        Keyed reference of the person, ``None`` for what concerns everybody.
    facts:
        Column ``facts`` of the ledger, with the reference of the other person of a link as ``other_ref``.
    effects:
        What it does to bits of people, by reference: ``(ref, cell, bit, until)``. ``None`` when there was no room
        for them: such an event cannot be written again.
    hash:
        The ledger's hash of it in hexadecimal; among imported events only the last of a record has it.
    """

    seq: int
    id: str
    ref: str | None
    kind: str
    purpose: str
    cells: tuple[str, ...]
    method: str
    actor: str
    notice_version: str | None
    occurred_at: int | None
    recorded_at: int
    said_at: int
    counts_at: int
    valid_until: int | None
    facts: Mapping[str, object]
    sealed_sha256: str | None
    outcome: int
    holds_until: int | None
    effects: tuple[tuple[str, str, int, int | None], ...] | None
    hash: str | None

    def people(self) -> list[str]:
        """Return the references of everybody whom the event names."""
        other = self.facts.get("other_ref")
        if other is None and not self.effects:  # nearly all
            return [] if self.ref is None else [self.ref]
        named = [ref for ref in (self.ref, other) if isinstance(ref, str)]
        return list(dict.fromkeys([*named, *(change[0] for change in self.effects or ())]))


def people_of(events: Sequence[AuditedEvent]) -> set[str]:
    """Return the references of everybody whom *events* name."""
    named = {event.ref for event in events}
    if any(event.effects or "other_ref" in event.facts for event in events):  # else each names one, as nearly all do
        named.update(ref for event in events for ref in event.people())
    return {ref for ref in named if ref is not None}


def single_fields(event: AuditedEvent) -> dict[str, object]:
    """Return what the record of one event says besides what its writer adds (requester, people)."""
    effects: list[list[object]] | None = None
    if event.effects:
        effects = [[ref, cell, bit, _whole(until)] for ref, cell, bit, until in event.effects]
        if len(orjson.dumps(effects)) > _MAX_EFFECTS:
            effects = None
    fields: dict[str, object] = {
        "purpose": event.purpose or None,
        "cells": list(event.cells),
        "method": event.method,
        "actor": event.actor,
        "consent_seq": event.seq,
        "repeated": False,
        "event_id": event.id,
        "recorded_at": _whole(event.recorded_at),
        "said_at": _whole(event.said_at),
        "counts_at": _whole(event.counts_at),
        "outcome": event.outcome,
        "facts": dict(event.facts),
        "hash": event.hash,
    }
    optional = {
        "subject_ref": event.ref,
        "notice_version": event.notice_version,
        "occurred_at": _whole(event.occurred_at),
        "valid_until": _whole(event.valid_until),
        "sealed_sha256": event.sealed_sha256,
        "holds_until": _whole(event.holds_until),
        "effects": effects,
        "effects_left_out": True if event.effects is None or (event.effects and effects is None) else None,
    }
    return fields | {name: value for name, value in optional.items() if value is not None}


def batch_fields(events: Sequence[AuditedEvent], batch: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the id and the fields of each record about *events*, which are imported and follow one another.

    A record holds what fits into it, at most :data:`MAX_BATCH` events. Its id is that of its first event.

    Raises
    ------
    ValueError
        When one event alone does not fit, or has an id that is not a UUID.
    """
    for run in _runs(events):
        fields = _packed(run, batch)
        if len(orjson.dumps(fields)) <= _ROOM:
            yield run[0].id, fields
        elif len(run) == 1:
            raise ValueError("a consent event does not fit into an audit record")
        else:
            half = len(run) // 2
            yield from batch_fields(run[:half], batch)
            yield from batch_fields(run[half:], batch)


def audited_events(record: Mapping[str, Any]) -> list[AuditedEvent]:
    """Return the consent events that an audit record tells of, in order; none for any other record.

    Raises
    ------
    ValueError
        When the record says that it tells of events, and cannot be read.
    """
    kind = record.get("kind")
    if not isinstance(kind, str) or not kind.startswith("consent."):
        return []
    try:
        if kind == IMPORT:
            return _unpacked(record) if "shapes" in record else []
        # A repeated no recorded nothing; records of the first layout cannot be written again.
        return [_single(record, kind)] if "hash" in record and "recorded_at" in record else []
    except (KeyError, TypeError, ValueError, IndexError):
        raise ValueError("an audit record about consent cannot be read") from None


def _single(record: Mapping[str, Any], kind: str) -> AuditedEvent:
    effects = tuple((ref, cell, int(bit), _int(until)) for ref, cell, bit, until in record.get("effects", ()))
    return AuditedEvent(
        seq=int(record["consent_seq"]),
        id=str(record["event_id"]),
        ref=record.get("subject_ref"),
        kind=kind.removeprefix("consent."),
        purpose=record.get("purpose") or "",
        cells=tuple(record["cells"]),
        method=record["method"],
        actor=record["actor"],
        notice_version=record.get("notice_version"),
        occurred_at=_int(record.get("occurred_at")),
        recorded_at=int(record["recorded_at"]),
        said_at=int(record["said_at"]),
        counts_at=int(record["counts_at"]),
        valid_until=_int(record.get("valid_until")),
        facts=record["facts"],
        sealed_sha256=record.get("sealed_sha256"),
        outcome=int(record["outcome"]),
        holds_until=_int(record.get("holds_until")),
        effects=None if record.get("effects_left_out") else effects,
        hash=record["hash"],
    )


_ALIKE = ("kind", "purpose", "method", "actor", "notice_version", "recorded_at", "outcome")


def _packed(events: Sequence[AuditedEvent], batch: str) -> dict[str, object]:
    column = dict(zip(AuditedEvent._fields, zip(*events, strict=True), strict=True))
    places, shapes = _shaped(column)
    ids, effects, claims = column["id"], column["effects"], _claims(column)
    if not all(map(_UUID.fullmatch, ids)):
        raise ValueError("the id of a consent event is not a UUID in its usual form")
    fields: dict[str, object] = {
        "batch": batch,
        "first_seq": events[0].seq,
        "consent_seq": events[-1].seq,
        "count": len(events),
        "shapes": shapes,
        "ids": _base64("".join(ids).replace("-", "")),
        "refs": _base64("".join([_NOBODY if ref is None else ref for ref in column["ref"]])),
        "hash": events[-1].hash,
    }
    columns: dict[str, Sequence[object]] = {
        "shape": places,
        "line": [facts.get("line") for facts in column["facts"]],
        "occurred_at": column["occurred_at"],
        "said_at": _unless_same(column["said_at"], claims),
        "counts_at": _unless_same(column["counts_at"], column["said_at"]),
        "valid_until": column["valid_until"],
        "holds_until": column["holds_until"],
        "sealed_sha256": column["sealed_sha256"],
    }
    for name, values in columns.items():
        if values.count(None) < len(values):
            alike = values.count(values[0]) == len(values)
            fields[name] = str(values[0]) if alike else ",".join(["" if one is None else str(one) for one in values])
    told = {
        str(place): [[ref, cell, bit, _whole(until)] for ref, cell, bit, until in changes]
        for place, changes in enumerate(effects)
        if changes
    }
    if told:
        fields["effects"] = told
    return fields


def _shaped(column: Mapping[str, Sequence[Any]]) -> tuple[list[int], list[dict[str, object]]]:
    """Return what the events have alike, each once, and for each event which of them is its own."""
    # Most share even the object that holds their facts.
    quick = list(zip(*(column[name] for name in _ALIKE), column["cells"], map(id, column["facts"]), strict=True))
    shapes: dict[bytes, int] = {}
    texts: list[dict[str, object]] = []
    found: dict[tuple[object, ...], int] = {}
    for key, facts in dict(zip(quick, column["facts"], strict=True)).items():
        *alike, cells, _ = key
        shape: dict[str, object] = dict(zip(_ALIKE, alike, strict=True))
        shape["cells"] = list(cells)
        shape["facts"] = {name: value for name, value in facts.items() if name != "line"}
        place = shapes.setdefault(orjson.dumps(shape, option=orjson.OPT_SORT_KEYS), len(shapes))
        found[key] = place
        if place == len(texts):
            texts.append({name: value for name, value in shape.items() if value is not None})
    return [found[key] for key in quick], texts


def _unpacked(record: Mapping[str, Any]) -> list[AuditedEvent]:
    count, first = int(record["count"]), int(record["first_seq"])
    ids, refs = base64.b64decode(record["ids"]), base64.b64decode(record["refs"])
    if len(ids) != count * _ID_BYTES or len(refs) != count * REF_BYTES or record["consent_seq"] != first + count - 1:
        raise ValueError("the columns differ in length")

    def column(name: str, read: Callable[[str], Any]) -> list[Any]:
        text = record.get(name)
        values = [] if text is None else text.split(",")
        if len(values) <= 1:
            values = (values or [""]) * count
        if len(values) != count:
            raise ValueError("the columns differ in length")
        return [read(value) if value else None for value in values]

    places, lines = column("shape", int), column("line", int)
    occurred, said, counts = column("occurred_at", int), column("said_at", int), column("counts_at", int)
    ends, holds, sealed = column("valid_until", int), column("holds_until", int), column("sealed_sha256", str)
    named = [refs[at : at + REF_BYTES].hex() for at in range(0, len(refs), REF_BYTES)]
    effects = {int(place): changes for place, changes in record.get("effects", {}).items()}
    events = []
    for place in range(count):
        shape = record["shapes"][places[place]]
        facts = dict(shape["facts"])
        if lines[place] is not None:
            facts["line"] = lines[place]
        recorded_at = int(shape["recorded_at"])
        claim = recorded_at if occurred[place] is None else occurred[place]
        said_at = claim if said[place] is None else said[place]
        events.append(
            AuditedEvent(
                seq=first + place,
                id=_uuid_text(ids[place * _ID_BYTES : (place + 1) * _ID_BYTES]),
                ref=None if named[place] == _NOBODY else named[place],
                kind=shape["kind"],
                purpose=shape["purpose"],
                cells=tuple(shape["cells"]),
                method=shape["method"],
                actor=shape["actor"],
                notice_version=shape.get("notice_version"),
                occurred_at=occurred[place],
                recorded_at=recorded_at,
                said_at=said_at,
                counts_at=said_at if counts[place] is None else counts[place],
                valid_until=ends[place],
                facts=facts,
                sealed_sha256=sealed[place],
                outcome=int(shape["outcome"]),
                holds_until=holds[place],
                effects=tuple((ref, cell, int(bit), _int(until)) for ref, cell, bit, until in effects.get(place, ())),
                hash=record["hash"] if place == count - 1 else None,
            )
        )
    return events


def _runs(events: Sequence[AuditedEvent]) -> Iterator[Sequence[AuditedEvent]]:
    """Yield slices of events that follow one another, each of at most :data:`MAX_BATCH`."""
    start = 0
    for place in range(1, len(events) + 1):
        ends = place == len(events) or place - start == MAX_BATCH or events[place].seq != events[place - 1].seq + 1
        if ends:
            yield events[start:place]
            start = place


def _claims(column: Mapping[str, Sequence[Any]]) -> list[int]:
    """Return for each event since when it says that it counts."""
    pairs = zip(column["occurred_at"], column["recorded_at"], strict=True)
    return [recorded if said is None else said for said, recorded in pairs]


def _unless_same(values: Sequence[int], others: Sequence[int]) -> Sequence[int | None]:
    """Return *values*, ``None`` in the place of each that *others* have too."""
    return [None if value == other else value for value, other in zip(values, others, strict=True)]


def _whole(value: int | None) -> int | str | None:
    """Return *value* as a record may hold it: as text when it is too wide (years after 2255)."""
    return value if value is None or -_MAX_INTEGER <= value <= _MAX_INTEGER else str(value)


def _int(value: object) -> int | None:
    return None if value is None else int(str(value))


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


def _uuid_text(data: bytes) -> str:
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
