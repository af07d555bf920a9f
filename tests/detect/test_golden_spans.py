"""What the patterns find in a thousand texts, as a plain file: no change of speed may change it.

Each line of ``golden_spans.json`` is a text (made-up, cut, joined, mistyped, or of hostile pieces) and the spans that
were found in it, over the folded text and in their order, before recognisers were asked by their marks. After a
change that is meant, ``SEKISHO_GOLDEN=write pytest tests/detect/test_golden_spans.py`` writes them anew; read what
changed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from sekisho.detect.normalise import fold
from sekisho.detect.patterns import find_patterns, find_patterns_in

FILE = Path(__file__).parent / "golden_spans.json"


def test_spans_are_those_recorded() -> None:
    """Every text has the spans that it had, read alone and read with sixty-three others."""
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    texts = [text for text, _ in recorded]
    folded = [fold(text).text for text in texts]
    found = [[list(span) for span in find_patterns(text)] for text in folded]
    if os.environ.get("SEKISHO_GOLDEN") == "write":
        lines = [json.dumps(row, ensure_ascii=False) for row in zip(texts, found, strict=True)]
        FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    together = [spans for at in range(0, len(folded), 64) for spans in find_patterns_in(folded[at : at + 64])]
    assert [[list(span) for span in spans] for spans in together] == found
    assert len(texts) > 1_000
    for text, was, now in zip(texts, (spans for _, spans in recorded), found, strict=True):
        assert now == was, text
