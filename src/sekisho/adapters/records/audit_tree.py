"""The tree over the audit log: it follows the records, and signs how far it came.

The records' sequence has no hole and is the order of their commits, so the record of sequence *s* is leaf *s* - 1 and
the tree is a function of the log alone: whoever computes it comes to the same root. So nothing is lost when the
folder is; it is made anew, up to what was signed.

One process at a time goes on with it. What is signed is a *checkpoint*, and never one that does not continue the
checkpoint that was signed last: a database that was rolled back, restored or rewritten gets no signature any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sekisho.adapters.records.audit_search import kept_anchor
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.tables import audit_record
from sekisho.adapters.records.tree_folder import SIGNED_FILE, TileChanged, TreeFolder
from sekisho.domain.checkpoint import Checkpoint, RecordProof, parse_checkpoint, sign_checkpoint
from sekisho.domain.note import MalformedNoteError, parse_key, parse_note
from sekisho.domain.record import stands_at
from sekisho.domain.tlog import (
    TILE_WIDTH,
    Frontier,
    ProofError,
    Tile,
    bundle,
    check_consistency,
    consistency_proof,
    inclusion_proof,
    leaf_hashes,
    nodes_from,
    records_in,
    tile_at,
)
from sekisho.errors import AuditUnavailable, InvalidRequest, NotFound
from sekisho.ports import KeyRing

if TYPE_CHECKING:
    from sekisho.adapters.records.tree_bucket import TreeBucket

TREE_FOLDER = "tree"
"""Name of the folder of tiles, in the folder of the saved heads unless the workspace says otherwise."""

_T = TypeVar("_T")
_log = structlog.get_logger("sekisho.audit_tree")

_CHUNK = 32 * TILE_WIDTH  # records that are read and hashed at once
_MOST = 32 * _CHUNK  # and of one transaction
_WAIT_S = 5.0  # for another process that is at work on the tree
_PAUSE_S = 0.05
_STOPPED_MS = 30_000  # after which a process that does nothing gives the tree up
_LOCK = 0x73656B_74726565  # "sek", "tree": one process at a time, whatever machine it runs on
_FORKED = "The audit log does not continue what was signed of it; run `sekisho audit verify`."


@dataclass(frozen=True, slots=True)
class TreeState:
    """How far the tree came, and why it goes no further, if it does not."""

    size: int
    fault: str | None = None


class AuditTree:
    """The tree of the audit log in one database.

    Parameters
    ----------
    database:
        The own database; only read.
    keyring:
        Signs the checkpoints. Their origin is the name of its key.
    place:
        Where tiles and checkpoint lie: a folder, or a bucket.
    signed:
        Folder in which is saved what was signed last.
    """

    def __init__(self, database: Database, keyring: KeyRing, place: Path | TreeBucket, signed: Path) -> None:
        self.files: TreeFolder | TreeBucket = (
            TreeFolder(place, signed / SIGNED_FILE) if isinstance(place, Path) else place
        )
        self._database = database
        self._keyring = keyring
        self._key = parse_key(keyring.verification_key())
        self._fault: str | None = None

    @property
    def state(self) -> TreeState:
        """What this process knows of the tree."""
        note = self.files.checkpoint()
        return TreeState(0 if note is None else self._own(note).size, self._fault)

    async def advance(self) -> str:
        """Bring the tree up to the newest record, and return a signed checkpoint of it.

        What another process is doing just then is waited for, and its checkpoint returned.

        Raises
        ------
        AuditUnavailable
            When database or folder do not answer, when another process holds the tree for too long, or when the log
            does not continue what was signed of it.
        """
        until = time.monotonic() + _WAIT_S
        while True:
            try:
                note, more = await self._database.read(self._advance)
            except DatabaseFailed:
                raise AuditUnavailable("the audit log cannot be read now") from None
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise AuditUnavailable("another process is at work on the audit log's tree") from None
                await asyncio.sleep(_PAUSE_S)
                continue
            except (OSError, MalformedNoteError) as error:
                self._fault = f"folder: {type(error).__name__}"
                raise AuditUnavailable("the folder of the audit log's tree takes or gives nothing now") from None
            except (TileChanged, ProofError) as error:
                self._fault = str(error)
                _log.error("audit.tree_forked", finding=str(error))
                raise AuditUnavailable(_FORKED) from None
            self._fault = None
            if not more:
                return note

    async def published(self) -> str | None:
        """Return the newest checkpoint with all its signatures, or ``None`` before the first."""
        return await self._from_files(self.files.checkpoint)

    async def publish(self, note: str, *, witnessed: bool = False) -> bool:
        """Make *note*, a checkpoint with more signatures, the newest one; return whether it still was.

        When it is *witnessed* by enough, it is also what proofs are given for, until the next one is.
        """
        return await asyncio.to_thread(self._publish, note, witnessed)

    def prover(self, note: str) -> Callable[[int], list[bytes]]:
        """Return what proves that the tree of *note* continues that of an earlier size; it reads files."""
        size = self._own(note).size
        return lambda old: consistency_proof(old, size, nodes_from(size, self.files.read))

    async def proof_of(self, record_id: str) -> RecordProof:
        """Return the proof that the record *record_id* stands in the tree of the newest checkpoint.

        Raises ``NotFound`` when there is no such record, ``AuditUnavailable`` as :meth:`advance` does.
        """
        try:
            seq = await self._database.read(lambda connection: _seq_of(connection, record_id))
        except DatabaseFailed:
            raise AuditUnavailable("the audit log cannot be read now") from None
        if seq is None:
            raise NotFound("There is no such record.")
        note = await self._from_files(self.files.witnessed)
        if note is None or self._own(note).size < seq:
            note = await self.published()
        if note is None or self._own(note).size < seq:
            note = await self.advance()
        size = self._own(note).size
        proof = await asyncio.to_thread(self._proof, note, seq - 1, size)
        if stands_at(proof.record or b"") != (record_id, seq):
            # The column by which it was found says something else than the record that was signed.
            raise AuditUnavailable(_FORKED)
        return proof

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of *new* records continues that of *old*.

        Raises ``InvalidRequest`` when *old* is the larger, or no checkpoint reaches as far as *new*.
        """
        note = await self.published()
        size = 0 if note is None else self._own(note).size
        if not 0 <= old <= new <= size:
            raise InvalidRequest("from and to are sizes of the tree: 0 or more, from no larger than to, to no newer.")

        def proof() -> list[bytes]:
            return consistency_proof(old, new, nodes_from(size, self.files.read))

        return await self._from_files(proof)

    async def _from_files(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.to_thread(work)
        except (OSError, ProofError):
            raise AuditUnavailable("the folder of the audit log's tree gives nothing now") from None

    def _proof(self, note: str, index: int, size: int) -> RecordProof:
        try:
            hashes = inclusion_proof(index, size, nodes_from(size, self.files.read))
            width = min(TILE_WIDTH, size - index // TILE_WIDTH * TILE_WIDTH)
            found = self._bundle(Tile(None, index // TILE_WIDTH, width))[index % TILE_WIDTH]
        except (OSError, ProofError, IndexError):
            raise AuditUnavailable("the folder of the audit log's tree gives nothing now") from None
        return RecordProof(index, tuple(hashes), note, found)

    def _bundle(self, tile: Tile) -> list[bytes]:
        try:
            return records_in(self.files.read(tile))
        except FileNotFoundError:  # it is full by now
            return records_in(self.files.read(Tile(None, tile.index, TILE_WIDTH)))

    # -- going on ------------------------------------------------------------------------------------

    def _advance(self, connection: sa.Connection) -> tuple[str, bool]:
        """Go on with the tree, and return its signed checkpoint and whether there is more.

        Raises ``BlockingIOError`` when somebody else is at it. Then this transaction is over: what it sees is older
        than what the other one does.
        """
        with self.files.alone() as held:
            if not held or not _alone(connection):
                raise BlockingIOError
            signed = self._signed()
            frontier, edge = self._frontier(signed, connection)
            begun, seen, more = frontier.size, False, False
            for first, records in _news(connection, begun - len(edge) // 32):
                self._add(frontier, first, records, edge)
                seen, more = True, frontier.size - begun >= _MOST and frontier.size >= signed.size
                if more:
                    break
            if signed.size and not seen:
                raise ProofError("the records that were signed are missing")
            published = self.files.checkpoint()
            if frontier.size == signed.size and published is not None and self._own(published) == signed:
                return published, False
            return self._sign(signed, frontier), more

    def _signed(self) -> Checkpoint:
        """Return what was signed last; of nothing, the empty tree."""
        note = self.files.signed()
        published = self.files.checkpoint()
        if note is None and published is not None:
            raise ProofError("what was signed last is gone, though something was published")
        if note is None:
            return Checkpoint(self._key.name, 0, Frontier().root())
        signed = self._own(note)
        if published is not None and self._own(published).size > signed.size:
            raise ProofError("more was published than is known to be signed")
        return signed

    def _own(self, note: str) -> Checkpoint:
        """Return the checkpoint of a note that this log's key signed. Raises ``MalformedNoteError``."""
        parsed = parse_note(note)
        for line in parsed.signatures:
            if (line.name, line.key_id) == (self._key.name, self._key.key_id):
                try:
                    Ed25519PublicKey.from_public_bytes(self._key.public).verify(line.signature, parsed.text.encode())
                except (InvalidSignature, ValueError):
                    break
                return parse_checkpoint(parsed.text)
        raise MalformedNoteError("the log's own key did not sign this checkpoint")

    def _frontier(self, signed: Checkpoint, connection: sa.Connection) -> tuple[Frontier, bytes]:
        """Return the frontier at what was signed last, and its last tile of leaves.

        Without tiles it is where the log begins: they are made anew, and must come to what was signed.
        """
        size = signed.size
        try:
            frontier = Frontier(size, self.files.read)
            edge = self.files.read(tile_at(0, (size - 1) // TILE_WIDTH, size)) if size else b""
        except FileNotFoundError:
            anchor = kept_anchor(connection)
            if anchor is None:
                return Frontier(), b""
            self.files.keep_anchor(anchor.to_json())
            return anchor.frontier(), b""
        if frontier.root() != signed.root:
            raise ProofError("the tiles are not those of the tree that was signed")
        return frontier, edge

    def _add(self, frontier: Frontier, first: int, records: Sequence[bytes], edge: bytes) -> None:
        """Put *records*, the first of which is leaf *first* and begins a bundle, into tiles and bundles.

        Those that the tree holds already must be what they were: *edge* has the hashes of its last leaves.
        """
        leaves = leaf_hashes(records)
        known = frontier.size - first
        if known > 0 and b"".join(leaves[:known]) != edge:
            raise ProofError("the last records are not those that were signed")
        done: list[tuple[Tile, bytes]] = []
        for leaf in leaves[max(0, known) :]:
            done += frontier.append(leaf)
        for start in range(0, len(records), TILE_WIDTH):
            part = records[start : start + TILE_WIDTH]
            done.append((Tile(None, (first + start) // TILE_WIDTH, len(part)), bundle(part)))
        self.files.write([*done, *frontier.partial()])
        for tile, _ in done:
            if tile.width == TILE_WIDTH:
                self.files.forget_partial(tile)

    def _sign(self, signed: Checkpoint, frontier: Frontier) -> str:
        """Sign the tree of *frontier*, which must continue *signed*. Raises ``ProofError`` when it does not."""
        new = Checkpoint(self._key.name, frontier.size, frontier.root())
        if new.size < signed.size:
            raise ProofError("the log is shorter than what was signed")
        proof = consistency_proof(signed.size, new.size, nodes_from(new.size, self.files.read))
        check_consistency(signed.size, signed.root, new.size, new.root, proof)
        note = sign_checkpoint(new, self._key, self._keyring.sign)
        if self._signed() != signed:
            raise BlockingIOError  # stopped since then, and somebody else went on: what they signed stays
        self.files.remember(note)
        self.files.publish(note)
        return note

    def _publish(self, note: str, witnessed: bool) -> bool:  # noqa: FBT001 - called by name above
        with self.files.alone() as held:
            newest = self.files.checkpoint() if held else None
            if newest is None:
                return False
            if witnessed:
                known = self.files.witnessed()
                if known is None or self._own(known).size <= self._own(note).size:
                    self.files.publish_witnessed(note)
            if self._own(newest) != self._own(note):
                return witnessed
            self.files.publish(note)
            return True


def _alone(connection: sa.Connection) -> bool:
    """Return whether no process on another machine is at work on the tree; held until the transaction ends."""
    if connection.dialect.name != "postgresql":
        return True  # one file, on one machine
    # Whoever is stopped in the middle gives it up: the server ends its transaction.
    connection.execute(sa.text(f"SET LOCAL idle_in_transaction_session_timeout = {_STOPPED_MS}"))
    return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))).scalar_one())


def _news(connection: sa.Connection, after: int) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Yield leaf numbers, and the records from there on, from leaf *after* on, which begins a bundle.

    Raises ``ProofError`` when one is missing.
    """
    table = audit_record.c
    while True:
        statement = sa.select(table.seq, table.record).where(table.seq > after).order_by(table.seq).limit(_CHUNK)
        rows = connection.execute(statement).all()
        if [row.seq for row in rows] != list(range(after + 1, after + 1 + len(rows))):
            raise ProofError("a record is missing")
        if rows:
            yield after, [bytes(row.record) for row in rows]
        if len(rows) < _CHUNK:
            return
        after += len(rows)


def _seq_of(connection: sa.Connection, record_id: str) -> int | None:
    found = connection.execute(
        sa.select(audit_record.c.seq).where(audit_record.c.id == record_id)
    ).scalar_one_or_none()
    return None if found is None else int(found)
