"""Step (9): pages leave as JSON, NDJSON, CSV, Arrow or Parquet.

Three rules hold for every form. A page is asked for only when the connection has taken the one
before, because a page that is asked for has been rechecked and must not wait. A page that waited
longer than the deadline all the same is dropped, and the log says so. What breaks after the first
byte breaks the connection, so that no client takes the part for the whole.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import IO, Any, Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from sekisho.domain.terms import Requester
from sekisho.errors import AuditUnavailable, ConsentUnavailable, InvalidRequest, SekishoError
from sekisho.http.context import BrokenOff, context_of
from sekisho.http.formats import Format, json_document
from sekisho.http.services import Release, Services, services_of
from sekisho.ports import AuditEntry
from sekisho.release import ReleasedPage

_log = structlog.get_logger("sekisho.http")

# Encoding this many rows takes a millisecond or more: other requests go on meanwhile.
_ROWS_FOR_A_THREAD: Final = 2_000
_CHUNK: Final = 256 * 1024  # bytes read from the spool at a time
_SPOOL_IN_MEMORY: Final = 8 << 20  # bytes


class _Pages:
    """The pages of one release: how old the unsent ones are, and how many rows left."""

    def __init__(self, release: Release, services: Services, requester: Requester, purpose: str, form: str) -> None:
        self._release = release
        self._services = services
        self._requester = requester
        self._purpose = purpose
        self._form = form
        self._iterator: AsyncIterator[ReleasedPage] = release.pages()
        self._unsent: list[tuple[int, int]] = []  # audit sequence and rows: the pages themselves must not stay
        self._rechecked_at = 0.0
        self.rows = 0

    async def read(self) -> ReleasedPage:
        """Return the next page. Not to be called after the last."""
        page = await anext(self._iterator)
        if not self._unsent:
            # An answer that no consent covers starts to age here; it has no recheck of its own.
            self._rechecked_at = min(page.rechecked, self._services.clock.monotonic())
        self._unsent.append((page.audit_seq, page.batch.num_rows))
        self.rows += page.batch.num_rows
        return page

    async def renew(self, *, latest: bool = False) -> None:
        """Check consent once more for all that was read, or its latest page: what took long may leave unchanged."""
        try:
            rechecked = await self._release.renew(latest=latest)
        except SekishoError:
            await self._void()
            raise
        if rechecked is not None:
            self._rechecked_at = rechecked

    async def going_on(self, *, latest: bool = False) -> None:
        """Call before each part of what leaves for long: what was checked too long ago is checked once more."""
        if self._too_old():
            await self.renew(latest=latest)

    def _too_old(self) -> bool:
        return self._services.clock.monotonic() - self._rechecked_at > self._services.settings.page_deadline

    async def sending(self) -> None:
        """Call just before what was read leaves. Raises ``ConsentUnavailable`` when it waited too long."""
        if self._too_old():
            await self._void()
            raise ConsentUnavailable(
                "The answer waited too long after consent was rechecked, and was dropped. "
                "Ask for fewer rows, or for Arrow or NDJSON, which leave page by page."
            )
        for _, rows in self._unsent:
            self._services.metrics.page(self._form, rows)
        self._unsent.clear()

    async def drop(self) -> None:
        """Call when what was read leaves no more. A log that is down says too much then, rather than too little."""
        with suppress(AuditUnavailable):
            await self._void("not_sent")

    async def _void(self, reason: str = "recheck_too_old") -> None:
        """Record that pages, which the log says were released, were not; of what began to leave, it says nothing."""
        if not self._unsent:
            return
        self._services.metrics.void(len(self._unsent))
        await self._services.audit.append(
            AuditEntry(
                "access.void",
                {
                    "parent_id": self._release.id,
                    "requester": self._requester.name,
                    "purpose": self._purpose,
                    "pages": [seq for seq, _ in self._unsent],
                    "reason": reason,
                },
            )
        )
        self._unsent.clear()

    async def close(self) -> None:
        """Stop reading; the store's cursor is let go."""
        closing = getattr(self._iterator, "aclose", None)
        if closing is not None:
            await closing()
        await self._release.close()


async def unless_gone(request: Request, asking: Coroutine[Any, Any, Release]) -> Release:
    """Return the answer of *asking*, which is stopped when the client leaves before there is one.

    The request's body must have been read. Raises ``BrokenOff`` when the client left: nobody is there to be told.
    """
    answering = asyncio.ensure_future(asking)
    leaving = asyncio.ensure_future(_disconnected(request.receive))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            return answering.result()
    finally:
        leaving.cancel()
        await _stopped(answering)
    if not answering.cancelled() and answering.exception() is None:
        await answering.result().close()
    context_of(request.scope).code = "client_left"
    _log.info("client_left", trace_id=context_of(request.scope).trace_id)
    raise BrokenOff


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stopped(task: asyncio.Future[Any]) -> None:
    """Cancel *task* unless it is done, and wait until it has cleaned up; what it raises then is of no use."""
    if not task.done():
        task.cancel()
        await asyncio.wait((task,))


async def release_response(
    request: Request, release: Release, form: Format, requester: Requester, purpose: str
) -> Response:
    """Return the response that sends *release* in *form*.

    JSON, and CSV or Parquet of one page, are ready when this returns. Raises a ``SekishoError`` as long as
    no byte has left.
    """
    services = services_of(request)
    pages = _Pages(release, services, requester, purpose, form.name)
    try:
        first = await pages.read()
        if form.encoder is None:
            body = await _encoded(lambda: json_document(release, first), first)
            await pages.sending()
            return Response(body, media_type=form.media_type)
        encode = form.encoder(release).page
        body = await _encoded(lambda: encode(first), first)
        headers = _headers(release)
        if form.whole and first.last:
            await pages.sending()
            headers |= _whole_headers(first, pages.rows)
            return Response(body, headers=headers, media_type=form.content_type)
    except BaseException:
        await pages.close()
        raise
    finally:
        if form.encoder is None:
            await pages.close()
    streamed = _Spooled if form.whole else _Streamed
    return streamed(pages, first, body, encode, services, headers, form)


