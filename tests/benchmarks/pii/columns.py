"""``python -m tests.benchmarks.pii.columns``: how well columns are classified, beside presidio-structured, how fast.

presidio-structured sees the same values. It has no model of language here (none for Japanese comes with it), and
is measured twice: as it comes, and with telephone numbers of Japan, cards, and patterns that find edges beside
kana. What it cannot say at all (names, numbers of Japan, classes by the name of a column) counts against it as
anything else does.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sekisho.detect.column_kinds import KINDS, NONE
from sekisho.detect.columns import ColumnSample, classify
from tests.benchmarks.consent.rows import Row, Tell
from tests.benchmarks.parts import run_parts
from tests.columns import (
    banks,
    checkups,
    contracts,
    exports,
    held_out,
    loans,
    offices,
    passengers,
    published,
    registers,
    strange,
    tills,
    trades,
)  # fmt: skip
from tests.columns.labelled import Table, sample
from tests.columns.scores import Judge, Judged, classes, judged, kinds, macro_f1, ours

SETS = {"held out": held_out.TABLES, "other trades": trades.TABLES, "strange names": strange.TABLES}
MENDED = {
    "contracts": contracts.TABLES, "tills": tills.TABLES, "banks": banks.TABLES, "passengers": passengers.TABLES,
    "checkups": checkups.TABLES, "offices": offices.TABLES, "loans": loans.TABLES, "registers": registers.TABLES,
    "exports": exports.TABLES,
}  # fmt: skip
"""Sets judged blind first; their errors were looked at since."""
UNSEEN = {"published": published.TABLES}
"""Sets at whose errors nobody has looked: what to expect. Errors of these are not told."""
_ENTITIES = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "IP_ADDRESS": "ip", "URL": "url",
    "MAC_ADDRESS": "device_id", "IBAN_CODE": "bank_account", "UUID": "record_id", "PERSON": "name",
    "LOCATION": "address",
}  # fmt: skip
_PEER_VALUES = 60  # a column: it reads a thousand times more slowly


def accuracy(tell: Tell, **_: object) -> None:
    """Tell macro F1 over kinds and classes of ours and of presidio-structured, in one run."""
    unseen = judged([table for tables in UNSEEN.values() for table in tables], ours)
    _told(tell, "unseen, together: ours", unseen, 0.95)
    leaks = sum(_leaks(unseen))
    tell(Row("unseen: columns that are personal and were called none", str(leaks), "0", leaks == 0))
    for name, tables in (UNSEEN | MENDED).items():
        _told(tell, f"{name}: ours", judged(tables, ours), 0.95)
    for name, tables in SETS.items():
        found = judged(tables, ours)
        _told(tell, f"{name}: ours", found, 0.95)
        for peer, set_up in (("presidio-structured", False), ("presidio-structured, set up for Japan", True)):
            _told(tell, f"{name}: {peer}", judged(tables, _peer(set_up=set_up)), None)


def _told(tell: Tell, who: str, found: list[Judged], target: float | None) -> None:
    for what, pairs in (("kinds", kinds(found)), ("classes", classes(found))):
        score, right = macro_f1(pairs), sum(a == b for a, b in pairs)
        aim = f"≥ {target}" if target else ""
        met = score >= target if target else None
        tell(Row(f"{who}, macro F1 over {what}", f"{score:.3f} ({right} of {len(pairs)} right)", aim, met))


def errors(tell: Tell, **_: object) -> None:
    """Tell what was taken for what, by kind."""
    for name, tables in SETS.items():
        found = judged(tables, ours)
        wrong = Counter((each.column.kind, each.kind) for each in found if each.column.kind != each.kind)
        for (right, got), count in wrong.most_common():
            where = ", ".join(
                f"{each.table}.{each.column.name}" for each in found if (each.column.kind, each.kind) == (right, got)
            )
            tell(Row(f"{name}: {right} taken for {got}", f"{count}: {where}"))
        tell(Row(f"{name}: columns that are personal and were called none", str(sum(_leaks(found)))))


def _leaks(found: Iterable[Judged]) -> Iterable[bool]:
    return (str(each.column.column_class) != NONE and str(each.column_class) == NONE for each in found)


def calibration(tell: Tell, **_: object) -> None:
    """Tell how often proposals of each confidence are right: on unseen sets, and with half of the names hidden."""
    _calibrated(tell, "unseen", UNSEEN, hidden=False)
    _calibrated(tell, "unseen, half of the names hidden", UNSEEN, hidden=True)
    _calibrated(tell, "seen, half of the names hidden", SETS, hidden=True)


def _calibrated(tell: Tell, which: str, sets: Mapping[str, tuple[Table, ...]], *, hidden: bool) -> None:
    bins: dict[int, list[tuple[float, bool]]] = {}
    for tables in sets.values():
        for table in tables:
            for number, column in enumerate(table.columns):
                whole = sample(table, column, 13)
                proposal = classify(replace(whole, name=f"f{number}") if hidden and number % 2 else whole)
                right = proposal.kind == column.kind
                bins.setdefault(min(9, int(proposal.confidence * 10)), []).append((proposal.confidence, right))
    total = sum(map(len, bins.values()))
    gap = 0.0
    for number, pairs in sorted(bins.items()):
        said, right = (sum(value) / len(pairs) for value in zip(*pairs, strict=True))
        gap += abs(said - right) * len(pairs) / total
        tell(
            Row(
                f"{which}: confidence {number / 10:.1f} to {number / 10 + 0.1:.1f}",
                f"{said:.2f} said, {right:.2f} right, {len(pairs)}",
            )
        )
    tell(Row(f"{which}: expected calibration error", f"{gap:.3f}"))


def speed(tell: Tell, **_: object) -> None:
    """Tell the CPU milliseconds of a column of a thousand distinct values."""
    columns = [
        sample(table, column, seed, rows=1_000)
        for seed in (1, 2)
        for tables in SETS.values()
        for table in tables
        for column in table.columns
        if column.make is not None
    ]
    columns = [column for column in columns if column.distinct >= 700][:200]
    classify(columns[0])  # the dictionary loads once
    slowest, begun = 0.0, time.process_time()
    for column in columns:
        before = time.process_time()
        classify(column)
        slowest = max(slowest, time.process_time() - before)
    spent = time.process_time() - begun
    each = spent / len(columns)
    tell(Row(f"{len(columns)} columns of some 1,000 distinct values", f"{spent:.2f} CPU s", "≤ 10 s", spent <= 10))
    tell(Row("a column", f"{each * 1e3:.1f} CPU ms, slowest {slowest * 1e3:.0f}", "≤ 50 CPU ms", each <= 0.05))


def _peer(*, set_up: bool) -> Judge:
    import pandas as pd  # type: ignore[import-untyped]  # the library's
    import regex  # type: ignore[import-untyped]  # the library's
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine
    from presidio_analyzer.predefined_recognizers import CreditCardRecognizer, PhoneRecognizer
    from presidio_structured import PandasAnalysisBuilder

    _offline()
    nlp: Any = NoOpNlpEngine(models=[{"lang_code": "ja", "model_name": "none"}])
    flags = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE | (regex.ASCII if set_up else 0)
    registry: Any = RecognizerRegistry(global_regex_flags=flags, supported_languages=["ja"])
    registry.load_predefined_recognizers(languages=["ja"], nlp_engine=nlp)
    if set_up:
        registry.remove_recognizer("PhoneRecognizer")
        made: Any
        for made in (
            PhoneRecognizer(supported_language="ja", supported_regions=("JP",)),
            CreditCardRecognizer(supported_language="ja"),
        ):
            made.global_regex_flags = flags
            registry.add_recognizer(made)
    engine = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["ja"])
    builder: Any = PandasAnalysisBuilder(analyzer=engine)

    def judge(column: ColumnSample) -> tuple[str, str]:
        values = random.Random(5).sample(list(column.values), min(_PEER_VALUES, len(column.values)))
        if not values:
            return NONE, NONE
        found = builder.generate_analysis(pd.DataFrame({"c": values}), language="ja")
        kind = _ENTITIES.get(found.entity_mapping.get("c", ""), NONE)
        return kind, str(KINDS[kind].column_class)

    return judge


def _offline() -> None:
    """Let its e-mail recogniser use the packaged list of public suffixes; it would fetch one."""
    import tldextract.tldextract as suffixes

    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)


if __name__ == "__main__":
    run_parts(
        "How columns are classified, beside presidio-structured.",
        {"accuracy": accuracy, "errors": errors, "calibration": calibration, "speed": speed},
    )
