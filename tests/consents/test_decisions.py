"""What people decide themselves, on the page and by a signal of their browser: over a fake and over SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.consents.fakes import KENJI, MARIKO, PURPOSES, STRANGER, FakeNotices, make_parts
from tests.consents.recording_desk import K, S, give, refuse, withdraw
from tests.fakes import FakeAuditLog, FakeClock

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.consents.parts import Parts
from sekisho.consents.recording import Recording
from sekisho.domain.consent import ActorType, Assurance, ConsentState, ConsentType, state_at
from sekisho.domain.notices import Change
from sekisho.domain.terms import Catalogue, Cell
from sekisho.errors import AuditUnavailable, InvalidRequest, NoticeOutdated, UnknownPurpose
from sekisho.http.services import ConsentDecision
from sekisho.ports import DataSubjectRef, RecordedConsentEvent

EMAIL, ADS, SHOP = "lifecycle_email", "targeted_advertising", "recommendation"
LAWS = ("appi@2022-04", "gdpr@2018-05")


@dataclass
class Page:
    """Recording as the preference page calls it, and what it is built on."""

    recording: Recording
    parts: Parts
    notices: FakeNotices
    audit: FakeAuditLog

    async def decide(self, *decisions: ConsentDecision, gpc: bool = False) -> Any:
        """Record what Mariko decides."""
        return await self.recording.decide(MARIKO, decisions, gpc=gpc)

    async def state(self, cell: str = EMAIL, person: DataSubjectRef = MARIKO) -> ConsentState:
        """Return what counts for one cell now."""
        number = await self.parts.people.number_of(person)
        assert number is not None
        _, records = await self.parts.ledger.records_of(number)
        purpose = self.parts.catalogue.purposes[cell.partition("/")[0]]
        return state_at(records.get(Cell(cell)), purpose, self.parts.clock.now())

    async def events(self, person: DataSubjectRef = MARIKO) -> list[RecordedConsentEvent]:
        """Return everything that is recorded of one person."""
        number = await self.parts.people.number_of(person)
        return [] if number is None else await self.parts.ledger.history(number)


@pytest.fixture(params=["fake", "sqlite"])
async def page(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Page]:
    """The page, over a ledger in memory and over the real one."""
    if request.param == "fake":
        fakes = make_parts()
        yield Page(Recording(fakes.parts), fakes.parts, fakes.notices, fakes.audit)
        return
    migrate(f"sqlite:///{tmp_path}/records.db")
    database = Database(f"sqlite:///{tmp_path}/records.db")
    clock, audit = SystemClock(), FakeAuditLog()
    keys = FileKeyRing.create(tmp_path / "keys")
    notices = FakeNotices(FakeClock(datetime(2026, 1, 1, tzinfo=UTC)))
    notices.show(*PURPOSES)
    ledger = SqlConsentLedger(database, PURPOSES, clock, keys)
    people = PeopleRegistry(database, keys)
    catalogue = Catalogue({}, {}, PURPOSES, {}, {}, "r1")
    kinds = frozenset({"customer_id"})
    parts = Parts(catalogue, people, ledger, notices, audit, keys, clock, rule_sets=LAWS, identifiers=kinds)
    yield Page(Recording(parts), parts, notices, audit)
    await database.close()


# Decisions ------------------------------------------------------------------------------------------


async def test_decisions_are_answered_one_by_one(page: Page) -> None:
    """Each with its purpose, scope, state and receipt, under one sequence; recorded as the person's own."""
    answer = await page.decide(give(), give(SHOP, data_category="purchase"), refuse(ADS), withdraw("ab_measurement"))
    events = await page.events()
    assert answer == {
        "seq": 4,
        "items": [
            {"purpose": EMAIL, "state": "given", "receipt_id": events[0].id},
            {"purpose": SHOP, "scope": {"data_category": "purchase"}, "state": "given", "receipt_id": events[1].id},
            {"purpose": ADS, "state": "refused", "receipt_id": events[2].id},
            {"purpose": "ab_measurement", "state": "objected", "receipt_id": events[3].id},
        ],
    }
    known = events[0].provenance
    assert (events[0].method, events[0].actor, known.collection_point) == ("web_form", "data_subject", None)
    assert (known.actor_type, known.assurance) == (ActorType.DATA_SUBJECT, Assurance.VERIFIED_CONTACT)
    assert (known.locale, events[0].notice_version, known.rule_set) == ("ja", "1", ",".join(LAWS))
    assert await page.state(f"{SHOP}/data_category=behaviour") is S.UNKNOWN


