"""Writes one export: the events in a form, the manifest over every file, and the log's seal over the manifest.

Records are read and written in groups, each from a snapshot of its own: the log only grows, so a range of sequences
is the same in each, and no snapshot is held for as long as an export takes. Memory does not grow with the export.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import sqlalchemy as sa

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_search import (
    kept_anchor,
    matching,
    newest_heads,
    present_writers,
    pruning_record,
)
from sekisho.adapters.records.database import DatabaseFailed
from sekisho.adapters.records.exports.bounds import Bounds, bounds_of, require_time
from sekisho.adapters.records.exports.forms import HashedFile, begin
from sekisho.adapters.records.exports.proving import Covering, ProofsFile, Proving
from sekisho.adapters.records.tables import audit_record
from sekisho.domain.audit_export import (
    CHECKPOINT_FILE,
    EVENTS_FILES,
    PROOFS_FILE,
    WITNESSED_FILE,
    ExportFormat,
    ExportOrder,
)
from sekisho.domain.checkpoint import RecordProof, format_proof
from sekisho.domain.note import (
    HEADS_FILE,
    HEADS_SUFFIX,
    MANIFEST_FILE,
    SEAL_FILE,
    Head,
    notes_in,
    parse_head,
    parse_key,
    parse_note,
    seal_text,
    sign_note,
)
from sekisho.domain.pruning import PRUNED_FILE, PRUNED_PROOF_FILE, Anchor
from sekisho.domain.record import micros, stands_at, timestamp
from sekisho.domain.tlog import inclusion_proof
from sekisho.durable import sync
from sekisho.errors import AuditUnavailable, InvalidRequest
from sekisho.ports import AuditQuery

T = TypeVar("T")
_Group: TypeAlias = tuple[list[int], list[bytes], int]  # sequences, records, up to which sequence was looked

_GROUP: Final = 2_000  # records read at a time; a record has 32 KiB at most
_MANIFEST_VERSION: Final = 1


class ExportTooLarge(Exception):
    """The export would be larger than it may be."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported: the folder, the number of records, and SHA-256 and size of each file."""

    folder: Path
    records: int
    first_seq: int
    last_seq: int
    files: dict[str, str]
    sizes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Pace:
    """How an export goes about its work.

    Attributes
    ----------
    told:
        Is told how much is done, from 0.0 to 1.0.
    rest:
        Share of its time that it leaves to others between two groups.
    most_bytes:
        Largest size of all files.
    """

    told: Callable[[float], None] = field(default=lambda _done: None)
    rest: float = 0.0
    most_bytes: int | None = None


async def write_export(
    log: SqlAuditLog,
    order: ExportOrder,
    folder: Path,
    *,
    bounds: Bounds | None = None,
    upto: int | None = None,
    proving: Proving | None = None,
    pace: Pace | None = None,
) -> Exported:
    """Write the export that *order* asks for to *folder*, which is made when it is missing.

    Parameters
    ----------
    bounds:
        The sequences to export, whatever the times of the records; left out, those of the order's times. The
        order's times then say what the range is called.
    upto:
        The newest sequence that may go along.
    proving:
        Answers for its records; without it the export carries no checkpoint and no proofs.

    Raises
    ------
    InvalidRequest
        When the raw form is asked for with filters, or the records of the range were pruned.
    AuditUnavailable
        When the log cannot be read, or was pruned meanwhile.
    TamperedLog
        When a column says another time than its record.
    ExportTooLarge, OSError
        When it does not fit.
    """
    if order.form is ExportFormat.RAW and order.filters.named:
        raise InvalidRequest("The raw form takes no filters: its proof needs a range without holes.")
    work = _Work(log, order, folder, pace or Pace(), by_time=bounds is None)
    try:
        # Heads that are saved now speak of records that are there now; taken later, they could speak of more.
        saved = await uncut(asyncio.to_thread(_saved, log.heads_folder)) if order.form is ExportFormat.RAW else []
        if order.filters.data_subject is not None:
            await log.extend_index()
        found = await log.database.read(partial(bounds_of, order, bounds, upto))
        covering = None if proving is None else await proving.covering(found.last)
        return await work.run(found, saved, covering)
    except DatabaseFailed:
        raise AuditUnavailable("the audit log cannot be read now") from None


