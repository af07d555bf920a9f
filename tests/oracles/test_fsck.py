"""A log's folder of tiles, as Tessera's ``fsck`` reads it: the checker of the logs for which tiles were invented."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database, migrate
from sekisho.audit_verify import verify_tree
from sekisho.domain.tlog import TILE_WIDTH, tile_at, tiles_of
from tests.adapters.records.tree_world import record

VERSION = "v1.0.4"
INSTALL = f"go install github.com/transparency-dev/tessera/cmd/fsck@{VERSION}"
STEPS = (1, 254, 3, 254, 200)
"""By how many records the log grows before each checkpoint: around the width of a tile, and past it."""


@dataclass(frozen=True)
class Written:
    """A tree that the integrator wrote, and the key that signs it."""

    folder: Path
    vkey: str


def program() -> Path:
    """Return where Go puts it; by its bare name the system's checker of disks would be found, which must not run."""
    return Path(os.environ.get("GOBIN") or Path(os.environ.get("GOPATH") or Path.home() / "go") / "bin") / "fsck"


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """Skip without the program, fail in CI."""
    if not program().is_file():
        if os.environ.get("CI") == "true":
            pytest.fail(f"Tessera's fsck is needed: {INSTALL}")
        pytest.skip(f"Tessera's fsck is not installed: {INSTALL}")


async def write(folder: Path) -> Written:
    """Let a log grow in steps, and its tree after it."""
    url = f"sqlite:///{folder}/records.db"
    migrate(url)
    database, keys = Database(url), FileKeyRing.create(folder / "keys")
    log = SqlAuditLog(database, keys, SystemClock(), folder / "heads", heartbeat_seconds=3_600)
    tree = AuditTree(database, keys, folder / "tree", folder / "heads")
    await log.start()
    try:
        for step in STEPS:
            await record(log, step)
            await tree.advance()
    finally:
        await log.close()
        await database.close()
    return Written(folder / "tree", keys.verification_key())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The tree of a log, as the integrator wrote it."""
    return asyncio.run(write(tmp_path_factory.mktemp("log")))


@pytest.fixture
def copied(written: Written, tmp_path: Path) -> Written:
    """A copy of it, to be changed."""
    shutil.copytree(written.folder, tmp_path / "tree")
    return Written(tmp_path / "tree", written.vkey)


def says(tree: Written) -> str:
    """Return what fsck says of the folder; its exit code says nothing."""
    key = tree.folder.parent / "log.vkey"
    key.write_text(tree.vkey)
    done = subprocess.run(
        [program(), "-ui=false", "-N=16", f"-storage_url={tree.folder.as_uri()}", f"-public_key={key}"],
        capture_output=True, check=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stderr


def is_sound(tree: Written) -> bool:
    """Whether fsck found everything right; it must say one or the other."""
    said = says(tree)
    good, bad = "Successfully fsck'd log" in said, "fsck failed" in said
    assert good != bad, said
    return good


def files(folder: Path) -> list[Path]:
    """Every tile and every bundle of the newest tree; partial ones of older trees lie there, and are nobody's."""
    size = sum(STEPS) + 1  # and the opening
    bundles = [tile_at(None, index, size) for index in range(-(-size // TILE_WIDTH))]
    return [folder / tile.path for tile in (*bundles, *tiles_of(size))]


def test_fsck_finds_the_tree_sound(written: Written) -> None:
    """Bundles, tiles of every level, full and partial, and the checkpoint, of a log that grew in steps."""
    said = says(written)
    size = sum(STEPS) + 1
    assert f"Successfully fsck'd log with size {size} " in said
    levels = {path.relative_to(written.folder).parts[1] for path in files(written.folder)}
    assert levels == {"entries", "0", "1"}


def test_fsck_finds_one_changed_byte_in_any_file_of_the_tree(copied: Written) -> None:
    """Of the checkpoint, of each tile and of each bundle; and so does our own verifier."""
    changed = 0
    for path in [copied.folder / "checkpoint", *files(copied.folder)]:
        data = path.read_bytes()
        for place in {0, len(data) // 2, len(data) - 1}:
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            assert not is_sound(copied), (path, place)
            assert not verify_tree(copied.folder, copied.vkey).ok, (path, place)
            changed += 1
        path.write_bytes(data)
    assert changed >= 3 * 8
    assert is_sound(copied)
    assert verify_tree(copied.folder, copied.vkey).ok


def test_fsck_finds_a_file_that_is_missing_and_the_key_of_another(copied: Written, tmp_path: Path) -> None:
    """Nothing is taken on trust that is not there."""
    for path in files(copied.folder):
        data = path.read_bytes()
        path.unlink()
        assert not is_sound(copied), path
        path.write_bytes(data)
    other = FileKeyRing.create(tmp_path / "other").verification_key()
    assert not is_sound(Written(copied.folder, other))
