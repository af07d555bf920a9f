"""Bulk history: NDJSON and CSV, tried first, resumable.

First every line of a file is checked and nothing is written. Then its events are recorded in parts, each in one
transaction with the note of how far the file has come: whatever ends the process, the same file
sent again goes on behind the last line that is done, and nothing is lost or recorded twice. The file is known by
the SHA-256 of its bytes.

What is imported is history. It counts from when it was said, and never overrides what came in since.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from sekisho.consents.asked_again import AskedAgain
from sekisho.consents.import_events import LineReader
from sekisho.consents.import_lines import ImportFormat, require_text
from sekisho.consents.import_parts import KeptParts, Part, PartReader, Trial
from sekisho.consents.parts import Parts
from sekisho.consents.trail import Trail
from sekisho.domain.consent_rules import COLLECTION_POINT
from sekisho.domain.terms import Requester
from sekisho.errors import AccessDenied, AuditUnavailable, ConsentUnavailable
from sekisho.ports import AuditEntry, listed
from sekisho.ports.imports import ImportBatches, ImportedEvent, ImportPart, ImportProgress, KeptEvent

_BLOCK: Final = 1 << 20
_TRIES: Final = 20  # times that somebody else may be faster with the same file, in a row

T = TypeVar("T")

Tell = Callable[[str, float], None]
"""Hears what is being done, and how much of it is (0.0 to 1.0)."""


@dataclass(frozen=True, slots=True)
class _File:
    """What is imported, by whom, and who hears of it."""

    requester: Requester
    source: BinaryIO
    format: ImportFormat
    skip_faults: bool
    tell: Tell


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Some lines, up to line ``until``: their events, and those that have faults."""

    until: int
    events: Sequence[ImportedEvent]
    faults: Trial


