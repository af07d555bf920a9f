"""A receipt in words: everything that a person must be able to read stands there, in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.adapters.signed_receipts import DECISION, FACTS, receipt_key, signed_receipt

from sekisho.adapters.receipt_key import ReceiptKey
from sekisho.domain.consent import (
    SAID_BY_PEOPLE,
    ActorType,
    Assurance,
    ConsentEventKind,
    ConsentType,
    Provenance,
)
from sekisho.domain.notices import LOCALES
from sekisho.domain.receipt import AsOf, Told
from sekisho.domain.receipt_texts import printed_receipt
from sekisho.domain.terms import Cell

LANGUAGES = pytest.mark.parametrize("locale", LOCALES)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> ReceiptKey:
    return receipt_key(tmp_path_factory.mktemp("receipt"))


def rows(receipt: dict[str, Any], locale: str) -> dict[str, str]:
    """Return label to lines."""
    sections = printed_receipt(receipt, locale).sections
    return {label: "\n".join(lines) for section in sections for label, lines in section.rows}


def text(receipt: dict[str, Any], locale: str) -> str:
    return "\n".join(rows(receipt, locale).values())


@LANGUAGES
def test_everything_that_proves_the_decision_stands_there(key: ReceiptKey, locale: str) -> None:
    """Purpose, notice with digest and language, controller, data, recipients, countries, retention, end, id."""
    told = text(signed_receipt(key), locale)
    title = {"ja": "ターゲティング広告", "en": "Targeted advertising"}[locale]
    description = {"ja": "髙島さまに合う広告です。", "en": "Advertisements that fit you."}[locale]
    for part in (
        title, description, "targeted_advertising", "advertising", "ab" * 32, ": ja", "関所小売", "a@b.example",
        "purchases", "広告会社", "US", "30", DECISION.id, "01" * 32, "appi@2022-04, gdpr@2018-05",
        "POST /v1/me/consents/targeted_advertising:withdraw", "verify-receipt", "2027",
    ):  # fmt: skip
        assert part in told


def test_times_are_those_of_the_reader(key: ReceiptKey) -> None:
    """In Japanese in Japan's time, with the day that it is there; in English in UTC; each says so."""
    late = replace(DECISION, recorded_at=datetime(2026, 11, 21, 15, 30, tzinfo=UTC))
    receipt = signed_receipt(key, late)
    assert rows(receipt, "ja")["日時"] == "2026年11月22日 00:30:00 (日本時間)"
    assert rows(receipt, "en")["When"] == "2026-11-21 15:30:00 UTC"


def test_when_it_was_said_and_when_it_was_recorded(key: ReceiptKey) -> None:
    """Both stand there where they differ."""
    said = replace(DECISION, occurred_at=datetime(2026, 11, 1, tzinfo=UTC))
    told = rows(signed_receipt(key, said), "en")
    assert (told["When"], told["Recorded"]) == ("2026-11-01 00:00:00 UTC", "2026-11-21 12:00:00 UTC")
    assert "Recorded" not in rows(signed_receipt(key), "en")


@LANGUAGES
@pytest.mark.parametrize("kind", sorted(SAID_BY_PEOPLE | {ConsentEventKind.EXPIRE}))
def test_each_kind_of_decision_has_words(key: ReceiptKey, kind: ConsentEventKind, locale: str) -> None:
    """No code of ours stands where people read what they decided."""
    printed = printed_receipt(signed_receipt(key, replace(DECISION, kind=kind)), locale)
    assert printed.headline.partition(": ")[2] not in {"", kind.value}


