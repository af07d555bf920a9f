"""Keys that change: who wraps them, and the epochs of those that pseudonyms are made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sekisho.ports.consent import Ground

PSEUDONYMS: Final = "pseudonyms"
"""The scope of an epoch that begins for every purpose; any other scope is the name of one purpose."""


class KeyWrapping(Protocol):
    """Wraps secrets under a key-encryption key that stays with its provider (envelope encryption).

    Both methods may wait for a server: call them in a thread. *bound* says what the secret is; what was wrapped
    as one thing cannot be unwrapped as another. Both raise ``KeysUnavailable``, in whose words no secret stands.
    """

    @property
    def provider(self) -> str:
        """Name of the provider, as it is kept beside what it wrapped."""

    def wrap(self, secret: bytes, bound: str) -> bytes:
        """Return *secret* wrapped under the newest key of the provider."""

    def unwrap(self, wrapped: bytes, bound: str) -> bytes:
        """Return the secret."""


class EpochKeys(Protocol):
    """The keys of one epoch, by label; none ever leaves the process. A :class:`KeyRing` is the first of them."""

    @property
    def epoch(self) -> int:
        """Number of the epoch, from 1."""

    def derive(self, label: str, length: int = 32) -> bytes:
        """Return the key of *label* (HKDF-SHA-256, RFC 5869)."""


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What may be told of an epoch. The first has always been, so that nothing says when it began.

    ``provider`` has wrapped its data key; from ``retired_at`` on there is none, and nothing of the epoch is read.
    """

    epoch: int
    scope: str
    began_at: datetime | None
    provider: str | None = None
    retired_at: datetime | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as it is told."""
        return {
            "epoch": self.epoch,
            "scope": self.scope,
            "began_at": self.began_at,
            "provider": self.provider,
            "retired_at": self.retired_at,
        }


class KeysByEpoch(Protocol):
    """The keys that pseudonyms and tokens are made with now, the same on every worker."""

    async def refresh(self, ground: Ground | None = None) -> None:
        """Learn of every epoch that began before this call, or before *ground* was read.

        Raises ``KeysUnavailable``.
        """

    def of(self, purpose: str) -> Sequence[EpochKeys]:
        """Return the keys for *purpose*, as of the last refresh: first the current, then those that still decode."""


class KeyEpochs(KeysByEpoch, Protocol):
    """The same, and the epochs themselves."""

    async def begin(self, scope: str) -> EpochRecord:
        """Begin an epoch for :data:`PSEUDONYMS` or one purpose; who refreshes after this has returned knows it.

        Raises ``KeysUnavailable``; then no epoch has begun.
        """

    async def records(self) -> list[EpochRecord]:
        """Return every epoch there ever was, oldest first. Raises ``KeysUnavailable``."""
