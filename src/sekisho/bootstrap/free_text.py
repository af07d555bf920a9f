"""How free text is read in a workspace: by how many processes, with whose recognisers."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from sekisho.adapters.presidio.detector import FreeText
from sekisho.adapters.presidio.process import CannotStart, Process, Recipe
from sekisho.errors import WorkspaceError
from sekisho.ports import KeyRing
from sekisho.settings import Settings

_MOST_BY_DEFAULT: Final = 4
_START_S: Final = 120.0


def detector_of(settings: Settings, keys: KeyRing, serving: int = 1) -> FreeText:
    """Return the detector of one of *serving* processes, which share what may read."""
    detect = settings.detect
    processes = detect.processes or min(_MOST_BY_DEFAULT, len(os.sched_getaffinity(0)))
    return FreeText(
        keys.derive("free-text/seen"),
        recipe_of(settings),
        processes=-(-processes // serving),
        cache_bytes=detect.cache,
    )


def recipe_of(settings: Settings) -> Recipe:
    """Return what a process that reads knows."""
    targets = tuple(target for target, _ in settings.detect.recognizers)
    return Recipe(targets, settings.folder, settings.detect.memory)


async def load_recognizers(detector: FreeText, settings: Settings) -> None:
    """Load an operator's recognisers before the first request. Raises ``WorkspaceError`` when they cannot be."""
    if settings.detect.recognizers:
        fault = await asyncio.to_thread(detector.pool.wait, _START_S)
        if fault is not None:
            raise WorkspaceError(fault_of(settings, fault))


def try_recognizers(settings: Settings) -> str | None:
    """Load an operator's recognisers in a process and end it; return why they cannot be loaded."""
    try:
        Process(recipe_of(settings), _START_S).close()
    except CannotStart as fault:
        return fault_of(settings, fault)
    return None


def fault_of(settings: Settings, fault: CannotStart) -> str:
    """Return in one sentence why the processes that read do not come up."""
    if 0 <= fault.at < len(settings.detect.recognizers):
        target, line = settings.detect.recognizers[fault.at]
        return (
            f"line {line}: the recogniser {target} cannot be loaded ({fault.fault}); "
            "look whether Python finds the module and the factory returns Presidio recognisers"
        )
    return f"The processes that read free text do not come up ({fault.fault}); look at `detect` and at the memory."
