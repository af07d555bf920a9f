"""Masks with parameters as SQL: what a column declares, in the words of one engine.

Every expression yields NULL for NULL (the blanks aside) and fails on no value: it runs below the fence, also on rows
that are withheld, and an error would tell of one. What is too large for its arithmetic, or not of the form that it
expects, becomes NULL or ``***``. Numbers and texts of the operator stand in it; nothing secret does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from sekisho.domain.masks import Bucket, Constant, DatePart, Hierarchy, Keep, Mask, Partial, TopBottom, Truncate
from sekisho.domain.prefectures import PREFECTURES
from sekisho.domain.terms import ColumnType

_LOWEST = -9_000_000_000_000_000_000  # an integer below this would leave 64 bits when its bucket is taken off
_SHORTER = [name for name in PREFECTURES if len(name) == 3]
_LONGER = [name for name in PREFECTURES if len(name) > 3]
BEFORE_ADDRESS = "〒0123456789０１２３４５６７８９-‐－ー \u3000"
"""What may stand before an address: a postal code and spaces."""
_BARE = "LTRIM(c, '" + BEFORE_ADDRESS + "')"


def _in(words: list[str]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


PREFECTURE = (
    f"CASE WHEN c IS NULL THEN NULL WHEN SUBSTRING({_BARE}, 1, 4) IN {_in(_LONGER)} THEN SUBSTRING({_BARE}, 1, 4)"
    f" WHEN SUBSTRING({_BARE}, 1, 3) IN {_in(_SHORTER)} THEN SUBSTRING({_BARE}, 1, 3) ELSE '***' END"
)
"""The prefecture with which an address begins, in every engine."""

FIRST = "CASE WHEN c IS NULL THEN NULL WHEN LENGTH(c) > 1 THEN SUBSTRING(c, 1, 1) || '***' ELSE '***' END"
"""The first character, in every engine; of a text of one, nothing."""

DIGITS = "REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(c, '-', ''), ' ', ''), '(', ''), ')', ''), '+', '')"
"""A number as people write it, without what separates its digits."""

AFTER_YEAR = "([^0-9]|$|(0[1-9]|1[0-2])[0-3][0-9]([^0-9]|$))"
"""What follows the year in a text that begins with one, as a regular expression.

Of a number of more digits, such as the seconds since 1970, the first four would tell a day within twelve.
"""

_NAME = "TRIM(REPLACE(c, '\u3000', ' '))"


def initials(found: str) -> str:
    """Return the mask that keeps initials, where *found* says at which place of a name its first space stands.

    A word of one character would be shown whole, so such a name shows nothing.
    """
    first, rest = f"SUBSTRING({_NAME}, 1, {found} - 1)", f"TRIM(SUBSTRING({_NAME}, {found} + 1))"
    return (
        f"CASE WHEN c IS NULL THEN NULL WHEN LENGTH({_NAME}) < 2 THEN '***'"
        f" WHEN {found} = 0 THEN SUBSTRING({_NAME}, 1, 1) || '.'"
        f" WHEN LENGTH({first}) < 2 OR LENGTH({rest}) < 2 THEN '***'"
        f" ELSE SUBSTRING({_NAME}, 1, 1) || '.' || SUBSTRING({rest}, 1, 1) || '.' END"
    )


def name_space(function: str) -> str:
    """Return where the first space of a name stands, by the engine's *function*."""
    return f"{function}({_NAME}, ' ')"


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one engine says what masks with parameters need; ``c`` is the column.

    Attributes
    ----------
    whole, real:
        The number as a 64-bit integer and as a double, failing on none.
    parts:
        What each partial mask keeps.
    first_days:
        The first day of each part of a date.
    number:
        The number as it is compared with others.
    """

    whole: str
    real: str
    parts: Mapping[Keep, str]
    first_days: Mapping[DatePart, str]
    number: str = "c"


def expression_of(mask: Mask, column_type: ColumnType, words: Spelling, dialect: str) -> exp.Expr | None:
    """Return the tree of *mask* over a column ``c``, or ``None`` for a mask that is not computed at the scan."""
    match mask:
        case Constant(value):
            literal = exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(value)
            return _typed(literal, column_type)
        case Partial(keep):
            return _read(words.parts[keep], dialect)
        case Truncate(to):
            return _read(words.first_days[to], dialect)
        case Hierarchy():
            return _grouped(mask)
        case Bucket():
            return _read(_bucket(mask, column_type, words), dialect)
        case TopBottom(bottom, top):
            number = words.number
            above = "" if top is None else f" WHEN {number} > {top} THEN {top}"
            below = "" if bottom is None else f" WHEN {number} < {bottom} THEN {bottom}"
            return _read(f"CASE{above}{below} ELSE {number} END", dialect)
        case _:
            return None


def _read(text: str, dialect: str) -> exp.Expr:
    return sqlglot.parse_one(text, dialect=dialect)


def _typed(literal: exp.Expr, column_type: ColumnType) -> exp.Expr:
    if column_type is ColumnType.STRING:
        return literal
    return exp.Cast(this=literal, to=exp.DataType.build("BIGINT" if column_type is ColumnType.INTEGER else "DOUBLE"))


def _grouped(mask: Hierarchy) -> exp.Expr:
    """Return CASE with one branch for each group: the values of the operator's file, compared as texts."""
    members: dict[str, list[str]] = {}
    for value, group in mask.groups.items():
        members.setdefault(group, []).append(value)
    column = exp.column("c")
    text = exp.Cast(this=column.copy(), to=exp.DataType.build("TEXT"))
    case = exp.Case().when(exp.Is(this=column, expression=exp.Null()), exp.Null())
    for group, values in members.items():
        listed = exp.In(this=text.copy(), expressions=[exp.Literal.string(value) for value in values])
        case = case.when(listed, exp.Literal.string(group))
    return case.else_(exp.Literal.string("*"))


def _bucket(mask: Bucket, column_type: ColumnType, words: Spelling) -> str:
    if mask.bounds:
        lowest, *others = mask.bounds
        steps = "".join(f" WHEN {words.number} >= {bound} THEN {bound}" for bound in reversed(others))
        kind = "BIGINT" if column_type is ColumnType.INTEGER else "DOUBLE PRECISION"
        return f"CAST(CASE WHEN c IS NULL THEN NULL{steps} ELSE {lowest} END AS {kind})"
    width, start = mask.width, mask.start % mask.width
    if column_type is ColumnType.INTEGER:
        number = words.whole
        rest = f"((({number} % {width}) + {2 * width - start}) % {width})"
        return f"CASE WHEN {number} >= {_LOWEST} THEN {number} - {rest} END"
    at_zero = -start // width * width + start
    c = words.number
    return (  # the smallest numbers apart: a decimal may have no double
        f"CASE WHEN {c} > -1e-300 AND {c} < 1e-300 THEN CAST({at_zero} AS DOUBLE PRECISION)"
        f" WHEN {c} BETWEEN -1e15 AND 1e15 THEN FLOOR(({words.real} - {start}) / {width}) * {width} + {start} END"
    )
