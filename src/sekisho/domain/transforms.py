"""What each transform is and promises, in one place.

The policy's answer, the rewriter, ``:explain``, the workspace file and ``docs/transforms.md`` read the same
descriptions; a transform that does not stand here does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sekisho.domain.masks import (
    Bucket,
    Constant,
    DateShift,
    Fake,
    Hierarchy,
    Hmac,
    Mask,
    Noise,
    Partial,
    Redact,
    TopBottom,
    TransformKind,
    Truncate,
    Withhold,
    parameters_of,
)
from sekisho.domain.terms import Column, ColumnClass, ColumnType


class Runs(StrEnum):
    """Where a transform is computed."""

    SCAN = "scan"  # in SQL, inside the governed table: everything above sees the mask
    GATEWAY = "gateway"  # on the way out: no key stands in SQL, and no reader of text runs in a store


class Above(StrEnum):
    """What a statement may do with a column under a transform."""

    ANYTHING = "anything"  # it works on the mask
    EQUALITY = "equality"  # =, <>, IN, JOIN, GROUP BY, PARTITION BY, DISTINCT, COUNT, IS NULL, within one domain
    SHOWN = "shown"  # an output column of its own, and IS NULL
    NOTHING = "nothing"  # an output column of its own: not even whether there is a value is told


class Reversible(StrEnum):
    """Who can get the value back from what a requester received."""

    SHOWN = "everybody"  # it is the value
    GATEWAY = "gateway"  # with its keys
    NOBODY = "nobody"


class MaskedAs(StrEnum):
    """What an identifier or attribute is after the transform (GDPR 4(5); APPI 2(5), 2(6))."""

    PERSONAL = "personal"
    PSEUDONYMISED = "pseudonymised"
    CANDIDATE = "anonymised_candidate"  # coarse or empty: anonymised if the set that it is part of is


@dataclass(frozen=True, slots=True)
class Transform:
    """One transform.

    Attributes
    ----------
    kind:
        Its name.
    runs, above, reversible, output:
        Where it is computed, what may be done with the column, who can undo it, and what the value is afterwards.
    keyed:
        Whether its result depends on a key of the requester, the purpose and the key epoch.
    injective:
        Whether different values stay different.
    types:
        Types of columns that it takes.
    gives:
        Type of its result, ``None`` for the column's own.
    mask:
        The parameters with which a column declares it, ``None`` where no column can.
    needs_mask:
        Whether it cannot be done without those.
    classes:
        Classes of columns that may declare it.
    by_person:
        Whether it needs the person of each row: rows of nobody show null then.
    said:
        What it does, by language.
    """

    kind: TransformKind
    runs: Runs
    above: Above
    output: MaskedAs
    said: Mapping[str, str]
    reversible: Reversible = Reversible.NOBODY
    keyed: bool = False
    injective: bool = False
    types: frozenset[ColumnType] = frozenset(ColumnType)
    gives: ColumnType | None = None
    mask: type[Mask] | None = None
    needs_mask: bool = False
    classes: frozenset[ColumnClass] = frozenset()
    by_person: bool = False


_TEXT = frozenset({ColumnType.STRING})
_NUMBER = frozenset({ColumnType.INTEGER, ColumnType.DOUBLE})
_DATE = frozenset({ColumnType.DATE, ColumnType.TIMESTAMP})
_DATED = _DATE | _TEXT
_ATTRIBUTE = frozenset({ColumnClass.QUASI_IDENTIFIER, ColumnClass.SENSITIVE})
_PERSONAL = _ATTRIBUTE | {ColumnClass.DIRECT_IDENTIFIER}
_NAMING = frozenset({ColumnClass.DIRECT_IDENTIFIER, ColumnClass.QUASI_IDENTIFIER})
_KEY = frozenset({ColumnType.STRING, ColumnType.INTEGER})


def _scan(
    kind: TransformKind,
    en: str,
    ja: str,
    *,
    above: Above = Above.ANYTHING,
    output: MaskedAs = MaskedAs.CANDIDATE,
    types: frozenset[ColumnType] = frozenset(ColumnType),
    gives: ColumnType | None = None,
    mask: type[Mask] | None = None,
    needs_mask: bool = False,
    classes: frozenset[ColumnClass] = frozenset(),
) -> Transform:
    return Transform(
        kind, Runs.SCAN, above, output, {"en": en, "ja": ja}, types=types, gives=gives, mask=mask,
        needs_mask=needs_mask, classes=classes,
    )  # fmt: skip


def _keyed(
    kind: TransformKind,
    en: str,
    ja: str,
    *,
    above: Above,
    types: frozenset[ColumnType],
    output: MaskedAs = MaskedAs.PSEUDONYMISED,
    reversible: Reversible = Reversible.NOBODY,
    injective: bool = False,
    gives: ColumnType | None = None,
    mask: type[Mask] | None = None,
    classes: frozenset[ColumnClass] = frozenset(),
    by_person: bool = False,
) -> Transform:
    return Transform(
        kind, Runs.GATEWAY, above, output, {"en": en, "ja": ja}, reversible=reversible, keyed=True,
        injective=injective, types=types, gives=gives, mask=mask, needs_mask=mask is not None, classes=classes,
        by_person=by_person,
    )  # fmt: skip


_ALL = (
    Transform(
        TransformKind.CLEAR,
        Runs.SCAN,
        Above.ANYTHING,
        MaskedAs.PERSONAL,
        {"en": "shown as it is", "ja": "そのまま表示"},
        reversible=Reversible.SHOWN,
        injective=True,
    ),
    _scan(
        TransformKind.WITHHOLD,
        "withheld: always null",
        "非開示（常に null）",
        above=Above.NOTHING,
        mask=Withhold,
        classes=_PERSONAL,
    ),
    _scan(
        TransformKind.REDACT,
        "replaced by a constant",
        "決まった文字に置き換え",
        above=Above.NOTHING,
        mask=Redact,
        classes=_PERSONAL,
    ),
    _scan(
        TransformKind.CONSTANT,
        "replaced by a constant of the catalogue",
        "カタログで決めた値に置き換え",
        above=Above.NOTHING,
        types=_KEY | {ColumnType.DOUBLE},
        mask=Constant,
        needs_mask=True,
        classes=_PERSONAL,
    ),
    _scan(
        TransformKind.PARTIAL,
        "one part of it, the rest hidden",
        "一部だけ、残りは伏せ字",
        output=MaskedAs.PERSONAL,
        types=_TEXT,
        gives=ColumnType.STRING,
        mask=Partial,
        classes=_PERSONAL,
    ),
    _scan(TransformKind.YEAR, "the year alone", "年だけ", types=_DATED, gives=ColumnType.INTEGER),
    _scan(
        TransformKind.TRUNCATE,
        "the first day of its year, quarter or month",
        "年・四半期・月の初日",
        types=_DATE,
        gives=ColumnType.DATE,
        mask=Truncate,
        needs_mask=True,
        classes=_ATTRIBUTE,
    ),
    _scan(
        TransformKind.AGE_BAND,
        "an age in steps of ten years",
        "十歳刻みの年齢",
        types=_DATED,
        gives=ColumnType.INTEGER,
    ),
    _scan(
        TransformKind.PREFIX3, "its first three characters", "先頭の三文字だけ", types=_TEXT, gives=ColumnType.STRING
    ),
    _scan(
        TransformKind.HOST,
        "the host of the address alone",
        "アドレスのホスト名だけ",
        types=_TEXT,
        gives=ColumnType.STRING,
    ),
    _scan(
        TransformKind.BROWSER,
        "the name of the browser alone",
        "ブラウザの名前だけ",
        types=_TEXT,
        gives=ColumnType.STRING,
    ),
    _scan(
        TransformKind.HIERARCHY,
        "what it belongs to in the operator's hierarchy",
        "運用者の階層での上位の区分",
        types=_KEY,
        gives=ColumnType.STRING,
        mask=Hierarchy,
        needs_mask=True,
        classes=_ATTRIBUTE,
    ),
    _scan(
        TransformKind.BUCKET,
        "the lower bound of its range",
        "属する範囲の下限",
        types=_NUMBER,
        mask=Bucket,
        needs_mask=True,
        classes=_ATTRIBUTE,
    ),
    _scan(
        TransformKind.TOP_BOTTOM,
        "the number, with a highest or lowest that is told",
        "上限・下限で丸めた数",
        output=MaskedAs.PERSONAL,
        types=_NUMBER,
        mask=TopBottom,
        needs_mask=True,
        classes=_ATTRIBUTE,
    ),
    _keyed(
        TransformKind.PSEUDONYM,
        "a pseudonym, the same for this requester and purpose alone",
        "この要求元と利用目的に限って同じになる仮名",
        above=Above.EQUALITY,
        types=_KEY,
        reversible=Reversible.GATEWAY,
        injective=True,
        gives=ColumnType.STRING,
        by_person=True,
    ),
    _keyed(
        TransformKind.TOKEN,
        "a token, the same for this requester and purpose alone",
        "この要求元と利用目的に限って同じになるトークン",
        above=Above.EQUALITY,
        types=_KEY,
        reversible=Reversible.GATEWAY,
        injective=True,
        gives=ColumnType.STRING,
    ),
    _keyed(
        TransformKind.HMAC,
        "a keyed hash, the same for this requester and purpose alone",
        "この要求元と利用目的に限って同じになる鍵付きハッシュ",
        above=Above.EQUALITY,
        types=_TEXT,
        injective=True,
        gives=ColumnType.STRING,
        mask=Hmac,
        classes=_NAMING,
    ),
    _keyed(
        TransformKind.FAKE,
        "what a made-up person has there, the same one for this requester and purpose alone",
        "この要求元と利用目的に限って同じになる、架空の人の値",
        above=Above.SHOWN,
        types=_TEXT,
        gives=ColumnType.STRING,
        mask=Fake,
        classes=_NAMING,
        by_person=True,
    ),
    _keyed(
        TransformKind.DATE_SHIFT,
        "the date, moved by as many days for all dates of the person",
        "本人ごとに同じ日数だけずらした日付",
        above=Above.SHOWN,
        types=_DATE,
        mask=DateShift,
        classes=_ATTRIBUTE,
        by_person=True,
    ),
    _keyed(
        TransformKind.NOISE,
        "the number with noise, the same noise however often it is asked for",
        "雑音を加えた数（何度求めても同じ雑音）",
        above=Above.SHOWN,
        types=_NUMBER,
        mask=Noise,
        classes=_ATTRIBUTE,
        by_person=True,
    ),
    Transform(
        TransformKind.MASK_TEXT,
        Runs.GATEWAY,
        Above.SHOWN,
        MaskedAs.PERSONAL,
        {"en": "text with personal data replaced by its kind", "ja": "個人データを種類名に置き換えた文章"},
        types=_TEXT,
        gives=ColumnType.STRING,
    ),
)

TRANSFORMS: Mapping[TransformKind, Transform] = {each.kind: each for each in _ALL}
"""Every transform by its name."""

MASKED_TYPES: Mapping[TransformKind, ColumnType] = {
    kind: each.gives for kind, each in TRANSFORMS.items() if each.gives is not None
}
"""Types that a transform changes; the others keep the column's."""

DECLARABLE: tuple[TransformKind, ...] = tuple(each.kind for each in _ALL if each.mask is not None)
"""Transforms that a column may declare as its mask."""


def kinds_above(above: Above) -> frozenset[TransformKind]:
    """Return the transforms under which a statement may do *above* with a column."""
    return frozenset(kind for kind, each in TRANSFORMS.items() if each.above is above)


def fits(kind: TransformKind, column: Column) -> bool:
    """Return whether *kind* can be done to *column*: to its type, and with the parameters that it declares."""
    each = TRANSFORMS[kind]
    if column.type not in each.types:
        return False
    if not each.needs_mask:
        return True
    return column.mask is not None and column.mask.kind is kind and column.column_class in each.classes


def said(kind: TransformKind, column: Column | None, language: str) -> str:
    """Return what *kind* does to *column* in *language*, with the parameters."""
    text = TRANSFORMS[kind].said[language]
    if column is None or column.mask is None or column.mask.kind is not kind:
        return text
    told = parameters_of(column.mask)
    if not told:
        return text
    listed = ", ".join(f"{name}: {_written(value)}" for name, value in told.items())
    return f"{text}（{listed}）" if language == "ja" else f"{text} ({listed})"


def _written(value: str | int | tuple[int, ...]) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
