"""The worlds of the SQL attacks: see tests/query/fixtures.py."""

from tests.query.fixtures import judge, reference, twin, world

__all__ = ["judge", "reference", "twin", "world"]
