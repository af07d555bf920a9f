"""What a person may ask of the controller, and until when it is to be answered.

Access and portability (GDPR 15, 20; APPI 33), rectification (16; APPI 34), erasure (17; APPI 35), objection
(21; APPI 35). The answer is due within one month of receipt (GDPR 12(3)), which is also how *without delay*
(遅滞なく, APPI 33 to 35) is read here; nothing is extended by itself.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sekisho.domain.terms import SubjectNumber


class RequestKind(StrEnum):
    """What is asked."""

    ACCESS = "access"
    PORTABILITY = "portability"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    OBJECTION = "objection"


class RequestStatus(StrEnum):
    """Where a request stands."""

    RECEIVED = "received"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RightsRequest:
    """One request of one person.

    Attributes
    ----------
    id, number, kind, status:
        Which, whose, what, and where it stands.
    received_at, due_at, closed_at:
        By the database's clock, UTC.
    note:
        What the person wrote; theirs alone, so it is no part of ``repr``.
    answer:
        JSON values; ``None`` as long as there is none, and after the person was erased.
    """

    id: str
    number: SubjectNumber
    kind: RequestKind
    status: RequestStatus
    received_at: datetime
    due_at: datetime
    closed_at: datetime | None = None
    note: str | None = field(default=None, repr=False)
    answer: Mapping[str, object] | None = field(default=None, repr=False)


def due_at(received: datetime) -> datetime:
    """Return the instant one month after *received*.

    Where that month has no such day, it is its last (Regulation (EEC, Euratom) 1182/71, 3(2)(c)).
    """
    year, month = received.year + received.month // 12, received.month % 12 + 1
    return received.replace(year=year, month=month, day=min(received.day, calendar.monthrange(year, month)[1]))