@LANGUAGES
def test_whoever_decided_is_named_in_words(key: ReceiptKey, locale: str) -> None:
    """Every actor, assurance and degree of consent, a guardian with relation and the day of coming of age."""
    actors = {
        rows(signed_receipt(key, replace(DECISION, provenance=Provenance(actor_type=actor, assurance=sure))), locale)[
            {"ja": "決定した人", "en": "Decided by"}[locale]
        ]
        for actor in ActorType
        for sure in Assurance
    }
    assert len(actors) == len(ActorType) * len(Assurance)
    assert not any(code.value in line.splitlines() for line in actors for code in (*ActorType, *Assurance))
    degrees = {
        text(signed_receipt(key, replace(DECISION, provenance=Provenance(consent_type=plainly))), locale)
        for plainly in ConsentType
    }
    assert len(degrees) == len(ConsentType)
    guardian = Provenance(ActorType.GUARDIAN, "mother", of_age_at=datetime(2030, 4, 1, tzinfo=UTC))
    told = text(signed_receipt(key, replace(DECISION, provenance=guardian)), locale)
    assert "mother" in told
    assert "2030" in told


def test_a_signal_is_named(key: ReceiptKey) -> None:
    """An objection by Global Privacy Control says what sent it, once."""
    signal = Provenance(actor_type=ActorType.SIGNAL, signal="gpc")
    objection = replace(DECISION, kind=ConsentEventKind.OBJECT, method="signal", provenance=signal)
    told = rows(signed_receipt(key, objection), "en")
    assert told["Decided by"].startswith("a signal of the person's browser")
    assert told["How"] == "Global Privacy Control"


@LANGUAGES
def test_a_no_says_that_one_can_decide_anew(key: ReceiptKey, locale: str) -> None:
    """There is nothing to withdraw, and no end to it."""
    no = replace(DECISION, kind=ConsentEventKind.WITHDRAW, valid_until=None)
    told = rows(signed_receipt(key, no), locale)
    assert not {"有効期限", "Holds until"} & told.keys()
    assert ":withdraw" not in "\n".join(told.values())


def test_what_is_not_known_is_said(key: ReceiptKey) -> None:
    """No end, no notice, no country, nobody who receives it; and a scope where there is one."""
    bare = replace(
        DECISION, valid_until=None, notice_version=None, provenance=Provenance(),
        cells=(Cell("shop/data_category=purchase"), Cell("shop/data_category=behaviour")),
    )  # fmt: skip
    receipt = signed_receipt(key, bare, recipients=[], transfer_countries=[], third_party=False, retention_days=None)
    told = rows(receipt, "en")
    assert told["Holds until"] == "it is withdrawn"
    assert told["Notice"] == "none on record"
    assert told["Who receives it"] == "We do not provide it to third parties."
    assert told["Other countries"] == "We do not provide it to third parties abroad."
    assert told["Data in question"] == "purchase\nbehaviour"


@LANGUAGES
def test_the_time_of_the_facts_is_said(key: ReceiptKey, locale: str) -> None:
    """Three different sentences: told, in force when recorded, declared today; the version where there is one."""
    told = [Told(FACTS, AsOf.DECISION, 41), Told(FACTS, AsOf.RECORDING, 42), Told(FACTS, AsOf.RECEIPT)]
    label = {"ja": "いつの内容か", "en": "As of"}[locale]
    lines = [rows(signed_receipt(key, told=one), locale)[label] for one in told]
    assert len(set(lines)) == 3
    assert "41" in lines[0]
    assert "42" in lines[1]
    assert "None" not in lines[2]


def test_a_purpose_without_a_title_shows_its_name(key: ReceiptKey) -> None:
    """A declaration without words is still a receipt."""
    printed = printed_receipt(signed_receipt(key, title={}, description={}), "ja")
    assert printed.headline == "targeted_advertising: 同意しました"


def test_data_is_named_in_the_language_of_the_reader(key: ReceiptKey) -> None:
    """A receipt names each kind of data as the notice did."""
    receipt = signed_receipt(key, data_titles={"purchases": {"ja": "購入の記録", "en": "purchases"}})

    assert "・購入の記録" in text(receipt, "ja")
    assert "- purchases" in text(receipt, "en")
    assert "purchases" not in text(receipt, "ja")
