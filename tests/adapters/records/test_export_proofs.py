"""Exports of every form prove each of their records to be in the tree that the log, and its witnesses, signed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_export import export_audit
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.exports import proving, writing
from sekisho.adapters.records.exports.proving import Covering, TreeProving
from sekisho.audit_verify import Outcome, verify_export, verify_path
from sekisho.audit_verify.witnesses import read_policy
from sekisho.domain.audit_export import EVENTS_FILES, ExportFilters, ExportFormat, ExportOrder
from sekisho.domain.checkpoint import Checkpoint, cosignature_line, sign_checkpoint, with_signatures
from sekisho.domain.note import (
    COSIGNATURE,
    VerificationKey,
    format_key,
    key_id,
    parse_key,
    parse_note,
    seal_text,
    sign_note,
)
from sekisho.domain.range_proof import GrowingRoot, hidden_lines, parse_line, subtrees
from sekisho.domain.tlog import Nodes, ProofError, leaf_hash, tree_root
from sekisho.domain.witness_policy import WitnessPolicy
from sekisho.ports import AuditEntry
from tests.adapters.records.export_world import SetClock, fill, opened_log, release, seqs_in, stored
from tests.adapters.records.tree_world import folder_of

FORMS = list(ExportFormat)
WITNESS = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
_PUBLIC = WITNESS.public_key().public_bytes_raw()
WITNESS_KEY = VerificationKey("w.example", key_id("w.example", _PUBLIC, COSIGNATURE), _PUBLIC, COSIGNATURE)
FEW = ExportFilters(kind="access.deny")


@pytest.fixture
def database_kind() -> str:
    """The tree is the same over both; this saves half the time."""
    return "sqlite"


@pytest.fixture
async def log(database: Database, keys: FileKeyRing, tmp_path: Path) -> AsyncIterator[SqlAuditLog]:
    """A log with a record of each kind, and more than a tile of them."""
    clock = SetClock()
    async with opened_log(database, keys, tmp_path, clock) as opened:
        await fill(opened, clock)
        await asyncio.gather(*(opened.append(release(number % 7)) for number in range(300)))
        yield opened


@pytest.fixture
def policy() -> WitnessPolicy:
    """A policy that demands the witness."""
    return read_policy([format_key(WITNESS_KEY.name, WITNESS_KEY.public, COSIGNATURE)], None)


def cosigned(note: str) -> str:
    """The note with the witness's signature."""
    return with_signatures(note, [cosignature_line(parse_note(note).text, 1_793_836_800, WITNESS_KEY, WITNESS.sign)])


def nodes_of(leaves: Sequence[bytes]) -> Nodes:
    """The hashes of the tree over *leaves*."""
    return lambda level, place: tree_root(leaves[place << level : (place + 1) << level])


@pytest.mark.parametrize("filters", [ExportFilters(), FEW], ids=["all", "few"])
@pytest.mark.parametrize("form", FORMS)
async def test_each_event_is_proved(log, tree, keys, tmp_path, monkeypatch, form, filters):
    """Whatever is filtered out and however the groups fall, every event that is left has its proof."""
    if form is ExportFormat.RAW and filters.named:
        return
    monkeypatch.setattr(writing, "_GROUP", 17)
    monkeypatch.setattr(proving, "_TILES", 1)
    done = await export_audit(log, ExportOrder(form, filters=filters), tmp_path / "out", proving=TreeProving(tree))
    verdict = verify_export(tmp_path / "out", keys.verification_key())
    assert verdict.ok, verdict
    assert verdict.proved == done.records == len(seqs_in(tmp_path / "out", form)) > 0


async def test_a_range_without_holes_takes_few_hashes(log, tree, tmp_path):
    """The proof of a whole range says the hashes beside it and no more, where the events are the records."""
    await export_audit(log, ExportOrder(ExportFormat.RAW), tmp_path / "out", proving=TreeProving(tree))
    assert (tmp_path / "out" / "proofs").read_text().count("\n") <= 2 + 9


@pytest.mark.parametrize("form", FORMS)
async def test_the_witnesses_signature_on_the_checkpoint_of_an_export_is_demanded(
    log, tree, keys, tmp_path, policy, form
):
    """Without their signature the export is not trusted; with it, or one under an earlier checkpoint, it is."""
    key, order = keys.verification_key(), ExportOrder(form)
    await export_audit(log, order, tmp_path / "none", proving=TreeProving(tree))
    assert verify_path(tmp_path / "none", key, policy=policy).outcome is Outcome.UNTRUSTED
    await export_audit(log, order, tmp_path / "bare")
    assert verify_path(tmp_path / "bare", key, policy=policy).outcome is Outcome.UNTRUSTED
    note = await tree.advance()
    assert await tree.publish(cosigned(note), witnessed=True)
    await export_audit(log, order, tmp_path / "ahead", proving=TreeProving(tree))
    verdict = verify_path(tmp_path / "ahead", key, policy=policy)
    assert verdict.ok, verdict
    assert verdict.unsigned_tail == 1  # the record of this export
    assert [name.partition(" ")[0] for name in verdict.witnesses] == ["w.example"]
    done = verify_path(tmp_path / "ahead", key)
    assert (done.ok, done.witnesses) == (True, ())

    class Signed(TreeProving):
        async def covering(self, seq: int) -> Covering | None:
            found = await super().covering(seq)
            assert found is not None
            return Covering(cosigned(found.checkpoint), None, found.nodes)

    await export_audit(log, order, tmp_path / "signed", proving=Signed(tree))
    verdict = verify_path(tmp_path / "signed", key, policy=policy)
    assert (verdict.ok, verdict.unsigned_tail, len(verdict.witnesses)) == (True, 0, 1)


