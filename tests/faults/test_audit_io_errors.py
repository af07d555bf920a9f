"""Disks that fail at any call: what was acknowledged is there, nothing wrong is signed, no failed sync is repeated.

``strace`` lets the n-th call of a kind fail, in every thread that comes so far, or kills the process there.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.adapters.records.test_audit_crash import restart
from tests.adapters.records.test_audit_faults import stored_ids

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit_heads import HeadsFile
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database, migrate
from sekisho.audit_verify import Outcome, verify_database, verify_tree

ROOT = Path(__file__).resolve().parents[2]
CALLS = "openat,write,pwrite64,fsync,fdatasync,rename,ftruncate,mkdir"
ERRORS = {
    "EIO": "error=EIO",
    "ENOSPC": "error=ENOSPC",
    "KILL": "signal=KILL",
}
KINDS = [(call, error) for call in ("fsync", "fdatasync", "rename") for error in ("EIO", "KILL")]
KINDS += [(call, error) for call in ("pwrite64", "write") for error in ERRORS]
_SHORT = """
import asyncio, resource, sys
from pathlib import Path
from tests.faults.log_at_work import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
asyncio.run(main(Path(sys.argv[2])))
"""
_CALL = re.compile(r"^(?P<thread>\d+) +(?P<call>\w+)\((?P<rest>.*)$")
_FILE = re.compile(r"^\d+<(?P<path>[^>]*)>")
_PATHS = re.compile(r'"(?P<path>[^"]*)"')


@dataclass
class Run:
    """What one run promised, and what was traced of it."""

    returned: int
    ids: set[str] = field(default_factory=set)
    checkpoints: list[str] = field(default_factory=list)
    refused: int = 0
    fired: bool = False
    calls: list[tuple[str, str, bool]] = field(default_factory=list)  # call, file, whether it was made to fail
    most: Counter[str] = field(default_factory=Counter)  # calls of a kind in the thread that made most


@pytest.fixture(scope="module")
def began(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys and an empty database."""
    if shutil.which("strace") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("strace must be installed")
        pytest.skip("strace is not installed")
    if subprocess.run(["strace", "-o", os.devnull, "true"], check=False, capture_output=True).returncode:
        pytest.skip("processes may not be traced here")
    folder = tmp_path_factory.mktemp("io")
    migrate(f"sqlite:///{folder}/own.db")
    FileKeyRing.create(folder / "keys")
    return folder


def said(done: subprocess.CompletedProcess[str]) -> Run:
    """Return what a run promised."""
    found = Run(done.returncode)
    for line in done.stdout.split("\n")[:-1]:
        what, told = json.loads(line)
        if what == "id":
            found.ids.add(told)
        elif what == "checkpoint":
            found.checkpoints.append(told)
        found.refused += what == "refused"
    return found


def run(folder: Path, call: str | None = None, error: str = "", number: int = 0) -> Run:
    """Let the log work below strace; the *number*-th *call* of each thread fails."""
    trace = folder / "trace"
    command = ["strace", "-f", "-qq", "-y", "-o", str(trace), "-e", f"trace={CALLS}"]
    if call is not None:
        command += ["-e", f"inject={call}:{ERRORS[error]}:when={number}"]
    command += [sys.executable, "-B", "-m", "tests.faults.log_at_work", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=400)
    found = said(done)
    by_thread = Counter[tuple[str, str]]()
    for line in trace.read_text("utf-8", "replace").split("\n"):
        if (made := _CALL.match(line)) is None:
            continue
        name, rest = made["call"], made["rest"]
        at = _FILE.match(rest)
        path = at["path"] if at else "".join(_PATHS.findall(rest)[-1:])
        found.calls.append((name, path, "(INJECTED)" in rest))
        by_thread[made["thread"], name] += 1
    for (_, name), count in by_thread.items():
        found.most[name] = max(found.most[name], count)
    return found


def wrongly_synced(folder: Path, made: Run) -> list[str]:
    """Return what of the files outside the database was taken for synced after a sync that failed.

    A sync that is repeated without writing anew says nothing; and nothing may be signed before one has succeeded.
    """
    failed: set[str] = set()
    anew: set[str] = set()
    found = []
    for name, path, injected in made.calls:
        if name in {"write", "ftruncate", "rename", "mkdir"}:
            anew |= {path, str(Path(path).parent)}
        if name != "fsync" or not path.startswith(str(folder / "heads")):
            continue
        if injected:
            failed.add(path)
            anew.discard(path)
        elif path in failed:
            if path not in anew:
                found.append(f"{path} again")
            failed.discard(path)
        if ".signed-checkpoint" in path:
            found += [f"{each} before signing" for each in failed if "/tree/tile/" in each and Path(each).is_dir()]
    return found


