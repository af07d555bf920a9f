"""The gateway's own log, witnessed: from its records to what an auditor verifies."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sekisho.adapters.keyring import FileKeyRing
from sekisho.audit_verify import Outcome, verify_checkpoint, verify_path, verify_proof, verify_tree
from sekisho.audit_verify.witnesses import read_policy
from sekisho.bootstrap import build_app, open_workspace
from sekisho.demo.workspace import build_workspace
from sekisho.domain.checkpoint import Checkpoint, format_proof, parse_checkpoint, sign_checkpoint, with_signatures
from sekisho.domain.note import NoteSignature, format_key, parse_key, parse_note
from sekisho.domain.witness_policy import WitnessPolicy, policy_of
from sekisho.errors import InvalidRequest
from sekisho.ports import AuditEntry
from sekisho.witness import Memory
from tests.witness.logs import Log, Running, running

pytestmark = pytest.mark.enable_socket


class Known(Log):
    """The log of a workspace, as far as a witness needs it."""

    def __init__(self, vkey: str) -> None:
        super().__init__()
        self.key = parse_key(vkey)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace."""
    folder = tmp_path_factory.mktemp("witnessed") / "demo"
    build_workspace(folder, customers=30)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A workspace of the test's own."""
    shutil.copytree(built, tmp_path / "demo")
    return tmp_path / "demo"


@contextmanager
def witnessed(folder: Path, count: int = 2) -> Iterator[list[Running]]:
    """Run so many witnesses, and name them in the workspace."""
    log = Known(FileKeyRing(folder / "var" / "keys").verification_key())
    with running(folder / "w0", log) as first, running(folder / "w1", log) as second:
        both = [first, second][:count]
        named = {f"w{number}": {"url": each.url, "key": vkey(each)} for number, each in enumerate(both)}
        file = folder / "sekisho.yaml"
        text, place = file.read_text(), "\n  heads: var/audit "
        assert place in text
        file.write_text(text.replace(place, f"\n  witnesses: {json.dumps(named)}{place}"))
        yield both


def vkey(witness: Running) -> str:
    """Return a witness's key as a text."""
    return format_key(witness.key.name, witness.key.public, witness.key.kind)


def policy(*witnesses: Running, least: int | None = None) -> WitnessPolicy:
    """Return the policy that demands their signatures."""
    return policy_of([each.key for each in witnesses], least)


async def test_a_log_is_witnessed_and_verified(folder: Path) -> None:
    """Checkpoint, tree and proof carry both signatures; health and metrics say so."""
    with witnessed(folder) as both:
        async with open_workspace(folder) as opened:
            log = opened.keys.verification_key()
            await opened.composed.witnessed.grow()
            receipt = await opened.audit.append(AuditEntry("audit.read", {"record": "x"}))
            await opened.composed.witnessed.grow()
            app = build_app(opened)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://t") as client:
                ready = (await client.get("/health/ready")).json()
                metrics = (await client.get("/metrics")).text
            proof = folder / "record.tlog-proof"
            proof.write_text(format_proof(await opened.composed.tree.proof_of(receipt.id)))
            published = await opened.composed.tree.published()
        assert published is not None
        size = parse_checkpoint(parse_note(published).text).size
        assert ready["checks"]["witnesses"] == "ok"
        for state in ("asked", "witnessed"):
            assert f'sekisho_audit_checkpoint_size{{state="{state}"}} {float(size)}' in metrics
        assert f'sekisho_audit_witness_size{{witness="w1"}} {float(size)}' in metrics
        assert 'sekisho_audit_witness_fault{fault="fork",witness="w0"} 0.0' in metrics

        tree, demanded = folder / "var" / "audit" / "tree", policy(*both)
        for verdict in (
            verify_tree(tree, log, policy=demanded),
            verify_proof(proof, log, policy=demanded),
            verify_checkpoint(tree / "checkpoint", log, policy=demanded),
            verify_path(tree / "witnessed", log, policy=demanded),
        ):
            assert verdict.ok, verdict
            assert [each.split()[0] for each in verdict.witnesses] == [each.key.name for each in both]


async def test_an_unwitnessed_tail_is_counted(folder: Path) -> None:
    """Between a checkpoint and its signatures the tree is verified up to the newest that witnesses signed."""
    with witnessed(folder) as both:
        async with open_workspace(folder) as opened:
            log = opened.keys.verification_key()
            first = await opened.audit.append(AuditEntry("audit.read", {"record": "w"}))
            await opened.composed.witnessed.grow()
            await opened.audit.append(AuditEntry("audit.read", {"record": "x"}))
            newest = await opened.composed.tree.advance()
            proof = folder / "record.tlog-proof"
            proof.write_text(format_proof(await opened.composed.tree.proof_of(first.id)))
            assert verify_proof(proof, log, policy=policy(*both)).ok
            tree = folder / "var" / "audit" / "tree"
            verdict = verify_tree(tree, log, policy=policy(*both))
            assert verdict.ok
            assert verdict.unsigned_tail >= 1
            assert verify_tree(tree, log).unsigned_tail == 0
            assert verify_tree(tree, log, since=newest, policy=policy(*both)).ok
            (tree / "checkpoint").write_text(with_signatures(newest, [forged(both[0])]))
            assert verify_tree(tree, log, policy=policy(*both)).outcome is Outcome.TAMPERED


