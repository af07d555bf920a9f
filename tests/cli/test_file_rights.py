"""Stores of files: the script that lets the gateway read and nobody change them, and what check says of others."""

from __future__ import annotations

import grp
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sekisho.cli.findings import findings

GROUP = grp.getgrgid(os.getegid()).gr_name
READ = 'head -c 1 "$0" >/dev/null'
WRITE = ': >> "$0"'
NOBODY = 65_534


@pytest.fixture
def reachable(workspace: Path) -> Iterator[Path]:
    """The workspace in a folder that other accounts can get to."""
    folder = Path(tempfile.mkdtemp(prefix="sekisho-"))
    try:
        shutil.copytree(workspace, folder / "demo")
        for each in (folder, folder / "demo", folder / "demo" / "stores"):
            each.chmod(0o711)
        yield folder / "demo"
    finally:
        shutil.rmtree(folder)


def script(run, workspace: Path, store: str, group: str = GROUP) -> None:
    """Print the script of a store's rights and run it."""
    printed = run("stores", "bootstrap", store, "-w", workspace, "--group", group)
    assert printed.code == 0, printed.err
    subprocess.run(["sh"], input=printed.out, text=True, check=True)


def told(workspace: Path, store: str) -> list[str]:
    """Return what check says of a store."""
    return [each.says for each in findings(workspace) if each.part == f"store {store}"]


@pytest.mark.parametrize(("store", "path"), [("crm", "crm.db"), ("pos", "pos/order_lines.parquet")])
def test_the_script_leaves_reading_to_the_group_and_nothing_to_others(run, workspace, store, path) -> None:
    """After it the group may read, the owner may write, nobody else may anything; check is content; run twice."""
    file = workspace / "stores" / path
    file.chmod(0o666)
    file.parent.chmod(0o777)
    script(run, workspace, store)
    script(run, workspace, store)
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.stat().st_gid == os.getegid()
    if store == "pos":
        assert file.parent.stat().st_mode & 0o7777 == 0o2750
    assert told(workspace, store) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_an_account_of_the_group_reads_and_cannot_write(run, reachable) -> None:
    """The gateway's account, which owns nothing, reads through its group, and the system keeps it from more."""
    script(run, reachable, "pos")
    path = reachable / "stores" / "pos" / "order_lines.parquet"

    def does(code: str, group: int) -> bool:
        command = ["/bin/sh", "-c", code, str(path)]
        done = subprocess.run(
            command, user=NOBODY, group=group, extra_groups=[], cwd="/", check=False, capture_output=True
        )
        return done.returncode == 0

    assert does(READ, os.getegid())
    assert not does(WRITE, os.getegid())
    assert not does(READ, NOBODY)


@pytest.mark.parametrize(
    ("mode", "account", "says"),
    [
        (0o666, None, ["read it past", "can change it"]),
        (0o664, "group", ["read it past", "gateway's account may change it"]),
        (0o660, "group", ["gateway's account may change it"]),
        (0o640, "group", []),
        (0o660, "other", []),
        (0o660, None, []),
    ],
    ids=["everybody", "group-and-read", "group", "reads", "another", "owner"],
)
def test_check_names_who_could_change_a_store(reachable, monkeypatch, mode, account, says) -> None:
    """Not the owner, who may anyway, but the gateway's account through its group, and everybody."""
    path = reachable / "stores" / "crm.db"
    path.chmod(mode)
    if account is not None:
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
        group = path.stat().st_gid if account == "group" else NOBODY
        monkeypatch.setattr(os, "getegid", lambda: group)
        monkeypatch.setattr(os, "getgroups", list)
    found = told(reachable, "crm")
    assert len(found) == len(says)
    assert all(each in one for each, one in zip(says, found, strict=True))


def test_a_write_ahead_log_is_named(run, workspace) -> None:
    """Readers of such a database write beside it, which a gateway that may only read cannot."""
    assert "journal_mode" not in run("stores", "bootstrap", "crm", "-w", workspace).out
    with closing(sqlite3.connect(workspace / "stores" / "crm.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert "journal_mode = DELETE" in run("stores", "bootstrap", "crm", "-w", workspace).out


@pytest.mark.enable_socket
def test_a_password_that_others_can_read_is_named(workspace) -> None:
    """A store's password_file is for its owner alone."""
    secret = workspace / "var" / "crm.secret"
    secret.write_text("NGsecret", "ascii")
    secret.chmod(0o640)
    file = workspace / "sekisho.yaml"
    url = "postgresql://gate@127.0.0.1:1/crm"
    store = f"crm: {{kind: postgresql, url: '{url}', password_file: var/crm.secret}}"
    file.write_text(file.read_text("utf-8").replace("crm: {kind: sqlite, location: stores/crm.db}", store), "utf-8")
    assert any("other accounts can read its password" in says for says in told(workspace, "crm"))
    secret.chmod(0o600)
    assert not any("password;" in says for says in told(workspace, "crm"))