@pytest.mark.parametrize(
    ("second", "error"),
    [
        (give("nonsense"), UnknownPurpose),
        (give("customer_support"), InvalidRequest),
        (give(ADS, version=None), InvalidRequest),
        (give(ADS, version="7"), NoticeOutdated),
        (give(SHOP, data_category="shoes"), InvalidRequest),
        (give(EMAIL), InvalidRequest),
        (withdraw(EMAIL), InvalidRequest),
        (ConsentDecision(ADS, K.RENEW, {}, "1"), InvalidRequest),
        (ConsentDecision(ADS, K.OBJECT), InvalidRequest),
    ],
    ids=["unknown", "contract", "no notice", "old notice", "no cell", "twice", "both", "renew", "object"],
)
async def test_all_or_none(page: Page, second: ConsentDecision, error: type[Exception]) -> None:
    """One decision that cannot be taken, and none is; nobody becomes known by it."""
    with pytest.raises(error):
        await page.decide(give(), second)
    assert await page.parts.ledger.last_seq() == 0
    assert await page.parts.people.number_of(MARIKO) is None


async def test_a_yes_names_its_notice_and_a_no_needs_none(page: Page) -> None:
    """GDPR 7(1) and 7(3): withdrawing takes fewer fields than giving, and no notice stands in its way."""
    with pytest.raises(InvalidRequest, match=r"GDPR 7\(1\)"):
        await page.decide(give(version=None))
    page.notices.show(EMAIL, change=Change.MAJOR)
    with pytest.raises(NoticeOutdated, match="Version 2"):
        await page.decide(give())
    await page.decide(give(version="2"))
    for no in (withdraw(), refuse(), ConsentDecision(EMAIL, K.WITHDRAW, {}, "77")):
        assert (await page.decide(no))["items"][0]["state"] == "withdrawn"


async def test_a_no_said_again_is_the_same_no(page: Page) -> None:
    """No further event; the answer has the receipt of the one that stands."""
    await page.decide(give(), give(SHOP))
    first = await page.decide(withdraw(), refuse(SHOP))
    seq = await page.parts.ledger.last_seq()
    assert await page.decide(withdraw(), refuse(SHOP)) == first
    assert await page.parts.ledger.last_seq() == seq
    later = await page.decide(withdraw(SHOP))
    assert later["items"][0]["state"] == "withdrawn"  # more than a refusal


async def test_giving_again_after_a_withdrawal_counts(page: Page) -> None:
    """Yes, no, yes: the last word counts."""
    for decision, state in ((give(), S.GIVEN), (withdraw(), S.WITHDRAWN), (give(), S.GIVEN)):
        await page.decide(decision)
        assert await page.state() is state


async def test_what_asks_for_explicit_consent_gets_it_on_its_own_notice(page: Page) -> None:
    """Each decision names one purpose and its notice: for sensitive data that is recorded as explicit."""
    assert (await page.decide(give("emotion_analysis")))["items"][0]["state"] == "given"
    event = (await page.events())[-1]
    assert event.provenance.consent_type is ConsentType.EXPLICIT
    assert event.valid_until is not None


async def test_double_opt_in_waits_on_the_page_too(page: Page) -> None:
    """The answer says that it waits."""
    assert (await page.decide(give("newsletter")))["items"][0]["state"] == "pending_confirmation"


async def test_no_yes_without_the_audit_log_and_every_no(page: Page) -> None:
    """With one yes among them nothing is recorded while it is down; noes alone count."""
    page.audit.error = AuditUnavailable("down")
    with pytest.raises(AuditUnavailable):
        await page.decide(give(), withdraw(ADS))
    assert await page.parts.ledger.last_seq() == 0
    with pytest.raises(AuditUnavailable):
        await page.decide(withdraw(ADS))
    assert await page.state(ADS) is S.WITHDRAWN


