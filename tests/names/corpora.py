"""The texts with marked names that the model learns from and is judged by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

DATA = Path(__file__).parent / "data"

_STOCKMARK = {
    "人名": "PERSON", "地名": "LOCATION", "法人名": "ORG", "政治的組織名": "ORG", "その他の組織名": "ORG",
    "施設名": "FAC", "製品名": "WORK", "イベント名": "WORK",
}  # fmt: skip
_GSD = {
    "PERSON": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION", "ORG": "ORG", "FAC": "FAC", "PRODUCT": "WORK",
    "EVENT": "WORK", "WORK_OF_ART": "WORK",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and what is marked in it.

    Attributes
    ----------
    text:
        The text.
    marks:
        Start, end and label of each name, in order.
    kind:
        Which template or corpus it is from, for tables of errors.
    """

    text: str
    marks: tuple[tuple[int, int, str], ...]
    kind: str = ""


def in_tenth(key: str, tenth: int) -> bool:
    """Return whether *key* falls in that tenth of all keys, the same on every machine."""
    return sha256(key.encode()).digest()[0] % 10 == tenth


def stockmark(*, held_out: bool) -> list[Marked]:
    """Return sentences of Wikipedia: every tenth article is held out."""
    rows = json.loads((DATA / "stockmark_ner_train.json").read_text(encoding="utf-8"))
    return [
        Marked(
            row["text"],
            tuple(sorted((*mark["span"], _STOCKMARK[mark["type"]]) for mark in row["entities"])),
            "stockmark",
        )
        for row in rows
        if in_tenth(row["curid"], 0) == held_out
    ]


def gsd(part: str) -> list[Marked]:
    """Return the sentences of the treebank's *part*, ``train`` or ``dev``."""
    return list(_sentences((DATA / f"{part}.bio").read_text(encoding="utf-8")))


def _sentences(source: str) -> Iterator[Marked]:
    for block in source.split("\n\n"):
        text, marks = "", list[tuple[int, int, str]]()
        for line in block.splitlines():
            word, _, mark = line.rpartition("\t")
            if mark[:2] == "B-":
                marks.append((len(text), len(text) + len(word), mark[2:]))
            elif mark[:2] == "I-" and marks:
                marks[-1] = (marks[-1][0], len(text) + len(word), marks[-1][2])
            text += word
        if text:
            named = tuple((start, end, _GSD[mark]) for start, end, mark in marks if mark in _GSD)
            yield Marked(text, named, "gsd")


def english(*, held_out: bool) -> list[Marked]:
    """Return English lines; those of every second template are held out."""
    rows = json.loads((DATA / "english_lines.json").read_text(encoding="utf-8"))
    return [
        Marked(row["text"], tuple((start, end, label) for start, end, label in row["marks"]), str(row["template"]))
        for row in rows
        if (row["template"] % 2 == 1) == held_out
    ]
