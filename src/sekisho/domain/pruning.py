"""What is kept of records that were pruned: enough to go on, and to show that nothing else was taken away.

A log is pruned from its beginning, in whole bundles (C2SP tlog-tiles, *minimum index*). The tree is not changed by
it. What stands in the place of the records is an *anchor*: how many there were, the right edge of the tree over them,
and where each writer's chain stood. A record of the log, ``retention.prune``, holds the anchor's hash, so that the
chain, its heads and the tree vouch for the anchor, and nobody can cut a beginning off without such a record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sekisho.domain.tlog import TILE_WIDTH, Frontier, ProofError, Tile

PRUNE_KIND = "retention.prune"
PRUNED_FILE = "pruned"
"""The anchor, in the folder of a tree and in an export."""

PRUNED_PROOF_FILE = "pruned.tlog-proof"
"""The proof of the record that says so, in an export."""


class AnchorError(ValueError):
    """Bytes that are not an anchor."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a log goes on whose beginning was pruned.

    Attributes
    ----------
    size:
        The minimum index: how many records were pruned, a multiple of a bundle.
    edge:
        The hashes of the tree's last tile of each level, from the leaves up; what a :class:`Frontier` goes on from.
    last:
        Writer, size and chain value of the newest record that was pruned.
    chains:
        Size and chain value of each writer that had a record before the minimum index.
    """

    size: int
    edge: tuple[bytes, ...]
    last: tuple[str, int, bytes]
    chains: Mapping[str, tuple[int, bytes]] = field(repr=False)

    def frontier(self) -> Frontier:
        """Return the right edge of the tree over what was pruned. Raises ``ProofError``."""
        return Frontier(self.size, self._read)

    def root(self) -> bytes:
        """Return the root of the tree over what was pruned. Raises ``ProofError``."""
        return self.frontier().root()

    def _read(self, tile: Tile) -> bytes:
        if tile.level is None or tile.level >= len(self.edge):
            raise ProofError("the anchor has no such tile")
        return self.edge[tile.level]

    def to_json(self) -> bytes:
        """Return it as it is kept; the same anchor has the same bytes."""
        writer, size, chain = self.last
        told = {
            "v": 1,
            "minimum_index": self.size,
            "root": self.root().hex(),
            "edge": [row.hex() for row in self.edge],
            "last": {"writer": writer, "wseq": size - 1, "chain": chain.hex()},
            "chains": {name: [end, value.hex()] for name, (end, value) in self.chains.items()},
        }
        return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()

    def stated_by(self, record: Mapping[str, Any]) -> bool:
        """Return whether *record* says that this was pruned."""
        return record.get("kind") == PRUNE_KIND and record.items() >= self.statement().items()

    def statement(self) -> dict[str, object]:
        """Return what the record says of it."""
        return {
            "minimum_index": self.size,
            "root": self.root().hex(),
            "anchor": hashlib.sha256(self.to_json()).hexdigest(),
        }


def parse_anchor(data: bytes) -> Anchor:
    """Return the anchor of the bytes that are kept. Raises ``AnchorError`` when they are none."""
    try:
        told = json.loads(data)
        last = told["last"]
        anchor = Anchor(
            int(told["minimum_index"]),
            tuple(bytes.fromhex(row) for row in told["edge"]),
            (str(last["writer"]), int(last["wseq"]) + 1, bytes.fromhex(last["chain"])),
            {str(name): (int(end), bytes.fromhex(value)) for name, (end, value) in told["chains"].items()},
        )
        sound = anchor.size > 0 and anchor.size % TILE_WIDTH == 0 and anchor.to_json() == data
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AnchorError("what is kept of pruned records cannot be read") from None
    if not sound:
        raise AnchorError("what is kept of pruned records was changed")
    return anchor


def anchor_after(frontier: Frontier, last: tuple[str, int, bytes], chains: Mapping[str, tuple[int, bytes]]) -> Anchor:
    """Return the anchor of everything up to *frontier*, which ends a bundle."""
    rows = {tile.level: data for tile, data in frontier.partial()}
    top = max((level for level in rows if level is not None), default=0)
    return Anchor(frontier.size, tuple(rows.get(level, b"") for level in range(top + 1)), last, dict(chains))
