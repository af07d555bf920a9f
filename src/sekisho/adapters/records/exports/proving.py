"""The proof that goes along with an export: each of its records is in the tree that the log signed.

See ``domain.range_proof`` for its lines. The checkpoint is one that covers every record of the export; where
witnesses have signed an earlier one, that goes along too, and the proof shows the tree to continue it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.exports.forms import HashedFile
from sekisho.domain.checkpoint import parse_checkpoint
from sekisho.domain.note import parse_note
from sekisho.domain.range_proof import PROOFS_HEADER, hidden_lines, run_line, shown_line
from sekisho.domain.tlog import Nodes, leaf_hash, nodes_from
from sekisho.errors import AuditUnavailable

_TILES = 64  # kept while a proof is made: half a mebibyte


@dataclass(frozen=True)
class Covering:
    """A signed checkpoint of every record of an export, and the tree under it.

    Attributes
    ----------
    checkpoint:
        The note.
    witnessed:
        The newest checkpoint that enough witnesses signed, when it is another.
    nodes:
        The hashes of the tree of *checkpoint*; they are read from files.
    """

    checkpoint: str
    witnessed: str | None
    nodes: Nodes

    @property
    def size(self) -> int:
        """How many records the checkpoint covers."""
        return _size(self.checkpoint)


class Proving(Protocol):
    """Answers for the records of an export."""

    async def covering(self, seq: int) -> Covering | None:
        """Return a checkpoint that covers the record *seq* and all before it, or ``None`` when there is none now."""


class TreeProving:
    """The proofs that the log's own tree gives."""

    def __init__(self, tree: AuditTree) -> None:
        self._tree = tree

    async def covering(self, seq: int) -> Covering | None:
        """See :class:`Proving`. A tree that is not that far is brought there."""
        try:
            witnessed = await asyncio.to_thread(self._tree.files.witnessed)
            if witnessed is not None and _size(witnessed) >= seq:
                return self._covering(witnessed, None)
            note = await self._tree.published()
            if note is None or _size(note) < seq:
                note = await self._tree.advance()
        except (AuditUnavailable, OSError):
            return None  # the log can be exported without its tree; what is missing shows
        return self._covering(note, witnessed) if _size(note) >= seq else None

    def _covering(self, note: str, witnessed: str | None) -> Covering:
        return Covering(note, witnessed, nodes_from(_size(note), self._tree.files.read, most=_TILES))


class ProofsFile:
    """Writes the proof of the records of one export, as they come.

    Parameters
    ----------
    path:
        Must not exist.
    covering:
        The tree.
    verbatim:
        Whether the events are the records themselves, so that their hashes need not be told.
    """

    def __init__(self, path: Path, covering: Covering, *, verbatim: bool) -> None:
        self.file = HashedFile(path)
        self._covering, self._verbatim = covering, verbatim
        # The root at this size can be computed on the way, and held against what the witnesses signed.
        self._stop = 0 if covering.witnessed is None else _size(covering.witnessed)
        self._at = 0  # leaves that were told
        self._run = 0  # of them, at the end, those of a run that is not written yet
        self.file.write(f"{PROOFS_HEADER}\n".encode())

    def add(self, seqs: Sequence[int], records: Sequence[bytes]) -> None:
        """Tell the next records, which are shown."""
        lines: list[str] = []
        for seq, record in zip(seqs, records, strict=True):
            index = seq - 1
            if index > self._at:
                lines += self._hide(index)
            if self._verbatim:
                self._run += 1
            else:
                lines.append(shown_line(index, leaf_hash(record)))
            self._at = index + 1
            if self._at == self._stop:
                lines += self._flush()
        self.file.write("".join(lines).encode())

    def end(self) -> None:
        """Tell the rest of the tree."""
        self.file.write("".join(self._hide(self._covering.size)).encode())
        self.file.flush()

    def _flush(self) -> list[str]:
        run, self._run = self._run, 0
        return [run_line(self._at - run, run)] if run else []

    def _hide(self, until: int) -> list[str]:
        lines = self._flush()
        for end in sorted({min(max(self._stop, self._at), until), until}):
            lines += hidden_lines(self._at, end, self._covering.nodes)
            self._at = end
        return lines


def _size(note: str) -> int:
    return parse_checkpoint(parse_note(note).text).size
