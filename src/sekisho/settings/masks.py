"""Masks that columns declare, with their parameters, and the operator's hierarchies; every fault with its line."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from sekisho.domain.masks import (
    Bucket,
    Constant,
    DatePart,
    DateShift,
    Fake,
    FakeOf,
    Hierarchy,
    Hmac,
    Keep,
    Law,
    Mask,
    Noise,
    Partial,
    Redact,
    TopBottom,
    TransformKind,
    Truncate,
    Withhold,
)
from sekisho.domain.terms import ColumnClass, ColumnType
from sekisho.domain.transforms import DECLARABLE, TRANSFORMS
from sekisho.settings.faults import nearest, shown
from sekisho.settings.section import Section

_Word = TypeVar("_Word", bound=StrEnum)

_MOST_VALUES = 2_000
_MOST_BYTES = 1 << 20
_LARGEST = 10**12
_MOST_DAYS = 3_650

_KEYS: Mapping[TransformKind, tuple[str, ...]] = {
    TransformKind.CONSTANT: ("value",),
    TransformKind.PARTIAL: ("keep",),
    TransformKind.TRUNCATE: ("to",),
    TransformKind.HIERARCHY: ("hierarchy", "level"),
    TransformKind.BUCKET: ("width", "start", "bounds"),
    TransformKind.TOP_BOTTOM: ("bottom", "top"),
    TransformKind.HMAC: ("domain",),
    TransformKind.FAKE: ("of",),
    TransformKind.DATE_SHIFT: ("days",),
    TransformKind.NOISE: ("scale", "law"),
}
"""Keys of each mask beside ``kind``."""


@dataclass(frozen=True, slots=True)
class Levels:
    """One hierarchy: each value of the lowest level, and what stands for it at each level from 1."""

    name: str
    above: Mapping[str, tuple[str, ...]] = field(repr=False)

    @property
    def height(self) -> int:
        """How many levels stand above the values."""
        return min((len(groups) for groups in self.above.values()), default=0)


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """The hierarchies of a workspace by name, and what their files hold, hashed."""

    by_name: Mapping[str, Levels]
    digest: bytes = b""


def hierarchies(root: Section, folder: Path) -> Hierarchies:
    """Return the hierarchies that the workspace names, read from their files."""
    found: dict[str, Levels] = {}
    digest = hashlib.sha256()
    if not root.has("hierarchies"):
        return Hierarchies(found)
    for name, section in root.named("hierarchies", "hierarchy"):
        path = section.path("file", folder)
        raw = None if path is None else _raw(section, path)
        if raw is None:
            continue
        digest.update(name.encode() + b"\0" + raw)
        above = _levels(section, raw)
        if above is not None:
            found[name] = Levels(name, above)
    return Hierarchies(found, digest.digest())


def _raw(section: Section, path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        section.wrong("file", f"cannot read the hierarchy: {error.strerror}", "name a CSV file of the workspace")
        return None
    if len(raw) > _MOST_BYTES:
        section.wrong("file", "the hierarchy is larger than a mebibyte", f"it may have {_MOST_VALUES:,} values")
        return None
    return raw


def _levels(section: Section, raw: bytes) -> dict[str, tuple[str, ...]] | None:
    """Return the lines ``value;group;wider group;…`` of a hierarchy's file."""
    try:
        lines = [line for line in csv.reader(io.StringIO(raw.decode("utf-8-sig")), delimiter=";") if line]
    except (UnicodeDecodeError, csv.Error):
        section.wrong("file", "the hierarchy is no CSV file in UTF-8", "write lines `value;group;wider group`")
        return None
    above: dict[str, tuple[str, ...]] = {}
    for number, (value, *groups) in enumerate(lines, start=1):
        if not groups or value in above:
            wrong = "names no group" if not groups else "names a value that stands there already"
            section.wrong("file", f"line {number} of the hierarchy {wrong}", "write `value;group;wider group`, once")
            return None
        above[value] = tuple(groups)
    if not above or len(above) > _MOST_VALUES:
        section.wrong("file", "the hierarchy has no value, or too many", f"give it 1 to {_MOST_VALUES:,}")
        return None
    if len({len(groups) for groups in above.values()}) != 1:
        section.wrong("file", "the lines of the hierarchy have unlike levels", "give each line as many groups")
        return None
    return above


def mask(
    column: Section, kind: ColumnType | None, column_class: ColumnClass | None, known: Hierarchies
) -> Mask | None:
    """Return the mask that *column* declares, ``None`` for none or one with faults."""
    section = column.section("mask")
    if section is None:
        return None
    if column.has("generalise"):
        section.wrong("kind", "the column has `generalise` already", "keep one of the two")
    chosen = section.choice("kind", TransformKind)
    if chosen is None:
        return None
    if chosen not in DECLARABLE:
        section.wrong("kind", f"no column declares `{chosen}`", nearest(chosen, [k.value for k in DECLARABLE]))
        return None
    each = TRANSFORMS[chosen]
    allowed = _KEYS.get(chosen, ())
    for key in sorted({key for keys in _KEYS.values() for key in keys} - set(allowed)):
        if section.has(key):
            section.wrong(key, f"`{key}` is not for `{chosen}`", "leave it out")
    if kind is not None and kind not in each.types:
        takes = " or ".join(sorted(t.value for t in each.types))
        section.wrong("kind", f"`{chosen}` does not fit the type {kind.value}", f"it takes {takes}")
        return None
    if column_class is not None and column_class not in each.classes:
        takes = " or ".join(sorted(c.value for c in each.classes))
        section.wrong("kind", f"`{chosen}` is not for the class {column_class.value}", f"it is for {takes}")
        return None
    return _declared(section, chosen, kind, known)


