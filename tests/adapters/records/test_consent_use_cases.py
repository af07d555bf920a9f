"""The use cases of consent over the real ledger and registry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.consents.opaque import OpaqueIds
from sekisho.consents.parts import Parts
from sekisho.consents.reading import Reading
from sekisho.consents.recording import Recording
from sekisho.domain.consent import ConsentEventKind, Provenance
from sekisho.domain.consent_rules import COLLECTION_POINT, WITHDRAWAL_RELAY, Actor
from sekisho.domain.record import subject_ref
from sekisho.domain.terms import Catalogue, Requester, SubjectNumber
from sekisho.errors import (
    AccessDenied,
    AuditUnavailable,
    ConsentUnavailable,
    InvalidRequest,
    NoticeOutdated,
    PurposeNotRegistered,
    UnknownPurpose,
)
from sekisho.http.services import ConsentEventRequest
from sekisho.ports import DataSubjectRef
from tests.adapters.records.conftest import PURPOSES
from tests.consents.fakes import FakeNotices
from tests.fakes import FakeAuditLog, FakeClock

RECOMMENDER = Requester("recommender", frozenset({"recommendation", "ab_measurement"}))
DESK = Requester("consent_desk", frozenset(), frozenset({COLLECTION_POINT}))
SUPPORT = Requester("support_desk", frozenset({"customer_support"}), frozenset({WITHDRAWAL_RELAY}))
MARIKO = DataSubjectRef("customer_id", "17850")
STRANGER = DataSubjectRef("customer_id", "nobody")


def ask(person, purpose, scope=None, *, kind=ConsentEventKind.GIVE, method="call_centre", **more):
    """Return a question or an event, as the HTTP face hands it in."""
    return ConsentEventRequest(person, purpose, kind, method, scope or {}, **more)


@dataclass(frozen=True)
class Cases:
    """The use cases under test."""

    reading: Reading
    recording: Recording


@pytest.fixture
def audit():
    return FakeAuditLog()


@pytest.fixture
def consents(people, ledger, audit, keys):
    catalogue = Catalogue({}, {}, PURPOSES, {}, {}, "r1")
    notices = FakeNotices(FakeClock())
    notices.show(*PURPOSES)
    kinds = frozenset({"customer_id"})
    parts = Parts(catalogue, people, ledger, notices, audit, keys, SystemClock(), identifiers=kinds)
    return Cases(Reading(parts), Recording(parts))


async def allowed(consents, purpose="recommendation", person=MARIKO, scope=None, requester=RECOMMENDER):
    return (await consents.reading.check(requester, [ask(person, purpose, scope or {})]))[0]


@pytest.mark.parametrize("person", [MARIKO, STRANGER], ids=["known", "unknown"])
async def test_a_notice_published_while_a_yes_is_checked_is_never_missed(consents, people, ledger, person):
    """The sequence that a yes is checked at lies before the look at the notice, also where the person is new."""
    await people.register("customer_id", [MARIKO.value])
    notices = consents.recording._parts.notices
    look = notices.in_force

    async def looked_then_published(purpose):
        found = await look(purpose)
        cells = PURPOSES["recommendation"].all_cells()
        await ledger.publish({"recommendation": cells}, "requester:privacy_officer", Provenance())
        return found

    notices.in_force = looked_then_published
    with pytest.raises(NoticeOutdated):
        await consents.recording.record_event(DESK, ask(person, "recommendation"))
    notices.in_force = look
    assert (await consents.recording.record_event(DESK, ask(person, "recommendation")))["state"] == "given"


async def test_a_check_needs_every_cell(consents):
    """Allowed is who has every cell asked about in force; unknown is answered like refused."""
    behaviour = {"data_category": "behaviour"}
    assert await allowed(consents) == {"allowed": False, "seq": 0}
    done = await consents.recording.record_event(DESK, ask(MARIKO, "recommendation", behaviour))
    assert (done["seq"], done["state"]) == (1, "given")
    assert await allowed(consents, scope=behaviour) == {"allowed": True, "seq": 1}
    assert await allowed(consents) == {"allowed": False, "seq": 1}
    await consents.recording.record_event(DESK, ask(MARIKO, "recommendation"))
    assert await allowed(consents) == {"allowed": True, "seq": 2}
    assert await allowed(consents, person=STRANGER) == {"allowed": False, "seq": 2}
    assert await allowed(consents, "ab_measurement") == {"allowed": True, "seq": 2}
    assert await allowed(consents, "ab_measurement", person=STRANGER) == {"allowed": False, "seq": 2}


async def test_many_questions_are_answered_in_order(consents):
    """Questions about different people and purposes in one call keep their places."""
    await consents.recording.record_event(DESK, ask(MARIKO, "lifecycle_email"))
    asks = [ask(STRANGER, "lifecycle_email"), ask(MARIKO, "lifecycle_email"), ask(MARIKO, "customer_support")]
    asks += [ask(STRANGER, "customer_support"), ask(MARIKO, "recommendation")]
    answers = await consents.reading.check(DESK, asks)
    assert [answer["allowed"] for answer in answers] == [False, True, True, False, False]
    assert [answer["state"] for answer in answers] == ["unknown", "given", None, None, "unknown"]
    assert await consents.reading.check(DESK, []) == []


async def test_a_service_checks_its_own_purposes_only(consents):
    """Another's purpose is refused, one that does not exist is unknown; details are for collection points."""
    with pytest.raises(PurposeNotRegistered):
        await allowed(consents, "lifecycle_email")
    for requester in (RECOMMENDER, DESK):
        with pytest.raises(UnknownPurpose):
            await allowed(consents, "nonsense", requester=requester)
    assert set(await allowed(consents)) == {"allowed", "seq"}


