"""``python -m tests.benchmarks.pii.texts``: free text through the whole way out, beside Presidio.

Rates are texts by second of CPU time, of all processes that had part in it together, so they are by core. Presidio
with ja_ginza is not installed here: its 57 texts a second were measured on texts of about 50 characters.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from sekisho.adapters.presidio import Finder
from sekisho.adapters.presidio.detector import FreeText
from sekisho.detect.normalise import fold
from sekisho.detect.patterns import find_patterns_in
from sekisho.detect.recognisers import find
from sekisho.transform.spans import replaced, resolve
from sekisho.transform.text import mask_column
from tests.benchmarks.consent.rows import Row, Tell, at_least
from tests.benchmarks.parts import run_parts
from tests.benchmarks.pii.support import support_texts

_TEXTS = 2_000
_PEER_TEXTS = 200
_TOGETHER = 64  # texts, as the processes that read are given them
_SEED = 20_261_122
_T = TypeVar("_T")
_TICK = os.sysconf("SC_CLK_TCK")


def reading(tell: Tell, **_: object) -> None:
    """Tell the rates of reading and replacing in one thread, ours and Presidio's on the same texts."""
    texts = support_texts(_TEXTS, seed=_SEED)
    finder, peer = Finder(), _presidio()
    mean = sum(map(len, texts)) / len(texts)
    ours = _rate(lambda text: replaced(text, finder(text)), texts)
    batches = [texts[at : at + _TOGETHER] for at in range(0, len(texts), _TOGETHER)]
    patterns = _rate(_patterns, batches) * len(texts) / len(batches)
    theirs = _rate(peer, texts[:_PEER_TEXTS])
    tell(at_least(f"all kinds with names, texts of {mean:.0f} characters", ours, 1_600, "texts/s"))
    tell(Row("ratio to Presidio with ja_ginza, 57 texts/s", f"{ours / 57:,.0f} times"))
    tell(at_least("patterns only, read once, 64 together", patterns, 30_000, "texts/s"))
    tell(Row("Presidio, its patterns for ja, and its anonymizer", f"{theirs:,.0f} texts/s"))
    tell(Row("ratio of patterns", f"{patterns / theirs:,.1f} times", "≥ 43 times", patterns / theirs >= 43))


def column(tell: Tell, **_: object) -> None:
    """Tell the rates of a whole column through the detector of the gateway, in two processes and remembered."""
    texts = support_texts(_TEXTS, seed=_SEED)
    array = pa.array(texts)
    with closing(FreeText(b"k" * 32, processes=2)) as detector:
        detector.mask([f"{number} {text}" for number, text in enumerate(texts[:200])])
        while len(detector.pool.pids) < 2:
            detector.mask([f"{time.monotonic()} {text}" for text in texts[:200]])
        pids = detector.pool.pids
        before, began, here = _cpu(pids), time.perf_counter(), time.process_time()
        mask_column(array, detector.mask)
        wall, spent = time.perf_counter() - began, time.process_time() - here
        total = spent + _cpu(pids) - before
        tell(at_least("mask_column, new texts, all processes together", _TEXTS / total, 1_600, "texts/s"))
        tell(Row("the same, by the clock, two processes", f"{_TEXTS / wall:,.0f} texts/s"))
        tell(Row("its share in the process that answers", f"{spent / _TEXTS * 1e6:,.0f} µs a text"))
        least = min(_spent(lambda: mask_column(array, detector.mask)) for _ in range(5))
        tell(Row("mask_column, all texts known", f"{_TEXTS / least:,.0f} texts/s"))
        tell(Row("remembered, by its own count", f"{detector.cache.size / len(detector.cache):,.0f} bytes a text"))
        for pid in pids:
            tell(Row("memory of a process that reads", _memory(pid)))
    tell(Row("memory of this process, for comparison", _memory(os.getpid())))


def small(tell: Tell, **_: object) -> None:
    """Tell how long a small page takes by the clock: read here, and read by a process."""
    texts = support_texts(_TEXTS, seed=_SEED + 1)
    finder = Finder()
    finder(texts[0])
    with closing(FreeText(b"k" * 32)) as detector:
        detector.pool.wait(60)
        for count in (1, 4, 16):
            pages = [texts[at : at + count] for at in range(0, 50 * count, count)]
            here = _median(lambda page: [finder(text) for text in page], pages)
            there = _median(lambda page: detector.pool.find(page, time.monotonic() + 10), pages)
            tell(Row(f"a page of {count}: here, by a process", f"{here * 1e6:,.0f} µs, {there * 1e6:,.0f} µs"))


