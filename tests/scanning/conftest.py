"""The workspace of ``world``, built once and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.scanning.world import build, classify


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace; nobody writes into it."""
    return build(tmp_path_factory.mktemp("scanning") / "shop")


@pytest.fixture
def shop(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of the test's own, judged by the classifier of ``world``."""
    monkeypatch.setattr("sekisho.detect.columns.classify", classify)
    return Path(shutil.copytree(built, tmp_path / "shop"))
