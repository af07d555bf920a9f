"""Reads a month of the audit log once, in order: each record is checked, then counted.

Records are read in groups, each from a snapshot of its own, so that memory does not grow with the month and no
snapshot is held for long. Where the month begins and ends is decided by what the records say themselves; the columns
only say where to begin looking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import orjson
import sqlalchemy as sa

from sekisho.adapters.records.audit_batch import Tail
from sekisho.adapters.records.audit_seal import heads_to_come
from sekisho.adapters.records.audit_search import kept_anchor, newest_heads, newest_seq, records_after, span
from sekisho.adapters.records.audit_sink import open_tails
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.registers import voided
from sekisho.adapters.records.tables import audit_record, audit_subject
from sekisho.audit_verify.ranges import RangeCheck
from sekisho.audit_verify.trust import TrustedKey
from sekisho.audit_verify.verdict import Outcome
from sekisho.domain.month import Month
from sekisho.domain.monthly_tally import MonthlyTally, ProvisionKey
from sekisho.domain.note import HEADS_SUFFIX, MalformedNoteError, parse_head, parse_note
from sekisho.domain.record import StoredRecord, micros, moment
from sekisho.domain.witness_policy import WitnessPolicy
from sekisho.errors import AuditUnavailable
from sekisho.ports import KeyRing
from sekisho.ports.reports import MonthRead

T = TypeVar("T")

MOST_REFERENCES: Final = 5_000_000
"""References of people of all provisions of a month up to which the distinct people are counted."""

_GROUP: Final = 2_000
_REST: Final = 0.25  # share of its time that it leaves to others
_BEFORE: Final = 86_400_000_000  # withdrawals and writers are followed from a day before the month on
_AFTER: Final = 60_000_000  # clocks of writers differ: so long after the month its records are looked for
_ANY: Final = (1 << 63) - 1  # more records than a chain has
_CHUNK: Final = 200  # records whose people are read at a time


class SqlMonthlyRecords:
    """Implements ``ports.reports.MonthlyRecords`` over the audit log in *database*.

    Parameters
    ----------
    database:
        The own database; only read.
    keyring:
        Whose key must have signed the log.
    tree:
        The tree over the log; it is brought up to the newest record first, so that a checkpoint covers the month.
    heads:
        Folder of the heads that are saved outside the database.
    policy:
        Witnesses that are known, and how many of them are wanted.
    """

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        tree: AuditTree,
        heads: Path,
        policy: WitnessPolicy | None = None,
    ) -> None:
        self._database, self._tree, self._heads, self._policy = database, tree, heads, policy
        self._keyring, self._key = keyring, keyring.verification_key()

    async def read(self, month: Month, upto: int, told: Callable[[float], None]) -> MonthRead:
        """See the port."""
        with suppress(AuditUnavailable):  # what keeps the tree from going on is found by the check
            await self._tree.advance()
        try:
            with ExitStack() as hand:
                folder = await asyncio.to_thread(hand.enter_context, self._tree.files.at_hand())
                return await self._read(month, upto, told, folder)
        except OSError:
            raise AuditUnavailable("the audit log's tree cannot be read now") from None
        except DatabaseFailed:
            raise AuditUnavailable("the audit log cannot be read now") from None

    async def _read(self, month: Month, upto: int, told: Callable[[float], None], tree: Path) -> MonthRead:
        first, about = await self._database.read(partial(_bounds, month, upto))
        gone = await self._database.read(partial(_pruned, month))
        first = max(first, gone + 1)
        sizes = await self._database.read(partial(_writers, first, about))
        heads = await self._database.read(partial(_stored_heads, sizes))
        heads += await asyncio.to_thread(_saved_heads, self._heads, sizes)
        check = await asyncio.to_thread(RangeCheck, TrustedKey(self._key), first, heads, tree, self._policy)
        void = await self._database.read(partial(voided, since=first - 1))
        work = _Reading(month, about, check, MonthlyTally(month, void.__contains__))
        clock = asyncio.get_running_loop().time
        after, more = first - 1, True
        while more:
            began = clock()
            rows = await self._database.read(partial(records_after, after=after, upto=upto, limit=_GROUP))
            more = await asyncio.to_thread(work.take, rows)
            if rows:
                after = rows[-1].seq
            told(min(1.0, (after - first + 1) / max(1, about - first + 1)))
            await asyncio.sleep((clock() - began) * _REST)
        newest = await self._database.read(newest_seq)
        await self._sign_for(check)
        verdict = await asyncio.to_thread(check.end, newest)
        if gone and verdict.outcome is Outcome.OK:
            finding = f"what was before record {gone + 1} was pruned, and some of it may be of this month"
            verdict = replace(verdict, outcome=Outcome.INCOMPLETE, finding=finding)
        people = await self._people(work.tally)
        return MonthRead(work.tally, work.unreadable, people, verdict, self._key)

    async def _sign_for(self, check: RangeCheck) -> None:
        """Look for heads that reach the ends of the chains that were read: in the database, then outside it.

        A writer signs after it committed; until its head is in the database, its tail there says the same.
        """
        ends = check.unsigned()
        if ends:
            heads, tails = await self._database.read(partial(_later_heads, _onwards(ends)))
            heads += await asyncio.to_thread(heads_to_come, self._keyring, tails)
            ends = await asyncio.to_thread(check.unsigned, heads)
        if ends:
            heads = await asyncio.to_thread(_saved_heads, self._heads, _onwards(ends))
            await asyncio.to_thread(check.unsigned, heads)

    async def _people(self, tally: MonthlyTally) -> Mapping[ProvisionKey, int] | None:
        if sum(provided.references for provided in tally.provided.values()) > MOST_REFERENCES:
            return None
        return {
            key: await self._database.read(partial(_distinct, list(provided.seqs)))
            for key, provided in tally.provided.items()
        }


class _Reading:
    """The records on their way from the check to the figures."""

    def __init__(self, month: Month, about: int, check: RangeCheck, tally: MonthlyTally) -> None:
        self.tally, self.unreadable = tally, 0
        self._check, self._about = check, about
        self._over = micros(month.until) + _AFTER

    def take(self, rows: list[StoredRecord]) -> bool:
        """Take the next records; return whether more of the month may follow."""
        for row in rows:
            record = self._check.step(row)
            try:
                at = self._count(record)
            except (KeyError, TypeError, ValueError, AttributeError):
                self.unreadable += 1
                continue
            if at > self._over and row.seq >= self._about:  # before that, it is a clock that is fast
                return False
        return len(rows) == _GROUP

    def _count(self, record: dict[str, Any] | None) -> int:
        if record is None:
            raise ValueError("not a record")
        self.tally.add(record)
        return moment(record["at"])


def _bounds(month: Month, upto: int, connection: sa.Connection) -> tuple[int, int]:
    """Return with which record to begin, and about where the month ends."""
    low, high = micros(month.since) - _BEFORE, micros(month.until)
    found = span(connection, low, high)
    if found is not None and found.first <= upto:
        first = found.first
    else:
        at = audit_record.c.at
        newest = sa.select(sa.func.max(audit_record.c.seq)).where(at < low)
        first = (connection.execute(newest).scalar() or 0) + 1
    while first > 1 and _begins_later(connection, first - 1, low):
        first = max(1, first - _GROUP)
    return first, min(upto, found.last if found is not None else first - 1)


def _pruned(month: Month, connection: sa.Connection) -> int:
    """Return how many records of the log were pruned, 0 when none of them can be of the month."""
    anchor = kept_anchor(connection)
    if anchor is None:
        return 0
    oldest = connection.execute(sa.select(audit_record.c.at).order_by(audit_record.c.seq).limit(1)).scalar()
    return 0 if oldest is not None and oldest < micros(month.since) - _AFTER else anchor.size


def _begins_later(connection: sa.Connection, seq: int, low: int) -> bool:
    """Return whether record *seq* says itself that it belongs to the range: its column said something else then."""
    record = connection.execute(sa.select(audit_record.c.record).where(audit_record.c.seq == seq)).scalar()
    try:
        return record is not None and moment(orjson.loads(bytes(record))["at"]) >= low
    except (KeyError, TypeError, ValueError):
        return True


def _writers(first: int, last: int, connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """Return, for each writer of the range, the size of its chain before the range, and at its end."""
    table = audit_record.c
    rows = connection.execute(
        sa.select(table.writer, sa.func.min(table.wseq), sa.func.max(table.wseq))
        .where(table.seq >= first, table.seq <= last)
        .group_by(table.writer)
    )
    return {writer: (low, high + 1) for writer, low, high in rows}


def _stored_heads(sizes: Mapping[str, tuple[int, int]], connection: sa.Connection) -> list[str]:
    notes = newest_heads(connection, {writer: high for writer, (_, high) in sizes.items()})
    return [note for note in notes if _speaks_of(note, sizes)]


def _onwards(ends: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return *ends* so that heads speak of them which count as many records, or more."""
    return {writer: (size - 1, _ANY) for writer, size in ends.items()}


