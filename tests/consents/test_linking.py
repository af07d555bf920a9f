"""Who is who: ids for addresses, links between identifiers of one person, and erasure."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.consents.fakes import KENJI, MARIKO, STRANGER, FakeKeys, FakeParts, make_parts, state_of
from tests.consents.import_house import open_house

from sekisho.consents.linking import Linking
from sekisho.consents.opaque import OpaqueIds
from sekisho.domain.consent import NO, ConsentEventKind, ConsentState
from sekisho.domain.terms import Cell, Requester, SubjectNumber
from sekisho.errors import AccessDenied, AuditUnavailable, InvalidRequest, NotFound
from sekisho.ports import ConsentEventInput, DataSubjectRef
from sekisho.pseudonymity import Pseudonymity

DESK = Requester("consent_desk", frozenset(), frozenset({"collection_point"}))
OFFICER = Requester("privacy_officer", frozenset({"customer_support"}), frozenset({"privacy_officer"}))
RECOMMENDER = Requester("recommender", frozenset({"recommendation"}))
OWN_USE = Requester("marketing", frozenset({"lifecycle_email"}), frozenset({"collection_point"}))
EMAIL = DataSubjectRef("email_sha256", "ab" * 32)
MAIL = Cell("lifecycle_email")


class UnaskedPeople:
    """Fails as soon as somebody is looked up."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"people.{name} was asked")


async def say(fakes: FakeParts, person: DataSubjectRef, kind: ConsentEventKind) -> None:
    number = await fakes.parts.registered(person)
    await fakes.ledger.record([ConsentEventInput(number, "lifecycle_email", (MAIL,), kind, "api", "data_subject")])


@pytest.fixture
def fakes() -> FakeParts:
    return make_parts()


@given(st.integers(0, 2**63 - 1), st.integers(0, 31), st.integers(1, 15))
def test_an_id_names_one_person_and_cannot_be_made_up(number, place, change):
    """Ids are the same each time, lead back to the person, and any other text leads to nobody."""
    ids = OpaqueIds(FakeKeys())
    text = ids.id_of(SubjectNumber(number))
    assert text == OpaqueIds(FakeKeys()).id_of(SubjectNumber(number))
    assert ids.number_of(text) == number
    forged = text[:place] + f"{int(text[place], 16) ^ change:x}" + text[place + 1 :]
    assert ids.number_of(forged) is None
    for other in (text.upper() if text.upper() != text else "", text[:-1], f"{text} ", str(number), f"{number:032x}"):
        assert ids.number_of(other) is None


def test_an_id_is_no_pseudonym():
    """Whoever holds a pseudonym of a person cannot use it as an address, nor guess the number from an id."""
    keys = FakeKeys()
    pseudonyms = Pseudonymity(keys, UnaskedPeople())  # type: ignore[arg-type]
    ids = OpaqueIds(keys)
    for pseudonym in pseudonyms.pseudonyms_of(RECOMMENDER, "recommendation", np.array([1, 2], np.int64)):
        assert ids.number_of(pseudonym) is None


async def test_an_identifier_is_resolved_for_those_who_may_know(fakes):
    """Collection point and privacy officer get the same id; an unknown person is not found, and stays unknown."""
    linking = Linking(fakes.parts)
    await fakes.parts.registered(MARIKO)
    answer = await linking.resolve(DESK, MARIKO)
    assert answer == await linking.resolve(OFFICER, MARIKO)
    assert OpaqueIds(fakes.keys).number_of(str(answer["id"])) == 1
    with pytest.raises(NotFound):
        await linking.resolve(DESK, STRANGER)
    assert await fakes.people.number_of(STRANGER) is None


@pytest.mark.parametrize("known", [True, False])
async def test_nobody_else_learns_who_is_known(fakes, known):
    """Any other service is refused before anybody is looked up, with the same words for known and unknown."""
    object.__setattr__(fakes.parts, "people", UnaskedPeople())
    person = MARIKO if known else STRANGER
    linking = Linking(fakes.parts)
    for requester in (RECOMMENDER, Requester("auditor", frozenset(), frozenset({"auditor", "withdrawal_relay"}))):
        for call in (
            linking.resolve(requester, person),
            linking.link(requester, [person, KENJI]),
            linking.unlink(requester, [person, KENJI]),
        ):
            with pytest.raises(AccessDenied) as refusal:
                await call
            assert person.value not in refusal.value.detail


