"""What the HTTP face is built on, handed over once by ``bootstrap``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa
from starlette.requests import Request

from sekisho.consents import Consents
from sekisho.detokenising import Detokenising
from sekisho.domain.consent import ConsentEventKind, ConsentType
from sekisho.domain.consent_rules import Actor
from sekisho.domain.governed import Output
from sekisho.domain.terms import Dataset, Requester, StatisticsView
from sekisho.grants import Grants
from sekisho.http.metrics import Metrics
from sekisho.ports import AuditLog, AuditProofs, Clock, DataSubjectRef, IdentityProvider, Witnesses
from sekisho.ports.exports import AuditExports
from sekisho.ports.idempotency import IdempotencyStore
from sekisho.release import STALE_SECONDS, Ask, Occasion, ReleasedPage
from sekisho.rotation import Rotation
from sekisho.scanning import ColumnReviews, Scans
from sekisho.simulation import Simulation

HealthProbe = Callable[[], Awaitable[bool]]
"""Answers whether a part works; raising or not answering in time counts as no."""


class Release(Protocol):
    """An answer under way, as ``sekisho.gateway.Release``."""

    @property
    def id(self) -> str:
        """Id of the release and of its first audit record."""

    @property
    def policy_revision(self) -> str:
        """Revision of the policy that decided."""

    @property
    def consent_seq(self) -> int:
        """Sequence at which consent was read."""

    @property
    def columns(self) -> tuple[Output, ...]:
        """The visible columns."""

    @property
    def schema(self) -> pa.Schema:
        """Types of the visible columns."""

    def pages(self) -> AsyncIterator[ReleasedPage]:
        """Yield the pages, at least one; readable once. Raises when a later page may not leave."""

    async def renew(self, *, latest: bool = False) -> float | None:
        """Check consent once more, for the whole answer or its latest page; return when. Raises when it changed."""

    async def close(self) -> None:
        """Stop the statement when nobody reads on."""


class GatewayPort(Protocol):
    """Steps (2) to (8), as ``sekisho.gateway.Gateway``."""

    @property
    def grants(self) -> Grants:
        """What gives grants for emergencies and calls them back."""

    async def query(self, requester: Requester, ask: Ask, *, page_rows: int = 10_000) -> Release:
        """Return the answer. Raises a ``SekishoError``; then nothing was released."""

    async def explain(self, requester: Requester, ask: Ask, language: str = "en") -> Mapping[str, object]:
        """Return the decision and what follows from it, without rows."""

    def datasets(self, requester: Requester) -> list[Dataset]:
        """Return the datasets that *requester* may see."""

    def views(self, requester: Requester) -> list[StatisticsView]:
        """Return the published views of *requester*'s purposes."""

    async def read_view(
        self, requester: Requester, name: str, purpose: str, occasion: Occasion | None = None
    ) -> Release:
        """Return the cached release of a published view."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of the HTTP face.

    Attributes
    ----------
    body_limit:
        Largest request body, in bytes.
    page_deadline:
        Seconds that may pass between a page's recheck and its release.
    stall_timeout:
        Seconds a client may leave what was sent unread before its answer is broken off.
    spool_limit:
        Largest answer in CSV or Parquet, in bytes, when it has more than one page.
    spool_folder:
        Where such answers wait, in files without a name; ``None`` means the system's folder.
    health_timeout:
        Seconds a health probe may take.
    """

    body_limit: int = 1 << 20
    page_deadline: float = STALE_SECONDS
    stall_timeout: float = 30.0
    spool_limit: int = 1 << 30
    spool_folder: Path | None = None
    health_timeout: float = 2.0


@dataclass(frozen=True, slots=True)
class ConsentQuestion:
    """Whether data of *person* may be used for *purpose*, in *scope* (empty: in every cell of it)."""

    person: DataSubjectRef
    purpose: str
    scope: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsentEventRequest:
    """A consent event as a service hands it in, with its claims; see ``consents.giving.Said``."""

    person: DataSubjectRef
    purpose: str
    kind: ConsentEventKind
    method: str
    scope: Mapping[str, str] = field(default_factory=dict)
    actor: Actor = field(default_factory=Actor)
    notice_version: str | None = None
    locale: str | None = None
    served_id: str | None = None
    occurred_at: datetime | None = None
    valid_until: datetime | None = None
    age: int | None = None
    of_age_at: datetime | None = None
    consent_type: ConsentType | None = None
    reason: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ConsentDecision:
    """One decision of a person who signed in; *scope* empty: in every cell of the purpose."""

    purpose: str
    kind: ConsentEventKind
    scope: Mapping[str, str] = field(default_factory=dict)
    notice_version: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that routes call.

    Attributes
    ----------
    gateway:
        The nine steps.
    consents:
        Every use case of consent.
    identity:
        Verifies bearer tokens.
    audit:
        The log that proves itself.
    clock:
        Monotonic time for deadlines.
    subject_reference:
        The keyed reference under which the audit log knows a person, or ``None`` for an unknown one.
    jwks:
        The public keys of ``/.well-known/jwks.json`` (RFC 7517).
    health:
        Part (``policy``, ``audit``, ``consent``, ``store`` or ``store:NAME``) to probe.
    settings:
        Limits.
    metrics:
        Where things are counted.
    idempotency:
        Where answers to idempotency keys are kept; ``None``: the header is not heeded.
    remarks:
        What who runs the service should know though it works, by part of ``health``.
    simulation:
        What other policies would decide.
    proofs:
        The tree over the audit log; ``None``: there is none.
    witnesses:
        Who signs its checkpoints; ``None``: nobody.
    exports:
        Makes exports of the audit log; ``None``: there are none.
    rotation, detokenising:
        Begin epochs of keys, and turn pseudonyms back; ``None``: nobody does.
    scans, column_reviews:
        Look into stores, and take decisions about what was found; ``None``: nobody does.
    """

    gateway: GatewayPort
    consents: Consents
    identity: IdentityProvider
    audit: AuditLog
    clock: Clock
    subject_reference: Callable[[DataSubjectRef], Awaitable[str | None]]
    jwks: Callable[[], Mapping[str, object]]
    health: Mapping[str, HealthProbe]
    settings: HttpSettings = field(default_factory=HttpSettings)
    metrics: Metrics = field(default_factory=Metrics)
    idempotency: IdempotencyStore | None = None
    remarks: Callable[[], Mapping[str, str]] = dict
    simulation: Simulation | None = None
    proofs: AuditProofs | None = None
    witnesses: Witnesses | None = None
    exports: AuditExports | None = None
    rotation: Rotation | None = None
    detokenising: Detokenising | None = None
    scans: Scans | None = None
    column_reviews: ColumnReviews | None = None


def services_of(request: Request) -> Services:
    """Return the services of the application that serves *request*."""
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - only create_app writes it
    return services
