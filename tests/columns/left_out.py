"""``python -m tests.columns.left_out``: each set judged by coefficients that all the other sets gave.

What the words of the dictionary owe to a set stays: it tells what fitting gives, not what a first look does.
"""

from __future__ import annotations

from functools import partial

from sekisho.detect.column_factors import FACTORS
from sekisho.detect.column_model import Model, trained
from sekisho.detect.columns import ColumnSample, evidence_of, judge
from tests.columns import contracts, held_out, strange, trades, training
from tests.columns.fit import examples, fitted
from tests.columns.scores import classes, judged, kinds, macro_f1, ours

_SETS = {"held out": held_out, "other trades": trades, "strange names": strange, "contracts": contracts}


def _judge(model: Model, column: ColumnSample) -> tuple[str, str]:
    proposal = judge(evidence_of(column), model)
    return proposal.kind, proposal.column_class


def main() -> None:
    """Print macro F1 over kinds and classes: with the model that is kept, and with one fitted without the set."""
    for name, left in _SETS.items():
        others = sum((each.TABLES for each in _SETS.values() if each is not left), training.TABLES)
        found = fitted(*examples(all_of=others)[:3])
        model = Model(dict(zip(FACTORS, map(float, found), strict=True)), trained().temperature)
        kept, fresh = judged(left.TABLES, ours), judged(left.TABLES, partial(_judge, model))
        print(name, *(f"{macro_f1(of(each)):.3f}" for each in (kept, fresh) for of in (kinds, classes)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
