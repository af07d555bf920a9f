"""The worlds of the SQL attacks: see tests/query/fixtures.py."""

from tests.query.fixtures import judge, reference, shop_judge, twin, world

__all__ = ["judge", "reference", "shop_judge", "twin", "world"]
