"""Webhooks: a requester's own, told of what it may read in the feed; and the dispatcher that sends.

At least once, and in order for each person: a later event waits until the earlier one is delivered, or given up
after the last attempt. After that the later ones go out all the same, because what a person says last counts
most: a withdrawal must not wait for ever behind a yes that could not be delivered. What was given up stays
listed as ``dead``, and a replay sends it again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sekisho.consents.feed import Feed, may_follow, require_follower
from sekisho.consents.parts import Parts
from sekisho.domain.consent_rules import PRIVACY_OFFICER, sees_all
from sekisho.domain.terms import Requester
from sekisho.domain.webhooks import (
    SECRET_BYTES,
    SOURCE,
    Claim,
    Delivery,
    DeliveryStatus,
    Outcome,
    Settlement,
    Webhook,
    cloud_event,
    headers,
    message_id,
    secret_text,
    settle,
)
from sekisho.errors import AuditUnavailable, ConsentUnavailable, InvalidRequest, NotFound
from sekisho.ports import AuditEntry, RecordedConsentEvent
from sekisho.ports.feeds import WebhookOutbox, WebhookSender

MAX_WEBHOOKS = 16
"""Most webhooks of one requester."""

_BATCH = 32
_AT_ONCE = 8  # requests to one receiver
_TICK_S = 1.0  # how long a delivery that is due again may wait to be seen
_REST_S = 2.0  # after a batch of which nothing arrived; doubles
_LONGEST_REST_S = 300.0
_POSTPONED_S = 30.0
_FAR = 50  # events between two wanted ones that are read along rather than asked for apart


@dataclass(slots=True)
class _Rest:
    """A receiver of which nothing arrived: left alone until ``until`` (monotonic seconds), then tried with one."""

    until: float
    failures: int


class Webhooks:
    """The use cases of webhooks.

    Parameters
    ----------
    parts:
        The ports.
    feed:
        Says what a requester reads of an event.
    outbox:
        Webhooks and their deliveries.
    sender:
        Sends over HTTP.
    source:
        ``source`` of the CloudEvents: a URI that names this gateway.
    """

    def __init__(
        self, parts: Parts, feed: Feed, outbox: WebhookOutbox, sender: WebhookSender, *, source: str = SOURCE
    ) -> None:
        self._parts = parts
        self._feed = feed
        self._outbox = outbox
        self._sender = sender
        self._source = source
        self._resting: dict[str, _Rest] = {}
        self._draining: dict[str, asyncio.Task[int]] = {}

    # -- whose webhooks there are ----------------------------------------------------------------------

    async def create(self, requester: Requester, url: str) -> tuple[Webhook, str]:
        """Register *url* for *requester*, from the newest event on; return the webhook and its secret.

        The secret (``whsec_…``) is told here and never again.

        Raises
        ------
        AccessDenied
            For who does not read the feed.
        InvalidRequest
            For a URL that no webhook may have, or one webhook too many.
        """
        require_follower(requester)
        host = self._sender.check(url)
        if len(await self._outbox.webhooks(requester.name)) >= MAX_WEBHOOKS:
            raise InvalidRequest(f"A requester has at most {MAX_WEBHOOKS} webhooks; delete one first.")
        webhook_id = self._parts.clock.new_id()
        # First the record: without it no data about people starts to flow to a new place.
        await self._note("webhook.create", requester, webhook_id, host=host)
        secret = secrets.token_bytes(SECRET_BYTES)
        created = await self._outbox.create(webhook_id, requester.name, url, secret)
        return created, secret_text(secret)

    async def listed(self, requester: Requester) -> list[Webhook]:
        """Return the requester's own webhooks; the privacy officer gets everybody's. Raises ``AccessDenied``."""
        require_follower(requester)
        return await self._outbox.webhooks(None if PRIVACY_OFFICER in requester.roles else requester.name)

    async def deliveries(
        self, requester: Requester, webhook_id: str, status: str | None, after_seq: int, limit: int
    ) -> list[Delivery]:
        """Return evidence of deliveries above *after_seq*, in order; the privacy officer's also of deleted webhooks.

        Raises ``NotFound``, and ``InvalidRequest`` for an unknown *status*.
        """
        await self._own(requester, webhook_id, deleted=True)
        try:
            wanted = None if status is None else DeliveryStatus(status)
        except ValueError:
            raise InvalidRequest("status is one of waiting, delivered, dead.") from None
        return await self._outbox.deliveries(webhook_id, status=wanted, after_seq=after_seq, limit=limit)

    async def delete(self, requester: Requester, webhook_id: str) -> None:
        """Delete a webhook: nothing more is sent, its secret is forgotten. Raises ``NotFound``."""
        await self._own(requester, webhook_id)
        await self._outbox.delete(webhook_id)
        await self._note("webhook.delete", requester, webhook_id)

    async def pause(self, requester: Requester, webhook_id: str, *, paused: bool) -> None:
        """Stop sending, or go on where it stopped: nothing is lost meanwhile. Raises ``NotFound``."""
        await self._own(requester, webhook_id)
        await self._outbox.pause(webhook_id, paused=paused)
        self._resting.pop(webhook_id, None)
        await self._note("webhook.pause" if paused else "webhook.resume", requester, webhook_id)

    async def replay(self, requester: Requester, webhook_id: str, after_seq: int) -> None:
        """Send every event above *after_seq* once more, in order, under the ids it had.

        Raises ``NotFound``, and ``InvalidRequest`` for a sequence that was not reached: a replay skips nothing.
        """
        webhook = await self._own(requester, webhook_id)
        if after_seq > webhook.after_seq:
            raise InvalidRequest("after_seq is beyond what was sent; a replay goes back and skips nothing.")
        await self._note("webhook.replay", requester, webhook_id, after_seq=after_seq)
        await self._outbox.replay(webhook_id, after_seq)
        self._resting.pop(webhook_id, None)

    async def _own(self, requester: Requester, webhook_id: str, *, deleted: bool = False) -> Webhook:
        require_follower(requester)
        webhook = await self._outbox.webhook(webhook_id)
        officer = PRIVACY_OFFICER in requester.roles
        if webhook is None or not (officer or webhook.requester == requester.name):
            raise NotFound("There is no such webhook.")
        if webhook.deleted and not (deleted and officer):
            raise NotFound("There is no such webhook.")
        return webhook

    async def _note(self, kind: str, requester: Requester, webhook_id: str, **more: object) -> None:
        fields = {"requester": requester.name, "webhook": webhook_id, **more}
        await self._parts.audit.append(AuditEntry(kind, fields))

    # -- the dispatcher --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send what there is to send, until cancelled; one for each process, and safe with many.

        Each webhook is served by a task of its own, so that a slow receiver holds nobody else up.
        """
        try:
            seq = 0
            while not self._feed.watch.stopped:
                try:
                    await self._start_all()
                    seq = await self._parts.ledger.last_seq()
                except ConsentUnavailable:
                    await asyncio.sleep(_TICK_S)
                await self._feed.watch.beyond(seq, _TICK_S)
        finally:
            for task in self._draining.values():
                task.cancel()
            await asyncio.gather(*self._draining.values(), return_exceptions=True)
            self._draining.clear()

    async def dispatch(self) -> int:
        """Queue and send everything that is due now; return how many attempts were made."""
        await self._start_all()
        done = await asyncio.gather(*self._draining.values())
        return sum(done)

    async def _start_all(self) -> None:
        for webhook_id in [known for known, task in self._draining.items() if task.done()]:
            self._draining.pop(webhook_id).exception()  # looked at: what failed is tried again below
        now = self._parts.clock.monotonic()
        for webhook in await self._outbox.busy():
            rest = self._resting.get(webhook.id)
            if webhook.id not in self._draining and (rest is None or rest.until <= now):
                self._draining[webhook.id] = asyncio.create_task(self._drain(webhook))

    async def _drain(self, webhook: Webhook) -> int:
        """Queue and send for one webhook until there is nothing due, or nothing arrives; return the attempts."""
        requester = self._parts.catalogue.requesters.get(webhook.requester)
        if requester is None or not may_follow(requester):
            return 0  # no longer registered: its place stays where it is
        secret = await self._outbox.secret(webhook.id)
        if secret is None:
            return 0
        purposes = None if sees_all(requester) else requester.purposes
        attempts = 0
        while True:
            queued = await self._outbox.queue(webhook.id, purposes)
            claims = await self._outbox.claim(webhook.id, 1 if webhook.id in self._resting else _BATCH)
            if not claims:
                if queued:
                    continue
                return attempts
            settlements = await self._send(webhook, requester, secret, claims)
            await self._outbox.settle(webhook.id, settlements)
            attempts += len(settlements)
            if self._rests(webhook.id, settlements):
                return attempts

    def _rests(self, webhook_id: str, settlements: Sequence[Settlement]) -> bool:
        """Return whether a receiver is to be left alone: nothing of what was sent arrived.

        An outage is the receiver's and not the events': left alone, it costs few attempts of few events.
        """
        if any(settled.status is not DeliveryStatus.WAITING for settled in settlements):
            self._resting.pop(webhook_id, None)
            return False
        before = self._resting.get(webhook_id)
        failures = 0 if before is None else before.failures + 1
        pause = min(_REST_S * 2**failures, _LONGEST_REST_S)
        self._resting[webhook_id] = _Rest(self._parts.clock.monotonic() + pause, failures)
        return True

    async def _send(
        self, webhook: Webhook, requester: Requester, secret: bytes, claims: Sequence[Claim]
    ) -> list[Settlement]:
        events = await self._events([claim.seq for claim in claims])
        try:
            items = await self._feed.items(requester, list(events.values()), identified=False)
        except AuditUnavailable:
            # Without the audit log nobody knows who still holds the data: told later rather than by halves.
            return [_postponed(claim, "audit_unavailable") for claim in claims]
        by_seq = {item["seq"]: item for item in items}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def send(claim: Claim) -> Settlement:
            item = by_seq.get(claim.seq)
            if claim.seq not in events:
                return _postponed(claim, "event_missing")  # an older ledger was restored
            if item is None:  # the registration has changed since it was queued
                return settle(claim, Outcome(fault="not_for_requester"), 0.0, final=True)
            message, body = message_id(webhook.id, claim.seq), cloud_event(item, self._source)
            async with gate:
                at = int(self._parts.clock.now().timestamp())
                outcome = await self._sender.send(webhook.url, headers(secret, message, at, body), body)
            return settle(claim, outcome, secrets.randbelow(1_001) / 1_000)

        return list(await asyncio.gather(*(send(claim) for claim in claims)))

    async def _events(self, seqs: Sequence[int]) -> dict[int, RecordedConsentEvent]:
        """Return the events *seqs* (ascending), read in runs rather than one by one."""
        found: dict[int, RecordedConsentEvent] = {}
        wanted = set(seqs)
        place = 0
        while place < len(seqs):
            end = place
            while end + 1 < len(seqs) and seqs[end + 1] - seqs[end] <= _FAR:
                end += 1
            run = await self._parts.ledger.changes(seqs[place] - 1, seqs[end] - seqs[place] + 1)
            found.update((event.seq, event) for event in run if event.seq in wanted)
            place = end + 1
        return found


def _postponed(claim: Claim, fault: str) -> Settlement:
    """Return that nothing was sent, for a reason on our side: it never ends in giving up."""
    return Settlement(claim, Outcome(fault=fault), DeliveryStatus.WAITING, _POSTPONED_S)
