"""The Merkle tree over the whole log: hashes, proofs, and the tiles in which a tree is kept.

The tree is that of RFC 6962 (2.1) over the canonical bytes of the records in order of sequence, so the record of
sequence *s* is leaf *s* - 1. A proof of inclusion shows that a record stands in a tree of which only the root is
known, a proof of consistency that a tree only grew. Both are a few dozen hashes, whatever the size of the log.

A tree is kept as *tiles* (C2SP tlog-tiles): tile *n* of level *l* holds up to 256 consecutive hashes of the tree's
level 8 *l*. A full tile never changes. Here is only the shape; files are read and written elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

TILE_WIDTH = 256
"""Hashes in a full tile, and records in a full bundle."""

MAX_PROOF = 63
"""Hashes in a proof of any tree: its height is below this (C2SP tlog-proof)."""

_TILE_HEIGHT = 8
_MAX_SIZE = 2**62

Nodes: TypeAlias = Callable[[int, int], bytes]
"""Gives the hash of a complete subtree by its level (0 for leaves) and its place there."""


class ProofError(ValueError):
    """A proof that does not prove what it is held against."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def leaf_hashes(records: Iterable[bytes]) -> list[bytes]:
    """Return :func:`leaf_hash` of each of *records*."""
    return [sha256(b"\x00" + record).digest() for record in records]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of *leaves*; of none, the hash of nothing."""

    def nodes(level: int, index: int) -> bytes:
        return _folded(leaves[index << level : (index + 1) << level])

    return root_of(len(leaves), nodes)


def root_of(size: int, nodes: Nodes) -> bytes:
    """Return the root of the tree of *size* leaves."""
    return _range(0, size, nodes) if size else sha256(b"").digest()


def _folded(hashes: Sequence[bytes]) -> bytes:
    """Return the root of a complete subtree over a power of two of hashes."""
    row = list(hashes)
    while len(row) > 1:
        # As ``node_hash``, without a call for each of the many.
        row = [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def _split(size: int) -> int:
    """Return the largest power of two below *size*."""
    return 1 << (size - 1).bit_length() - 1


def _range(start: int, end: int, nodes: Nodes) -> bytes:
    """Return the root over the leaves from *start* to *end*; *start* is a multiple of the subtree's size."""
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(size)
    return node_hash(_range(start, middle, nodes), _range(middle, end, nodes))


# -- proofs ------------------------------------------------------------------------------------------


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """Return the audit path of leaf *index* in the tree of *size* leaves (RFC 6962, 2.1.1).

    Raises ``ValueError`` when the tree has no such leaf.
    """
    if not 0 <= index < size <= _MAX_SIZE:
        raise ValueError("the tree has no such leaf")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range(middle, end, nodes))
            end = middle
        else:
            path.append(_range(start, middle, nodes))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """Return the proof that the tree of *new* leaves begins with that of *old* (RFC 6962, 2.1.2).

    Empty for a tree and itself, and for the empty tree. Raises ``ValueError`` when *old* is the larger.
    """
    if not 0 <= old <= new <= _MAX_SIZE:
        raise ValueError("a tree does not shrink")
    path: list[bytes] = []
    start, end, whole = 0, new, True
    if old in {0, new}:
        return path
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range(middle, end, nodes))
            end = middle
        else:
            path.append(_range(start, middle, nodes))
            start, whole = middle, False
    if not whole:
        path.append(_range(start, end, nodes))
    return path[::-1]


