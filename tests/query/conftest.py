"""The worlds of the SQL tests: they are read, not changed. A test that changes consent builds its own."""

from tests.query.fixtures import judge, reference, shop_judge, twin, world

__all__ = ["judge", "reference", "shop_judge", "twin", "world"]
