"""``min_seq``: every read of consent can be asked to be at least as new as a write that was answered."""

from __future__ import annotations

from starlette.requests import Request

from sekisho.errors import InvalidRequest
from sekisho.http.services import services_of


def min_seq_of(request: Request) -> int | None:
    """Return the query parameter ``min_seq``. Raises ``InvalidRequest`` for anything but one whole number."""
    values = request.query_params.getlist("min_seq")
    if not values:
        return None
    text = values[0]
    if len(values) > 1 or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidRequest("min_seq is one whole number.")
    return int(text)


async def await_min_seq(request: Request) -> None:
    """Wait up to a second until the ledger has reached ``min_seq``. Raises ``ConsentUnavailable``."""
    wanted = min_seq_of(request)
    if wanted is not None:
        await services_of(request).consents.reading.reached(wanted)
