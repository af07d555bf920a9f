"""The transforms by name, and the masks that a column of the catalogue may declare, with their parameters.

What each transform is and promises stands in :mod:`~sekisho.domain.transforms`. A mask here is what an operator wrote
beside a column's class: the policy answers with the name of a transform, and its parameters are the column's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar


class TransformKind(StrEnum):
    """What happens to a column's values before a requester sees them.

    ``clear`` shows the value; ``withhold`` (null), ``redact`` and ``constant`` say nothing of it. What needs a key,
    the person of a row or a reader of text is computed on the way out, the others at the scan.
    :data:`~sekisho.domain.transforms.TRANSFORMS` describes each.
    """

    CLEAR = "clear"
    WITHHOLD = "withhold"
    REDACT = "redact"
    CONSTANT = "constant"
    PARTIAL = "partial"
    YEAR = "year"
    TRUNCATE = "truncate"
    AGE_BAND = "age_band"
    PREFIX3 = "prefix3"
    HOST = "host"
    BROWSER = "browser"
    HIERARCHY = "hierarchy"
    BUCKET = "bucket"
    TOP_BOTTOM = "top_bottom"
    PSEUDONYM = "pseudonym"
    TOKEN = "token"  # noqa: S105 - the name of a transform, not a secret
    HMAC = "hmac"
    FAKE = "fake"
    DATE_SHIFT = "date_shift"
    NOISE = "noise"
    MASK_TEXT = "mask_text"


class Keep(StrEnum):
    """Which part of a text a partial mask keeps."""

    FIRST = "first"
    DOMAIN = "domain"
    LAST4 = "last4"
    PREFECTURE = "prefecture"
    INITIALS = "initials"


class DatePart(StrEnum):
    """To what a date is cut off."""

    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"


class Law(StrEnum):
    """The distribution that noise is drawn from."""

    LAPLACE = "laplace"
    GAUSSIAN = "gaussian"


class FakeOf(StrEnum):
    """What a fake stands for. All fakes of one person belong together: kana are the reading of the kanji."""

    NAME = "name"
    SURNAME = "surname"
    GIVEN_NAME = "given_name"
    NAME_KANA = "name_kana"
    SURNAME_KANA = "surname_kana"
    GIVEN_NAME_KANA = "given_name_kana"
    NAME_ROMAJI = "name_romaji"
    ADDRESS = "address"
    POSTAL_CODE = "postal_code"
    PHONE = "phone"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Redact:
    """``***``, or null where the column is no text."""

    kind: ClassVar[TransformKind] = TransformKind.REDACT


@dataclass(frozen=True, slots=True)
class Withhold:
    """Null."""

    kind: ClassVar[TransformKind] = TransformKind.WITHHOLD


@dataclass(frozen=True, slots=True)
class Constant:
    """*value* in place of every value, and of none."""

    kind: ClassVar[TransformKind] = TransformKind.CONSTANT
    value: str | int


@dataclass(frozen=True, slots=True)
class Partial:
    """One part of a text; ``***`` stands for the rest, and for a text that is not of the form."""

    kind: ClassVar[TransformKind] = TransformKind.PARTIAL
    keep: Keep = Keep.FIRST


@dataclass(frozen=True, slots=True)
class Truncate:
    """The first day of the year, quarter or month."""

    kind: ClassVar[TransformKind] = TransformKind.TRUNCATE
    to: DatePart


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """What a value is called at *level* of the hierarchy *hierarchy*; ``*`` for a value that does not stand there.

    ``groups`` has each value of the lowest level, as text, and what stands for it.
    """

    kind: ClassVar[TransformKind] = TransformKind.HIERARCHY
    hierarchy: str
    level: int
    groups: Mapping[str, str] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The lower bound of a number's range: ranges of one *width* that meet at *start*, or those that *bounds* begin.

    What is below the first of *bounds* counts to the first range.
    """

    kind: ClassVar[TransformKind] = TransformKind.BUCKET
    width: int = 0
    start: int = 0
    bounds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TopBottom:
    """The number, but *top* for what is above it and *bottom* for what is below it."""

    kind: ClassVar[TransformKind] = TransformKind.TOP_BOTTOM
    bottom: int | None = None
    top: int | None = None


@dataclass(frozen=True, slots=True)
class Hmac:
    """A keyed hash of the text. Columns of one *domain* may be joined."""

    kind: ClassVar[TransformKind] = TransformKind.HMAC
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Fake:
    """What somebody who does not exist might have there."""

    kind: ClassVar[TransformKind] = TransformKind.FAKE
    of: FakeOf


@dataclass(frozen=True, slots=True)
class DateShift:
    """The date moved by as many days, *days* at most, as are the person's own."""

    kind: ClassVar[TransformKind] = TransformKind.DATE_SHIFT
    days: int


@dataclass(frozen=True, slots=True)
class Noise:
    """The number with noise of *scale*: the parameter b of Laplace's law, the standard deviation of Gauss's."""

    kind: ClassVar[TransformKind] = TransformKind.NOISE
    scale: int
    law: Law = Law.LAPLACE


Mask = (
    Redact
    | Withhold
    | Constant
    | Partial
    | Truncate
    | Hierarchy
    | Bucket
    | TopBottom
    | Hmac
    | Fake
    | DateShift
    | Noise
)
"""A mask with its parameters."""


def parameters_of(mask: Mask) -> dict[str, str | int | tuple[int, ...]]:
    """Return the parameters of *mask* as they are told: those that say something, and no list of values."""
    told = {name: getattr(mask, name) for name in mask.__slots__ if name != "groups"}
    return {name: value for name, value in told.items() if value not in ("", (), None)}