async def test_the_past_and_what_decided_are_read_from_the_ledger(consents, database, keys):
    """A time before a decision knows nothing of it; who may know gets the event that decided, with its receipt."""
    await consents.recording.record_event(DESK, ask(STRANGER, "lifecycle_email"))
    given = await consents.recording.record_event(DESK, ask(MARIKO, "lifecycle_email"))
    question = [ask(MARIKO, "lifecycle_email")]
    rows = await database.peek("SELECT recorded_at FROM consent_event ORDER BY seq")
    first, second = (datetime.fromtimestamp(micros / 1e6, UTC) for (micros,) in rows)
    before = {"valid_at": first - timedelta(seconds=1), "known_at": first - timedelta(seconds=1)}
    after = {"valid_at": second + timedelta(seconds=1)}
    service = Requester("mailer", frozenset({"lifecycle_email"}))
    assert await consents.reading.check(service, question, **before) == [{"allowed": False, "seq": 2}]
    assert await consents.reading.check(service, question, **after) == [{"allowed": True, "seq": 2}]
    told = (await consents.reading.check(DESK, question, explain=True))[0]
    assert (told["state"], told["receipt_id"], told["seq"]) == ("given", given["id"], given["seq"])
    assert told["explanation"]["event"] == {"id": given["id"], "seq": 2}
    subject_id = OpaqueIds(keys).id_of(SubjectNumber(2))
    found = await consents.reading.subject_consents(DESK, subject_id, **before)
    assert {item["state"] for item in found["items"]} == {"unknown", "active_by_default", None}
    now = await consents.reading.subject_consents(DESK, subject_id, min_seq=2)
    assert [item["receipt_id"] for item in now["items"] if item["state"] == "given"] == [given["id"]]


async def test_a_filter_reads_what_a_check_reads(consents):
    """Many names at once, in the real registry: known, unknown and said no."""
    await consents.recording.record_event(DESK, ask(MARIKO, "recommendation"))
    await consents.recording.record_event(DESK, ask(STRANGER, "recommendation", kind=ConsentEventKind.REFUSE))
    named = {"customer_id": [MARIKO.value, "404", STRANGER.value, MARIKO.value]}
    answer = await consents.reading.filter(RECOMMENDER, "recommendation", named, min_seq=2)
    assert answer == ({"customer_id": [True, False, False, True]}, 2)


async def test_withdrawing_counts_at_once_and_repeats_without_an_event(consents, ledger, audit):
    """After the answer nobody is allowed; again gives the same sequence, and both are in the audit log."""
    await consents.recording.record_event(DESK, ask(MARIKO, "recommendation"))
    first = await consents.recording.withdraw(MARIKO, "recommendation")
    assert first == {"seq": 2, "purpose": "recommendation", "state": "withdrawn"}
    assert not (await allowed(consents))["allowed"]
    assert await consents.recording.withdraw(MARIKO, "recommendation") == first
    assert await ledger.last_seq() == 2
    assert [(r["kind"], r["repeated"]) for r in audit.records] == [
        ("consent.give", False),
        ("consent.withdraw", False),
        ("consent.withdraw", True),
    ]


async def test_one_cell_can_be_withdrawn(consents):
    """Adjusting how far a use goes leaves the other cells as they are."""
    await consents.recording.record_event(DESK, ask(MARIKO, "recommendation"))
    await consents.recording.withdraw(MARIKO, "recommendation", scope={"data_category": "behaviour"})
    items = (await consents.reading.my_consents(MARIKO))["items"]
    states = {item["scope"]["data_category"]: item["state"] for item in items if "scope" in item}
    assert states == {"purchase": "given", "behaviour": "withdrawn"}


async def test_a_stranger_can_withdraw_before_ever_being_asked(consents, people):
    """A first no is kept, too: the person becomes known, and legitimate interest ends."""
    assert (await consents.recording.withdraw(STRANGER, "ab_measurement"))["state"] == "objected"
    assert await people.number_of(STRANGER) == 1
    assert not (await allowed(consents, "ab_measurement", person=STRANGER))["allowed"]


