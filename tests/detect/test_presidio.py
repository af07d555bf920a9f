"""The detector: recognisers through Presidio."""

from __future__ import annotations

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.adapters.presidio import PresidioDetector
from sekisho.transform.text import REDACTED

TEXTS = [
    "メールはhanako@example.co.jpです",
    "カード4111111111111111で決済、電話090-1234-5678まで",
    "〒150-0001東京都渋谷区神宮前1-2-3に住む山田花子と申します",
    "My name is Jane Doe, order #536365, from 192.168.1.10.",
    "届いた品の色が違いました。",
]
MASKED = [
    "メールは[EMAIL]です",
    "カード[CARD]で決済、電話[PHONE]まで",
    "〒[POSTAL_CODE][ADDRESS][NAME]と申します",
    "My name is [NAME], order [ORDER_NUMBER], from [IP].",
    "届いた品の色が違いました。",
]


@pytest.fixture(scope="module")
def detector():
    return PresidioDetector()


@pytest.fixture(scope="module")
def plugged():
    """A detector with Presidio's own e-mail recogniser and an operator's pattern beside ours."""

    def extra():
        from presidio_analyzer import Pattern, PatternRecognizer
        from presidio_analyzer.predefined_recognizers import EmailRecognizer

        staff = PatternRecognizer(
            supported_entity="STAFF_ID",
            patterns=[Pattern("staff", r"\bEMP[0-9]{4}\b", 0.8)],
            supported_language="ja",
        )
        return [staff, EmailRecognizer(supported_language="en")]

    return PresidioDetector(extra)


def test_masks(detector):
    """Personal data is replaced by its kind, in Japanese and English, nulls stay."""
    assert detector.mask([TEXTS[0], None, ""]) == [MASKED[0], None, ""]
    # the address swallows 住む before the name: what is taken too much is masked
    assert detector.mask(TEXTS)[:2] == MASKED[:2]
    assert detector.mask(TEXTS)[3:] == MASKED[3:]
    assert "山田" not in str(detector.mask(TEXTS)[2])


def test_both_paths_agree(detector, plugged):
    """Our recognisers as a Presidio plugin find what they find when called directly."""
    assert plugged.mask(TEXTS) == detector.mask(TEXTS)


def test_an_operators_recogniser(plugged):
    """A recogniser handed in works glued to Japanese and on full-width digits; nothing is fetched."""
    assert plugged.mask(["社員EMP1234です"]) == ["社員[STAFF_ID]です"]
    assert plugged.mask(["㈱社員ＥＭＰ１２３４です"]) == ["㈱社員[STAFF_ID]です"]


def test_a_failing_recogniser_is_closed():
    """A recogniser that raises, or cannot even be made, masks the whole text."""
    from presidio_analyzer import EntityRecognizer

    class Broken(EntityRecognizer):
        def load(self):
            pass

        def analyze(self, text, entities, nlp_artifacts=None):
            if text == "a":
                raise RuntimeError(text)
            return []

    assert PresidioDetector(lambda: [Broken(["X"], supported_language="ja")]).mask(["a", "b"]) == [REDACTED, "b"]
    assert PresidioDetector(lambda: 1 // 0).mask(["a", None]) == [REDACTED, None]  # type: ignore[arg-type,return-value]


def test_a_slow_pattern_is_closed(monkeypatch, caplog):
    """A pattern that runs into Presidio's time limit, which Presidio passes over, masks the whole text."""
    from presidio_analyzer import Pattern, PatternRecognizer

    monkeypatch.setattr("sekisho.adapters.presidio._PATTERN_SECONDS", 0.5)
    bomb = PatternRecognizer(
        supported_entity="X", patterns=[Pattern("bomb", "(?:(?:a|aa)+)+c", 0.9)], supported_language="ja"
    )
    assert PresidioDetector(lambda: [bomb]).mask(["a" * 60 + "b", "fine"]) == [REDACTED, "fine"]


def test_oversize_is_closed(detector):
    """A text over the limit is replaced whole, whatever its characters."""
    assert detector.mask(["a" * 65_537, "あ" * 21_846]) == [REDACTED, REDACTED]


def test_threads():
    """Threads that share a detector, from its first text on, get their own texts' answers."""
    shared = PresidioDetector()

    def one(number: int) -> bool:
        text = f"担当{number} a{number}@example.jp です"
        return shared.mask([text] * 5) == [f"担当{number} [EMAIL] です"] * 5

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(200)))


def test_no_text_in_logs(caplog, plugged):
    """Neither texts nor matches are logged, at any level."""
    with caplog.at_level(logging.DEBUG):
        plugged.mask(TEXTS)
        PresidioDetector().mask(TEXTS)
    assert not [word for word in ("hanako", "4111", "090-", "Jane", "山田", "渋谷") if word in caplog.text]


@given(st.lists(st.sampled_from([*TEXTS, "佐藤 ", "090-1234-5678", "a@b.jp", "、", "は"]), max_size=4).map("、".join))
@settings(max_examples=50, deadline=None)
def test_overlaps_leave_nothing(text):
    """However findings overlap, nothing that was found is left, nor is text outside them lost."""
    from sekisho.detect.recognisers import find

    detector = PresidioDetector()
    hidden = {at for span in find(text) for at in range(span.start, span.end)}
    masked = str(detector.mask([text])[0])
    position = 0
    for at, char in enumerate(text):
        if at not in hidden and char != " ":  # presidio joins equal kinds across spaces
            position = masked.index(char, position) + 1
    for value in ("hanako@example", "4111111111111111", "090-1234", "Jane", "a@b.jp"):
        assert value not in masked


def test_presidio_is_not_imported_before_it_is_used():
    """Making a detector costs no import of Presidio."""
    code = (
        "import sys; from sekisho.adapters.presidio import PresidioDetector; PresidioDetector(); "
        "sys.exit(any(name.startswith(('presidio', 'spacy')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
