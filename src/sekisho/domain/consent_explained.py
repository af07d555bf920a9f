"""Why a use is allowed or not: the cell that decides, by which rule, and what would change the answer.

For those who may see a person's consent. The articles name where a rule comes from; they are no legal advice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sekisho.domain.consent import ConsentRecord, ConsentState, is_in_force, state_at
from sekisho.domain.consent_rules import asks_people
from sekisho.domain.terms import Cell, LegalBasis, Purpose


class Judgement(NamedTuple):
    """What follows from one person's records for one question.

    ``cell`` is the first that stands in the way, else the first asked about; ``state`` and ``record`` are
    its. ``state`` is ``None`` where nobody is asked, and the record where nothing was ever recorded.
    """

    allowed: bool
    reasons: tuple[str, ...]
    state: ConsentState | None = None
    cell: Cell | None = None
    record: ConsentRecord | None = None


class Rule(NamedTuple):
    """A rule that decides: its name, where it comes from, and what would change the answer."""

    rule: str
    articles: tuple[str, ...]
    changed_by: str


_ASK = "A yes of the person on the notice in force, recorded by a collection point or on the preference page."
_RULES: Final[Mapping[ConsentState, Rule]] = {
    ConsentState.UNKNOWN: Rule("never_asked", ("GDPR 6(1)(a)", "APPI 18(1)"), _ASK),
    ConsentState.REQUESTED: Rule("not_answered", ("GDPR 4(11)", "APPI 18(1)"), _ASK),
    ConsentState.DEFERRED: Rule("not_answered", ("GDPR 4(11)", "APPI 18(1)"), _ASK),
    ConsentState.GIVEN: Rule("consent_in_force", ("GDPR 6(1)(a)", "APPI 18(1)"), "A withdrawal by the person."),
    ConsentState.RENEWED: Rule("consent_in_force", ("GDPR 6(1)(a)", "APPI 18(1)"), "A withdrawal by the person."),
    ConsentState.REFUSED: Rule("refused", ("GDPR 4(11)", "APPI 18(1)"), _ASK),
    ConsentState.WITHDRAWN: Rule(
        "withdrawn",
        ("GDPR 7(3)",),
        "A new yes of the person on the notice in force; an older one never counts again.",
    ),
    ConsentState.PENDING_CONFIRMATION: Rule(
        "not_confirmed", ("GDPR 7(1)",), "The person's confirmation of the yes that was given."
    ),
    ConsentState.EXPIRED: Rule("expired", ("GDPR 5(1)(b)",), "A renewal: a new yes on the notice in force."),
    ConsentState.NEEDS_RECONSENT: Rule(
        "asked_again",
        ("GDPR 7(1)", "GDPR 8(1)", "APPI 17(2)"),
        "A new yes: the notice changed in substance, or the person came of age.",
    ),
    ConsentState.OBJECTED: Rule("objected", ("GDPR 21(1)", "GDPR 21(2)"), "A yes of the person that lifts it."),
    ConsentState.ACTIVE_BY_DEFAULT: Rule("active_until_objection", ("GDPR 6(1)(f)",), "An objection by the person."),
    ConsentState.REVOKED: Rule("revoked_by_controller", ("GDPR 5(1)(a)",), _ASK),
    ConsentState.INVALIDATED: Rule("found_invalid", ("GDPR 7(1)", "GDPR 7(2)"), _ASK),
}
_NOT_ASKED: Final[Mapping[LegalBasis, Rule]] = {
    LegalBasis.CONTRACT: Rule("contract", ("GDPR 6(1)(b)",), "The end of the contract; consent plays no part."),
    LegalBasis.LEGAL_OBLIGATION: Rule(
        "legal_obligation", ("GDPR 6(1)(c)",), "The end of the obligation; consent plays no part."
    ),
}
_UNKNOWN_PERSON: Final = Rule("unknown_data_subject", (), "A first event about this person.")


def judged(
    purpose: Purpose, cells: Sequence[Cell], records: Mapping[Cell, ConsentRecord] | None, at: datetime
) -> Judgement:
    """Return what *records* (``None`` for an unknown person) say about the use of *cells* at *at* (UTC).

    A contract or a legal obligation asks nobody: allowed is who is known.
    """
    if not asks_people(purpose):
        return Judgement(records is not None, (f"legal_basis_{purpose.legal_basis.value}",))
    if records is None:
        return Judgement(False, ("unknown_data_subject",), ConsentState.UNKNOWN)
    states = [state_at(records.get(cell), purpose, at) for cell in cells]
    place = next((place for place, state in enumerate(states) if not is_in_force(state)), 0)
    reasons = [f"{cell}:{state.value}" for cell, state in zip(cells, states, strict=True)]
    reasons += [f"{cell}:linked" for cell in cells if is_by_link(records.get(cell))]
    return Judgement(
        all(map(is_in_force, states)), tuple(reasons), states[place], cells[place], records.get(cells[place])
    )


def rule_behind(purpose: Purpose, judgement: Judgement) -> Rule:
    """Return the rule that decided."""
    if not asks_people(purpose):
        return _NOT_ASKED[purpose.legal_basis]
    if judgement.cell is None or judgement.state is None:
        return _UNKNOWN_PERSON
    return _RULES[judgement.state]


def is_by_link(record: ConsentRecord | None) -> bool:
    """Return whether what counts was said under another identifier of the same person."""
    return record is not None and record.linked is not None and record.linked is not record.state


def decisive_seq(record: ConsentRecord | None) -> int | None:
    """Return the sequence of the event that decided; ``None`` where nothing was said under this identifier."""
    return None if record is None or record.state is None or is_by_link(record) else record.seq
