"""One world for all SQL tests: it is read, not changed. A test that changes consent builds its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.query.reference import Reference
from tests.query.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world")) as built:
        yield built


@pytest.fixture(scope="session")
def reference(world: World) -> Iterator[Reference]:
    built = Reference(world)
    yield built
    built.close()
