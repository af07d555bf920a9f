"""Customers by their own identity provider: OpenID Connect in the browser, and bearer tokens.

:class:`OidcProvider` is the authorization-code flow (OpenID Connect Core, 3.1) with PKCE (RFC 7636); state, nonce
and verifier come from the caller. An ID token passes the checks of ``tokens.py`` for form, key and signature, then
``iss``, ``aud`` (ours alone), ``azp``, ``exp``, ``iat`` and ``nonce``. :class:`CustomerTokens` takes bearer
tokens of the same provider, with an audience of its own.

Who it is stands in one claim: ``email``, which counts only when ``email_verified`` is true, or another that
holds an identifier of the stores. Whatever goes wrong, the caller hears :class:`Unauthenticated` and no part
of what was received.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jwt

from sekisho.adapters.identity.jwks import ACCEPTED, VerificationKey, VerificationKeys, key_set
from sekisho.adapters.identity.rules import LONGEST_S
from sekisho.adapters.identity.tokens import JwtIdentity, signed_claims
from sekisho.domain.identifiers import EMAIL_SHA256
from sekisho.domain.mail_address import email_sha256, mail_address
from sekisho.domain.terms import Requester
from sekisho.errors import InvalidRequest, Unauthenticated
from sekisho.ports import Clock, DataSubjectRef

EMAIL: Final = "email"
"""The claim that holds an address."""

_NO = "The sign-in at the identity provider is not valid; begin again."
_AWAY = "The identity provider gave no usable answer; try again, or ask for a link by mail."
_LEEWAY_S = 60  # clocks of two houses
_FRESH_S = 600  # an ID token is made for this sign-in, not kept
_KEPT_S = 3600.0  # how long the provider's document and keys are believed
_AGAIN_S = 60.0  # keys are fetched again for an unknown kid so often at most
_MAX_BYTES = 65_536
_TIMEOUT = httpx.Timeout(5.0)
_VALUE = re.compile(r"[\x21-\x7e]{1,256}")
_ID_TOKEN_TYPES = ("JWT", "application/jwt")
_BEARER_TYPES = ("JWT", "at+jwt", "application/at+jwt")


class OidcProvider:
    """``consents.sign_in.CustomerProvider`` over OpenID Connect.

    Parameters
    ----------
    issuer:
        As the provider spells it, letter by letter; ``https``, or ``http`` on this machine.
    client_id, client_secret:
        Who we are to the provider; without a secret, a public client.
    redirect_uri:
        Where the provider sends the browser back to; registered there.
    clock:
        Decides what is expired.
    identifier_claim:
        The claim that says who it is.
    algorithms:
        Accepted ``alg`` of ID tokens.
    keys:
        The provider's keys where they are pinned; by default those that it publishes.
    client:
        Makes the connections; by default one that follows no redirects and gives up after five seconds.
    """

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        redirect_uri: str,
        clock: Clock,
        client_secret: str | None = None,
        identifier_claim: str = EMAIL,
        algorithms: tuple[str, ...] = ("RS256",),
        keys: VerificationKeys | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._issuer = issuer
        self._client_id, self._client_secret = client_id, client_secret
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._claim = identifier_claim
        self._algorithms = algorithms
        self._pinned = keys
        self._client = client or httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False)
        self._document: Mapping[str, Any] = {}
        self._document_at = -_KEPT_S
        self._keys: Mapping[str, VerificationKey] = {}
        self._keys_at = -_KEPT_S

    def __repr__(self) -> str:
        return f"OidcProvider({self._issuer})"

    async def authorization_url(self, *, state: str, nonce: str, challenge: str) -> str:
        """Return where a browser signs in. Raises ``Unauthenticated`` when the provider does not answer."""
        endpoint = self._endpoint(await self._discovered(), "authorization_endpoint")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client_id,
                "redirect_uri": self._redirect_uri,
                "scope": "openid email",
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"

    async def person(self, *, code: str, nonce: str, verifier: str) -> DataSubjectRef:
        """Return who signed in: the code becomes an ID token, the ID token a person. Raises ``Unauthenticated``."""
        document = await self._discovered()
        answer = await self._json(
            self._authenticated(
                document,
                {
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": self._redirect_uri,
                    "code_verifier": verifier,
                },
            )
        )
        token = answer.get("id_token")
        if not isinstance(token, str) or not 0 < len(token) <= _MAX_BYTES or not token.isascii():
            raise Unauthenticated(_NO)
        claims = signed_claims(token, await self._keys_for(document, token), self._algorithms, _ID_TOKEN_TYPES)
        now = self._clock.now().timestamp()
        _check(claims, self._issuer, self._client_id, now)
        issued, given = claims.get("iat"), claims.get("nonce")
        if not isinstance(issued, int | float) or not now - issued <= _FRESH_S:
            raise Unauthenticated(_NO)
        if not isinstance(given, str) or not hmac.compare_digest(given.encode("utf-8", "replace"), nonce.encode()):
            raise Unauthenticated(_NO)
        if claims.get("azp", self._client_id) != self._client_id:
            raise Unauthenticated(_NO)
        return _named(claims, self._claim)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _discovered(self) -> Mapping[str, Any]:
        """Return the provider's document (OpenID Connect Discovery, 4)."""
        now = self._clock.monotonic()
        if now - self._document_at >= _KEPT_S:
            url = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
            document = await self._json(self._client.build_request("GET", url))
            if document.get("issuer") != self._issuer:
                raise Unauthenticated(_AWAY)
            self._document, self._document_at = document, now
        return self._document

    async def _keys_for(self, document: Mapping[str, Any], token: str) -> Mapping[str, VerificationKey]:
        if self._pinned is not None:
            return self._pinned.current()[1]
        age = self._clock.monotonic() - self._keys_at
        if age >= _KEPT_S or (age >= _AGAIN_S and _kid(token) not in self._keys):
            url = self._endpoint(document, "jwks_uri")
            published = await self._json(self._client.build_request("GET", url))
            try:
                self._keys = key_set({"keys": _usable(published.get("keys"))})
            except ValueError:
                raise Unauthenticated(_AWAY) from None
            self._keys_at = self._clock.monotonic()
        return self._keys

    def _authenticated(self, document: Mapping[str, Any], form: dict[str, str]) -> httpx.Request:
        """Return the request to the token endpoint, with our credentials (OpenID Connect Core, 9)."""
        headers = {"accept": "application/json"}
        methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if self._client_secret is not None and "client_secret_basic" in methods:
            both = f"{quote(self._client_id, safe='')}:{quote(self._client_secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(both.encode()).decode()
        else:
            form["client_id"] = self._client_id
            if self._client_secret is not None:
                form["client_secret"] = self._client_secret
        return self._client.build_request(
            "POST", self._endpoint(document, "token_endpoint"), data=form, headers=headers
        )

    def _endpoint(self, document: Mapping[str, Any], name: str) -> str:
        """Return an address of the document: TLS, or the same machine when the issuer is on it."""
        url = document.get(name)
        ours = urlsplit(self._issuer)
        try:
            split = urlsplit(url) if isinstance(url, str) else None
            usable = split is not None and not split.username and not split.fragment and bool(split.hostname)
        except ValueError:
            split, usable = None, False
        if split is None or not usable:
            raise Unauthenticated(_AWAY)
        if split.scheme != "https" and (split.scheme, split.hostname) != (ours.scheme, ours.hostname):
            raise Unauthenticated(_AWAY)
        return str(url)

    async def _json(self, request: httpx.Request) -> dict[str, Any]:
        content = b""
        try:
            response = await self._client.send(request, stream=True)
            try:
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > _MAX_BYTES:
                        raise Unauthenticated(_AWAY)
            finally:
                await response.aclose()
            answer = json.loads(content) if response.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
            raise Unauthenticated(_AWAY) from None
        if not isinstance(answer, dict):
            raise Unauthenticated(_AWAY)
        return answer


