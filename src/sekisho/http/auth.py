"""Who is asking: bearer tokens only (RFC 6750, section 2.1), one uniform no.

Requester tokens and customer tokens are different things: each is refused where the other is asked
for, with the same words as a forged one, so that an answer tells nothing about a token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from starlette.requests import Request

from sekisho.domain.terms import Requester
from sekisho.errors import AccessDenied, Unauthenticated
from sekisho.http.services import services_of
from sekisho.ports import DataSubjectRef

_T = TypeVar("_T")
_MAX_TOKEN: Final = 8192  # characters; far above any token of ours
_DETAIL: Final = "Send a valid token for this resource: Authorization: Bearer TOKEN."


def requester_of(request: Request) -> Requester:
    """Return the registered requester. Raises ``Unauthenticated``."""
    return _identify(request, services_of(request).identity.requester)


def customer_of(request: Request) -> DataSubjectRef:
    """Return the customer (data subject). Raises ``Unauthenticated``."""
    return _identify(request, services_of(request).identity.data_subject)


def requester_with_role(request: Request, *roles: str) -> Requester:
    """Return the requester when it holds one of *roles*. Raises ``Unauthenticated``, ``AccessDenied``."""
    requester = requester_of(request)
    if requester.roles.isdisjoint(roles):
        raise AccessDenied("This resource needs the role " + " or ".join(sorted(roles)) + ".")
    return requester


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
