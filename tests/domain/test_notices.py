"""What can be a notice, which language is shown, and the notice that the gateway writes by itself."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from tests.domain.test_purpose_facts import PURPOSE

from sekisho.domain.notice_texts import generated_texts
from sekisho.domain.notices import (
    LOCALES,
    MOST_TEXT,
    Change,
    Notice,
    Status,
    check_notice,
    shown_locale,
    version_number,
)
from sekisho.domain.purpose_facts import facts_of
from sekisho.domain.terms import LegalBasis, Purpose
from sekisho.errors import InvalidRequest

TEXTS = {"ja": "お知らせ", "en": "Notice"}
NOTICE = Notice("terms", 2, Change.MINOR, Status.PUBLISHED, ("advertising",), TEXTS)


@pytest.mark.parametrize(
    ("key", "purposes", "texts"),
    [
        ("Terms", ("a",), TEXTS),
        ("terms/x", ("a",), TEXTS),
        ("t" * 64, ("a",), TEXTS),
        ("terms", (), TEXTS),
        ("terms", ("a", "a"), TEXTS),
        ("terms", ("a",), {}),
        ("terms", ("a",), {"ja": "お知らせ"}),
        ("terms", ("a",), {**TEXTS, "EN!": "x"}),
        ("terms", ("a",), {**TEXTS, "en": " \n"}),
        ("terms", ("a",), {**TEXTS, "en": "a\x00b"}),
        ("terms", ("a",), {**TEXTS, "en": "a\x1b[31mb"}),
        ("terms", ("a",), {**TEXTS, "en": "\ud800"}),
        ("terms", ("a",), {**TEXTS, "en": "x" * (MOST_TEXT + 1)}),
    ],
    ids=repr,
)
def test_what_cannot_be_a_notice(key, purposes, texts):
    """A notice has a name, a purpose, and a text in each language that can be shown everywhere."""
    with pytest.raises(InvalidRequest):
        check_notice(key, purposes, texts)


def test_what_can_be_a_notice():
    """Further languages, line ends and every script may stand in it."""
    check_notice("terms_2", ("a", "b"), {**TEXTS, "pt-BR": "Aviso\r\n\t𠮷\n", "fr": "x" * MOST_TEXT})


def test_the_language_shown():
    """The language asked for, else its language, else Japanese, else English, else whatever there is."""
    notice = replace(NOTICE, texts={**TEXTS, "pt-BR": "Aviso"})

    assert [shown_locale(notice, locale) for locale in ("en", "en-GB", "EN", "pt-BR", "pt", "de", "", None)] == [
        "en", "en", "en", "pt-BR", "ja", "ja", "ja", "ja",
    ]  # fmt: skip
    assert shown_locale(replace(NOTICE, texts={"en": "x"}), "ja") == "en"
    assert shown_locale(replace(NOTICE, texts={"fr": "x"}), "ja") == "fr"


def test_a_version_has_one_spelling():
    """Digits without a zero in front, and nothing else."""
    assert [version_number(text) for text in ("1", "12", "0", "01", "+1", "1.0", "²", "１", "", "9" * 10)] == [
        1, 12, None, None, None, None, None, None, None, None,
    ]  # fmt: skip


def test_the_hash_is_of_the_bytes_that_are_shown():
    """Whoever keeps the text can compute the hash again."""
    assert NOTICE.sha256("ja") == hashlib.sha256("お知らせ".encode()).hexdigest()


@pytest.mark.parametrize("locale", LOCALES)
def test_the_generated_notice_says_what_people_must_be_told(locale):
    """Who, why, which data, for whom, where to, how long, how to take it back, what a no means: in every language."""
    told = {"US": {"system": "no general act", "measures": "standard clauses"}}
    purpose = replace(PURPOSE, confirm=True, transfer_information=told)
    text = generated_texts(facts_of(purpose), "Example Shop", "privacy@shop.example")[locale]

    for part in (
        purpose.title[locale],
        purpose.description[locale],
        "Example Shop",
        "privacy@shop.example",
        purpose.data_titles["purchases"][locale],
        "web use",
        "Example Ads K.K.",
        "US",
        "no general act",
        "standard clauses",
        "365",
        "30",
        "16",
    ):
        assert part in text
    assert text.count("■") == 8
    check_notice("advertising", ("advertising",), {"ja": text, "en": text})


@pytest.mark.parametrize("basis", LegalBasis)
def test_every_ground_has_its_words(basis):
    """A notice of each ground is whole in both languages, and only consent is said to be withdrawn."""
    facts = facts_of(Purpose("p", basis, title={"ja": "題", "en": "title"}, description={"ja": "文", "en": "words"}))
    texts = generated_texts(facts, "Shop", "x@y.example")

    assert set(texts) == set(LOCALES)
    assert ("You can withdraw at any time" in texts["en"]) is (basis is LegalBasis.CONSENT)
    assert ("取り消せます" in texts["ja"]) is (basis is LegalBasis.CONSENT)
    assert ("You can object at any time" in texts["en"]) is (basis is LegalBasis.LEGITIMATE_INTEREST)
    assert "third parties." in texts["en"]
    assert "None" not in "".join(texts.values())


def test_the_generated_notice_is_always_the_same():
    """The same facts give the same bytes: a start of the service makes no new version."""
    facts = facts_of(PURPOSE)

    assert generated_texts(facts, "Shop", "x@y.example") == generated_texts(dict(facts), "Shop", "x@y.example")


def test_data_is_named_in_the_language_of_the_reader():
    """A notice names each kind of data in its own language, and as it is where it has one name."""
    texts = generated_texts(facts_of(PURPOSE), "Example K.K.", "privacy@shop.example")

    assert "\n・購入の記録\n・web use\n" in texts["ja"]
    assert "\n- purchases\n- web use\n" in texts["en"]