def root_by_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that *proof* leads to from the hash *leaf* (RFC 9162, 2.1.3.2).

    Raises ``ProofError`` when it has another length than the proof of that leaf.
    """
    if not 0 <= index < size <= _MAX_SIZE:
        raise ProofError("the tree has no such leaf")
    place, last, found = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if place & 1 or place == last:
            found = node_hash(beside, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, beside)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
    return found


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that *proof* shows the tree of *new* leaves to begin with that of *old* (RFC 9162, 2.1.4.2).

    Raises ``ProofError`` when it does not.
    """
    if not 0 <= old <= new <= _MAX_SIZE:
        raise ProofError("the tree has shrunk")
    if old in {0, new}:
        if proof or (old == new and old_root != new_root) or (old == 0 and old_root != root_of(0, _no_nodes)):
            raise ProofError("two trees of one size have two roots")
        return
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        raise ProofError("the proof is too short")
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = hashes[0]
    for beside in hashes[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if place & 1 or place == last:
            first, second = node_hash(beside, first), node_hash(beside, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, beside)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
    if first != old_root or second != new_root:
        raise ProofError("the tree does not continue the one before it")


def _no_nodes(_level: int, _index: int) -> bytes:
    raise ProofError("an empty tree has no nodes")  # pragma: no cover - its root needs none


# -- tiles -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile, or bundle of records: its level (``None`` for records), its place, and how many it holds."""

    level: int | None
    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it lies below the folder or address of a log."""
        level = "entries" if self.level is None else str(self.level)
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        partial = f".p/{self.width}" if self.width < TILE_WIDTH else ""
        return f"tile/{level}/{'/'.join(groups)}{partial}"


def tile_at(level: int | None, index: int, size: int) -> Tile:
    """Return tile *index* of *level* as it is in the tree of *size* leaves.

    Raises ``ValueError`` when that tree has none there.
    """
    width = min(TILE_WIDTH, (size >> _TILE_HEIGHT * (level or 0)) - index * TILE_WIDTH)
    if width <= 0:
        raise ValueError("the tree has no such tile")
    return Tile(level, index, width)


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield every tile of hashes of the tree of *size* leaves, from the leaves up."""
    level = 0
    while size >> _TILE_HEIGHT * level:
        for index in range(-(-(size >> _TILE_HEIGHT * level) // TILE_WIDTH)):
            yield tile_at(level, index, size)
        level += 1


def nodes_from(size: int, read: Callable[[Tile], bytes], most: int | None = None) -> Nodes:
    """Return the nodes of the tree of *size* leaves, computed from tiles; *read* gives a tile's hashes in a row.

    *most* is how many tiles are kept in memory; all that were read, if left out.
    """
    known: dict[tuple[int, int], bytes] = {}

    def nodes(level: int, index: int) -> bytes:
        above, within = divmod(level, _TILE_HEIGHT)
        first = index << within
        place = above, first // TILE_WIDTH
        data = known.get(place)
        if data is None:
            if most is not None and len(known) >= most:
                del known[next(iter(known))]
            data = known[place] = read(tile_at(*place, size))
        begin = first % TILE_WIDTH
        row = [data[32 * at : 32 * at + 32] for at in range(begin, begin + (1 << within))]
        if len(row[-1]) != 32:
            raise ProofError("a tile is too short")
        return _folded(row)

    return nodes


class Frontier:
    """The right edge of a growing tree: its last tile of each level, which is all that is needed to go on.

    Parameters
    ----------
    size:
        Leaves so far.
    read:
        Gives the hashes of a tile of that tree, in a row.
    """

    def __init__(self, size: int = 0, read: Callable[[Tile], bytes] | None = None) -> None:
        self.size = size
        self._rows: list[list[bytes]] = []
        level = 0
        while size >> _TILE_HEIGHT * level:
            count = size >> _TILE_HEIGHT * level
            row: list[bytes] = []
            if count % TILE_WIDTH:
                data = b"" if read is None else read(tile_at(level, count // TILE_WIDTH, size))
                row = [data[at : at + 32] for at in range(0, len(data), 32)]
                if len(row) != count % TILE_WIDTH or len(row[-1]) != 32:
                    raise ProofError("a tile has another width than the tree says")
            self._rows.append(row)
            level += 1

    def extend(self, leaves: Sequence[bytes]) -> list[tuple[Tile, bytes]]:
        """Add the hashes of *leaves*; return the tiles that became full by them, with their hashes."""
        full: list[tuple[Tile, bytes]] = []
        begin = 0
        while begin < len(leaves):
            # All but the last of a tile of leaves go into it as they are.
            room = TILE_WIDTH - 1 - self.size % TILE_WIDTH
            fill = leaves[begin : begin + room]
            if fill:
                if not self._rows:
                    self._rows.append([])
                self._rows[0] += fill
                self.size += len(fill)
                begin += len(fill)
            else:
                full += self.append(leaves[begin])
                begin += 1
        return full

    def append(self, leaf: bytes) -> list[tuple[Tile, bytes]]:
        """Add the hash of a leaf; return the tiles that became full by it, with their hashes."""
        full: list[tuple[Tile, bytes]] = []
        self.size += 1
        level, found = 0, leaf
        while True:
            if level == len(self._rows):
                self._rows.append([])
            row = self._rows[level]
            row.append(found)
            if len(row) < TILE_WIDTH:
                return full
            index = (self.size >> _TILE_HEIGHT * level) // TILE_WIDTH - 1
            full.append((Tile(level, index, TILE_WIDTH), b"".join(row)))
            found = _folded(row)
            self._rows[level] = []
            level += 1

    def partial(self) -> list[tuple[Tile, bytes]]:
        """Return the tiles that are not full, with their hashes."""
        return [
            (Tile(level, (self.size >> _TILE_HEIGHT * level) // TILE_WIDTH, len(row)), b"".join(row))
            for level, row in enumerate(self._rows)
            if row
        ]

    def root(self) -> bytes:
        """Return the root of the tree."""

        def nodes(level: int, index: int) -> bytes:
            above, within = divmod(level, _TILE_HEIGHT)
            begin = (index << within) % TILE_WIDTH
            return _folded(self._rows[above][begin : begin + (1 << within)])

        return root_of(self.size, nodes)


def bundle(records: Sequence[bytes]) -> bytes:
    """Return *records* as they stand in a bundle: each after its length in two bytes, the higher first.

    Raises ``OverflowError`` for a record of more than 65,535 bytes.
    """
    return b"".join(len(record).to_bytes(2, "big") + record for record in records)


def records_in(data: bytes) -> list[bytes]:
    """Return the records of a bundle. Raises ``ProofError`` when it is none."""
    found, at, size = [], 0, len(data)
    while at < size:
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > size or at > size:
            raise ProofError("a bundle of records is cut off")
        found.append(data[start:at])
    return found
