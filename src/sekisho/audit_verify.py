"""Proof that an audit log is what was written, for somebody who trusts a public key and nothing else.

Everything is computed anew from the bytes of the records; stored hashes and columns are never believed,
only compared. What is held against the records, in this order:

(1) every writer's chain: begun at its own beginning, no place left out, none used twice;
(2) the sequence of the whole log: contiguous;
(3) signed heads: those saved outside the database, those inside it, and a checkpoint that the verifier
    kept (``since``). A history that was rewritten and chained anew fits no earlier head, and a tail
    that was cut off is missing records that a head counts.

What this cannot see is said in ``docs/audit.md``: above all, records after the newest head that somebody
outside holds.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from sekisho.audit_trust import (
    HeldHeads,
    Origin,
    Outcome,
    TrustedKey,
    VerificationFailed,
    checkpoint_notes,
    saved_notes,
)
from sekisho.domain.chain import BadRecord, BrokenChainError, Walk, accuse, name_of
from sekisho.domain.note import (
    HEADS_FILE,
    MANIFEST_FILE,
    RECORDS_FILE,
    SEAL_FILE,
    seal_text,
    split_notes,
)
from sekisho.domain.record import MAX_SUBJECT_REFS, StoredRecord, indexed, subject_digest
from sekisho.errors import InvalidRequest

_OUTSIDE = frozenset({Origin.SAVED, Origin.CHECKPOINT})
_MAX_SMALL_FILE = 64 * 2**20  # the seal, the manifest and the heads are read whole


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Attributes
    ----------
    outcome:
        The answer; its value is the exit code.
    finding:
        One sentence on what is wrong or missing; empty when nothing is.
    bad:
        The first bad record, when one can be named.
    records, writers, heads:
        How much was checked; *heads* counts the signed heads that were held against the records.
    unsigned_tail:
        Records after the newest head kept outside the database: so far only the database vouches for them.
    """

    outcome: Outcome
    finding: str = ""
    bad: BadRecord | None = None
    records: int = 0
    writers: int = 0
    heads: int = 0
    unsigned_tail: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong and nothing missing."""
        return self.outcome is Outcome.OK

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return {**asdict(self), "outcome": self.outcome.name.lower(), "exit_code": int(self.outcome)}


def verify_path(path: Path, vkey: str, *, since: str | None = None, heads: Path | None = None) -> Verdict:
    """Verify what stands at *path*: the folder of a raw export, or the SQLite file of the own database.

    *heads* is the folder of saved heads for the latter; left out, it is the folder ``heads`` beside the file.

    Raises
    ------
    InvalidRequest
        When there is neither, or *vkey* or *since* cannot be read.
    """
    if path.is_dir():
        return verify_export(path, vkey, since=since)
    if not path.is_file():
        raise InvalidRequest("there is neither a raw export nor a database at this path")
    return verify_database(path, heads or path.parent / "heads", vkey, since=since)


# ---- raw exports ----------------------------------------------------------------------------------


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
        return _failed(failed, walk, held)
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


# ---- the database ---------------------------------------------------------------------------------


def verify_database(database: Path, heads: Path, vkey: str, *, since: str | None = None) -> Verdict:
    """Verify the log inside the SQLite file *database*, also while a service is writing to it.

    Parameters
    ----------
    database:
        The own database's file; it is opened for reading only.
    heads:
        Folder of the heads that were saved outside it.
    vkey, since:
        As for :func:`verify_export`.

    Raises
    ------
    InvalidRequest
        When the file is not such a database, or *vkey* or *since* cannot be read.
    """
    # The saved heads come first: what they count must be in the database by the time it is read.
    try:
        saved = saved_notes(heads)
    except VerificationFailed as failed:
        return Verdict(failed.outcome, failed.finding)
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("BEGIN")  # one snapshot for all that follows
            stored = [note for (note,) in connection.execute("SELECT note FROM audit_head ORDER BY writer, wseq")]
            rows = connection.execute(
                "SELECT seq, id, writer, wseq, at, kind, requester, purpose, decision, record, chain"
                " FROM audit_record ORDER BY seq"
            )
            people = connection.execute("SELECT seq, ref FROM audit_subject ORDER BY seq, ref")
            return verify_rows((StoredRecord._make(row) for row in rows), stored, people, saved, vkey, since=since)
    except sqlite3.Error as error:
        raise InvalidRequest(f"this is not a database that can be read ({type(error).__name__})") from None


def verify_rows(
    rows: Iterable[StoredRecord],
    stored: Iterable[str],
    people: Iterable[tuple[int, bytes]],
    saved: Iterable[str],
    vkey: str,
    *,
    since: str | None = None,
) -> Verdict:
    """Verify a whole log from what a database tells.

    Parameters
    ----------
    rows:
        All records in order of sequence.
    stored, saved:
        Signed heads from the database, and from outside it. Take both before the rows.
    people:
        (sequence, reference) of everybody noted beside a record, in that order.
    vkey, since:
        As for :func:`verify_export`.
    """
    held = HeldHeads(TrustedKey(vkey))
    walk = Walk(marks={})
    try:
        if since is not None:
            held.add(checkpoint_notes(since), Origin.CHECKPOINT)
        held.add(saved, Origin.SAVED)
        held.add(stored, Origin.DATABASE)
        walk = Walk(marks=held.marks())
        _walk_rows(walk, iter(rows), _People(people), held)
        held.compare(walk.chains, begins=True, ends=True)
        tail = _tail(walk, held)
    except VerificationFailed as failed:
        return _failed(failed, walk, held)
    return Verdict(Outcome.OK, "", None, walk.count, len(walk.chains), len(held), tail)


def _walk_rows(walk: Walk, rows: Iterator[StoredRecord], people: _People, held: HeldHeads) -> None:
    try:
        for row in rows:
            record = walk.step(row.record)
            finding = _contradiction(row, record, walk.chains[record["writer"]].value)
            if finding is None and not people.fit(record, row.seq):
                finding = "the people noted beside the record are not its own"
            if finding is not None:
                bad = name_of(record)
                raise VerificationFailed(Outcome.TAMPERED, finding, bad)
    except BrokenChainError as broken:
        found = accuse(broken, (row.record for row in rows), held.ends())
        raise VerificationFailed(Outcome.TAMPERED, found.finding, found.bad) from None
    if people.left():
        raise VerificationFailed(Outcome.TAMPERED, "people are noted beside a record that is not there")


def _contradiction(row: StoredRecord, record: dict[str, Any], chain: bytes) -> str | None:
    """Return what the columns of *row* say wrongly about its record, or ``None``."""
    try:
        told: tuple[object, ...] = (record["seq"], record["id"], record["writer"], record["wseq"], *indexed(record))
    except (KeyError, ValueError):
        told = ()
    same = row[: len(told)] == told != ()
    if not same:
        return "a column beside the record says something else than the record"
    return None if row.chain == chain else "the stored chain value is not the one of this record"


class _People:
    """The references beside the records, read in step with them."""

    def __init__(self, pairs: Iterable[tuple[int, bytes]]) -> None:
        self._pairs = iter(pairs)
        self._next = next(self._pairs, None)

    def fit(self, record: dict[str, Any], seq: int) -> bool:
        """Return whether the references noted for *seq* are those that the record's digest stands for."""
        if "subjects" not in record and (self._next is None or self._next[0] > seq):
            return True
        refs: list[bytes] = []
        while self._next is not None and self._next[0] <= seq:
            if self._next[0] < seq:
                return False
            refs.append(bytes(self._next[1]))
            self._next = next(self._pairs, None)
        about = record.get("subjects")
        if not isinstance(about, dict) or not isinstance(count := about.get("n"), int):
            return False
        if count > MAX_SUBJECT_REFS:
            return not refs
        return len(refs) == count and subject_digest(refs) == about.get("digest")

    def left(self) -> bool:
        """Return whether there are references beyond the last record."""
        return self._next is not None


def _tail(walk: Walk, held: HeldHeads) -> int:
    """Return how many records no head from outside covers.

    Raises
    ------
    VerificationFailed
        ``INCOMPLETE`` when there are no records, when no head was kept outside at all, or when there are
        records that no signed head covers.
    """
    if not walk.chains:
        raise VerificationFailed(Outcome.INCOMPLETE, "there are no records")
    outside, anywhere = held.newest(_OUTSIDE), held.newest(frozenset(Origin))
    if not outside:
        raise VerificationFailed(
            Outcome.INCOMPLETE, "no head was kept outside the database: a rewritten history would not be seen"
        )
    for name, chain in walk.chains.items():
        if chain.size > anywhere.get(name, 0):
            raise VerificationFailed(
                Outcome.INCOMPLETE, "records after the newest signed head are not vouched for", name_of(chain.last)
            )
    return sum(chain.size - outside.get(name, 0) for name, chain in walk.chains.items())


def _failed(failed: VerificationFailed, walk: Walk, held: HeldHeads) -> Verdict:
    return Verdict(failed.outcome, failed.finding, failed.bad, walk.count, len(walk.chains), len(held))
