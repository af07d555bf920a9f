"""Somebody changes the audit log: in an export, in the database, with every hash computed anew.

The logs here are forged by the tests from the documented formulas, so that an attacker with full rights on
the database can be played to the end: he may write whatever he likes, except a signature.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_export import export_raw
from sekisho.adapters.records.database import Database, migrate
from sekisho.audit_verify import Outcome, Verdict, verify_database, verify_export, verify_path, verify_rows
from sekisho.domain.note import Head, format_key, head_text, parse_key, parse_note, sign_note
from sekisho.domain.record import (
    StoredRecord,
    canonical,
    genesis,
    indexed,
    next_link,
    subject_ref,
    subject_set,
    timestamp,
)
from sekisho.errors import AuditUnavailable, InvalidRequest
from sekisho.ports import AuditEntry

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
VKEY = format_key("log", PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
STRANGER = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
START = datetime(2026, 11, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Log:
    """A whole log as a database and a folder of heads would tell it."""

    rows: tuple[StoredRecord, ...]
    people: tuple[tuple[int, bytes], ...]
    stored: tuple[str, ...]
    saved: tuple[str, ...]

    def verify(self, since: str | None = None) -> Verdict:
        """Return what verification finds."""
        return verify_rows(iter(self.rows), self.stored, self.people, self.saved, VKEY, since=since)


def build(writers: list[int], fields: dict[int, dict[str, object]] | None = None) -> Log:
    """Write a log: record i + 1 is by writer ``writers[i]``; *fields* replaces what a record says.

    A head is signed after every record, as a log with one record to a commit does.
    """
    fields = fields or {}
    size: dict[str, int] = {}
    chain: dict[str, bytes] = {}
    rows: list[StoredRecord] = []
    people: list[tuple[int, bytes]] = []
    heads: list[str] = []
    for seq, number in enumerate(writers, start=1):
        writer = f"writer-{number}"
        wseq, prev = size.get(writer, 0), chain.get(writer, genesis(writer))
        subjects = subject_set([subject_ref(b"r" * 32, n) for n in range(seq % 4)])
        said: dict[str, object] = {"requester": "recommender", "purpose": "recommendation", "rows": seq}
        if subjects.count:
            said["subjects"] = {"n": subjects.count, "digest": subjects.digest}
            people += [(seq, ref) for ref in subjects.refs]
        said |= fields.get(seq, {})
        record = said | {
            "v": 1, "id": f"id-{seq}", "seq": seq, "writer": writer, "wseq": wseq, "prev": prev.hex(),
            "at": timestamp(START + timedelta(seconds=seq)), "kind": "access.release",
        }  # fmt: skip
        if wseq == 0:
            last = rows[-1] if rows else None
            record["kind"] = "writer.open"
            record["follows"] = last and {"writer": last.writer, "wseq": last.wseq, "chain": last.chain.hex()}
        data = canonical(record)
        chain[writer], size[writer] = next_link(prev, data), wseq + 1
        rows.append(StoredRecord(seq, f"id-{seq}", writer, wseq, *indexed(record), data, chain[writer]))
        text = head_text(Head(writer, wseq + 1, chain[writer]))
        heads.append(sign_note(text, parse_key(VKEY), PRIVATE.sign))
    return Log(tuple(rows), tuple(people), tuple(heads), tuple(heads))


CLEAN = build([1, 1, 2, 1, 2, 2, 1, 1, 3, 2, 3, 3, 1, 2, 3, 1])
LAST = len(CLEAN.rows)
ORDERS = st.lists(st.integers(1, 4), min_size=1, max_size=30)


@given(ORDERS)
def test_clean_logs_raise_no_alarm(writers):
    """However writers interleave, an untouched log is found to be what was written."""
    log = build(writers)
    verdict = log.verify()
    assert verdict.ok, verdict
    assert (verdict.records, verdict.writers, verdict.unsigned_tail) == (len(writers), len(set(writers)), 0)


@given(ORDERS, st.data())
def test_clean_logs_continue_every_checkpoint_ever_signed(writers, data):
    """Any head kept at any time is a prefix of an untouched log."""
    log = build(writers)
    assert log.verify(since=data.draw(st.sampled_from(log.saved))).ok


def tampered(rows: list[StoredRecord] | tuple[StoredRecord, ...], **changes: Any) -> Verdict:
    """Verify the clean log with other *rows*, demand that it is found out, and return the verdict."""
    verdict = replace(CLEAN, rows=tuple(rows), **changes).verify()
    assert verdict.outcome is Outcome.TAMPERED, verdict
    return verdict


@given(st.integers(0, LAST - 1), st.data())
def test_a_flipped_byte_in_a_record_is_found_and_the_record_is_named(place, data):
    """Any byte of any record, set to any other value, is found at exactly that record."""
    row = CLEAN.rows[place]
    at = data.draw(st.integers(0, len(row.record) - 1))
    flip = data.draw(st.integers(1, 255))
    record = bytearray(row.record)
    record[at] ^= flip
    rows = list(CLEAN.rows)
    rows[place] = row._replace(record=bytes(record))
    bad = tampered(rows).bad
    assert bad is not None
    assert bad.seq == place + 1


@given(st.integers(0, LAST - 1), st.sampled_from(StoredRecord._fields))
def test_a_changed_column_beside_a_record_is_found(place, column):
    """Columns are what people search by: one that says something else than its record hides it."""
    row = CLEAN.rows[place]
    value = getattr(row, column)
    other = value[:-1] + b"!" if isinstance(value, bytes) else value + 1 if isinstance(value, int) else "other"
    if column == "seq":
        return  # the order of the rows is its own test
    rows = list(CLEAN.rows)
    rows[place] = row._replace(**{column: other})
    bad = tampered(rows).bad
    assert bad is not None
    assert bad.seq == place + 1


@given(st.integers(0, LAST - 1), st.integers(1, LAST))
def test_deleted_records_are_found(place, number):
    """A stretch of records taken out, at the beginning, in the middle or at the end, is found."""
    bad = tampered(CLEAN.rows[:place] + CLEAN.rows[place + number :], people=()).bad
    assert bad is not None


@given(st.integers(0, LAST - 1), st.integers(0, LAST - 1))
def test_swapped_duplicated_and_moved_records_are_found(one, other):
    """No record can stand in another's place, twice, or somewhere else."""
    rows = list(CLEAN.rows)
    assert tampered([*rows[:other], rows[one], *rows[other:]]).bad is not None
    if one != other:
        rows[one], rows[other] = rows[other], rows[one]
        bad = tampered(rows).bad
        assert bad is not None
        assert bad.seq == min(one, other) + 1


