"""Judge the model of names: ``python -m tests.names.evaluate`` prints the tables of ``docs/names.md``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sekisho.detect.names import find_names_in
from sekisho.detect.normalise import fold
from sekisho.detect.settle import settle
from sekisho.detect.tagger import Known, find_named_in
from tests.names import corpora, synthetic, unseen_templates
from tests.names.corpora import Marked

SEED = 7  # of the lines that judge; training has another, other templates, other names and other words


@dataclass(slots=True)
class Exact:
    """Counts of names found exactly, found and not there, there and not found; and errors by kind."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def precision(self) -> float:
        """The share of the found that is right."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """The share of what is there that is found."""
        return self.right / max(1, self.right + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / max(1, 2 * self.right + self.wrong + self.missed)


def exact(texts: Iterable[Marked], label: str) -> Exact:
    """Return how the tagging point does for *label*, every border exact."""
    result = Exact()
    texts = list(texts)
    for marked, spans in zip(texts, _named([marked.text for marked in texts]), strict=True):
        want = {mark for mark in marked.marks if mark[2] == label}
        got = {span for span in spans if span[2] == label}
        result.right += len(got & want)
        result.wrong += len(got - want)
        result.missed += len(want - got)
        for mark in want - got:
            result.errors[_why(mark, spans)] += 1
        for span in got - want:
            if not any(span[0] < mark[1] and mark[0] < span[1] for mark in want):
                other = [mark[2] for mark in marked.marks if span[0] < mark[1] and mark[0] < span[1]]
                result.errors[f"marked, but is {other[0] if other else 'nothing'}"] += 1
    return result


def _named(texts: Sequence[str]) -> Iterator[list[tuple[int, int, str]]]:
    """Yield what the tagging point says of each of *texts*."""
    folded = [fold(text) for text in texts]
    for each, names in zip(folded, find_named_in([each.text for each in folded]), strict=True):
        yield [(*each.original(name.start, name.end), name.label) for name in names]


def _why(mark: tuple[int, int, str], spans: Iterable[tuple[int, int, str]]) -> str:
    near = [span for span in spans if span[0] < mark[1] and mark[0] < span[1]]
    if not near:
        return "missed"
    if any(span[2] == mark[2] for span in near):
        return "borders differ"
    return f"taken for {near[0][2]}"


@dataclass(slots=True)
class Covered:
    """How much of the names, and of everything else, is masked."""

    names: int = 0
    covered: int = 0
    other: int = 0
    masked: int = 0
    missed: list[tuple[str, str, str]] = field(default_factory=list)
    extra: list[tuple[str, str]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """The share of names that are masked to the last character."""
        return self.covered / max(1, self.names)

    @property
    def cost(self) -> float:
        """The share of all other characters that is masked."""
        return self.masked / max(1, self.other)


def spans_of_names(texts: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
    """Yield what the egress point masks as names of people in each of *texts*, until nothing is left."""
    folded = [fold(text) for text in texts]
    known: Known = {}
    settled = settle([each.text for each in folded], lambda rests: find_names_in(rests, known=known))
    for each, spans in zip(folded, settled, strict=True):
        yield [each.original(span.start, span.end) for span in spans]


def covered(texts: Iterable[Marked]) -> Covered:
    """Return what the egress point covers: a space inside a name is not counted either way."""
    result = Covered()
    texts = list(texts)
    for marked, spans in zip(texts, spans_of_names([marked.text for marked in texts]), strict=True):
        hidden = {at for start, end in spans for at in range(start, end)}
        named = {at for start, end, label in marked.marks if label == "PERSON" for at in range(start, end)}
        for start, end, label in marked.marks:
            if label == "PERSON":
                result.names += 1
                if all(at in hidden or marked.text[at] in " 　" for at in range(start, end)):
                    result.covered += 1
                else:
                    result.missed.append((marked.text[start:end], marked.kind, marked.text))
        result.other += len(marked.text) - len(named)
        more = hidden - named
        result.masked += len(more)
        if more:
            result.extra.append(("".join(marked.text[at] for at in sorted(more)), marked.text))
    return result


def main() -> None:
    """Print the tables."""
    say = sys.stdout.write
    for name, texts in (("UD-GSD dev", corpora.gsd("dev")), ("stockmark held out", corpora.stockmark(held_out=True))):
        for label in ("PERSON", "LOCATION"):
            counts = exact(texts, label)
            say(f"{name:20} {label:9} P {counts.precision:.3f} R {counts.recall:.3f} F1 {counts.f1:.3f}\n")
            for kind, number in counts.errors.most_common():
                say(f"    {number:4} {kind}\n")
        cover = covered(texts)
        say(f"{name:20} egress    covered {cover.recall:.3f}, of all other characters {cover.cost:.3%}\n")
    for name, source in (("tuning", unseen_templates.TUNING), ("judging", unseen_templates.LINES)):
        cover = covered(synthetic.unseen_lines(2_000, SEED, source))
        say(f"unseen lines, {name:8} egress   {cover.covered} of {cover.names} names covered ({cover.recall:.3f}), "
        f"of all other characters {cover.cost:.3%}\n")  # fmt: skip
        for kind, number in Counter(kind for _, kind, _ in cover.missed).most_common(12):
            say(f"    {number:4} {kind}\n")


if __name__ == "__main__":
    main()
