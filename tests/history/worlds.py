"""Logs as they come to be: several writers at once, heartbeats, a tree that follows, witnesses, exports, proofs.

A *world* is one log and all that lies about of it. At each *stage* everything was copied, as a backup or a reader
would have it; a later stage continues the one before.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_export import export_audit
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.exports.proving import TreeProving
from sekisho.audit_verify import saved_notes
from sekisho.domain.audit_export import ExportFormat, ExportOrder
from sekisho.domain.checkpoint import Checkpoint, format_proof, hash_lines, parse_checkpoint, with_signatures
from sekisho.domain.note import Head, parse_head, parse_key, parse_note
from sekisho.domain.record import StoredRecord, subject_ref
from sekisho.domain.witness_policy import WitnessPolicy, policy_of
from sekisho.ports import AuditEntry, AuditQuery
from sekisho.witness import Memory, Witness

DATABASE, HEADS, TREE, EXPORT, CSV, RANGE = "own.db", "heads", "tree", "export", "csv", "range"
START = datetime(1970, 1, 1, tzinfo=UTC)
PEOPLE = [subject_ref(b"r" * 32, number) for number in range(20)]
KINDS = ("access.release", "access.deny", "consent.withdraw", "policy.activate", "audit.search")


@dataclass(frozen=True)
class Stage:
    """The files of a log at one time."""

    folder: Path
    size: int
    checkpoint: str
    proofs: tuple[Path, ...]

    @property
    def heads(self) -> list[Head]:
        """The heads saved outside the database."""
        return [parse_head(parse_note(note).text) for note in saved_notes(self.folder / HEADS)]

    def rows(self) -> list[StoredRecord]:
        """Every stored row."""
        return rows_of(self.folder / DATABASE)


@dataclass
class World:
    """One log: its key, what it was at each stage, and the witnesses that saw it."""

    name: str
    keys: FileKeyRing
    stages: list[Stage] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)

    @property
    def vkey(self) -> str:
        """The log's public key."""
        return self.keys.verification_key()

    @property
    def last(self) -> Stage:
        """The newest stage, at which everything was closed in order."""
        return self.stages[-1]

    def policy(self, *numbers: int) -> WitnessPolicy:
        """Return the policy that demands these witnesses, all of them when none is named."""
        return policy_of([self.witnesses[number].key for number in numbers or range(len(self.witnesses))], None)


def rows_of(database: Path) -> list[StoredRecord]:
    """Return every stored row of a database."""
    with closing(sqlite3.connect(database)) as connection:
        return [
            StoredRecord._make(row)
            for row in connection.execute(
                "SELECT seq, id, writer, wseq, at, kind, requester, purpose, decision, record, chain"
                " FROM audit_record ORDER BY seq"
            )
        ]


def build_world(empty: str, folder: Path, name: str, seed: int, bursts: int, keys: Path | None = None) -> World:
    """Return a log that was written, read and watched, in a copy of the database *empty*.

    *keys* are those of another log when it is to share them.
    """
    home = folder / name
    home.mkdir()
    if keys is None:
        ring = FileKeyRing.create(home / "keys", log_name=f"{name}.example/audit")
    else:
        shutil.copytree(keys, home / "keys")
        ring = FileKeyRing(home / "keys")
    shutil.copyfile(empty, home / DATABASE)
    world = World(name, ring)
    asyncio.run(_Live(world, home, random.Random(seed), bursts).run())
    return world