async def holds(folder: Path, made: Run) -> None:
    """Assert what must hold after any fault, before and after the next start."""
    key = FileKeyRing(folder / "keys").verification_key()
    assert made.ids <= stored_ids(folder / "own.db")
    verdict = verify_database(folder / "own.db", folder / "heads", key)
    assert verdict.ok or verdict.outcome is Outcome.INCOMPLETE, verdict
    await restart(folder)
    verdict = verify_database(folder / "own.db", folder / "heads", key)
    assert verdict.ok, verdict
    assert made.ids <= stored_ids(folder / "own.db")
    database = Database(f"sqlite:///{folder}/own.db")
    tree = AuditTree(database, FileKeyRing(folder / "keys"), folder / "heads" / "tree", folder / "heads")
    try:
        await tree.advance()
    finally:
        await database.close()
    before: list[str | None] = [*made.checkpoints] or [None]
    for checkpoint in before:
        grown = verify_tree(folder / "heads" / "tree", key, since=checkpoint)
        assert grown.ok, grown
        assert grown.records == verdict.records


async def strike(began: Path, folder: Path, call: str, error: str, number: int) -> Run:
    """Let one call fail and assert that the promise held."""
    shutil.copytree(began, folder)
    made = await asyncio.to_thread(run, folder, call, error, number)
    made.fired = any(injected for *_, injected in made.calls)
    if error == "KILL":
        made.fired = made.returned in {-signal.SIGKILL, 128 + signal.SIGKILL}
    assert wrongly_synced(folder, made) == []
    await holds(folder, made)
    shutil.rmtree(folder)
    return made


@pytest.mark.long
async def test_without_a_fault_everything_is_promised(began: Path, tmp_path: Path) -> None:
    """What is traced makes every kind of call that is made to fail, and promises what it should."""
    folder = Path(shutil.copytree(began, tmp_path / "log"))
    made = await asyncio.to_thread(run, folder)
    assert made.returned == 0
    assert (len(made.ids), len(made.checkpoints), made.refused) == (264, 4, 0)
    assert {call for call, _ in KINDS} <= set(made.most)
    await holds(folder, made)


@pytest.mark.slow
async def test_a_failing_disk_neither_loses_nor_forges(began: Path, tmp_path: Path) -> None:
    """One sync that fails while tiles are written; the long form has every call."""
    made = await strike(began, tmp_path / "log", "fsync", "EIO", 20)
    assert made.fired


def _numbers(most: int) -> Iterator[int]:
    first = most if most <= 50 else 16
    yield from range(1, first + 1)
    yield from range(first + 1, most + 1, 13)  # pages of one long write, one like the other


@pytest.mark.long
@pytest.mark.parametrize(("call", "error"), KINDS)
async def test_no_call_of_a_failing_disk_loses_or_forges(began: Path, tmp_path: Path, call: str, error: str) -> None:
    """Each call of each kind fails once: what was acknowledged is there, and what is signed is right."""
    clean = await asyncio.to_thread(run, Path(shutil.copytree(began, tmp_path / "clean")))
    runs = [await strike(began, tmp_path / "log", call, error, number) for number in _numbers(clean.most[call])]
    fired = [made for made in runs if made.fired]
    # Which thread makes a call differs from run to run, so the last numbers may meet none.
    assert len(fired) > len(runs) * 0.7
    told = (
        f"{len(fired)} faults fired in {len(runs)} runs, {sum(made.refused > 0 for made in fired)} refused something"
    )
    sys.stdout.write(f"\n{call} {error}: {told}, 0 lost, 0 forged\n")


@pytest.mark.long
async def test_writes_that_are_cut_short_lose_nothing(began: Path, tmp_path: Path) -> None:
    """No file grows past a size: the write that comes there is cut in the middle, the next one fails."""
    told = []
    for step in range(40):
        most = 256 * 1.25**step
        folder = Path(shutil.copytree(began, tmp_path / "log"))
        command = [sys.executable, "-c", _SHORT, str(int(most)), str(folder)]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=400
        )
        made = said(done)
        made.fired = made.refused > 0 or done.returncode != 0
        told.append(made)
        await holds(folder, made)
        shutil.rmtree(folder)
    fired = [made for made in told if made.fired]
    assert len(fired) >= 20
    assert any(made.ids for made in fired)
    sys.stdout.write(f"\nshort writes: {len(fired)} of {len(told)} sizes met a write, 0 lost, 0 forged\n")


def test_a_head_whose_sync_failed_is_written_anew(tmp_path: Path, monkeypatch) -> None:
    """The sync is not repeated: the file is opened again, and the newest head stands in it once, synced."""
    (tmp_path / "heads").mkdir()
    heads = HeadsFile(tmp_path / "heads", "writer")
    heads.append("first")
    heads.sync()
    heads.append("second")
    calls: list[str] = []
    written, real = os.write, os.fsync

    def broken(_descriptor: int) -> None:
        calls.append("failed")
        raise OSError("the disk does not answer")

    def writes(descriptor: int, data: bytes) -> int:
        calls.append("write")
        return written(descriptor, data)

    def syncs(descriptor: int) -> None:
        calls.append("fsync")
        real(descriptor)

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="does not answer"):
            heads.sync()
        heads.sync()
    assert not heads.dirty
    monkeypatch.setattr(os, "write", writes)
    monkeypatch.setattr(os, "fsync", syncs)
    heads.settle()
    assert calls == ["failed", "write", "fsync"]
    heads.append("third")
    heads.close()
    assert heads.path.read_text("utf-8") == "first\nsecond\nthird\n"
