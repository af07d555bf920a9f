"""The demonstration workspace: whole or not at all, equal when built twice, used again when finished."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.demo import workspace as workspaces
from sekisho.demo.filling import customer_contacts
from sekisho.demo.workspace import build_workspace
from sekisho.domain.mail_address import email_sha256
from sekisho.errors import WorkspaceError
from sekisho.ports import DataSubjectRef

FEW = 60


def contents(folder):
    """Return the SHA-256 of each store, and the consent events without ids and times."""
    stores = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "stores").rglob("*"))
        if path.is_file()
    }
    with closing(sqlite3.connect(folder / "var" / "sekisho.db")) as connection:
        events = connection.execute(
            "SELECT number, purpose, cells, kind, method, occurred_at, valid_until FROM consent_event ORDER BY seq"
        ).fetchall()
    return stores, events


def test_two_builds_are_equal(tmp_path):
    """The same stores and the same consent; keys are always new."""
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = build_workspace(one, customers=FEW), build_workspace(two, customers=FEW)
    assert first.facts == second.facts
    assert first.consent_events == second.consent_events > FEW
    assert contents(one) == contents(two)
    assert (one / "var/keys/master.key").read_bytes() != (two / "var/keys/master.key").read_bytes()


def test_a_finished_workspace_is_used_again(tmp_path):
    """Nothing is touched, an edited sekisho.yaml included."""
    folder = tmp_path / "demo"
    first = build_workspace(folder, customers=FEW)
    with (folder / "sekisho.yaml").open("a", encoding="utf-8") as file:
        file.write("# mine\n")
    again = build_workspace(folder, customers=FEW)
    assert (first.fresh, again.fresh) == (True, False)
    assert again.facts == first.facts
    assert (folder / "sekisho.yaml").read_text("utf-8").endswith("# mine\n")


def test_another_size_is_built_anew(tmp_path):
    """A workspace of another scale is replaced."""
    folder = tmp_path / "demo"
    build_workspace(folder, customers=FEW)
    assert build_workspace(folder, customers=FEW + 1).facts.customers == FEW + 1
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_broken_off_build_leaves_nothing_and_is_started_anew(tmp_path, monkeypatch):
    """Until everything stands there is no workspace; the next build throws the rest away."""
    folder = tmp_path / "demo"

    def fail(_folder):
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as patched:
        patched.setattr(workspaces, "prepare", fail)
        patched.setattr("shutil.rmtree", lambda *_a, **_k: None)  # nobody tidies up after a power cut
        with pytest.raises(RuntimeError):
            build_workspace(folder, customers=FEW)
    assert not folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == [".demo.building"]
    assert build_workspace(folder, customers=FEW).fresh
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path):
    """What is not a demonstration workspace is never replaced."""
    (tmp_path / "letters.txt").write_text("mine", "utf-8")
    with pytest.raises(WorkspaceError, match="nothing of it was touched"):
        build_workspace(tmp_path, customers=FEW)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


async def test_people_are_found_by_number_and_by_e_mail(tmp_path_factory):
    """Everybody is registered under the customer id and under the hash of the e-mail address, as one person."""
    import asyncio

    folder = tmp_path_factory.mktemp("people") / "demo"
    await asyncio.to_thread(build_workspace, folder, customers=FEW)
    ids, emails = customer_contacts(folder / "stores" / "crm.db")
    database = Database(f"sqlite:///{folder / 'var' / 'sekisho.db'}")
    try:
        people = PeopleRegistry(database, FileKeyRing(folder / "var" / "keys"))
        for number, email in list(zip(ids, emails, strict=True))[:5]:
            by_id = await people.number_of(DataSubjectRef("customer_id", number))
            by_email = await people.number_of(DataSubjectRef("email_sha256", email_sha256(f"  {email.upper()} ")))
            assert by_id == by_email is not None
    finally:
        await database.close()


def test_progress_never_goes_back(tmp_path):
    """What is told grows from 0 to 1."""
    told = []
    build_workspace(tmp_path / "demo", customers=FEW, progress=lambda _what, done: told.append(done))
    assert told == sorted(told)
    assert told[-1] == 1.0
