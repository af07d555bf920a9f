"""Decisions by OPA servers that hold the same policies: one that is not healthy is not asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sekisho.adapters.opa.connection import Credentials
from sekisho.adapters.opa.server import UNVERSIONED, Demands, OpaServer
from sekisho.domain.access import AccessRequest, Decision, decision_from_json
from sekisho.domain.policy_time import Timing
from sekisho.errors import PolicyUnavailable


class OpaServers:
    """One OPA server or several.

    Parameters
    ----------
    urls:
        Each ``unix:///path``, ``http://host:port`` or ``https://host:port``.
    timeout_s:
        Seconds after which a question counts as unanswered, the choice of a server included.
    credentials:
        For ``https``.
    demands:
        What a server must be.

    The first that is healthy is asked. When it fails, the question is refused and not tried elsewhere: an answer
    comes in time or not at all. The next question goes to the next server.

    The revision comes with each answer (provenance of OPA's bundles), so it is the revision that decided.
    Policies that are not served as a bundle with a revision decide as well, and are recorded as
    ``unversioned``; nothing of them may be kept.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        timeout_s: float = 0.25,
        credentials: Credentials | None = None,
        demands: Demands | None = None,
    ) -> None:
        credentials, demands = credentials or Credentials(), demands or Demands()
        look_s = timeout_s / (len(urls) + 1)  # time for a question is left even when all but one server hang
        self._servers = [OpaServer(url, timeout_s, look_s, credentials, demands) for url in urls]
        self._asked = self._servers[0]
        self._timeout_s = timeout_s

    @property
    def revision(self) -> str | None:
        """Revision that is in force for sure; ``None`` when that is unknown or too long ago."""
        return self._asked.revision

    @property
    def timing(self) -> Timing:
        """Which decisions by the server that was asked last may be kept."""
        return self._asked.timing

    def ensure_loaded(self) -> None:
        """Do nothing: what a server holds is seen by asking it, see :meth:`healthy`."""

    async def in_force(self) -> str | None:
        """Return the revision that decides now, found out where it is not known; ``None`` where there is none.

        Raises ``PolicyUnavailable`` when no server can be asked.
        """
        _, revision = await self._answer({})
        return None if revision == UNVERSIONED else revision

    async def decide(self, request: AccessRequest) -> Decision:
        """Return the decision on *request*. Raises ``PolicyUnavailable`` for every answer that is not one."""
        result, revision = await self._answer(request.to_json())
        try:
            return decision_from_json(result, request, revision)
        except ValueError:
            raise PolicyUnavailable("The policy's answer is not a decision; it is taken as no.") from None

    async def healthy(self) -> bool:
        """Return whether a server may be asked, by looking at each until one may."""
        for server in self._servers:
            if await server.check():
                return True
        return False

    async def close(self) -> None:
        """Close the connections."""
        for server in self._servers:
            await server.close()

    async def _answer(self, question: dict[str, object]) -> tuple[object, str]:
        try:
            async with asyncio.timeout(self._timeout_s):
                for server in self._servers:
                    if await server.is_sound():
                        self._asked = server
                        return await server.ask(question)
        except TimeoutError:
            raise PolicyUnavailable("The policy server gave no usable answer in time.") from None
        raise PolicyUnavailable("No policy server is ready to be asked.")
