"""What services and people read of consent: as little as they may know, now and as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.consents.fakes import KENJI, MARIKO, STRANGER, FakeParts, make_parts

from sekisho.consents.opaque import OpaqueIds
from sekisho.consents.reading import Reading
from sekisho.domain.consent import ConsentEventKind, ConsentRecord, ConsentState
from sekisho.domain.consent_explained import judged, rule_behind
from sekisho.domain.consent_rules import COLLECTION_POINT, PRIVACY_OFFICER
from sekisho.domain.notices import Change
from sekisho.domain.terms import Cell, LegalBasis, Purpose, Requester, SubjectNumber
from sekisho.errors import (
    AccessDenied,
    ConsentUnavailable,
    InvalidRequest,
    NotFound,
    PurposeNotRegistered,
    UnknownPurpose,
)
from sekisho.ports import ConsentEventInput, DataSubjectRef
from sekisho.pseudonymity import Pseudonymity

MAILER = Requester("mailer", frozenset({"lifecycle_email", "recommendation", "ab_measurement", "customer_support"}))
DESK = Requester("consent_desk", frozenset(), frozenset({COLLECTION_POINT}))
OFFICER = Requester("officer", frozenset(), frozenset({PRIVACY_OFFICER}))
EMAIL = "lifecycle_email"
KINDS = ConsentEventKind


@dataclass(frozen=True)
class Ask:
    """A question, as the HTTP face hands it in."""

    person: DataSubjectRef
    purpose: str = EMAIL
    scope: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Scene:
    """Reading over fakes, and a short way to record."""

    fakes: FakeParts
    reading: Reading

    async def say(self, person: DataSubjectRef, kind: ConsentEventKind, purpose: str = EMAIL, **more: Any) -> str:
        """Record what *person* said, a minute after what was said before; return the id."""
        self.fakes.clock.advance(60)
        number = (await self.fakes.people.register(person.identifier, [person.value]))[0]
        cells = more.pop("cells", None) or self.fakes.ledger.purposes[purpose].all_cells()
        event = ConsentEventInput(
            SubjectNumber(int(number)), purpose, cells, kind, "web_form", "data_subject", **more
        )
        return (await self.fakes.ledger.record([event]))[0].id

    async def one(self, requester: Requester = MAILER, **more: Any) -> dict[str, Any]:
        """Return the answer to one question about Mariko."""
        purpose = more.pop("purpose", EMAIL)
        return (await self.reading.check(requester, [Ask(MARIKO, purpose)], **more))[0]


@pytest.fixture
def scene() -> Scene:
    fakes = make_parts()
    parts = replace(fakes.parts, pseudonyms=Pseudonymity(fakes.keys, fakes.people))
    return Scene(replace(fakes, parts=parts), Reading(parts))


def person(name: str) -> DataSubjectRef:
    return DataSubjectRef("customer_id", name)


async def test_everybody_without_consent_is_answered_alike(scene: Scene) -> None:
    """Unknown, never asked, refused, withdrawn, deferred, expired and foreign pseudonyms give the same item."""
    now = scene.fakes.clock.now()
    await scene.say(person("never"), KINDS.GIVE, "recommendation")
    await scene.say(person("refused"), KINDS.REFUSE)
    await scene.say(person("withdrawn"), KINDS.GIVE)
    await scene.say(person("withdrawn"), KINDS.WITHDRAW)
    await scene.say(person("deferred"), KINDS.DEFER)
    await scene.say(person("expired"), KINDS.GIVE, valid_until=now + timedelta(seconds=1))
    await scene.say(MARIKO, KINDS.GIVE)
    known = await scene.fakes.people.numbers_of("customer_id", [MARIKO.value])
    pseudonyms = scene.reading._parts.pseudonyms
    assert pseudonyms is not None
    mine, foreign, other = (
        DataSubjectRef("pseudonym", pseudonyms.pseudonyms_of(requester, purpose, known)[0])
        for requester, purpose in ((MAILER, EMAIL), (DESK, EMAIL), (MAILER, "recommendation"))
    )
    people = [person(n) for n in ("never", "refused", "withdrawn", "deferred", "expired")]
    people += [STRANGER, DataSubjectRef("email_sha256", "0" * 64), DataSubjectRef("nonsense", "1"), foreign, other]
    people += [DataSubjectRef("pseudonym", "no pseudonym")]
    answers = await scene.reading.check(MAILER, [Ask(one) for one in [*people, MARIKO, mine]], explain=True)
    assert answers[: len(people)] == [{"allowed": False, "seq": 7}] * len(people)
    assert answers[len(people) :] == [{"allowed": True, "seq": 7}] * 2
    for number, one in enumerate(people):
        # Alone is another way through the code.
        assert await scene.reading.check(MAILER, [Ask(one)], explain=True) == [answers[number]]


async def test_a_service_never_learns_of_links(scene: Scene) -> None:
    """A no under a linked identifier shows as any other no, with and without explain."""
    await scene.say(MARIKO, KINDS.GIVE)
    await scene.say(KENJI, KINDS.REFUSE)
    await scene.fakes.ledger.link(SubjectNumber(1), SubjectNumber(2), "requester:consent_desk")
    assert await scene.one(explain=True) == {"allowed": False, "seq": 3}
    told = await scene.one(DESK, explain=True)
    assert (told["state"], told["receipt_id"]) == ("refused", None)
    assert told["reasons"] == ["lifecycle_email:refused", "lifecycle_email:linked"]


async def test_own_purposes_only(scene: Scene) -> None:
    """Another's purpose is not registered, one that does not exist unknown, as with a query; nothing is read."""
    service = Requester("recommender", frozenset({"recommendation"}))
    scene.fakes.ledger.error = ConsentUnavailable("must not be asked")
    for purpose, error in ((EMAIL, PurposeNotRegistered), ("nonsense", UnknownPurpose)):
        with pytest.raises(error):
            await scene.reading.check(service, [Ask(MARIKO, "recommendation"), Ask(MARIKO, purpose)])
        with pytest.raises(error):
            await scene.reading.filter(service, purpose, {"customer_id": ["1"]})
    with pytest.raises(UnknownPurpose):
        await scene.reading.check(DESK, [Ask(MARIKO, "nonsense")])


