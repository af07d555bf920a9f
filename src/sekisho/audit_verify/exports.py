"""The check of an export: no byte of its files can change unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import orjson

from sekisho.audit_verify.proofs import ProofsCheck, events_of, lines_of
from sekisho.audit_verify.tree import included, parse_proof_of
from sekisho.audit_verify.trust import HeldHeads, Origin, TrustedKey, anchor_in, checkpoint_notes
from sekisho.audit_verify.verdict import Outcome, Verdict, VerificationFailed, failed_verdict
from sekisho.audit_verify.witnesses import require_witnesses
from sekisho.domain.audit_export import CHECKPOINT_FILE, EVENTS_FILES, PROOFS_FILE, WITNESSED_FILE, ExportFormat
from sekisho.domain.chain import BadRecord, BrokenChainError, Walk, name_of, pruned_by
from sekisho.domain.checkpoint import Checkpoint, parse_checkpoint
from sekisho.domain.note import (
    HEADS_FILE,
    MANIFEST_FILE,
    RECORDS_FILE,
    SEAL_FILE,
    MalformedNoteError,
    Note,
    seal_text,
    split_notes,
)
from sekisho.domain.pruning import PRUNED_FILE, PRUNED_PROOF_FILE, Anchor
from sekisho.domain.record import MAX_RECORD_BYTES
from sekisho.domain.tlog import leaf_hash
from sekisho.domain.witness_policy import WitnessPolicy

_MAX_SMALL_FILE = 64 * 2**20  # the seal, the manifest and the heads are read whole


def is_export(folder: Path) -> bool:
    """Return whether a file of an export lies there: one of which others were taken away is an export still."""
    return any((folder / name).is_file() for name in (MANIFEST_FILE, SEAL_FILE, *EVENTS_FILES.values()))


def verify_export(
    folder: Path,
    vkey: str,
    *,
    since: str | None = None,
    raw_only: bool = False,
    policy: WitnessPolicy | None = None,
) -> Verdict:
    """Verify an export; any changed byte of its files is found.

    Of every form the files are held against the sealed manifest, and each event against the proof that its record is
    in the tree of the checkpoint that goes along; of the raw form also each record against its chain, and the chains
    against signed heads.

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
    policy:
        Which witnesses must have signed: the checkpoint of the export, or the earlier one beside it that its tree is
        shown to continue; then records after that are counted.

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
        manifest = SealedManifest(key, folder, policy)
        if manifest.form is not ExportFormat.RAW:
            manifest.compare_files(only=since is None and not raw_only)
            return Verdict(
                Outcome.OK,
                records=manifest.records,
                unsigned_tail=manifest.after,
                witnesses=manifest.witnesses,
                proved=manifest.proved,
                pruned=manifest.pruned,
            )
        walk = manifest.walk(held)
    except VerificationFailed as failed:
        return failed_verdict(failed, walk, len(held))
    newest = held.newest(frozenset(Origin))
    tail = sum(chain.size - max(newest.get(name, 0), chain.start) for name, chain in walk.chains.items())
    tail = max(tail, manifest.after)
    return Verdict(
        Outcome.OK,
        "",
        None,
        walk.count,
        len(walk.chains),
        len(held),
        tail,
        manifest.witnesses,
        manifest.proved,
        manifest.pruned,
    )


