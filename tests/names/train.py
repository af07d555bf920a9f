"""Train the model of names: ``make train-names``, some eight minutes of one core.

What it learns from: sentences of Wikipedia (stockmark) and of the treebank (UD Japanese GSD), copies of them
with other names, and lines of support logs made of our own templates. Everything is seeded and read in a fixed order.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import pycrfsuite

from sekisho.detect import model
from sekisho.detect.crf import stored
from sekisho.detect.features import Features
from sekisho.detect.morphemes import Word, sentences, words
from sekisho.detect.normalise import fold
from tests.names import corpora, synthetic
from tests.names.corpora import Marked
from tests.names.exchange import exchanged

SEED = 20261122
NAME = "names.npz"
JOINT = b"&"  # begins the name of a feature of several words
_LISTED = re.compile(rb"^  \(([01])\) (.*) --> (O|[BI]-[A-Z]+): (-?[0-9.]+)$", re.MULTILINE)
LINES = 12_000
SETTINGS = {"c1": 0.15, "c2": 0.05, "max_iterations": 110, "feature.possible_transitions": True}


def training_texts() -> list[Marked]:
    """Return everything that the model learns from."""
    written = [*corpora.stockmark(held_out=False), *corpora.gsd("train")]
    return [
        *written,
        *exchanged(written, SEED),
        *synthetic.lines(LINES, SEED, unseen=False),
    ]


def examples(texts: Iterable[Marked]) -> Iterator[tuple[list[Word], list[str]]]:
    """Yield the words of each sentence with their labels: begin, inside, or none of a name."""
    for marked in texts:
        folded = fold(marked.text).text
        if len(folded) != len(marked.text):
            continue  # a handful with characters that change the length: offsets would have to be mapped
        for begin, sentence in sentences(folded):
            found = words(sentence)
            labels = ["O"] * len(found)
            for start, end, label in marked.marks:
                inside = [
                    at
                    for at, (at_letter, word, _) in enumerate(found)
                    if at_letter + begin < end and at_letter + begin + len(word) > start
                ]
                for at in inside:
                    labels[at] = ("B-" if at == inside[0] else "I-") + label
            if found:
                yield found, labels


class Listed:
    """Features as CRFsuite takes them: those of several words, which are numbers, as a name."""

    def __init__(self) -> None:
        self._by_place: dict[int, list[list[bytes]]] = {}
        self._features = Features(self._keep)

    def of(self, found: Sequence[Word]) -> list[list[bytes]]:
        """Return the features of each word of one sentence."""
        numbers, joint = self._features.of([found])
        return [
            [name for at, number in enumerate(places) for name in self._by_place[number][at]]
            + [b"%s%016x" % (JOINT, number) for number in several]
            for places, several in zip(numbers.T.tolist(), joint.T.tolist(), strict=True)
        ]

    def _keep(self, number: int, features: Sequence[list[str]]) -> None:
        self._by_place[number] = [[name.encode() for name in names] for names in features]


def train(folder: Path, texts: Iterable[Marked]) -> None:
    """Train on *texts* and write the model to *folder*."""
    features = Listed()
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(SETTINGS)
    for found, labels in examples(texts):
        trainer.append(features.of(found), labels)
    with NamedTemporaryFile() as made:
        trainer.train(made.name)
        (folder / NAME).write_bytes(weights_of(Path(made.name)))


def weights_of(path: Path) -> bytes:
    """Return the model that CRFsuite wrote to *path* as the program reads it, out of CRFsuite's own listing."""
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    with NamedTemporaryFile() as made:
        tagger.dump(made.name)
        listing = made.read()
    labels = tagger.labels()
    places = {label.encode(): place for place, label in enumerate(labels)}
    after = np.zeros((len(labels), len(labels)))
    found: dict[bytes, list[tuple[int, float]]] = {}
    for kind, first, second, weight in _LISTED.findall(listing):
        if kind == b"1":
            after[places[first], places[second]] = float(weight)
        else:
            found.setdefault(first, []).append((places[second], float(weight)))
    alone = sorted(name for name in found if not name.startswith(JOINT))
    joint = sorted(name for name in found if name.startswith(JOINT))
    weights = {(at, label): weight for at, name in enumerate(alone + joint) for label, weight in found[name]}
    return stored(alone, [int(name.removeprefix(JOINT), 16) for name in joint], labels, weights, after)


def main() -> None:
    """Train, and say what was made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(model.__file__).parent)
    out = parser.parse_args().out
    began = time.process_time()
    train(out, training_texts())
    size = out.joinpath(NAME).stat().st_size
    sys.stdout.write(f"{size:,} bytes, {time.process_time() - began:.0f} s of CPU\n")


if __name__ == "__main__":
    main()
