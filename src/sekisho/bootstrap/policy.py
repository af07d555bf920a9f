"""The point of decision of a workspace, and the exchange of its policies while it serves."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from sekisho.adapters.decisions import DecisionCache
from sekisho.adapters.rego import EmbeddedRego, RevisionInForce, reviewed_texts
from sekisho.ports import Clock
from sekisho.settings import PolicyEngine, Settings

if TYPE_CHECKING:
    from sekisho.adapters.opa import OpaServers

_LOOK_S: Final = 0.5  # between two looks at the policy folder

_log = structlog.get_logger(__name__)


def point_of_decision(settings: Settings, *, shared: bool = True) -> EmbeddedRego | OpaServers:
    """Return what decides, as the workspace says.

    With *shared* it takes part in what the workers of this machine tell each other.
    """
    policy = settings.policy
    timeout_s = policy.timeout_ms / 1000
    if policy.engine is PolicyEngine.OPA:
        from sekisho.adapters.opa import (  # noqa: PLC0415 - two hundred modules, for who has such a server
            Credentials,
            Demands,
            OpaServers,
        )

        return OpaServers(
            policy.urls,
            timeout_s=timeout_s,
            credentials=Credentials(policy.authority, policy.certificate, policy.key),
            demands=Demands(policy.revision, policy.keyid, reviewed=reviewed_texts()),
        )
    # The policies that are shipped change with the program alone.
    tells = shared and policy.bundle is not None
    return EmbeddedRego(
        policy.bundle,
        timeout_s=timeout_s,
        expected=policy.revision,
        shared=RevisionInForce(settings.folder / "var" / "policy.revision") if tells else None,
    )


@dataclass(frozen=True, slots=True)
class Loaded:
    """How the policy folder was read: the revision in force, and why the newest policies are not, or ``None``."""

    revision: str | None
    refused: str | None


@dataclass(eq=False)
class Policies:
    """What decides in a workspace, with its memory."""

    point: EmbeddedRego | OpaServers
    cache: DecisionCache
    told: Callable[[Loaded], None] = field(default=lambda _loaded: None)
    """Told each time the policy folder was read; set by who has metrics."""

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> Policies:
        """Return the policies of a workspace."""
        point = point_of_decision(settings)
        return cls(point, DecisionCache(point, clock, timeout_s=settings.policy.timeout_ms / 1000))

    def remarks(self) -> dict[str, str]:
        """Return what who runs the service should know though it works, by part."""
        refused = self.point.refused if isinstance(self.point, EmbeddedRego) else None
        # Without any policies the part does not work, which is more than a remark.
        return {"policy": f"The policies before are in force. {refused}"} if refused and self.cache.revision else {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take new policies of the folder over for as long as a service runs; at once on SIGHUP."""
        point = self.point
        if not isinstance(point, EmbeddedRego):
            yield
            return
        loop, asked = asyncio.get_running_loop(), asyncio.Event()

        def told(revision: str | None, refused: str | None) -> None:
            loop.call_soon_threadsafe(self._tell, Loaded(revision, refused))

        point.told = told
        self.told(Loaded(point.revision, point.refused))
        with suppress(NotImplementedError, ValueError, RuntimeError):  # not in the main thread: no signals
            loop.add_signal_handler(signal.SIGHUP, asked.set)
        looking = asyncio.create_task(self._look(point, asked), name="policies")
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            with suppress(NotImplementedError, ValueError, RuntimeError):
                loop.remove_signal_handler(signal.SIGHUP)

    async def _look(self, point: EmbeddedRego, asked: asyncio.Event) -> None:
        while True:
            try:
                await asyncio.wait_for(asked.wait(), _LOOK_S)
            except TimeoutError:
                await asyncio.to_thread(point.look)
            else:
                asked.clear()
                await asyncio.to_thread(point.reload)

    def _tell(self, loaded: Loaded) -> None:
        if loaded.refused is None:
            _log.info("policies_loaded", part="policy", revision=loaded.revision)
        else:
            _log.error("policies_refused", part="policy", revision=loaded.revision, error=loaded.refused)
        self.told(loaded)
