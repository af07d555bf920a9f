"""Writes that are sent twice and done once: where the answers to idempotency keys are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to serve a call: no other call with this key is served meanwhile.

    ``at`` is when it was made, by the store's clock; who took over what a crash left has another.
    """

    scope: bytes
    at: int


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What the first call was answered, to be said again byte for byte.

    Attributes
    ----------
    status, headers, body:
        As they were sent, without what belongs to one transmission only (length, cookies).
    code:
        The error code it ended with, or ``ok``: for the metrics.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    code: str = "ok"


class IdempotencyStore(Protocol):
    """Keeps for a day what each idempotency key was answered. Every method raises ``ConsentUnavailable``."""

    async def reserve(self, caller: str, route: str, key: str, content: bytes) -> Claim | KeptAnswer | None:
        """Return a claim to the first caller, the kept answer to later ones, ``None`` while the first is served.

        A claim that is older than a minute and has no answer was left by a crash: it goes to whoever sends
        the same *content* again. Raises ``IdempotencyConflict`` when *content* is another than the first time.
        """

    async def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        """Keep *answer* for whoever sends the call again; durable when this returns."""

    async def release(self, claim: Claim) -> None:
        """Give the claim up, because nothing was answered that is worth repeating."""
