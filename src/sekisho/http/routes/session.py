"""``/v1/me/session``: how a customer signs in. A GET uses nothing up; only the way back from the provider does."""

from __future__ import annotations

from html import escape
from typing import Annotated, Final

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sekisho.consents.client_limit import Client
from sekisho.consents.sign_in import PAGE, STATE_SECONDS, NewSession, SignIn
from sekisho.domain.consent_answers import rfc3339
from sekisho.errors import Unauthenticated
from sekisho.http.bodies import Body, read_body
from sekisho.http.cookies import (
    PROVIDER,
    SESSION,
    cookie_of,
    has_cookie,
    require_protected,
    require_same_origin,
    set_cookie,
)
from sekisho.http.routing import body_schema, json_response, router
from sekisho.http.services import services_of

ROUTER = router("session")

_NO: Final = "The sign-in is not valid; begin again."


class LinkBody(Body):
    """``POST /v1/me/session:request``."""

    email: Annotated[str, Field(min_length=3, max_length=320)]


class ConfirmBody(Body):
    """``POST /v1/me/session:confirm``."""

    token: Annotated[str, Field(min_length=1, max_length=128)]


class EndBody(Body):
    """The optional body of signing out: an empty object."""


LINK: Final = TypeAdapter(LinkBody)
CONFIRM: Final = TypeAdapter(ConfirmBody)
END: Final = TypeAdapter(EndBody)


@ROUTER.post("/v1/me/session:request", summary="Ask for a sign-in link", openapi_extra=body_schema(LINK))
async def request_link(request: Request) -> Response:
    """Answer 202 to every address. A link is mailed to it if it is that of exactly one person."""
    sign_in = services_of(request).consents.sign_in
    require_protected(request, sign_in)
    require_same_origin(request, sign_in, said=False)
    body = await read_body(request, LINK)
    await sign_in.request(body.email, _client(request))
    return json_response({"status": "accepted"}, 202)


@ROUTER.post("/v1/me/session:confirm", summary="Sign in by a link", openapi_extra=body_schema(CONFIRM))
async def confirm(request: Request) -> Response:
    """Use up the token of a link, once, and begin a session in a cookie."""
    sign_in = services_of(request).consents.sign_in
    require_protected(request, sign_in)
    require_same_origin(request, sign_in, said=False)  # nobody is signed in as somebody else by a foreign page
    body = await read_body(request, CONFIRM)
    session = await sign_in.confirm(body.token, _client(request), replaced=cookie_of(request, sign_in, SESSION))
    response = json_response({"expires_at": rfc3339(session.expires_at)})
    _begin(response, sign_in, session)
    return response


@ROUTER.post("/v1/me/session:end", summary="Sign out", openapi_extra=body_schema(END, required=False))
async def end(request: Request) -> Response:
    """End the session of the cookie. Repeating it changes nothing."""
    sign_in = services_of(request).consents.sign_in
    require_same_origin(request, sign_in, said=has_cookie(request, SESSION))
    await read_body(request, END, default=b"{}")
    if (token := cookie_of(request, sign_in, SESSION)) is not None:
        await sign_in.end(token)
    response = json_response({})
    response.headers.append("set-cookie", set_cookie(sign_in, SESSION, "", seconds=0))
    return response


@ROUTER.get("/v1/me/session:oidc", summary="Sign in at the identity provider", status_code=303)
async def provider(request: Request) -> Response:
    """Send the browser to the customers' identity provider, when the workspace has one."""
    sign_in = services_of(request).consents.sign_in
    require_protected(request, sign_in)
    url, cookie = await sign_in.begin_at_provider()
    response = RedirectResponse(url, status_code=303)
    response.headers.append("set-cookie", set_cookie(sign_in, PROVIDER, cookie, seconds=STATE_SECONDS))
    return response


@ROUTER.get("/v1/me/session:oidc-callback", summary="Back from the identity provider")
async def provider_callback(request: Request) -> Response:
    """Begin the session of who signed in at the provider, and lead to the preference page."""
    sign_in = services_of(request).consents.sign_in
    require_protected(request, sign_in)
    cookie = cookie_of(request, sign_in, PROVIDER)
    state, code = (_single(request, name) for name in ("state", "code"))
    if cookie is None or state is None or code is None:
        raise Unauthenticated(_NO)
    session = await sign_in.finish_at_provider(cookie, state, code, replaced=cookie_of(request, sign_in, SESSION))
    # Not a redirect: after one, a browser counts the page as reached from the provider's site and would keep
    # the Strict cookie back. The way on begins here, on our own page, and always leads to the same place.
    response = HTMLResponse(_WAY_ON)
    _begin(response, sign_in, session)
    response.headers.append("set-cookie", set_cookie(sign_in, PROVIDER, "", seconds=0))
    return response


_TITLE: Final = "ログインしました / You are signed in"
_WAY_ON: Final = (
    f'<!doctype html><html lang="ja"><head><meta charset="utf-8"><title>{escape(_TITLE)}</title>'
    f'<meta http-equiv="refresh" content="0;url={PAGE}"></head>'
    f'<body><p>{escape(_TITLE)}</p><p><a href="{PAGE}">{PAGE}</a></p></body></html>'
)


def _begin(response: Response, sign_in: SignIn, session: NewSession) -> None:
    response.headers.append("set-cookie", set_cookie(sign_in, SESSION, session.token))


def _client(request: Request) -> Client:
    peer = request.client.host if request.client is not None else ""
    return Client(peer, ",".join(request.headers.getlist("x-forwarded-for")))


def _single(request: Request, name: str) -> str | None:
    values = request.query_params.getlist(name)
    return values[0] if len(values) == 1 and 0 < len(values[0]) <= 4096 else None