def forged(witness: Running) -> NoteSignature:
    """Return a line that claims to be a witness's."""
    return NoteSignature(witness.key.name, witness.key.key_id, bytes(72))


async def test_witnesses_of_another_history_expose_it(folder: Path) -> None:
    """A tree whose log signed it, beside a checkpoint of another history that witnesses signed, is tampered with."""
    with witnessed(folder) as both:
        async with open_workspace(folder) as opened:
            log, keys = opened.keys.verification_key(), opened.keys
            await opened.composed.witnessed.grow()
            await opened.audit.append(AuditEntry("audit.read", {"record": "x"}))
            await opened.composed.tree.advance()
            tree = folder / "var" / "audit" / "tree"
            seen = parse_checkpoint(parse_note((tree / "witnessed").read_text()).text)
            other = sign_checkpoint(Checkpoint(seen.origin, seen.size, bytes(32)), parse_key(log), keys.sign)
            signed, demanded = signed_by_another(folder / "other", other)
            (tree / "witnessed").write_text(signed)
            verdict = verify_tree(tree, log, policy=demanded)
            assert (verdict.outcome, "witnesses signed" in verdict.finding) == (Outcome.TAMPERED, True)
            assert verify_tree(tree, log, policy=policy(*both)).outcome is Outcome.UNTRUSTED


def signed_by_another(folder: Path, note: str) -> tuple[str, WitnessPolicy]:
    """Return *note*, signed by a new witness, and the policy that demands its signature."""
    memory = Memory(folder)
    line = memory.cosignature(parse_note(note).text, 1_700_000_000)
    memory.close()
    return with_signatures(note, [line]), policy_of([memory.key])


async def test_what_no_witness_signed_is_not_trusted(folder: Path) -> None:
    """A history that its log alone signed: the policy says no, to the tree and to each proof."""
    with witnessed(folder, 1) as seen:
        async with open_workspace(folder) as opened:
            log = opened.keys.verification_key()
            receipt = await opened.audit.append(AuditEntry("audit.read", {"record": "x"}))
            await opened.composed.tree.advance()
            proof = folder / "record.tlog-proof"
            proof.write_text(format_proof(await opened.composed.tree.proof_of(receipt.id)))
            tree = folder / "var" / "audit" / "tree"
            for verdict in (
                verify_tree(tree, log, policy=policy(*seen)),
                verify_proof(proof, log, policy=policy(*seen)),
                verify_checkpoint(tree / "checkpoint", log, policy=policy(*seen)),
            ):
                assert verdict.outcome is Outcome.UNTRUSTED
            assert verify_tree(tree, log).ok


async def test_a_witness_that_is_down_stops_nothing(folder: Path) -> None:
    """Checkpoints go out with the other's signature; the quorum is told as failed, and the service is ready."""
    with witnessed(folder) as both:
        both[1].kill()
        async with open_workspace(folder) as opened:
            log = opened.keys.verification_key()
            await opened.composed.witnessed.grow()
            app = build_app(opened)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://t") as client:
                ready = await client.get("/health/ready")
                metrics = (await client.get("/metrics")).text
        assert (ready.status_code, ready.json()["checks"]["witnesses"]) == (200, "failed")
        assert 'sekisho_audit_witness_fault{fault="unreachable",witness="w1"} 1.0' in metrics
        tree = folder / "var" / "audit" / "tree"
        assert verify_tree(tree, log, policy=policy(*both, least=1)).ok
        assert verify_tree(tree, log, policy=policy(*both)).outcome is Outcome.UNTRUSTED


async def test_one_process_of_a_machine_asks(folder: Path) -> None:
    """The other is idle, until the first one ends."""
    with witnessed(folder, 1):
        async with open_workspace(folder) as first:
            await first.composed.witnessed.grow()
            async with open_workspace(folder) as second:
                await second.composed.witnessed.grow()
                assert second.composed.witnesses is not None
                assert second.composed.witnesses.status().asked is None
                first.composed.witnessed.close()
                await second.composed.witnessed.grow()
                assert second.composed.witnesses.status().asked is not None


async def test_a_policy_needs_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    """A database has nothing that witnesses sign."""
    (tmp_path / "own.db").write_bytes(b"SQLite")
    with pytest.raises(InvalidRequest, match="witnesses sign checkpoints"):
        verify_path(tmp_path / "own.db", Log().vkey, policy=read_policy([], None, _policy_file(tmp_path)))


def _policy_file(folder: Path) -> Path:
    (folder / "policy").write_text("quorum none\n")
    return folder / "policy"
