"""The model: coefficients of the factors, fitted by ``make train-columns``, and how kinds compete.

A conditional logit (McFadden 1974): each kind's score is the sum of its factors times their coefficients, and the
probability of a kind is its share of the exponentials. A temperature fitted beside it makes them calibrated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sekisho.detect.column_factors import FACTORS


@dataclass(frozen=True, slots=True)
class Model:
    """Coefficients by factor, and the temperature by which scores are divided."""

    coefficients: Mapping[str, float]
    temperature: float = 1.0

    def scores(self, factors: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """Return the score of each kind."""
        weights = self.coefficients
        return {
            kind: sum(weights[name] * value for name, value in found.items()) / self.temperature
            for kind, found in factors.items()
        }

    def shares(self, found: Mapping[str, float]) -> dict[str, float]:
        """Return what each factor adds to a score."""
        return {name: round(self.coefficients[name] * value / self.temperature, 3) for name, value in found.items()}


def probabilities(scores: Mapping[str, float]) -> dict[str, float]:
    """Return the probability of each kind."""
    most = max(scores.values())
    raised = {kind: math.exp(score - most) for kind, score in scores.items()}
    total = sum(raised.values())
    return {kind: value / total for kind, value in raised.items()}


@cache
def trained() -> Model:
    """Return the model that comes with the program."""
    held = json.loads((files("sekisho.detect") / "column_model.json").read_text(encoding="utf-8"))
    coefficients = held["coefficients"]
    if set(coefficients) != set(FACTORS):
        raise ValueError("the model of columns was fitted for other factors; run make train-columns")
    return Model(coefficients, held["temperature"])
