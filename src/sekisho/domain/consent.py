"""Consent: what happened (events) and what follows from it (states).

States are those of W3C DPV (consent status) and ISO/IEC TS 27560 as far as they fit a gateway.
``expired`` is derived when read, never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sekisho.domain.terms import Cell, LegalBasis, Purpose


class ConsentEventKind(StrEnum):
    """What a person, or somebody for them, did."""

    GIVE = "give"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    DEFER = "defer"
    RENEW = "renew"
    OBJECT = "object"
    CONFIRM = "confirm"
    REVOKE = "revoke"
    INVALIDATE = "invalidate"


class ConsentState(StrEnum):
    """Where one cell of one person's consent stands."""

    UNKNOWN = "unknown"
    REQUESTED = "requested"
    GIVEN = "given"
    RENEWED = "renewed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    DEFERRED = "deferred"
    PENDING_CONFIRMATION = "pending_confirmation"
    EXPIRED = "expired"
    NEEDS_RECONSENT = "needs_reconsent"
    OBJECTED = "objected"
    ACTIVE_BY_DEFAULT = "active_by_default"
    REVOKED = "revoked"
    INVALIDATED = "invalidated"


_AFTER = {
    ConsentEventKind.GIVE: ConsentState.GIVEN,
    ConsentEventKind.CONFIRM: ConsentState.GIVEN,
    ConsentEventKind.RENEW: ConsentState.RENEWED,
    ConsentEventKind.REFUSE: ConsentState.REFUSED,
    ConsentEventKind.WITHDRAW: ConsentState.WITHDRAWN,
    ConsentEventKind.DEFER: ConsentState.DEFERRED,
    ConsentEventKind.OBJECT: ConsentState.OBJECTED,
    ConsentEventKind.REVOKE: ConsentState.REVOKED,
    ConsentEventKind.INVALIDATE: ConsentState.INVALIDATED,
}

IN_FORCE = frozenset({ConsentState.GIVEN, ConsentState.RENEWED})
"""Stored states in which data may be used while ``valid_until`` lies ahead."""


def state_after(event: ConsentEventKind) -> ConsentState:
    """Return the state that *event* leads to; withdrawing and refusing are possible from every state."""
    return _AFTER[event]


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """The projection of one person's events for one cell.

    ``state`` is ``None`` when the person was never asked.
    """

    cell: Cell
    state: ConsentState | None
    seq: int
    since: datetime | None
    valid_until: datetime | None
    notice_version: str | None


def state_at(record: ConsentRecord | None, purpose: Purpose, now: datetime) -> ConsentState:
    """Return the state that counts at *now* (UTC): expiry and defaults are derived here.

    Purposes that stand on legitimate interest are active until the person objects (GDPR 21).
    """
    if record is None or record.state is None:
        if purpose.legal_basis is LegalBasis.LEGITIMATE_INTEREST:
            return ConsentState.ACTIVE_BY_DEFAULT
        return ConsentState.UNKNOWN
    if record.state in IN_FORCE and record.valid_until is not None and record.valid_until <= now:
        return ConsentState.EXPIRED
    return record.state


def is_in_force(state: ConsentState) -> bool:
    """Return whether data may be used in *state*."""
    return state in IN_FORCE or state is ConsentState.ACTIVE_BY_DEFAULT
