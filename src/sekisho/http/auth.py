"""Who is asking: bearer tokens (RFC 6750, section 2.1), for customers session cookies too; one uniform no.

Requester tokens and customer tokens are different things: each is refused where the other is asked
for, with the same words as a forged one, so that an answer tells nothing about a token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from starlette.requests import Request

from sekisho.domain.terms import Requester
from sekisho.errors import AccessDenied, Unauthenticated
from sekisho.http.cookies import SESSION, cookie_of, has_cookie, require_protected, require_same_origin
from sekisho.http.services import services_of
from sekisho.ports import DataSubjectRef

_T = TypeVar("_T")
_MAX_TOKEN: Final = 8192  # characters; far above any token of ours
_DETAIL: Final = "Send a valid token for this resource: Authorization: Bearer TOKEN."


def requester_of(request: Request) -> Requester:
    """Return the registered requester. Raises ``Unauthenticated``."""
    return _identify(request, services_of(request).identity.requester)


async def customer_of(request: Request) -> DataSubjectRef:
    """Return the customer (data subject): of the bearer token, or of the session cookie when there is none.

    Raises
    ------
    Unauthenticated
        When neither names anybody; a wrong token is not made up for by a cookie.
    AccessDenied
        When a request with the cookie would change something and may come from somebody else's page.

    A browser's Global Privacy Control is heeded before anything else (W3C GPC: exactly ``1`` counts).
    """
    if "authorization" not in request.headers and has_cookie(request, SESSION):
        person = await _signed_in(request)
    else:
        person = _identify(request, services_of(request).identity.data_subject)
    if "1" in request.headers.getlist("sec-gpc"):
        await services_of(request).consents.recording.object_by_signal(person)
    return person


def requester_with_role(request: Request, *roles: str) -> Requester:
    """Return the requester when it holds one of *roles*. Raises ``Unauthenticated``, ``AccessDenied``."""
    requester = requester_of(request)
    if requester.roles.isdisjoint(roles):
        raise AccessDenied("This resource needs the role " + " or ".join(sorted(roles)) + ".")
    return requester


async def _signed_in(request: Request) -> DataSubjectRef:
    sign_in = services_of(request).consents.sign_in
    require_protected(request, sign_in)
    require_same_origin(request, sign_in)
    token = cookie_of(request, sign_in, SESSION)
    if token is None:
        raise Unauthenticated(_DETAIL)
    try:
        return await sign_in.person_of(token)
    except Unauthenticated:
        raise Unauthenticated(_DETAIL) from None


def _identify(request: Request, verify: Callable[[str], _T]) -> _T:
    credential = _bearer(request)
    try:
        return verify(credential)
    except Unauthenticated:
        # Expired, forged and meant for somebody else look alike from outside.
        raise Unauthenticated(_DETAIL) from None


def _bearer(request: Request) -> str:
    values = request.headers.getlist("authorization")
    if len(values) == 1:
        scheme, _, token = values[0].partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer" and 0 < len(token) <= _MAX_TOKEN and " " not in token:
            return token
    raise Unauthenticated(_DETAIL)
