"""``python -m tests.benchmarks.pii.names``: how well names of people and places are found, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from sekisho.detect.names import find_names_in
from sekisho.detect.normalise import fold
from sekisho.detect.recognisers import find, find_in
from sekisho.detect.tagger import Point, find_named_in
from tests.benchmarks.consent.rows import Row, Tell, at_least
from tests.benchmarks.parts import run_parts
from tests.names import corpora, synthetic
from tests.names.evaluate import SEED, covered, exact

TARGETS = {
    ("UD-GSD dev", "PERSON"): 0.80,
    ("UD-GSD dev", "LOCATION"): 0.80,
    ("stockmark, held-out articles", "PERSON"): 0.88,
    ("stockmark, held-out articles", "LOCATION"): 0.82,
}

_TOGETHER = 64  # as the processes that read texts are given them


def accuracy(tell: Tell, **_: object) -> None:
    """Tell the exact F1 of people and places on texts that training never saw."""
    texts = {"UD-GSD dev": corpora.gsd("dev"), "stockmark, held-out articles": corpora.stockmark(held_out=True)}
    for (corpus, label), target in TARGETS.items():
        counts = exact(texts[corpus], label)
        found = f"{counts.f1:.3f} (P {counts.precision:.3f}, R {counts.recall:.3f}, {counts.right + counts.missed})"
        tell(Row(f"{label} exact F1, {corpus}", found, f"≥ {target:.2f}", counts.f1 >= target))


def coverage(tell: Tell, **_: object) -> None:
    """Tell how much of the names is masked at the egress point, and how much of everything else."""
    count = covered(synthetic.unseen_lines(4_000, SEED))
    tell(
        Row(
            "support logs: names fully covered",
            f"{count.recall:.2%} of {count.names}",
            "≥ 98 %",
            count.recall >= 0.98,
        )
    )
    tell(Row("support logs: other characters masked", f"{count.cost:.2%}", "≤ 3 %", count.cost <= 0.03))
    english = covered(corpora.english(held_out=True))
    tell(Row("English: names fully covered", f"{english.recall:.1%} of {english.names}"))
    tell(Row("English: other characters masked", f"{english.cost:.1%}"))


def speed(tell: Tell, **_: object) -> None:
    """Tell texts per CPU second on one core; texts differ, so that no cache of texts helps."""
    texts = synthetic.support_texts(4_000, SEED)
    length = sum(map(len, texts)) / len(texts)
    folded = [fold(text).text for text in texts]
    pages = [slice(at, at + _TOGETHER) for at in range(0, len(texts), _TOGETHER)]
    for name, run, target in (
        (f"all types with names, {_TOGETHER} together", lambda: [find_in(texts[page]) for page in pages], 1_600),
        ("all types with names, each alone", lambda: [find(text) for text in texts[:1_000]], 0),
        ("names, egress, together, read once", lambda: [find_names_in(folded[page]) for page in pages], 0),
        ("model, tagging, together", lambda: [find_named_in(folded[page], Point.TAGGING) for page in pages], 0),
    ):
        count = 1_000 if "alone" in name else len(texts)
        tell(_rate(f"texts of {length:.0f} characters: {name}", run, count, target))


def _rate(measure: str, run: Callable[[], Iterable[object]], count: int, target: int) -> Row:
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        run()
        best = min(best, time.process_time() - begun)
    return (
        at_least(measure, count / best, target, "texts/s") if target else Row(measure, f"{count / best:,.0f} texts/s")
    )


PARTS: dict[str, Callable[..., None]] = {"accuracy": accuracy, "coverage": coverage, "speed": speed}

if __name__ == "__main__":
    run_parts("Names of people and places: how well, how fast.", PARTS)