@given(st.integers(0, LAST - 1), st.integers(-(10**6), 10**6).filter(bool))
def test_a_record_moved_in_time_is_found(place, seconds):
    """Another time in the record and in its column, everything else as it was, is found."""
    row = CLEAN.rows[place]
    said = json.loads(row.record) | {"at": timestamp(START + timedelta(seconds=place + 1 + seconds))}
    rows = list(CLEAN.rows)
    rows[place] = row._replace(record=canonical(said), at=indexed(said).at)
    bad = tampered(rows).bad
    assert bad is not None
    assert bad.seq == place + 1


@given(st.integers(1, LAST))
def test_a_rewritten_and_rechained_history_is_exposed_by_the_saved_heads(seq):
    """With full rights on the database every hash can be made to fit, but not the heads saved outside."""
    forged = build([int(row.writer[-1]) for row in CLEAN.rows], {seq: {"requester": "somebody else"}})
    assert forged.verify().ok  # in itself the forgery is flawless: that is the attack
    chained = replace(forged, stored=(), saved=CLEAN.saved)
    verdict = chained.verify()
    assert verdict.outcome is Outcome.TAMPERED
    assert verdict.bad is not None
    assert (verdict.bad.writer, verdict.bad.wseq) == (CLEAN.rows[seq - 1].writer, CLEAN.rows[seq - 1].wseq)


@given(st.integers(1, LAST), st.integers(1, LAST))
def test_a_rewritten_history_is_exposed_by_a_checkpoint_alone(seq, kept):
    """Somebody outside who kept one head exposes any change before it, heads deleted or not."""
    forged = build([int(row.writer[-1]) for row in CLEAN.rows], {seq: {"requester": "somebody else"}})
    without = replace(forged, stored=(), saved=())
    verdict = without.verify(since=CLEAN.saved[kept - 1])
    covered = CLEAN.rows[seq - 1].wseq < CLEAN.rows[kept - 1].wseq + 1
    if CLEAN.rows[seq - 1].writer == CLEAN.rows[kept - 1].writer and covered:
        assert verdict.outcome is Outcome.TAMPERED
    else:
        assert not verdict.ok  # records that no head vouches for are never called proven


