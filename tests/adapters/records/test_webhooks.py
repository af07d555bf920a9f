"""Whose webhooks there are, what they are told, and what becomes of their secrets."""

# ruff: noqa: PLC0414 - fixtures are handed over by name

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.consent_tables import webhook
from sekisho.consents.webhooks import MAX_WEBHOOKS
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import SubjectNumber
from sekisho.domain.webhooks import DeliveryStatus, Outcome
from sekisho.errors import AccessDenied, AuditUnavailable, ConsentUnavailable, InvalidRequest, NotFound
from tests.adapters.records.webhook_world import (
    AUDITOR,
    DESK,
    MAILER,
    OFFICER,
    RECOMMENDER,
    URL,
    House,
    evidence,
    in_order,
)
from tests.adapters.records.webhook_world import here as here


async def test_a_service_hears_of_its_own_purposes_under_its_own_pseudonyms(here: House) -> None:
    """CloudEvents 1.0 of the service's purposes alone; the person is a pseudonym that the gateway reads back."""
    await here.webhooks.create(MAILER, URL)
    await here.give(1, "recommendation")
    event = await here.give(2)
    await here.ledger.link(SubjectNumber(2), SubjectNumber(3), "officer")
    await here.say(3, ConsentEventKind.WITHDRAW)
    assert await here.webhooks.dispatch() == 3  # the withdrawal is recorded for both of the linked people
    first = here.sender.events[0]
    assert here.sender.sent[0][0]["content-type"] == "application/cloudevents+json"
    assert first["specversion"] == "1.0"
    assert first["type"] == "dev.sekisho.consent.give"
    assert (first["id"], first["source"]) == (event.id, "urn:sekisho:consent")
    assert first["time"] == first["data"]["recorded_at"]  # type: ignore[index]
    assert first["data"]["seq"] == event.seq  # type: ignore[index]
    subject = str(first["subject"])
    assert here.pseudonymity.number_of(MAILER, "lifecycle_email", subject.removeprefix("pseudonym:")) == 2
    assert here.pseudonymity.number_of(RECOMMENDER, "lifecycle_email", subject.removeprefix("pseudonym:")) is None
    assert {str(e["type"]).rsplit(".", 1)[1] for e in here.sender.events} == {"give", "withdraw"}
    assert b"customer_id" not in b"".join(body for _, body in here.sender.sent)


async def test_who_sees_all_hears_of_every_event_and_of_nobody_by_name(here: House) -> None:
    """A collection point hears of all purposes, links and notices; people are pseudonyms here, too."""
    await here.webhooks.create(DESK, URL)
    await here.give(1)
    await here.give(1, "recommendation")
    await here.ledger.link(SubjectNumber(1), SubjectNumber(2), "officer")
    await here.webhooks.dispatch()
    assert sorted(here.sender.seqs) == [1, 2, 3]
    link = next(event for event in here.sender.events if str(event["type"]).endswith("link"))
    assert "subject" not in link
    assert link["data"]["data_subject"] is None  # type: ignore[index]
    assert b"customer_id" not in b"".join(body for _, body in here.sender.sent)


async def test_the_signature_is_what_standard_webhooks_says(here: House) -> None:
    """Computed here from the specification: HMAC-SHA-256 over id, time and body, by the secret after whsec_."""
    _, secret = await here.webhooks.create(MAILER, URL)
    await here.give(1)
    await here.webhooks.dispatch()
    headers, body = here.sender.sent[0]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert secret.startswith("whsec_")
    assert len(key) == 32
    mac = hmac.new(key, digestmod=hashlib.sha256)
    mac.update(headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + body)
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert hmac.compare_digest(base64.b64decode(signature), mac.digest())
    assert headers["webhook-timestamp"] == str(int(here.clock.now().timestamp()))
    assert "." not in headers["webhook-id"]


