"""Server-sent events (WHATWG HTML, 9.2): the change feed as it comes.

The next part is read when the connection has taken the one before it; a reader that takes nothing for too
long is broken off. The credential is verified again before each part, so that a stream ends with its token.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final

import orjson
import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from sekisho.consents.feed import FeedPage
from sekisho.errors import SekishoError, Unauthenticated
from sekisho.http.context import BrokenOff, context_of
from sekisho.http.services import Services

_log = structlog.get_logger("sekisho.http")

MEDIA_TYPE: Final = "text/event-stream"
HEARTBEAT_S: Final = 15.0
LONGEST_S: Final = 1_800.0
"""Seconds after which a stream ends; readers come back with ``Last-Event-ID`` by themselves."""

_RETRY_MS: Final = 1_000
_AT_ONCE: Final = 200  # events in one part: 100 kB or so


class EventStream(Response):
    """Sends the pages of a feed as events.

    Parameters
    ----------
    first:
        The first page, already read: what is refused is refused before the stream begins.
    pages:
        The pages after it.
    verify:
        Raises ``Unauthenticated`` when the credential no longer counts.
    services:
        For the clock and the limits.
    ended:
        Called once when the stream is over.
    """

    def __init__(
        self,
        first: FeedPage,
        pages: AsyncGenerator[FeedPage, None],
        verify: Callable[[], object],
        services: Services,
        ended: Callable[[], None],
    ) -> None:
        self._first = first
        self._pages = pages
        self._verify = verify
        self._services = services
        self._ended = ended
        self.status_code = 200
        self.background = None
        self.media_type = MEDIA_TYPE
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no"})
        # The length is not known; without this, starlette would say 0.
        self.raw_headers = [header for header in self.raw_headers if header[0] != b"content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client leaves, the token or the time runs out, or the service stops."""
        gone = asyncio.create_task(_left(receive))
        sending = asyncio.create_task(self._send(send))
        try:
            await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                context_of(scope).code = "client_left"
                return
            sending.result()
        except (SekishoError, TimeoutError, OSError) as error:
            trace_id = context_of(scope).trace_id
            code = error.code if isinstance(error, SekishoError) else "client_left"
            _log.info("stream_broken_off", code=code, error=type(error).__name__, trace_id=trace_id)
            raise BrokenOff from None
        finally:
            for task in (gone, sending):
                task.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)
            self._ended()
            await self._pages.aclose()

    async def _send(self, send: Send) -> None:
        ends = self._services.clock.monotonic() + LONGEST_S
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._part(send, f"retry: {_RETRY_MS}\n\n".encode())
        await self._page(send, self._first)
        async for page in self._pages:
            try:
                self._verify()
            except Unauthenticated:
                break
            await self._page(send, page)
            if self._services.clock.monotonic() >= ends:
                break
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _page(self, send: Send, page: FeedPage) -> None:
        for start in range(0, len(page.items), _AT_ONCE):
            await self._part(send, b"".join(event(item) for item in page.items[start : start + _AT_ONCE]))
        # A comment keeps the connection alive; an id without data moves the reader on past what is not its own.
        await self._part(send, f": {'read' if page.items else 'alive'}\nid: {page.next_after_seq}\n\n".encode())

    async def _part(self, send: Send, body: bytes) -> None:
        # An empty part is no byte on the wire; servers hold it back while their buffer is full.
        empty: Message = {"type": "http.response.body", "body": b"", "more_body": True}
        async with asyncio.timeout(self._services.settings.stall_timeout):
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await send(empty)


def event(item: Mapping[str, object]) -> bytes:
    """Return one item of the feed as an event. JSON holds no line break, so one ``data`` line is enough."""
    return f"id: {item['seq']}\nevent: consent\ndata: ".encode() + orjson.dumps(item) + b"\n\n"


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
