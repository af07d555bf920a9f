"""What a person gets as proof of a decision: receipts and history (ISO/IEC TS 27560, W3C DPV)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from sekisho.consents.parts import Parts
from sekisho.consents.purposes import facts_at, published_facts
from sekisho.domain.consent import SAID_BY_PEOPLE
from sekisho.domain.consent_answers import rfc3339
from sekisho.domain.purpose_facts import facts_of
from sekisho.domain.receipt import AsOf, Decision, Told, canonical, receipt_of
from sekisho.errors import NotFound
from sekisho.ports import DataSubjectRef, RecordedConsentEvent

_MAX_ITEMS = 1_000


class ReceiptSigner(Protocol):
    """Signs receipts; its public key is published."""

    def sign(self, payload: bytes) -> str:
        """Return the compact JWS (EdDSA) over *payload*."""


class ReceiptPrinter(Protocol):
    """Draws receipts for people to print and keep."""

    def pdf(self, receipt: Mapping[str, object], locale: str) -> bytes:
        """Return the signed *receipt* as PDF in *locale* (one of ``LOCALES``); equal receipts, equal bytes."""


class Receipts:
    """The use cases of evidence for the person.

    Parameters
    ----------
    controller:
        ``name`` and ``contact`` of who answers for the data.
    """

    def __init__(
        self, parts: Parts, signer: ReceiptSigner, controller: Mapping[str, str], printer: ReceiptPrinter
    ) -> None:
        self._parts = parts
        self._signer = signer
        self._controller = controller
        self._printer = printer

    async def receipt(self, person: DataSubjectRef, receipt_id: str) -> dict[str, object]:
        """Return the receipt of one decision of *person*: the JSON-LD document with its signature as ``jws``.

        Nothing is stored for it: the same event has the same receipt, byte for byte.
        Raises ``NotFound`` for a receipt that does not exist or is somebody else's.
        """
        number = await self._parts.people.number_of(person)
        event = await self._parts.ledger.event(receipt_id)
        own = None if event is None or event.number != number else event
        told = None if own is None else await self._told(own)
        if number is None or event is None or told is None:
            raise NotFound("There is no such receipt of yours.")
        known = event.provenance
        notice = None
        if known.notice_key is not None and event.notice_version is not None and event.notice_version.isdigit():
            notice = await self._parts.notices.notice(known.notice_key, int(event.notice_version))
        receipt = receipt_of(
            _decision(event),
            event.purpose,
            told,
            notice,
            data_subject=self._parts.reference(number),
            controller=self._controller,
            rule_sets=self._parts.rule_sets,
        )
        return receipt | {"jws": self._signer.sign(canonical(receipt))}

    async def receipt_pdf(self, person: DataSubjectRef, receipt_id: str, locale: str) -> bytes:
        """Return the receipt as PDF in *locale* (one of ``LOCALES``), signature and all.

        Raises what :meth:`receipt` raises.
        """
        receipt = await self.receipt(person, receipt_id)
        return await asyncio.to_thread(self._printer.pdf, receipt, locale)

    async def _told(self, event: RecordedConsentEvent) -> Told | None:
        """Return what the person was told of the purpose, as well as it is known; ``None`` for no purpose at all."""
        published = published_facts(await self._parts.notices.purpose_versions(event.purpose))
        named = next((found for found in published if found.version == event.provenance.purpose_version), None)
        if named is not None:
            return Told(named.facts, AsOf.DECISION, named.version)
        then = facts_at(published, event.recorded_at)
        if then is not None and then.published_at is not None and then.published_at <= event.recorded_at:
            return Told(then.facts, AsOf.RECORDING, then.version)
        purpose = self._parts.catalogue.purposes.get(event.purpose)
        return None if purpose is None else Told(facts_of(purpose), AsOf.RECEIPT)

    async def history(self, person: DataSubjectRef) -> dict[str, object]:
        """Return ``{items}``: what *person* decided, or somebody for them, newest first, with receipts.

        What was said through linked identifiers of the same person is part of it.
        """
        number = await self._parts.people.number_of(person)
        if number is None:
            return {"items": []}
        events = [
            event
            for member in await self._parts.ledger.linked(number)
            for event in await self._parts.ledger.history(member)
            if event.kind in SAID_BY_PEOPLE
        ]
        events.sort(key=lambda event: event.seq, reverse=True)
        return {"items": [_item(event, own=event.number == number) for event in events[:_MAX_ITEMS]]}


def _decision(event: RecordedConsentEvent) -> Decision:
    return Decision(
        id=event.id,
        seq=event.seq,
        kind=event.kind,
        cells=event.cells,
        recorded_at=event.recorded_at,
        occurred_at=event.occurred_at,
        valid_until=event.valid_until,
        method=event.method,
        notice_version=event.notice_version,
        provenance=event.provenance,
        hash=event.hash,
    )


def _item(event: RecordedConsentEvent, *, own: bool) -> dict[str, object]:
    item: dict[str, object] = {
        "seq": event.seq,
        "purpose": event.purpose,
        "scopes": _scopes(event.cells),
        "event": event.kind.value,
        "method": event.method,
        "by": event.provenance.actor_type.value,
        "notice": {"key": event.provenance.notice_key or event.purpose, "version": event.notice_version},
        "recorded_at": rfc3339(event.recorded_at),
        "occurred_at": rfc3339(event.occurred_at),
        "until": rfc3339(event.valid_until),
    }
    return item | ({"receipt_id": event.id} if own else {})


def _scopes(cells: Sequence[str]) -> list[dict[str, str]]:
    scopes = []
    for cell in cells:
        _, slash, scope = cell.partition("/")
        if slash:
            dimension, _, value = scope.partition("=")
            scopes.append({dimension: value})
    return scopes
