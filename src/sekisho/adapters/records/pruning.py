"""Pruning the audit log: records older than the policy go, in whole bundles, and what they proved stays.

In this order, so that whatever breaks in between leaves a log that verifies, or one that says what to do:

(1) the tree is verified from its first record on: nothing that does not verify is pruned;
(2) a record says what is going to be pruned, and the tree is signed over that record;
(3) the anchor, whose hash is in the record, goes into the database and the tree's folder;
(4) the rows go, in short transactions, the oldest first; then the bundles and tiles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import sqlalchemy as sa

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_large_pages import EVERYBODY
from sekisho.adapters.records.audit_search import kept_anchor, newest_seq, pruning_record
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.tables import audit_head, audit_pruned, audit_record, audit_subject, audit_subject_ref
from sekisho.audit_verify.tree import verify_tree
from sekisho.domain.chain import Walk
from sekisho.domain.checkpoint import parse_checkpoint
from sekisho.domain.note import parse_note
from sekisho.domain.pruning import PRUNE_KIND, Anchor, AnchorError, anchor_after
from sekisho.domain.record import REF_BYTES, micros, timestamp
from sekisho.domain.tlog import TILE_WIDTH, Frontier
from sekisho.errors import AuditUnavailable, InvalidRequest
from sekisho.ports import AuditEntry

_ROWS: Final = 1_000  # of one transaction, and people of about so many; writers wait meanwhile on SQLite
_REFS: Final = 20_000
_REST_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What would go: the records from *first* up to the minimum index, none when it is below *first*."""

    first: int
    minimum_index: int

    @property
    def records(self) -> int:
        """How many records would go."""
        return max(0, self.minimum_index - self.first + 1)


