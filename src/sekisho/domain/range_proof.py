"""One proof for many records: the tree over a log, with what is not shown folded into the hashes of subtrees.

The proof goes over the tree from left to right. What lies between the records that are shown is named by the largest
complete subtrees that fit, so that a range without holes takes a few dozen hashes, however long it is, and a single
record as many as its own audit path. Whoever knows the records computes the root from it, with a stack of one hash
for each level: neither making nor checking it needs the log in memory.

It is kept as lines of text::

    sekisho/audit-proofs/v1
    LEVEL PLACE HASH        a complete subtree of which nothing is shown; level 0 is a single record
    = INDEX HASH            a record that is shown, by its leaf hash
    + INDEX COUNT           so many records that are shown, whose hashes are computed from the events
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from sekisho.domain.checkpoint import parse_size
from sekisho.domain.note import MalformedNoteError, strict_base64
from sekisho.domain.tlog import Nodes, ProofError, node_hash, root_of

PROOFS_HEADER = "sekisho/audit-proofs/v1"
_MAX_LEVEL = 62
_DAMAGED = "a line of the proofs is damaged"


class GrowingRoot:
    """The root of a tree whose complete subtrees come from left to right.

    Attributes
    ----------
    size:
        How many leaves came so far.
    """

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []  # (level, hash), levels descending

    def push(self, level: int, place: int, found: bytes) -> None:
        """Take the next subtree. Raises ``ProofError`` when it does not stand here."""
        if not 0 <= level <= _MAX_LEVEL or place << level != self.size:
            raise ProofError("a part of the tree stands in the place of another")
        self.size += 1 << level
        while self._peaks and self._peaks[-1][0] == level:
            found = node_hash(self._peaks.pop()[1], found)
            level += 1
        self._peaks.append((level, found))

    def root(self) -> bytes:
        """Return the root over what came so far."""
        if not self._peaks:
            return root_of(0, _nothing)
        found = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            found = node_hash(peak, found)
        return found


def _nothing(_level: int, _place: int) -> bytes:
    raise ProofError("an empty tree has no nodes")  # pragma: no cover - its root needs none


def subtrees(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield level and place of the largest complete subtrees that cover the leaves from *begin* to *end*."""
    while begin < end:
        level = (end - begin).bit_length() - 1
        if begin:
            level = min(level, (begin & -begin).bit_length() - 1)
        yield level, begin >> level
        begin += 1 << level


def hidden_lines(begin: int, end: int, nodes: Nodes) -> Iterator[str]:
    """Yield the lines of what is not shown, from leaf *begin* to leaf *end*."""
    for level, place in subtrees(begin, end):
        yield f"{level} {place} {base64.b64encode(nodes(level, place)).decode('ascii')}\n"


def shown_line(index: int, leaf: bytes) -> str:
    """Return the line of a record that is shown."""
    return f"= {index} {base64.b64encode(leaf).decode('ascii')}\n"


def run_line(index: int, count: int) -> str:
    """Return the line of records that are shown, one after another, and whose hashes are computed from the events."""
    return f"+ {index} {count}\n"


def parse_line(line: str) -> tuple[str, int, int, bytes]:
    """Return what a line says: its mark (``=``, ``+`` or nothing), place, level or count, and hash.

    Raises ``ProofError`` when it is none.
    """
    mark, _, rest = line.partition(" ")
    number, _, last = rest.partition(" ")
    try:
        if mark == "+":
            return "+", parse_size(number), parse_size(last), b""
        level = 0 if mark == "=" else parse_size(mark)
        place, found = parse_size(number), strict_base64(last)
    except MalformedNoteError:
        raise ProofError(_DAMAGED) from None
    if len(found) != 32:
        raise ProofError(_DAMAGED)
    return "=" if mark == "=" else "", place, level, found
