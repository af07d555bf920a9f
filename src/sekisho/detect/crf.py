"""A linear-chain conditional random field (Lafferty, McCallum and Pereira, 2001): its use, not its training.

CRFsuite trains it (``tests/names/train.py``). To use it, sums of weights are all that is needed: what one word adds
is summed once and remembered, what several words make together is looked up for all words at once, and the sentences
of a text are walked side by side.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sekisho.detect.features import PLACES, Numbers, Seen

Scores = NDArray[np.float64]
"""A score for each label."""

_TOGETHER = 16  # steps between two that are brought back into the range of numbers
_BUCKETS = 16  # bits of a number by which joint features are found


class Crf:
    """What was trained: labels, weights of features, weights of one label after another. Threads may share it.

    Parameters
    ----------
    stored:
        A file of NumPy's (``npz``): ``features`` (of one word, one a line, sorted), ``joint`` (of several, numbers,
        sorted), ``starts`` (where the weights of each begin, those of one word first), ``columns`` and ``weights``
        (label and weight), ``labels``, ``transitions`` (from, to).
    """

    def __init__(self, stored: bytes) -> None:
        with np.load(io.BytesIO(stored), allow_pickle=False) as found:
            self.labels: list[str] = [bytes(label).decode("ascii") for label in found["labels"]]
            self._transitions = found["transitions"].astype(np.float64)
            names = found["features"].tobytes().decode().split("\n")
            joint = found["joint"]
            rows = np.repeat(np.arange(len(names) + len(joint)), np.diff(found["starts"]))
            weights = np.zeros((len(names) + len(joint), len(self.labels)), dtype=np.float32)
            weights[rows, found["columns"]] = found["weights"]
        self._places = {name: place for place, name in enumerate(names)}
        # One row more, of zeros: what is not known adds nothing.
        nothing = np.zeros_like(weights[:1])
        self._weights = np.concatenate((weights[: len(names)], nothing))
        self._joint_weights = np.concatenate((weights[len(names) :], nothing))
        # And numbers that none has (a number of 64 bits that is all ones, once in 10^19).
        self._joint = np.concatenate((joint, np.full(1, -1, dtype=np.int64).astype(np.uint64)))
        heads = self._joint >> np.uint64(64 - _BUCKETS)
        self._buckets = np.searchsorted(heads, np.arange(2**_BUCKETS, dtype=np.uint64)).astype(np.intp)
        self._deepest = int(np.bincount(heads.astype(np.intp)).max())
        self._after = np.exp(self._transitions)
        # Forwards and backwards in one step.
        count = len(self.labels)
        self._both_ways = np.zeros((2 * count, 2 * count))
        self._both_ways[:count, :count], self._both_ways[count:, count:] = self._after, self._after.T

    def sums(self, features: Sequence[Iterable[str]]) -> NDArray[np.float32]:
        """Return the sum of the weights of each of *features* (sums, labels); unknown ones have none."""
        known = self._places
        rows: list[int] = []
        starts: list[int] = []
        for names in features:
            starts.append(len(rows))
            rows.append(len(known))
            rows += [known[name] for name in names if name in known]
        found: NDArray[np.float32] = np.add.reduceat(self._weights[rows], starts, axis=0)
        return found

    def joint(self, numbers: Numbers) -> NDArray[np.float32]:
        """Return the sums of the weights of the joint features *numbers* (kinds, words) of each word."""
        at = self._buckets[(numbers >> np.uint64(64 - _BUCKETS)).astype(np.intp)]
        last = len(self._joint) - 1
        rows = np.full(numbers.shape, last)
        for _ in range(self._deepest):
            np.copyto(rows, at, where=self._joint[at] == numbers)
            at += 1
            np.minimum(at, last, out=at)
        found: NDArray[np.float32] = self._joint_weights[rows].sum(axis=0)
        return found

    def probabilities(self, scores: Scores, lengths: Sequence[int]) -> Scores:
        """Return how probable each label is for each word (words, labels).

        Parameters
        ----------
        scores:
            The scores of the words of some sentences, one behind the other.
        lengths:
            How many words each sentence has, one at least.
        """
        likely: Scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        forwards, backwards, steps = _side_by_side(lengths)
        both = np.concatenate((likely[forwards], likely[backwards]), axis=1)
        # What a word's neighbours say of it, from before and, in the order of the way back, from behind.
        said = np.ones_like(both)
        for step, ((start, _), (first, end)) in enumerate(pairwise(steps)):
            come = said[start : start + end - first] * both[start : start + end - first]
            np.dot(come, self._both_ways, out=said[first:end])
            if step % _TOGETHER == 0:
                said[first:end] /= said[first:end].max(axis=1, keepdims=True)
        count = len(self.labels)
        likely[forwards] *= said[:, :count]
        likely[backwards] *= said[:, count:]
        likely /= likely.sum(axis=1, keepdims=True)
        return likely

    def best(self, scores: Scores) -> list[str]:
        """Return the most probable labels of the words of one sentence together (Viterbi, 1967)."""
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


class Sums:
    """What each word that was seen adds to the scores, by the place from which it is seen; for one thread.

    Parameters
    ----------
    crf:
        The model.
    """

    def __init__(self, crf: Crf) -> None:
        self._crf = crf
        self._of = np.zeros((1024, len(PLACES), len(crf.labels)), dtype=np.float32)
        self._places = np.arange(len(PLACES))[:, None]

    def keep(self, number: int, features: Sequence[list[str]]) -> None:
        """Keep what the word *number* adds; *features* are by place."""
        if number >= len(self._of):
            self._of = np.concatenate((self._of, np.zeros_like(self._of)))
        self._of[number] = self._crf.sums(features)

    def scores(self, seen: Seen) -> Scores:
        """Return the scores of the words that are *seen* (words, labels)."""
        alone = self._of[seen.numbers, self._places].sum(axis=0)
        found: Scores = (alone + self._crf.joint(seen.joint)).astype(np.float64)
        return found


def _side_by_side(lengths: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp], list[tuple[int, int]]]:
    """Return the words of all sentences in the order of a walk through all of them at once, a step a word.

    The first array is of the way from the first word on, the second of the way back from the last; then come the
    borders of each step. The longest sentence is first in a step: in the next step those that have ended are gone.
    """
    if len(lengths) == 1:
        onward = np.arange(lengths[0])
        return onward, onward[::-1], [(at, at + 1) for at in range(lengths[0])]
    sizes = np.array(lengths)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    order = np.argsort(-sizes, kind="stable")
    sizes, starts = sizes[order], starts[order]
    sentence = np.repeat(np.arange(len(sizes)), sizes)
    step = np.arange(len(sentence)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    walk = np.argsort(step, kind="stable")
    sentence, step = sentence[walk], step[walk]
    ends = np.cumsum(np.bincount(step)).tolist()
    return starts[sentence] + step, (starts + sizes - 1)[sentence] - step, list(pairwise([0, *ends]))


def stored(
    features: Sequence[bytes],
    joint: Sequence[int],
    labels: Sequence[str],
    weights: dict[tuple[int, int], float],
    after: Scores,
) -> bytes:
    """Return the file of a model: *weights* by place of the feature and of the label, *after* from label to label."""
    order = sorted(weights)
    starts = np.searchsorted([place for place, _ in order], np.arange(len(features) + len(joint) + 1))
    file = io.BytesIO()
    np.savez_compressed(
        file,
        features=np.frombuffer(b"\n".join(features), dtype=np.uint8),
        joint=np.array(joint, dtype=np.uint64),
        starts=starts.astype(np.uint32),
        columns=np.array([label for _, label in order], dtype=np.uint8),
        weights=np.array([weights[each] for each in order], dtype=np.float32),
        labels=np.array([label.encode("ascii") for label in labels]),
        transitions=after.astype(np.float32),
    )
    return file.getvalue()
