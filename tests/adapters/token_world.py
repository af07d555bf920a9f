"""A made-up issuer whose tokens can be right, or wrong in one thing."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sekisho.adapters.identity import REQUESTER_TYPE, EmbeddedIssuer, JwtIdentity
from sekisho.adapters.identity.jwks import key_id_of
from sekisho.domain.terms import Requester

START = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
NOW = int(START.timestamp())
ISSUER = "https://issuer.example"


@dataclass(frozen=True)
class Rules:
    """Token rules of a made-up workspace."""

    issuer: str = ISSUER
    audience: str = "sekisho"
    customer_audience: str = "sekisho:customers"
    algorithms: tuple[str, ...] = ("EdDSA",)


class Keys:
    """A token key without a folder."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()

    def sign_token(self, message: bytes) -> bytes:
        """Sign as a key ring does."""
        return self.private.sign(message)

    def token_public_key(self) -> bytes:
        """Return the raw public key."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


class Clock:
    """A clock that tests move by hand."""

    def __init__(self) -> None:
        self.at = START
        self.ids = 0

    def now(self) -> datetime:
        """Return the instant that the test set."""
        return self.at

    def monotonic(self) -> float:
        """Stand still."""
        return 0.0

    def new_id(self) -> str:
        """Count."""
        self.ids += 1
        return f"00000000-0000-7000-8000-{self.ids:012d}"

    def new_ids(self, count: int) -> list[str]:
        """Count on."""
        return [self.new_id() for _ in range(count)]


REQUESTERS = {
    "recommender": Requester("recommender", frozenset({"recommendation"})),
    "analyst": Requester("analyst", frozenset({"churn_prediction"})),
}


@dataclass
class World:
    """An issuer and a checker that share a key and a clock."""

    keys: Keys
    clock: Clock
    issuer: EmbeddedIssuer
    identity: JwtIdentity

    def header(self, **changes: object) -> dict[str, object]:
        """Return a good header with *changes*; ``...`` takes a member away."""
        kid = key_id_of(self.keys.token_public_key())
        return changed({"alg": "EdDSA", "kid": kid, "typ": REQUESTER_TYPE}, changes)

    def claims(self, **changes: object) -> dict[str, object]:
        """Return good claims with *changes*; ``...`` takes a member away."""
        return changed({"iss": ISSUER, "aud": "sekisho", "sub": "recommender", "iat": NOW, "exp": NOW + 600}, changes)

    def signed(self, header: object, claims: object) -> str:
        """A token whose signature is right, whatever it says."""
        return self.sealed(part(header), part(claims))

    def sealed(self, header: str, payload: str) -> str:
        """Sign two parts as they are."""
        text = f"{header}.{payload}"
        return f"{text}.{b64(self.keys.sign_token(text.encode()))}"


def changed(members: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    members.update(changes)
    return {name: value for name, value in members.items() if value is not ...}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(members: object) -> str:
    return b64(json.dumps(members).encode())
