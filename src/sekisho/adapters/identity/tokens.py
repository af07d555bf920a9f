"""Identity by JSON Web Tokens: who asks, and which customer speaks (RFC 7519, RFC 8725, RFC 9068).

A credential becomes a :class:`Requester` in five checks, none of which trusts the one after it:

(1) **form**: at most 8 KiB, three base64url parts, a header of known members. ``jku``, ``x5u``,
    ``jwk`` and ``x5c`` would let the token choose its own key, ``crit`` and ``b64`` change how it is read:
    all refused (RFC 8725, 3.10; CVE-2025-59420).
(2) **key**: ``alg`` on the allow-list and ``kid`` in the pinned key set, whose key has one algorithm
    (RFC 8725, 3.1; CVE-2024-37568: a public key must never serve as an HMAC secret).
(3) **signature**.
(4) **claims**: ``iss``, ``aud``, ``exp`` (a year ahead at most) and ``sub`` must be there and right. The library
    checks no claim unless it is told to; forgetting this step accepts expired tokens for other services.
(5) **registration**: ``sub`` names a requester of the workspace, and its purposes come from there alone.

Requesters and customers have different audiences and token types, so that neither passes as the
other. Whatever goes wrong, the caller hears :class:`Unauthenticated` with one of a few sentences and
no part of the token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jws import JWSRegistry

from sekisho.adapters.identity.jwks import VerificationKey, VerificationKeys
from sekisho.adapters.identity.rules import (
    DATA_SUBJECT_NAME,
    DATA_SUBJECT_TYPE,
    LONGEST_S,
    REQUESTER_TYPE,
    TokenRules,
)
from sekisho.domain.terms import Requester
from sekisho.errors import Unauthenticated
from sekisho.ports import Clock, DataSubjectRef

_MAX_TOKEN = 8192  # characters; what common HTTP servers take as one header
_MAX_CACHED = 4096  # verified tokens
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
# alg, kid and typ are used; cty, x5t and x5t#S256 say nothing that is trusted here.
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ", "cty", "x5t", "x5t#S256"})


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that passed, until when (seconds since 1970)."""

    who: Requester | DataSubjectRef
    expires: float


class _AllowedAlgorithms(JWSRegistry):
    """The allow-list and nothing else.

    ``EdDSA`` is what issuers call Ed25519 today; RFC 9864 deprecates the name, and the library warns at each
    use. The key set pins the curve, which is what the deprecation is about.
    """

    def get_alg(self, name: str) -> JWSAlgModel:
        """Return the algorithm called *name*, when it is on the list."""
        if not self.allowed or name not in self.allowed or name not in self.algorithms:
            raise UnsupportedAlgorithmError("not on the allow-list")
        return self.algorithms[name]


