"""The audit trail of consent: every event of the ledger is in the audit log, whole enough to be written again.

The ledger comes first: a no counts even while the audit log is down. What a crash or an outage kept out of the
log is found and written later (:meth:`Trail.catch_up`); so are the events that the ledger adds on its own: a no
of linked people, ends of validity. Should the ledger ever be restored to an older state, the log holds what it
then lacks.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Protocol

import orjson

from sekisho.consents.parts import Parts
from sekisho.domain.consent_trail import IMPORT, MAX_BATCH, AuditedEvent, batch_fields, people_of, single_fields
from sekisho.domain.record import micros
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import AuditUnavailable
from sekisho.ports import AuditEntry, RecordedConsentEvent
from sekisho.ports.imports import KeptEvent

_AT_ONCE = 64  # records that wait for the log at the same time while it catches up
_PAUSE = 0.000_05  # seconds in which others have their turn: a thread that computes gives way only after 5 ms
_REQUESTER = "requester:"
_KEPT = (
    "seq", "id", "number", "kind", "purpose", "cells", "method", "actor", "notice_version", "occurred_at",
    "recorded_at", "said_at", "counts_at", "valid_until", "facts", "sealed", "outcome", "holds_until", "effects",
    "hash",
)  # fmt: skip
_KEPT_OF = attrgetter(*_KEPT)


class Unaudited(Protocol):
    """Finds events of the ledger that no audit record tells of, and remembers how far it has looked."""

    async def unaudited(self) -> tuple[list[RecordedConsentEvent], int]:
        """Return some that are missing, and the sequence up to which nothing else is; see :meth:`advance`."""

    async def advance(self, seq: int) -> bool:
        """Take note that all up to *seq* is audited; return whether there may be more."""


class Trail:
    """Writes the audit records of consent events.

    Parameters
    ----------
    parts:
        The ports.
    unaudited:
        For :meth:`catch_up` alone.
    """

    def __init__(self, parts: Parts, unaudited: Unaudited | None = None) -> None:
        self._parts = parts
        self._audit = parts.audit
        self._unaudited = unaudited

    async def note(
        self, events: Sequence[RecordedConsentEvent], *, requester: str | None = None, repeated: bool = False
    ) -> None:
        """Record *events* in the audit log; they are durable there when this returns. Repeating it is harmless.

        Parameters
        ----------
        requester:
            Name of the requester who handed them in, ``None`` for the person or the gateway.
        repeated:
            That somebody said no once more, which recorded nothing: *events* carry no id then, and the
            sequence at which the no stood already.

        Raises
        ------
        AuditUnavailable
            When one of them could not be written. All stand in the ledger nevertheless, and count.
        """
        entries = [self._entry(event, requester, repeated=repeated) for event in events]
        await self._append(entries)

    async def note_batch(self, events: Sequence[RecordedConsentEvent], batch: str) -> None:
        """Record imported *events*, in order of sequence, some hundred to a record.

        Raises ``AuditUnavailable`` as :meth:`note` does.
        """
        await self._append(self._shared([self.audited(event) for event in events], batch))

    async def note_imported(self, events: Sequence[KeptEvent], batch: str, turn: asyncio.Lock) -> None:
        """Do the same for events as the ledger keeps them; the event loop does not wait while they are put together.

        *turn* is held meanwhile. Raises ``AuditUnavailable`` as :meth:`note` does.
        """
        async with turn:
            entries = await asyncio.to_thread(self._imported, events, batch)
        await self._append(entries)

    async def catch_up(self) -> int:
        """Record the events that no audit record tells of, oldest first; return how many there were.

        Raises ``AuditUnavailable`` when the log still does not answer, ``ConsentUnavailable`` for the ledger.
        """
        count, more = 0, self._unaudited is not None
        while more and self._unaudited is not None:
            events, seq = await self._unaudited.unaudited()
            entries = [self._entry(event, _requester_of(event), repeated=False) for event in events]
            for start in range(0, len(entries), _AT_ONCE):
                await self._append(entries[start : start + _AT_ONCE])
            count += len(events)
            more = await self._unaudited.advance(seq)
        return count

    def audited(self, event: RecordedConsentEvent) -> AuditedEvent:
        """Return *event* as the audit log has it: with references in the place of person numbers."""
        kept: dict[str, Any] = dict(event.kept)
        facts, digest = self._facts(kept.get("facts") or "{}")
        recorded_at = micros(event.recorded_at)
        return AuditedEvent(
            seq=event.seq,
            id=event.id,
            ref=self._reference(event.number),
            kind=event.kind.value,
            purpose=event.purpose,
            cells=tuple(event.cells),
            method=event.method,
            actor=event.actor,
            notice_version=event.notice_version,
            occurred_at=None if event.occurred_at is None else micros(event.occurred_at),
            recorded_at=recorded_at,
            said_at=kept.get("said_at", recorded_at),
            counts_at=kept.get("counts_at", recorded_at),
            valid_until=None if event.valid_until is None else micros(event.valid_until),
            facts=facts,
            sealed_sha256=digest or kept.get("sealed_sha256"),
            outcome=kept.get("outcome", 2),
            holds_until=kept.get("holds_until"),
            effects=self._effects(kept.get("effects")),
            hash=event.hash.hex(),
        )

    def _imported(self, events: Sequence[KeptEvent], batch: str) -> list[AuditEntry]:
        entries = []
        for start in range(0, len(events), MAX_BATCH):
            told = self._kept(events[start : start + MAX_BATCH])
            time.sleep(_PAUSE)
            entries += self._shared(told, batch)
            time.sleep(_PAUSE)
        return entries

    def _kept(self, events: Sequence[KeptEvent]) -> list[AuditedEvent]:
        # By column: what most of them say alike is read once, and the rest is handed over as it stands.
        columns: dict[str, Sequence[Any]] = dict(zip(_KEPT, zip(*map(_KEPT_OF, events), strict=True), strict=True))
        facts = {text: self._facts(text) for text in set(columns["facts"])}
        cells = {text: tuple(orjson.loads(text)) for text in set(columns["cells"])}
        said = [facts[text] for text in columns["facts"]]
        numbers = columns.pop("number")
        columns |= {
            "ref": self._parts.references(numbers) if all(numbers) else list(map(self._reference, numbers)),
            "cells": [cells[text] for text in columns["cells"]],
            "facts": [each for each, _ in said],
            "sealed_sha256": [
                digest if sealed is None else hashlib.sha256(sealed).hexdigest()
                for sealed, (_, digest) in zip(columns.pop("sealed"), said, strict=True)
            ],
            "effects": [self._effects(text) if text else () for text in columns["effects"]],
            "hash": [each.hex() for each in columns["hash"]],
        }
        return list(map(AuditedEvent._make, zip(*(columns[name] for name in AuditedEvent._fields), strict=True)))

    def _reference(self, number: int | None) -> str | None:
        return self._parts.reference(SubjectNumber(number)) if number else None

    def _facts(self, text: str) -> tuple[dict[str, Any], str | None]:
        """Return column ``facts``, by reference; apart, the digest of evidence that is no longer there."""
        facts: dict[str, Any] = orjson.loads(text)
        if "other" in facts:
            facts["other_ref"] = self._parts.reference(SubjectNumber(facts.pop("other")))
        return facts, facts.pop("sealed_sha256", None)

    def _effects(self, text: str | None) -> tuple[tuple[str, str, int, int | None], ...]:
        return tuple(
            (self._parts.reference(SubjectNumber(number)), cell, bit, until)
            for number, cell, bit, until in orjson.loads(text or "[]")
        )

    def _shared(self, told: Sequence[AuditedEvent], batch: str) -> list[AuditEntry]:
        """Return the records that events of an import share."""
        entries, start = [], 0
        for record_id, fields in batch_fields(told, batch):
            end = start + int(str(fields["count"]))
            people = people_of(told[start:end])
            if people:
                # Bytes: the log sorts and digests them without a loop over text.
                fields["subjects"] = bytes.fromhex("".join(sorted(people)))
            entries.append(AuditEntry(IMPORT, fields, id=record_id))
            start = end
        return entries

    def _entry(self, event: RecordedConsentEvent, requester: str | None, *, repeated: bool) -> AuditEntry:
        told = self.audited(event)
        fields = single_fields(told)
        if repeated:
            kept = ("purpose", "cells", "method", "actor", "consent_seq", "subject_ref")
            fields = {name: fields[name] for name in kept if name in fields} | {"repeated": True}
        people = told.people()
        if people:
            fields["subjects"] = people
        if requester is not None:
            fields["requester"] = requester
        return AuditEntry(f"consent.{event.kind.value}", fields, id=None if repeated else event.id)

    async def _append(self, entries: Sequence[AuditEntry]) -> None:
        if len(entries) == 1:
            await self._write(entries[0])
            return
        done = await asyncio.gather(*(self._write(entry) for entry in entries), return_exceptions=True)
        for outcome in done:  # each was tried before the first failure is told
            if outcome is not None:
                raise outcome

    async def _write(self, entry: AuditEntry) -> None:
        try:
            await self._audit.append(entry)
        except AuditUnavailable:
            # The id is taken when the record is there already: somebody else, or an earlier try, was first.
            if entry.id is None or await self._audit.get(entry.id) is None:
                raise


def _requester_of(event: RecordedConsentEvent) -> str | None:
    return event.actor.removeprefix(_REQUESTER) if event.actor.startswith(_REQUESTER) else None
