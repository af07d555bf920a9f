"""The check of the proof that goes along with an export: each of its events is of a record in the signed tree."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import orjson

from sekisho.audit_verify.verdict import Outcome, VerificationFailed
from sekisho.domain.audit_export import ExportFormat
from sekisho.domain.chain import BadRecord
from sekisho.domain.checkpoint import Checkpoint
from sekisho.domain.range_proof import PROOFS_HEADER, GrowingRoot, parse_line
from sekisho.domain.record import MAX_RECORD_BYTES
from sekisho.domain.tlog import ProofError, leaf_hash

_MAX_LINE = 128  # bytes of a line of proofs
_MAX_EVENT = 8 * MAX_RECORD_BYTES  # bytes of a line that carries a record, escaped, and more
_ROWS = 2_000
_CEF = re.compile(rb" cs6=([0-9a-f]{64}) cn1=([0-9]{1,18})(?= |$)")

Event = tuple[int | None, bytes]
"""The index that an event says its record has, where it does not carry the record, and the record's leaf hash."""


class ProofsCheck:
    """Goes over the proofs of an export in step with its events, with a stack of a few dozen hashes.

    Parameters
    ----------
    path:
        The file of the proofs.
    checkpoint:
        Whose root it must come to.
    known:
        An earlier checkpoint that the tree must continue.

    Attributes
    ----------
    proved, after:
        How many events were taken, and how many of them are of records after *known*.
    """

    def __init__(self, path: Path, checkpoint: Checkpoint, known: Checkpoint | None) -> None:
        self._checkpoint, self._known = checkpoint, known
        self._compared = known is None or known.size == 0
        self._tree = GrowingRoot()
        self._run = 0  # events to come whose hashes the proofs do not tell
        self._lines = _lines(path)
        self.proved = self.after = 0
        if next(self._lines, None) != PROOFS_HEADER:
            raise VerificationFailed(Outcome.TAMPERED, "the proofs are none of this kind")

    def take(self, index: int | None, leaf: bytes) -> None:
        """Take the next event. Raises ``VerificationFailed`` when the proofs are not of it."""
        told = leaf
        if not self._run:
            place, told, self._run = self._next_shown()
            if place != self._tree.size:
                raise self._wrong("the proofs are not those of this tree")
        if (told and told != leaf) or (index is not None and index != self._tree.size):
            raise self._wrong("an event is not the one of this record")
        self._run -= 1
        self.proved += 1
        self.after += self._known is not None and self._tree.size >= self._known.size
        self._push(0, self._tree.size, leaf)

    def end(self) -> None:
        """Take what comes after the last event. Raises ``VerificationFailed`` when it is not the signed tree."""
        if self._run or self._next_shown(last=True)[0] >= 0:
            raise self._wrong("an event is missing")
        if self._tree.size != self._checkpoint.size or self._tree.root() != self._checkpoint.root:
            raise VerificationFailed(Outcome.TAMPERED, "the records are not those of the checkpoint")
        if not self._compared:
            raise VerificationFailed(
                Outcome.TAMPERED, "the proofs do not show the tree to continue the one that witnesses signed"
            )

    def _next_shown(self, *, last: bool = False) -> tuple[int, bytes, int]:
        """Go on to the next record that is shown; return its place, hash and how many follow, itself included."""
        for line in self._lines:
            try:
                mark, place, number, found = parse_line(line)
            except ProofError as error:
                raise self._wrong(str(error)) from None
            if mark == "=":
                return place, found, 1
            if mark == "+":
                if not number:
                    raise self._wrong("a run of no events")
                return place, b"", number
            self._push(number, place, found)
        if last:
            return -1, b"", 0
        raise self._wrong("an event has no proof")

    def _push(self, level: int, place: int, found: bytes) -> None:
        try:
            self._tree.push(level, place, found)
        except ProofError as error:
            raise self._wrong(str(error)) from None
        known = self._known
        if known is not None and self._tree.size == known.size:
            if self._tree.root() != known.root:
                raise VerificationFailed(
                    Outcome.TAMPERED,
                    "the records contradict the checkpoint that witnesses signed: one of them was rewritten",
                )
            self._compared = True

    def _wrong(self, finding: str) -> VerificationFailed:
        return VerificationFailed(Outcome.TAMPERED, finding, BadRecord(None, None, self._tree.size + 1, None))


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        while data := file.readline(_MAX_LINE):
            try:
                line = data.decode("ascii")
            except UnicodeDecodeError:
                line = ""
            if not line.endswith("\n"):
                raise VerificationFailed(Outcome.TAMPERED, "a line of the proofs is damaged")
            yield line[:-1]


def events_of(form: ExportFormat, path: Path) -> Iterator[Event]:
    """Yield which record each event in *path* is of.

    Raises ``VerificationFailed`` when one does not say it.
    """
    try:
        yield from _READERS[form](path)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, csv.Error):
        raise VerificationFailed(Outcome.TAMPERED, "an event does not say which record it is of") from None


def lines_of(path: Path, most: int) -> Iterator[bytes]:
    """Yield the lines of *path* without their ends.

    Whoever made the file is not trusted: a line of more than *most* bytes comes in pieces, of which none is a record.
    """
    with path.open("rb") as file:
        for line in iter(partial(file.readline, most + 1), b""):
            yield line.removesuffix(b"\n")


def _verbatim(path: Path) -> Iterator[Event]:
    for line in lines_of(path, MAX_RECORD_BYTES):
        yield None, leaf_hash(line)


def _ocsf(path: Path) -> Iterator[Event]:
    for line in lines_of(path, _MAX_EVENT):
        event = orjson.loads(line)
        (attestation,) = event["unmapped"]["record_integrity"]["attestation_list"]
        yield event["metadata"]["sequence"] - 1, bytes.fromhex(attestation["fingerprint"]["value"])


def _cef(path: Path) -> Iterator[Event]:
    for line in lines_of(path, _MAX_EVENT):
        found = _CEF.search(line)
        if found is None:
            raise ValueError("no hash")
        yield int(found[2]) - 1, bytes.fromhex(found[1].decode("ascii"))


def _csv(path: Path) -> Iterator[Event]:
    with path.open(encoding="utf-8", newline="") as file:
        # A field that is cut at the most goes on in the next line, until the reader finds it too long.
        for row in csv.DictReader(iter(partial(file.readline, _MAX_EVENT), "")):
            leaf = leaf_hash(row["record"].encode())
            if bytes.fromhex(row["leaf_hash"]) != leaf:
                raise ValueError("another hash")
            yield int(row["seq"]) - 1, leaf


def _parquet(path: Path) -> Iterator[Event]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only this form needs it

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS, columns=["seq", "record"]):
            for seq, record in zip(batch["seq"].to_pylist(), batch["record"].to_pylist(), strict=True):
                yield seq - 1, leaf_hash(record)


_READERS: Mapping[ExportFormat, Callable[[Path], Iterator[Event]]] = {
    ExportFormat.RAW: _verbatim,
    ExportFormat.NDJSON: _verbatim,
    ExportFormat.OCSF: _ocsf,
    ExportFormat.CEF: _cef,
    ExportFormat.CSV: _csv,
    ExportFormat.PARQUET: _parquet,
}
