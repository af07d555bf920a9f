"""Somebody was erased: in the database and in a restored backup nothing of theirs can be read, and the log holds."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.gateway.site import Site, opened, read_sqlite
from tests.gateway.test_detokenise import FROM, ask, declared, received

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit_search import stored_heads, stored_records, stored_subjects
from sekisho.adapters.records.sealing import PersonSeals
from sekisho.adapters.records.shredded import ShreddedPeople, erased_by_log
from sekisho.audit_verify import Outcome, saved_notes, verify_rows
from sekisho.domain.record import subject_ref
from sekisho.domain.rights import RequestKind, RequestStatus
from sekisho.errors import ConsentUnavailable, SekishoError
from sekisho.ports import DataSubjectRef

NOTE = "私の情報をすべて消してください"
TABLES = ("data_subject", "data_subject_identifier", "dsr_request")


async def asked_to_be_erased(site: Site, customer: int) -> str:
    """Let a customer ask, in words of their own that are sealed for them; return the request."""
    person = DataSubjectRef("customer_id", str(customer))
    return str((await site.workspace.consents.rights.request(person, RequestKind.ERASURE, NOTE))["id"])


async def erased(site: Site, request: str) -> None:
    """Close the request as done."""
    await site.workspace.consents.rights.close(site.requester("privacy_officer"), request, RequestStatus.DONE)


def copied(own: Path, to: Path) -> Path:
    """Back a database up."""
    with closing(sqlite3.connect(own)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
    return to


def restored(own: Path, backup: Path) -> None:
    """Put the tables that name people back to what they were."""
    with closing(sqlite3.connect(own)) as connection:
        connection.execute("ATTACH ? AS older", (str(backup),))
        for table in reversed(TABLES):
            connection.execute(f"DELETE FROM {table}")
        for table in TABLES:
            connection.execute(f"INSERT INTO {table} SELECT * FROM older.{table}")
        connection.commit()


def opens(own: Path, keys: FileKeyRing, number: int, sealed: bytes) -> bytes | None:
    """Return what the database's own key of the person makes of something sealed for them."""
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{own}")
    try:
        with engine.connect() as connection:
            return PersonSeals(keys).open(connection, number, sealed)
    finally:
        engine.dispose()


async def verified(site: Site) -> Outcome:
    """What the verifier says of the log."""
    folder, key = site.workspace.settings.audit_folder, site.workspace.keys.verification_key()
    saved = saved_notes(folder)
    verdict = await site.workspace.database.read(
        lambda c: verify_rows(
            stored_records(c),
            list(stored_heads(c)),
            stored_subjects(c),
            saved,
            key,
            later=lambda: saved_notes(folder),
        )
    )
    return verdict.outcome


@pytest.mark.parametrize("whole", [False, True], ids=["people alone", "the whole database"])
async def test_a_restored_backup_brings_nobody_back(folder: Path, tmp_path: Path, *, whole: bool) -> None:
    """After a restore the next start erases again: no key, no identifier, no pseudonym, and the log verifies."""
    declared(folder)
    own = folder / "var" / "sekisho.db"
    async with opened(folder) as site:
        names = await received(site)
        customer = site.customer_of(*FROM, names[0])
        assert customer is not None
        number = site.number_of(customer)
        request = await asked_to_be_erased(site, customer)
        keys = site.workspace.keys
        ((sealed,),) = read_sqlite(own, f"SELECT sealed FROM dsr_request WHERE id = '{request}'")
        assert NOTE in (opens(own, keys, number, sealed) or b"").decode()
        if whole:
            await site.workspace.audit.close()
        backup = copied(own, tmp_path / "backup.db")
        if not whole:
            await erased(site, request)
            assert opens(own, keys, number, sealed) is None
    if whole:
        ShreddedPeople(folder / "var" / "audit", keys).add([number])  # as the erasure after the backup left it
        for left in own.parent.glob("sekisho.db*"):
            left.unlink()
        shutil.copy(backup, own)
    else:
        restored(own, backup)
    assert NOTE in (opens(own, keys, number, sealed) or b"").decode(), "the backup brings nobody back: nothing tested"
    async with opened(folder) as site:
        assert opens(own, keys, number, sealed) is None
        person = DataSubjectRef("customer_id", str(customer))
        assert await site.workspace.people.number_of(person) is None
        assert (await ask(site, names[:2])).json()["items"][0]["identifier"] is None
        found = await site.post(*FROM, "SELECT customer_id FROM crm.customers WHERE customer_id = ?", names[0])
        assert found.json()["rows"] == []
        assert len(await site.records("data_subject.erase")) == 1
        if not whole:  # a log that was rolled back is found for itself
            assert await verified(site) is Outcome.OK


