"""Merging and replacing what was found, beside presidio-anonymizer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import ConflictResolutionStrategy, OperatorConfig, RecognizerResult

from sekisho.transform.spans import are_sound, replaced, resolve

KINDS = ("NAME", "PHONE", "EMAIL")
ENGINE = AnonymizerEngine()


@st.composite
def found_in_text(draw):
    text = draw(st.text("ab 山", min_size=1, max_size=14))
    place = st.integers(0, len(text))
    span = st.tuples(place, place, st.sampled_from(KINDS), st.sampled_from([0.4, 0.5, 0.9]))
    spans = draw(st.lists(span.filter(lambda each: each[0] < each[1]), max_size=7))
    return text, spans


def through_presidio(text, spans):
    operators = {kind: OperatorConfig("replace", {"new_value": f"[{kind}]"}) for kind in (*KINDS, "DEFAULT")}
    results = [RecognizerResult(kind, start, end, score) for start, end, kind, score in spans]
    resolution = ConflictResolutionStrategy.REMOVE_INTERSECTIONS
    return ENGINE.anonymize(text, results, operators=operators, conflict_resolution=resolution).text


@given(found_in_text())
@settings(max_examples=60, deadline=None)
def test_same_text_as_presidio(case):
    """Whatever overlaps, the text is the one that presidio-anonymizer gives."""
    text, spans = case
    assert replaced(text, resolve(text, spans)) == through_presidio(text, spans)


@given(found_in_text())
@settings(max_examples=200, deadline=None)
def test_everything_found_is_covered(case):
    """What any span covered is covered by a stretch, and stretches are sound."""
    text, spans = case
    stretches = resolve(text, spans)
    covered = {at for start, end, _ in stretches for at in range(start, end)}
    assert covered >= {at for start, end, _, _ in spans for at in range(start, end)}
    assert are_sound(stretches, len(text), frozenset(KINDS))


@pytest.mark.parametrize(
    "stretches",
    [
        None, {}, "NAME", [None], [[0, 1]], [[0, 0, "NAME"]], [[2, 1, "NAME"]], [[-1, 1, "NAME"]], [[0, 9, "NAME"]],
        [[0, 2, "NAME"], [1, 3, "NAME"]], [[2, 3, "NAME"], [0, 1, "NAME"]], [[0, 1, "山田"]], [[0.0, 1, "NAME"]],
        [[False, True, "NAME"]], [[0, 1, ["NAME"]]],
    ],
    ids=repr,
)  # fmt: skip
def test_nonsense_is_not_sound(stretches):
    """Stretches outside the text, empty, descending, overlapping or of an unknown kind are not sound."""
    assert not are_sound(stretches, 5, frozenset(KINDS))
