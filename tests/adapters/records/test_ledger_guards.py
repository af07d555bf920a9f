"""What the ledger refuses inside its own transaction: a yes that was overtaken, and events after a lost past."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.domain.consent import ConsentEventKind, ConsentState, Provenance
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.errors import ConsentUnavailable, NoticeOutdated
from sekisho.ports import ConsentEventInput

PURPOSE, CELLS = "lifecycle_email", (Cell("lifecycle_email"),)


def said(number: int, kind: ConsentEventKind, checked_at: int | None = None) -> ConsentEventInput:
    """Return a decision about one purpose."""
    return ConsentEventInput(
        SubjectNumber(number), PURPOSE, CELLS, kind, "web_form", "data_subject", checked_at=checked_at
    )


async def test_a_yes_that_a_publication_overtook_is_refused(ledger: SqlConsentLedger, people: PeopleRegistry) -> None:
    """A major notice between the look at the notice and the commit makes a yes outdated: nothing is kept."""
    await people.register("customer_id", ["a", "b"])
    looked = await ledger.last_seq()
    published = await ledger.publish({PURPOSE: CELLS}, "requester:privacy_officer", Provenance())
    with pytest.raises(NoticeOutdated):
        await ledger.record([said(1, ConsentEventKind.GIVE, looked)])
    assert await ledger.last_seq() == published
    await ledger.record([said(1, ConsentEventKind.GIVE, published)])
    assert (await ledger.view(CELLS)).members().tolist() == [1]


async def test_others_in_the_same_transaction_do_not_pay(ledger: SqlConsentLedger, people: PeopleRegistry) -> None:
    """Callers that share a transaction with an overtaken yes are served, and a no is never overtaken."""
    await people.register("customer_id", ["a", "b", "c"])
    await ledger.publish({PURPOSE: CELLS}, "requester:privacy_officer", Provenance())
    newest = await ledger.last_seq()
    outcomes = await asyncio.gather(
        ledger.record([said(1, ConsentEventKind.GIVE, newest)]),
        ledger.record([said(2, ConsentEventKind.GIVE, 0)]),
        ledger.record([said(3, ConsentEventKind.WITHDRAW)]),
        return_exceptions=True,
    )
    assert [isinstance(outcome, NoticeOutdated) for outcome in outcomes] == [False, True, False]
    assert (await ledger.view(CELLS)).members().tolist() == [1]


async def test_nothing_is_recorded_after_a_lost_past(ledger: SqlConsentLedger, people: PeopleRegistry) -> None:
    """Below a sequence that was seen, an event would take the place of one that is to be replayed: refused."""
    await people.register("customer_id", ["a"])
    ledger.raise_floor(5)
    with pytest.raises(ConsentUnavailable):
        await ledger.record([said(1, ConsentEventKind.WITHDRAW)])
    assert await ledger.last_seq() == 0


async def test_renewing_lifts_no_refusal(ledger: SqlConsentLedger, people: PeopleRegistry) -> None:
    """A renewal of what was withdrawn changes nothing; only a new yes does."""
    await people.register("customer_id", ["a"])
    await ledger.record([said(1, ConsentEventKind.WITHDRAW)])
    (renewed,) = await ledger.record([said(1, ConsentEventKind.RENEW)])
    assert renewed.states[CELLS[0]] is ConsentState.WITHDRAWN
    assert not (await ledger.view(CELLS)).members().size


async def test_what_was_confirmed_waits_again_once_it_is_outdated(
    ledger: SqlConsentLedger, people: PeopleRegistry
) -> None:
    """The facts change and the notice does not: a new yes waits for its confirmation, which brings it into force."""
    await people.register("customer_id", ["a"])
    yes = replace(said(1, ConsentEventKind.GIVE), confirmed=True, notice_version="1")
    confirm = replace(yes, kind=ConsentEventKind.CONFIRM)
    await ledger.record([yes, confirm])
    await ledger.publish({PURPOSE: CELLS}, "requester:privacy_officer", Provenance())
    (again,) = await ledger.record([replace(yes, provenance=Provenance(outdated_seq=2))])
    assert again.states[CELLS[0]] is ConsentState.PENDING_CONFIRMATION
    assert not (await ledger.view(CELLS)).members().size
    (confirmed,) = await ledger.record([confirm])
    assert confirmed.states[CELLS[0]] is ConsentState.GIVEN
    assert (await ledger.view(CELLS)).members().tolist() == [1]
    _, records = await ledger.records_of(SubjectNumber(1))
    assert not records[CELLS[0]].outdated
    _, (past,) = await ledger.records_at([SubjectNumber(1)], valid_at=None, known_at=None)
    assert past == records