class _Live:
    """A log that is being written."""

    def __init__(self, world: World, home: Path, draw: random.Random, bursts: int) -> None:
        self.world, self.home, self.draw, self.bursts = world, home, draw, bursts
        self.ids: list[str] = []

    async def run(self) -> None:
        logs = {parse_key(self.world.vkey)}
        for number in range(2):
            memory = Memory(self.home / f"witness-{number}", f"{self.world.name}.example/w{number}")
            self.world.witnesses.append(Witness(memory, list(logs)))
        async with AsyncExitStack() as stack:
            self.database = Database(f"sqlite:///{self.home}/{DATABASE}")
            stack.push_async_callback(self.database.close)
            self.tree = AuditTree(self.database, self.world.keys, self.home / TREE, self.home / HEADS)
            async with self.writer(heartbeat=0.02) as early:
                await self.heartbeat(early)
            # The next two overlap; the second outlives the first; another begins when the first has ended.
            async with self.writer() as second:
                async with self.writer() as first:
                    await self.write(first, second)
                    await self.keep(second, witnesses=(0, 1))
                    await self.write(second, first)
                async with self.writer() as third:
                    await self.write(third, second)
                    await self.keep(third, witnesses=(0, 1))
                    await self.write(second, third)
                    await self.export(third)
            await self.keep(None, witnesses=())  # the newest checkpoint is ahead of the witnesses
        for witness in self.world.witnesses:
            witness._memory.close()

    @asynccontextmanager
    async def writer(self, heartbeat: float = 3_600) -> AsyncIterator[SqlAuditLog]:
        """A writer; the copies are taken while none of them writes by itself."""
        heads = self.home / HEADS
        log = SqlAuditLog(self.database, self.world.keys, SystemClock(), heads, heartbeat_seconds=heartbeat)
        await log.start()
        try:
            yield log
        finally:
            await log.close()

    async def write(self, *logs: SqlAuditLog) -> None:
        """Let *logs* write by turns, some records alone and some in one commit."""
        for _ in range(self.bursts):
            log, count = self.draw.choice(logs), self.draw.choice((1, 1, 2, 5))
            self.ids += [
                receipt.id for receipt in await asyncio.gather(*(log.append(self.entry()) for _ in range(count)))
            ]

    def entry(self) -> AuditEntry:
        people = self.draw.sample(PEOPLE, self.draw.randrange(5))
        fields: dict[str, object] = {
            "requester": self.draw.choice(("recommender", "analyst", "監査人")),
            "purpose": self.draw.choice(("recommendation", "newsletter")),
            "decision": self.draw.choice(("permit", "deny")),
            "rows": self.draw.randrange(1_000),
        }
        return AuditEntry(self.draw.choice(KINDS), fields | ({"subjects": people} if people else {}))

    async def heartbeat(self, log: SqlAuditLog) -> None:
        """Wait until a writer said that it is there."""
        while not await log.search(AuditQuery(kind="writer.heartbeat")):  # noqa: ASYNC110 - it says so nowhere else
            await asyncio.sleep(0.01)

    async def export(self, log: SqlAuditLog) -> None:
        """Export everything, a range of it, and everything in another form."""
        rows = rows_of(self.home / DATABASE)
        begin, end = (START + timedelta(microseconds=row.at) for row in (rows[len(rows) // 4], rows[len(rows) // 2]))
        for name, order in (
            (EXPORT, ExportOrder(ExportFormat.RAW, None, None)),
            (RANGE, ExportOrder(ExportFormat.RAW, begin, end)),
            (CSV, ExportOrder(ExportFormat.CSV, None, None)),
        ):
            await export_audit(log, order, self.home / name, proving=TreeProving(self.tree))

    async def keep(self, log: SqlAuditLog | None, witnesses: tuple[int, ...]) -> None:
        """Go on with the tree, let witnesses see it, and copy everything."""
        if log is not None:
            assert await log.settled()
        note = await self.tree.advance()
        for number in witnesses:
            line = ask(self.world.witnesses[number], note, self.tree.prover(note))
            assert line is not None
            note = with_signatures(note, [line])
        if witnesses:
            await self.tree.publish(note, witnessed=True)
        folder = self.home / f"stage-{len(self.world.stages)}"
        folder.mkdir()
        source, target = sqlite3.connect(self.home / DATABASE), sqlite3.connect(folder / DATABASE)
        with closing(source), closing(target):
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
        for name in (HEADS, TREE, EXPORT, CSV, RANGE):
            if (self.home / name).exists():
                shutil.copytree(self.home / name, folder / name)
        proofs: list[Path] = []
        for record_id in self.draw.choices(self.ids, k=4):
            path = folder / f"{len(proofs)}.tlog-proof"
            path.write_text(format_proof(await self.tree.proof_of(record_id)), "utf-8")
            proofs.append(path)
        self.world.stages.append(Stage(folder, checkpoint_of(note).size, note, tuple(proofs)))


def checkpoint_of(note: str) -> Checkpoint:
    """Return the checkpoint of a note."""
    return parse_checkpoint(parse_note(note).text)


def ask(witness: Witness, note: str, prove: Callable[[int], list[bytes]]) -> str | None:
    """Ask *witness* to sign *note*; return its line, or ``None`` when it refuses."""
    origin = checkpoint_of(note).origin
    known = witness._memory.latest(origin)
    old = 0 if known is None else known.size
    try:
        proof = prove(old)
    except ValueError:
        proof = []
    answer = witness.add_checkpoint(f"old {old}\n{hash_lines(proof)}\n{note}".encode())
    return answer.text if answer.status == 200 else None
