"""The check of an export: no byte of its files can change unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import orjson

from sekisho.audit_verify.trust import HeldHeads, Origin, TrustedKey, checkpoint_notes
from sekisho.audit_verify.verdict import Outcome, Verdict, VerificationFailed, failed_verdict
from sekisho.domain.audit_export import CHECKPOINT_FILE, EVENTS_FILES, ExportFormat
from sekisho.domain.chain import BadRecord, BrokenChainError, Walk, name_of
from sekisho.domain.checkpoint import Checkpoint, parse_checkpoint
from sekisho.domain.note import (
    HEADS_FILE,
    MANIFEST_FILE,
    RECORDS_FILE,
    SEAL_FILE,
    MalformedNoteError,
    seal_text,
    split_notes,
)
from sekisho.domain.tlog import Frontier, leaf_hash

_MAX_SMALL_FILE = 64 * 2**20  # the seal, the manifest and the heads are read whole


def is_export(folder: Path) -> bool:
    """Return whether a file of an export lies there: one of which others were taken away is an export still."""
    return any((folder / name).is_file() for name in (MANIFEST_FILE, SEAL_FILE, *EVENTS_FILES.values()))


def verify_export(folder: Path, vkey: str, *, since: str | None = None, raw_only: bool = False) -> Verdict:
    """Verify an export; any changed byte of its files is found.

    Of every form the files are held against the sealed manifest; of the raw form also each record against its
    chain, the chains against signed heads, and the records against the checkpoint when they reach from the log's
    beginning to it.

    Parameters
    ----------
    folder:
        With the files of the export, ``manifest.json`` and its seal ``manifest.note``.
    vkey:
        The log's public key, from its owner.
    since:
        A signed head that was kept earlier (text or path): a raw export must continue from it.
    raw_only:
        Call an export of another form incomplete: its records cannot be read back.

    Raises
    ------
    InvalidRequest
        When *vkey* or *since* cannot be read.
    """
    key = TrustedKey(vkey)
    walk = Walk(marks={})
    held = HeldHeads(key)
    try:
        if since is not None:
            held.add(checkpoint_notes(since), Origin.CHECKPOINT)
        manifest = SealedManifest(key, folder)
        if manifest.form is not ExportFormat.RAW:
            manifest.compare_files(only=since is None and not raw_only)
            return Verdict(Outcome.OK, records=manifest.records)
        walk = manifest.walk(held)
    except VerificationFailed as failed:
        return failed_verdict(failed, walk, len(held))
    newest = held.newest(frozenset(Origin))
    tail = sum(chain.size - max(newest.get(name, 0), chain.start) for name, chain in walk.chains.items())
    return Verdict(Outcome.OK, "", None, walk.count, len(walk.chains), len(held), tail)


class SealedManifest:
    """A manifest whose seal was checked: from here on it says what every file must be.

    Parameters
    ----------
    key:
        Who must have sealed it.
    folder:
        The folder of the export.

    Attributes
    ----------
    form:
        The form of the export.
    records, first, last:
        How many records it holds, and the sequences that it covers.
    until:
        Until when it goes, as a record spells it; ``None``: to the end of the log.

    Raises
    ------
    VerificationFailed
        When it is missing, or not what the trusted key sealed.
    """

    def __init__(self, key: TrustedKey, folder: Path) -> None:
        self._key = key
        self._folder = folder
        seal, data = _small(folder / SEAL_FILE), _small(folder / MANIFEST_FILE)
        try:
            text = seal.decode("utf-8")
        except UnicodeDecodeError:
            raise VerificationFailed(Outcome.TAMPERED, f"{SEAL_FILE} is not text") from None
        note = key.verify(text, SEAL_FILE)
        try:
            fields = orjson.loads(data)
            self.form = ExportFormat(fields.get("format", ExportFormat.RAW.value))
            self.records, self.first, self.last = (int(fields[name]) for name in ("records", "first_seq", "last_seq"))
            self.until: str | None = fields["until"]
            self._begins, self._ends_log = fields["since"] is None, self.until is None
            self._digests = {str(name): str(about["sha256"]) for name, about in fields["files"].items()}
            self._ends = {
                (name, int(about["size"])): bytes.fromhex(about["chain"])
                for name, about in fields.get("writers", {}).items()
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            raise VerificationFailed(Outcome.TAMPERED, f"{MANIFEST_FILE} cannot be read") from None
        # Two signature lines would be legal in a note; here they would be bytes that nobody vouches for.
        if note.text != seal_text(self.records, data) or len(note.signatures) != 1:
            raise VerificationFailed(Outcome.TAMPERED, f"{MANIFEST_FILE} is not the one that was sealed")
        if EVENTS_FILES[self.form] not in self._digests or any(Path(name).name != name for name in self._digests):
            raise VerificationFailed(Outcome.TAMPERED, f"{MANIFEST_FILE} does not list the files of an export")

    def compare_files(self, *, only: bool = True) -> None:
        """Hold every file that the manifest lists against it.

        Parameters
        ----------
        only:
            Whether this is all that is asked; records as the log wrote them are in the raw form alone.

        Raises
        ------
        VerificationFailed
            When one is missing or another, or more is asked.
        """
        for name in sorted(self._digests):
            if not self._is_same(name):
                raise VerificationFailed(Outcome.TAMPERED, f"{name} was changed")
        self._checkpoint()
        if not only:
            raise VerificationFailed(Outcome.INCOMPLETE, "this takes a raw export, and it is of another form")

    def walk(self, held: HeldHeads) -> Walk:
        """Check every file against the manifest, and every record against its chain."""
        heads = _small(self._folder / HEADS_FILE)
        same = self._is_same(RECORDS_FILE)
        for name in sorted(self._digests.keys() - {RECORDS_FILE}):
            if not self._is_same(name):
                raise VerificationFailed(Outcome.TAMPERED, f"{name} was changed")
        if HEADS_FILE not in self._digests:
            raise VerificationFailed(Outcome.TAMPERED, f"{HEADS_FILE} was changed")
        checkpoint = self._checkpoint()
        held.add(split_notes(heads.decode("utf-8")), Origin.EXPORT)
        marks = held.marks()
        for name, size in self._ends:
            marks[name].add(size)
        writers = {name for name, _ in self._ends}
        walk = Walk(first_seq=self.first, partial=not self._begins or self.first != 1, marks=marks, writers=writers)
        lines = held.passing(_lines(self._folder / RECORDS_FILE), walk.chains)
        tree = _TreeUpTo(checkpoint) if checkpoint is not None and self.first == 1 else None
        try:
            walk.run(lines if tree is None else tree.passing(lines), {**held.ends(), **self._ends})
        except BrokenChainError as broken:
            raise VerificationFailed(Outcome.TAMPERED, broken.finding, broken.bad) from None
        self._compare_ends(walk)
        if not same or walk.count != self.records:
            raise VerificationFailed(Outcome.TAMPERED, f"{RECORDS_FILE} was changed")
        held.compare(walk.chains, begins=self.first == 1, ends=self._ends_log)
        if tree is not None:
            tree.compare()
        return walk

    def _is_same(self, name: str) -> bool:
        path = self._folder / name
        if not path.is_file():
            raise VerificationFailed(Outcome.INCOMPLETE, f"{name} is missing")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self._digests[name]

    def _checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint that goes along, its signature checked."""
        if CHECKPOINT_FILE not in self._digests:
            return None
        checkpoint: Checkpoint | None
        try:
            note = self._key.verify(_small(self._folder / CHECKPOINT_FILE).decode("utf-8"), CHECKPOINT_FILE)
            checkpoint = parse_checkpoint(note.text)
        except (UnicodeDecodeError, MalformedNoteError):
            checkpoint = None
        if checkpoint is None or checkpoint.origin != self._key.key.name:
            raise VerificationFailed(Outcome.TAMPERED, f"{CHECKPOINT_FILE} is not a checkpoint of this log")
        return checkpoint

    def _compare_ends(self, walk: Walk) -> None:
        """Hold the end of every chain against the manifest: the last record has no successor to accuse it."""
        for (name, size), value in self._ends.items():
            chain = walk.chains.get(name)
            if chain is None or chain.size < size:
                missing = BadRecord(name, None if chain is None else chain.size, None, None)
                raise VerificationFailed(Outcome.TAMPERED, "records are missing from the export", missing)
            if chain.size > size or chain.value != value:
                raise VerificationFailed(
                    Outcome.TAMPERED, "the last record of a writer was changed", name_of(chain.last)
                )
        if walk.chains.keys() != {name for name, _ in self._ends}:
            raise VerificationFailed(Outcome.TAMPERED, "the export holds a writer that was not exported")


class _TreeUpTo:
    """The tree over the first records of a log, as many as a checkpoint speaks of."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._frontier = Frontier()
        self._size = 0

    def passing(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Yield *lines*, and take them into the tree."""
        for line in lines:
            if self._size < self._checkpoint.size:
                self._frontier.append(leaf_hash(line))
                self._size += 1
            yield line

    def compare(self) -> None:
        """Hold the root against the checkpoint, where the records reach it. Raises ``VerificationFailed``."""
        if self._size == self._checkpoint.size and self._frontier.root() != self._checkpoint.root:
            raise VerificationFailed(Outcome.TAMPERED, "the records are not those of the checkpoint")


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line.removesuffix(b"\n")


def _small(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_SMALL_FILE:
            raise VerificationFailed(Outcome.TAMPERED, f"{path.name} is larger than such a file can be")
        return path.read_bytes()
    except OSError:
        raise VerificationFailed(Outcome.INCOMPLETE, f"{path.name} is missing") from None
