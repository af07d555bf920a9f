"""The policy decision point in an OPA server, asked through ``opa-python-client``.

OPA answers ``{}`` with 200 when no policy is loaded, and leaves it to the caller what that means; here
everything that is not a complete decision means no. The path is a constant (CVE-2025-46569: text of
others in the path is Rego of others), nothing is retried, and an answer that takes longer than the
timeout is no answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from opa_client.opa_async import AsyncOpaClient

from sekisho.domain.access import AccessRequest, Decision, decision_from_json
from sekisho.errors import PolicyUnavailable

_PACKAGE = "sekisho/access"
_RULE = "decision"
_UNVERSIONED = "unversioned"


class OpaServer:
    """An OPA server that holds the same policies.

    Parameters
    ----------
    url:
        Base address, ``http://host:port`` or ``https://host:port`` (then the certificate is verified).
    timeout_s:
        Seconds after which a question counts as unanswered.
    revision_ttl_s:
        Seconds for which :attr:`revision` may be relied upon after an answer carried it.

    The revision comes with each answer (provenance of OPA's bundles), so it is the revision that decided.
    Policies that are not served as a bundle with a revision decide as well, and are recorded as
    ``unversioned``; nothing of them may be cached.
    """

    def __init__(self, url: str, *, timeout_s: float = 0.25, revision_ttl_s: float = 1.0) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self._client = AsyncOpaClient(
            host=_host(parts.hostname),
            port=parts.port or (443 if secure else 8181),
            ssl=secure,
            retries=0,
            timeout=timeout_s,
        )
        self._timeout_s = timeout_s
        self._revision_ttl_s = revision_ttl_s
        self._revision: str | None = None
        self._revision_at = 0.0
        self._opened = False
        self._opening = asyncio.Lock()

    @property
    def revision(self) -> str | None:
        """Revision that the server last answered by; ``None`` when that is unknown or too long ago."""
        if time.monotonic() - self._revision_at > self._revision_ttl_s:
            return None
        return self._revision

    def ensure_loaded(self) -> None:
        """Do nothing: what the server holds is seen by asking it, see :meth:`healthy`."""

    async def decide(self, request: AccessRequest) -> Decision:
        """Return the decision on *request*. Raises ``PolicyUnavailable`` for every answer that is not one."""
        result, revision = await self._ask(request.to_json())
        try:
            return decision_from_json(result, request, revision)
        except ValueError:
            raise PolicyUnavailable("The policy's answer is not a decision; it is taken as no.") from None

    async def healthy(self) -> bool:
        """Return whether the server's bundles and plugins are ready and the policy answers."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._open()
                ready: bool = await self._client.check_health(query={"bundles": True, "plugins": True})
            if not ready:
                return False
            result, _ = await self._ask({})
        except (PolicyUnavailable, TimeoutError):
            return False
        return isinstance(result, dict) and result.get("allow") is False  # nothing asked, nothing allowed

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close_connection()
        self._opened = False

    async def _ask(self, question: dict[str, object]) -> tuple[object, str]:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._open()
                body = await self._client.query_rule(question, _PACKAGE, _RULE, {"provenance": True})
        except Exception:  # noqa: BLE001 - down, slow, refused, HTML, cut off: none of it is a decision
            raise PolicyUnavailable("The policy server gave no usable answer in time.") from None
        if not isinstance(body, dict) or "result" not in body:
            raise PolicyUnavailable("The policy server holds no policy that answers.")
        revision = _bundle_revision(body.get("provenance"))
        self._revision, self._revision_at = revision, time.monotonic()
        return body["result"], revision or _UNVERSIONED

    async def _open(self) -> None:
        # The client's session belongs to the event loop that opens it.
        async with self._opening:
            if not self._opened:
                await self._client.__aenter__()
                self._opened = True


def _host(hostname: str | None) -> str:
    if hostname is None:
        raise ValueError("the address of the policy server names no host")
    return f"[{hostname}]" if ":" in hostname else hostname


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