async def test_nobody_links_who_wants_the_data(fakes):
    """An unlink may bring a yes back: a collection point that uses data on consent does not decide who is who."""
    linking = Linking(fakes.parts)
    for call in (linking.link(OWN_USE, [MARIKO, EMAIL]), linking.unlink(OWN_USE, [MARIKO, EMAIL])):
        with pytest.raises(AccessDenied):
            await call
    assert fakes.ledger.events == []
    assert "seq" in await linking.link(OFFICER, [MARIKO, EMAIL])  # a contract asks nobody


@pytest.mark.parametrize(
    "people",
    [
        pytest.param([MARIKO, MARIKO], id="same"),
        pytest.param([MARIKO], id="one"),
        pytest.param([MARIKO, EMAIL, KENJI], id="three"),
        pytest.param([MARIKO, DataSubjectRef("pseudonym", "0" * 32)], id="pseudonym"),
        pytest.param([MARIKO, DataSubjectRef("line_id", "x")], id="unknown-kind"),
    ],
)
async def test_what_is_no_pair_is_refused(fakes, people):
    """Two different identifiers of declared kinds, no fewer and no more."""
    linking = Linking(fakes.parts)
    for call in (linking.link(DESK, people), linking.unlink(DESK, people)):
        with pytest.raises(InvalidRequest):
            await call
    assert fakes.ledger.events == []


async def test_the_no_of_one_identifier_counts_for_the_other(fakes):
    """Linked, the more restrictive counts; unlinked, each identifier's own decision; never asked stays unknown."""
    linking = Linking(fakes.parts)
    await say(fakes, MARIKO, ConsentEventKind.GIVE)
    await say(fakes, EMAIL, ConsentEventKind.WITHDRAW)
    linked = await linking.link(DESK, [MARIKO, EMAIL])
    assert linked == {"seq": 3}
    assert await state_of(fakes, MARIKO, "lifecycle_email") is ConsentState.WITHDRAWN
    assert await state_of(fakes, MARIKO, "newsletter") is ConsentState.UNKNOWN
    assert await linking.unlink(DESK, [EMAIL, MARIKO]) == {"seq": 4}
    assert await state_of(fakes, MARIKO, "lifecycle_email") is ConsentState.GIVEN
    assert [record["kind"] for record in fakes.audit.records] == ["consent.link", "consent.unlink"]
    assert {record["requester"] for record in fakes.audit.records} == {"consent_desk"}
    assert "17850" not in json.dumps(fakes.audit.records)


async def test_an_identifier_never_seen_may_be_linked(fakes):
    """It becomes known, is asked nothing by it, and a later no of the other counts for it."""
    await Linking(fakes.parts).link(DESK, [STRANGER, EMAIL])
    for person in (STRANGER, EMAIL):
        assert await state_of(fakes, person, "lifecycle_email") is ConsentState.UNKNOWN
    await say(fakes, EMAIL, ConsentEventKind.WITHDRAW)
    assert await state_of(fakes, STRANGER, "lifecycle_email") is ConsentState.WITHDRAWN


async def test_linking_and_unlinking_can_be_repeated(fakes):
    """A call that is sent again answers a sequence, and changes nothing."""
    linking = Linking(fakes.parts)
    for _ in range(2):
        await linking.link(DESK, [MARIKO, EMAIL])
    assert len(await fakes.ledger.linked(SubjectNumber(1))) == 2
    first = await linking.unlink(DESK, [MARIKO, EMAIL])
    assert await linking.unlink(DESK, [MARIKO, EMAIL]) == first
    assert len(await fakes.ledger.linked(SubjectNumber(1))) == 1


async def test_who_is_linked_through_others_is_not_unlinked_silently(fakes):
    """Undoing a link that is none says so while the two are one person still."""
    linking = Linking(fakes.parts)
    await linking.link(DESK, [MARIKO, EMAIL])
    await linking.link(DESK, [EMAIL, KENJI])
    with pytest.raises(InvalidRequest, match="by way of others"):
        await linking.unlink(DESK, [MARIKO, KENJI])


async def test_an_unlink_waits_for_the_audit_log(fakes):
    """It may bring a yes back, so that it is not made without a record; a link only restricts, and counts."""
    linking = Linking(fakes.parts)
    fakes.audit.error = AuditUnavailable("down")
    with pytest.raises(AuditUnavailable):
        await linking.link(DESK, [MARIKO, EMAIL])
    assert len(await fakes.ledger.linked(SubjectNumber(1))) == 2
    with pytest.raises(AuditUnavailable):
        await linking.unlink(DESK, [MARIKO, EMAIL])
    assert len(await fakes.ledger.linked(SubjectNumber(1))) == 2


