"""The folder of a witness: what it refuses to start with, and what survives what happens to it."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from sekisho.domain.tlog import tree_root
from sekisho.errors import WorkspaceError
from sekisho.witness import Memory, Witness, public_key
from tests.witness.logs import ORIGIN, Log

LOG = Log(40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a witness that signed a tree of twenty leaves."""
    folder = tmp_path / "witness"
    memory = Memory(folder, "witness.example/w")
    assert Witness(memory, [LOG.key]).add_checkpoint(LOG.request(0, 20)).status == 200
    memory.close()
    return folder


def refusal(folder: Path, name: str | None = None) -> str:
    """Return why a witness does not start."""
    with pytest.raises(WorkspaceError) as refused:
        Memory(folder, name)
    return refused.value.detail


def test_it_knows_after_a_restart_what_it_signed(folder: Path) -> None:
    """Its key and its name, too, which another name does not change."""
    memory = Memory(folder)
    assert memory.key == public_key(folder)
    assert memory.key.name == "witness.example/w"
    assert Witness(memory, [LOG.key]).add_checkpoint(LOG.request(0, 10)).text == "20\n"
    memory.close()
    assert "another name" in refusal(folder, "other.example")


def test_one_process_has_the_folder(folder: Path) -> None:
    """A second one is refused; the public key can be read all the same."""
    memory = Memory(folder)
    assert "Another witness runs" in refusal(folder)
    assert public_key(folder) == memory.key
    memory.close()
    Memory(folder).close()


def test_only_its_owner_reads_the_folder(folder: Path) -> None:
    """A key that others could read is refused, not repaired."""
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    (folder / "witness.key").chmod(0o640)
    assert "of this account alone" in refusal(folder)


def _cut(text: str) -> str:
    return text[:-20]


def _other_root(text: str) -> str:
    return text.replace("\\n20\\n", "\\n21\\n")


def _twice(text: str) -> str:
    document = json.loads(text)
    return json.dumps({**document, "checkpoints": document["checkpoints"] * 2})


def _unsigned(text: str) -> str:
    document = json.loads(text)
    return json.dumps({**document, "checkpoints": [LOG.note(20)]})


def _empty(_text: str) -> str:
    return ""


def _later_version(text: str) -> str:
    return text.replace('"version": 1', '"version": 2')


def _not_texts(_text: str) -> str:
    return '{"version": 1, "checkpoints": [1]}'


def _list(_text: str) -> str:
    return "[" * 100_000


@pytest.mark.parametrize(
    "damage", [_cut, _other_root, _twice, _unsigned, _empty, _later_version, _not_texts, _list],
    ids=lambda damage: damage.__name__.strip("_"),
)  # fmt: skip
def test_it_does_not_start_with_damaged_memory(folder: Path, damage) -> None:
    """It says which file, and that an old copy is no remedy."""
    path = folder / "checkpoints.json"
    before = path.read_text()
    path.write_text(damage(before))
    assert path.read_text() != before
    assert "checkpoints.json is damaged" in refusal(folder)


def test_every_flipped_byte_of_its_memory_is_found_or_harmless(folder: Path) -> None:
    """It does not start, or it remembers the same tree: never another one, never none."""
    path = folder / "checkpoints.json"
    before = path.read_bytes()
    found = 0
    for at in range(len(before)):
        path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
        try:
            memory = Memory(folder)
        except WorkspaceError:
            found += 1
            continue
        latest = memory.latest(ORIGIN)
        memory.close()
        assert latest is not None, at
        assert (latest.size, latest.root) == (20, tree_root(LOG.leaves[:20])), at
    assert found > len(before) // 2


def test_it_does_not_start_without_its_memory_or_its_key(folder: Path) -> None:
    """A witness that forgot would sign a fork; one whose key is gone is another one."""
    state, key = folder / "checkpoints.json", folder / "witness.key"
    kept = key.read_bytes()
    key.unlink()
    assert "witness.key is gone" in refusal(folder)
    key.write_bytes(kept[:-4] + b"AAA\n")
    key.chmod(0o600)
    assert "holds no key" in refusal(folder)
    key.write_bytes(kept)
    state.unlink()
    assert "forgot what it signed" in refusal(folder)


def test_a_start_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    """The key is written last: without it nothing was signed."""
    folder = tmp_path / "w"
    Memory(folder).close()
    (folder / "witness.key").unlink()
    (folder / ".witness.key.new").write_text("half")
    Memory(folder).close()
    assert not (folder / ".witness.key.new").exists()


def test_a_file_that_cannot_be_written_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is 503, and it goes on from what it remembers once there is room."""
    memory = Memory(folder)
    witness = Witness(memory, [LOG.key])
    fired = []

    def full(path: Path, content: bytes) -> None:
        fired.append(path)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("sekisho.witness.memory.write_new", full)
        assert witness.add_checkpoint(LOG.request(20, 30)).status == 503
    assert fired
    assert witness.add_checkpoint(LOG.request(20, 25)).status == 200
    memory.close()


def test_a_rename_that_may_not_last_stops_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No signature is given of what a crash may take back, then or later; a new start reads what is there."""
    memory = Memory(folder)
    witness = Witness(memory, [LOG.key])

    def broken(_folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("sekisho.witness.memory.sync", broken)
        assert witness.add_checkpoint(LOG.request(20, 30)).status == 503
    assert witness.add_checkpoint(LOG.request(30, 31)).status == 503
    memory.close()
    memory = Memory(folder)
    assert Witness(memory, [LOG.key]).add_checkpoint(LOG.request(30, 31)).status == 200
    memory.close()


def test_memory_that_is_taken_back_while_it_runs_takes_nothing_back(folder: Path) -> None:
    """What it remembers is in the process, and is written whole with the next signature."""
    old = (folder / "checkpoints.json").read_bytes()
    memory = Memory(folder)
    witness = Witness(memory, [LOG.key])
    assert witness.add_checkpoint(LOG.request(20, 30)).status == 200
    (folder / "checkpoints.json").write_bytes(old)
    assert witness.add_checkpoint(LOG.fork(20, 31).request(20, 31)).text == "30\n"
    assert witness.add_checkpoint(LOG.request(30, 31)).status == 200
    memory.close()
    memory = Memory(folder)
    latest = memory.latest(ORIGIN)
    memory.close()
    assert latest is not None
    assert latest.size == 31


def test_it_does_not_start_before_its_last_signature(folder: Path) -> None:
    """A clock that went back is told at the start."""
    memory = Memory(folder)
    with pytest.raises(WorkspaceError, match="clock is before"):
        Witness(memory, [LOG.key], clock=lambda: memory.newest - 3_600)
    memory.close()


def test_a_name_that_no_note_can_carry_is_refused(tmp_path: Path) -> None:
    """Spaces and plus signs end names."""
    assert "neither spaces nor plus signs" in refusal(tmp_path / "a", "my witness")
    assert "neither spaces nor plus signs" in refusal(tmp_path / "b", "my+witness")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With what the system says."""
    (tmp_path / "file").write_text("")
    assert os.strerror(errno.ENOTDIR) in refusal(tmp_path / "file" / "w")
