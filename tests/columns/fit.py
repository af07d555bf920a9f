"""``make train-columns``: fit the classifier's coefficients on the training tables, the same each time.

Each column is shown in several states: whole, without a telling name, without table, with few values, empty.
Otherwise the coefficients would trust names that customers' tables do not have.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sekisho.detect.column_factors import AGAINST, FACTORS, factors_of
from sekisho.detect.column_kinds import KINDS
from sekisho.detect.columns import ColumnSample, evidence_of
from tests.columns.labelled import Table, sample
from tests.columns.training import TABLES

MODEL = Path(__file__).parents[2] / "src/sekisho/detect/column_model.json"
_ROUNDS = 1_500
_PULL = 0.002  # towards zero
_FOLDS = 5

Examples = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]


_TOLD_BY_VALUES = {
    "email", "phone", "address", "name", "name_kana", "my_number", "card", "ip", "user_agent", "line_id", "passport",
    "residence_card", "url", "free_text", "none",
}  # fmt: skip


def states(
    whole: ColumnSample, kind: str, rng: random.Random, tables: tuple[Table, ...] = TABLES
) -> Iterator[tuple[ColumnSample, float]]:
    """Yield the states of a column and how much each counts."""
    if kind in _TOLD_BY_VALUES:
        # Names mislead: what can be told by values is to be told by them.
        names = [column.name for table in tables for column in table.columns if column.kind != kind]
        yield replace(whole, name=rng.choice(names), comment=None), 0.15
    yield whole, 1.0
    yield replace(whole, name="f07", comment=None), 0.35
    yield replace(whole, dataset="t1", name="f07", comment=None, siblings=()), 0.2
    yield replace(whole, dataset="t1", siblings=()), 0.5
    few = whole.values[:4]
    yield replace(whole, values=few, rows=len(few), nulls=0, distinct=len(few)), 0.3
    yield replace(whole, values=(), rows=50, nulls=50, distinct=0), 0.15


def examples(seed: int = 7, all_of: tuple[Table, ...] = TABLES) -> Examples:
    """Return factors (column, kind, factor), the right kind, the weight and the table of each example."""
    kinds = list(KINDS)
    cells, right, weights, tables = [], [], [], []
    rng = random.Random(seed)
    for number, table in enumerate(all_of):
        for column in table.columns:
            for state, weight in states(sample(table, column, seed), column.kind, rng, all_of):
                found = factors_of(evidence_of(state))
                if column.kind not in kinds:
                    continue  # of an unknown kind: to be doubted, which is not fitted
                cells.append([[found[kind].get(name, 0.0) for name in FACTORS] for kind in kinds])
                right.append(kinds.index(column.kind))
                weights.append(weight)
                tables.append(number)
    return np.array(cells), np.array(right), np.array(weights), np.array(tables)


def fitted(cells: NDArray[np.float64], right: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coefficients of the greatest penalised likelihood; each keeps the sign that its factor has."""
    lowest = np.array([-np.inf if name in AGAINST or name.startswith("base_") else 0.0 for name in FACTORS])
    highest = np.array([0.0 if name in AGAINST else np.inf for name in FACTORS])
    at, moment, square = np.zeros(len(FACTORS)), np.zeros(len(FACTORS)), np.zeros(len(FACTORS))
    rows = np.arange(len(right))
    for step in range(1, _ROUNDS + 1):
        scores = cells @ at
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        chances[rows, right] -= 1
        slope = np.einsum("ek,ekf->f", chances * weights[:, None], cells) / weights.sum() + _PULL * at
        moment, square = 0.9 * moment + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        at = at - 0.05 * (moment / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-9)
        at = np.clip(at, lowest, highest)
    return at


def temperature(data: Examples) -> float:
    """Return what scores are to be divided by, found on tables that the coefficients were not fitted on."""
    cells, right, weights, tables = data
    scores = np.empty(cells.shape[:2])
    for fold in range(_FOLDS):
        out = tables % _FOLDS == fold
        scores[out] = cells[out] @ fitted(cells[~out], right[~out], weights[~out])
    rows = np.arange(len(right))

    def loss(divisor: float) -> float:
        divided = scores / divisor
        divided -= divided.max(axis=1, keepdims=True)
        return float(((np.log(np.exp(divided).sum(axis=1)) - divided[rows, right]) * weights).sum())

    return min((round(0.5 + 0.05 * step, 2) for step in range(60)), key=loss)


def main() -> None:
    """Fit, and write the model beside the code."""
    data = examples()
    found = fitted(*data[:3])
    model = {
        "temperature": temperature(data),
        "coefficients": {name: round(float(value), 4) for name, value in zip(FACTORS, found, strict=True)},
    }
    MODEL.write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
