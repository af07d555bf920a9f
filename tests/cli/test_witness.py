"""`sekisho audit witness`, and what `audit verify` demands of witnesses."""

import json

import pytest

from sekisho.adapters.keyring import FileKeyRing


@pytest.fixture
def log_key(workspace):
    return FileKeyRing(workspace / "var" / "keys").verification_key()


@pytest.fixture
def checkpoint(run, workspace, tmp_path):
    """Return the file of a checkpoint that no witness has signed."""
    path = tmp_path / "checkpoint"
    path.write_text(run("audit", "checkpoint", "-w", workspace).out)
    return path


@pytest.fixture
def witness_key(run, tmp_path):
    return run("audit", "witness", "--folder", tmp_path / "w", "--name", "w.example", "--show-key").out.strip()


def test_a_witness_shows_its_key_and_keeps_it(run, tmp_path, witness_key):
    """Made at the first call, the same at the next; only the key stands on standard output."""
    again = run("audit", "witness", "--folder", tmp_path / "w", "--show-key")
    assert (again.code, again.out) == (0, witness_key + "\n")
    assert witness_key.startswith("w.example+")


def test_a_witness_needs_a_log(run, tmp_path, witness_key):
    """And its key, not a witness's; nothing is made before that is clear."""
    for arguments in ((), ("--log", "x"), ("--log", witness_key)):
        ran = run("audit", "witness", "--folder", tmp_path / "new", *arguments)
        assert ran.code == 2
        assert "--log" in ran.err
    assert not (tmp_path / "new").exists()


def test_a_damaged_folder_is_said(run, tmp_path, witness_key, log_key):
    """Exit 1, with the file."""
    (tmp_path / "w" / "checkpoints.json").write_text("{}")
    ran = run("audit", "witness", "--folder", tmp_path / "w", "--log", log_key)
    assert ran.code == 1
    assert "checkpoints.json is damaged" in ran.err


def test_a_checkpoint_is_verified_alone(run, checkpoint, log_key):
    """Its log's signature is right."""
    ran = run("audit", "verify", checkpoint, "--key", log_key)
    assert (ran.code, ran.out) == (0, "ok: a checkpoint of this log.\n")


def test_a_missing_witness_is_untrusted(run, checkpoint, log_key, witness_key, tmp_path):
    """Exit 3, by option and by policy file, and who is missing."""
    (tmp_path / "policy").write_text(f"witness a {witness_key}\nquorum a\n")
    for arguments in (("--witness", witness_key), ("--policy", tmp_path / "policy")):
        ran = run("audit", "verify", checkpoint, "--key", log_key, *arguments, "--json")
        verdict = json.loads(ran.out)
        assert (ran.code, verdict["outcome"]) == (3, "untrusted")
        assert "enough witnesses" in verdict["finding"]


@pytest.mark.parametrize("arguments", [("--quorum", 1), ("--witness", "x"), ("--policy", "/nowhere")])
def test_a_policy_that_cannot_be_is_used_wrongly(run, checkpoint, log_key, arguments):
    """Exit 64, as everywhere in this command."""
    assert run("audit", "verify", checkpoint, "--key", log_key, *arguments).code == 64


def test_a_workspace_has_no_checkpoint_of_its_own(run, workspace, witness_key):
    """Its tree has: the folder is named."""
    ran = run("audit", "verify", workspace, "--witness", witness_key)
    assert ran.code == 64
    assert "tree" in ran.err
