"""``min_seq``: every read of consent can be asked to be at least as new as a write that was answered."""

from __future__ import annotations

from starlette.requests import Request

from sekisho.http.query_parameters import whole_number
from sekisho.http.services import services_of


async def await_min_seq(request: Request) -> None:
    """Wait up to a second until the ledger has reached ``min_seq``. Raises ``ConsentUnavailable``."""
    wanted = whole_number(request, "min_seq")
    if wanted is not None:
        await services_of(request).consents.reading.reached(wanted)