async def _encoded(encode: Callable[[], bytes], page: ReleasedPage) -> bytes:
    return await asyncio.to_thread(encode) if page.batch.num_rows > _ROWS_FOR_A_THREAD else encode()


def _headers(release: Release) -> dict[str, str]:
    return {
        "Sekisho-Release-Id": release.id,
        "Sekisho-Policy-Revision": release.policy_revision,
        "Sekisho-Consent-Seq": str(release.consent_seq),
    }


def _whole_headers(last: ReleasedPage, rows: int) -> dict[str, str]:
    return {
        "Sekisho-Complete": "true" if last.complete else "false",
        "Sekisho-Rows": str(rows),
        "Sekisho-Audit-Seq": str(last.audit_seq),
    }


class _Gone(Exception):
    """The client left."""


class _Streamed(Response):
    """Sends page by page. Constructed with the first page read and encoded."""

    def __init__(
        self,
        pages: _Pages,
        first: ReleasedPage,
        body: bytes,
        encode: Callable[[ReleasedPage], bytes],
        services: Services,
        headers: dict[str, str],
        form: Format,
    ) -> None:
        self._pages = pages
        self._first = first
        self._first_body = body
        self._encode = encode
        self._services = services
        self._gone = asyncio.Event()
        self._started = False
        self.status_code = 200
        self.background = None
        self.media_type = form.content_type
        self.init_headers(headers)
        # The length is not known; without this, starlette would say 0.
        self.raw_headers = [header for header in self.raw_headers if header[0] != b"content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        watch = asyncio.create_task(self._watch(receive))
        try:
            await self._answer(send)
        except _Gone:
            context_of(scope).code = "client_left"
            _log.info("client_left", trace_id=context_of(scope).trace_id)
        except Exception as error:
            if not self._started:
                raise
            # Neither the framework's handlers nor the server get to see what happened: they log it.
            code = error.code if isinstance(error, SekishoError) else "internal_error"
            trace_id = context_of(scope).trace_id
            _log.error("answer_broken_off", code=code, error=type(error).__name__, trace_id=trace_id)
            raise BrokenOff from None
        finally:
            watch.cancel()
            await self._pages.close()

    async def _watch(self, receive: Receive) -> None:
        await _disconnected(receive)
        self._gone.set()

    async def _answer(self, send: Send) -> None:
        last, body = self._taken()
        await self._pages.sending()
        await self._start(send)
        while True:
            # Whole, though the server makes a copy: a part that waited for a slow client would leave long after the
            # page's recheck.
            await send({"type": "http.response.body", "body": body, "more_body": not last})
            if last:
                return
            body = b""
            await self._drained(send)
            page, body = await self._next()
            last = page.last
            del page
            await self._pages.going_on(latest=True)
            await self._pages.sending()

    def _taken(self) -> tuple[bool, bytes]:
        """Return whether the first page is the last, and its bytes, which are held nowhere else from now on."""
        last, body = self._first.last, self._first_body
        del self._first, self._first_body
        return last, body

    async def _start(self, send: Send) -> None:
        self._started = True
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _next(self) -> tuple[ReleasedPage, bytes]:
        reading = asyncio.ensure_future(self._pages.read())
        leaving = asyncio.ensure_future(self._gone.wait())
        try:
            # A page may take the store a minute: whoever left meanwhile is not waited for.
            await asyncio.wait((reading, leaving), return_when=asyncio.FIRST_COMPLETED)
            if self._gone.is_set():
                raise _Gone
        finally:
            leaving.cancel()
            await _stopped(reading)
        page = reading.result()
        body = await _encoded(lambda: self._encode(page), page)
        return page, body

    async def _drained(self, send: Send) -> None:
        """Wait until the connection has taken what was sent, before asking for a page that must not wait.

        An empty part is no byte on the wire; servers hold it back while their buffer is full.
        """
        empty: Message = {"type": "http.response.body", "body": b"", "more_body": True}
        async with asyncio.timeout(self._services.settings.stall_timeout):
            await send(empty)


class _Spooled(_Streamed):
    """Collects all pages in a file without a name, then sends it whole."""

    async def _answer(self, send: Send) -> None:
        settings = self._services.settings
        folder = str(settings.spool_folder) if settings.spool_folder else None
        with tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY, dir=folder) as spool:
            try:
                page = await self._collect(spool, settings.spool_limit)
            except Exception:
                await self._pages.drop()
                raise
            length = spool.tell()
            spool.seek(0)
            await self._pages.renew()
            await self._pages.sending()
            self.headers.update(_whole_headers(page, self._pages.rows))
            self.headers["content-length"] = str(length)
            await self._start(send)
            while chunk := spool.read(_CHUNK):
                length -= len(chunk)
                # Only when the connection takes it at once: what then waited would leave long after its check.
                await self._drained(send)
                if self._gone.is_set():
                    raise _Gone
                await self._pages.going_on()
                await send({"type": "http.response.body", "body": chunk, "more_body": length > 0})

    async def _collect(self, spool: IO[bytes], limit: int) -> ReleasedPage:
        page, body = self._first, self._first_body
        del self._first, self._first_body
        spool.write(body)
        while not page.last:
            page, body = await self._next()
            spool.write(body)
            if spool.tell() > limit:
                raise InvalidRequest(
                    f"The answer is larger than {limit} bytes; ask for fewer rows, or for Arrow or NDJSON."
                )
        return page
