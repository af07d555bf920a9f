"""What went wrong elsewhere must not happen here: one test for each trap, at the use cases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.consents.fakes import KENJI, MARIKO, STRANGER
from tests.consents.recording_desk import DESK, EMAIL, MAILER, Desk, K, S, give, open_desk, with_purpose, withdraw

from sekisho.consents.reading import Reading
from sekisho.domain.consent import ConsentType, is_in_force
from sekisho.domain.notices import Change
from sekisho.domain.terms import LegalBasis, Purpose
from sekisho.errors import InvalidRequest
from sekisho.http.services import ConsentQuestion
from sekisho.ports import DataSubjectRef


@pytest.fixture
def desk() -> Desk:
    return open_desk()


async def may_use(desk: Desk, person: DataSubjectRef = MARIKO, purpose: str = EMAIL) -> bool:
    """Return whether a check allows the use."""
    answers = await Reading(desk.fakes.parts).check(DESK, [ConsentQuestion(person, purpose)])
    return answers[0]["allowed"] is True


@pytest.mark.parametrize("kind", [K.REVOKE, K.WITHDRAW, K.REFUSE, K.OBJECT, K.INVALIDATE])
async def test_revoking_twice_is_no_error(desk: Desk, kind) -> None:
    """The second answer says what the first said."""
    await desk.say(K.GIVE)
    first, second = await desk.say(kind), await desk.say(kind)
    assert first["state"] == second["state"]
    assert not await may_use(desk)


async def test_one_regime_does_not_overwrite_another(desk: Desk) -> None:
    """A signal of one regime ends what it covers and touches nothing else; a yes has to do for every regime."""
    await desk.decide(give(), give("targeted_advertising"))
    await desk.recording.object_by_signal(MARIKO)
    assert await desk.state() is S.GIVEN
    assert await desk.state("targeted_advertising") is S.OBJECTED
    american = {"gdpr": LegalBasis.CONTRACT}  # what asks less in one regime
    split = with_purpose(desk, "emotion_analysis", legal_bases=american)
    with pytest.raises(InvalidRequest) as refused:  # asks no less in the other
        await split.say(K.GIVE, "emotion_analysis", consent_type=ConsentType.EXPRESSED)
    assert refused.value.reasons == ("appi_20_2_sensitive",)


@pytest.mark.parametrize("purpose", [EMAIL, "recommendation", "newsletter", "ab_measurement"])
async def test_missing_consent_means_no(desk: Desk, purpose: str) -> None:
    """Nobody who is unknown may be used, nor is who was never asked for consent; deferring is no yes."""
    assert not await may_use(desk, STRANGER, purpose)
    await desk.say(K.WITHDRAW, "targeted_advertising")  # known now, and never asked about the others
    by_default = desk.fakes.ledger.purposes[purpose].legal_basis is LegalBasis.LEGITIMATE_INTEREST
    assert await may_use(desk, MARIKO, purpose) == by_default
    for kind in (K.REQUEST, K.DEFER):
        await desk.say(kind, purpose)
        assert await may_use(desk, MARIKO, purpose) == by_default


async def test_a_cell_that_was_not_asked_about_is_a_no(desk: Desk) -> None:
    """Half a purpose is not the whole of it."""
    await desk.say(K.GIVE, "recommendation", scope={"data_category": "purchase"})
    assert not await may_use(desk, MARIKO, "recommendation")


async def test_a_withdrawal_under_another_name_of_the_person_counts(desk: Desk) -> None:
    """Any identifier of a person ends the use for all of them; one that nobody is named by is refused aloud."""
    await desk.say(K.GIVE)
    number = await desk.fakes.people.number_of(MARIKO)
    assert number is not None
    mail = DataSubjectRef("email_sha256", "0" * 64)
    await desk.fakes.people.attach(number, mail.identifier, mail.value)
    await desk.say(K.WITHDRAW, person=mail, requester=MAILER)
    assert not await may_use(desk)
    with pytest.raises(InvalidRequest):
        await desk.say(K.WITHDRAW, person=DataSubjectRef("device_id", "1"))


async def test_a_withdrawal_before_anybody_was_known_counts(desk: Desk) -> None:
    """The person who is met later is met with the no."""
    await desk.say(K.WITHDRAW, person=STRANGER, requester=MAILER)
    await desk.say(K.GIVE, person=STRANGER, method="paper", occurred_at=desk.now() - timedelta(days=1))
    assert not await may_use(desk, STRANGER)


@pytest.mark.parametrize("purpose", [EMAIL, "newsletter"], ids=["opt-in", "double opt-in"])
@pytest.mark.parametrize("ended", ["withdrawn", "refused", "revoked", "objected", "expired", "outdated"])
async def test_consent_can_be_given_again_however_it_ended(desk: Desk, purpose: str, ended: str) -> None:
    """No earlier answer stands in the way of a new yes on the notice in force."""

    async def say_yes() -> None:
        await desk.say(K.GIVE, purpose, valid_until=desk.now() + timedelta(days=1))
        if purpose == "newsletter":
            await desk.say(K.CONFIRM, purpose)
        assert is_in_force(await desk.state(purpose))

    await say_yes()
    if ended == "expired":
        desk.fakes.clock.advance(2 * 86_400)
    elif ended == "outdated":
        draft = await desk.fakes.notices.draft("notice", Change.MAJOR, (purpose,), {"ja": "新", "en": "new"}, "o")
        await desk.fakes.notices.publish("notice", draft.version, "o")
    else:
        no = {"withdrawn": K.WITHDRAW, "refused": K.REFUSE, "revoked": K.REVOKE, "objected": K.OBJECT}
        await desk.say(no[ended], purpose)
    assert not is_in_force(await desk.state(purpose))
    await say_yes()


async def test_an_end_needs_no_timer(desk: Desk) -> None:
    """What has expired is not used, although nothing has happened since."""
    await desk.say(K.GIVE, valid_until=desk.now() + timedelta(seconds=90))
    assert await may_use(desk)
    desk.fakes.clock.advance(60)
    assert not await may_use(desk)
    assert desk.recorded == 1


async def test_nobody_decides_for_somebody_else(desk: Desk) -> None:
    """What Mariko gives and withdraws on her page is hers alone."""
    await desk.recording.decide(KENJI, [give()])
    await desk.decide(give())
    await desk.decide(withdraw())
    await desk.recording.withdraw_all(MARIKO)
    assert await desk.state(EMAIL, KENJI) is S.GIVEN


async def test_a_pending_yes_is_none(desk: Desk) -> None:
    """Double opt-in: before the confirmation nothing may be used."""
    await desk.say(K.GIVE, "newsletter")
    assert not await may_use(desk, MARIKO, "newsletter")
    await desk.say(K.CONFIRM, "newsletter")
    assert await may_use(desk, MARIKO, "newsletter")


async def test_no_person_number_and_no_name_stands_in_an_answer() -> None:
    """Answers have ids, sequences and states only."""
    desk = open_desk({"p": Purpose("p", LegalBasis.CONSENT)})
    answer = await desk.say(K.GIVE, "p")
    assert set(answer) == {"id", "seq", "state", "receipt_id"}
    assert MARIKO.value not in repr(answer)