async def test_decisions_are_one_transaction(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of the ledger, whatever is decided."""
    calls: list[int] = []
    record = page.parts.ledger.record

    async def counted(events: Any) -> Any:
        calls.append(len(events))
        return await record(events)

    monkeypatch.setattr(page.parts.ledger, "record", counted)
    page.recording = Recording(page.parts)
    await page.decide(give(), withdraw(ADS), give(SHOP), gpc=True)
    await page.recording.withdraw_all(MARIKO)
    assert calls == [3, 5]


# Withdrawing ----------------------------------------------------------------------------------------


async def test_withdrawing_answers_state_and_sequence_and_repeats_in_the_audit_log_alone(page: Page) -> None:
    """The second time changes nothing but the audit log, which says so."""
    await page.decide(give())
    first = await page.recording.withdraw(MARIKO, EMAIL)
    assert first == {"seq": 2, "purpose": EMAIL, "state": "withdrawn"}
    assert await page.recording.withdraw(MARIKO, EMAIL) == first
    assert await page.parts.ledger.last_seq() == 2
    kinds = [(record["kind"], record.get("repeated", False)) for record in page.audit.records]
    assert kinds == [("consent.give", False), ("consent.withdraw", False), ("consent.withdraw", True)]


async def test_withdrawing_everything_is_one_step(page: Page) -> None:
    """Every purpose that asks people, also those never asked about; again changes nothing; a customer alone."""
    await page.decide(give(), give(SHOP))
    await page.recording.decide(KENJI, [give()])
    done = await page.recording.withdraw_all(MARIKO)
    assert done["withdrawn"] == sorted(name for name in PURPOSES if name != "customer_support")
    assert await page.recording.withdraw_all(MARIKO) == {"seq": done["seq"], "withdrawn": []}
    assert {await page.state(cell) for p in PURPOSES.values() for cell in p.all_cells()} == {
        S.WITHDRAWN,
        S.OBJECTED,
        S.UNKNOWN,  # the contract, about which nobody decides
    }
    assert await page.state(EMAIL, KENJI) is S.GIVEN


async def test_a_withdrawal_repeated_while_linked_reaches_the_other_side(page: Page) -> None:
    """Who withdrew before two identifiers were linked, and again after, has withdrawn for both."""
    await page.recording.withdraw(MARIKO, EMAIL)
    await page.recording.decide(KENJI, [give()])
    numbers = [await page.parts.people.number_of(person) for person in (MARIKO, KENJI)]
    assert numbers[0] is not None
    assert numbers[1] is not None
    await page.parts.ledger.link(numbers[0], numbers[1], "test")
    await page.recording.withdraw(MARIKO, EMAIL)
    await page.parts.ledger.unlink(numbers[0], numbers[1], "test")
    assert await page.state(EMAIL, KENJI) is S.WITHDRAWN


# Global Privacy Control -----------------------------------------------------------------------------


async def test_the_signal_objects_once_and_only_where_it_applies(page: Page) -> None:
    """Over an earlier yes, for what the workspace marks, as a signal; repeated it records nothing."""
    await page.decide(give(ADS), give())
    for _ in range(2):
        await page.recording.object_by_signal(MARIKO)
    assert (await page.state(ADS), await page.state()) == (S.OBJECTED, S.GIVEN)
    *_, event = await page.events()
    assert await page.parts.ledger.last_seq() == 3
    assert (event.kind, event.method, event.provenance.signal) == (K.OBJECT, "signal", "gpc")
    assert (event.provenance.actor_type, event.cells) == (ActorType.SIGNAL, (Cell(ADS),))


@pytest.mark.parametrize("no", [refuse(ADS), withdraw(ADS)], ids=["refused", "withdrawn"])
async def test_the_signal_adds_nothing_to_a_refusal(page: Page, no: ConsentDecision) -> None:
    """Who has said no in person has said more than the browser does."""
    await page.decide(no)
    await page.recording.object_by_signal(MARIKO)
    assert await page.parts.ledger.last_seq() == 1


async def test_a_stranger_who_signals_is_kept(page: Page) -> None:
    """A first no is a no: what comes later finds it."""
    await page.recording.object_by_signal(STRANGER)
    assert await page.state(ADS, STRANGER) is S.OBJECTED


async def test_a_yes_under_the_signal_is_followed_by_the_objection(page: Page) -> None:
    """The signal is sent with the yes, and wins; both stay on record. Other purposes are given."""
    answer = await page.decide(give(ADS), give(), gpc=True)
    assert [item["state"] for item in answer["items"]] == ["objected", "given"]
    assert [item.get("reasons") for item in answer["items"]] == [["signal:gpc"], None]
    events = await page.events()
    assert [event.kind for event in events] == [K.GIVE, K.OBJECT, K.GIVE]
    assert [item["receipt_id"] for item in answer["items"]] == [events[1].id, events[2].id]
    assert answer["seq"] == 3


async def test_a_later_yes_without_the_signal_overrides_it(page: Page) -> None:
    """What the person says plainly afterwards counts; the objection stays in the history."""
    await page.recording.object_by_signal(MARIKO)
    await page.decide(give(ADS))
    assert await page.state(ADS) is S.GIVEN
    assert [event.kind for event in await page.events()] == [K.OBJECT, K.GIVE]
