"""What is masked stays masked: nothing that is found is left, and masking twice is masking once."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.detect.test_kinds import FOUND

from sekisho.detect.normalise import fold
from sekisho.detect.patterns import find_patterns
from sekisho.detect.settle import settle
from sekisho.detect.spans import OPAQUE, Kind, Span


def patterns(texts: list[str]) -> list[list[Span]]:
    """Read each of *texts* by what needs no model."""
    return [find_patterns(text) for text in texts]


def found(text: str) -> list[Span]:
    """Return what needs no model in *text*, over *text* itself."""
    folded = fold(text)
    return [
        Span(*folded.original(span.start, span.end), span.kind, span.score)
        for span in settle([folded.text], patterns)[0]
    ]


def mask(text: str) -> str:
    """Return *text* with what is found replaced by its kind: of overlapping kinds the first."""
    pieces: list[str] = []
    at = 0
    for span in sorted(found(text)):
        if span.start >= at:
            pieces += (text[at : span.start], f"[{span.kind}]")
        at = max(at, span.end)
    return "".join([*pieces, text[at:]])


EXAMPLES = [line.strip().replace("«", "").replace("»", "") for table in FOUND.values() for line in table.split("\n")]
VALUES = st.sampled_from(
    [piece for line in EXAMPLES for piece in (line, line[: len(line) // 2], line[len(line) // 2 :]) if piece]
)
LOOSE = st.text(
    st.sampled_from("0123456789-－ー/.:@#=+() 　、。はのTABxa〇一二丁目市区号\u0301\u200bｶﾞ㈱"), max_size=10
)
MASKS = st.sampled_from(["[EMAIL]", "[PHONE]", "[REDACTED]", "[ADDRESS]", "[LINE_ID]", "[", "]"])
TEXTS = st.lists(st.one_of(VALUES, LOOSE, LOOSE, MASKS), max_size=6).map("".join)


def check(text: str) -> None:
    masked = mask(text)
    assert found(masked) == []
    assert mask(masked) == masked


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
@example("電話" + "https://example.com/" + "a" * 30 + " 123456789")
@example("a@b.co4111111111111111")
@example("[EMAIL][PHONE]123456")
def test_masking_twice_is_masking_once(text):
    """A masked text holds nothing that the same recognisers find in it."""
    check(text)


@pytest.mark.long
@settings(deadline=None, max_examples=20_000, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_masking_twice_is_masking_once_long(text):
    """The same over many more texts."""
    check(text)


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_any_text_settles(text):
    """No text keeps the recognisers from coming to an end, and every span lies inside it."""
    assert all(0 <= span.start < span.end <= len(text) for span in found(text))


@pytest.mark.parametrize("part", range(7))
def test_no_found_value_remains(part):
    """A value found once by its context is masked where it stands again."""
    for line in EXAMPLES[part::7]:
        values = {line[span.start : span.end] for span in found(line)}
        masked = mask(line + "。もう一度、" + "、".join(values))
        assert [value for value in values if len(value) >= 4 and value in masked] == []


def reader(pattern: str, seen: list[str]) -> Callable[[list[str]], list[list[Span]]]:
    """Return what finds *pattern*, and notes the texts that it was given."""

    def read(texts: list[str]) -> list[list[Span]]:
        seen.extend(texts)
        return [[Span(*match.span(), Kind.ID_NUMBER, 0.9) for match in re.finditer(pattern, text)] for text in texts]

    return read


def test_masks_are_opaque():
    """Masks of an earlier time, and spaces between them, are read as one opaque character, never as words."""
    seen: list[str] = []
    assert settle(["a [EMAIL] [PHONE]b"], reader("b", seen)) == [[Span(17, 18, Kind.ID_NUMBER, 0.9)]]
    assert seen == [f"a {OPAQUE}b", f"a {OPAQUE}"]


def test_the_rest_is_read_again():
    """What shows only once its neighbour is masked is masked, too, and offsets are those of the text."""
    seen: list[str] = []
    (spans,) = settle(["xxaab"], reader(f"aa|(?<={OPAQUE})b", seen))
    assert [span[:2] for span in spans] == [(2, 4), (4, 5)]
    assert seen == ["xxaab", f"xx{OPAQUE}b", f"xx{OPAQUE}"]


def test_what_never_settles_is_masked_whole():
    """A text in which every reading finds something new is masked whole."""
    text = "a" * 40
    assert settle([text], reader(f"^a|(?<={OPAQUE})a", [])) == [[Span(0, len(text), Kind.ID_NUMBER, 0.1)]]


def test_texts_settle_each_for_itself():
    """Texts that are read together have each its own spans, whenever each of them is settled."""
    texts = ["aab", "xx", "", "aaxx aab", "b [EMAIL]b", "xxaab"]
    read = reader(f"aa|(?<={OPAQUE})b", [])
    assert settle(texts, read) == [settle([text], read)[0] for text in texts]
