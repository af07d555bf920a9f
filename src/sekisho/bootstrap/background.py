"""What works beside the requests for as long as a service runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

from sekisho.errors import SekishoError

_AGAIN_S = 5.0
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run *works* for as long as this is open; what is under way then is cancelled, and waited for."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def keep_on(part: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do *work* again and again, five seconds apart: what fails is logged by its name alone and tried anew."""
    while True:
        try:
            await work()
        except SekishoError as error:
            _log.warning("background", part=part, code=error.code)
        except Exception as error:  # noqa: BLE001 - a fault in the background must not end the service
            _log.error("background", part=part, error=type(error).__name__)
        await asyncio.sleep(_AGAIN_S)
