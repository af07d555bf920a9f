"""Who may say what about a person's consent, and about which cells.

A no is taken from whoever may speak for a person at all; a yes only from a registered collection point that
does not itself use the data for that purpose: nobody says yes to its own use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sekisho.domain.consent import (
    NO,
    YES,
    ActorType,
    Assurance,
    ConsentEventKind,
    ConsentRecord,
    ConsentState,
)
from sekisho.domain.terms import Cell, LegalBasis, Purpose, Requester
from sekisho.errors import AccessDenied, InvalidRequest, PurposeNotRegistered

COLLECTION_POINT = "collection_point"
"""Role of a requester that records what people decide (web form, call centre, paper)."""
PRIVACY_OFFICER = "privacy_officer"
"""Role of a requester that administers; it may record and read consent too."""
WITHDRAWAL_RELAY = "withdrawal_relay"
"""Role of a requester that passes on withdrawals and objections for every purpose (a support desk)."""

METHODS = frozenset({"web_form", "call_centre", "paper", "api", "signal"})
"""How a decision reached us."""
PASSED_ON = frozenset({ConsentEventKind.WITHDRAW, ConsentEventKind.OBJECT})
"""Events that any service may pass on."""
SETTLED = frozenset({ConsentState.WITHDRAWN, ConsentState.OBJECTED})
"""States to which a repeated withdrawal or objection adds nothing."""
RENEWABLE = frozenset({ConsentState.GIVEN, ConsentState.RENEWED, ConsentState.EXPIRED, ConsentState.NEEDS_RECONSENT})
"""States that a renewal goes on from; after a no only a new ``give`` counts."""
_SPEAKS = frozenset({ActorType.DATA_SUBJECT, ActorType.GUARDIAN, ActorType.AGENT, ActorType.OPERATOR})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted for a person, as the caller says.

    Attributes
    ----------
    type, relation, assurance:
        Who acted, a guardian's or agent's relation to the person, how sure we were who it was.
    id:
        How the caller names who acted. It may name somebody: it is kept with the evidence alone.
    """

    type: ActorType = ActorType.DATA_SUBJECT
    id: str | None = field(default=None, repr=False)
    relation: str | None = None
    assurance: Assurance = Assurance.NONE


def asks_people(purpose: Purpose) -> bool:
    """Return whether people decide about *purpose*: consent (GDPR 6(1)(a)), or objection (6(1)(f), 21)."""
    return purpose.legal_basis in {LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST}


def sees_all(requester: Requester) -> bool:
    """Return whether *requester* may read everybody's consent for every purpose, with states."""
    return not requester.roles.isdisjoint({COLLECTION_POINT, PRIVACY_OFFICER})


def require_may_record(requester: Requester, purpose: str, kind: ConsentEventKind) -> None:
    """Raise when *requester* may not record an event of *kind* for *purpose*, which exists.

    A collection point records every no, also for a purpose of its own: nobody is turned away with one.

    Raises
    ------
    AccessDenied
        When only a collection point records this.
    PurposeNotRegistered
        When a service passes on a no for a purpose that is not its own.
    """
    if sees_all(requester) and (purpose not in requester.purposes or kind in NO):
        return
    if kind not in PASSED_ON:
        raise AccessDenied("Only a collection point that does not use the data for this purpose records this.")
    if purpose not in requester.purposes and WITHDRAWAL_RELAY not in requester.roles:
        raise PurposeNotRegistered("A service passes on withdrawals and objections for its own purposes only.")


def require_said(kind: ConsentEventKind, actor: Actor, method: str) -> None:
    """Raise ``InvalidRequest`` when nobody said this yes: a signal or a system only ever says no."""
    if kind in YES and (actor.type not in _SPEAKS or method == "signal"):
        raise InvalidRequest("A signal or a system says no for a person, never yes.")


_YEARS: Final = range(1850, 2200)


def check_age(of_age_at: datetime | None) -> None:
    """Raise ``InvalidRequest`` when nobody alive comes of age at *of_age_at*; the audit log holds no such time."""
    if of_age_at is not None and of_age_at.year not in _YEARS:
        raise InvalidRequest("of_age_at is no time at which somebody comes of age.")


def cells_in_scope(purpose: Purpose, scope: Mapping[str, str]) -> tuple[Cell, ...]:
    """Return the cells that *scope* names (dimension to value), every cell when it is empty.

    Raises ``InvalidRequest`` when there is no such cell.
    """
    cells = purpose.all_cells()
    if not scope:
        return cells
    wanted = {Cell(f"{purpose.name}/{dimension}={value}") for dimension, value in scope.items()}
    if len(wanted) != 1 or not wanted.issubset(cells):
        raise InvalidRequest("scope names no cell in which consent for this purpose is held.")
    return tuple(wanted)


def refusal_of(purpose: Purpose) -> ConsentEventKind:
    """Return how a person says no: what stands on legitimate interest is objected to (GDPR 21)."""
    if purpose.legal_basis is LegalBasis.LEGITIMATE_INTEREST:
        return ConsentEventKind.OBJECT
    return ConsentEventKind.WITHDRAW


def is_settled(records: Mapping[Cell, ConsentRecord], cells: tuple[Cell, ...]) -> bool:
    """Return whether every one of *cells* is withdrawn or objected to, so that a repeated no adds nothing."""
    return all(cell in records and records[cell].state in SETTLED for cell in cells)