async def plan_pruning(database: Database, tree: AuditTree, before: datetime) -> PrunePlan:
    """Return what may go of what was recorded before *before*.

    That is whole bundles before the first record that is young enough, as far as the newest signed checkpoint
    reaches, and where witnesses sign, the newest that they signed: else they could not be shown that it only grew.

    Raises ``AuditUnavailable`` when the log cannot be read.
    """
    checkpoint = await asyncio.to_thread(tree.files.witnessed) or await tree.published()
    signed = 0 if checkpoint is None else parse_checkpoint(parse_note(checkpoint).text).size

    def look(connection: sa.Connection) -> PrunePlan:
        table = audit_record.c
        young = connection.execute(sa.select(sa.func.min(table.seq)).where(table.at >= micros(before))).scalar()
        upto = newest_seq(connection) if young is None else int(young) - 1
        anchor = kept_anchor(connection)
        begin = 0 if anchor is None else anchor.size
        return PrunePlan(begin + 1, max(begin, min(upto, signed) // TILE_WIDTH * TILE_WIDTH))

    try:
        return await database.read(look)
    except DatabaseFailed:
        raise AuditUnavailable("the audit log cannot be read now") from None


async def prune(
    log: SqlAuditLog, tree: AuditTree, keeper: Database, before: datetime, fields: Mapping[str, object]
) -> PrunePlan:
    """Prune what :func:`plan_pruning` says, and finish what an earlier attempt left.

    Parameters
    ----------
    keeper:
        The own database, under a role that may delete what the log says was pruned.
    fields:
        What the record says besides: under which policy, and who did it.

    Raises
    ------
    InvalidRequest
        When the log does not verify, the keeper may not delete, or no record says what an earlier attempt left.
    AuditUnavailable
        When the log cannot be read or written.
    """
    try:
        if not await keeper.read(_may_delete):
            raise InvalidRequest("This role may not delete from the audit log; name the keeper with --as.")
        left = await log.database.read(_stated)
        if left is not None:
            await _remove(keeper, tree, left)
        plan = await plan_pruning(log.database, tree, before)
        if not plan.records:
            return plan
        anchor = await asyncio.to_thread(_anchor_at, tree, log.keyring.verification_key(), plan.minimum_index)
        said = {**fields, **anchor.statement(), "before": timestamp(before), "records": plan.records}
        receipt = await log.append(AuditEntry(PRUNE_KIND, said))
        await log.settled()
        note = await tree.advance()
        if parse_checkpoint(parse_note(note).text).size < receipt.seq:
            raise AuditUnavailable("the audit log's tree does not reach its newest record; run this again")
        await log.database.run(partial(_keep, anchor))
        await _remove(keeper, tree, anchor)
    except DatabaseFailed:
        raise AuditUnavailable("the audit log cannot be pruned now; run this again") from None
    except OSError:
        raise AuditUnavailable("the folder of the audit log's tree takes or gives nothing now") from None
    return plan


def _anchor_at(tree: AuditTree, vkey: str, size: int) -> Anchor:
    """Verify the tree, and return the anchor of its first *size* records."""
    found: list[Anchor] = []

    def passing(frontier: Frontier, walk: Walk) -> None:
        if frontier.size != size:
            return
        newest = walk.newest
        assert newest is not None  # noqa: S101 - a record was just read
        ends = {name: (chain.size, chain.value) for name, chain in walk.chains.items()}
        last = (newest.writer, newest.size, newest.value)
        found.append(anchor_after(frontier, last, {**walk.earlier, **ends}))

    with tree.files.at_hand() as folder:
        verdict = verify_tree(folder, vkey, passing=passing)
    if not verdict.ok or not found:
        raise InvalidRequest(f"Nothing was pruned, because the log's tree does not verify: {verdict.finding}.")
    return found[0]


def _keep(anchor: Anchor, connection: sa.Connection) -> None:
    connection.execute(sa.insert(audit_pruned).values(minimum_index=anchor.size, anchor=anchor.to_json()))


def _may_delete(connection: sa.Connection) -> bool:
    if connection.dialect.name != "postgresql":
        return True
    asked = "SELECT has_table_privilege('audit_record', 'DELETE')"
    return bool(connection.execute(sa.text(asked)).scalar_one())


def _stated(connection: sa.Connection) -> Anchor | None:
    """Return the anchor of an earlier pruning. Raises ``InvalidRequest`` when no record states it.

    Whoever may write to the table could name any beginning there, and have the keeper delete it for them.
    """
    try:
        anchor = kept_anchor(connection)
    except AnchorError as error:
        raise InvalidRequest(f"Nothing was pruned, because {error}.") from None
    if anchor is not None and pruning_record(anchor, connection) is None:
        raise InvalidRequest(
            "Nothing was pruned, because no record of the log says that its beginning was, as `audit_pruned` has it."
        )
    return anchor


async def _remove(keeper: Database, tree: AuditTree, anchor: Anchor) -> None:
    """Delete the rows of what was pruned, then its files. Harmless when they are gone.

    The anchor comes first: an earlier attempt may have ended when it was in the database alone.
    """
    await asyncio.to_thread(tree.files.keep_anchor, anchor.to_json())
    more = True
    while more:
        more = await keeper.run(partial(_delete_some, anchor.size))
        await asyncio.sleep(_REST_S)
    await keeper.run(partial(_delete_heads, anchor))
    await asyncio.to_thread(tree.files.prune, anchor.size)


def _delete_some(minimum: int, connection: sa.Connection) -> bool:
    """Delete the oldest rows that were pruned; return whether there may be more."""
    record, subject, index = audit_record.c, audit_subject.c, audit_subject_ref.c
    seqs = connection.execute(
        sa.select(record.seq).where(record.seq <= minimum).order_by(record.seq).limit(_ROWS)
    ).scalars().all()  # fmt: skip
    if not seqs:
        return False
    last, pairs = seqs[-1], []
    # A large record stands in the index once, whoever it is about: its references need not be read.
    large = sa.exists().where(index.ref == EVERYBODY, index.seq == subject.seq)
    found = connection.execute(
        sa.select(subject.seq, subject.refs).where(subject.seq <= last, ~large).order_by(subject.seq)
        .execution_options(yield_per=100)
    )  # fmt: skip
    for seq, refs in found:
        pairs += [{"r": bytes(refs[at : at + REF_BYTES]), "s": seq} for at in range(0, len(refs), REF_BYTES)]
        if len(pairs) >= _REFS:
            last = seq
            break
    found.close()
    connection.execute(sa.delete(audit_subject_ref).where(index.ref == EVERYBODY, index.seq <= last))
    if pairs:
        connection.execute(
            sa.delete(audit_subject_ref).where(index.ref == sa.bindparam("r"), index.seq == sa.bindparam("s")), pairs
        )
    connection.execute(sa.delete(audit_subject).where(subject.seq <= last))
    connection.execute(sa.delete(audit_record).where(record.seq <= last))
    return True


def _delete_heads(anchor: Anchor, connection: sa.Connection) -> None:
    """Delete the heads of pruned records; those outside the database stay, and are held against the anchor."""
    head = audit_head.c
    ends = [{"w": writer, "n": size} for writer, (size, _) in anchor.chains.items()]
    connection.execute(
        sa.delete(audit_head).where(head.writer == sa.bindparam("w"), head.wseq < sa.bindparam("n")), ends
    )
    connection.execute(sa.delete(audit_pruned).where(audit_pruned.c.minimum_index < anchor.size))