async def uncut(work: Awaitable[T]) -> T:
    """Return what *work* in a thread returns; when the caller is cancelled, only after the thread has ended."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await asyncio.wait([task])
        raise


class _Work:
    """One export under way."""

    def __init__(
        self,
        log: SqlAuditLog,
        order: ExportOrder,
        folder: Path,
        pace: Pace,
        *,
        by_time: bool,
    ) -> None:
        self._log = log
        self._order = order
        self._folder = folder
        self._pace = pace
        self._by_time = by_time
        self._raw = order.form is ExportFormat.RAW
        self._begins: dict[str, int] = {}  # where each writer's chain begins in the range
        self._ends: dict[str, tuple[int, bytes]] = {}  # and where it ends
        self._digests: dict[str, str] = {}
        self._sizes: dict[str, int] = {}

    async def run(self, bounds: Bounds, saved: list[str], covering: Covering | None) -> Exported:
        await uncut(asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True))
        count = await self._events(bounds, covering)
        anchor = await self._log.database.read(kept_anchor)
        if anchor is not None and bounds.first <= min(bounds.last, anchor.size):
            raise AuditUnavailable("records of this range were pruned while they were exported; run this again")
        heads = await self._log.database.read(partial(self._heads, bounds, saved, anchor)) if self._raw else b""
        if anchor is not None and covering is not None and bounds.first == anchor.size + 1:
            await self._pruned(anchor, covering)
        await uncut(asyncio.to_thread(self._finish, bounds, count, heads, covering))
        return Exported(self._folder, count, bounds.first, bounds.last, self._digests, self._sizes)

    async def _events(self, bounds: Bounds, covering: Covering | None) -> int:
        """Write the file with the events, and the proof of them; return how many there are."""
        name = EVENTS_FILES[self._order.form]
        read = self._links if self._raw else self._records
        clock = asyncio.get_running_loop().time
        count, after = 0, bounds.first - 1
        file = await uncut(asyncio.to_thread(HashedFile, self._folder / name))
        with file, self._proofs(covering) as proofs:
            form = await uncut(asyncio.to_thread(begin, self._order.form, file))
            while after < bounds.last:
                began = clock()
                seqs, records, after = await self._log.database.read(partial(read, after, bounds.last))
                await uncut(asyncio.to_thread(form.add, records))
                if proofs is not None:
                    await uncut(asyncio.to_thread(proofs.add, seqs, records))
                count += len(records)
                size = file.size + (0 if proofs is None else proofs.file.size)
                if self._pace.most_bytes is not None and size > self._pace.most_bytes:
                    raise ExportTooLarge
                done = (after - bounds.first + 1) / (bounds.last - bounds.first + 1)
                self._pace.told(min(done, 1.0))
                if self._pace.rest:
                    await asyncio.sleep((clock() - began) * self._pace.rest)
            await uncut(asyncio.to_thread(form.end))
            if proofs is not None:
                await uncut(asyncio.to_thread(proofs.end))
                self._digests[PROOFS_FILE], self._sizes[PROOFS_FILE] = proofs.file.hexdigest(), proofs.file.size
        self._digests[name], self._sizes[name] = file.hexdigest(), file.size
        return count

    @contextmanager
    def _proofs(self, covering: Covering | None) -> Iterator[ProofsFile | None]:
        if covering is None:
            yield None
            return
        verbatim = self._order.form in {ExportFormat.RAW, ExportFormat.NDJSON}
        proofs = ProofsFile(self._folder / PROOFS_FILE, covering, verbatim=verbatim)
        with proofs.file:
            yield proofs

    def _records(self, after: int, last: int, connection: sa.Connection) -> _Group:
        """Return the next records that match, and up to which sequence was looked.

        Which belong to the time of the order is for the records to say, not for the columns beside them.
        """
        table, filters = audit_record.c, self._order.filters
        query = AuditQuery(
            requester=filters.requester,
            purpose=filters.purpose,
            decision=filters.decision,
            kind=filters.kind,
            data_subject=filters.data_subject,
            after_seq=after,
        )
        rows = connection.execute(
            sa.select(table.seq, table.record, table.at)
            .where(*matching(query), table.seq <= last)
            .order_by(table.seq)
            .limit(_GROUP)
        ).all()
        seqs, records, reached = _group(rows, last)
        if not self._by_time or self._order.since is self._order.until is None:
            return seqs, records, reached
        for row, record in zip(rows, records, strict=True):
            require_time(row.seq, row.at, record)
        low, high = (None if edge is None else micros(edge) for edge in (self._order.since, self._order.until))
        keep = [(low is None or row.at >= low) and (high is None or row.at < high) for row in rows]
        return list(compress(seqs, keep)), list(compress(records, keep)), reached

    def _links(self, after: int, last: int, connection: sa.Connection) -> _Group:
        """Return the next records of a range without holes, and take note of where chains end."""
        table = audit_record.c
        rows = connection.execute(
            sa.select(table.seq, table.writer, table.wseq, table.record, table.chain)
            .where(table.seq > after, table.seq <= last)
            .order_by(table.seq)
            .limit(_GROUP)
        ).all()
        for _, writer, wseq, _, chain in rows:
            self._begins.setdefault(writer, wseq)
            self._ends[writer] = wseq, bytes(chain)
        return _group(rows, last)

    def _finish(self, bounds: Bounds, count: int, heads: bytes, covering: Covering | None) -> None:
        """Write everything beside the events, and bring all of it to the disk."""
        if self._raw:
            self._write(HEADS_FILE, heads)
        if covering is not None:
            self._write(CHECKPOINT_FILE, covering.checkpoint.encode())
            if covering.witnessed is not None:
                self._write(WITNESSED_FILE, covering.witnessed.encode())
        data = (json.dumps(self._manifest(bounds, count), indent=2, sort_keys=True) + "\n").encode()
        keys = self._log.keyring
        seal = sign_note(seal_text(count, data), parse_key(keys.verification_key()), keys.sign)
        self._write(MANIFEST_FILE, data)
        self._write(SEAL_FILE, seal.encode())
        for path in (*(self._folder / name for name in self._digests), self._folder):
            sync(path)

    async def _pruned(self, anchor: Anchor, covering: Covering) -> None:
        """Write what stands in the place of pruned records, and the proof of the record that says so."""
        record = await self._log.database.read(partial(pruning_record, anchor))
        at = None if record is None else stands_at(record)
        if at is None or at[1] > covering.size:
            return
        proof = await asyncio.to_thread(inclusion_proof, at[1] - 1, covering.size, covering.nodes)
        text = format_proof(RecordProof(at[1] - 1, tuple(proof), covering.checkpoint, record))
        await uncut(asyncio.to_thread(self._write, PRUNED_FILE, anchor.to_json()))
        await uncut(asyncio.to_thread(self._write, PRUNED_PROOF_FILE, text.encode()))

    def _heads(self, bounds: Bounds, saved: list[str], anchor: Anchor | None, connection: sa.Connection) -> bytes:
        """Return the newest head of each writer, of those stored in the database and of those saved outside it.

        Of a range that reaches the end of the log, heads of more records than there are stay: they prove that the
        rest was cut off. A head of what was before the range says nothing about it, and is left out.
        """
        sizes = {writer: wseq + 1 for writer, (wseq, _) in self._ends.items()}
        newest: dict[str, tuple[int, str]] = {}
        for note in saved:
            head = parse_head(parse_note(note).text)
            known = newest.get(head.writer)
            if (bounds.ends or head.size <= sizes.get(head.writer, 0)) and (known is None or head.size > known[0]):
                newest[head.writer] = head.size, note
        earlier = present_writers(connection, newest.keys() - sizes.keys())
        notes = newest_heads(connection, sizes)
        gone = {} if anchor is None else anchor.chains
        notes += [
            note
            for writer, (size, note) in newest.items()
            if writer not in earlier and note not in notes and size > gone.get(writer, (0, b""))[0]
        ]
        notes = [note for note in notes if self._reaches(parse_head(parse_note(note).text))]
        return "".join(f"{note}\n" for note in notes).encode()

    def _reaches(self, head: Head) -> bool:
        return head.size >= self._begins.get(head.writer, 0)

    def _manifest(self, bounds: Bounds, count: int) -> Mapping[str, object]:
        order = self._order
        manifest: dict[str, object] = {
            "v": _MANIFEST_VERSION,
            "format": order.form.value,
            "since": None if order.since is None else timestamp(order.since),
            "until": None if order.until is None else timestamp(order.until),
            "first_seq": bounds.first,
            "last_seq": bounds.last,
            "records": count,
            "files": {name: {"sha256": digest} for name, digest in self._digests.items()},
        }
        if order.filters.named:
            manifest["filters"] = order.filters.told()
        if self._raw:
            manifest["writers"] = {
                writer: {"size": wseq + 1, "chain": chain.hex()} for writer, (wseq, chain) in self._ends.items()
            }
        return manifest

    def _write(self, name: str, content: bytes) -> None:
        with (self._folder / name).open("xb") as file:
            file.write(content)
        self._digests[name], self._sizes[name] = hashlib.sha256(content).hexdigest(), len(content)


def _group(rows: Sequence[Any], last: int) -> _Group:
    reached = rows[-1].seq if len(rows) == _GROUP else last
    return [row.seq for row in rows], [bytes(row.record) for row in rows], reached


def _saved(heads_folder: Path) -> list[str]:
    """Return the heads saved outside the database: whoever rewrote it could have removed its own."""
    notes: list[str] = []
    for path in sorted(heads_folder.glob(f"*{HEADS_SUFFIX}")):
        notes += notes_in(path.read_bytes())
    return notes


def is_full(error: OSError) -> bool:
    """Return whether *error* says that there is no room."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}