class CustomerTokens:
    """Bearer tokens of the customers' identity provider.

    Parameters
    ----------
    issuer, audience:
        The one accepted ``iss``, and the ``aud`` of its tokens for us.
    keys:
        The provider's pinned keys.
    clock, identifier_claim, algorithms:
        As of :class:`OidcProvider`.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: VerificationKeys,
        clock: Clock,
        identifier_claim: str = EMAIL,
        algorithms: tuple[str, ...] = ("RS256",),
    ) -> None:
        self._issuer, self._audience = issuer, audience
        self._keys, self._clock = keys, clock
        self._claim, self._algorithms = identifier_claim, algorithms

    def data_subject(self, credential: str) -> DataSubjectRef:
        """Return the customer of a bearer token. Raises ``Unauthenticated``."""
        if not 0 < len(credential) <= _MAX_BYTES or not credential.isascii():
            raise Unauthenticated(_NO)
        claims = signed_claims(credential, self._keys.current()[1], self._algorithms, _BEARER_TYPES)
        _check(claims, self._issuer, self._audience, self._clock.now().timestamp())
        return _named(claims, self._claim)


class SeparateIdentity:
    """``ports.IdentityProvider`` whose requesters and customers have different issuers."""

    def __init__(self, requesters: JwtIdentity, customers: CustomerTokens) -> None:
        self._requesters = requesters
        self._customers = customers

    def requester(self, credential: str) -> Requester:
        """Return the registered requester of a bearer token. Raises ``Unauthenticated``."""
        return self._requesters.requester(credential)

    def data_subject(self, credential: str) -> DataSubjectRef:
        """Return the customer of a bearer token. Raises ``Unauthenticated``."""
        return self._customers.data_subject(credential)


def _check(claims: Mapping[str, object], issuer: str, audience: str, now: float) -> None:
    """Raise ``Unauthenticated`` unless issuer, audience and times are right."""
    # For several audiences, each of the others could use it here: exactly ours, alone or in a list of one.
    if claims.get("aud") not in (audience, [audience]):
        raise Unauthenticated(_NO)
    registry = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        registry.validate(dict(claims))
    except Exception:  # noqa: BLE001 - hostile input: every failure of a parser is the same answer
        raise Unauthenticated(_NO) from None
    expires = claims["exp"]
    if not isinstance(expires, int | float) or not now - _LEEWAY_S < expires <= now + LONGEST_S:
        raise Unauthenticated(_NO)


def _named(claims: Mapping[str, object], claim: str) -> DataSubjectRef:
    value = claims.get(claim)
    if claim == EMAIL:
        if claims.get("email_verified") is not True or not isinstance(value, str):
            raise Unauthenticated(_NO)
        try:
            return DataSubjectRef(EMAIL_SHA256, email_sha256(mail_address(value)))
        except InvalidRequest:
            raise Unauthenticated(_NO) from None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise Unauthenticated(_NO)
    return DataSubjectRef(claim, value)


def _usable(listed: object) -> list[object]:
    """Return the keys that could verify here; providers publish others beside them, to encrypt with."""
    members = listed if isinstance(listed, list) else []
    return [
        member
        for member in members
        if isinstance(member, dict)
        and member.get("use", "sig") == "sig"
        and (kinds := ACCEPTED.get((str(member.get("kty")), _curve(member)))) is not None
        and member.get("alg", kinds[0]) in kinds
    ]


def _curve(member: Mapping[str, object]) -> str | None:
    return None if member.get("kty") == "RSA" else str(member.get("crv"))


def _kid(token: str) -> str | None:
    head = token.partition(".")[0]
    try:
        kid = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))).get("kid")
    except (ValueError, AttributeError, RecursionError):
        return None
    return kid if isinstance(kid, str) else None
