"""Who asks, who decides, where data lies, and the means of the house: time, keys, mail."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from sekisho.domain.access import AccessRequest, Decision
from sekisho.domain.governed import GovernedQuery
from sekisho.domain.obligations import Allowance
from sekisho.domain.terms import Requester
from sekisho.ports.consent import ConsentView, DataSubjectRef, PeopleIndex


class Clock(Protocol):
    """Time and fresh identifiers, injected so that tests can move them."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps."""

    def new_id(self) -> str:
        """Return a new UUIDv7 (RFC 9562)."""

    def new_ids(self, count: int) -> list[str]:
        """Return *count* of them, ascending."""


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


class Mailer(Protocol):
    """Sends a message to one address."""

    async def send(self, address: str, subject: str, text: str) -> None:
        """Hand the message over. Raises ``MailUnavailable`` (then nothing was sent)."""


class DataStore(Protocol):
    """One engine that runs governed statements over one or more stores.

    A scan for a statement over several stores is a governed statement like any other, so that every store can be
    scanned; the engine that joins them is given the others when it is made.
    """

    def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: PeopleIndex, *, page_rows: int
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


class SmallTables(Protocol):
    """A store whose planner goes by what single rows hold, where there are few of them."""

    async def few(self, datasets: Collection[str]) -> frozenset[str]:
        """Return those of *datasets* that have so few rows; those of other stores are passed over."""


class KeyBits(Protocol):
    """A store that learns by one bit each, for keys or for rows, whether that person may be read."""

    async def by_bits(
        self, datasets: Collection[str], people: PeopleIndex, copies: Collection[str], *, rowwise: bool = False
    ) -> frozenset[str]:
        """Return those of *datasets* of which it can be told so now; *copies* are read from their copies.

        *rowwise* is whether it is for rows, of which must be known whose each is, not only that it may be read.
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


class Meter(Protocol):
    """Counts what was released in a window of time, over all workers."""

    async def take(self, account: str, what: str, amount: int, allowance: Allowance) -> bool:
        """Take *amount* of what *account* may have and return True; take nothing and return False when it is more.

        Raises ``PolicyUnavailable`` when nobody can count.
        """


class ViewCache(Protocol):
    """Keeps the one release of each statistics view for every gateway over the same records, across restarts."""

    async def get(self, name: str, revision: str) -> pa.Table | None:
        """Return the release of view *name* as declared in *revision*, or ``None``."""

    async def put(self, name: str, revision: str, release: pa.Table) -> pa.Table:
        """Keep *release*, already fit to be published, unless there is one already; return the one that is kept."""
