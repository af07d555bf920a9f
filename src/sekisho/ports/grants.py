"""What is kept of grants for emergencies, so that one can be called back before its time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sekisho.domain.request_context import Grant


class GrantRegister(Protocol):
    """The grants that were given here; every process reads and writes the same."""

    async def add(self, grant: Grant) -> None:
        """Keep *grant*; those that ended long ago go. Raises ``PolicyUnavailable``; then it is not kept."""

    async def revoked(self, grant_id: str) -> bool | None:
        """Return whether the grant was called back, as committed now; ``None`` for one that is not kept here.

        Raises ``PolicyUnavailable`` when nobody can tell.
        """

    async def revoke(self, grant_id: str, at: int) -> Grant | None:
        """Call a grant back from *at* on (seconds since 1970-01-01 UTC), and return it; ``None`` where there is none.

        Once this has returned, :meth:`revoked` says so everywhere. Raises ``PolicyUnavailable``.
        """

    async def in_force(self, at: int) -> Sequence[Grant]:
        """Return the grants that have neither ended at *at* nor were called back, those that end first first.

        Raises ``PolicyUnavailable``.
        """
