"""The use cases of consent over the real ledger and registry."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.consents import Consents
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.consent_rules import COLLECTION_POINT, WITHDRAWAL_RELAY
from sekisho.domain.record import subject_ref
from sekisho.domain.terms import Catalogue, Requester
from sekisho.errors import (
    AccessDenied,
    AuditUnavailable,
    ConsentUnavailable,
    InvalidRequest,
    UnknownPurpose,
)
from sekisho.ports import DataSubjectRef
from tests.adapters.records.conftest import PURPOSES
from tests.fakes import FakeAuditLog

RECOMMENDER = Requester("recommender", frozenset({"recommendation", "ab_measurement"}))
DESK = Requester("consent_desk", frozenset(), frozenset({COLLECTION_POINT}))
SUPPORT = Requester("support_desk", frozenset({"customer_support"}), frozenset({WITHDRAWAL_RELAY}))
MARIKO = DataSubjectRef("customer_id", "17850")
STRANGER = DataSubjectRef("customer_id", "nobody")


@dataclass(frozen=True)
class Ask:
    """A question or an event, as the HTTP face hands it in."""

    person: DataSubjectRef
    purpose: str
    scope: dict[str, str] = field(default_factory=dict)
    kind: ConsentEventKind = ConsentEventKind.GIVE
    method: str = "call_centre"
    actor: str | None = None
    notice_version: str | None = "v1"
    occurred_at: datetime | None = None
    valid_until: datetime | None = None
    evidence: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def audit():
    return FakeAuditLog()


@pytest.fixture
def consents(people, ledger, audit, keys):
    catalogue = Catalogue({}, {}, PURPOSES, {}, {}, "r1")
    return Consents(catalogue, people, ledger, audit, keys, SystemClock(), identifiers={"customer_id"})


async def allowed(consents, purpose="recommendation", person=MARIKO, scope=None, requester=RECOMMENDER):
    return (await consents.check(requester, [Ask(person, purpose, scope or {})]))[0]


async def test_a_check_needs_every_cell(consents):
    """Allowed is who has every cell asked about in force; unknown is answered like refused."""
    behaviour = {"data_category": "behaviour"}
    assert await allowed(consents) == {"allowed": False, "seq": 0}
    done = await consents.record_event(DESK, Ask(MARIKO, "recommendation", behaviour))
    assert (done["seq"], done["state"]) == (1, "given")
    assert await allowed(consents, scope=behaviour) == {"allowed": True, "seq": 1}
    assert await allowed(consents) == {"allowed": False, "seq": 1}
    await consents.record_event(DESK, Ask(MARIKO, "recommendation"))
    assert await allowed(consents) == {"allowed": True, "seq": 2}
    assert await allowed(consents, person=STRANGER) == {"allowed": False, "seq": 2}
    assert await allowed(consents, "ab_measurement") == {"allowed": True, "seq": 2}
    assert await allowed(consents, "ab_measurement", person=STRANGER) == {"allowed": False, "seq": 2}


async def test_many_questions_are_answered_in_order(consents):
    """Questions about different people and purposes in one call keep their places."""
    await consents.record_event(DESK, Ask(MARIKO, "lifecycle_email"))
    asks = [Ask(STRANGER, "lifecycle_email"), Ask(MARIKO, "lifecycle_email"), Ask(MARIKO, "customer_support")]
    asks += [Ask(STRANGER, "customer_support"), Ask(MARIKO, "recommendation")]
    answers = await consents.check(DESK, asks)
    assert [answer["allowed"] for answer in answers] == [False, True, True, False, False]
    assert [answer["state"] for answer in answers] == ["unknown", "given", None, None, "unknown"]
    assert await consents.check(DESK, []) == []


async def test_a_service_checks_its_own_purposes_only(consents):
    """Another's purpose and one that does not exist are refused alike; details are for collection points."""
    for purpose in ("lifecycle_email", "nonsense"):
        with pytest.raises(AccessDenied):
            await allowed(consents, purpose)
    with pytest.raises(UnknownPurpose):
        await allowed(consents, "nonsense", requester=DESK)
    with pytest.raises(InvalidRequest):
        await consents.check(RECOMMENDER, [Ask(MARIKO, "recommendation")], valid_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert set(await allowed(consents)) == {"allowed", "seq"}


async def test_withdrawing_counts_at_once_and_repeats_without_an_event(consents, ledger, audit):
    """After the answer nobody is allowed; again gives the same sequence, and both are in the audit log."""
    await consents.record_event(DESK, Ask(MARIKO, "recommendation"))
    first = await consents.withdraw(MARIKO, "recommendation")
    assert first == {"seq": 2, "purpose": "recommendation", "state": "withdrawn"}
    assert not (await allowed(consents))["allowed"]
    assert await consents.withdraw(MARIKO, "recommendation") == first
    assert await ledger.last_seq() == 2
    assert [(r["kind"], r["repeated"]) for r in audit.records] == [
        ("consent.give", False),
        ("consent.withdraw", False),
        ("consent.withdraw", True),
    ]


async def test_one_cell_can_be_withdrawn(consents):
    """Adjusting how far a use goes leaves the other cells as they are."""
    await consents.record_event(DESK, Ask(MARIKO, "recommendation"))
    await consents.withdraw(MARIKO, "recommendation", scope={"data_category": "behaviour"})
    items = (await consents.my_consents(MARIKO))["items"]
    states = {item["scope"]["data_category"]: item["state"] for item in items if "scope" in item}
    assert states == {"purchase": "given", "behaviour": "withdrawn"}


async def test_a_stranger_can_withdraw_before_ever_being_asked(consents, people):
    """A first no is kept, too: the person becomes known, and legitimate interest ends."""
    assert (await consents.withdraw(STRANGER, "ab_measurement"))["state"] == "objected"
    assert await people.number_of(STRANGER) == 1
    assert not (await allowed(consents, "ab_measurement", person=STRANGER))["allowed"]


async def test_withdraw_all_ends_everything_that_can_end(consents, ledger):
    """Every purpose that asks people says no afterwards; repeating it changes nothing."""
    await consents.record_event(DESK, Ask(MARIKO, "lifecycle_email"))
    done = await consents.withdraw_all(MARIKO)
    assert done["withdrawn"] == ["ab_measurement", "lifecycle_email", "recommendation"]
    items = (await consents.my_consents(MARIKO, min_seq=done["seq"]))["items"]
    assert {item["state"] for item in items} == {"withdrawn", "objected", None}
    assert await consents.withdraw_all(MARIKO) == {"seq": done["seq"], "withdrawn": []}


async def test_a_contract_has_nothing_to_withdraw(consents):
    """It is listed with its ground, and withdrawing it is refused with a sentence."""
    item = next(i for i in (await consents.my_consents(MARIKO))["items"] if i["purpose"] == "customer_support")
    assert (item["legal_basis"], item["state"], item["withdrawable"]) == ("contract", None, False)
    with pytest.raises(InvalidRequest):
        await consents.withdraw(MARIKO, "customer_support")
    with pytest.raises(UnknownPurpose):
        await consents.withdraw(MARIKO, "nonsense")


async def test_services_pass_on_a_no_and_nothing_else(consents, ledger):
    """A service withdraws for its own purpose, a relay for every purpose; neither says yes."""
    no = ConsentEventKind.WITHDRAW
    with pytest.raises(AccessDenied):
        await consents.record_event(RECOMMENDER, Ask(MARIKO, "recommendation"))
    with pytest.raises(AccessDenied):
        await consents.record_event(RECOMMENDER, Ask(MARIKO, "lifecycle_email", kind=no))
    assert await ledger.last_seq() == 0
    assert (await consents.record_event(RECOMMENDER, Ask(MARIKO, "recommendation", kind=no)))["seq"] == 1
    assert (await consents.record_event(SUPPORT, Ask(MARIKO, "lifecycle_email", kind=no)))["seq"] == 2


async def test_a_misspelt_kind_of_identifier_is_refused(consents, ledger):
    """A withdrawal that would have no effect is not acknowledged."""
    wrong = DataSubjectRef("custmer_id", "17850")
    for call in (consents.withdraw(wrong, "recommendation"), consents.withdraw_all(wrong)):
        with pytest.raises(InvalidRequest):
            await call
    with pytest.raises(InvalidRequest):
        await consents.record_event(DESK, Ask(DataSubjectRef("pseudonym", "x"), "recommendation"))
    with pytest.raises(InvalidRequest):
        await consents.record_event(DESK, Ask(MARIKO, "recommendation", method="telepathy"))
    assert await ledger.last_seq() == 0


async def test_the_audit_log_knows_a_reference_and_no_identifier(consents, audit, keys):
    """Each decision leaves an entry under the keyed reference; neither value nor claim stands in it."""
    await consents.record_event(DESK, Ask(MARIKO, "lifecycle_email", actor="Tanaka", evidence={"call": "kunde-77"}))
    reference = subject_ref(keys.derive("subject-ref"), 1)
    entry = audit.records[0]
    assert (entry["kind"], entry["subject_ref"], entry["requester"]) == ("consent.give", reference, "consent_desk")
    assert await consents.subject_reference(MARIKO) == reference
    assert await consents.subject_reference(STRANGER) is None
    for secret in ("17850", "Tanaka", "kunde-77"):
        assert re.search(rf"(?<![0-9a-f]){secret}(?![0-9a-f])", repr(entry)) is None


async def test_without_the_audit_log_no_yes_counts_but_every_no_does(consents, audit, ledger):
    """A yes that cannot be audited is not recorded; a no is, and the caller is told to send it again."""
    await consents.record_event(DESK, Ask(MARIKO, "recommendation"))
    audit.error = AuditUnavailable("down")
    with pytest.raises(AuditUnavailable):
        await consents.record_event(DESK, Ask(MARIKO, "lifecycle_email"))
    assert await ledger.last_seq() == 1
    with pytest.raises(AuditUnavailable):
        await consents.withdraw(MARIKO, "recommendation")
    audit.error = None
    assert not (await allowed(consents))["allowed"]
    assert (await consents.withdraw(MARIKO, "recommendation"))["seq"] == 2
    assert audit.records[-1]["kind"] == "consent.withdraw"


async def test_a_sequence_that_does_not_come_is_refused(consents):
    """A reader who asks for the future waits a second and is told so."""
    with pytest.raises(ConsentUnavailable):
        await consents.my_consents(MARIKO, min_seq=9)
