"""Releases whose recipients still hold what they received, and which of them a decision touches.

Every release record says until when its recipient may keep the data (``keep_until``); by then it must be
deleted (APPI 22, GDPR 5(1)(e)). A withdrawal before that day reaches back: the recipient has to stop using
what it holds (GDPR 7(3), 17(1)(b); APPI 35). This module says which releases those are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sekisho.domain.obligations import Obligation, ObligationKind, obligations_of
from sekisho.domain.record import timestamp
from sekisho.domain.terms import Cell, Purpose

RELEASE_KIND = "access.release"
"""Audit kind of a released page."""
DEFAULT_RETENTION_DAYS = 30
"""How long a recipient may keep what it received where its purpose does not say (``Purpose.retention_days``)."""


def kept_days(purpose: Purpose, obligations: Iterable[Obligation] = ()) -> int:
    """Return for how many days the recipient of a release may keep it: by its purpose, or by a stricter policy."""
    days = DEFAULT_RETENTION_DAYS if purpose.retention_days is None else purpose.retention_days
    asked = obligations_of(obligations, ObligationKind.RETENTION)
    return min([days, *(each for each in asked if isinstance(each, int))])


def keep_until(purpose: Purpose, released_at: datetime, obligations: Iterable[Obligation] = ()) -> str:
    """Return until when the recipient of a release may keep it, as audit records spell times."""
    return timestamp(released_at + timedelta(days=kept_days(purpose, obligations)))


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """What the audit record of one released page says of its recipient.

    Attributes
    ----------
    release_id:
        Id of the release; all its pages have the same.
    requester, purpose, released_at, keep_until:
        Who received it, for what, when, and until when it may be kept.
    cells, consent_seq:
        The cells of consent that covered it, and the consent sequence of its last check; no cells and
        ``None`` where it needed no consent.
    """

    release_id: str
    requester: str
    purpose: str
    released_at: datetime
    keep_until: datetime
    cells: frozenset[Cell]
    consent_seq: int | None

    @classmethod
    def read(cls, record: Mapping[str, object]) -> Self | None:
        """Return what an audit record says; ``None`` for one that is no release with a deadline."""
        first, requester = record.get("parent_id", record.get("id")), record.get("requester")
        purpose = record.get("purpose")
        at, until = record.get("at"), record.get("keep_until")
        texts = (first, requester, purpose, at, until)
        if record.get("kind") != RELEASE_KIND or not all(isinstance(text, str) for text in texts):
            return None
        consent = record.get("consent")
        seq, cells = None, frozenset[Cell]()
        if isinstance(consent, Mapping):
            seq, cells = consent.get("seq"), frozenset(Cell(str(cell)) for cell in consent.get("cells", ()))
        return cls(
            release_id=str(first),
            requester=str(requester),
            purpose=str(purpose),
            released_at=datetime.fromisoformat(str(at)),
            keep_until=datetime.fromisoformat(str(until)),
            cells=cells,
            consent_seq=seq if isinstance(seq, int) else None,
        )

    def touched_by(self, purpose: str, cells: Iterable[Cell], seq: int, recorded_at: datetime, now: datetime) -> bool:
        """Return whether a no about *cells* of *purpose*, recorded as *seq*, reaches back to this release.

        It does while the data may still be held and when consent was last checked before that no: a page
        that was under way at that moment counts, and what was released on a later yes does not.
        """
        if self.purpose != purpose or self.keep_until <= now:
            return False
        if self.consent_seq is None:
            return self.released_at <= recorded_at
        return self.consent_seq < seq and (not self.cells or not self.cells.isdisjoint(cells))


def newest_by_release(records: Iterable[ReleaseRecord]) -> list[ReleaseRecord]:
    """Return one record of each release, the page that may be kept longest; newest release first."""
    found: dict[str, ReleaseRecord] = {}
    for record in records:
        known = found.get(record.release_id)
        if known is None or record.keep_until > known.keep_until:
            found[record.release_id] = record
    return sorted(found.values(), key=lambda record: (record.released_at, record.release_id), reverse=True)