async def test_withdraw_all_ends_everything_that_can_end(consents, ledger):
    """Every purpose that asks people says no afterwards; repeating it changes nothing."""
    await consents.recording.record_event(DESK, ask(MARIKO, "lifecycle_email"))
    done = await consents.recording.withdraw_all(MARIKO)
    assert done["withdrawn"] == ["ab_measurement", "lifecycle_email", "recommendation"]
    items = (await consents.reading.my_consents(MARIKO, min_seq=done["seq"]))["items"]
    assert {item["state"] for item in items} == {"withdrawn", "objected", None}
    assert await consents.recording.withdraw_all(MARIKO) == {"seq": done["seq"], "withdrawn": []}


async def test_a_contract_has_nothing_to_withdraw(consents):
    """It is listed with its ground, and withdrawing it is refused with a sentence."""
    item = next(
        i for i in (await consents.reading.my_consents(MARIKO))["items"] if i["purpose"] == "customer_support"
    )
    assert (item["legal_basis"], item["state"], item["withdrawable"]) == ("contract", None, False)
    with pytest.raises(InvalidRequest):
        await consents.recording.withdraw(MARIKO, "customer_support")
    with pytest.raises(UnknownPurpose):
        await consents.recording.withdraw(MARIKO, "nonsense")


async def test_services_pass_on_a_no_and_nothing_else(consents, ledger):
    """A service withdraws for its own purpose, a relay for every purpose; neither says yes."""
    no = ConsentEventKind.WITHDRAW
    with pytest.raises(AccessDenied):
        await consents.recording.record_event(RECOMMENDER, ask(MARIKO, "recommendation"))
    with pytest.raises(PurposeNotRegistered):
        await consents.recording.record_event(RECOMMENDER, ask(MARIKO, "lifecycle_email", kind=no))
    assert await ledger.last_seq() == 0
    assert (await consents.recording.record_event(RECOMMENDER, ask(MARIKO, "recommendation", kind=no)))["seq"] == 1
    assert (await consents.recording.record_event(SUPPORT, ask(MARIKO, "lifecycle_email", kind=no)))["seq"] == 2


async def test_a_misspelt_kind_of_identifier_is_refused(consents, ledger):
    """A withdrawal that would have no effect is not acknowledged."""
    wrong = DataSubjectRef("custmer_id", "17850")
    for call in (consents.recording.withdraw(wrong, "recommendation"), consents.recording.withdraw_all(wrong)):
        with pytest.raises(InvalidRequest):
            await call
    with pytest.raises(InvalidRequest):
        await consents.recording.record_event(DESK, ask(DataSubjectRef("pseudonym", "x"), "recommendation"))
    with pytest.raises(InvalidRequest):
        await consents.recording.record_event(DESK, ask(MARIKO, "recommendation", method="telepathy"))
    assert await ledger.last_seq() == 0


async def test_the_audit_log_knows_a_reference_and_no_identifier(consents, audit, keys):
    """Each decision leaves an entry under the keyed reference; neither value nor claim stands in it."""
    await consents.recording.record_event(
        DESK, ask(MARIKO, "lifecycle_email", actor=Actor(id="Tanaka"), evidence={"call": "kunde-77"})
    )
    reference = subject_ref(keys.derive("subject-ref"), 1)
    entry = audit.records[0]
    assert (entry["kind"], entry["subject_ref"], entry["requester"]) == ("consent.give", reference, "consent_desk")
    assert await consents.reading.subject_reference(MARIKO) == reference
    assert await consents.reading.subject_reference(STRANGER) is None
    for secret in ("17850", "Tanaka", "kunde-77"):
        assert re.search(rf"(?<![0-9a-f]){secret}(?![0-9a-f])", repr(entry)) is None


async def test_without_the_audit_log_no_yes_counts_but_every_no_does(consents, audit, ledger):
    """A yes that cannot be audited is not recorded; a no is, and the caller is told to send it again."""
    await consents.recording.record_event(DESK, ask(MARIKO, "recommendation"))
    audit.error = AuditUnavailable("down")
    with pytest.raises(AuditUnavailable):
        await consents.recording.record_event(DESK, ask(MARIKO, "lifecycle_email"))
    assert await ledger.last_seq() == 1
    with pytest.raises(AuditUnavailable):
        await consents.recording.withdraw(MARIKO, "recommendation")
    audit.error = None
    assert not (await allowed(consents))["allowed"]
    assert (await consents.recording.withdraw(MARIKO, "recommendation"))["seq"] == 2
    assert audit.records[-1]["kind"] == "consent.withdraw"


async def test_a_sequence_that_does_not_come_is_refused(consents):
    """A reader who asks for the future waits a second and is told so."""
    with pytest.raises(ConsentUnavailable):
        await consents.reading.my_consents(MARIKO, min_seq=9)
