"""Who people are, what they decided, and what they were asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.consent import ConsentEventKind, ConsentRecord, ConsentState, Provenance
from sekisho.domain.notices import Change, Notice, PurposeVersion
from sekisho.domain.terms import Cell, Requester, SubjectNumber


@dataclass(frozen=True, slots=True)
class DataSubjectRef:
    """How somebody outside names a person: kind of identifier and value (``customer_id``, ``17850``)."""

    identifier: str
    value: str = field(repr=False)


class ConsentView(Protocol):
    """Who agrees to a set of cells, as read at ``seq``. Numbers are dense person numbers."""

    @property
    def seq(self) -> int:
        """Consent sequence at which this view was read."""

    @property
    def version(self) -> int:
        """Version of the member set; equal versions mean equal members."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells, all of which a member has in force."""

    def allowed(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return, for each person number (shape (n,); negative means nobody), whether it is a member."""

    def members(self) -> NDArray[np.int64]:
        """Return all member numbers, ascending."""

    def changes_since(self, version: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
        """Return numbers whose membership changed after *version* and their membership now.

        ``None`` when *version* is too old: read :meth:`members` anew.
        """


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the gateway's own records stood when a view was read: one look told all of it.

    Whoever is handed it need not look again for a request that began before that look; and a record that rests on it
    is written only while it still holds.

    Attributes
    ----------
    seq:
        Consent sequence of the view.
    event:
        What the event of that sequence says, by which it is known again.
    until:
        When the next yes of the view ends, in microseconds since 1970-01-01 UTC by the database's clock.
    identifiers:
        Position of the registry of people.
    key_epoch:
        The newest epoch of keys, and when it began.
    whole:
        Whether nobody looked since the request came: then people and keys must stand there still, too.
    """

    seq: int
    event: tuple[object, ...] = field(repr=False)
    until: int
    identifiers: int | None = None
    key_epoch: tuple[int, int] | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class ConsentEventInput:
    """A consent event as it is handed to the ledger.

    Attributes
    ----------
    number, purpose, cells, kind:
        Whose decision, about which cells of which purpose, and what it is.
    method, actor:
        How it came in (``web_form`` …) and who handed it in (``data_subject``, ``requester:consent_desk``).
    occurred_at:
        The caller's claim; the ledger's own clock orders events.
    valid_until:
        Until when a yes holds.
    evidence:
        What proves it. It may name people: the ledger seals it under the person's own key.
    provenance:
        Everything else about it, which names nobody.
    historical:
        Imported history: it counts from ``occurred_at`` alone, and never overrides what came in since.
    confirmed:
        Whether a yes has to be confirmed before it counts (double opt-in).
    checked_at:
        The sequence at which the notice of a yes was found in force: one published since makes it outdated.
    """

    number: SubjectNumber
    purpose: str
    cells: tuple[Cell, ...]
    kind: ConsentEventKind
    method: str
    actor: str
    notice_version: str | None = None
    occurred_at: datetime | None = None
    valid_until: datetime | None = None
    evidence: Mapping[str, str] = field(default_factory=dict, repr=False)
    provenance: Provenance = field(default_factory=Provenance)
    historical: bool = False
    confirmed: bool = False
    checked_at: int | None = None


@dataclass(frozen=True, slots=True)
class RecordedConsentEvent:
    """A consent event as the ledger keeps it.

    ``states`` are the states that followed, by cell (``None``: never asked, nothing changed); empty when it
    was read back. ``number`` is 0 for what concerns everybody (``publish``). ``kept`` is what the ledger keeps
    of it besides, for the audit trail alone: with it the event can be written again, byte for byte.
    """

    seq: int
    id: str
    number: SubjectNumber
    purpose: str
    cells: tuple[Cell, ...]
    kind: ConsentEventKind
    recorded_at: datetime
    method: str = "api"
    actor: str = ""
    notice_version: str | None = None
    occurred_at: datetime | None = None
    valid_until: datetime | None = None
    provenance: Provenance = field(default_factory=Provenance)
    hash: bytes = b""
    states: Mapping[Cell, ConsentState | None] = field(default_factory=dict)
    kept: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)