def test_a_later_chain_vouches_for_the_one_it_follows():
    """Somebody who kept a head of a later writer alone still exposes a rewritten earlier one."""
    clean = build([1, 1, 1, 2, 2])
    forged = build([1, 1, 1], {2: {"requester": "somebody else"}})
    mixed = replace(clean, rows=(*forged.rows, *clean.rows[3:]), stored=(), saved=clean.saved[-1:])
    verdict = mixed.verify()
    assert verdict.outcome is Outcome.TAMPERED
    assert verdict.bad is not None
    assert (verdict.bad.writer, verdict.bad.wseq) == ("writer-1", 2)  # how far the forged chain goes


def test_without_any_head_nothing_is_proven():
    """A log whose heads are all gone is not called proven, however well it is chained."""
    assert replace(CLEAN, stored=(), saved=()).verify().outcome is Outcome.INCOMPLETE
    assert replace(CLEAN, saved=()).verify().outcome is Outcome.INCOMPLETE
    assert Log((), (), (), ()).verify().outcome is Outcome.INCOMPLETE


@given(st.integers(1, LAST))
def test_a_tail_cut_off_is_exposed_by_the_saved_heads(cut):
    """Records deleted from the end, with their heads in the database, are missed by the heads outside."""
    rows = CLEAN.rows[: LAST - cut]
    people = tuple(pair for pair in CLEAN.people if pair[0] <= LAST - cut)
    verdict = tampered(rows, people=people, stored=CLEAN.stored[: LAST - cut])
    assert verdict.bad is not None
    assert "cut off or rolled back" in verdict.finding


@given(st.integers(1, LAST - 1))
def test_records_after_the_newest_saved_head_are_told(seq):
    """What only the database vouches for is counted; what nothing vouches for is not proven."""
    verdict = replace(CLEAN, saved=CLEAN.saved[:seq]).verify()
    assert verdict.ok
    assert verdict.unsigned_tail == LAST - len(CLEAN.saved[:seq])
    unsigned = replace(CLEAN, saved=CLEAN.saved[:seq], stored=CLEAN.stored[:seq]).verify()
    assert unsigned.outcome is Outcome.INCOMPLETE


@given(st.integers(0, LAST - 1), st.booleans())
def test_people_cannot_be_added_or_taken_away(place, add):
    """Who is noted beside a record is what its digest stands for: nobody can be hidden or slandered."""
    if add:
        people = sorted({*CLEAN.people, (place + 1, b"\x01" * 16)})
    else:
        people = [pair for n, pair in enumerate(CLEAN.people) if n != place % len(CLEAN.people)]
    tampered(CLEAN.rows, people=tuple(people))


def test_a_head_by_a_stranger_is_untrusted():
    """Heads signed by another key say so: the log may be another one, or the key was changed."""
    key = parse_key(format_key("log", STRANGER.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)))
    last = parse_note(CLEAN.saved[-1]).text
    stranger = sign_note(last, key, STRANGER.sign)
    assert replace(CLEAN, saved=(*CLEAN.saved[:-1], stranger)).verify().outcome is Outcome.UNTRUSTED
    forged = sign_note(last, parse_key(VKEY), STRANGER.sign)  # under our name and key id
    assert replace(CLEAN, saved=(*CLEAN.saved[:-1], forged)).verify().outcome is Outcome.TAMPERED


def test_a_wrong_key_or_checkpoint_is_a_wrong_use():
    """What cannot be a key or a checkpoint is refused before anything is judged."""
    with pytest.raises(InvalidRequest):
        verify_rows((), (), (), (), "not a key")
    with pytest.raises(InvalidRequest):
        CLEAN.verify(since="no/such/file")
    with pytest.raises(InvalidRequest):
        CLEAN.verify(since="not\na note")


# ---- exports and the real database -----------------------------------------------------------------


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
    assert verify_export(site.export, VKEY).outcome is Outcome.UNTRUSTED


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
