"""What a workspace file says, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sekisho.domain.terms import Catalogue


class PolicyEngine(StrEnum):
    """Where policies are evaluated."""

    EMBEDDED = "embedded"
    OPA = "opa"


@dataclass(frozen=True, slots=True)
class Controller:
    """Who decides why and how data is used (GDPR 4(7); 個人情報取扱事業者), as customers are told."""

    name: str
    contact: str


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """The policy decision point.

    Attributes
    ----------
    engine:
        Embedded Rego, or an OPA server.
    bundle:
        Folder of policies, or ``None`` for those that are shipped.
    url:
        Base address of the OPA server; ``None`` when embedded.
    timeout_ms:
        How long a decision may take before the answer is no, in milliseconds.
    """

    engine: PolicyEngine
    bundle: Path | None
    url: str | None
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """What tokens are accepted.

    Attributes
    ----------
    issuer:
        The one accepted ``iss``.
    audience:
        ``aud`` of requesters' tokens.
    customer_audience:
        ``aud`` of customers' tokens; never the same.
    jwks:
        File with the issuer's public keys, or ``None`` for the embedded issuer.
    algorithms:
        Accepted ``alg``.
    """

    issuer: str
    audience: str
    customer_audience: str
    jwks: Path | None
    algorithms: tuple[str, ...]

    @property
    def embedded(self) -> bool:
        """Whether the workspace issues its own tokens: for one machine only."""
        return self.jwks is None


@dataclass(frozen=True, slots=True)
class Settings:
    """A workspace, complete and consistent. All paths are absolute.

    Attributes
    ----------
    folder:
        The workspace folder.
    controller:
        Who answers for the data.
    database_url:
        SQLAlchemy URL of the gateway's own database; hidden in ``repr``, as it may hold a password.
    keys_folder:
        Where the key ring lies.
    audit_folder:
        Where signed heads of the audit log are kept outside the database.
    policy:
        The policy decision point.
    identity:
        Which tokens are accepted.
    catalogue:
        Stores, datasets, purposes, requesters and views; its revision is the first 16 hexadecimal digits of
        the file's SHA-256.
    """

    folder: Path
    controller: Controller
    database_url: str = field(repr=False)
    keys_folder: Path
    audit_folder: Path
    policy: PolicySettings
    identity: IdentitySettings
    catalogue: Catalogue = field(repr=False)
