"""A built workspace for the session, and copies of it: one that a module shares, one that a test may spoil."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.gateway.site import Site, opened

from sekisho.demo.workspace import build_workspace


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration workspace with 40 real customers; read-only for tests."""
    folder = tmp_path_factory.mktemp("gateway") / "workspace"
    build_workspace(folder, customers=40)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of the workspace that a test may change."""
    return Path(shutil.copytree(built, tmp_path / "workspace"))


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[Site]:
    """A copy of the workspace, open, that a test may change."""
    async with opened(folder) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(built: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A copy of the workspace, open, for tests of one module that change nothing; needs its loop."""
    folder = Path(shutil.copytree(built, tmp_path_factory.mktemp("shared") / "workspace"))
    async with opened(folder) as made:
        yield made
