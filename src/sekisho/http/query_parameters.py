"""What stands behind the question mark of an address: each parameter once, and spelled as it should be."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from sekisho.errors import InvalidRequest
from sekisho.http.bodies import Instant

_INSTANT: Final = TypeAdapter(Instant)
_DIGITS: Final = 18
_LONGEST: Final = 512


def one(request: Request, name: str, *, longest: int = _LONGEST) -> str | None:
    """Return the parameter *name*, ``None`` where it is left out.

    Raises ``InvalidRequest`` when it stands twice, is empty, has more than *longest* characters, or a zero byte.
    """
    values = request.query_params.getlist(name)
    if len(values) > 1 or (values and (not 1 <= len(values[0]) <= longest or "\0" in values[0])):
        raise InvalidRequest(f"{name} stands once, with 1 to {longest} characters.")
    return values[0] if values else None


def instant(request: Request, name: str) -> datetime | None:
    """Return an instant. Raises ``InvalidRequest`` for anything but one time with its offset (RFC 3339)."""
    text = one(request, name)
    try:
        # A plus sign in an address means a space.
        return None if text is None else _INSTANT.validate_strings(text.replace(" ", "+"))
    except ValidationError:
        raise InvalidRequest(f"{name} is a time as RFC 3339 spells it, with its offset.") from None


def whole_number(request: Request, name: str) -> int | None:
    """Return a number of 0 or more. Raises ``InvalidRequest`` for anything but one whole number of 18 digits."""
    values = request.query_params.getlist(name)
    if not values:
        return None
    if len(values) > 1 or not values[0].isascii() or not values[0].isdigit() or len(values[0]) > _DIGITS:
        raise InvalidRequest(f"{name} is one whole number.")
    return int(values[0])
