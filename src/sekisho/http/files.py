"""Sends a file that lies open, block by block, as fast as the connection takes it.

There are no parts of files (``Range``): whoever lost the connection begins again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import BinaryIO, Final

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sekisho.http.context import BrokenOff, context_of

_log = structlog.get_logger("sekisho.http")

_BLOCK: Final = 256 * 1024


class OpenFile(Response):
    """Sends *file* and closes it.

    Parameters
    ----------
    file:
        Open for reading, at its beginning.
    size:
        Its length, in bytes. A file that is shorter breaks the connection.
    stall_timeout:
        Seconds that a client may leave a block untaken.
    headers, media_type:
        Of the answer.
    """

    def __init__(
        self, file: BinaryIO, size: int, stall_timeout: float, headers: Mapping[str, str], media_type: str
    ) -> None:
        self._file = file
        self._size = size
        self._stall_timeout = stall_timeout
        self.status_code = 200
        self.background = None
        self.media_type = media_type
        self.init_headers({**headers, "content-length": str(size)})

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the answer."""
        left = self._size
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while left:
                block = await asyncio.to_thread(self._file.read, min(_BLOCK, left))
                left -= len(block)
                if not block:
                    break
                async with asyncio.timeout(self._stall_timeout):
                    await send({"type": "http.response.body", "body": block, "more_body": left > 0})
            if not self._size:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (OSError, TimeoutError) as error:
            # The head has left: a client that is told nothing more must not take the part for the whole.
            trace_id = context_of(scope).trace_id
            _log.warning("answer_broken_off", error=type(error).__name__, trace_id=trace_id)
            raise BrokenOff from None
        finally:
            self._file.close()
        if left:
            raise BrokenOff
