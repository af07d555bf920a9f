"""Webhooks: who listens, what is sent, how it is signed, and when it is tried again.

An event goes out as a CloudEvent 1.0 in JSON, signed as in Standard Webhooks
(https://www.standardwebhooks.com): HMAC-SHA-256 over ``id.timestamp.body``. Delivery is at least once:
``webhook-id`` stays the same over every attempt and every replay, and receivers leave out what they have had.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

SOURCE = "urn:sekisho:consent"
"""``source`` of every CloudEvent where the workspace names no other."""
MEDIA_TYPE = "application/cloudevents+json"
SECRET_BYTES = 32
MAX_ATTEMPTS = 12
"""Attempts after which a delivery is dead: about 22 hours after the first."""

_FIRST_DELAY_S = 5
_FACTOR = 3
_LONGEST_DELAY_S = 6 * 3600


class DeliveryStatus(StrEnum):
    """Where one delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a requester wants to hear of consent events.

    Attributes
    ----------
    id, requester, created_at:
        Its id, whose it is (it hears what this requester may read in the feed), and since when.
    url:
        Where events are sent; it may hold a secret of the receiver.
    after_seq:
        Events up to this sequence are queued.
    paused:
        Whether nothing is queued or sent for now.
    deleted:
        Whether it was deleted; only its evidence is left.
    waiting, dead:
        Number of deliveries still to be made, and given up.
    """

    id: str
    requester: str
    created_at: datetime
    url: str = field(repr=False)
    after_seq: int
    paused: bool = False
    deleted: bool = False
    waiting: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """Evidence of one event sent, or to be sent, to one webhook.

    ``response`` is the HTTP status of the last attempt, ``fault`` the code of what went wrong with it.
    """

    seq: int
    status: DeliveryStatus
    attempts: int
    next_at: datetime | None
    delivered_at: datetime | None
    response: int | None
    fault: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery that this process may attempt until its lease ends; ``attempt`` counts from 1."""

    seq: int
    attempt: int
    lease: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: the HTTP status, or the code of what went wrong before there was one."""

    response: int | None = None
    fault: str | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it: any status from 200 to 299."""
        return self.fault is None and self.response is not None and 200 <= self.response < 300


@dataclass(frozen=True, slots=True)
class Settlement:
    """What follows from an attempt: the status, and for one that is tried again, after how many seconds."""

    claim: Claim
    outcome: Outcome
    status: DeliveryStatus
    again_after_s: float = 0.0


def settle(claim: Claim, outcome: Outcome, jitter: float, *, final: bool = False) -> Settlement:
    """Return what follows from *outcome*.

    The delay grows by three from 5 s to 6 h, and is drawn from the upper half by *jitter* (0.0 to 1.0), so
    that deliveries that failed together do not come back together. *final* gives up at once.
    """
    if outcome.delivered:
        return Settlement(claim, outcome, DeliveryStatus.DELIVERED)
    if final or claim.attempt >= MAX_ATTEMPTS:
        return Settlement(claim, outcome, DeliveryStatus.DEAD)
    delay = min(_FIRST_DELAY_S * _FACTOR ** (claim.attempt - 1), _LONGEST_DELAY_S)
    return Settlement(claim, outcome, DeliveryStatus.WAITING, delay * (0.5 + jitter / 2))


def message_id(webhook: str, seq: int) -> str:
    """Return the ``webhook-id`` of event *seq* for *webhook*: the same for every attempt and replay."""
    return f"msg_{webhook}_{seq}"


def secret_text(secret: bytes) -> str:
    """Return a secret as its owner gets it, once."""
    return "whsec_" + base64.b64encode(secret).decode("ascii")


def signature(secret: bytes, message: str, timestamp: int, body: bytes) -> str:
    """Return the ``webhook-signature`` of *body*, sent as *message* at *timestamp* (seconds since 1970)."""
    signed = f"{message}.{timestamp}.".encode("ascii") + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode("ascii")


def headers(secret: bytes, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of one attempt."""
    return {
        "content-type": MEDIA_TYPE,
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message, timestamp, body),
    }


def cloud_event(item: Mapping[str, object], source: str) -> bytes:
    """Return the CloudEvent of one item of the feed, in structured JSON mode (CloudEvents 1.0, JSON format).

    The person is the ``subject``, as a pseudonym; what concerns everybody has none.
    """
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": item["id"],
        "source": source,
        "type": f"dev.sekisho.consent.{item['event']}",
        "time": item["recorded_at"],
        "datacontenttype": "application/json",
    }
    if item.get("data_subject") is not None:
        event["subject"] = item["data_subject"]
    return json.dumps({**event, "data": dict(item)}, ensure_ascii=False, separators=(",", ":")).encode()
