"""What a column was found to hold: the proposal of the classifier, and where its review stands.

A proposal carries each factor that led to it, so that a reviewer sees why; it never carries a value.
Until somebody has reviewed a column, it is treated as the most restricted class (fail closed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sekisho.domain.terms import ColumnClass


class ReviewState(StrEnum):
    """Where the review of one column stands."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"  # the reviewer agrees with the proposal
    REJECTED = "rejected"  # the reviewer says it is not what was proposed, and nothing personal
    OVERRIDDEN = "overridden"  # the reviewer says it is another class
    STALE = "stale"  # reviewed once, but the column has drifted since


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the classifier says of one column.

    Attributes
    ----------
    kind:
        What the values are (``email``, ``my_number``, ``given_name``, ``free_text``, ``none`` …).
    column_class:
        The class that follows for policy.
    category:
        A policy category the column also belongs to (``minor``, ``health`` …), if any.
    confidence:
        Calibrated, 0 to 1.
    factors:
        Each factor's share in the confidence, by name (``match_rate``, ``check_digits``, ``header`` …).
    alternatives:
        Other kinds with their confidence, best first.
    """

    kind: str
    column_class: ColumnClass
    category: str | None
    confidence: float
    factors: Mapping[str, float] = field(default_factory=dict)
    alternatives: tuple[tuple[str, float], ...] = ()