class JwtIdentity:
    """``ports.IdentityProvider`` over signed tokens.

    Parameters
    ----------
    rules:
        Issuer, audiences and algorithms of the workspace.
    keys:
        Where verification keys come from: :class:`~sekisho.adapters.identity.jwks.EmbeddedKeys` or
        :class:`~sekisho.adapters.identity.jwks.JwksFile`.
    requesters:
        Registered requesters by name.
    clock:
        Decides what is expired.

    Verified tokens are remembered by their SHA-256 until they expire, 4,096 at most, and forgotten at
    once when the key set changes: a withdrawn key is withdrawn for tokens already seen, too.
    """

    def __init__(
        self, rules: TokenRules, keys: VerificationKeys, requesters: Mapping[str, Requester], clock: Clock
    ) -> None:
        if rules.audience == rules.customer_audience:
            raise ValueError("requesters and customers need different audiences")
        self._rules = rules
        self._keys = keys
        self._requesters = dict(requesters)
        self._clock = clock
        self._lock = threading.Lock()
        self._cache: OrderedDict[bytes, _Verified] = OrderedDict()
        self._cached_version: object = None

    def requester(self, credential: str) -> Requester:
        """Return the registered requester of a bearer token. Raises ``Unauthenticated``."""
        who = self._verified(credential, REQUESTER_TYPE)
        if not isinstance(who, Requester):
            raise _no("the token belongs to a customer; a requester's token is needed")
        return who

    def data_subject(self, credential: str) -> DataSubjectRef:
        """Return the customer of a bearer token. Raises ``Unauthenticated``."""
        who = self._verified(credential, DATA_SUBJECT_TYPE)
        if not isinstance(who, DataSubjectRef):
            raise _no("the token belongs to a requester; a customer's token is needed")
        return who

    def _verified(self, token: str, kind: str) -> Requester | DataSubjectRef:
        if not isinstance(token, str) or not 0 < len(token) <= _MAX_TOKEN or not token.isascii():
            raise _no("the credential is not a bearer token")
        version, keys = self._keys.current()
        # The kind is part of the key, so that a remembered token never answers the other question.
        digest = hashlib.sha256(f"{kind}\n{token}".encode()).digest()
        now = self._clock.now().timestamp()
        with self._lock:
            if version != self._cached_version:
                self._cache.clear()
                self._cached_version = version
            known = self._cache.get(digest)
            if known is not None:
                if now < known.expires:
                    self._cache.move_to_end(digest)
                    return known.who
                del self._cache[digest]
                raise _no("the token has expired; ask the issuer for a new one")
        verified = self._verify(token, kind, keys, now)
        with self._lock:
            if version == self._cached_version:
                self._cache[digest] = verified
                while len(self._cache) > _MAX_CACHED:
                    self._cache.popitem(last=False)
        return verified.who

    def _verify(self, token: str, kind: str, keys: Mapping[str, VerificationKey], now: float) -> _Verified:
        # (1) form, (2) key, (3) signature
        claims = signed_claims(token, keys, self._rules.algorithms, _accepted_types(kind))
        # (4) claims
        expires, named = self._claims(claims, kind, now)
        # (5) registration
        if kind == DATA_SUBJECT_TYPE:
            return _Verified(_data_subject(named), expires)
        requester = self._requesters.get(named)
        if requester is None:
            raise _no("the token names no registered requester; register it in sekisho.yaml")
        return _Verified(requester, expires)

    def _claims(self, claims: dict[str, object], kind: str, now: float) -> tuple[float, str]:
        """Return when the token expires and whom it names, after all claims proved right."""
        audience = self._rules.audience if kind == REQUESTER_TYPE else self._rules.customer_audience
        # A token for several audiences could be replayed here by each of the others, and one for both of
        # ours would blur requester and customer: exactly one is accepted, alone or in a list of one.
        if claims.get("aud") not in (audience, [audience]):
            raise _no("the token is not for this audience alone")
        registry = jwt.JWTClaimsRegistry(
            now=int(now),
            leeway=0,
            iss={"essential": True, "value": self._rules.issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except ExpiredTokenError:
            raise _no("the token has expired; ask the issuer for a new one") from None
        except Exception:  # noqa: BLE001 - hostile input: whatever fails is the same answer
            raise _no("a claim of the token is missing or wrong (iss, aud, exp, sub, nbf, iat)") from None
        expires, named = claims["exp"], claims["sub"]
        if not isinstance(expires, int | float) or not isinstance(named, str) or not now < expires:
            raise _no("a claim of the token is missing or wrong (iss, aud, exp, sub, nbf, iat)")
        if expires > now + LONGEST_S:
            raise _no("the token is valid for more than a year; ask the issuer for one that ends sooner")
        return float(expires), named

    def __repr__(self) -> str:
        return f"JwtIdentity(requesters={len(self._requesters)})"


def signed_claims(
    token: str, keys: Mapping[str, VerificationKey], algorithms: Collection[str], types: Collection[str]
) -> dict[str, object]:
    """Return the claims of a token whose form, key and signature are right: checks (1) to (3) of this module.

    The claims themselves are still to be checked. Raises ``Unauthenticated``.

    Parameters
    ----------
    keys:
        The issuer's keys by ``kid``.
    algorithms:
        Accepted ``alg``.
    types:
        Accepted ``typ``; a token without one counts as ``JWT``.
    """
    # (1) form
    header = _header(token)
    if header.get("typ", "JWT") not in types:
        raise _no("the token is of another type than this call takes")
    # (2) key
    kid, algorithm = header.get("kid"), header.get("alg")
    pinned = keys.get(kid) if isinstance(kid, str) else None
    if pinned is None:
        raise _no("the token's key is not one of the issuer's published keys")
    if algorithm not in algorithms or algorithm not in pinned.algorithms:
        raise _no("the token's algorithm is not accepted for its key")
    # (3) signature
    try:
        claims: dict[str, object] = jwt.decode(token, pinned.key, registry=_allowed(tuple(algorithms))).claims
    except Exception:  # noqa: BLE001 - hostile input: every failure of a parser is the same answer
        raise _no("the token's signature is not valid") from None
    return claims


@lru_cache(maxsize=16)
def _allowed(algorithms: tuple[str, ...]) -> _AllowedAlgorithms:
    return _AllowedAlgorithms(algorithms=algorithms)


def _header(token: str) -> dict[str, object]:
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        raise _no("the credential is not a signed token")
    text = parts[1]
    try:
        header = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError):
        raise _no("the token's header cannot be read") from None
    if not isinstance(header, dict) or not _HEADER_MEMBERS.issuperset(header):
        raise _no("the token's header has members that are not accepted")
    return header


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a member that stands twice: two readers could see two headers (RFC 8259, 4)."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("twice")
    return members


def _accepted_types(kind: str) -> tuple[str, ...]:
    # Many issuers still type access tokens as JWT or not at all; the audience keeps customers apart.
    if kind == REQUESTER_TYPE:
        return (REQUESTER_TYPE, "application/at+jwt", "JWT")
    return (DATA_SUBJECT_TYPE,)


def _data_subject(named: str) -> DataSubjectRef:
    parts = DATA_SUBJECT_NAME.fullmatch(named)
    if parts is None:
        raise _no("the token does not name a customer as TYPE:VALUE")
    return DataSubjectRef(parts[1], parts[2])


def _no(detail: str) -> Unauthenticated:
    return Unauthenticated(detail)
