"""Arrow batches out of an answer that is still coming, in the memory of a few of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import httpx
import pyarrow as pa

from sekisho.client.errors import Broken, ClientError

_BROKEN = "The answer broke off; nothing of it may be used."


class Batches:
    """The batches of one Arrow answer, read as they come.

    Attributes
    ----------
    release_id, policy_revision, consent_seq:
        The release that the answer came with.
    complete:
        ``None`` until the last batch was read; then whether it was all, or ``max_rows`` cut the answer short.
    """

    def __init__(self, pieces: Iterator[bytes], headers: Mapping[str, str]) -> None:
        self._source = _Source(pieces)
        self._reader: pa.RecordBatchStreamReader | None = None
        self.release_id = headers.get("sekisho-release-id", "")
        self.policy_revision = headers.get("sekisho-policy-revision", "")
        self.consent_seq = int(headers.get("sekisho-consent-seq", "0"))
        self.complete: bool | None = None

    @property
    def schema(self) -> pa.Schema:
        """The columns; waits for the head of the answer. Raises ``Broken``."""
        return self._opened().schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches. Raises ``Broken`` where the answer ends without its end."""
        reader = self._opened()
        while (batch := self._next(reader)) is not None:
            yield batch

    def _opened(self) -> pa.RecordBatchStreamReader:
        if self._reader is None:
            try:
                self._reader = pa.ipc.open_stream(pa.PythonFile(self._source, mode="r"))
            except (pa.ArrowException, OSError, httpx.HTTPError):
                raise Broken(_BROKEN) from None
        return self._reader

    def _next(self, reader: pa.RecordBatchStreamReader) -> pa.RecordBatch | None:
        try:
            found = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            self._ended()
            return None
        except (pa.ArrowException, OSError, httpx.HTTPError):
            raise Broken(_BROKEN) from None
        said = None if found.custom_metadata is None else found.custom_metadata.get(b"complete")
        if said is not None:
            self.complete = said.lower() in {b"true", b"1"}
        return found.batch

    def _ended(self) -> None:
        try:
            whole = not self._source.rest()  # also the connection must have come to its end
        except httpx.HTTPError:
            whole = False
        if not whole or self.complete is None:
            self.complete = None
            raise Broken("The answer has no end; nothing of it may be used.")


async def in_loop(batches: Batches) -> AsyncIterator[pa.RecordBatch]:
    """Yield *batches* whose source waits for this event loop: each is read in a thread."""
    reading = iter(batches)
    while (batch := await asyncio.to_thread(next, reading, None)) is not None:
        yield batch


def pieces_of(pieces: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    """Yield, to another thread, what comes in *loop*."""

    async def following() -> bytes | None:
        return await anext(pieces, None)

    while (piece := asyncio.run_coroutine_threadsafe(following(), loop).result()) is not None:
        yield piece


def checked(token: Callable[[], str]) -> str:
    """Return a fresh token. Raises ``ClientError``, which does not repeat it, where it cannot be a header."""
    text = token()
    if not text.isascii() or not text.isprintable():
        raise ClientError("The token is none: it has characters that no token has.")
    return text


class _Source:
    """A file of what comes; Arrow reads it by name of its methods."""

    closed = False

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = b""

    def read(self, size: int = -1) -> bytes:
        """Return *size* bytes, fewer at the end."""
        parts, wanted = [], size
        while wanted > 0:
            if not self._waiting:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._waiting = piece
            part = self._waiting[:wanted]
            self._waiting = self._waiting[wanted:]
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def rest(self) -> bytes:
        """Return what still comes: nothing, after a whole answer."""
        return self.read(1)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def writable(self) -> bool:
        """Say that it cannot be written."""
        return False

    def seekable(self) -> bool:
        """Say that it goes on only."""
        return False

    def close(self) -> None:
        """Leave it: the answer is closed by its owner."""