def _declared(section: Section, chosen: TransformKind, kind: ColumnType | None, known: Hierarchies) -> Mask | None:
    match chosen:
        case TransformKind.WITHHOLD:
            return Withhold()
        case TransformKind.REDACT:
            return Redact()
        case TransformKind.CONSTANT:
            return _constant(section, kind)
        case TransformKind.PARTIAL:
            keep = _word(section, "keep", Keep)
            return None if keep is None else Partial(keep)
        case TransformKind.TRUNCATE:
            to = _word(section, "to", DatePart)
            return None if to is None else Truncate(to)
        case TransformKind.HIERARCHY:
            return _hierarchy(section, known)
        case TransformKind.BUCKET:
            return _bucket(section)
        case TransformKind.TOP_BOTTOM:
            return _top_bottom(section)
        case TransformKind.HMAC:
            return Hmac(section.name("domain") or "")
        case TransformKind.FAKE:
            of = _word(section, "of", FakeOf)
            return None if of is None else Fake(of)
        case TransformKind.DATE_SHIFT:
            days = _number(section, "days", 1, _MOST_DAYS)
            return None if days is None else DateShift(days)
        case TransformKind.NOISE:
            scale = _number(section, "scale", 1, _LARGEST)
            law = section.choice("law", Law) if section.has("law") else Law.LAPLACE
            return None if scale is None or law is None else Noise(scale, law)
        case _:  # pragma: no cover - what may be declared stands above
            return None


def _word(section: Section, key: str, words: type[_Word]) -> _Word | None:
    if not section.has(key):
        section.wrong("kind", f"has no `{key}`", f"add `{key}:` one of {', '.join(w.value for w in words)}")
        return None
    return section.choice(key, words)


def _number(section: Section, key: str, least: int, most: int) -> int | None:
    if not section.has(key):
        section.wrong("kind", f"has no `{key}`", f"add `{key}:` a whole number from {least:,} to {most:,}")
        return None
    number = section.whole(key, least - 1, least, most)
    return number if number >= least else None


def _constant(section: Section, kind: ColumnType | None) -> Mask | None:
    if kind in {ColumnType.INTEGER, ColumnType.DOUBLE}:
        number = _number(section, "value", -_LARGEST, _LARGEST)
        return None if number is None else Constant(number)
    text = section.text("value", 100)
    if text is None:
        if not section.has("value"):
            section.wrong("kind", "has no `value`", "add `value:` what stands in place of the values")
        return None
    if not text.isprintable():
        section.wrong("value", "`value` has characters that are not shown", "write a plain text")
        return None
    return Constant(text)


def _hierarchy(section: Section, known: Hierarchies) -> Mask | None:
    name = section.text("hierarchy")
    if name is None:
        if not section.has("hierarchy"):
            section.wrong("kind", "has no `hierarchy`", "add `hierarchy:` the name of one below `hierarchies`")
        return None
    levels = known.by_name.get(name)
    if levels is None:
        section.wrong("hierarchy", f"unknown hierarchy {shown(name)}", nearest(name, known.by_name))
        return None
    level = section.whole("level", 1, 1, levels.height)
    return Hierarchy(name, level, {value: groups[level - 1] for value, groups in levels.above.items()})


def _bucket(section: Section) -> Mask | None:
    if section.has("width") == section.has("bounds"):
        section.wrong("kind", "has not one of `width` and `bounds`", "add one: `width: 10`, or `bounds: [0, 18, 65]`")
        return None
    if section.has("width"):
        width = _number(section, "width", 1, _LARGEST)
        return None if width is None else Bucket(width, section.whole("start", 0, -_LARGEST, _LARGEST))
    if section.has("start"):
        section.wrong("start", "`start` is for a `width`", "leave it out: the first bound begins the ranges")
    bounds = section.wholes("bounds", -_LARGEST, _LARGEST)
    if not bounds or list(bounds) != sorted(set(bounds)):
        section.wrong("bounds", "`bounds` do not ascend", "write each once, the lowest first")
        return None
    return Bucket(bounds=bounds)


def _top_bottom(section: Section) -> Mask | None:
    bottom = _number(section, "bottom", -_LARGEST, _LARGEST) if section.has("bottom") else None
    top = _number(section, "top", -_LARGEST, _LARGEST) if section.has("top") else None
    if not section.has("bottom") and not section.has("top"):
        section.wrong("kind", "has neither `bottom` nor `top`", "add one: `top: 90`")
        return None
    if bottom is not None and top is not None and bottom >= top:
        section.wrong("bottom", "`bottom` is not below `top`", "write the lower one first")
        return None
    return TopBottom(bottom, top)
