"""The noes of people, carried over to what a changed declaration makes of a purpose.

A no is held per cell. Where a purpose is active until somebody objects, a cell that is declared later (another data
category, or the same one by another name) would be in use for those who have objected to the purpose. Where a purpose
comes to be active by default, so it would be for linked identifiers of those who refused it, whom nobody ever asked.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import text

from sekisho.adapters.records.consent_writer import Appending
from sekisho.domain.consent import REFUSING, ActorType, ConsentEventKind, Provenance
from sekisho.domain.terms import Cell, LegalBasis, SubjectNumber
from sekisho.ports import ConsentEventInput

SPAN: Final = 2_000
"""Person numbers whose noes are carried over in one transaction."""
REASON: Final = "declared_anew"
"""Code for why, in the provenance of an event that is carried over."""

_PROVENANCE = Provenance(actor_type=ActorType.SYSTEM, reason=REASON, legal_basis=LegalBasis.LEGITIMATE_INTEREST.value)
_HELD = text(
    "SELECT number, cell, state, linked, seq FROM consent_state WHERE number > :low AND number <= :high"
    " AND (cell = :purpose OR substr(cell, 1, :length) = :prefix) ORDER BY number, cell"
)
_LINKED = text(
    "SELECT one, other FROM data_subject_link WHERE unlinked_seq IS NULL"
    " AND (one > :low AND one <= :high OR other > :low AND other <= :high)"
)


def noes_to_carry(
    appending: Appending, low: int, purpose: str, new: Collection[Cell], turned: Collection[Cell]
) -> list[ConsentEventInput]:
    """Return the objections of the people above number *low*, :data:`SPAN` of them, that are yet to be recorded.

    Parameters
    ----------
    appending:
        The transaction, which holds the ledger's lock.
    purpose:
        One that is active until somebody objects.
    new:
        Its cells that were not declared before: a no to any other counts there, unless something newer was said.
    turned:
        Its cells that were not active by default before: there a no is said again for whoever is linked.
    """
    span = {"low": low, "high": low + SPAN}
    prefix = f"{purpose}/"
    held: dict[int, dict[str, Any]] = {}
    for row in appending.connection.execute(
        _HELD, {**span, "purpose": purpose, "prefix": prefix, "length": len(prefix)}
    ):
        held.setdefault(row.number, {})[row.cell] = row
    linked = {number for pair in appending.connection.execute(_LINKED, span) for number in pair} if turned else set()
    events = []
    for number, rows in held.items():
        # A no that a linked identifier's later yes has lifted is none any more.
        noes = {cell: row.seq for cell, row in rows.items() if row.state in REFUSING and _stands(row.linked)}
        if not noes:
            continue
        last = max(noes.values())
        cells = [cell for cell in new if cell not in rows or rows[cell].seq < last]
        cells += [cell for cell in turned if cell in noes and number in linked]
        if cells:
            events.append(_objection(number, purpose, tuple(cells)))
    return events


def _stands(linked: str | None) -> bool:
    return linked is None or linked in REFUSING


def _objection(number: int, purpose: str, cells: tuple[Cell, ...]) -> ConsentEventInput:
    return ConsentEventInput(
        SubjectNumber(number),
        purpose,
        cells,
        ConsentEventKind.OBJECT,
        method="system",
        actor="system",
        provenance=_PROVENANCE,
    )
