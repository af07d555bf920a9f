"""Texts written without looking at the recognisers: what was reached there is kept."""

from __future__ import annotations

import pytest
from tests.detect.held_out import judged, labelled

from sekisho.detect.spans import Kind


@pytest.mark.parametrize(
    ("name", "values", "exact", "visible", "touched"),
    [("first", 412, 404, ["Mr. Patel"], 56), ("second", 46, 45, [], 6)],  # of Mr. Patel the title is left
)
def test_what_was_reached_is_kept(name: str, values: int, exact: int, visible: list[str], touched: int) -> None:
    """Nothing more is left visible at egress, no fewer values are exact, no more texts without any are touched."""
    verdict = judged(labelled(name))
    counts = [count for kind, count in verdict.kinds.items() if kind is not Kind.SENSITIVE]
    assert sum(count.labelled for count in counts) == values
    assert verdict.visible == visible
    assert sum(count.exact for count in counts) >= exact
    assert verdict.touched <= touched


def test_flags_are_kept() -> None:
    """Every text that speaks of special care-required information is flagged, and of the others none."""
    count = judged(labelled("first")).kinds[Kind.SENSITIVE]
    assert (count.labelled, count.overlapping, count.found, count.right) == (20, 20, 20, 20)
