"""What ``/health/ready`` looks at: each part of an open workspace, each store by its name in ``sekisho.yaml``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.domain.terms import StoreKind

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace

Probe = Callable[[], Awaitable[bool]]
"""Whether a part answers; a ``SekishoError`` is a no, too."""


def probes_of(workspace: Workspace) -> dict[str, Probe]:
    """Return a probe of each part, by its name: ``policy``, ``audit``, ``consent``, ``free_text``, ``store:NAME``."""

    async def consents_answer() -> bool:
        await workspace.ledger.start()  # catches up: a ledger older than what was seen does not answer
        return True

    return {
        **{f"store:{name}": _probe_of(workspace, name) for name in workspace.settings.catalogue.stores},
        "policy": workspace.policy.healthy,
        "audit": workspace.audit.healthy,
        "consent": consents_answer,
        "free_text": workspace.detector.healthy,
    }


def _probe_of(workspace: Workspace, name: str) -> Probe:
    if workspace.settings.catalogue.stores[name].kind is not StoreKind.DUCKDB:
        return workspace.stores[name].healthy
    files = workspace.stores["duckdb"]  # one engine reads all stores that are files
    return partial(files.holds, name) if isinstance(files, DuckDbStores) else files.healthy
