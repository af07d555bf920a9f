"""The log that proves itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sekisho.domain.checkpoint import RecordProof
from sekisho.ports.consent import Ground


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be recorded: pseudonyms and codes, counts and hashes; never a value, never SQL text.

    ``kind`` is one of the audit kinds (``access.release``, ``access.deny``, ``consent.withdraw`` …).
    ``id`` is chosen by the caller when it must be known before (a release), else the log chooses.
    ``fields`` are JSON values: strings, integers, booleans, lists and objects of them; no floats.
    ``fields["subjects"]`` names the people concerned by keyed references (``subject_ref``): a list of them,
    or their bytes one after another.
    ``ground`` is where consent stood when the page was checked that the record is about. The record is then written
    only if the ledger stands there still, found out by the transaction that makes the record durable.
    """

    kind: str
    fields: Mapping[str, object]
    id: str | None = None
    ground: Ground | None = None


@dataclass(frozen=True, slots=True)
class AuditReceipt:
    """Proof of durability: the record's id and its gap-free sequence in the log.

    ``grounded`` says that the ledger stood where the entry's ``ground`` says.
    """

    id: str
    seq: int
    grounded: bool = False


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """A search in the log. Times are UTC, ``since`` inclusive, ``until`` exclusive."""

    since: datetime | None = None
    until: datetime | None = None
    requester: str | None = None
    purpose: str | None = None
    decision: str | None = None
    data_subject: str | None = None  # a keyed reference, see ``subject_ref``
    kind: str | None = None
    after_seq: int = 0
    limit: int = 100


class AuditLog(Protocol):
    """The log that proves itself."""

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        """Record *entry*; it is durable when this returns.

        Raises ``AuditUnavailable``, and ``ConsentMoved`` when the entry's ground does not hold: then there is no
        record.
        """

    async def search(self, query: AuditQuery) -> list[dict[str, object]]:
        """Return records in order of sequence, each with its ``seq``."""

    async def get(self, record_id: str) -> dict[str, object] | None:
        """Return one record, or ``None``."""

    async def healthy(self) -> bool:
        """Return whether a record could be made durable now."""

    async def close(self) -> None:
        """Write the closing record and stop."""


class AuditProofs(Protocol):
    """The tree over the log, and what it proves."""

    async def advance(self) -> str:
        """Bring the tree up to the newest record; return a signed checkpoint. Raises ``AuditUnavailable``."""

    async def published(self) -> str | None:
        """Return the newest checkpoint with all its signatures, or ``None`` before the first."""

    async def proof_of(self, record_id: str) -> RecordProof:
        """Return the proof that a record is in the log. Raises ``NotFound`` and ``AuditUnavailable``."""

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of *new* records continues that of *old*. Raises ``InvalidRequest``."""


class WitnessFault(StrEnum):
    """Why a witness did not sign.

    The first group heals by itself. The second says that the witness and this log do not fit, and the third that
    somebody's history was rewritten or taken back.
    """

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    ANSWER = "answer"  # one that no witness gives
    PROOF = "proof"  # the log could not make one

    UNKNOWN_LOG = "unknown_log"
    UNTRUSTED_KEY = "untrusted_key"
    SIGNATURE = "signature"  # it signed with another key, or wrongly

    FORK = "fork"  # it signed another tree of this size
    INCONSISTENT = "inconsistent"  # this tree does not continue what it signed
    AHEAD = "ahead"  # it signed a larger tree of this log
    WENT_BACK = "went_back"  # it remembers a smaller tree than it signed


@dataclass(frozen=True, slots=True)
class WitnessState:
    """How it stands with one witness.

    ``size`` and ``at`` are those of the newest checkpoint that it signed, ``at`` in seconds since 1970 by its own
    clock; ``None`` before the first. ``fault`` is why it did not sign when it was last asked.
    """

    name: str
    size: int | None = None
    at: int | None = None
    fault: WitnessFault | None = None


@dataclass(frozen=True, slots=True)
class WitnessStatus:
    """How it stands with all of them.

    Attributes
    ----------
    quorum:
        How many are wanted under a checkpoint.
    asked:
        Size of the newest checkpoint that they were asked to sign; ``None`` where this process asks nobody.
    witnessed:
        Size of the newest checkpoint that so many signed.
    witnesses:
        Each of them.
    """

    quorum: int
    asked: int | None
    witnessed: int | None
    witnesses: tuple[WitnessState, ...]


class Witnesses(Protocol):
    """Those who sign checkpoints of the log and refuse forks of it."""

    async def cosign(self, checkpoint: str, proof: Callable[[int], list[bytes]]) -> str:
        """Return *checkpoint*, a signed note, with the signatures of the witnesses that answered in time.

        It never raises, and waits a bounded time for those that answered last time, for others not at all.
        *proof* gives the proof that this tree continues that of an earlier size; it is called in threads, also
        after this has returned.
        """

    def status(self) -> WitnessStatus:
        """Return how it stands with each witness."""