async def test_pseudonyms_never_change_by_linking(tmp_path):
    """Neither a link nor its end changes what a requester receives for a person, or whom a pseudonym names."""
    house = open_house(f"sqlite:///{tmp_path}/records.db")
    try:
        pseudonymity = Pseudonymity(house.parts.keys, house.people)
        numbers = np.array([await house.parts.registered(person) for person in (MARIKO, EMAIL)], np.int64)
        before = pseudonymity.pseudonyms_of(RECOMMENDER, "recommendation", numbers)
        linking = Linking(house.parts)
        for change in (linking.link, linking.unlink, linking.link):
            await change(DESK, [MARIKO, EMAIL])
            fresh = Pseudonymity(house.parts.keys, house.people)
            for each in (pseudonymity, fresh):
                assert each.pseudonyms_of(RECOMMENDER, "recommendation", numbers) == before
                found = [each.number_of(RECOMMENDER, "recommendation", pseudonym) for pseudonym in before]
                assert found == numbers.tolist()
            found = [await house.people.number_of(person) for person in (MARIKO, EMAIL)]
            assert found == numbers.tolist()
    finally:
        await house.database.close()


async def test_an_erased_person_is_withdrawn_and_forgotten(tmp_path):
    """Everything is withdrawn first; then identifiers and keys go, of all that is linked; events and hashes stay."""
    house = open_house(f"sqlite:///{tmp_path}/records.db")
    try:
        linking = Linking(house.parts)
        for person in (MARIKO, EMAIL, KENJI):
            number = await house.parts.registered(person)
            given = ConsentEventInput(
                number, "lifecycle_email", (MAIL,), ConsentEventKind.GIVE, "api", "desk", evidence={"form": "M. Sato"}
            )
            await house.ledger.record([given])
        await linking.link(DESK, [MARIKO, EMAIL])
        hashes = {event.seq: event.hash for event in await house.ledger.changes(0, 100)}
        sealed = await house.database.peek("SELECT seq, sealed FROM consent_event")
        await linking.erase(OFFICER, SubjectNumber(2))
        for person in (MARIKO, EMAIL):
            assert await house.people.number_of(person) is None
        assert await house.people.number_of(KENJI) == 3
        for cell in (MAIL, Cell("ab_measurement"), Cell("recommendation/data_category=purchase")):
            assert not (await house.ledger.view((cell,))).allowed(np.array([1, 2], np.int64)).any()
        assert (await house.ledger.view((MAIL,))).allowed(np.array([3], np.int64)).all()
        events = {event.seq: event for event in await house.ledger.changes(0, 1000)}
        assert {seq: events[seq].hash for seq in hashes} == hashes
        assert all(events[seq].kind in NO for seq in events.keys() - hashes.keys())
        assert (await house.database.peek("SELECT seq, sealed FROM consent_event"))[: len(sealed)] == sealed
        keys = await house.database.peek("SELECT number, sealing_key IS NULL, erased_at IS NULL FROM data_subject")
        assert [tuple(map(int, row)) for row in keys] == [(1, 1, 0), (2, 1, 0), (3, 0, 1)]
        erasures = [record for record in house.audit.records if record["kind"] == "data_subject.erase"]
        assert [record["requester"] for record in erasures] == ["privacy_officer"] * 2
        assert "17850" not in json.dumps(house.audit.records)
    finally:
        await house.database.close()


async def test_an_erasure_can_be_repeated(fakes):
    """A call that is sent again erases nobody else and writes no second record; a stranger erases nobody."""
    linking = Linking(fakes.parts)
    await say(fakes, MARIKO, ConsentEventKind.GIVE)
    first = await linking.erase(None, SubjectNumber(1))
    assert await linking.erase(None, SubjectNumber(1)) == first
    assert [record["kind"] for record in fakes.audit.records].count("data_subject.erase") == 1
    with pytest.raises(AccessDenied):
        await linking.erase(RECOMMENDER, SubjectNumber(1))


async def test_without_the_audit_log_everything_is_withdrawn_and_nobody_erased(fakes):
    """What restricts counts at once; what cannot be undone waits for its record."""
    linking = Linking(fakes.parts)
    await say(fakes, MARIKO, ConsentEventKind.GIVE)
    fakes.audit.error = AuditUnavailable("down")
    with pytest.raises(AuditUnavailable):
        await linking.erase(None, SubjectNumber(1))
    assert await fakes.people.number_of(MARIKO) == 1
    assert await state_of(fakes, MARIKO, "lifecycle_email") is ConsentState.WITHDRAWN
