"""A decision, what was told before it, and its signed receipt."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sekisho.adapters.identity.jwks import public_jwk
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.receipt_key import ReceiptKey
from sekisho.domain.consent import Assurance, ConsentEventKind, Provenance
from sekisho.domain.receipt import AsOf, Decision, Told, canonical, receipt_of
from sekisho.domain.terms import Cell

FACTS: dict[str, object] = {
    "title": {"ja": "ターゲティング広告", "en": "Targeted advertising"},
    "description": {"ja": "髙島さまに合う広告です。", "en": "Advertisements that fit you."},
    "legal_basis": "consent",
    "third_party": True,
    "data_categories": ["purchases"],
    "recipients": ["third_party: 広告会社"],
    "transfer_countries": ["US"],
    "retention_days": 30,
    "dpv": "dpv:TargetedAdvertising",
}
DECISION = Decision(
    id="0190c0de-0000-7000-8000-000000000001",
    seq=7,
    kind=ConsentEventKind.GIVE,
    cells=(Cell("targeted_advertising"),),
    recorded_at=datetime(2026, 11, 21, 12, 0, 0, 268_001, tzinfo=UTC),
    occurred_at=None,
    valid_until=datetime(2027, 11, 21, tzinfo=UTC),
    method="web_form",
    notice_version="3",
    provenance=Provenance(
        notice_key="advertising", notice_sha256="ab" * 32, locale="ja", assurance=Assurance.VERIFIED_CONTACT,
        rule_set="appi@2022-04,gdpr@2018-05",
    ),
    hash=b"\x01" * 32,
)  # fmt: skip


def receipt_key(folder: Path) -> ReceiptKey:
    """Return a key that signs receipts; it is kept in *folder*."""
    return ReceiptKey(FileKeyRing.create(folder / "keys"), public_jwk)


def signed_receipt(
    key: ReceiptKey, decision: Decision = DECISION, told: Told | None = None, **facts: object
) -> dict[str, Any]:
    """Return the receipt of *decision*, with its signature; *facts* stand in the place of those of ``FACTS``."""
    receipt = receipt_of(
        decision,
        "targeted_advertising",
        told or Told(FACTS | facts, AsOf.DECISION, 2),
        None,
        data_subject="ref",
        controller={"name": "関所小売", "contact": "a@b.example"},
        rule_sets=(),
    )
    return receipt | {"jws": key.sign(canonical(receipt))}