class SealedManifest:
    """A manifest whose seal was checked: from here on it says what every file must be.

    Parameters
    ----------
    key:
        Who must have sealed it.
    folder:
        The folder of the export.
    policy:
        Which witnesses must have signed its checkpoint.

    Attributes
    ----------
    witnesses, proved, after:
        Once everything was compared: which of them did, how many events were shown to be in the signed tree, and how
        many of these are newer than what the witnesses signed.
    pruned:
        Where it begins, when it was to begin with the log and the log's own beginning was pruned.
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

    def __init__(self, key: TrustedKey, folder: Path, policy: WitnessPolicy | None = None) -> None:
        self._key = key
        self._folder = folder
        self._policy = policy
        self.witnesses: tuple[str, ...] = ()
        self.proved = self.after = 0
        self.pruned = ""
        self._ahead = False  # whether the checkpoint is newer than the one that the witnesses signed
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
        proofs = self._proofs()
        if proofs is not None:
            for index, leaf in events_of(self.form, self._folder / EVENTS_FILES[self.form]):
                proofs.take(index, leaf)
            self._proven(proofs)
        self._anchor()
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
        proofs = self._proofs()
        held.add(split_notes(heads.decode("utf-8")), Origin.EXPORT)
        marks = held.marks()
        for name, size in self._ends:
            marks[name].add(size)
        anchor = self._anchor()
        if anchor is not None:
            held.begin_after(anchor)
        partial = anchor is None and (not self._begins or self.first != 1)
        writers = {name for name, _ in self._ends}
        walk = Walk(first_seq=self.first, partial=partial, marks=marks, anchor=anchor, writers=writers)
        lines = held.passing(lines_of(self._folder / RECORDS_FILE, MAX_RECORD_BYTES), walk.chains)
        unproved: list[VerificationFailed] = []
        try:
            walk.run(lines if proofs is None else _passing(lines, proofs, unproved), {**held.ends(), **self._ends})
        except BrokenChainError as broken:
            raise VerificationFailed(Outcome.TAMPERED, broken.finding, broken.bad) from None
        self._compare_ends(walk)
        if not same or walk.count != self.records or walk.seq - 1 != self.last:
            raise VerificationFailed(Outcome.TAMPERED, f"{RECORDS_FILE} was changed")
        held.compare(walk.chains, begins=self.first == 1 or anchor is not None, ends=self._ends_log, anchor=anchor)
        if unproved:
            raise unproved[0]
        if proofs is not None:
            self._proven(proofs)
        return walk

    def _is_same(self, name: str) -> bool:
        path = self._folder / name
        if not path.is_file():
            raise VerificationFailed(Outcome.INCOMPLETE, f"{name} is missing")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self._digests[name]

    def _proofs(self) -> ProofsCheck | None:
        """Return the check of the proofs against the checkpoint that goes along, its signatures checked.

        Raises
        ------
        VerificationFailed
            ``UNTRUSTED`` when the witnesses of the policy did not sign, ``INCOMPLETE`` when they did, and nothing
            shows that the records are in what they signed.
        """
        if CHECKPOINT_FILE not in self._digests:
            if self._policy is not None:
                raise VerificationFailed(
                    Outcome.UNTRUSTED, "no checkpoint goes along that witnesses could have signed"
                )
            return None
        checkpoint, note = self._checkpoint(CHECKPOINT_FILE)
        known = None
        if WITNESSED_FILE in self._digests:
            known, earlier = self._checkpoint(WITNESSED_FILE)
        if self._policy is not None:
            try:
                signed = require_witnesses(note, self._policy)
            except VerificationFailed as failed:
                if known is None or failed.outcome is not Outcome.UNTRUSTED:
                    raise
                signed = require_witnesses(earlier, self._policy, WITNESSED_FILE)
                self._ahead = True
            self.witnesses = tuple(str(each) for each in signed)
        if PROOFS_FILE in self._digests:
            return ProofsCheck(self._folder / PROOFS_FILE, checkpoint, known)
        if self._policy is not None:
            raise VerificationFailed(
                Outcome.INCOMPLETE, "nothing shows that these records are in the tree that the witnesses signed"
            )
        return None

    def _anchor(self) -> Anchor | None:
        """Return what is kept of records that were pruned, where the export begins with the log and that does not.

        Raises
        ------
        VerificationFailed
            When the beginning is missing, and no record that the log signed says that it was pruned.
        """
        if not self._begins or self.first == 1:
            return None
        if not {PRUNED_FILE, PRUNED_PROOF_FILE, CHECKPOINT_FILE} <= self._digests.keys():
            raise VerificationFailed(
                Outcome.INCOMPLETE,
                f"the log begins at record {self.first} here, and nothing shows that what was before it was pruned",
            )
        anchor = anchor_in(_small(self._folder / PRUNED_FILE))
        proof = parse_proof_of(_small(self._folder / PRUNED_PROOF_FILE))
        record = proof.record or b""
        included(record, proof, self._checkpoint(CHECKPOINT_FILE)[0])
        said = orjson.loads(record)
        if anchor is None or anchor.size + 1 != self.first or not anchor.stated_by(said):
            raise VerificationFailed(
                Outcome.TAMPERED, f"the log begins at record {self.first} here, and no record says that it was pruned"
            )
        self.pruned = pruned_by(anchor.size + 1, said)
        return anchor

    def _proven(self, proofs: ProofsCheck) -> None:
        proofs.end()
        if proofs.proved != self.records:
            raise VerificationFailed(Outcome.TAMPERED, f"{MANIFEST_FILE} counts other events than there are")
        self.proved, self.after = proofs.proved, proofs.after if self._ahead else 0

    def _checkpoint(self, name: str) -> tuple[Checkpoint, Note]:
        """Return a checkpoint that goes along, the log's own signature checked."""
        try:
            note = self._key.verify(_small(self._folder / name).decode("utf-8"), name)
            checkpoint = parse_checkpoint(note.text)
        except (UnicodeDecodeError, MalformedNoteError):
            raise VerificationFailed(Outcome.TAMPERED, f"{name} is not a checkpoint of this log") from None
        if checkpoint.origin != self._key.key.name:
            raise VerificationFailed(Outcome.TAMPERED, f"{name} is not a checkpoint of this log")
        return checkpoint, note

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


def _passing(lines: Iterator[bytes], proofs: ProofsCheck, unproved: list[VerificationFailed]) -> Iterator[bytes]:
    """Yield *lines*, and hold each against the proofs once the chain took it.

    What fails there goes into *unproved*: a chain that is broken names the record, a root that is another does not.
    """
    for line in lines:
        yield line
        if not unproved:
            try:
                proofs.take(None, leaf_hash(line))
            except VerificationFailed as failed:
                unproved.append(failed)


def _small(path: Path) -> bytes:
    if not path.is_file():  # nor a pipe or a device, whose end nobody knows
        raise VerificationFailed(Outcome.INCOMPLETE, f"{path.name} is missing")
    try:
        if path.stat().st_size > _MAX_SMALL_FILE:
            raise VerificationFailed(Outcome.TAMPERED, f"{path.name} is larger than such a file can be")
        return path.read_bytes()
    except OSError:
        raise VerificationFailed(Outcome.INCOMPLETE, f"{path.name} is missing") from None
