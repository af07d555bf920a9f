"""Session fixtures over the world, shared by the folders that test SQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.query.postgres import judged
from tests.query.reference import Judge, Reference
from tests.query.world import World, twin_rows


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world")) as built:
        yield built


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("twin"), twin_rows()) as built:
        yield built


@pytest.fixture(scope="session")
def reference(world: World) -> Iterator[Reference]:
    built = Reference(world)
    yield built
    built.close()


@pytest.fixture(scope="session")
def judge(world: World, twin: World, reference: Reference) -> Judge:
    return Judge(world, twin, reference)


@pytest.fixture(scope="session")
def shop_judge() -> Iterator[Judge]:
    with judged() as built:
        yield built
