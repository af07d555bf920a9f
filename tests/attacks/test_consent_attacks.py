"""Attacks on consent over the whole application: a no that would not count, a yes that would, others made to pay."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from tests.adapters.records.conftest import PURPOSES, keys, ledger, people
from tests.gateway.conftest import built, folder, site
from tests.gateway.site import Site

from sekisho.adapters.records.consent_links import MOST_LINKED
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.domain.consent import ConsentEventKind, ConsentState, Provenance
from sekisho.domain.terms import SubjectNumber
from sekisho.domain.webhooks import Delivery, DeliveryStatus
from sekisho.errors import InvalidRequest, Refused
from sekisho.http.routes.webhooks import _evidence
from sekisho.ports import ConsentEventInput

__all__ = ["built", "folder", "keys", "ledger", "people", "site"]

DESK, SERVICE, OFFICER = "consent_desk", "analyst", "privacy_officer"
PURPOSE = "churn_prediction"  # one of SERVICE
EMAIL = PURPOSES["lifecycle_email"]


async def say(
    site: Site, requester: str, kind: str, customer: int | str, *, key: str | None = None, **more: Any
) -> httpx.Response:
    """Hand in one event."""
    headers = site.headers(requester) | ({} if key is None else {"Idempotency-Key": key})
    body = {"data_subject": f"customer_id:{customer}", "purpose": PURPOSE, "event": kind, "method": "web_form"}
    return await site.client.post("/v1/consents/events", json=body | more, headers=headers)


async def state(site: Site, customer: int) -> str:
    """Return the state of the person, as the desk reads it."""
    body = {"items": [{"data_subject": f"customer_id:{customer}", "purpose": PURPOSE}]}
    answer = await site.client.post("/v1/consents:check", json=body, headers=site.headers(DESK))
    return str(answer.json()["items"][0]["state"])


def event(number: SubjectNumber, kind: ConsentEventKind, **more: Any) -> ConsentEventInput:
    """Return an event about e-mail."""
    return ConsentEventInput(number, EMAIL.name, EMAIL.all_cells(), kind, "web_form", "requester:desk", **more)


async def numbers(people: PeopleRegistry, count: int) -> list[SubjectNumber]:
    """Return new people."""
    found = await people.register("customer_id", [f"c{place}" for place in range(count)])
    return [SubjectNumber(int(number)) for number in found]


async def test_a_second_no_under_an_old_key_counts(site: Site) -> None:
    """A key made of person and purpose answers as before, and the no counts although a yes came in between."""
    person = site.customers()[0]
    assert (await say(site, DESK, "give", person)).status_code == 200
    first = await say(site, SERVICE, "withdraw", person, key="churn-1")
    assert (await say(site, DESK, "give", person)).json()["state"] == "given"
    again = await say(site, SERVICE, "withdraw", person, key="churn-1")
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert await state(site, person) == "withdrawn"


async def test_a_second_no_of_the_person_under_an_old_key_counts(site: Site) -> None:
    """The same on the person's own page."""
    person = site.customers()[0]
    assert site.workspace.issuer is not None
    token = site.workspace.issuer.data_subject_token(f"customer_id:{person}")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "mine"}
    for _ in range(2):
        assert (await say(site, DESK, "give", person)).status_code == 200
        path = f"/v1/me/consents/{PURPOSE}:withdraw"
        assert (await site.client.post(path, json={}, headers=headers)).status_code == 200
        assert await state(site, person) == "withdrawn"


async def test_a_no_sent_again_is_one_event(site: Site) -> None:
    """A retry of a no that stands records nothing: keys keep doing what they are for."""
    person = site.customers()[0]
    for _ in range(3):
        assert (await say(site, SERVICE, "withdraw", person, key="once")).status_code == 200
    ledger = site.workspace.consents.reading._ledger
    history = await ledger.history(site.number_of(person))
    assert [one.kind for one in history if one.purpose == PURPOSE].count(ConsentEventKind.WITHDRAW) == 1


@pytest.mark.parametrize("spelt", ["0{}", "0x{:x}", "{}.0", "{}abc"])
async def test_a_yes_under_another_spelling_is_another_persons(site: Site, spelt: str) -> None:
    """Whoever is not spelt as the store spells its keys has no rows there, and disturbs nobody else's statement."""
    person = site.customers()[0]
    query = {"purpose": PURPOSE, "sql": "SELECT DISTINCT customer_id FROM crm.customers"}
    await say(site, DESK, "give", person)
    before = (await site.client.post("/v1/query", json=query, headers=site.headers(SERVICE))).json()["rows"]
    await say(site, DESK, "withdraw", person)
    assert (await say(site, DESK, "give", spelt.format(person))).json()["state"] == "given"
    after = (await site.client.post("/v1/query", json=query, headers=site.headers(SERVICE))).json()["rows"]
    assert len(after) == len(before) - 1
    changes = (await site.client.get("/v1/consents/changes", headers=site.headers(SERVICE))).json()["items"]
    asked = query | {"sql": f"{query['sql']} WHERE customer_id = ?", "parameters": [changes[-1]["data_subject"]]}
    answer = await site.client.post("/v1/query", json=asked, headers=site.headers(SERVICE))
    assert (answer.status_code, answer.json()["rows"]) == (200, [])


