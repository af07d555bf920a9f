"""One OPA server: what it must be before it is asked, and what counts as its answer.

OPA answers ``{}`` with 200 when no policy is loaded, and leaves it to the caller what that means; here
everything that is not a complete answer means no. The path is a constant (CVE-2025-46569: text of
others in the path is Rego of others), and nothing is tried twice.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sekisho.adapters.opa.connection import Connection, Credentials
from sekisho.domain.policy_time import Timing, timing_of
from sekisho.errors import PolicyUnavailable

UNVERSIONED: Final = "unversioned"
"""Recorded as the revision of policies that have none."""

_PACKAGE: Final = "sekisho/access"
_RULE: Final = "decision"
# An error of a built-in function is an error, as it is in the embedded engine, and not a value that is missing.
_OPTIONS: Final = {"provenance": True, "strict-builtin-errors": True}
_LEAST: Final = (1, 21, 3)  # GHSA-g2pf-6v5v-qcc8: before, signatures could be left away
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Demands:
    """What a server must be to be asked.

    Attributes
    ----------
    revision:
        The one revision whose answers count; any when ``None``.
    keyid:
        Name of the key by which the server must verify each of its bundles; not asked when ``None``.
    checked_s:
        Seconds for which a server that was looked at may be relied upon, or is left alone.
    known_s:
        Seconds for which the revision that an answer carried is known to be in force.
    reviewed:
        Texts of policies of which it is known that what rests on the time says its end.
    """

    revision: str | None = None
    keyid: str | None = None
    checked_s: float = 1.0
    known_s: float = 0.25
    reviewed: frozenset[str] = field(default=frozenset(), repr=False)


class OpaServer:
    """One server, and what is known of it.

    Parameters
    ----------
    url:
        ``unix:///path``, ``http://host:port`` or ``https://host:port`` (then the certificate is verified).
    timeout_s:
        Seconds for one request.
    look_s:
        Seconds for a look at the server.
    credentials, demands:
        See there.
    """

    def __init__(self, url: str, timeout_s: float, look_s: float, credentials: Credentials, demands: Demands) -> None:
        self._client = Connection(url, timeout_s, credentials)
        self._look_s = look_s
        self._demands = demands
        self._revision: str | None = None
        self._known_until = 0.0
        self._sound = False
        self._checked_until = 0.0
        self._opened = False
        self._timing, self._timed = Timing.NEVER, ""  # of the policies of this revision
        self._learning: asyncio.Task[None] | None = None
        self._learnt_at = float("-inf")
        self._opening = asyncio.Lock()
        self._checking = asyncio.Lock()

    @property
    def revision(self) -> str | None:
        """Revision that is in force for sure; ``None`` when that is unknown or too long ago."""
        return self._revision if self._sound and time.monotonic() < self._known_until else None

    @property
    def timing(self) -> Timing:
        """Which decisions by the revision that answered last may be kept; ``NEVER`` until its policies were read."""
        return self._timing if self._revision == self._timed else Timing.NEVER

    async def is_sound(self) -> bool:
        """Return whether this server may be asked: from memory for a short time, else by looking at it."""
        if time.monotonic() < self._checked_until:
            return self._sound
        async with self._checking:
            if time.monotonic() >= self._checked_until:
                await self.check()
        return self._sound

    async def check(self) -> bool:
        """Look at the server and return whether it may be asked.

        Bundles and plugins are ready, each bundle is verified by the key that is demanded, and the policy refuses
        a question that asks nothing.
        """
        self._sound, self._checked_until = False, 0.0  # also when who waits for this goes away
        try:
            async with asyncio.timeout(self._look_s):
                sound = await self._look()
        except Exception:  # noqa: BLE001 - whatever it raises, it is not to be asked
            sound = False
        # One that is not sound is left alone for a moment, so that not every question waits for it.
        self._checked_until = time.monotonic() + (self._demands.checked_s if sound else self._demands.known_s)
        self._sound = sound
        return sound

    async def ask(self, question: dict[str, object]) -> tuple[object, str]:
        """Return the answer and the revision that gave it.

        Raises ``PolicyUnavailable`` for everything that is no answer; the server is looked at again before it
        is asked again.
        """
        try:
            await self._open()
            return await self._ask(question)
        except BaseException as fault:
            self._sound, self._checked_until = False, 0.0
            if isinstance(fault, PolicyUnavailable) or not isinstance(fault, Exception):
                raise
            # Down, slow, refused, HTML, cut off: none of it is a decision.
            raise PolicyUnavailable("The policy server gave no usable answer in time.") from None

    async def close(self) -> None:
        """Close the connections."""
        if self._learning is not None:
            self._learning.cancel()
        await self._client.close_connection()
        self._opened = False

    async def _ask(self, question: dict[str, object]) -> tuple[object, str]:
        body = await self._client.query_rule(question, _PACKAGE, _RULE, _OPTIONS)
        if not isinstance(body, dict) or "result" not in body:
            raise PolicyUnavailable("The policy server holds no policy that answers.")
        revision = _bundle_revision(body.get("provenance"))
        if self._demands.revision is not None and revision != self._demands.revision:
            raise PolicyUnavailable("The policy server answers by another revision than the expected one.")
        self._revision, self._known_until = revision, time.monotonic() + self._demands.known_s
        self._learn(revision)
        return body["result"], revision or UNVERSIONED

    def _learn(self, revision: str | None) -> None:
        """Read the policies of a revision that is new here, beside what is asked; seldom again where that fails."""
        if revision in (None, self._timed) or self._learning is not None:
            return
        if time.monotonic() >= self._learnt_at + self._demands.checked_s:
            self._learning = asyncio.create_task(self._learnt(str(revision)))

    async def _learnt(self, revision: str) -> None:
        try:
            texts = await self._client.sources()
            body = await self._client.query_rule({}, _PACKAGE, _RULE, _OPTIONS)
            if texts and _bundle_revision(body.get("provenance")) == revision:  # not exchanged meanwhile
                self._timing, self._timed = timing_of(texts, self._demands.reviewed), revision
        except Exception:  # noqa: BLE001 - whatever it raises, it is not known, and nothing is kept
            self._timed = ""
        finally:
            self._learnt_at, self._learning = time.monotonic(), None

    async def _look(self) -> bool:
        await self._open()
        if not await self._client.check_health(query={"bundles": True, "plugins": True}):
            return False
        await self._demand_signatures()
        result, _ = await self._ask({})
        return isinstance(result, dict) and result.get("allow") is False  # nothing asked, nothing allowed

    async def _demand_signatures(self) -> None:
        keyid = self._demands.keyid
        if keyid is None:
            return
        told = (await self._client.get_config())["result"]
        numbers = _VERSION.match(told["labels"]["version"])
        if numbers is None or tuple(int(each) for each in numbers.groups()) < _LEAST:
            raise PolicyUnavailable("The policy server is older than OPA 1.21.3.")
        verified = [bundle.get("signing", {}).get("keyid") for bundle in told.get("bundles", {}).values()]
        if not verified or any(each != keyid for each in verified):
            raise PolicyUnavailable("The policy server does not verify its bundles by the key that is demanded.")

    async def _open(self) -> None:
        # The client's session belongs to the event loop that opens it.
        async with self._opening:
            if not self._opened:
                await self._client.__aenter__()
                self._opened = True


def _bundle_revision(provenance: object) -> str | None:
    """Return the revisions of all bundles as one text, or ``None`` unless every bundle has one."""
    bundles = provenance.get("bundles") if isinstance(provenance, dict) else None
    if not isinstance(bundles, dict) or not bundles:
        return None
    revisions = []
    for _, bundle in sorted(bundles.items()):
        revision = bundle.get("revision") if isinstance(bundle, Mapping) else None
        if not isinstance(revision, str) or not revision:
            return None
        revisions.append(revision)
    return "+".join(revisions)
