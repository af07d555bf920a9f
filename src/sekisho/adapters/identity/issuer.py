"""The embedded token issuer."""

from __future__ import annotations

import base64
import difflib
import json
from collections.abc import Mapping
from typing import Protocol

from sekisho.adapters.identity.jwks import key_id_of
from sekisho.adapters.identity.rules import DATA_SUBJECT_NAME, DATA_SUBJECT_TYPE, REQUESTER_TYPE, TokenRules
from sekisho.domain.terms import Requester
from sekisho.errors import InvalidRequest, NotFound
from sekisho.ports import Clock

_MAX_TTL = 86_400  # seconds: an embedded token lives a day at most


class TokenKeys(Protocol):
    """What the embedded issuer needs of a key ring."""

    def sign_token(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of *message*."""

    def token_public_key(self) -> bytes:
        """Return the Ed25519 public key (32 bytes)."""


class EmbeddedIssuer:
    """The workspace's own token issuer, for demonstrations and tests on one machine.

    It knows no passwords: whoever can read the key folder can be anybody. Production names a real issuer.

    Parameters
    ----------
    keys:
        Signs with the issuer's key.
    rules:
        Issuer and audiences of the workspace.
    requesters:
        Registered requesters by name.
    clock:
        Gives issue time and token ids.
    """

    def __init__(self, keys: TokenKeys, rules: TokenRules, requesters: Mapping[str, Requester], clock: Clock) -> None:
        self._keys = keys
        self._rules = rules
        self._requesters = frozenset(requesters)
        self._clock = clock

    def requester_token(self, name: str, ttl_s: int = 3600) -> str:
        """Return a bearer token of the requester *name*, valid for *ttl_s* seconds (1 to 86,400).

        Raises ``NotFound`` for a name that is not registered, ``InvalidRequest`` for another lifetime.
        """
        if name not in self._requesters:
            near = difflib.get_close_matches(name, sorted(self._requesters), n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(self._requesters))}"
            raise NotFound(f"no requester of that name in sekisho.yaml; {hint}")
        return self._token(REQUESTER_TYPE, self._rules.audience, name, ttl_s)

    def data_subject_token(self, data_subject: str, ttl_s: int = 3600) -> str:
        """Return a bearer token of the customer *data_subject* (``TYPE:VALUE``, ``customer_id:17850``).

        Raises ``InvalidRequest`` when it is not of that form, or for a lifetime outside 1 to 86,400 s.
        """
        if DATA_SUBJECT_NAME.fullmatch(data_subject) is None:
            raise InvalidRequest("a customer is named as TYPE:VALUE, for example customer_id:17850")
        return self._token(DATA_SUBJECT_TYPE, self._rules.customer_audience, data_subject, ttl_s)

    def _token(self, kind: str, audience: str, named: str, ttl_s: int) -> str:
        if not 1 <= ttl_s <= _MAX_TTL:
            raise InvalidRequest(f"a token lives 1 to {_MAX_TTL} seconds")
        now = int(self._clock.now().timestamp())
        header = {"alg": "EdDSA", "kid": key_id_of(self._keys.token_public_key()), "typ": kind}
        claims = {
            "iss": self._rules.issuer,
            "aud": audience,
            "sub": named,
            "iat": now,
            "exp": now + ttl_s,
            "jti": self._clock.new_id(),
        }
        signed = f"{_part(header)}.{_part(claims)}"
        signature = base64.urlsafe_b64encode(self._keys.sign_token(signed.encode())).rstrip(b"=").decode()
        return f"{signed}.{signature}"


def _part(members: Mapping[str, object]) -> str:
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
