"""What a person, or whoever may see a person's consent, is told about it: JSON values of the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sekisho.domain.consent import ConsentRecord, is_in_force, state_at
from sekisho.domain.consent_rules import asks_people
from sekisho.domain.notice_texts import consequences_of
from sekisho.domain.notices import Notice
from sekisho.domain.terms import Cell, Purpose


def consent_item(
    purpose: Purpose, cell: Cell, record: ConsentRecord | None, now: datetime, notice: Notice | None = None
) -> dict[str, object]:
    """Return one cell of *purpose* as its person sees it at *now* (UTC).

    ``notice`` is the *notice* in force, whose version a decision must cite; ``given_on`` is the version that
    the person decided on.

    A purpose that stands on a contract or a legal obligation has ``state`` ``None`` and is not
    ``withdrawable``: there is no consent to withdraw (GDPR 6(1)(b), (c)).
    """
    item: dict[str, object] = {
        "purpose": purpose.name,
        "legal_basis": purpose.legal_basis.value,
        "title": dict(purpose.title),
        "description": dict(purpose.description),
        "state": state_at(record, purpose, now).value if asks_people(purpose) else None,
        "withdrawable": asks_people(purpose),
        "consequences": consequences_of(purpose.legal_basis.value),
        "notice": {"key": purpose.name, "version": None}
        if notice is None
        else {"key": notice.key, "version": str(notice.version)},
        "given_on": record.notice_version if record is not None else None,
        "since": rfc3339(record.since) if record is not None else None,
    }
    _, slash, scope = cell.partition("/")
    if slash:
        dimension, _, value = scope.partition("=")
        item["scope"] = {dimension: value}
    if record is not None and record.valid_until is not None:
        item["until"] = rfc3339(record.valid_until)
    return item


def explanation(
    purpose: Purpose, cells: Sequence[Cell], records: Mapping[Cell, ConsentRecord] | None, now: datetime
) -> dict[str, object]:
    """Return ``{state, reasons}`` of a check at *now* (UTC); *records* is ``None`` for an unknown person.

    ``state`` is the first that stands in the way, else that of the first cell.
    """
    if not asks_people(purpose):
        return {"state": None, "reasons": [f"legal_basis_{purpose.legal_basis.value}"]}
    if records is None:
        return {"state": "unknown", "reasons": ["unknown_data_subject"]}
    states = [state_at(records.get(cell), purpose, now) for cell in cells]
    decisive = next((state for state in states if not is_in_force(state)), states[0])
    reasons = [f"{cell}:{state.value}" for cell, state in zip(cells, states, strict=True)]
    return {"state": decisive.value, "reasons": reasons}


def rfc3339(at: datetime | None) -> str | None:
    """Return *at* as the contract spells an instant: RFC 3339 in UTC with ``Z``."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
