"""What a workspace file says, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sekisho.domain.audit_export import Every, ExportFormat
from sekisho.domain.limits import Place
from sekisho.domain.note import VerificationKey
from sekisho.domain.terms import Catalogue


class PolicyEngine(StrEnum):
    """Where policies are evaluated."""

    EMBEDDED = "embedded"
    OPA = "opa"


@dataclass(frozen=True, slots=True)
class Controller:
    """Who decides why and how data is used (GDPR 4(7); 個人情報取扱事業者), as customers are told, and where."""

    name: str
    contact: str
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """The policy decision point.

    Attributes
    ----------
    engine:
        Embedded Rego, or OPA servers.
    bundle:
        Folder of policies, or ``None`` for those that are shipped.
    urls:
        Base addresses of the OPA servers; empty when embedded.
    timeout_ms:
        How long a decision may take before the answer is no, in milliseconds.
    revision:
        The one revision that may decide, or ``None`` for any.
    keyid:
        Name of the key by which OPA servers must verify their bundles, or ``None`` when that is not demanded.
    authority, certificate, key:
        Files for ``https``: whom to trust, and the gateway's own certificate with its private key.
    shadow:
        A policy that decides beside it and counts for nothing: a folder, or the address of an OPA server.
    """

    engine: PolicyEngine
    bundle: Path | None = None
    urls: tuple[str, ...] = ()
    timeout_ms: int = 250
    revision: str | None = None
    keyid: str | None = None
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    shadow: Path | str | None = None


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


class MailKind(StrEnum):
    """Where mail goes."""

    FILE = "file"
    SMTP = "smtp"


class MailSecurity(StrEnum):
    """How the way to the mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How mail leaves.

    Attributes
    ----------
    kind:
        Into a folder, or to an SMTP server.
    folder:
        Where messages are written.
    sender:
        The address in ``From``.
    host, port, user, password_file, tls:
        The server, who we are to it, the file with the password, and how the way there is protected.
    """

    kind: MailKind
    folder: Path
    sender: str
    host: str | None = None
    port: int = 587
    user: str | None = None
    password_file: Path | None = None
    tls: MailSecurity = MailSecurity.STARTTLS


@dataclass(frozen=True, slots=True)
class CustomerSettings:
    """How customers sign in.

    Attributes
    ----------
    base_url:
        Address of the service as customers reach it, without a slash at its end.
    issuer:
        The customers' identity provider, or ``None``.
    audience, jwks:
        ``aud`` of its bearer tokens for us, and the file with its public keys; without them none is accepted.
    client_id, client_secret_file:
        Who we are to it in the browser; without ``client_id`` there is no sign-in there.
    identifier_claim:
        The claim that says who it is: ``email``, or a kind of identifier.
    algorithms:
        Accepted ``alg`` of its tokens.
    proxies:
        Networks of the controller's own reverse proxies, whose ``X-Forwarded-For`` is believed.
    """

    base_url: str
    issuer: str | None = None
    audience: str | None = None
    jwks: Path | None = None
    client_id: str | None = None
    client_secret_file: Path | None = None
    identifier_claim: str = "email"
    algorithms: tuple[str, ...] = ("RS256",)
    proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WitnessSettings:
    """Who signs the log's checkpoints besides the log.

    Attributes
    ----------
    witnesses:
        Address and public key of each, by name.
    quorum:
        How many of them are wanted under each checkpoint.
    """

    witnesses: Mapping[str, tuple[str, VerificationKey]] = field(default_factory=dict)
    quorum: int = 0


@dataclass(frozen=True, slots=True)
class ExportSchedule:
    """One scheduled export of the audit log.

    Attributes
    ----------
    form:
        In which form.
    every:
        How often.
    folder:
        Where; each export is a folder in it, named by its range and form.
    keep:
        How many are kept; ``None``: all.
    """

    form: ExportFormat
    every: Every
    folder: Path
    keep: int | None = None


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """Exports of the audit log.

    Attributes
    ----------
    folder:
        Where exports that are asked for over HTTP lie until they expire.
    keep_days:
        How long they are kept.
    gigabytes:
        How large the folder may become.
    running:
        How many are made at once.
    schedules:
        What is exported every hour or day.
    """

    folder: Path
    keep_days: int = 7
    gigabytes: int = 20
    running: int = 2
    schedules: tuple[ExportSchedule, ...] = ()


class KeyProvider(StrEnum):
    """Who wraps the secrets of the key ring."""

    FILE = "file"
    VAULT = "vault"


@dataclass(frozen=True, slots=True)
class KeySettings:
    """The key ring.

    Attributes
    ----------
    provider:
        Who wraps its secrets: nobody (they lie in the folder), or a transit key of Vault or OpenBao.
    address, transit_key, token_file, mount, namespace, authority:
        Where the provider is, which of its keys wraps, the file with the token, where the transit engine is mounted,
        in which namespace, and the file with the certificates of who is trusted.
    grace_epochs:
        How many former epochs of pseudonyms and tokens are still read after a rotation.
    """

    provider: KeyProvider = KeyProvider.FILE
    address: str | None = None
    transit_key: str | None = None
    token_file: Path | None = None
    mount: str = "transit"
    namespace: str | None = None
    authority: Path | None = None
    grace_epochs: int = 1


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """A place in object storage; who may write there is said by the process's environment.

    Attributes
    ----------
    place:
        Bucket, and what all names in it begin with.
    region, endpoint:
        Where it is; ``None``: as the environment says.
    """

    place: str
    region: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """Scans of the stores.

    Attributes
    ----------
    every_hours:
        How often they are made by themselves; ``None``: never.
    enforce:
        Whether what a scan finds to need a stricter class than declared is restricted before anybody looked.
    named:
        Whether the workspace has a section about scans.
    """

    every_hours: int | None = None
    enforce: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """How free text is read.

    Attributes
    ----------
    recognizers:
        The operator's own recognisers, ``package.module:factory`` each, and the line on which each stands.
    processes:
        How many processes may read, over all that serve; ``None``: as many as there are processors, four at most.
    memory:
        Bytes that each of them may hold.
    cache:
        Bytes of what is remembered of texts, in each process that serves.
    """

    recognizers: tuple[tuple[str, int], ...] = ()
    processes: int | None = None
    memory: int = 1 << 30
    cache: int = 32 << 20


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
    keys:
        Who wraps its secrets, and how long former epochs are read.
    audit_folder:
        Where signed heads of the audit log are kept outside the database.
    exports:
        Exports of the audit log.
    policy:
        The policy decision point.
    identity:
        Which tokens are accepted.
    customers, mail:
        How customers sign in, and how mail leaves.
    rule_sets:
        The dated rules of law that consent is checked by (``appi@2022-04``).
    catalogue:
        Stores, datasets, purposes, requesters and views; its revision is the first 16 hexadecimal digits of
        the file's SHA-256.
    witnesses:
        Who signs the checkpoints of the audit log.
    audit_keep_days:
        How long audit records are kept before they may be pruned; ``None``: for ever.
    audit_tree:
        The object storage in which the audit log's tree lies; ``None``: in a folder beside the heads.
    scan:
        When stores are scanned, and what follows at once.
    detect:
        How free text is read.
    """

    folder: Path
    controller: Controller
    database_url: str = field(repr=False)
    keys_folder: Path
    audit_folder: Path
    exports: ExportSettings
    policy: PolicySettings
    identity: IdentitySettings
    customers: CustomerSettings
    mail: MailSettings
    rule_sets: tuple[str, ...]
    catalogue: Catalogue = field(repr=False)
    witnesses: WitnessSettings = field(default_factory=WitnessSettings)
    audit_keep_days: int | None = None
    audit_tree: BucketSettings | None = None
    keys: KeySettings = field(default_factory=KeySettings)
    scan: ScanSettings = field(default_factory=ScanSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
