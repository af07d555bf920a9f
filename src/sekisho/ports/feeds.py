"""What the change feed needs: who still holds a person's data, and the means of webhooks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sekisho.domain.releases import ReleaseRecord
from sekisho.domain.webhooks import Claim, Delivery, DeliveryStatus, Outcome, Settlement, Webhook


class ReleaseIndex(Protocol):
    """Finds the releases that people's data were in."""

    async def releases_of(
        self, references: Collection[str], *, since: datetime, requester: str | None = None
    ) -> dict[str, list[ReleaseRecord]]:
        """Return the released pages since *since* by keyed reference of the person, one read for all.

        *requester* narrows them to one recipient. Raises ``AuditUnavailable``.
        """


class WebhookOutbox(Protocol):
    """Webhooks, and what is still to be sent to them. Every method raises ``ConsentUnavailable``."""

    async def create(self, webhook: str, requester: str, url: str, secret: bytes) -> Webhook:
        """Keep a webhook that hears of every event after the newest; the secret is kept sealed."""

    async def webhooks(self, requester: str | None = None) -> list[Webhook]:
        """Return the webhooks of *requester*, or everybody's, oldest first; deleted ones are left out."""

    async def webhook(self, webhook: str) -> Webhook | None:
        """Return one webhook, also a deleted one, or ``None``."""

    async def delete(self, webhook: str) -> None:
        """Forget secret and URL, and give up what waits; the evidence of deliveries stays."""

    async def pause(self, webhook: str, *, paused: bool) -> None:
        """Stop queueing and sending, or go on where it stopped."""

    async def replay(self, webhook: str, after_seq: int) -> None:
        """Send every event above *after_seq* once more, in order."""

    async def deliveries(
        self, webhook: str, *, status: DeliveryStatus | None, after_seq: int, limit: int
    ) -> list[Delivery]:
        """Return up to *limit* deliveries above *after_seq*, in order of sequence."""

    async def busy(self) -> list[Webhook]:
        """Return the webhooks that are not paused and for which there is something to queue or to send now."""

    async def queue(self, webhook: str, purposes: frozenset[str] | None) -> bool:
        """Queue the next committed events of *purposes* (``None``: all events); return whether there were any.

        One process at a time does this for a webhook; another finds nothing.
        """

    async def claim(self, webhook: str, limit: int) -> list[Claim]:
        """Return deliveries that may be attempted now, at most one of each person, and lease them to this process."""

    async def secret(self, webhook: str) -> bytes | None:
        """Return the secret, or ``None`` when the webhook is gone."""

    async def settle(self, webhook: str, settlements: Sequence[Settlement]) -> None:
        """Write down how attempts ended; a lease that is another's by now changes nothing."""


class WebhookSender(Protocol):
    """Sends one message to one URL."""

    def check(self, url: str) -> str:
        """Return the host of *url*. Raises ``InvalidRequest`` for a URL that no webhook may have."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send *body* and return how it ended; nothing of the answer but its status is kept."""
