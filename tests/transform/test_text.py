"""Free text as a column: each text once, and closed when anything goes wrong."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sekisho.transform.text import MAX_TEXT_BYTES, REDACTED, mask_column


def shout(texts):
    return [text.upper() for text in texts]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_each_distinct_text_is_masked_once(kind):
    """Repeated texts are masked once, nulls and empty texts are left alone."""
    seen = []

    def mask(texts):
        seen.extend(texts)
        return shout(texts)

    array = pa.array(["a", None, "b", "a", ""]).cast(kind)
    masked = mask_column(array, mask)
    assert masked.type == pa.string()
    assert masked.to_pylist()[:4] == ["A", None, "B", "A"]
    assert seen == ["a", "b"]


def test_a_failing_text_costs_no_other():
    """Where masking one text raises, that text is replaced whole and the others are masked."""

    def mask(texts):
        if "bad" in texts:
            raise RuntimeError(texts[0])
        return shout(texts)

    assert mask_column(pa.array(["good", "bad", "fine"]), mask).to_pylist() == ["GOOD", REDACTED, "FINE"]


@pytest.mark.parametrize("answer", [[], ["x", "y", "z"], [None, None], [1, b"x"]])
def test_a_nonsensical_answer_is_closed(answer):
    """A detector that does not answer text for text releases nothing."""
    assert mask_column(pa.array(["one", "two"]), lambda _: answer).to_pylist() == [REDACTED, REDACTED]


def test_oversize_is_closed():
    """A text above the limit is never handed to the detector, whatever its characters."""
    fits, long, wide = "a" * MAX_TEXT_BYTES, "a" * (MAX_TEXT_BYTES + 1), "あ" * (MAX_TEXT_BYTES // 3 + 1)
    assert mask_column(pa.array([fits, long, wide]), shout).to_pylist() == [fits.upper(), REDACTED, REDACTED]


def test_late_texts_are_closed():
    """Texts that are not masked when the time is up are replaced whole."""
    ticks = iter(range(1000))
    texts = [f"text {number}" for number in range(1000)]
    masked = mask_column(pa.array(texts), shout, budget_seconds=2.5, monotonic=lambda: float(next(ticks))).to_pylist()
    assert masked[:512] == shout(texts)[:512]
    assert masked[512:] == [REDACTED] * 488


def test_a_detector_that_always_fails_in_time():
    """Retrying text by text stops when the time is up."""
    ticks = iter(range(10_000))

    def mask(texts):
        raise RuntimeError

    texts = pa.array([f"text {number}" for number in range(300)])
    masked = mask_column(texts, mask, budget_seconds=10, monotonic=lambda: float(next(ticks)))
    assert set(masked.to_pylist()) == {REDACTED}
    assert next(ticks) < 400


def test_only_text_is_text():
    """A column that does not hold strings is refused."""
    with pytest.raises(ValueError, match="strings"):
        mask_column(pa.array([1]), shout)
