"""A world for the use cases of notices, in a copy of one migrated database."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.consents.notice_world import world_in

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.database import migrate


@pytest.fixture(scope="session")
def migrated(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    migrate(f"sqlite:///{folder}/records.db")
    FileKeyRing.create(folder / "keys")
    return Path(folder)


@pytest.fixture
async def world(tmp_path, migrated):
    async with world_in(tmp_path, migrated) as made:
        yield made


@pytest.fixture
async def notices(world):
    """The use cases after the first start."""
    made = world.notices_of()
    await made.sync()
    return made