class ConsentViews(Protocol):
    """Who agrees: all that the gateway itself asks of the ledger."""

    async def view(self, cells: tuple[Cell, ...], *, min_seq: int | None = None) -> ConsentView:
        """Catch up and return who agrees to all of *cells* now.

        The catch-up is sent after this call arrives: a withdrawal acknowledged before the call is
        always seen. Raises ``ConsentUnavailable`` when the ledger does not answer, or *min_seq* is not
        reached within one second.
        """

    def ground(self, view: ConsentView) -> Ground | None:
        """Return where *view* stands, as of the last look; ``None`` when it is known not to hold any more.

        A record that rests on it replaces a further :meth:`view`: see ``AuditEntry.ground``.
        """

    def standing(self, cells: tuple[Cell, ...]) -> ConsentView | None:
        """Return who agreed to all of *cells* at the last look, where that is likely to hold; else ``None``.

        Nothing may leave that was read by it, unless its record rests on the whole ground (``Ground.whole``).
        """


class ConsentLedger(ConsentViews, Protocol):
    """Append-only consent events and what follows from them."""

    async def record(self, events: Sequence[ConsentEventInput]) -> list[RecordedConsentEvent]:
        """Append *events* in one transaction, all or none; durable when this returns.

        A decision to end a use, made about one of several linked people, is recorded for each of them in the
        same transaction; the answer has the events that were asked for, in order.
        """

    async def records_of(self, number: SubjectNumber) -> tuple[int, dict[Cell, ConsentRecord]]:
        """Return the sequence read at, and this person's records by cell."""

    async def records_at(
        self, numbers: Sequence[SubjectNumber], *, valid_at: datetime | None, known_at: datetime | None
    ) -> tuple[int, list[dict[Cell, ConsentRecord]]]:
        """Return the records that held at *valid_at* by what was recorded until *known_at* (default: now).

        Equal instants answer "what did we believe then"; *known_at* left out, "what do we now know was true
        then". The result is read with ``state_at(record, purpose, valid_at)``.
        """

    async def history(self, number: SubjectNumber) -> list[RecordedConsentEvent]:
        """Return one person's events in order of sequence."""

    async def event(self, event_id: str) -> RecordedConsentEvent | None:
        """Return one event, or ``None``."""

    async def event_ids(self, seqs: Sequence[int]) -> Mapping[int, str]:
        """Return the id of each event of *seqs*, in one read."""

    async def changes(self, after_seq: int, limit: int) -> list[RecordedConsentEvent]:
        """Return up to *limit* events above *after_seq*, in order; nothing between them is left out."""

    async def publish(self, cells: Mapping[str, tuple[Cell, ...]], actor: str, provenance: Provenance) -> int:
        """Make every earlier yes to the *cells* of each purpose outdated, by one event each; return the last seq."""

    async def carry_noes(self, purpose: str, new: Sequence[Cell], turned: Sequence[Cell]) -> None:
        """Let what people have said no to count for what a changed declaration makes of *purpose*.

        *purpose* is active until somebody objects. A no to any cell of it counts for its *new* ones, which were not
        declared before, unless something newer was said there; a no to one that has *turned* active by default counts
        for linked people who were never asked. Doing it again adds nothing to the new ones.
        Raises ``ConsentUnavailable``; people it had reached by then are done.
        """

    async def link(self, one: SubjectNumber, other: SubjectNumber, actor: str) -> RecordedConsentEvent:
        """Take two numbers for one person from here on. Linking again records another event and changes nothing."""

    async def unlink(self, one: SubjectNumber, other: SubjectNumber, actor: str) -> RecordedConsentEvent:
        """Undo a link. What was withdrawn meanwhile stays on both sides. Raises ``InvalidRequest`` without a link."""

    async def linked(self, number: SubjectNumber) -> tuple[SubjectNumber, ...]:
        """Return all numbers that are one person with *number*, itself among them, ascending."""

    async def last_seq(self) -> int:
        """Return the sequence of the newest event."""


