"""Who may say what about a person's consent, and about which cells.

A no is taken from whoever may speak for a person at all; a yes only from a registered collection point that
does not itself use the data for that purpose: nobody says yes to its own use.
"""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.domain.consent import ConsentEventKind, ConsentRecord, ConsentState
from sekisho.domain.terms import Cell, LegalBasis, Purpose, Requester
from sekisho.errors import AccessDenied, InvalidRequest

COLLECTION_POINT = "collection_point"
"""Role of a requester that records what people decide (web form, call centre, paper)."""
PRIVACY_OFFICER = "privacy_officer"
"""Role of a requester that administers; it may record and read consent too."""
WITHDRAWAL_RELAY = "withdrawal_relay"
"""Role of a requester that passes on withdrawals and objections for every purpose (a support desk)."""

METHODS = frozenset({"web_form", "call_centre", "paper", "api", "signal"})
"""How a decision reached us."""
YES = frozenset({ConsentEventKind.GIVE, ConsentEventKind.RENEW, ConsentEventKind.CONFIRM})
"""Events after which data may be used."""
PASSED_ON = frozenset({ConsentEventKind.WITHDRAW, ConsentEventKind.OBJECT})
"""Events that any service may pass on."""
_SETTLED = frozenset({ConsentState.WITHDRAWN, ConsentState.OBJECTED})


def asks_people(purpose: Purpose) -> bool:
    """Return whether people decide about *purpose*: consent (GDPR 6(1)(a)), or objection (6(1)(f), 21)."""
    return purpose.legal_basis in {LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST}


def sees_all(requester: Requester) -> bool:
    """Return whether *requester* may read everybody's consent for every purpose, with states."""
    return not requester.roles.isdisjoint({COLLECTION_POINT, PRIVACY_OFFICER})


def require_may_record(requester: Requester, purpose: str, kind: ConsentEventKind) -> None:
    """Raise ``AccessDenied`` when *requester* may not record an event of *kind* for *purpose*."""
    if sees_all(requester) and (purpose not in requester.purposes or kind in PASSED_ON):
        return
    if kind not in PASSED_ON:
        raise AccessDenied("Only a collection point that does not use the data for this purpose records this.")
    if purpose not in requester.purposes and WITHDRAWAL_RELAY not in requester.roles:
        raise AccessDenied("A service passes on withdrawals and objections for its own purposes only.")


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
    return all(cell in records and records[cell].state in _SETTLED for cell in cells)