async def test_an_old_yes_is_not_given_again(site: Site) -> None:
    """A yes that is replayed after a withdrawal is an answer from memory and gives nothing."""
    person = site.customers()[0]
    await say(site, DESK, "give", person, key="yes")
    await say(site, SERVICE, "withdraw", person)
    assert (await say(site, DESK, "give", person, key="yes")).headers["idempotency-replayed"] == "true"
    assert await state(site, person) == "withdrawn"


@pytest.mark.parametrize(
    "poison",
    [
        {"occurred_at": "9999-12-31T23:59:59-12:00"},
        {"occurred_at": "0001-01-01T00:00:00+12:00"},
        {"of_age_at": "9999-12-31T23:59:59-12:00"},
        {"notice_version": "1\u0000"},
        {"notice_version": "\x1b[2J"},
    ],
    ids=["far", "early", "of_age", "nul", "escape"],
)
async def test_nobody_pays_for_what_another_hands_in(site: Site, poison: dict[str, str]) -> None:
    """A withdrawal with a value that cannot be kept is refused; those in the same moment are recorded."""
    others = site.customers()[:8]
    answers = await asyncio.gather(
        *(say(site, SERVICE, "withdraw", one, **(poison if one == others[2] else {})) for one in others)
    )
    expected = [422 if one == others[2] else 200 for one in others]
    assert [answer.status_code for answer in answers] == expected
    assert await site.workspace.audit.healthy()


@pytest.mark.parametrize("when", ["9998-01-01T00:00:00Z", "0002-01-01T00:00:00Z"])
async def test_nothing_is_recorded_that_cannot_be_audited(site: Site, when: str) -> None:
    """A time that the audit log has no room for is refused: one such event would hold up the trail for ever."""
    answer = await say(site, DESK, "withdraw", site.customers()[0], of_age_at=when)
    assert answer.status_code == 422


async def test_a_service_does_not_say_how_old_somebody_is(site: Site) -> None:
    """Who passes on a no cannot make a child an adult by it, nor an adult a child."""
    person = site.customers()[0]
    await say(site, SERVICE, "withdraw", person, of_age_at="2012-01-01T00:00:00Z")
    ledger = site.workspace.consents.reading._ledger
    newest = (await ledger.history(site.number_of(person)))[-1]
    assert newest.provenance.of_age_at is None


async def test_a_bad_event_does_not_take_others_with_it(ledger: SqlConsentLedger, people: PeopleRegistry) -> None:
    """In the ledger itself: one event that the database cannot hold fails alone, on either database."""
    crowd = await numbers(people, 9)
    done = await asyncio.gather(
        *(
            ledger.record(
                [event(one, ConsentEventKind.WITHDRAW, **({"occurred_at": _beyond()} if one == crowd[2] else {}))]
            )
            for one in crowd
        ),
        return_exceptions=True,
    )
    assert [isinstance(answer, list) for answer in done] == [one != crowd[2] for one in crowd]


@pytest.mark.postgres
async def test_a_value_of_no_database_does_not_take_others_with_it(
    ledger: SqlConsentLedger, people: PeopleRegistry
) -> None:
    """A NUL, which PostgreSQL refuses, is the fault of who sent it."""
    crowd = await numbers(people, 9)
    done = await asyncio.gather(
        *(
            ledger.record(
                [event(one, ConsentEventKind.WITHDRAW, **({"notice_version": "\0"} if one == crowd[2] else {}))]
            )
            for one in crowd
        ),
        return_exceptions=True,
    )
    assert all(isinstance(answer, list) for one, answer in zip(crowd, done, strict=True) if one != crowd[2])
    assert isinstance(done[2], list | Refused)


async def test_what_waits_for_confirmation_grows_old(ledger: SqlConsentLedger, people: PeopleRegistry) -> None:
    """A yes that waits is outdated by a major publication, though its notice stayed: confirming it is refused."""
    (person,) = await numbers(people, 1)
    await ledger.record([event(person, ConsentEventKind.GIVE, notice_version="1", confirmed=True)])
    _, before = await ledger.records_of(person)
    await ledger.publish({EMAIL.name: EMAIL.all_cells()}, "officer", Provenance())
    _, after = await ledger.records_of(person)
    cell = EMAIL.all_cells()[0]
    assert before[cell].state is after[cell].state is ConsentState.PENDING_CONFIRMATION
    assert (before[cell].outdated, after[cell].outdated) == (False, True)


async def test_a_person_has_so_many_identifiers(ledger: SqlConsentLedger, people: PeopleRegistry) -> None:
    """A group of linked numbers is bounded: each no is worked out for all of them while everybody waits."""
    crowd = await numbers(people, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sekisho.adapters.records.consent_links.MOST_LINKED", 4)
        for other in crowd[1:4]:
            await ledger.link(crowd[0], other, "requester:desk")
        await ledger.link(crowd[1], crowd[2], "requester:desk")  # within the group: nobody more
        with pytest.raises(InvalidRequest, match="at most 4"):
            await ledger.link(crowd[3], crowd[4], "requester:desk")
    assert MOST_LINKED <= 250


def _beyond() -> datetime:
    return datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=12)))


@pytest.mark.parametrize("inside", [True, False], ids=["officer", "service"])
def test_a_delivery_does_not_tell_of_names_inside(inside: bool) -> None:
    """A service cannot ask, by registering webhooks, which names of the house exist: both kinds look alike."""
    told = {
        _evidence(Delivery(1, DeliveryStatus.WAITING, 1, None, None, None, fault), inside=inside)["fault"]
        for fault in ("unresolved", "address_refused")
    }
    assert len(told) == (2 if inside else 1)
