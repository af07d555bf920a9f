"""What a person gets as proof of a decision: a consent receipt (ISO/IEC TS 27560:2023) in JSON-LD (W3C DPV).

The receipt holds a copy of the consent record: whose decision about which processing, on which notice, when
and how it was said, who answers for it, and how it is taken back. Terms without one in DPV carry the prefix
``sekisho``. People stand in it under a keyed reference, so that a receipt names nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sekisho.domain.consent import ConsentEventKind, ConsentType, Provenance
from sekisho.domain.consent_answers import rfc3339
from sekisho.domain.notices import Notice
from sekisho.domain.terms import Cell, LegalBasis

MEDIA_TYPE = "application/ld+json"
TYPE = "consent-receipt+jwt"
"""``typ`` of a receipt's signature, so that no other signed thing of the house passes for one (RFC 8725, 3.11)."""

CONTEXT: Mapping[str, str] = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "loc": "https://w3id.org/dpv/loc#",
    "sekisho": "https://sekisho.example/ns#",
}
_STATUS = {
    ConsentEventKind.REQUEST: "dpv:ConsentRequested",
    ConsentEventKind.GIVE: "dpv:ConsentGiven",
    ConsentEventKind.CONFIRM: "dpv:ConsentGiven",
    ConsentEventKind.RENEW: "dpv:RenewedConsentGiven",
    ConsentEventKind.REFUSE: "dpv:ConsentRefused",
    ConsentEventKind.DEFER: "dpv:ConsentRequestDeferred",
    ConsentEventKind.WITHDRAW: "dpv:ConsentWithdrawn",
    ConsentEventKind.OBJECT: "dpv:ConsentWithdrawn",
    ConsentEventKind.REVOKE: "dpv:ConsentRevoked",
    ConsentEventKind.INVALIDATE: "dpv:ConsentInvalidated",
    ConsentEventKind.EXPIRE: "dpv:ConsentExpired",
}
_CONSENT = {
    ConsentType.IMPLIED: "dpv:ImpliedConsent",
    ConsentType.EXPRESSED: "dpv:ExpressedConsent",
    ConsentType.EXPLICIT: "dpv:ExplicitlyExpressedConsent",
}
_BASIS = {
    LegalBasis.LEGITIMATE_INTEREST.value: "dpv:LegitimateInterest",
    LegalBasis.CONTRACT.value: "dpv:Contract",
    LegalBasis.LEGAL_OBLIGATION.value: "dpv:LegalObligation",
}
_LAW = {
    "appi": ("loc:JP", "https://w3id.org/dpv/legal/jp#law-APPI"),
    "gdpr": ("loc:EU", "https://w3id.org/dpv/legal/eu/gdpr#eu-gdpr"),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """The event that a receipt is about, as the ledger keeps it."""

    id: str
    seq: int
    kind: ConsentEventKind
    cells: tuple[Cell, ...]
    recorded_at: datetime
    occurred_at: datetime | None
    valid_until: datetime | None
    method: str
    notice_version: str | None
    provenance: Provenance
    hash: bytes


class AsOf(StrEnum):
    """From which time what a receipt tells of its purpose is."""

    DECISION = "decision"  # the version that the event names: what the person was told
    RECORDING = "recording"  # the event names none: the version that was in force when it was recorded
    RECEIPT = "receipt"  # there was none yet: what is declared when the receipt is made


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of the purpose: ``facts`` (``purpose_facts``), their ``version``, and from when they are."""

    facts: Mapping[str, object]
    as_of: AsOf
    version: int | None = None


def receipt_of(
    decision: Decision,
    purpose: str,
    told: Told,
    notice: Notice | None,
    *,
    data_subject: str,
    controller: Mapping[str, str],
    rule_sets: Sequence[str],
) -> dict[str, object]:
    """Return the receipt as JSON-LD.

    Parameters
    ----------
    purpose:
        Its name.
    data_subject:
        The keyed reference of the person.
    controller:
        ``name`` and ``contact``.
    rule_sets:
        The dated rules of law of the workspace (``appi@2022-04``), where the event names none.
    """
    known = decision.provenance
    sets = known.rule_set.split(",") if known.rule_set else list(rule_sets)
    laws = [_LAW[regime] for regime in dict.fromkeys(name.partition("@")[0] for name in sets) if regime in _LAW]
    basis = _BASIS.get(known.legal_basis or str(told.facts.get("legal_basis"))) or _CONSENT[known.consent_type]
    record: dict[str, object] = {
        "@id": f"urn:uuid:{decision.id}",
        "@type": "dpv:ConsentRecord",
        "dct:identifier": decision.id,
        "dct:conformsTo": "https://w3id.org/dpv/schema/dpv-27560#record",
        "dpv:hasDataSubject": f"urn:sekisho:data-subject:{data_subject}",
        "dpv:hasDataController": {
            "@type": "dpv:DataController",
            "dpv:hasName": controller["name"],
            "dpv:hasContact": controller["contact"],
        },
        "dpv:hasJurisdiction": [place for place, _ in laws],
        "dpv:hasApplicableLaw": [law for _, law in laws],
        "dpv:hasLegalBasis": basis,
        "dpv:hasProcess": _process(decision, purpose, told),
        "dpv:hasNotice": _notice(decision, notice),
        "dpv:hasConsentStatus": _status(decision),
        "dpv:hasRight": "dpv:RightToWithdrawConsent",
        "sekisho:withdrawalMethod": f"POST /v1/me/consents/{purpose}:withdraw",
        "sekisho:event": {
            "sekisho:sequence": decision.seq,
            "sekisho:hash": decision.hash.hex(),
            "sekisho:kind": decision.kind.value,
            "sekisho:ruleSets": sets,
        },
    }
    return {
        "@context": dict(CONTEXT),
        "@id": f"urn:uuid:{decision.id}#receipt",
        "@type": "dpv:ConsentReceipt",
        "dct:identifier": decision.id,
        "dct:conformsTo": "https://w3id.org/dpv/schema/dpv-27560#receipt-record",
        "dct:created": rfc3339(decision.recorded_at),
        "dct:publisher": controller["name"],
        "dpv:hasRecipient": f"urn:sekisho:data-subject:{data_subject}",
        "dpv:hasRecordOfActivity": record,
    }


def canonical(receipt: Mapping[str, object]) -> bytes:
    """Return the bytes of *receipt* that are signed: JSON with sorted keys and no spaces, UTF-8."""
    return json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _process(decision: Decision, purpose: str, told: Told) -> dict[str, object]:
    facts = told.facts
    process: dict[str, object] = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": facts.get("dpv") or "dpv:Purpose",
        "sekisho:purpose": purpose,
        "sekisho:cells": list(decision.cells),
        "dct:title": _by_language(facts.get("title")),
        "dct:description": _by_language(facts.get("description")),
        "dpv:hasPersonalData": _texts(facts.get("data_categories")),
        "dpv:hasRecipient": _texts(facts.get("recipients")),
        "sekisho:thirdParty": facts.get("third_party") is True,
        "sekisho:transferCountries": [f"loc:{country}" for country in _texts(facts.get("transfer_countries"))],
        "sekisho:factsAsOf": told.as_of.value,
    }
    if titles := facts.get("data_titles"):
        process["sekisho:personalDataTitles"] = titles
    if isinstance(days := facts.get("retention_days"), int):
        process["dpv:hasStorageCondition"] = {"@type": "dpv:StorageDuration", "dpv:hasDuration": f"P{days}D"}
    if told.version is not None:
        process["sekisho:purposeVersion"] = told.version
    return process


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def _by_language(value: object) -> dict[str, str]:
    return {str(locale): str(text) for locale, text in value.items()} if isinstance(value, Mapping) else {}


def _notice(decision: Decision, notice: Notice | None) -> dict[str, object]:
    known = decision.provenance
    shown: dict[str, object] = {"@type": "dpv:ConsentNotice"}
    version = decision.notice_version
    if known.notice_key is not None:
        shown["dct:identifier"] = f"{known.notice_key}/{version}"
    elif version is not None:
        shown["dct:identifier"] = version
    if known.locale is not None:
        shown["dct:language"] = known.locale
    digest = known.notice_sha256
    if digest is None and notice is not None and known.locale is not None and known.locale in notice.texts:
        digest = notice.sha256(known.locale)
    if digest is not None:
        shown["sekisho:sha256"] = digest
    if known.served_id is not None:
        shown["sekisho:servedId"] = known.served_id
    return shown


def _status(decision: Decision) -> dict[str, object]:
    known = decision.provenance
    status: dict[str, object] = {
        "@type": _STATUS[decision.kind],
        "dpv:isIndicatedAtTime": rfc3339(decision.occurred_at or decision.recorded_at),
        "sekisho:recordedAt": rfc3339(decision.recorded_at),
        "dpv:isIndicatedBy": known.actor_type.value,
        "sekisho:consentType": _CONSENT[known.consent_type],
        "sekisho:method": decision.method,
        "sekisho:assurance": known.assurance.value,
    }
    optional = {
        "sekisho:validUntil": rfc3339(decision.valid_until),
        "sekisho:ofAgeAt": rfc3339(known.of_age_at),
        "sekisho:relation": known.relation,
        "sekisho:signal": known.signal,
        "sekisho:collectionPoint": known.collection_point,
        "sekisho:reason": known.reason,
    }
    return status | {term: value for term, value in optional.items() if value is not None}