async def test_what_a_backup_forgot_is_taken_by_nobody(folder: Path) -> None:
    """A number that was erased and is unknown to an older database is never given to somebody new."""
    async with opened(folder) as site:
        keys, last = site.workspace.keys, len(site.customers())
        (top,) = read_sqlite(folder / "var" / "sekisho.db", "SELECT max(number) FROM data_subject")[0]
        assert top >= last
    ShreddedPeople(folder / "var" / "audit", keys).add([top + 2])
    async with opened(folder) as site:
        (new,) = (await site.workspace.people.register("customer_id", ["99999991"])).tolist()
        assert new == top + 3


def test_the_file_says_what_we_wrote(tmp_path: Path) -> None:
    """Numbers come back, a torn last line is nobody, and a line that we did not write stops everything."""
    keys = FileKeyRing.create(tmp_path / "keys")
    file = tmp_path / "erased.people"
    shredded = ShreddedPeople(tmp_path, keys)
    assert shredded.numbers() == set()
    shredded.add([3, 70_000])
    shredded.add([])
    with file.open("ab") as torn:
        torn.write(b"12 00ff")
    assert shredded.numbers() == {3, 70_000}
    shredded.add([4])
    assert shredded.numbers() == {3, 4, 70_000}
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(file.read_bytes().replace(b"70000", b"70001"))
    with pytest.raises(ConsentUnavailable, match=r"erased\.people"):
        shredded.numbers()


def test_what_is_written_in_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that takes only a part is gone on with; where the rest is refused, nobody counts as remembered."""
    file, write = ShreddedPeople(tmp_path, FileKeyRing.create(tmp_path / "keys")), os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data)[:5]))
    file.add([3, 70_000])
    assert file.numbers() == {3, 70_000}

    def full(handle: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "full")
        return write(handle, bytes(data)[:5])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ConsentUnavailable):
        file.add([4])
    assert file.numbers() == {3, 70_000}


async def test_nobody_is_erased_who_could_come_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an erasure cannot be remembered outside the database it does not happen."""
    async with opened(folder) as site:
        customer = site.customers()[0]
        request = await asked_to_be_erased(site, customer)

        def full(*_: object) -> None:
            raise ConsentUnavailable("no space")

        monkeypatch.setattr(ShreddedPeople, "add", full)
        with pytest.raises(SekishoError):
            await erased(site, request)
        assert await site.workspace.people.number_of(DataSubjectRef("customer_id", str(customer))) is not None


async def test_the_log_tells_who_was_erased(folder: Path) -> None:
    """Records of the log, or of an export, name the numbers that were erased, to whoever has the keys."""
    async with opened(folder) as site:
        customer = site.customers()[2]
        number = site.number_of(customer)
        await erased(site, await asked_to_be_erased(site, customer))
        records = await site.records("data_subject.erase")
        keys, database = site.workspace.keys, site.workspace.database
        assert records[0]["id"] == f"erase-{subject_ref(keys.derive('subject-ref'), number)[:30]}"
        assert await database.read(lambda connection: erased_by_log(connection, keys)) == [number]
        assert await database.read(lambda connection: erased_by_log(connection, keys, records)) == [number]
        assert await database.read(lambda connection: erased_by_log(connection, keys, [])) == []