async def test_a_retry_has_the_same_id_and_a_fresh_time(here: House) -> None:
    """Receivers tell a repetition by ``webhook-id``; the time and so the signature are those of the attempt."""
    await here.webhooks.create(MAILER, URL)
    await here.give(1)
    here.sender.answer = lambda _event: Outcome(500, "status")
    await here.webhooks.dispatch()
    await here.all_due()
    here.sender.answer = lambda _event: Outcome(200)
    await here.webhooks.dispatch()
    (one, first), (other, second) = here.sender.sent
    assert one["webhook-id"] == other["webhook-id"]
    assert one["webhook-timestamp"] != other["webhook-timestamp"]
    assert one["webhook-signature"] != other["webhook-signature"]
    assert json.loads(first)["id"] == json.loads(second)["id"]


async def test_a_replay_sends_everything_again_in_order_under_the_same_ids(here: House) -> None:
    """From any sequence, also from before the webhook was made; the dead ones come to life."""
    for number in (1, 1, 2):
        await here.give(number)
    created, _ = await here.webhooks.create(MAILER, URL)
    assert created.after_seq == 3
    await here.give(1)
    await here.webhooks.dispatch()
    assert here.sender.seqs == [4]
    before = here.sender.sent[0][0]["webhook-id"]
    await here.webhooks.replay(MAILER, created.id, 1)
    assert await here.webhooks.dispatch() == 3
    assert sorted(here.sender.seqs[1:]) == [2, 3, 4]
    assert in_order(here.sender.events[1:])
    assert here.sender.sent[-1][0]["webhook-id"] == before
    assert [delivery.attempts for delivery in await evidence(here, created.id)] == [1, 1, 1]
    with pytest.raises(InvalidRequest):
        await here.webhooks.replay(MAILER, created.id, 5)
    kinds = [record["kind"] for record in here.audit.records]
    assert kinds == ["webhook.create", "webhook.replay"]


async def test_a_replay_keeps_the_order_of_what_was_waiting(here: House) -> None:
    """A delivery that waits above the place does not go out before what the replay puts in front of it."""
    await here.give(1)
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.give(1)
    here.sender.answer = lambda _event: Outcome(500, "status")
    await here.webhooks.dispatch()
    here.sender.sent.clear()
    here.sender.answer = lambda _event: Outcome(200)
    await here.webhooks.replay(MAILER, created.id, 0)
    await here.all_due()
    assert await here.outbox.claim(created.id, 10) == [], "it lies above the place"
    await here.webhooks.dispatch()
    assert here.sender.seqs == [1, 2]


async def test_delivered_once_stays_on_record_during_a_replay(here: House) -> None:
    """When something was taken is evidence: a replay that fails does not take it away."""
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.give(1)
    await here.webhooks.dispatch()
    taken = (await evidence(here, created.id))[0].delivered_at
    assert taken is not None
    here.sender.answer = lambda _event: Outcome(fault="unreachable")
    await here.webhooks.replay(MAILER, created.id, 0)
    await here.webhooks.dispatch()
    delivery = (await evidence(here, created.id))[0]
    assert (delivery.status, delivery.fault) == (DeliveryStatus.WAITING, "unreachable")
    assert delivery.delivered_at == taken


async def test_paused_it_sends_nothing_and_loses_nothing(here: House) -> None:
    """What happened meanwhile is sent when it goes on."""
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.webhooks.pause(MAILER, created.id, paused=True)
    await here.give(1)
    assert await here.webhooks.dispatch() == 0
    assert not await here.outbox.queue(created.id, None)
    await here.webhooks.pause(MAILER, created.id, paused=False)
    await here.webhooks.dispatch()
    assert here.sender.seqs == [1]


async def test_deleted_it_keeps_no_secret_and_no_url_but_its_evidence(here: House) -> None:
    """Nothing more is sent; the owner finds it no more, the privacy officer what it had delivered."""
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.give(1)
    await here.webhooks.dispatch()
    await here.give(1)
    await here.outbox.queue(created.id, None)
    await here.webhooks.delete(MAILER, created.id)
    await here.all_due()
    assert await here.webhooks.dispatch() == 0
    assert await here.webhooks.listed(MAILER) == []
    with pytest.raises(NotFound):
        await here.webhooks.deliveries(MAILER, created.id, None, 0, 10)
    kept = await here.webhooks.deliveries(OFFICER, created.id, None, 0, 10)
    assert [(d.seq, d.status.value, d.fault) for d in kept] == [
        (1, "delivered", None),
        (2, "dead", "webhook_deleted"),
    ]
    row = await here.database.read(lambda c: c.execute(select(webhook)).one())
    assert (row.url, bytes(row.secret)) == ("", b"")
    for change in (
        here.webhooks.delete(MAILER, created.id),
        here.webhooks.replay(OFFICER, created.id, 0),
        here.webhooks.pause(OFFICER, created.id, paused=False),
    ):
        with pytest.raises(NotFound):
            await change