async def test_collection_points_are_told_why(scene: Scene) -> None:
    """They get state, receipt and reasons, and with explain the event, notice, rule and what would change it."""
    await scene.say(MARIKO, KINDS.GIVE, notice_version="1")
    withdrawal = await scene.say(MARIKO, KINDS.WITHDRAW)
    for requester in (DESK, OFFICER):
        plain = await scene.one(requester)
        assert plain == {
            "allowed": False,
            "seq": 2,
            "state": "withdrawn",
            "receipt_id": withdrawal,
            "reasons": ["lifecycle_email:withdrawn"],
        }
    why = (await scene.one(DESK, explain=True))["explanation"]
    assert why["event"] == {"id": withdrawal, "seq": 2}
    assert (why["rule"], why["articles"], why["cell"]) == ("withdrawn", ("GDPR 7(3)",), "lifecycle_email")
    assert (why["notice_version"], why["notice_in_force"]) == (None, "1")
    assert why["rule_sets"] == ("appi@2022-04", "gdpr@2018-05")
    assert "new yes" in why["changed_by"]


async def test_the_cell_that_stands_in_the_way_decides(scene: Scene) -> None:
    """Of two cells the one without consent gives state and receipt."""
    cell = Cell("recommendation/data_category=behaviour")
    await scene.say(MARIKO, KINDS.GIVE, "recommendation")
    no = await scene.say(MARIKO, KINDS.WITHDRAW, "recommendation", cells=(cell,))
    told = await scene.one(DESK, purpose="recommendation", explain=True)
    assert (told["allowed"], told["state"], told["receipt_id"]) == (False, "withdrawn", no)
    assert told["explanation"]["cell"] == cell
    purchase = Ask(MARIKO, "recommendation", {"data_category": "purchase"})
    assert (await scene.reading.check(MAILER, [purchase]))[0]["allowed"]


async def test_unknown_people_and_contracts_are_explained_too(scene: Scene) -> None:
    """An unknown person is unknown even where silence counts as yes; a contract asks nobody."""
    unknown = await scene.one(DESK, purpose="ab_measurement", explain=True)
    assert (unknown["allowed"], unknown["state"], unknown["reasons"]) == (False, "unknown", ["unknown_data_subject"])
    assert unknown["explanation"]["rule"] == "unknown_data_subject"
    await scene.say(MARIKO, KINDS.GIVE)
    contract = await scene.one(DESK, purpose="customer_support", explain=True)
    assert (contract["allowed"], contract["state"], contract["receipt_id"]) == (True, None, None)
    assert contract["explanation"]["rule"] == "contract"
    assert (await scene.one(purpose="ab_measurement"))["allowed"]


