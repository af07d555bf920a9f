"""A linear-chain conditional random field (Lafferty, McCallum and Pereira, 2001): its use, not its training.

CRFsuite trains it (``tests/names/train.py``). To use it, sums of weights are all that is needed, and most of a sum
is that of one word: it is made once and remembered, where a tagger would look up each feature of each word again.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
"""A score for each label."""

_TOGETHER = 4  # steps between two that are brought back into the range of numbers


class Crf:
    """What was trained: labels, weights of features, weights of one label after another.

    Parameters
    ----------
    stored:
        A file of NumPy's (``npz``): ``features`` (one a line, sorted), ``starts`` (where the weights of each begin),
        ``columns`` and ``weights`` (label and weight), ``labels``, ``transitions`` (from, to).
    """

    def __init__(self, stored: bytes) -> None:
        with np.load(io.BytesIO(stored), allow_pickle=False) as found:
            self.labels: list[str] = [bytes(label).decode("ascii") for label in found["labels"]]
            self._transitions = found["transitions"].astype(np.float64)
            names = found["features"].tobytes().split(b"\n")
            rows = np.repeat(np.arange(len(names)), np.diff(found["starts"]))
            # One row more, of zeros: what a word without any feature adds up to.
            self._weights = np.zeros((len(names) + 1, len(self.labels)))
            self._weights[rows, found["columns"]] = found["weights"]
        self._places = {name: place for place, name in enumerate(names)}
        self._nothing = len(names)
        self._after = np.exp(self._transitions)

    def places(self, features: Iterable[bytes]) -> list[int]:
        """Return where the weights of *features* are; unknown ones have none."""
        known = self._places
        return [known[feature] for feature in features if feature in known]

    def scores(self, words: Sequence[Sequence[int]]) -> Scores:
        """Return the sums of the weights at the places of each word's features (words, labels)."""
        flat: list[int] = []
        starts: list[int] = []
        for places in words:
            starts.append(len(flat))
            flat.append(self._nothing)
            flat += places
        found: Scores = np.add.reduceat(self._weights[flat], starts, axis=0)
        return found

    def probabilities(self, scores: Scores) -> Scores:
        """Return how probable each label is for each word of a sentence whose *scores* are given (words, labels)."""
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        count, after = len(likely), self._after
        forward, backward = np.empty_like(likely), np.empty_like(likely)
        forward[0], backward[-1] = likely[0], 1.0
        for at in range(1, count):
            row = np.dot(forward[at - 1], after, out=forward[at])
            row *= likely[at]
            if at % _TOGETHER == 0:
                row /= row.sum()
        for at in range(count - 2, -1, -1):
            row = np.dot(after, likely[at + 1] * backward[at + 1], out=backward[at])
            if at % _TOGETHER == 0:
                row /= row.sum()
        both = forward * backward
        found: Scores = both / both.sum(axis=1, keepdims=True)
        return found

    def best(self, scores: Scores) -> list[str]:
        """Return the most probable labels of a sentence together (Viterbi, 1967)."""
        reached, ways = scores[0], np.zeros(scores.shape, dtype=np.intp)
        for at in range(1, len(scores)):
            over = reached[:, None] + self._transitions
            ways[at] = over.argmax(axis=0)
            reached = over.max(axis=0) + scores[at]
        label = int(reached.argmax())
        found = [label]
        for at in range(len(scores) - 1, 0, -1):
            label = int(ways[at, label])
            found.append(label)
        return [self.labels[each] for each in reversed(found)]


def stored(features: list[bytes], labels: list[str], weights: dict[tuple[int, int], float], after: Scores) -> bytes:
    """Return the file of a model: *weights* by place of the feature and of the label, *after* from label to label."""
    order = sorted(weights)
    starts = np.searchsorted([place for place, _ in order], np.arange(len(features) + 1)).astype(np.uint32)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        features=np.frombuffer(b"\n".join(features), dtype=np.uint8),
        starts=starts,
        columns=np.array([label for _, label in order], dtype=np.uint8),
        weights=np.array([weights[each] for each in order], dtype=np.float32),
        labels=np.array([label.encode("ascii") for label in labels]),
        transitions=after.astype(np.float32),
    )
    return file.getvalue()