async def test_a_webhook_is_its_owners_and_the_privacy_officers(here: House) -> None:
    """Another service finds nothing, in the words for what does not exist; an auditor may not even ask."""
    created, _ = await here.webhooks.create(MAILER, URL)
    unknown = "01890000-0000-7000-8000-000000000000"
    for requester in (RECOMMENDER, DESK):
        messages = []
        for webhook_id in (created.id, unknown):
            with pytest.raises(NotFound) as refused:
                await here.webhooks.deliveries(requester, webhook_id, None, 0, 10)
            messages.append(refused.value.detail)
        assert messages[0] == messages[1]
        assert await here.webhooks.listed(requester) == []
    assert [found.id for found in await here.webhooks.listed(OFFICER)] == [created.id]
    for call in (here.webhooks.create(AUDITOR, URL), here.webhooks.listed(AUDITOR)):
        with pytest.raises(AccessDenied):
            await call
    with pytest.raises(InvalidRequest):
        await here.webhooks.create(MAILER, "http://receiver.example/")
    with pytest.raises(InvalidRequest):
        await here.webhooks.deliveries(MAILER, created.id, "lost", 0, 10)


async def test_a_requester_has_so_many_webhooks_and_no_more(here: House) -> None:
    """The number is bounded: each costs attempts."""
    for _ in range(MAX_WEBHOOKS):
        await here.webhooks.create(MAILER, URL)
    with pytest.raises(InvalidRequest):
        await here.webhooks.create(MAILER, URL)
    await here.webhooks.create(RECOMMENDER, URL)


async def test_a_secret_is_sealed_and_told_once(here: House, keys: FileKeyRing) -> None:
    """It stands in no listing, record, text or column; sealed, it opens for its own webhook alone."""
    created, secret = await here.webhooks.create(MAILER, URL)
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    row = await here.database.read(lambda c: c.execute(select(webhook)).one())
    assert raw not in bytes(row.secret)
    assert await here.outbox.secret(created.id) == raw
    said = repr((await here.webhooks.listed(OFFICER), created, here.audit.records, here.webhooks, row.id))
    assert secret not in said
    assert "key-of-the-receiver" not in said
    other, _ = await here.webhooks.create(MAILER, URL)
    await here.database.run(
        lambda c: c.execute(update(webhook).where(webhook.c.id == other.id).values(secret=row.secret))
    )
    with pytest.raises(ConsentUnavailable) as refused:
        await here.outbox.secret(other.id)
    assert secret not in repr(refused.value)


async def test_no_webhook_is_made_that_the_log_does_not_know(here: House) -> None:
    """While the audit log is away, nothing starts to flow to a new place."""
    here.audit.error = AuditUnavailable("away")
    with pytest.raises(AuditUnavailable):
        await here.webhooks.create(MAILER, URL)
    here.audit.error = None
    assert await here.webhooks.listed(OFFICER) == []


async def test_a_requester_who_lost_the_purpose_hears_nothing_more(here: House) -> None:
    """What is queued is checked again when it is sent, by the registration of that moment."""
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.give(1)
    await here.outbox.queue(created.id, frozenset({"lifecycle_email"}))
    catalogue = here.webhooks._parts.catalogue
    moved = replace(MAILER, purposes=frozenset({"ab_measurement"}))
    object.__setattr__(here.webhooks._parts, "catalogue", replace(catalogue, requesters={"mailer": moved}))
    await here.webhooks.dispatch()
    assert here.sender.sent == []
    assert [(d.status.value, d.fault) for d in await evidence(here, created.id, OFFICER)] == [
        ("dead", "not_for_requester")
    ]
    object.__setattr__(here.webhooks._parts, "catalogue", replace(catalogue, requesters={}))
    await here.give(2)
    assert await here.webhooks.dispatch() == 0