@given(st.sampled_from(list(ConsentState)), st.sampled_from(list(LegalBasis)))
def test_every_state_has_a_rule(state: ConsentState, basis: LegalBasis) -> None:
    """Whatever the state and ground, there is a rule and something that would change the answer."""
    purpose = Purpose("p", basis)
    record = ConsentRecord(Cell("p"), state, 1, None, None, None)
    verdict = judged(purpose, purpose.all_cells(), {Cell("p"): record}, datetime(2026, 1, 1, tzinfo=UTC))
    assert rule_behind(purpose, verdict).changed_by
    assert rule_behind(purpose, judged(purpose, purpose.all_cells(), None, datetime(2026, 1, 1, tzinfo=UTC))).rule


async def test_what_either_read_denies_is_denied(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A withdrawal between the bits and the records is never told as allowed."""
    await scene.say(MARIKO, KINDS.GIVE)
    reads = scene.fakes.ledger.records_at

    async def later(*args: Any, **more: Any) -> Any:
        await scene.say(MARIKO, KINDS.WITHDRAW)
        return await reads(*args, **more)

    monkeypatch.setattr(scene.fakes.ledger, "records_at", later)
    told = await scene.one(DESK)
    assert (told["allowed"], told["state"]) == (False, "withdrawn")


async def test_the_past_is_answered_as_now_known_and_as_then_believed(scene: Scene) -> None:
    """A yes imported later was true at the time, and was not known then; a service sees allowed and seq alone."""
    start = scene.fakes.clock.now()
    noon, evening = start + timedelta(hours=12), start + timedelta(hours=18)
    await scene.say(KENJI, KINDS.GIVE)
    scene.fakes.clock.advance(24 * 3600)
    await scene.say(MARIKO, KINDS.GIVE, occurred_at=start + timedelta(hours=10), historical=True)
    await scene.say(MARIKO, KINDS.WITHDRAW)
    assert await scene.one(valid_at=noon) == {"allowed": True, "seq": 3}
    assert await scene.one(valid_at=noon, known_at=evening) == {"allowed": False, "seq": 3}
    assert await scene.one(known_at=evening) == {"allowed": False, "seq": 3}
    assert await scene.one() == {"allowed": False, "seq": 3}
    told = await scene.one(DESK, valid_at=noon, explain=True)
    assert (told["allowed"], told["state"], told["explanation"]["event"]["seq"]) == (True, "given", 2)
    with pytest.raises(PurposeNotRegistered):
        await scene.one(valid_at=noon, purpose="newsletter")


async def test_expiry_is_told_as_of_the_time_asked_about(scene: Scene) -> None:
    """What expires tomorrow holds today and not the day after, also when asked ahead."""
    day = timedelta(days=1)
    now = scene.fakes.clock.now()
    await scene.say(MARIKO, KINDS.GIVE, valid_until=now + day)
    assert (await scene.one(valid_at=now + day / 2))["allowed"]
    assert not (await scene.one(valid_at=now + 2 * day))["allowed"]
    assert (await scene.one(DESK, valid_at=now + 2 * day))["state"] == "expired"


async def test_a_time_without_utc_is_refused(scene: Scene) -> None:
    """The end of the calendar in the far west is no instant in UTC."""
    with pytest.raises(InvalidRequest):
        await scene.one(valid_at=datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14))))


async def test_a_sequence_that_does_not_come_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """``min_seq`` beyond the ledger ends as ``consent_unavailable``, for every way of reading."""
    clock = iter(range(1000))
    monkeypatch.setattr(scene.fakes.clock, "monotonic", lambda: float(next(clock)))
    await scene.say(MARIKO, KINDS.GIVE)
    number = OpaqueIds(scene.fakes.keys).id_of(SubjectNumber(1))
    for call in (
        lambda: scene.one(min_seq=2),
        lambda: scene.one(min_seq=2, purpose="customer_support"),
        lambda: scene.one(min_seq=2, valid_at=scene.fakes.clock.now()),
        lambda: scene.reading.filter(MAILER, EMAIL, {"customer_id": ["1"]}, min_seq=2),
        lambda: scene.reading.filter(MAILER, "customer_support", {"customer_id": ["1"]}, min_seq=2),
        lambda: scene.reading.my_consents(MARIKO, min_seq=2),
        lambda: scene.reading.subject_consents(DESK, number, min_seq=2),
    ):
        with pytest.raises(ConsentUnavailable):
            await call()
    assert (await scene.one(min_seq=1))["allowed"]


async def test_a_filter_answers_like_checks(scene: Scene) -> None:
    """Each of many names gets what a check of it alone would say, for consent, objection and contract."""
    names = ["1", "2", "3", "4"]
    await scene.say(person("1"), KINDS.GIVE)
    await scene.say(person("2"), KINDS.GIVE)
    await scene.say(person("2"), KINDS.WITHDRAW)
    await scene.say(person("3"), KINDS.OBJECT, "ab_measurement")
    numbers = await scene.fakes.people.numbers_of("customer_id", ["1", "2"])
    assert scene.fakes.parts.pseudonyms is not None
    for purpose in (EMAIL, "ab_measurement", "customer_support"):
        tokens = scene.fakes.parts.pseudonyms.pseudonyms_of(MAILER, purpose, numbers)
        named = {"customer_id": names, "pseudonym": [*tokens, "f" * 32, "x", tokens[0].upper()]}
        allowed, seq = await scene.reading.filter(MAILER, purpose, named)
        asks = [Ask(DataSubjectRef(kind, value), purpose) for kind, values in named.items() for value in values]
        checked = await scene.reading.check(MAILER, asks)
        assert [yes for mask in allowed.values() for yes in mask] == [answer["allowed"] for answer in checked]
        assert seq == 4
    assert await scene.reading.filter(MAILER, EMAIL, {}) == ({}, 4)


async def test_pseudonyms_cannot_be_read_without_keys(scene: Scene) -> None:
    """Where nobody receives pseudonyms, none can be filtered."""
    reading = Reading(replace(scene.fakes.parts, pseudonyms=None))
    with pytest.raises(InvalidRequest):
        await reading.filter(MAILER, EMAIL, {"pseudonym": ["f" * 32]})


async def test_a_persons_consents_are_for_those_who_may_know(scene: Scene) -> None:
    """Others are denied before anything is looked up, whatever the id; a made-up id names nobody."""
    await scene.say(MARIKO, KINDS.GIVE, notice_version="1")
    real = OpaqueIds(scene.fakes.keys).id_of(SubjectNumber(1))
    for subject_id in (real, "0" * 32, "nonsense"):
        with pytest.raises(AccessDenied):
            await scene.reading.subject_consents(MAILER, subject_id)
    for subject_id in ("0" * 32, "nonsense", real.upper(), real[:-1]):
        with pytest.raises(NotFound, match="There is no such data subject"):
            await scene.reading.subject_consents(DESK, subject_id)


async def test_a_persons_consents_as_they_are_and_were(scene: Scene) -> None:
    """Items as the person sees them, with receipt, at the time asked about, which is named in UTC."""
    before = scene.fakes.clock.now()
    receipt = await scene.say(MARIKO, KINDS.GIVE, notice_version="1")
    subject_id = OpaqueIds(scene.fakes.keys).id_of(SubjectNumber(1))
    found = await scene.reading.subject_consents(DESK, subject_id)
    mine = await scene.reading.my_consents(MARIKO)
    assert found["items"] == mine["items"]
    assert (found["seq"], found["valid_at"]) == (1, "2026-11-21T00:01:00Z")
    item = next(item for item in _items(found) if item["purpose"] == EMAIL)
    assert (item["state"], item["receipt_id"], item["given_on"]) == ("given", receipt, "1")
    then = await scene.reading.subject_consents(OFFICER, subject_id, valid_at=before, known_at=before)
    assert {item["state"] for item in _items(then)} == {"unknown", "active_by_default", None}
    assert (then["valid_at"], then["known_at"]) == ("2026-11-21T00:00:00Z", "2026-11-21T00:00:00Z")


async def test_the_notice_shown_is_the_one_in_force(scene: Scene) -> None:
    """A decision must cite what is in force now; what was decided on stands apart."""
    await scene.say(MARIKO, KINDS.GIVE, notice_version="1")
    newer = await scene.fakes.notices.draft("mail", Change.MAJOR, (EMAIL,), {"ja": "新", "en": "new"}, "officer")
    await scene.fakes.notices.publish("mail", newer.version, "officer")
    item = next(item for item in _items(await scene.reading.my_consents(MARIKO)) if item["purpose"] == EMAIL)
    assert item["notice"] == {"key": "mail", "version": "2"}
    assert (item["given_on"], item["state"]) == ("1", "needs_reconsent")
    assert (await scene.one(DESK))["state"] == "needs_reconsent"
    stranger = await scene.reading.my_consents(STRANGER)
    assert all(item["receipt_id"] is None for item in _items(stranger))


async def test_nothing_is_asked_of_nobody(scene: Scene) -> None:
    """No questions give no answers."""
    assert await scene.reading.check(MAILER, []) == []


def _items(answer: dict[str, object]) -> list[dict[str, Any]]:
    items = answer["items"]
    assert isinstance(items, list)
    return items
