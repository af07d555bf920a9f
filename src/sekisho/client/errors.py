"""What a call may end with, besides its answer."""

from __future__ import annotations


class ClientError(Exception):
    """Anything that kept an answer from coming."""


class Problem(ClientError):
    """The service said no, or that it cannot answer now (RFC 9457).

    Attributes
    ----------
    status:
        HTTP status.
    code:
        The stable code (``consent_unavailable``, ``access_denied`` …); ``unknown`` when there was none.
    detail:
        What would help.
    trace_id:
        Names the call in the service's own records.
    """

    def __init__(self, status: int, code: str, detail: str, trace_id: str | None) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.status, self.code, self.detail, self.trace_id = status, code, detail, trace_id

    @property
    def may_work_later(self) -> bool:
        """Whether the same call may be answered later (503, 429, 409 under way)."""
        return self.status in {429, 503}


class Unreachable(ClientError):
    """The service did not answer at all: whether a write was recorded is unknown; repeat it with its key."""


class Broken(ClientError):
    """An answer broke off before its end: nothing of it may be used as the whole."""
