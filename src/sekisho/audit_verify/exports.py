"""The check of a raw export: no byte of its files can change unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import orjson

from sekisho.audit_verify.trust import HeldHeads, Origin, TrustedKey, checkpoint_notes
from sekisho.audit_verify.verdict import Outcome, Verdict, VerificationFailed, failed_verdict
from sekisho.domain.chain import BadRecord, BrokenChainError, Walk, name_of
from sekisho.domain.note import HEADS_FILE, MANIFEST_FILE, RECORDS_FILE, SEAL_FILE, seal_text, split_notes

_MAX_SMALL_FILE = 64 * 2**20  # the seal, the manifest and the heads are read whole


def verify_export(folder: Path, vkey: str, *, since: str | None = None) -> Verdict:
    """Verify a raw export; any changed byte of its files is found.

    Parameters
    ----------
    folder:
        With ``records.ndjson``, ``heads.txt``, ``manifest.json`` and its seal ``manifest.note``.
    vkey:
        The log's public key, from its owner.
    since:
        A signed head that was kept earlier (text or path): the export must continue from it.

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
        manifest = _Manifest(key, folder)
        walk = manifest.walk(held)
    except VerificationFailed as failed:
        return failed_verdict(failed, walk, len(held))
    newest = held.newest(frozenset(Origin))
    tail = sum(chain.size - max(newest.get(name, 0), chain.start) for name, chain in walk.chains.items())
    return Verdict(Outcome.OK, "", None, walk.count, len(walk.chains), len(held), tail)


class _Manifest:
    """A manifest whose seal was checked: from here on it says what every file must be.

    Raises
    ------
    VerificationFailed
        When it is missing, or not what the trusted key sealed.
    """

    def __init__(self, key: TrustedKey, folder: Path) -> None:
        self._folder = folder
        seal, data = _small(folder / SEAL_FILE), _small(folder / MANIFEST_FILE)
        try:
            text = seal.decode("utf-8")
        except UnicodeDecodeError:
            raise VerificationFailed(Outcome.TAMPERED, f"{SEAL_FILE} is not text") from None
        note = key.verify(text, SEAL_FILE)
        try:
            fields = orjson.loads(data)
            self.records, self.first = int(fields["records"]), int(fields["first_seq"])
            self.begins, self.ends = fields["since"] is None, fields["until"] is None
            self._digests = {name: str(about["sha256"]) for name, about in fields["files"].items()}
            self._ends = {
                (name, int(about["size"])): bytes.fromhex(about["chain"]) for name, about in fields["writers"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            raise VerificationFailed(Outcome.TAMPERED, f"{MANIFEST_FILE} cannot be read") from None
        # Two signature lines would be legal in a note; here they would be bytes that nobody vouches for.
        if note.text != seal_text(self.records, data) or len(note.signatures) != 1:
            raise VerificationFailed(Outcome.TAMPERED, f"{MANIFEST_FILE} is not the one that was sealed")

    def walk(self, held: HeldHeads) -> Walk:
        """Check every file against the manifest, and every record against its chain."""
        heads = _small(self._folder / HEADS_FILE)
        records = self._folder / RECORDS_FILE
        if not records.is_file():
            raise VerificationFailed(Outcome.INCOMPLETE, f"{RECORDS_FILE} is missing")
        if hashlib.sha256(heads).hexdigest() != self._digests.get(HEADS_FILE):
            raise VerificationFailed(Outcome.TAMPERED, f"{HEADS_FILE} was changed")
        with records.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == self._digests.get(RECORDS_FILE)
        held.add(split_notes(heads.decode("utf-8")), Origin.EXPORT)
        marks = held.marks()
        for name, size in self._ends:
            marks[name].add(size)
        walk = Walk(first_seq=self.first, partial=not self.begins or self.first != 1, marks=marks)
        try:
            walk.run(_lines(records), {**held.ends(), **self._ends})
        except BrokenChainError as broken:
            raise VerificationFailed(Outcome.TAMPERED, broken.finding, broken.bad) from None
        self._compare_ends(walk)
        if not same or walk.count != self.records:
            raise VerificationFailed(Outcome.TAMPERED, f"{RECORDS_FILE} was changed")
        held.compare(walk.chains, begins=self.first == 1, ends=self.ends)
        return walk

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
