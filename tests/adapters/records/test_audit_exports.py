"""Exports hold what the log holds: every record of a range once, in every form, and nothing of a person."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.adapters.records.audit_export import export_audit
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.exports import bounds, writing
from sekisho.adapters.records.exports.forms import HashedFile
from sekisho.adapters.records.exports.proving import Covering
from sekisho.adapters.records.exports.writing import ExportTooLarge, Pace, write_export
from sekisho.audit_verify import Outcome, verify_export, verify_path
from sekisho.domain.audit_export import EVENTS_FILES, ExportFilters, ExportFormat, ExportOrder
from sekisho.domain.checkpoint import Checkpoint, sign_checkpoint
from sekisho.domain.note import parse_key
from sekisho.domain.record import subject_ref
from sekisho.domain.tlog import leaf_hash, tree_root
from sekisho.errors import InvalidRequest, TamperedLog
from tests.adapters.records.export_world import START, SetClock, fill, opened_log, release, seqs_in, seqs_of, stored
from tests.intruder import disarm

FORMS = list(ExportFormat)
LINES = [form for form in FORMS if form is not ExportFormat.RAW]


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
async def log(database, keys, tmp_path, clock):
    """A log with a record of each kind."""
    async with opened_log(database, keys, tmp_path, clock) as opened:
        await fill(opened, clock)
        yield opened


@pytest.mark.parametrize("group", [3, 2_000])
async def test_every_form_has_one_event_for_each_record(log, database, keys, tmp_path, monkeypatch, group):
    """The same range has the same count in every form, whatever the size of the groups, and each is verified."""
    monkeypatch.setattr(writing, "_GROUP", group)
    expected = seqs_of(await stored(database))
    for form in FORMS:
        done = await write_export(log, ExportOrder(form), tmp_path / form, upto=len(expected))
        assert seqs_in(tmp_path / form, form) == expected
        verdict = verify_export(tmp_path / form, keys.verification_key())
        assert verdict.ok, verdict
        manifest = json.loads((tmp_path / form / "manifest.json").read_bytes())
        assert verdict.records == done.records == manifest["records"] == len(expected)
        assert manifest["format"] == form


async def test_a_head_cut_inside_a_character_keeps_no_export_from_being_made(log, keys, tmp_path):
    """A write of a head that a full disk or a crash cut short is left out of the export."""
    whole = next((tmp_path / "heads").glob("*.heads"))
    cut = whole.read_bytes()
    (tmp_path / "heads" / "cut.heads").write_bytes(cut[: cut.rindex("\u2014".encode()) + 2])
    await export_audit(log, ExportOrder(ExportFormat.RAW), tmp_path / "out")
    assert verify_export(tmp_path / "out", keys.verification_key()).ok


@pytest.mark.parametrize("form", FORMS)
async def test_each_file_of_each_form_is_sealed(log, keys, tmp_path, form):
    """Any changed byte, cut end or lost file of any file is found."""
    await export_audit(log, ExportOrder(form), tmp_path / "whole")
    key, chance = keys.verification_key(), random.Random(form)
    assert verify_export(tmp_path / "whole", key).ok
    for path in sorted((tmp_path / "whole").iterdir()):
        content = path.read_bytes()
        at = chance.randrange(len(content))
        changes = [
            content[:at] + bytes([content[at] ^ chance.randrange(1, 256)]) + content[at + 1 :],
            content[:at],
            content + b"\n",
            content[:at] + content[at + 1 :],
        ]
        copy = tmp_path / "copy"
        for changed in changes:
            shutil.copytree(tmp_path / "whole", copy)
            (copy / path.name).write_bytes(changed)
            assert verify_export(copy, key).outcome in {Outcome.TAMPERED, Outcome.UNTRUSTED, Outcome.INCOMPLETE}
            shutil.rmtree(copy)
        shutil.copytree(tmp_path / "whole", copy)
        (copy / path.name).unlink()
        assert verify_export(copy, key).outcome is Outcome.INCOMPLETE
        shutil.rmtree(copy)


MOVED = {"at its beginning": [4], "at its end": [18], "in it": [8], "all of it": range(4, 19)}


@pytest.mark.parametrize("form", [ExportFormat.RAW, ExportFormat.NDJSON])
@pytest.mark.parametrize("where", MOVED)
async def test_no_export_is_made_without_a_record_that_was_put_into_another_time(
    log, database, tmp_path, monkeypatch, form, where
):
    """A column that says another time than its record hides it from no range: the export is refused, or has it."""
    monkeypatch.setattr(bounds, "_BESIDE", 2)
    order = ExportOrder(form, since=START + timedelta(minutes=20), until=START + timedelta(minutes=120))
    await export_audit(log, order, tmp_path / "honest")
    honest = seqs_in(tmp_path / "honest", form)
    assert honest == list(range(4, 19))

    def move(connection: sa.Connection) -> None:
        disarm(connection)
        seqs = ", ".join(map(str, MOVED[where]))
        connection.exec_driver_sql(f"UPDATE audit_record SET at = at - 86400000000 WHERE seq IN ({seqs})")

    await database.run(move)
    with suppress(TamperedLog):
        await export_audit(log, order, tmp_path / "moved")
        assert seqs_in(tmp_path / "moved", form) == honest
        assert (form, where) == (ExportFormat.RAW, "in it")


async def test_the_files_of_two_exports_cannot_be_mixed(log, keys, tmp_path):
    """A file of another sealed export is not the one in the manifest."""
    for name, until in (("one", None), ("other", START + timedelta(hours=1))):
        await export_audit(log, ExportOrder(ExportFormat.CSV, until=until), tmp_path / name)
    shutil.copy(tmp_path / "other" / "audit.csv", tmp_path / "one" / "audit.csv")
    assert verify_export(tmp_path / "one", keys.verification_key()).outcome is Outcome.TAMPERED


async def test_only_a_raw_export_gives_records_back(log, keys, tmp_path):
    """Another form, with records.ndjson laid beside it, is no raw export."""
    await export_audit(log, ExportOrder(ExportFormat.CSV), tmp_path / "csv")
    (tmp_path / "csv" / "records.ndjson").write_bytes(b'{"kind":"consent.give"}\n')
    assert verify_export(tmp_path / "csv", keys.verification_key()).ok
    assert verify_export(tmp_path / "csv", keys.verification_key(), raw_only=True).outcome is Outcome.INCOMPLETE


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    cuts=st.lists(st.integers(-30, 400), min_size=0, max_size=5), form=st.sampled_from(LINES), seed=st.integers(0, 99)
)
def test_consecutive_ranges_are_the_whole_log(url, keys, tmp_path_factory, cuts, form, seed):
    """Exports from cut to cut have every record between them once, though clocks of writers differ."""

    async def check() -> None:
        database, chance = Database(url), random.Random(seed)
        folder = tmp_path_factory.mktemp("ranges")
        clock = SetClock()
        try:
            async with opened_log(database, keys, folder, clock) as log:
                for number in range(12):
                    clock.instant += timedelta(minutes=chance.randrange(-40, 60))  # a clock that steps
                    await log.append(release(number))
                expected = seqs_of(await stored(database))
                edges = [None, *(START + timedelta(minutes=cut) for cut in sorted(cuts)), None]
                found: list[int] = []
                for number, (since, until) in enumerate(pairwise(edges)):
                    part = folder / str(number)
                    await write_export(log, ExportOrder(form, since, until), part, upto=expected[-1])
                    assert verify_export(part, keys.verification_key()).ok
                    found += seqs_in(part, form)
                assert sorted(found) == expected
        finally:
            await database.close()
            shutil.rmtree(folder)

    asyncio.run(check())


async def test_from_is_inclusive_and_to_is_exclusive(log, database, clock, tmp_path):
    """A record at the very instant is in the range that begins there, not in the one that ends there."""
    clock.instant += timedelta(hours=1)
    receipt = await log.append(release())
    at = clock.instant
    assert json.loads((await stored(database))[receipt.seq - 1])["at"] == at.isoformat().replace("+00:00", "Z")
    for name, order in (
        ("from", ExportOrder(ExportFormat.OCSF, since=at)),
        ("to", ExportOrder(ExportFormat.OCSF, until=at)),
    ):
        await write_export(log, order, tmp_path / name)
    assert seqs_in(tmp_path / "from", ExportFormat.OCSF)[0] == receipt.seq
    assert seqs_in(tmp_path / "to", ExportFormat.OCSF)[-1] == receipt.seq - 1


@pytest.mark.parametrize(
    ("filters", "has"),
    [
        (ExportFilters(requester="analyst"), lambda r: r.get("requester") == "analyst"),
        (ExportFilters(purpose="newsletter"), lambda r: r.get("purpose") == "newsletter"),
        (ExportFilters(decision="deny"), lambda r: r.get("decision") == "deny"),
        (ExportFilters(kind="access.void"), lambda r: r["kind"] == "access.void"),
        (ExportFilters(requester="recommender", decision="permit"), lambda r: r.get("requester") == "recommender"
         and r.get("decision") == "permit"),
        (ExportFilters(data_subject=""), lambda r: False),
    ],
    ids=["requester", "purpose", "decision", "kind", "two", "nobody"],
)  # fmt: skip
async def test_filters_take_the_records_of_which_they_are_true(log, database, keys, tmp_path, filters, has):
    """Exactly the records that match; the manifest says by what, and the raw form refuses."""
    everything = [json.loads(record) for record in await stored(database)]
    done = await write_export(log, ExportOrder(ExportFormat.NDJSON, filters=filters), tmp_path / "out")
    assert seqs_in(tmp_path / "out", ExportFormat.NDJSON) == [r["seq"] for r in everything if has(r)]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest["filters"] == filters.told()
    assert verify_export(tmp_path / "out", keys.verification_key()).records == done.records
    with pytest.raises(InvalidRequest):
        await export_audit(log, ExportOrder(ExportFormat.RAW, filters=filters), tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


async def test_a_person_is_found_and_not_named(log, database, tmp_path):
    """By person there are exactly the records about them; manifest and record do not say about whom."""
    ref = subject_ref(b"r" * 32, 2)
    order = ExportOrder(ExportFormat.OCSF, filters=ExportFilters(data_subject=ref))
    done = await export_audit(log, order, tmp_path / "out")
    assert done.records == 3  # releases of three people, and one of the odd ones
    assert json.loads((tmp_path / "out" / "manifest.json").read_bytes())["filters"] == {"data_subject": True}
    assert json.loads((await stored(database))[-1])["filtered_by"] == ["data_subject"]
    for path in (tmp_path / "out").iterdir():
        assert ref.encode() not in path.read_bytes()


@pytest.mark.parametrize("form", FORMS)
async def test_no_export_names_a_person(log, tmp_path, form):
    """References of the people in releases are beside the records, and in no file of any export."""
    await export_audit(log, ExportOrder(form), tmp_path / "out")
    content = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    for number in range(4):
        assert subject_ref(b"r" * 32, number).encode() not in content
        assert bytes.fromhex(subject_ref(b"r" * 32, number)) not in content


@pytest.mark.parametrize("ends", [True, False], ids=["bounded", "to the end"])
async def test_a_raw_range_of_a_log_with_several_runs_is_verified(database, keys, tmp_path, ends):
    """Heads of runs before the range say nothing about it, and do not make it incomplete."""
    clock = SetClock()
    times = []
    for _ in range(3):
        async with opened_log(database, keys, tmp_path, clock) as log:
            for number in range(6):
                times.append(clock.instant)
                clock.instant += timedelta(minutes=1)
                await log.append(release(number))
    async with opened_log(database, keys, tmp_path, clock) as log:
        for since, until in ((5, 9), (8, 16), (13, 17), (1, 2)):
            order = ExportOrder(ExportFormat.RAW, times[since], times[until] if ends else None)
            folder = tmp_path / f"{since}-{until}"
            await export_audit(log, order, folder)
            verdict = verify_export(folder, keys.verification_key())
            assert verdict.ok, (since, until, verdict)


async def test_a_log_that_goes_on_meanwhile_is_no_tampering(log, keys, clock, tmp_path):
    """A raw export up to a record, made after other runs wrote on, has no head of what came later."""
    upto = (await log.append(release())).seq
    async with opened_log(log.database, keys, tmp_path, clock) as other:
        for number in range(5):
            await other.append(release(number))
            await log.append(release(number))
        done = await write_export(log, ExportOrder(ExportFormat.RAW), tmp_path / "out", upto=upto)
    assert done.last_seq == upto
    verdict = verify_export(tmp_path / "out", keys.verification_key())
    assert verdict.ok, verdict


async def test_a_checkpoint_goes_along_and_is_held_against_the_records(log, database, keys, tmp_path):
    """A checkpoint is in the manifest; one of another tree or of another log is found, none is left out."""
    key = parse_key(keys.verification_key())

    class Proving:
        def __init__(self, name: str, root: bytes | None = None) -> None:
            self.name, self.root = name, root

        async def covering(self, seq: int) -> Covering:
            leaves = [leaf_hash(record) for record in await stored(database)][:seq]
            note = sign_checkpoint(Checkpoint(self.name, seq, self.root or tree_root(leaves)), key, keys.sign)
            return Covering(note, None, lambda level, place: tree_root(leaves[place << level : (place + 1) << level]))

    for name, proving, outcome in (
        ("right", Proving(key.name), Outcome.OK),
        ("wrong", Proving(key.name, b"\1" * 32), Outcome.TAMPERED),
    ):
        await export_audit(log, ExportOrder(ExportFormat.RAW), tmp_path / name, proving=proving)
        verdict = verify_path(tmp_path / name, keys.verification_key())
        assert verdict.outcome is outcome, verdict
    foreign = Proving("another.example/log")
    await export_audit(log, ExportOrder(ExportFormat.CEF), tmp_path / "foreign", proving=foreign)
    assert verify_export(tmp_path / "foreign", keys.verification_key()).outcome is Outcome.TAMPERED
    await export_audit(log, ExportOrder(ExportFormat.CEF), tmp_path / "none")
    assert not (tmp_path / "none" / "checkpoint").exists()


async def test_what_fails_leaves_nothing_behind(log, tmp_path, monkeypatch):
    """An export that is too large, or breaks, leaves no file that could be taken for one."""
    with pytest.raises(ExportTooLarge):
        await write_export(log, ExportOrder(ExportFormat.CSV), tmp_path / "large", pace=Pace(most_bytes=100))
    assert not (tmp_path / "large" / "manifest.json").exists()

    def broken(*_: object) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr(HashedFile, "write", broken)
    empty = tmp_path / "empty"
    await asyncio.to_thread(empty.mkdir)
    for folder in (empty, tmp_path / "new"):
        with pytest.raises(OSError, match="no room"):
            await export_audit(log, ExportOrder(ExportFormat.CSV), folder)
    assert not list(empty.iterdir())
    assert not (tmp_path / "new").exists()


async def test_progress_goes_from_nothing_to_all(log, tmp_path, monkeypatch):
    """Who watches is told how much is done, ever more, up to all of it."""
    monkeypatch.setattr(writing, "_GROUP", 5)
    told: list[float] = []
    await export_audit(log, ExportOrder(ExportFormat.CEF), tmp_path / "out", told=told.append)
    assert told == sorted(told)
    assert told[0] < 0.5
    assert told[-1] == 1.0
    assert (tmp_path / "out" / EVENTS_FILES[ExportFormat.CEF]).is_file()
