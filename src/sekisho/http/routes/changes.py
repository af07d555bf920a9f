"""``/v1/consents/changes``: the ordered feed, in pages or as server-sent events."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from sekisho.consents.feed import MAX_ITEMS
from sekisho.errors import InvalidRequest
from sekisho.http.auth import requester_of
from sekisho.http.event_stream import HEARTBEAT_S, MEDIA_TYPE, EventStream
from sekisho.http.routing import json_response, query_parameter, router
from sekisho.http.sequences import await_min_seq
from sekisho.http.services import services_of

ROUTER = router("changes")

_DEFAULT_LIMIT: Final = 100
_PARAMETERS: Final[dict[str, Any]] = {
    "parameters": [
        *query_parameter("after_seq", "integer", "Answer what follows on this sequence; 0, all.")["parameters"],
        *query_parameter("limit", "integer", f"Most items of a page, 1 to {MAX_ITEMS}.")["parameters"],
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "Goes on with a stream; counts before `after_seq`.",
            "schema": {"type": "integer"},
        },
    ]
}


@ROUTER.get("/v1/consents/changes", summary="Changes of consent, in order", openapi_extra=_PARAMETERS)
async def changes(request: Request) -> Response:
    """Answer events in the order in which they were recorded, without a gap; `next_after_seq` goes on.

    Collection points and the privacy officer read every event; another service those of its own purposes,
    about people under its own pseudonyms. An event that ends a use names the `releases` of the person's data
    which a recipient may still hold; a page that was on its way at that moment carries a lower `consent_seq`.
    With `Accept: text/event-stream` the events follow as they are recorded; a stream ends with its token, or
    after half an hour, and `Last-Event-ID` goes on.
    """
    requester = requester_of(request)
    await await_min_seq(request)
    feed = services_of(request).consents.feed
    after_seq = whole_number(request.query_params.getlist("after_seq"), "after_seq", 0)
    limit = whole_number(request.query_params.getlist("limit"), "limit", _DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_ITEMS:
        raise InvalidRequest(f"limit is 1 to {MAX_ITEMS}.")
    if MEDIA_TYPE not in request.headers.get("accept", "").lower():
        page = await feed.page(requester, after_seq, limit)
        return json_response({"items": page.items, "next_after_seq": page.next_after_seq})
    after_seq = whole_number(request.headers.getlist("last-event-id"), "Last-Event-ID", after_seq)
    first = await feed.page(requester, after_seq, MAX_ITEMS)
    rest = feed.follow(requester, first.next_after_seq, HEARTBEAT_S)
    ended = feed.admit(requester)
    return EventStream(first, rest, lambda: requester_of(request), services_of(request), ended)


def whole_number(values: list[str], name: str, default: int) -> int:
    """Return the one whole number of a parameter, *default* without one. Raises ``InvalidRequest``."""
    if not values:
        return default
    text = values[0]
    if len(values) > 1 or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidRequest(f"{name} is one whole number.")
    return int(text)