class Importing:
    """The use case of importing; one file at a time for each call.

    Parameters
    ----------
    parts:
        The ports.
    batches:
        Where it stands how far each file has come.
    """

    def __init__(self, parts: Parts, batches: ImportBatches) -> None:
        self._parts = parts
        self._batches = batches
        self._trail = Trail(parts)

    def require_may_import(self, requester: Requester) -> None:
        """Raise ``AccessDenied`` unless *requester* is a collection point; before its file is even read."""
        if COLLECTION_POINT not in requester.roles:
            raise AccessDenied("Only a collection point imports consent events.")

    async def run(
        self,
        requester: Requester,
        source: BinaryIO,
        file_format: ImportFormat,
        *,
        dry_run: bool = False,
        skip_faults: bool = False,
        tell: Tell = lambda _what, _done: None,
    ) -> dict[str, object]:
        """Import *source* and return the report.

        Parameters
        ----------
        requester:
            A collection point. A line is a fault where it uses the data of that purpose itself.
        source:
            The file: seekable, at whatever position.
        dry_run:
            Check only. Nothing is recorded, and nobody becomes known.
        skip_faults:
            Import the good lines of a file that has faults; without it such a file is not imported at all.

        Returns
        -------
        ``batch``, ``lines`` (that hold an entry), ``valid``, ``recorded`` (events of this file in the ledger),
        ``unchanged`` (those of them that changed nothing, because something later was known), ``left_out``
        (lines with faults that were skipped), ``faults`` (the first hundred: line, code, detail),
        ``fault_count``, ``finished`` (the whole file has been imported) and ``seq``.

        Raises
        ------
        AccessDenied
            When *requester* is no collection point.
        InvalidRequest
            When the file is no text, or the header of a CSV cannot be used.
        AuditUnavailable, ConsentUnavailable
            When the audit log or the ledger does not answer. Send the same file again: it goes on.
        """
        self.require_may_import(requester)
        file = _File(requester, source, file_format, skip_faults, tell)
        batch = await asyncio.to_thread(_fingerprint, source, file_format)
        known = await self._batches.find(batch) or ImportProgress(batch, file_format.value)
        if known.finished_at is not None and not dry_run:
            await self._note_finished(requester, known)
            return _report(known, Trial(), await self._seq(known))
        trial, kept = await self._try(file, known)
        if dry_run or (trial.fault_count and not skip_faults):
            return _report(known, trial, await self._seq(known))
        if not await self._parts.audit.healthy():
            raise AuditUnavailable("The audit log does not answer; nothing was imported. Try again.")
        whole = _done(known) + trial.lines
        known = await self._batches.begin(batch, file_format.value)
        known, late = await self._import(file, known, kept, whole)
        if late is not None:
            # What was good at first is not any more: a notice was published, a purpose went. The rest waits.
            late.lines = whole - _done(known)
            return _report(known, late, await self._seq(known))
        known = await self._batches.finish(batch)
        await self._note_finished(requester, known)
        return _report(known, trial, await self._seq(known))

    async def _try(self, file: _File, known: ImportProgress) -> tuple[Trial, KeptParts]:
        asked_again_seq = await self._batches.asked_again()
        asked_again = await AskedAgain.read(self._parts)
        reader = LineReader(self._parts, file.requester, known.batch, asked_again)
        parts = PartReader(reader, file.source, file.format, known.lines)
        trial, kept = Trial(), KeptParts(known.lines, asked_again, asked_again_seq)
        size = await asyncio.to_thread(file.source.seek, 0, 2)
        while (part := await asyncio.to_thread(parts.next)) is not None:
            trial.add(part)
            kept.keep(part)
            file.tell("checking lines", min(1.0, file.source.tell() / max(size, 1)))
        return trial, kept

    async def _import(
        self, file: _File, known: ImportProgress, kept: KeptParts, whole: int
    ) -> tuple[ImportProgress, Trial | None]:
        """Record what is left of the file; return how far it has come, and the faults that stopped it."""
        overtaken = 0
        while known.finished_at is None and overtaken < _TRIES:
            asked_again_seq = await self._batches.asked_again()
            asked_again = await AskedAgain.read(self._parts)
            reader = LineReader(self._parts, file.requester, known.batch, asked_again)
            parts = PartReader(
                reader, file.source, file.format, known.lines, kept.take(known.lines, asked_again, asked_again_seq)
            )
            turn = asyncio.Lock()  # of all that computes beside the database's work: each thread more slows that down
            beside: list[asyncio.Task[Any]] = [asyncio.create_task(self._prepare(parts, turn))]
            recorded: Sequence[KeptEvent] = ()
            try:
                while (part := await beside[0]) is not None:
                    if part.faults.fault_count and not file.skip_faults:
                        break
                    # The next part is read, and the last one audited, while the database is at work on this one.
                    at_work = asyncio.Event()
                    beside = [
                        asyncio.create_task(_after(at_work, self._prepare(parts, turn))),
                        asyncio.create_task(_after(at_work, self._trail.note_imported(recorded, known.batch, turn))),
                    ]
                    recorded = ()
                    appended = await self._append(
                        known.batch,
                        ImportPart(known.lines, part.until, part.events, part.faults.fault_count, asked_again_seq),
                        at_work,
                    )
                    await beside[1]
                    if appended is None:
                        break
                    known, recorded = appended
                    overtaken = 0
                    file.tell("importing", min(1.0, _done(known) / max(whole, 1)))
                await self._trail.note_imported(recorded, known.batch, turn)
            finally:
                # A thread may still be reading: the file must not be rewound under it.
                await asyncio.gather(*beside, return_exceptions=True)
            if part is None:
                return known, None
            if part.faults.fault_count and not file.skip_faults:
                return known, part.faults
            overtaken += 1
            known = await self._batches.begin(known.batch, file.format.value)
        if known.finished_at is None:
            raise ConsentUnavailable("The import was overtaken again and again; send the same file once more.")
        return known, None

    async def _append(
        self, batch: str, part: ImportPart, at_work: asyncio.Event
    ) -> tuple[ImportProgress, Sequence[KeptEvent]] | None:
        loop = asyncio.get_running_loop()

        def tell() -> None:
            loop.call_soon_threadsafe(at_work.set)

        try:
            return await self._batches.append(batch, part, tell)
        finally:
            at_work.set()

    async def _prepare(self, parts: PartReader, turn: asyncio.Lock) -> _Prepared | None:
        """Return the next lines, ready to be recorded; ``None`` behind the last."""
        async with turn:
            part = await asyncio.to_thread(parts.next)
        if part is None:
            return None
        events = await asyncio.to_thread(part.events, await self._numbers(part))
        return _Prepared(part.until, events, part.faults)

    async def _numbers(self, part: Part) -> NDArray[np.int64]:
        """Return the person of each line of *part*; whoever was unknown is known from here on."""
        numbers = np.full(len(part), -1, np.int64)
        for kind, (places, values) in part.people.items():
            found = await self._parts.people.numbers_of(kind, values)
            unknown = np.flatnonzero(found < 0).tolist()
            if unknown:
                found, names = found.copy(), listed(values)
                found[unknown] = await self._parts.people.register(kind, [names[place] for place in unknown])
            numbers[places] = found
        return numbers

    async def _seq(self, known: ImportProgress) -> int:
        return known.last_seq or await self._parts.ledger.last_seq()

    async def _note_finished(self, requester: Requester, known: ImportProgress) -> None:
        """Record in the audit log, once, what the import did; each event stands there already."""
        record = f"import-{known.batch[:29]}"
        if await self._parts.audit.get(record) is None:
            fields: dict[str, object] = {
                "requester": requester.name,
                "batch": known.batch,
                "recorded": known.recorded,
                "unchanged": known.unchanged,
                "left_out": known.left_out,
                "consent_seq": known.last_seq,
            }
            await self._parts.audit.append(AuditEntry("consent.import_finished", fields, record))


async def _after(event: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Do *work* once *event* is set: threads that compute would keep the one that speaks to the database waiting."""
    try:
        await event.wait()
    except BaseException:
        work.close()
        raise
    return await work


def _fingerprint(source: BinaryIO, file_format: ImportFormat) -> str:
    digest = hashlib.sha256()

    def blocks() -> Iterator[bytes]:
        source.seek(0)
        while block := source.read(_BLOCK):
            digest.update(block)
            yield block

    if file_format is ImportFormat.CSV:
        require_text(blocks())
    else:
        for _ in blocks():
            pass
    return digest.hexdigest()


def _done(known: ImportProgress) -> int:
    """Return how many lines with an entry are done."""
    return known.recorded + known.left_out


def _report(known: ImportProgress, trial: Trial, seq: int) -> dict[str, object]:
    finished = known.finished_at is not None
    waiting = 0 if finished else trial.lines
    return {
        "batch": known.batch,
        "lines": _done(known) + waiting,
        "valid": known.recorded + (0 if finished else waiting - trial.fault_count),
        "recorded": known.recorded,
        "unchanged": known.unchanged,
        "left_out": known.left_out,
        "faults": trial.faults,
        "fault_count": trial.fault_count,
        "finished": finished,
        "seq": seq,
    }
