"""A yes and the law: what is refused with article and remedy, and that no no ever is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.consents.fakes import MARIKO
from tests.consents.recording_desk import EMAIL, GUARDIAN, Desk, K, open_desk, with_purpose

from sekisho.domain.consent import NO, YES, ActorType, ConsentType, is_in_force
from sekisho.domain.consent_rules import Actor
from sekisho.domain.notices import Change
from sekisho.errors import InvalidRequest
from sekisho.ports import DataSubjectRef


@pytest.fixture
def desk() -> Desk:
    return open_desk()


async def test_a_yes_that_the_law_would_not_take_is_refused_with_article_and_remedy(desk: Desk) -> None:
    """The error names both, and the codes stand in ``reasons``."""
    unnamed = with_purpose(desk, "targeted_advertising", recipients=())
    with pytest.raises(InvalidRequest, match=r"APPI 27\(1\): name the third parties") as refused:
        await unnamed.say(K.GIVE, "targeted_advertising")
    assert refused.value.reasons == ("appi_27_1_third_party",)
    assert (await unnamed.say(K.WITHDRAW, "targeted_advertising"))["state"] == "withdrawn"
    with pytest.raises(InvalidRequest) as silent:
        await desk.say(K.GIVE, consent_type=ConsentType.IMPLIED)
    assert silent.value.reasons == ("appi_2_16_expressed", "gdpr_4_11_affirmative")


async def test_an_objection_to_direct_marketing_is_lifted_by_the_person_alone(desk: Desk) -> None:
    """An operator's word does not do; the person's does."""
    await desk.say(K.OBJECT)
    with pytest.raises(InvalidRequest) as refused:
        await desk.say(K.GIVE, actor=Actor(ActorType.OPERATOR))
    assert refused.value.reasons == ("gdpr_21_3_direct_marketing",)
    assert (await desk.say(K.GIVE))["state"] == "given"


@given(
    st.sampled_from(sorted(NO)),
    st.lists(st.sampled_from([K.GIVE, K.CONFIRM, K.RENEW, K.WITHDRAW, K.DEFER, K.REFUSE]), max_size=4),
    st.sampled_from([EMAIL, "newsletter", "emotion_analysis", "ab_measurement"]),
)
async def test_a_no_is_taken_whatever_went_before(kind, before, purpose) -> None:
    """From every state, and nothing is in force after it; saying it again changes nothing."""
    desk = open_desk()
    for earlier in before:
        try:
            await desk.say(earlier, purpose)
        except InvalidRequest:
            assert earlier in YES
    first = await desk.say(kind, purpose)
    assert not is_in_force(await desk.state(purpose))
    assert (await desk.say(kind, purpose))["state"] == first["state"]


async def test_what_counts_is_what_people_are_told_now(desk: Desk) -> None:
    """Facts that were published anew go before those of the file: a recipient that is told, a country that is not."""
    notices = desk.fakes.notices
    unnamed = with_purpose(desk, "targeted_advertising", recipients=())

    async def publish(**facts: object) -> None:
        version = await notices.declare("targeted_advertising", Change.MINOR, facts, "api", "officer")
        await notices.publish_purpose("targeted_advertising", version.version, "officer")

    await publish(recipients=["third_party: Example Ads"])
    assert (await unnamed.say(K.GIVE, "targeted_advertising"))["state"] == "given"
    await publish(recipients=["third_party: Example Ads"], transfer_countries=["US"])
    with pytest.raises(InvalidRequest) as refused:
        await unnamed.say(K.GIVE, "targeted_advertising")
    assert refused.value.reasons == ("appi_28_2_abroad",)
    told = {"US": {"system": "Sectoral laws.", "measures": "Our clauses."}}
    await publish(recipients=["third_party: Example Ads"], transfer_countries=["US"], transfer_information=told)
    assert (await unnamed.say(K.GIVE, "targeted_advertising"))["state"] == "given"


async def test_a_child_stays_one_by_every_identifier() -> None:
    """Known for a child by one identifier, a person says yes alone by no linked one, before coming of age."""
    desk = open_desk()
    other = DataSubjectRef("customer_id", "12347")
    await desk.say(K.GIVE, actor=GUARDIAN, of_age_at=desk.now() + timedelta(days=400))
    one, two = [await desk.fakes.parts.registered(person) for person in (MARIKO, other)]
    await desk.fakes.ledger.link(one, two, "requester:desk")
    with pytest.raises(InvalidRequest, match="guardian"):
        await desk.say(K.GIVE, person=other)
    await desk.fakes.ledger.unlink(one, two, "requester:desk")
    assert (await desk.say(K.GIVE, person=other))["state"] == "given"
