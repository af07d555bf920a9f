"""What the catalogue says of how far a use may go: what leaves at most, what is read, how much, when and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OutputClass(StrEnum):
    """What may leave at most, from the least that is told of a person to the most (統計 to 個人情報)."""

    STATISTICS = "statistics"
    ANONYMISED = "anonymised"
    PSEUDONYMISED = "pseudonymised"
    PERSONAL = "personal"


class DatasetClass(StrEnum):
    """What kind of information a dataset holds, in the words of the APPI."""

    PERSONAL = "personal"  # 個人データ, 16(3)
    PSEUDONYMISED = "pseudonymised"  # 仮名加工情報, 2(5), 41: it goes to no third party
    PERSON_RELATED = "person_related"  # 個人関連情報, 2(7), 31: whose it is, is known elsewhere
    REFERENCE = "reference"  # about nobody


class ReleaseFormat(StrEnum):
    """The forms in which an answer may leave."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Keep:
    """How long rows may be used: those whose date in *column* is further back than *days* are not read."""

    column: str
    days: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one requester may have for a purpose; ``None`` where nothing is said.

    ``rows`` of one answer, answers in a minute, and rows in a day (of UTC), over all workers.
    """

    rows: int | None = None
    answers_per_minute: int | None = None
    rows_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the controller is: its country (ISO 3166), and the time zone by which its days are counted."""

    country: str = "JP"
    time_zone: str = "Asia/Tokyo"
