"""Somebody changes an export of the audit log, or the database behind it, with the files in hand."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.intruder import disarm

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_export import export_raw
from sekisho.adapters.records.database import Database, migrate
from sekisho.audit_verify import Outcome, Verdict, verify_database, verify_export, verify_path
from sekisho.audit_verify.proofs import lines_of
from sekisho.domain.record import (
    MAX_RECORD_BYTES,
    StoredRecord,
    canonical,
    genesis,
    next_link,
    subject_ref,
)
from sekisho.errors import AuditUnavailable, InvalidRequest
from sekisho.ports import AuditEntry

# The example key of the note format's reference implementation: a valid key, but not this log's.
STRANGER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


@dataclass(frozen=True)
class Site:
    """A real workspace: database, saved heads and a raw export of everything."""

    folder: Path
    vkey: str

    @property
    def export(self) -> Path:
        """The export's folder."""
        return self.folder / "export"

    def verify(self) -> Verdict:
        """Verify the database against the saved heads."""
        return verify_database(self.folder / "own.db", self.folder / "heads", self.vkey)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two runs of a log on SQLite, 24 records, and a raw export."""
    folder = tmp_path_factory.mktemp("site")
    url = f"sqlite:///{folder}/own.db"
    migrate(url)
    keys = FileKeyRing.create(folder / "keys")

    async def live() -> None:
        database = Database(url)
        for run in range(2):
            log = SqlAuditLog(database, keys, SystemClock(), folder / "heads")
            await log.start()
            for number in range(10):
                subjects = [subject_ref(b"r" * 32, n) for n in range(number % 3)]
                fields = {"requester": "recommender", "purpose": "推薦", "rows": number, "subjects": subjects}
                await log.append(AuditEntry("access.release", fields))
            if run == 1:
                await export_raw(log, folder / "export")
            await log.close()
        await database.close()

    asyncio.run(live())
    return Site(folder, keys.verification_key())


FILES = ["records.ndjson", "heads.txt", "manifest.json", "manifest.note"]


def test_a_clean_export_and_its_database_are_proven(site):
    """Both are what was written, and say how much was checked."""
    export, database = verify_export(site.export, site.vkey), site.verify()
    assert export.ok, export
    assert database.ok, database
    assert (export.records, database.records, export.unsigned_tail) == (24, 25, 0)  # the last one closes
    assert verify_path(site.export, site.vkey).ok
    assert verify_path(site.folder / "own.db", site.vkey).ok
    assert export.as_dict()["exit_code"] == 0


def test_an_export_continues_from_a_head_kept_earlier(site):
    """The heads of an export are checkpoints for the next one, given as text or as a file."""
    assert verify_export(site.export, site.vkey, since=str(site.export / "heads.txt")).ok
    text = (site.export / "heads.txt").read_text("utf-8")
    assert verify_export(site.export, site.vkey, since=text).ok


@settings(max_examples=300)
@given(st.data())
def test_every_changed_byte_of_an_export_is_found(site, tmp_path_factory, data):
    """Any byte of any file, set to any other value; a byte put in, taken out, or the end cut off."""
    name = data.draw(st.sampled_from(FILES))
    content = (site.export / name).read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    how = data.draw(st.sampled_from(["flip", "insert", "delete", "truncate"]))
    if how == "flip":
        changed = content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :]
    elif how == "insert":
        changed = content[:at] + bytes([data.draw(st.integers(0, 255))]) + content[at:]
    elif how == "delete":
        changed = content[:at] + content[at + 1 :]
    else:
        changed = content[:at]
    copy = tmp_path_factory.getbasetemp() / "mutant"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(site.export, copy)
    (copy / name).write_bytes(changed)
    verdict = verify_export(copy, site.vkey)
    assert not verdict.ok
    if name == "records.ndjson" and how == "flip":
        assert verdict.outcome is Outcome.TAMPERED
        assert verdict.bad is not None
        assert verdict.bad.seq == content[:at].count(b"\n") + 1


@pytest.mark.parametrize("name", FILES)
def test_a_device_in_the_place_of_a_file_is_a_missing_file(site, tmp_path, name):
    """What an archive can bring in the place of a file of an export, a pipe or a link to a device, is not read."""
    copy = Path(shutil.copytree(site.export, tmp_path / "device"))
    (copy / name).unlink()
    (copy / name).symlink_to("/dev/null")  # of the others nobody knows the end
    verdict = verify_path(copy, site.vkey)
    assert (verdict.outcome, verdict.finding) == (Outcome.INCOMPLETE, f"{name} is missing")


def test_people_noted_beside_no_record_at_all_are_tampering(site, tmp_path):
    """A list of people whose record is no number is found, as one beside another record is."""
    copy = Path(shutil.copytree(site.folder, tmp_path / "copy"))
    connection = sqlite3.connect(copy / "own.db")
    disarm(connection)
    connection.executescript(
        "CREATE TABLE other AS SELECT * FROM audit_subject; DROP TABLE audit_subject;"
        "ALTER TABLE other RENAME TO audit_subject; UPDATE audit_subject SET seq = NULL WHERE seq = 3;"
    )
    connection.close()
    assert Site(copy, site.vkey).verify().outcome is Outcome.TAMPERED


def test_a_line_without_an_end_is_not_read_whole(site, tmp_path):
    """A line longer than a record can be is damaged, by its number, and no more of it is held than a record takes."""
    copy = Path(shutil.copytree(site.export, tmp_path / "long"))
    lines = (copy / "records.ndjson").read_bytes().splitlines(keepends=True)
    (copy / "records.ndjson").write_bytes(b"".join([*lines[:5], b"x" * 10_000_000, *lines[5:]]))
    verdict = verify_export(copy, site.vkey)
    assert (verdict.outcome, verdict.bad and verdict.bad.seq) == (Outcome.TAMPERED, 6)
    assert max(map(len, lines_of(copy / "records.ndjson", MAX_RECORD_BYTES))) == MAX_RECORD_BYTES + 1


@pytest.mark.parametrize("seed", range(6))
def test_lines_of_an_export_cannot_be_moved(site, tmp_path, seed):
    """Records deleted, swapped, duplicated or put in between are named."""
    chance = random.Random(seed)
    lines = (site.export / "records.ndjson").read_bytes().splitlines(keepends=True)
    one, other = sorted(chance.sample(range(len(lines)), 2))
    changes = (
        [*lines[:one], *lines[one + 1 :]],
        [*lines[:one], lines[other], *lines[one + 1 : other], lines[one], *lines[other + 1 :]],
        [*lines[:one], lines[one], *lines[one:]],
        [*lines[:one], lines[other], *lines[one:]],
    )
    for number, changed in enumerate(changes):
        copy = tmp_path / str(number)
        shutil.copytree(site.export, copy)
        (copy / "records.ndjson").write_bytes(b"".join(changed))
        verdict = verify_export(copy, site.vkey)
        assert verdict.outcome is Outcome.TAMPERED
        assert verdict.bad is not None
        assert verdict.bad.seq in {one + 1, one + 2}


@pytest.mark.parametrize("change", [(b'"kind":"', b'"kind":"x'), (b'"prev":"', b'"prev":"00')])
@pytest.mark.parametrize("line", [11, 22, 23])
def test_the_last_records_of_a_writer_are_named_too(site, tmp_path, line, change):
    """A last record has no successor to accuse it; the sealed end of its chain does."""
    shutil.copytree(site.export, tmp_path / "copy")
    path = tmp_path / "copy" / "records.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    changed = lines[line].replace(*change)
    path.write_bytes(b"".join([*lines[:line], changed, *lines[line + 1 :]]))
    verdict = verify_export(tmp_path / "copy", site.vkey)
    assert verdict.outcome is Outcome.TAMPERED
    assert verdict.bad is not None
    assert verdict.bad.seq == line + 1


def test_the_last_line_end_is_a_byte_like_any_other(site, tmp_path):
    """A file whose records are all whole is still not the one that was sealed."""
    shutil.copytree(site.export, tmp_path / "copy")
    path = tmp_path / "copy" / "records.ndjson"
    path.write_bytes(path.read_bytes()[:-1])
    assert verify_export(tmp_path / "copy", site.vkey).outcome is Outcome.TAMPERED


@pytest.mark.parametrize("name", FILES)
def test_an_export_without_one_of_its_files_is_incomplete(site, tmp_path, name):
    """A missing file is told apart from a changed one."""
    shutil.copytree(site.export, tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    assert verify_export(tmp_path / "copy", site.vkey).outcome is Outcome.INCOMPLETE


def test_an_export_sealed_by_a_stranger_is_untrusted(site):
    """Whoever made the seal, it was not the key that is trusted."""
    assert verify_export(site.export, STRANGER).outcome is Outcome.UNTRUSTED


def test_a_second_signature_line_is_a_changed_byte(site, tmp_path):
    """A cosignature that nobody asked for is not accepted in a seal."""
    shutil.copytree(site.export, tmp_path / "copy")
    seal = tmp_path / "copy" / "manifest.note"
    seal.write_text(seal.read_text("utf-8") + "\u2014 witness AAAAAAAAAAA=\n", "utf-8")
    assert verify_export(tmp_path / "copy", site.vkey).outcome is Outcome.TAMPERED


def test_no_reference_of_a_person_leaves_in_an_export(site):
    """Exports carry digests of people; their keyed references stay in the database."""
    everything = b"".join(path.read_bytes() for path in site.export.iterdir())
    assert subject_ref(b"r" * 32, 0).encode() not in everything


def forge(file: Path, wseq: int) -> None:
    """Rewrite record *wseq* of the first writer and chain everything after it anew, in the database itself."""
    connection = sqlite3.connect(file)
    disarm(connection)
    rows = [StoredRecord(*row) for row in connection.execute("SELECT * FROM audit_record ORDER BY seq").fetchall()]
    chain: dict[str, bytes] = {}
    before: StoredRecord | None = None
    for row in rows:
        said = json.loads(row.record)
        if row.writer == rows[0].writer and row.wseq == wseq:
            said["requester"] = "somebody else"
        said["prev"] = chain.get(row.writer, genesis(row.writer)).hex()
        if before is not None and row.wseq == 0:
            said["follows"] = {"writer": before.writer, "wseq": before.wseq, "chain": before.chain.hex()}
        data = canonical(said)
        chain[row.writer] = next_link(chain.get(row.writer, genesis(row.writer)), data)
        before = row._replace(record=data, chain=chain[row.writer])
        connection.execute(
            "UPDATE audit_record SET record=?, chain=?, requester=? WHERE seq=?",
            (data, chain[row.writer], said.get("requester"), row.seq),
        )
    connection.execute("DELETE FROM audit_head")
    connection.commit()
    connection.close()


def test_a_database_rewritten_to_the_last_hash_is_exposed(site, tmp_path):
    """In the real file: a record rewritten, all chains anew, heads in the database removed; and named."""
    for part in ("own.db", "heads"):
        (shutil.copytree if part == "heads" else shutil.copy)(site.folder / part, tmp_path / part)
    forge(tmp_path / "own.db", 4)
    verdict = verify_database(tmp_path / "own.db", tmp_path / "heads", site.vkey)
    assert verdict.outcome is Outcome.TAMPERED
    assert verdict.bad is not None
    assert verdict.bad.wseq == 4
    assert "contradicts" in verdict.finding


async def test_an_honest_export_of_a_rewritten_database_does_not_launder_it(site, tmp_path):
    """The log's own key seals what the database says, but the saved heads go along and contradict it."""
    shutil.copy(site.folder / "own.db", tmp_path / "own.db")
    shutil.copytree(site.folder / "heads", tmp_path / "heads")
    forge(tmp_path / "own.db", 4)
    database = Database(f"sqlite:///{tmp_path}/own.db")
    log = SqlAuditLog(database, FileKeyRing(site.folder / "keys"), SystemClock(), tmp_path / "heads")
    await log.start()
    await export_raw(log, tmp_path / "export")
    await log.close()
    await database.close()
    assert verify_export(tmp_path / "export", site.vkey).outcome is Outcome.TAMPERED


