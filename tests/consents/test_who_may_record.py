"""Who may say what for whom: collection points, relays, services; and what none of them can hand in."""

from __future__ import annotations

from typing import Any

import pytest
from tests.consents.fakes import KENJI, MARIKO, STRANGER
from tests.consents.recording_desk import EMAIL, MAILER, OFFICER, SUPPORT, Desk, K, S, open_desk

from sekisho.domain.consent import NO, SAID_BY_PEOPLE, ActorType, ConsentEventKind, is_in_force
from sekisho.domain.consent_rules import COLLECTION_POINT, Actor
from sekisho.domain.terms import Requester
from sekisho.errors import AccessDenied, InvalidRequest, PurposeNotRegistered, UnknownPurpose
from sekisho.ports import DataSubjectRef


@pytest.fixture
def desk() -> Desk:
    return open_desk()


BOTH_ROLES = Requester("shop", frozenset({EMAIL}), frozenset({COLLECTION_POINT}))


@pytest.mark.parametrize("kind", sorted(SAID_BY_PEOPLE))
async def test_nobody_says_yes_to_their_own_use(desk: Desk, kind: ConsentEventKind) -> None:
    """A collection point that uses the data records every no of its customers, and nothing else."""
    if kind in NO:
        assert not is_in_force(S((await desk.say(kind, requester=BOTH_ROLES))["state"]))
    else:
        with pytest.raises(AccessDenied):
            await desk.say(kind, requester=BOTH_ROLES)
        assert desk.recorded == 0


@pytest.mark.parametrize("requester", [MAILER, SUPPORT], ids=lambda requester: requester.name)
@pytest.mark.parametrize("kind", sorted(SAID_BY_PEOPLE - {K.WITHDRAW, K.OBJECT}))
async def test_services_pass_on_withdrawals_and_objections_alone(
    desk: Desk, requester: Requester, kind: ConsentEventKind
) -> None:
    """Whatever else a service hands in is refused, and nobody becomes known by it."""
    with pytest.raises(AccessDenied):
        await desk.say(kind, requester=requester, person=STRANGER)
    assert desk.recorded == 0
    assert await desk.fakes.people.number_of(STRANGER) is None


@pytest.mark.parametrize("kind", [K.WITHDRAW, K.OBJECT])
async def test_a_service_passes_on_for_its_own_purposes_a_relay_for_all(desk: Desk, kind: ConsentEventKind) -> None:
    """The mailer may not withdraw recommendations; the support desk may withdraw both."""
    await desk.say(kind, requester=MAILER)
    for purpose, error in (("recommendation", PurposeNotRegistered), ("nonsense", UnknownPurpose)):
        with pytest.raises(error):
            await desk.say(kind, purpose, requester=MAILER)
    for purpose in (EMAIL, "recommendation", "ab_measurement"):
        await desk.say(kind, purpose, requester=SUPPORT)
    assert desk.recorded == 4


async def test_a_service_learns_nothing_from_passing_on(desk: Desk) -> None:
    """A stranger, a customer and somebody who has refused give the same answer but for its place and id."""
    await desk.say(K.GIVE, person=MARIKO)
    await desk.say(K.REFUSE, person=KENJI)
    answers = [await desk.say(K.WITHDRAW, person=person, requester=MAILER) for person in (MARIKO, KENJI, STRANGER)]
    assert len({(answer["state"], *answer) for answer in answers}) == 1


async def test_the_officer_records_like_a_collection_point(desk: Desk) -> None:
    """Every kind, for purposes that it does not use."""
    assert (await desk.say(K.GIVE, requester=OFFICER))["state"] == "given"
    assert (await desk.say(K.REVOKE, requester=OFFICER, reason="store_closed"))["state"] == "revoked"
    assert desk.last.provenance.reason == "store_closed"


@pytest.mark.parametrize("kind", sorted(set(ConsentEventKind) - SAID_BY_PEOPLE))
async def test_what_the_gateway_writes_nobody_hands_in(desk: Desk, kind: ConsentEventKind) -> None:
    """Expiry, links and publications are no events of people."""
    with pytest.raises(InvalidRequest, match="event is one of"):
        await desk.say(kind)


async def test_a_machine_never_says_yes() -> None:
    """Neither a signal nor a system, law or none; each may say no."""
    desk = open_desk(rule_sets=())
    ways: list[dict[str, Any]] = [{"actor": Actor(actor)} for actor in (ActorType.SYSTEM, ActorType.SIGNAL)]
    for more in (*ways, {"method": "signal"}):
        with pytest.raises(InvalidRequest, match="never yes"):
            await desk.say(K.GIVE, **more)
        assert (await desk.say(K.OBJECT, **more))["state"] == "objected"


async def test_what_cannot_be_read_is_refused(desk: Desk) -> None:
    """Another method, purpose, cell, ground or kind of identifier; nobody becomes known by it."""
    faults: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"method": "guess"}, InvalidRequest),
        ({"purpose": "nonsense"}, UnknownPurpose),
        ({"purpose": "customer_support"}, InvalidRequest),
        ({"scope": {"data_category": "purchase"}}, InvalidRequest),
        ({"person": DataSubjectRef("shoe_size", "42")}, InvalidRequest),
        ({"person": DataSubjectRef("pseudonym", "abc")}, InvalidRequest),
    ]
    for kind in (K.GIVE, K.WITHDRAW):
        for more, error in faults:
            with pytest.raises(error):
                await desk.say(kind, **more)
    assert (desk.recorded, desk.fakes.people.last) == (0, 0)


@pytest.mark.parametrize("kind", [K.GIVE, K.WITHDRAW])
async def test_a_kind_of_identifier_that_is_not_in_use_is_refused(desk: Desk, kind: ConsentEventKind) -> None:
    """Also of somebody who is known under it: a decision recorded there would have no effect on any data."""
    await desk.fakes.people.register("loyalty_card", ["7"])
    with pytest.raises(InvalidRequest, match="named by one of"):
        await desk.say(kind, person=DataSubjectRef("loyalty_card", "7"))
    assert desk.recorded == 0
