"""What the oracles are asked about: one log of 2,000 made-up records, its tree, and pairs of sizes in it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

from sekisho.domain import tlog
from sekisho.domain.tlog import Frontier

MOST = 2_000
RECORDS = [b'{"seq":%d}' % number for number in range(1, MOST + 1)]
_EDGES = (1, 2, 3, 127, 128, 129, 255, 256, 257, 511, 512, 513, 768, 1_023, 1_024, 1_025, 1_535, 1_999, 2_000)


@cache
def tiles() -> dict[str, bytes]:
    """Return every tile of the tree over all records, by its path, as a log that grew leaf by leaf keeps them."""
    frontier, kept = Frontier(), {}
    for record in RECORDS:
        kept.update({tile.path: data for tile, data in frontier.append(tlog.leaf_hash(record))})
    return kept | {tile.path: data for tile, data in frontier.partial()}


@cache
def node(level: int, index: int) -> bytes:
    """Return a node that is computed from those tiles; of a smaller tree it is the same."""
    kept = tiles()
    return tlog.nodes_from(MOST, lambda tile: kept[tile.path])(level, index)


@cache
def root(size: int) -> bytes:
    """Return the root of the tree over the first *size* records."""
    return tlog.root_of(size, node)


def sample(seed: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield pairs (a, b) with 1 <= a <= b <= 2,000: all of the small trees, those at edges of tiles, and others."""
    yield from ((small, large) for large in range(1, 18) for small in range(1, large + 1))
    yield from ((small, large) for large in _EDGES for small in _EDGES if small <= large)
    draw = random.Random(seed)
    for _ in range(count):
        large = draw.randint(1, MOST)
        yield draw.randint(1, large), large


def changed(hashes: list[bytes], place: int) -> list[bytes]:
    """Return *hashes* with one bit of one of them turned."""
    return [*hashes[:place], bytes([hashes[place][0] ^ 1]) + hashes[place][1:], *hashes[place + 1 :]]