@pytest.mark.parametrize("form", FORMS)
async def test_a_history_that_its_owner_rewrote_contradicts_what_the_witnesses_signed(
    log, database, tree, keys, tmp_path, policy, form
):
    """With the log's own key a forged tree can be signed and sealed; the witnessed checkpoint exposes it."""
    witnessed = cosigned(await tree.advance())
    key = parse_key(keys.verification_key())

    class Forged:
        async def covering(self, seq: int) -> Covering | None:
            leaves = [leaf_hash(record) for record in await stored(database)][:seq]
            leaves[3] = leaf_hash(b"another")
            return Covering(
                sign_checkpoint(Checkpoint(key.name, seq, tree_root(leaves)), key, keys.sign),
                witnessed,
                nodes_of(leaves),
            )

    order = ExportOrder(form, filters=ExportFilters() if form is ExportFormat.RAW else FEW)
    await export_audit(log, order, tmp_path / "out", proving=Forged())
    verdict = verify_path(tmp_path / "out", keys.verification_key(), policy=policy)
    assert verdict.outcome is Outcome.TAMPERED, verdict
    if form is not ExportFormat.RAW:
        assert "witnesses signed" in verdict.finding


@pytest.mark.parametrize("how", ["another event", "left out", "put in", "swapped", "no proof of the earlier tree"])
@pytest.mark.parametrize("form", [ExportFormat.NDJSON, ExportFormat.OCSF, ExportFormat.CSV, ExportFormat.CEF])
async def test_an_event_that_is_not_in_the_tree_is_named(log, tree, keys, tmp_path, policy, form, how):
    """Sealed anew by the log's own key, an export whose events are not those of the tree is found all the same."""
    assert await tree.publish(cosigned(await tree.advance()), witnessed=True)
    await log.append(AuditEntry("access.deny", {"code": "access_denied", "requester": "x"}))
    out = tmp_path / "out"
    await export_audit(log, ExportOrder(form, filters=FEW), out, proving=TreeProving(tree))
    events, proofs = out / EVENTS_FILES[form], out / "proofs"
    lines = events.read_bytes().splitlines(keepends=True)
    if how == "another event":
        lines[-1] = lines[-1].replace(b"access_denied", b"access_allow").replace(b'"seq":', b'"sequ":')
        if form in {ExportFormat.OCSF, ExportFormat.CEF}:  # the seal says what else it tells
            leaf = lines[-1].partition(b"cs6=" if form is ExportFormat.CEF else b'algorithm_id":3,"value":"')[2][:4]
            lines[-1] = lines[-1].replace(leaf, b"0000" if leaf != b"0000" else b"1111", 1)
    elif how == "left out":
        del lines[-2]
    elif how == "put in":
        lines.append(lines[-1])
    elif how == "swapped":
        lines[-1], lines[-2] = lines[-2], lines[-1]
    else:
        size = int((out / "witnessed").read_text().split("\n")[1])
        key = parse_key(keys.verification_key())
        note = sign_checkpoint(Checkpoint(key.name, size - 1, b"\1" * 32), key, keys.sign)
        (out / "witnessed").write_text(cosigned(note))
    events.write_bytes(b"".join(lines))
    manifest = json.loads((out / "manifest.json").read_bytes())
    for path in (events, proofs, out / "witnessed"):
        manifest["files"][path.name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    data = json.dumps(manifest).encode()
    (out / "manifest.json").write_bytes(data)
    seal = sign_note(seal_text(manifest["records"], data), parse_key(keys.verification_key()), keys.sign)
    (out / "manifest.note").write_text(seal)
    verdict = verify_path(out, keys.verification_key(), policy=policy)
    assert verdict.outcome is Outcome.TAMPERED, verdict


@pytest.mark.parametrize("size", [*range(1, 40), 255, 256, 257, 600])
def test_the_root_of_any_split_is_that_of_the_tree(size):
    """Complete subtrees from left to right, split anywhere, come to the root of RFC 6962."""
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    for cut in {0, 1, size // 3, size // 2, size - 1}:
        root = GrowingRoot()
        for begin, end in ((0, cut), (cut, size)):
            for level, place in subtrees(begin, end):
                root.push(level, place, tree_root(leaves[place << level : (place + 1) << level]))
            assert root.root() == tree_root(leaves[:end])
    with pytest.raises(ProofError):
        root.push(0, size + 1, b"0" * 32)


@pytest.mark.parametrize("line", ["", "0", "0 1", "0 1 x", "= 01 " + "A" * 43 + "=", "+ 1 -1", "x 1 2", "0 1 2 3"])
def test_a_line_of_another_shape_is_none(line):
    """Only the three kinds of lines are read."""
    with pytest.raises(ProofError):
        parse_line(line)


def test_the_lines_of_a_gap_can_be_read_back():
    """What is written of a gap says the same subtrees."""
    leaves = [leaf_hash(b"%d" % number) for number in range(21)]
    found = [parse_line(line[:-1]) for line in hidden_lines(3, 21, nodes_of(leaves))]
    assert [(place, level) for _, place, level, _ in found] == [(p, lv) for lv, p in subtrees(3, 21)]


async def test_an_export_that_nobody_answers_for_still_leaves(log, tree, keys, tmp_path):
    """When the tree gives nothing the log is exported without a proof, and the verdict shows it."""
    shutil.rmtree(folder_of(tree), ignore_errors=True)
    folder_of(tree).write_text("no folder")
    await export_audit(log, ExportOrder(ExportFormat.OCSF), tmp_path / "out", proving=TreeProving(tree))
    verdict = verify_export(tmp_path / "out", keys.verification_key())
    assert (verdict.ok, verdict.proved) == (True, 0)
