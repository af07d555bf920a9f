"""Cookies of customers, and where a request that carries one may come from.

Over TLS names begin with ``__Host-``: browsers then take them from this host alone, for every path, never over
plain HTTP. On one machine without TLS the names are plain and lack ``Secure``, which is refused anywhere else.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from sekisho.consents.sign_in import SignIn
from sekisho.errors import AccessDenied
from sekisho.http.server import is_loopback

SESSION: Final = "sekisho_session"
"""Holds the token of a session; ``SameSite=Strict``."""
PROVIDER: Final = "sekisho_oidc"
"""Lives while a customer is at the identity provider; ``Lax``, because the way back leads from another site."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie_of(request: Request, sign_in: SignIn, name: str) -> str | None:
    """Return the value of the cookie *name*, ``None`` when there is none or more than one.

    Two can only be there when somebody else set one of them; which one counts is not for us to guess.
    """
    wanted = _named(sign_in, name)
    found = [
        value.strip()
        for header in request.headers.getlist("cookie")
        for key, _, value in (pair.partition("=") for pair in header.split(";"))
        if key.strip() == wanted
    ]
    return found[0] if len(found) == 1 and found[0] else None


def has_cookie(request: Request, name: str) -> bool:
    """Return whether a cookie *name* came with the request, in whichever spelling."""
    return any(name in header for header in request.headers.getlist("cookie"))


def set_cookie(sign_in: SignIn, name: str, value: str, *, seconds: int | None = None) -> str:
    """Return the ``Set-Cookie`` header; 0 *seconds* takes the cookie away, ``None`` ends with the browser."""
    age = "" if seconds is None else f"; Max-Age={seconds}"
    site = "Strict" if name == SESSION else "Lax"
    secure = "; Secure" if sign_in.secure else ""
    return f"{_named(sign_in, name)}={value}; Path=/; HttpOnly; SameSite={site}{secure}{age}"


def require_protected(request: Request, sign_in: SignIn) -> None:
    """Raise ``AccessDenied`` when cookies would leave without TLS to anywhere but this machine."""
    if not sign_in.secure and not is_loopback(request.url.hostname or ""):
        raise AccessDenied("Signing in needs TLS; set customers.base_url in sekisho.yaml to the https address.")


def require_same_origin(request: Request, sign_in: SignIn, *, said: bool = True) -> None:
    """Raise ``AccessDenied`` when an unsafe request may come from somebody else's page (CSRF).

    Browsers say where a request comes from in ``Sec-Fetch-Site``, which no page can change; those that do
    not, in ``Origin``. With *said*, a request that says neither is refused too.
    """
    if request.method in _SAFE:
        return
    site, origin = _only(request, "sec-fetch-site"), _only(request, "origin")
    if site is not None:
        # Origin is "null" here for forms of our own pages, which send no referrer.
        if site == "same-origin":
            return
    elif origin is not None:
        if origin in {sign_in.origin, _own_origin(request, sign_in)}:
            return
    elif not said:
        return
    raise AccessDenied("With a session cookie this works from our own pages only; others use a bearer token.")


def _only(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    return ", ".join(values) if values else None


def _own_origin(request: Request, sign_in: SignIn) -> str | None:
    """Return the origin that the request itself names, on one machine: there the port may be any."""
    host = request.headers.get("host", "")
    return f"http://{host}" if not sign_in.secure and is_loopback(urlsplit(f"//{host}").hostname or "") else None


def _named(sign_in: SignIn, name: str) -> str:
    return f"__Host-{name}" if sign_in.secure else name
