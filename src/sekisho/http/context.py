"""What is known about a request under way: its trace id, and the code it ended with."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from starlette.types import Scope

_KEY = "sekisho.context"
# W3C Trace Context, 3.2: version 00, a trace id that is not all zeros.
_TRACEPARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class BrokenOff(Exception):
    """An answer stopped after its first byte: the server must drop the connection, without terminator.

    Carries no cause and no message of the cause, because servers log what they are handed.
    """


@dataclass(slots=True)
class RequestContext:
    """One request under way.

    Attributes
    ----------
    trace_id:
        32 hexadecimal digits: the caller's (``traceparent``), else fresh random ones.
    code:
        ``ok`` or the error code, for the metrics.
    """

    trace_id: str
    code: str = "ok"


def open_context(scope: Scope) -> RequestContext:
    """Attach and return the context of a request."""
    trace_id = None
    for name, value in scope["headers"]:
        if name == b"traceparent" and (match := _TRACEPARENT.fullmatch(value)):
            trace_id = match.group(1).decode("ascii")
    # Names a request and guards nothing: the operating system's randomness would be a system call for each.
    context = RequestContext(trace_id or f"{random.getrandbits(128) or 1:032x}")
    scope[_KEY] = context
    return context


def context_of(scope: Scope) -> RequestContext:
    """Return the context that :func:`open_context` attached."""
    context = scope[_KEY]
    assert isinstance(context, RequestContext)  # noqa: S101 - only open_context writes it
    return context