def _later_heads(sizes: Mapping[str, tuple[int, int]], connection: sa.Connection) -> tuple[list[str], list[Tail]]:
    tails = [tail for tail in open_tails(connection) if sizes.get(tail.writer, (_ANY,))[0] <= tail.wseq]
    return _stored_heads(sizes, connection), tails


def _saved_heads(folder: Path, sizes: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return, of each writer, the newest head saved outside the database that speaks of the range."""
    found = []
    for writer in sizes:
        newest = None
        for note in _notes(folder / f"{writer}{HEADS_SUFFIX}"):
            if _speaks_of(note, sizes):
                newest = note
        if newest is not None:
            found.append(newest)
    return found


def _notes(path: Path) -> Iterator[str]:
    """Yield the notes of a file of heads, one at a time: a long run has very many."""
    if not path.is_file():
        return
    with path.open("r", encoding="utf-8", errors="replace", newline="\n") as file:
        lines: list[str] = []
        blanks = 0
        for line in file:
            blanks += line == "\n"
            if blanks == 2:
                yield "".join(lines)
                lines, blanks = [], 0
            else:
                lines.append(line)


def _speaks_of(note: str, sizes: Mapping[str, tuple[int, int]]) -> bool:
    try:
        head = parse_head(parse_note(note).text)
    except MalformedNoteError:
        return True  # the check says that it is damaged
    low, high = sizes.get(head.writer, (0, 0))
    return low < head.size <= high


def _distinct(seqs: Sequence[int], connection: sa.Connection) -> int:
    """Return how many distinct people are noted beside the records *seqs*."""
    table, people = audit_subject.c, np.empty((0, 2), np.uint64)
    for start in range(0, len(seqs), _CHUNK):
        found = connection.scalars(sa.select(table.refs).where(table.seq.in_(seqs[start : start + _CHUNK])))
        refs = np.frombuffer(b"".join(map(bytes, found)), np.uint64).reshape(-1, 2)
        people = np.unique(np.concatenate([people, refs]), axis=0)
    return len(people)
