"""What the gateway needs from outside, as protocols; adapters and fakes carry the same names.

The words map to XACML: :class:`PolicyDecisionPoint` is the PDP, ``gateway.Gateway`` the PEP,
:class:`ConsentLedger`, :class:`People` and the catalogue are the PIP, ``policies/`` the PAP.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.access import AccessRequest, Decision
from sekisho.domain.consent import ConsentEventKind, ConsentRecord
from sekisho.domain.governed import GovernedQuery
from sekisho.domain.terms import Cell, Requester, SubjectNumber


class Clock(Protocol):
    """Time and fresh identifiers, injected so that tests can move them."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps."""

    def new_id(self) -> str:
        """Return a new UUIDv7 (RFC 9562)."""


@dataclass(frozen=True, slots=True)
class DataSubjectRef:
    """How somebody outside names a person: kind of identifier and value (``customer_id``, ``17850``)."""

    identifier: str
    value: str = field(repr=False)


class IdentityProvider(Protocol):
    """Turns a credential into who is asking."""

    def requester(self, credential: str) -> Requester:
        """Return the registered requester of a bearer token.

        Raises ``Unauthenticated`` for anything that is not a valid token of a registered requester.
        """

    def data_subject(self, credential: str) -> DataSubjectRef:
        """Return the customer of a bearer token. Raises ``Unauthenticated``."""


class PolicyDecisionPoint(Protocol):
    """Answers one question about one statement."""

    async def decide(self, request: AccessRequest) -> Decision:
        """Return the decision. Raises ``PolicyUnavailable`` for every answer that is not one."""

    async def healthy(self) -> bool:
        """Return whether policies are loaded and answering."""


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
class ConsentEventInput:
    """A consent event as it is handed to the ledger.

    ``cells`` are the cells it is about. ``occurred_at`` is the caller's claim; the ledger's own
    clock orders events. ``actor`` names who acted (``data_subject``, ``requester:consent_desk``).
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
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedConsentEvent:
    """A consent event as the ledger keeps it."""

    seq: int
    id: str
    number: SubjectNumber
    purpose: str
    cells: tuple[Cell, ...]
    kind: ConsentEventKind
    recorded_at: datetime


class ConsentLedger(Protocol):
    """Append-only consent events and what follows from them."""

    async def view(self, cells: tuple[Cell, ...], *, min_seq: int | None = None) -> ConsentView:
        """Catch up and return who agrees to all of *cells* now.

        The catch-up is sent after this call arrives: a withdrawal acknowledged before the call is
        always seen. Raises ``ConsentUnavailable`` when the ledger does not answer, or *min_seq* is not
        reached within one second.
        """

    async def record(self, events: Sequence[ConsentEventInput]) -> list[RecordedConsentEvent]:
        """Append *events* in one transaction, all or none; durable when this returns."""

    async def records_of(self, number: SubjectNumber) -> tuple[int, dict[Cell, ConsentRecord]]:
        """Return the sequence read at, and this person's records by cell."""

    async def last_seq(self) -> int:
        """Return the sequence of the newest event."""


@dataclass(frozen=True)
class PeopleKeys:
    """All identifiers of one kind: ``numbers[i]`` is the person of ``values[i]``.

    ``version`` grows when people are added.
    """

    identifier: str
    numbers: NDArray[np.int64]
    values: tuple[str, ...] = field(repr=False)
    version: int


