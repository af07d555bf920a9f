"""``python -m tests.benchmarks.pii.patterns``: the patterns' speed beside Presidio's, and their errors by kind.

Speed is that of the call by which the product reads: ``find_patterns_in`` over batches of 64 texts, the most that a
process which reads columns is given. What reads one text alone (log lines) is told beside it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sekisho.detect.normalise import fold
from sekisho.detect.patterns import find_patterns, find_patterns_in
from sekisho.detect.settle import settle
from sekisho.detect.spans import Kind, Span
from tests.benchmarks.consent.rows import Row, Tell, at_least
from tests.benchmarks.parts import run_parts
from tests.benchmarks.pii.made import HELD_OUT, SEEN, VALIDATED, Made, blameless, made
from tests.benchmarks.pii.support import support_texts

_TEXTS = 2_000
_PEER_TEXTS = 200
_MADE = 5_700
_TOGETHER = 64
_SEED = 20_261_122
_T = TypeVar("_T")


def found(text: str) -> list[Span]:
    """Return what the patterns find in *text* until nothing is left, over *text* itself."""
    folded = fold(text)
    return [
        Span(*folded.original(span.start, span.end), span.kind, span.score)
        for span in settle([folded.text], find_patterns_in)[0]
    ]


def once(texts: Sequence[str]) -> list[list[Span]]:
    """Return what the patterns find in one reading of each of *texts*: what Presidio's analyzer does."""
    return find_patterns_in([fold(text).text for text in texts])


def to_the_end(texts: Sequence[str]) -> list[list[Span]]:
    """Return what the patterns find in *texts* until nothing is left, over the folded texts."""
    return settle([fold(text).text for text in texts], find_patterns_in)


def speed(tell: Tell, **_: object) -> None:
    """Tell texts a second of CPU time on one core, ours and Presidio's on the same texts."""
    texts = support_texts(_TEXTS, seed=_SEED)
    batches = [texts[at : at + _TOGETHER] for at in range(0, len(texts), _TOGETHER)]
    ours, alone = _rate(once, batches), _rate(lambda text: find_patterns(fold(text).text), texts)
    settled, settled_alone = _rate(to_the_end, batches), _rate(found, texts)
    peer = _rate(_presidio(), texts[:_PEER_TEXTS])
    mean, each = sum(map(len, texts)) / len(texts), len(texts) / len(batches)
    tell(at_least(f"patterns, one reading, texts of {mean:.0f} characters", ours * each, 30_000, "texts/s"))
    tell(Row("the same, each text alone", f"{alone:,.0f} texts/s"))
    tell(Row("patterns, read until nothing is left", f"{settled * each:,.0f} texts/s"))
    tell(Row("the same, each text alone", f"{settled_alone:,.0f} texts/s"))
    tell(Row("Presidio, its patterns, blank language", f"{peer:,.0f} texts/s"))
    tell(Row("ratio of one reading", f"{ours * each / peer:,.0f} times"))


def _rate(read: Callable[[_T], object], given: Sequence[_T]) -> float:
    """Return how many of *given* are read a second of CPU time: the best of five readings, tables made before."""
    for each in given[:50]:
        read(each)
    least = float("inf")
    for _ in range(5):
        began = time.process_time()
        for each in given:
            read(each)
        least = min(least, time.process_time() - began)
    return len(given) / least


def _presidio() -> Callable[[str], object]:
    """Return Presidio's analyzer with the recognisers that it loads for Japanese, and no model of language."""
    import tldextract.tldextract as suffixes
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)
    registry = RecognizerRegistry(supported_languages=["ja"])
    registry.load_predefined_recognizers(languages=["ja"])
    registry.remove_recognizer("SpacyRecognizer")
    models = [{"lang_code": "ja", "model_name": "none"}]
    engine: Any = AnalyzerEngine(
        registry=registry, nlp_engine=NoOpNlpEngine(models=models), supported_languages=["ja"]
    )
    return lambda text: engine.analyze(text, language="ja")


def accuracy(tell: Tell, **_: object) -> None:
    """Tell recall and precision of numbers in context, and what is masked that is nobody's."""
    for name, templates, seed in (("seen templates", SEEN, _SEED), ("held-out templates", HELD_OUT, _SEED + 1)):
        counts = _count(made(_MADE, templates, seed=seed))
        for what, kinds in (("validated numbers", VALIDATED), ("all numbers", tuple(Kind))):
            total = sum(counts["made", kind] for kind in kinds)
            hit = sum(counts["whole", kind] for kind in kinds)
            covered = sum(counts["covered", kind] for kind in kinds)
            wrong = sum(counts["wrong", kind] for kind in kinds)
            aims = ("≥ 99.5 %", "≥ 98 %") if what == "validated numbers" and templates is HELD_OUT else ("", "")
            recall, precision = hit / total, hit / (hit + wrong)
            tell(Row(f"{name}, {what}: recall", f"{recall:.2%} of {total}", aims[0], _met(aims[0], recall, 0.995)))
            tell(Row(f"{name}, {what}: masked whole under any kind", f"{covered / total:.2%}"))
            tell(Row(f"{name}, {what}: precision", f"{precision:.2%}", aims[1], _met(aims[1], precision, 0.98)))
    texts = blameless(2_000, seed=_SEED + 2)
    masked = [found(text) for text in texts]
    taken = sum(map(bool, masked))
    share = sum(span.end - span.start for spans in masked for span in spans) / sum(map(len, texts))
    tell(
        Row("texts of nobody's numbers with anything masked", f"{taken / len(texts):.2%}, {share:.2%} of characters")
    )


def _met(aim: str, value: float, least: float) -> bool | None:
    return value >= least if aim else None


def _count(texts: list[Made]) -> Counter[tuple[str, Kind]]:
    """Count, by kind: values made, found whole under their kind, masked whole, missed, and what else was taken."""
    counts: Counter[tuple[str, Kind]] = Counter()
    for text, values in texts:
        spans = found(text)
        hidden = {at for span in spans for at in range(span.start, span.end)}
        for start, end, kind in values:
            counts["made", kind] += 1
            counts["whole", kind] += any(span[:3] == (start, end, kind) for span in spans)
            counts["covered", kind] += hidden.issuperset(range(start, end))
        right = set(values)
        for span in spans:
            if span[:3] in right or any(span.start >= start and span.end <= end for start, end, _ in values):
                continue  # the value itself, or another name for a part of it
            counts["wrong", span.kind] += 1
    return counts


def errors(tell: Tell, **_: object) -> None:
    """Tell errors by kind, over both sets of templates."""
    for name, templates, seed in (("seen", SEEN, _SEED), ("held out", HELD_OUT, _SEED + 1)):
        counts = _count(made(_MADE, templates, seed=seed))
        for kind in Kind:
            total, whole, covered = counts["made", kind], counts["whole", kind], counts["covered", kind]
            wrong = counts["wrong", kind]
            if total != whole or wrong:
                missed = (
                    f"{total - whole} of {total} not found whole, {total - covered} not masked whole; "
                    if total
                    else ""
                )
                tell(Row(f"{name}: {kind}", f"{missed}{wrong} taken that were none"))


if __name__ == "__main__":
    run_parts("Patterns: speed and accuracy.", {"speed": speed, "accuracy": accuracy, "errors": errors})