class NoticeRegistry(Protocol):
    """What people are asked: versions of notices and of purposes. A published version never changes."""

    async def in_force(self, purpose: str) -> Notice | None:
        """Return the notice that tells of *purpose* now: the one that was published last."""

    async def all_in_force(self) -> dict[str, Notice]:
        """Return the notice in force by purpose."""

    async def notice(self, key: str, version: int | None = None) -> Notice | None:
        """Return a version of notice *key*, by default the newest published one."""

    async def notices(self) -> list[Notice]:
        """Return every version of every notice, newest last."""

    async def draft(
        self, key: str, change: Change, purposes: tuple[str, ...], texts: Mapping[str, str], by: str
    ) -> Notice:
        """Keep a new draft and return it with its version."""

    async def accepts(self, purpose: str, version: str) -> Notice | None:
        """Return the notice of *purpose* with this version, when no major one was published after it."""

    async def publish(self, key: str, version: int, by: str) -> Notice:
        """Bring a draft into force; publishing it again changes nothing. Major: everybody is asked again."""

    async def purpose_versions(self, purpose: str) -> list[PurposeVersion]:
        """Return the versions of one purpose's facts, newest last."""

    async def declare(
        self, purpose: str, change: Change, facts: Mapping[str, object], source: str, by: str
    ) -> PurposeVersion:
        """Keep a new draft of a purpose's facts; the same facts as the newest of this source are no new version."""

    async def publish_purpose(self, purpose: str, version: int, by: str) -> PurposeVersion:
        """Bring a draft of a purpose's facts into force. Major: everybody is asked again."""


@dataclass(frozen=True)
class PeopleKeys:
    """All identifiers of one kind: ``numbers[i]`` is the person of ``values[i]``.

    ``version`` grows when people are added.
    """

    identifier: str
    numbers: NDArray[np.int64]
    values: pa.LargeStringArray = field(repr=False)
    version: int

    def __post_init__(self) -> None:
        """Keep the identifiers as an array of Arrow: as many strings of Python would take six times the memory."""
        if not isinstance(self.values, pa.Array):
            object.__setattr__(self, "values", pa.array(self.values, pa.large_string()))


Names: TypeAlias = Sequence[str] | pa.LargeStringArray
"""Identifiers of one kind; of many, an Arrow array, which need not become as many strings."""


def listed(names: Names) -> Sequence[str]:
    """Return *names* as strings."""
    return names.to_pylist() if isinstance(names, pa.Array) else names


class PeopleIndex(Protocol):
    """Finds people by their identifiers: all that the gateway and its stores ask of the registry."""

    async def number_of(self, ref: DataSubjectRef) -> SubjectNumber | None:
        """Return the person's number, or ``None`` when the identifier is unknown."""

    async def numbers_of(self, identifier: str, values: Names) -> NDArray[np.int64]:
        """Return a number for each value, -1 where unknown."""

    async def keys(self, identifier: str, ground: Ground | None = None) -> PeopleKeys:
        """Return all identifiers of one kind, decrypted, for use inside the gateway.

        They are as of this call, or at least as new as *ground*, which was read for the same request.
        """


class People(PeopleIndex, Protocol):
    """Which identifier belongs to which data subject. Identifiers are kept as keyed hash and ciphertext."""

    async def register(self, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        """Return a number for each value; new people where unknown."""

    async def attach(self, number: SubjectNumber, identifier: str, value: str) -> None:
        """Add another identifier to a person. Raises ``InvalidRequest`` when it is somebody else's."""

    async def identifiers_of(self, number: SubjectNumber) -> list[DataSubjectRef]:
        """Return the identifiers of a person, decrypted."""

    async def identifiers_of_many(
        self, numbers: Sequence[SubjectNumber]
    ) -> dict[SubjectNumber, list[DataSubjectRef]]:
        """Return the identifiers of each of *numbers*, decrypted, oldest first; one read for all."""

    async def erase(self, number: SubjectNumber) -> None:
        """Forget who *number* is: its identifiers and the key of its sealed evidence go, its events stay."""


class Pseudonyms(Protocol):
    """Names people as one requester knows them for one purpose."""

    async def refresh(self) -> None:
        """Learn of every epoch of keys that began before this call: the others answer as of then."""

    def number_of(self, requester: Requester, purpose: str, pseudonym: str) -> SubjectNumber | None:
        """Return the person, or ``None`` when *requester* never received this for *purpose*."""

    def numbers_of(self, requester: Requester, purpose: str, pseudonyms: Names) -> NDArray[np.int64]:
        """Return the person of each of *pseudonyms*, -1 for what *requester* never received for *purpose*."""

    def pseudonyms_of(self, requester: Requester, purpose: str, numbers: NDArray[np.int64]) -> list[str]:
        """Return the pseudonym of each of *numbers* as *requester* receives it for *purpose*."""