async def test_an_export_of_a_range_is_proven_and_says_what_it_does_not_reach(site, tmp_path):
    """A range begins in the middle of chains and is proven all the same; a head beyond it is out of reach."""
    shutil.copy(site.folder / "own.db", tmp_path / "own.db")
    shutil.copytree(site.folder / "heads", tmp_path / "heads")
    database = Database(f"sqlite:///{tmp_path}/own.db")
    log = SqlAuditLog(database, FileKeyRing(site.folder / "keys"), SystemClock(), tmp_path / "heads")
    with pytest.raises(AuditUnavailable):
        await export_raw(log, tmp_path / "never")  # an export that is not recorded does not happen
    await log.start()
    connection = sqlite3.connect(tmp_path / "own.db")
    times = [
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
        for (at,) in connection.execute("SELECT at FROM audit_record ORDER BY seq")
    ]
    connection.close()
    made = await export_raw(log, tmp_path / "export", since=times[5], until=times[18])
    with pytest.raises(InvalidRequest):
        await export_raw(log, tmp_path / "export")
    with pytest.raises(InvalidRequest):
        await export_raw(log, tmp_path / "none", until=times[0])
    await log.close()
    await database.close()
    assert (made.first_seq, made.last_seq, made.records) == (6, 18, 13)
    verdict = verify_export(tmp_path / "export", site.vkey)
    assert verdict.ok, verdict
    assert verdict.records == 13
    beyond = verify_export(tmp_path / "export", site.vkey, since=str(site.export / "heads.txt"))
    assert beyond.outcome is Outcome.INCOMPLETE