def replacing(tell: Tell, **_: object) -> None:
    """Tell the rates of merging and replacing what was found: ours, and presidio-anonymizer's, the same text."""
    from presidio_anonymizer import AnonymizerEngine
    from presidio_anonymizer.entities import ConflictResolutionStrategy, OperatorConfig, RecognizerResult

    texts = support_texts(_PEER_TEXTS, seed=_SEED)
    found = {text: [(span.start, span.end, str(span.kind), span.score) for span in find(text)] for text in texts}
    kinds = {kind for spans in found.values() for _, _, kind, _ in spans}
    engine: Any = AnonymizerEngine()
    operators = {kind: OperatorConfig("replace", {"new_value": f"[{kind}]"}) for kind in {*kinds, "DEFAULT"}}
    resolution = ConflictResolutionStrategy.REMOVE_INTERSECTIONS

    def ours(text: str) -> str:
        return replaced(text, resolve(text, found[text]))

    def theirs(text: str) -> str:
        results = [RecognizerResult(kind, start, end, score) for start, end, kind, score in found[text]]
        said: str = engine.anonymize(text, results, operators=operators, conflict_resolution=resolution).text
        return said

    same = all(ours(text) == theirs(text) for text in texts)
    one, other = _rate(ours, texts), _rate(theirs, texts)
    tell(Row("merging and replacing", f"{one:,.0f} texts/s"))
    tell(Row("presidio-anonymizer", f"{other:,.0f} texts/s"))
    tell(Row("ratio, and the same texts", f"{one / other:,.1f} times, {same}", "the same", same))


def _patterns(texts: Sequence[str]) -> list[str]:
    folded = [fold(text) for text in texts]
    found = find_patterns_in([each.text for each in folded])
    return [
        replaced(text, resolve(text, [(*each.original(s.start, s.end), s.kind, s.score) for s in spans]))
        for text, each, spans in zip(texts, folded, found, strict=True)
    ]


def _presidio() -> Callable[[str], object]:
    """Return Presidio's analyzer and anonymizer with what it loads for Japanese, and no model of language."""
    import tldextract.tldextract as suffixes
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine
    from presidio_anonymizer import AnonymizerEngine

    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)
    registry = RecognizerRegistry(supported_languages=["ja"])
    registry.load_predefined_recognizers(languages=["ja"])
    registry.remove_recognizer("SpacyRecognizer")  # it reads a model of language, and there is none
    models = [{"lang_code": "ja", "model_name": "none"}]
    engine: Any = AnalyzerEngine(
        registry=registry, nlp_engine=NoOpNlpEngine(models=models), supported_languages=["ja"]
    )
    anonymizer: Any = AnonymizerEngine()
    return lambda text: anonymizer.anonymize(text, engine.analyze(text, language="ja"))


def _rate(read: Callable[[_T], object], given: Sequence[_T]) -> float:
    """Return how many of *given* are read a second of CPU time: the best of three readings, all loaded before."""
    for each in given[:50]:
        read(each)
    return len(given) / min(_spent(lambda: [read(each) for each in given]) for _ in range(3))


def _spent(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _median(work: Callable[[list[str]], object], pages: list[list[str]]) -> float:
    taken = []
    for page in pages:
        began = time.perf_counter()
        work(page)
        taken.append(time.perf_counter() - began)
    return sorted(taken)[len(taken) // 2]


def _cpu(pids: Sequence[int]) -> float:
    """Return the seconds of CPU time that *pids* have spent."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / _TICK


def _memory(pid: int) -> str:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    held = {line.split(":")[0]: int(line.split()[1]) // 1024 for line in lines[1:]}
    return f"{held['Rss']} MB resident, {held['Pss']} MB in proportion, {held['Private_Dirty']} MB its own"


PARTS: dict[str, Callable[..., None]] = {
    "reading": reading,
    "column": column,
    "small": small,
    "replacing": replacing,
}

if __name__ == "__main__":
    run_parts("Free text on its way out.", PARTS)