class People(Protocol):
    """Which identifier belongs to which data subject. Identifiers are kept as keyed hash and ciphertext."""

    async def number_of(self, ref: DataSubjectRef) -> SubjectNumber | None:
        """Return the person's number, or ``None`` when the identifier is unknown."""

    async def numbers_of(self, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        """Return a number for each value, -1 where unknown."""

    async def keys(self, identifier: str) -> PeopleKeys:
        """Return all identifiers of one kind, decrypted, for use inside the gateway."""

    async def register(self, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        """Return a number for each value; new people where unknown."""

    async def link(self, number: SubjectNumber, identifier: str, value: str) -> None:
        """Add another identifier to a person (demo and import; reversible linking is its own use case)."""


class DataStore(Protocol):
    """One engine that runs governed statements over one or more stores."""

    def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: People, *, page_rows: int
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """Bring the people tables beside the data up to *consent*, run the statement read-only, yield batches.

        At least one batch comes, with the answer's schema; none has more than *page_rows* rows. Visible
        columns come first, hidden person numbers (int64, null for nobody) last.

        Raises ``StoreUnavailable`` when the store fails and ``StatementRefused`` when the statement cannot
        be evaluated; neither carries the engine's own text.
        """

    async def healthy(self) -> bool:
        """Return whether the store answers."""


class NumberedCopies(Protocol):
    """Copies of datasets that carry the person number of each row, beside the files that they were made of."""

    async def usable(self, datasets: Collection[str]) -> frozenset[str]:
        """Return those of *datasets* whose copy says what the files and the registry of people say now.

        A store that runs a statement afterwards finds them. What is not returned is read from its files.
        """


class Detector(Protocol):
    """Finds and masks personal data in free text."""

    def mask(self, texts: Sequence[str | None]) -> list[str | None]:
        """Return the texts with personal data replaced by its type; a text it cannot read is masked whole."""


class KeyRing(Protocol):
    """Keys by label; none ever leaves the process."""

    @property
    def epoch(self) -> int:
        """The current key epoch."""

    def derive(self, label: str, length: int = 32) -> bytes:
        """Return the key of *label* (HKDF-SHA-256 of the master key, RFC 5869)."""

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of *message* by the log key."""

    def verification_key(self) -> str:
        """Return the log's public key in the note format (``name+hash+base64``)."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be recorded: pseudonyms and codes, counts and hashes; never a value, never SQL text.

    ``kind`` is one of the audit kinds (``access.release``, ``access.deny``, ``consent.withdraw`` …).
    ``id`` is chosen by the caller when it must be known before (a release), else the log chooses.
    ``fields`` are JSON values: strings, integers, booleans, lists and objects of them; no floats.
    ``fields["subjects"]`` names the people concerned by keyed references (``subject_ref``): a list of them,
    or their bytes one after another.
    """

    kind: str
    fields: Mapping[str, object]
    id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditReceipt:
    """Proof of durability: the record's id and its gap-free sequence in the log."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """A search in the log. Times are UTC, ``since`` inclusive, ``until`` exclusive."""

    since: datetime | None = None
    until: datetime | None = None
    requester: str | None = None
    purpose: str | None = None
    decision: str | None = None
    data_subject: str | None = None  # a keyed reference, see ``subject_ref``
    after_seq: int = 0
    limit: int = 100


class AuditLog(Protocol):
    """The log that proves itself."""

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        """Record *entry*; it is durable when this returns. Raises ``AuditUnavailable``."""

    async def search(self, query: AuditQuery) -> list[dict[str, object]]:
        """Return records in order of sequence, each with its ``seq``."""

    async def get(self, record_id: str) -> dict[str, object] | None:
        """Return one record, or ``None``."""

    async def healthy(self) -> bool:
        """Return whether a record could be made durable now."""

    async def close(self) -> None:
        """Write the closing record and stop."""


class ViewCache(Protocol):
    """Keeps the one release of each statistics view, across restarts."""

    async def get(self, name: str, revision: str) -> pa.Table | None:
        """Return the release of view *name* as declared in *revision*, or ``None``."""

    async def put(self, name: str, revision: str, release: pa.Table) -> None:
        """Keep *release*, already fit to be published."""


class PseudonymReader(Protocol):
    """Reads a pseudonym back."""

    def number_of(self, requester: Requester, purpose: str, pseudonym: str) -> SubjectNumber | None:
        """Return the person, or ``None`` when *requester* never received this for *purpose*."""
