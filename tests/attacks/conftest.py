"""The worlds of the SQL attacks: see tests/query/fixtures.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.adapters.stores.servers import Server, database
from tests.query.fixtures import judge, reference, shop_judge, twin, world

__all__ = ["judge", "reference", "server", "shop_judge", "twin", "world"]


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL database of the test's own."""
    with database() as made:
        yield made
