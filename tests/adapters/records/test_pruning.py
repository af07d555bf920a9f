"""A pruned log proves what it kept, and that nothing but what a record says was taken from its beginning."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import audit_subjects, pruning
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_export import export_audit
from sekisho.adapters.records.audit_large_pages import EVERYBODY
from sekisho.adapters.records.audit_search import stored_anchor, stored_heads, stored_records, stored_subjects
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.exports.proving import TreeProving
from sekisho.adapters.records.monthly import SqlMonthlyRecords
from sekisho.adapters.records.pruning import PrunePlan, plan_pruning, prune
from sekisho.adapters.records.tables import audit_head, audit_pruned, audit_record, audit_subject_ref
from sekisho.audit_verify import Outcome, Verdict, saved_notes, verify_export, verify_rows, verify_tree
from sekisho.audit_verify.tree import included
from sekisho.domain.audit_export import ExportFormat, ExportOrder
from sekisho.domain.chain import BrokenChainError, Walk
from sekisho.domain.month import Month
from sekisho.domain.pruning import Anchor, parse_anchor
from sekisho.domain.record import subject_ref
from sekisho.domain.tlog import check_consistency
from sekisho.errors import AuditUnavailable, InvalidRequest, NotFound
from sekisho.ports import AuditEntry, AuditQuery
from tests.adapters.records.export_world import START, SetClock, opened_log, release
from tests.adapters.records.tree_world import change, folder_of, read, records

POLICY: dict[str, object] = {"by": "somebody", "policy": {"keep_days": 30}}
OLD, LATER = START + timedelta(days=10), START + timedelta(days=40)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def log(database: Database, keys: FileKeyRing, tmp_path: Path, clock: SetClock) -> AsyncIterator[SqlAuditLog]:
    """A log of three writers: one that ended long ago, one whose chain goes over the limit, and a young one."""
    async with opened_log(database, keys, tmp_path, clock) as ended:
        await fill(ended, 100)
    async with opened_log(database, keys, tmp_path, clock) as goes_on:
        await fill(goes_on, 250)
        clock.instant = OLD
        await fill(goes_on, 60)
        async with opened_log(database, keys, tmp_path, clock) as young:
            await fill(young, 5)
            await fill(goes_on, 5)
            yield young


async def fill(log: SqlAuditLog, count: int) -> None:
    """Record so many releases, each about two people."""
    people = [subject_ref(b"r" * 32, number) for number in (1, 2)]
    await asyncio.gather(*(log.append(release(number % 5, subjects=people)) for number in range(count)))


async def verified(database: Database, keys: FileKeyRing, folder: Path, since: str | None = None) -> Verdict:
    """What the verifier says of the database."""
    saved = saved_notes(folder / "heads")
    return await database.read(
        lambda connection: verify_rows(
            stored_records(connection),
            list(stored_heads(connection)),
            stored_subjects(connection),
            saved,
            keys.verification_key(),
            since=since,
            later=lambda: saved_notes(folder / "heads"),
            anchor=stored_anchor(connection),
        )
    )


async def pruned(log: SqlAuditLog, tree: AuditTree, database: Database) -> PrunePlan:
    """Prune the log as the command does."""
    await tree.advance()
    plan = await prune(log, tree, database, OLD, POLICY)
    await log.settled()
    return plan


async def counted(database: Database, table: sa.Table) -> int:
    """How many rows a table has."""
    return await database.read(lambda c: c.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


async def test_a_pruned_log_verifies_and_goes_on(log, database, tree, keys, tmp_path):
    """Whole bundles are gone from rows, index and files; database and tree verify and say where they begin."""
    await log.search(AuditQuery(data_subject=subject_ref(b"r" * 32, 1)))  # so that there is an index
    before = await records(database)
    kept = await tree.advance()
    plan = await pruned(log, tree, database)
    assert (plan.first, plan.minimum_index, plan.records) == (1, 256, 256)
    after = await records(database)
    assert after[: len(before) - 256] == before[256:]
    low = sa.select(sa.func.min(audit_subject_ref.c.seq))
    assert await database.read(lambda c: c.execute(low).scalar_one()) > 256
    assert not (folder_of(tree) / "tile/entries/000").exists()
    assert not (folder_of(tree) / "tile/0/000").exists()
    said = next(json.loads(each) for each in after if b"retention.prune" in each)
    assert (said["minimum_index"], said["by"], said["policy"]) == (256, "somebody", {"keep_days": 30})
    begins = f"begins at record 257, pruned by record {said['seq']} on 2026-11-12"
    for _ in range(2):
        found = await verified(database, keys, tmp_path)
        assert (found.outcome, found.pruned, found.records) == (Outcome.OK, begins, len(await records(database)))
        newest = await tree.advance()
        found = verify_tree(folder_of(tree), keys.verification_key(), since=kept)
        assert (found.outcome, found.pruned) == (Outcome.OK, begins), found
        old, new = (read(note) for note in (kept, newest))
        check_consistency(old.size, old.root, new.size, new.root, await tree.consistency(old.size, new.size))
        await fill(log, 300)  # it grows on over the next tile


async def test_each_kept_record_is_proved_and_a_pruned_one_is_not_found(log, database, tree):
    """Every proof of a record that is kept can be made without what was dropped."""
    old = json.loads((await records(database))[0])["id"]
    await pruned(log, tree, database)
    note = await tree.advance()
    checkpoint = read(note)
    for record in await records(database):
        proof = await tree.proof_of(json.loads(record)["id"])
        included(record, proof, checkpoint)
    with pytest.raises(NotFound):
        await tree.proof_of(old)


@pytest.mark.parametrize("form", [ExportFormat.RAW, ExportFormat.CSV])
async def test_an_export_of_a_pruned_log_carries_the_proof(log, database, tree, keys, tmp_path, form):
    """It says where the log begins; without the proof, or with that of another pruning, it is refused."""
    await pruned(log, tree, database)
    await export_audit(log, ExportOrder(form), tmp_path / "out", proving=TreeProving(tree))
    verdict = verify_export(tmp_path / "out", keys.verification_key())
    assert verdict.ok, verdict
    assert verdict.pruned.startswith("begins at record 257, pruned by record ")
    assert verdict.proved == verdict.records == len(await records(database))
    await export_audit(log, ExportOrder(form), tmp_path / "bare")  # as if the tree answered nothing
    verdict = verify_export(tmp_path / "bare", keys.verification_key())
    assert verdict.outcome is Outcome.INCOMPLETE
    assert "begins at record 257" in verdict.finding
    await export_audit(log, ExportOrder(form, since=OLD), tmp_path / "late")
    assert verify_export(tmp_path / "late", keys.verification_key()).ok


@pytest.mark.parametrize("how", ["rows", "rows and anchor", "anchor of less", "forged anchor", "the record too"])
async def test_a_beginning_that_no_record_gave_away_is_missed(log, database, tree, keys, tmp_path, how):
    """With full rights the first rows are deleted: without the record that says so, or for more than it says."""
    cut = "DELETE FROM audit_subject WHERE seq <= {0}", "DELETE FROM audit_record WHERE seq <= {0}"
    if how == "rows":
        await change(database, *(each.format(256) for each in cut))
    elif how == "anchor of less":
        await pruned(log, tree, database)
        await change(database, *(each.format(300) for each in cut))
    else:
        await tree.advance()
        anchor = pruning._anchor_at(tree, keys.verification_key(), 256)
        await change(database, *(each.format(256) for each in cut), "DELETE FROM audit_pruned")
        if how == "forged anchor":
            anchor = parse_anchor(anchor.to_json())
            writer, size, chain = anchor.last
            anchor = Anchor(anchor.size, anchor.edge, (writer, size, chain[::-1]), anchor.chains)
        await database.run(lambda connection: pruning._keep(anchor, connection))
        if how == "the record too":  # put at the end by an intruder, who has no key
            await change(database, "UPDATE audit_record SET kind = 'retention.prune' WHERE seq = 300")
    found = await verified(database, keys, tmp_path)
    assert found.outcome is Outcome.TAMPERED, found
    assert found.pruned == "" or how == "anchor of less"


async def test_a_tree_whose_beginning_was_cut_is_refused(log, database, tree, keys):
    """Without the anchor bundles are missing; with one that no record states, the log is not what was written."""
    await tree.advance()
    anchor = pruning._anchor_at(tree, keys.verification_key(), 256)
    key = keys.verification_key()
    tree.files.prune(256)
    assert verify_tree(folder_of(tree), key).outcome is Outcome.INCOMPLETE
    tree.files.keep_anchor(anchor.to_json())
    found = verify_tree(folder_of(tree), key)
    assert found.outcome is Outcome.TAMPERED
    assert "no record says" in found.finding
    tree.files.keep_anchor(anchor.to_json()[:-1])
    assert verify_tree(folder_of(tree), key).outcome is Outcome.TAMPERED


async def test_a_head_of_a_pruned_writer_is_held_against_what_is_kept(log, database, tree, keys, tmp_path):
    """A saved head of a writer that is gone agrees with the anchor; a head that it contradicts is found."""
    await pruned(log, tree, database)
    ended = next(path for path in (tmp_path / "heads").glob("*.heads") if b"\n102\n" in path.read_bytes())
    assert (await verified(database, keys, tmp_path)).ok
    since = ended.read_text()
    found = await verified(database, keys, tmp_path, since=since)
    assert found.outcome is Outcome.INCOMPLETE  # heads of the middle of its chain speak of what is gone
    assert not found.unfinished
    last = since.rstrip("\n").split("\n\n")[-2:]
    assert (await verified(database, keys, tmp_path, since="\n\n".join(last) + "\n\n")).ok


async def test_an_old_checkpoint_can_no_longer_be_followed(log, database, tree, keys, tmp_path, clock):
    """Who kept a checkpoint of less than the minimum index is told that this cannot be shown any more."""
    other = AuditTree(database, keys, tmp_path / "other", tmp_path / "other-signed")
    small = await other.advance()
    await fill(log, 300)
    clock.instant = LATER
    await fill(log, 300)
    await tree.advance()
    await prune(log, tree, database, LATER, POLICY)
    found = verify_tree(folder_of(tree), keys.verification_key(), since=small)
    assert found.outcome is Outcome.INCOMPLETE
    assert "were pruned" in found.finding


async def test_a_log_is_pruned_again(log, database, tree, keys, tmp_path, clock):
    """The second pruning goes on from the first: one anchor is left, and the chains of both."""
    await pruned(log, tree, database)
    await fill(log, 500)
    clock.instant = LATER
    await fill(log, 300)
    await tree.advance()
    plan = await prune(log, tree, database, LATER, POLICY)
    assert plan.first == 257
    assert plan.minimum_index > 512
    await log.settled()
    assert await counted(database, audit_pruned) == 1
    anchor = parse_anchor(await database.read(stored_anchor) or b"")
    assert len(anchor.chains) == 3
    assert (await verified(database, keys, tmp_path)).ok
    assert verify_tree(folder_of(tree), keys.verification_key()).ok


async def test_a_lost_tree_folder_is_made_anew_from_the_anchor(log, database, tree, keys):
    """What was pruned is not needed to go on: the tree comes to what was signed."""
    await pruned(log, tree, database)
    note = await tree.advance()
    shutil.rmtree(folder_of(tree))
    assert read(await tree.advance()).root == read(note).root
    found = verify_tree(folder_of(tree), keys.verification_key())
    assert found.ok, found
    assert found.pruned
    for record in (await records(database))[:3]:
        await tree.proof_of(json.loads(record)["id"])


@pytest.mark.parametrize("at", range(5))
async def test_what_breaks_in_between_is_finished_by_the_next_run(
    log, database, tree, keys, tmp_path, monkeypatch, at
):
    """Wherever pruning breaks off, the log verifies or says what to do, and the next run finishes it."""
    monkeypatch.setattr(pruning, "_ROWS", 100)
    steps = iter(range(5))

    def breaking(of: object, name: str) -> None:
        done = getattr(of, name)

        def work(*args: object) -> object:
            if next(steps, 99) == at:
                raise OSError("broken off")
            return done(*args)

        monkeypatch.setattr(of, name, work)

    with monkeypatch.context() as patched:
        monkeypatch = patched
        for name in ("_keep", "_delete_some", "_delete_heads"):
            breaking(pruning, name)
        with pytest.raises(AuditUnavailable):
            await pruned(log, tree, database)
    await log.settled()
    found = await verified(database, keys, tmp_path)
    assert found.outcome is (Outcome.INCOMPLETE if at in {2, 3} else Outcome.OK), found
    assert found.unfinished is not found.ok
    await fill(log, 1)
    assert await tree.advance()
    assert verify_tree(folder_of(tree), keys.verification_key()).ok
    await pruned(log, tree, database)
    assert (await verified(database, keys, tmp_path)).pruned
    assert verify_tree(folder_of(tree), keys.verification_key()).pruned
    assert await counted(database, audit_pruned) == 1


async def test_a_chain_goes_on_where_it_was_pruned(log, database, tree, keys):
    """The first record that is kept of a writer must continue the chain that the anchor keeps."""
    await pruned(log, tree, database)
    anchor = parse_anchor(await database.read(stored_anchor) or b"")
    first = (await records(database))[0]
    assert Walk(marks={}, anchor=anchor).step(first)["seq"] == 257
    ends = {writer: (size, chain[::-1]) for writer, (size, chain) in anchor.chains.items()}
    with pytest.raises(BrokenChainError, match="where it was pruned"):
        Walk(marks={}, anchor=Anchor(anchor.size, anchor.edge, anchor.last, ends)).step(first)


@pytest.mark.parametrize("place", ["000", "001.p/*"])
async def test_nothing_is_pruned_that_does_not_verify(log, database, tree, place):
    """A tree in which a record was changed, one that would go or one that would stay, is evidence, and stays."""
    await tree.advance()
    (bundle,) = (folder_of(tree) / "tile/entries").glob(place)
    bundle.write_bytes(bundle.read_bytes().replace(b"recommender", b"recommendex", 1))
    with pytest.raises(InvalidRequest, match="does not verify"):
        await prune(log, tree, database, OLD, POLICY)
    assert len(await records(database)) > 256
    assert await counted(database, audit_pruned) == 0


async def test_the_plan_goes_no_further_than_what_is_signed_and_witnessed(log, database, tree, keys, clock):
    """Nothing unsigned goes, and nothing that the witnesses did not sign yet; whole bundles only; dry."""
    assert (await plan_pruning(database, tree, LATER)).records == 0
    note = await tree.advance()
    assert (await plan_pruning(database, tree, OLD)).minimum_index == 256
    assert (await plan_pruning(database, tree, START)).records == 0
    assert await tree.publish(note, witnessed=True)
    await fill(log, 400)
    clock.instant = LATER
    await fill(log, 1)
    await tree.advance()
    assert (await plan_pruning(database, tree, LATER)).minimum_index == 256
    assert len(await records(database)) > 700


async def test_the_heads_of_pruned_records_go_with_them(log, database, tree):
    """No head in the database speaks of a record that is gone."""
    assert await counted(database, audit_head) > 2
    await pruned(log, tree, database)
    gone = sa.select(audit_head.c.writer).where(
        ~sa.exists().where(audit_record.c.writer == audit_head.c.writer, audit_record.c.wseq == audit_head.c.wseq)
    )
    assert await database.read(lambda c: c.execute(gone).all()) == []


@pytest.mark.parametrize("most", [0, 16_384])
async def test_the_index_of_large_records_goes_with_them(log, database, tree, monkeypatch, most):
    """No row of the index is left, whether it stands for one person or for everybody of a large record."""
    monkeypatch.setattr(audit_subjects, "LARGE", most)
    await log.search(AuditQuery(data_subject=subject_ref(b"r" * 32, 1)))
    index, done = audit_subject_ref.c, list[sa.Table]()
    low = sa.select(sa.func.min(index.seq), sa.func.count()).where((index.ref == EVERYBODY) == (most == 0))
    first, before = await database.read(lambda c: c.execute(low).one())
    assert first <= 256
    delete = sa.delete

    def noting(table: sa.Table) -> sa.Delete:
        done.append(table)
        return delete(table)

    monkeypatch.setattr(sa, "delete", noting)
    await pruned(log, tree, database)
    first, after = await database.read(lambda c: c.execute(low).one())
    assert first > 256
    assert before > after > 0
    assert done.count(audit_subject_ref) == (1 if most == 0 else 2)  # of a large one no reference is looked for


@pytest.mark.parametrize("how", ["not stated", "changed"])
async def test_nothing_goes_by_an_anchor_that_no_record_states(log, database, tree, keys, how):
    """Whoever writes a beginning into the table, past the log, gets nobody to delete it."""
    await tree.advance()
    anchor = pruning._anchor_at(tree, keys.verification_key(), 256)
    kept = anchor.to_json() if how == "not stated" else anchor.to_json()[:-1]
    row = {"minimum_index": 256, "anchor": kept}
    await database.run(lambda connection: connection.execute(sa.insert(audit_pruned).values(row)))
    count = len(await records(database))
    with pytest.raises(InvalidRequest, match="Nothing was pruned"):
        await prune(log, tree, database, START, POLICY)
    assert len(await records(database)) == count


async def test_the_gateways_own_kinds_are_not_taken_for_a_pruning(log, database, tree, keys, tmp_path):
    """A record of that kind that speaks of something else lets nothing go."""
    await log.append(AuditEntry("retention.prune", {"minimum_index": 0}))
    await log.settled()
    assert (await verified(database, keys, tmp_path)).pruned == ""


async def test_a_month_that_was_pruned_says_so(log, database, tree, keys, tmp_path, clock):
    """The report of a month whose beginning may be gone names the first record that is kept; a later one is whole."""
    clock.instant = LATER
    await fill(log, 5)
    await pruned(log, tree, database)
    reading = SqlMonthlyRecords(database, keys, tree, tmp_path / "heads")
    for instant, outcome, says in (
        (START, Outcome.INCOMPLETE, "before record 257 was pruned"),
        (LATER, Outcome.OK, ""),
    ):
        read_ = await reading.read(Month.parse(f"{instant:%Y-%m}", ZoneInfo("UTC")), 1 << 60, lambda _done: None)
        assert read_.verdict.outcome is outcome, read_.verdict
        assert says in read_.verdict.finding
