"""Scheduled exports: every record once, whatever the clocks do, and no range left out."""

from __future__ import annotations

import asyncio
import random
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import orjson
import pytest

from sekisho.adapters.records.exports.schedule import ScheduledExports
from sekisho.audit_verify import verify_export
from sekisho.audit_verify.verdict import VerificationFailed
from sekisho.domain.audit_export import Every, ExportFormat
from sekisho.ports import AuditQuery
from sekisho.settings import ExportSchedule
from tests.adapters.records.export_world import SetClock, opened_log, release, seqs_in, stored


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
async def log(database, keys, tmp_path, clock):
    """A log in which nothing happened yet."""
    async with opened_log(database, keys, tmp_path, clock) as opened:
        yield opened


def every_hour(folder, form: ExportFormat = ExportFormat.NDJSON, keep: int | None = None) -> ExportSchedule:
    return ExportSchedule(form, Every.HOUR, folder, keep)


async def pass_hours(log, clock, hours: int, each: int = 3) -> None:
    """Let hours pass in which things happen."""
    for number in range(hours * each):
        clock.instant += timedelta(hours=1) / each
        await log.append(release(number))


def ranges(folders) -> list[tuple[str, str]]:
    return [tuple(folder.name.partition(".")[0].split("-")) for folder in folders]


async def test_each_hour_is_exported_once_it_is_over(log, clock, tmp_path):
    """The first export has everything so far; then one an hour, named by its range, from where the last one ended."""
    exports, schedule = ScheduledExports(log, clock, ()), every_hour(tmp_path / "out")
    assert await exports.catch_up(schedule) == []  # this hour is not over
    made = []
    for _ in range(4):
        await pass_hours(log, clock, 1)
        made += await exports.catch_up(schedule)
    assert ranges(made) == [(f"20261102T{h:02}0000Z", f"20261102T{h + 1:02}0000Z") for h in (9, 10, 11, 12)]
    found = [seq for folder in made for seq in seqs_in(folder, ExportFormat.NDJSON)]
    assert found == list(range(1, len(found) + 1))
    assert await exports.catch_up(schedule) == []
    for folder, (begin, end) in zip(made, ranges(made), strict=True):  # clocks agree here: times fit the name
        lines = (folder / "audit.ndjson").read_bytes().splitlines()
        times = [re.sub(r"[-:]|\.\d+", "", orjson.loads(line)["at"]) for line in lines]
        assert begin <= min(times) <= max(times) < end


@pytest.mark.parametrize("form", list(ExportFormat))
async def test_a_time_without_exports_is_made_good(log, clock, keys, tmp_path, form):
    """After hours in which none was made, each is made, of its own range, and proves itself."""
    exports, schedule = ScheduledExports(log, clock, ()), every_hour(tmp_path / "out", form)
    await pass_hours(log, clock, 2)
    made = await exports.catch_up(schedule)
    await pass_hours(log, clock, 5)
    later = await exports.catch_up(schedule)
    assert len(later) == 5
    told = ranges(made + later)
    assert all(end == begin for (_, end), (begin, _) in pairwise(told))
    for folder in made + later:
        verdict = verify_export(folder, keys.verification_key())
        assert verdict.ok, (folder.name, verdict)


@pytest.mark.parametrize("seed", range(4))
async def test_clocks_that_step_lose_and_repeat_nothing(log, database, clock, tmp_path, seed):
    """With a clock that jumps to and fro between records, every record is in exactly one export."""
    exports, schedule, chance = ScheduledExports(log, clock, ()), every_hour(tmp_path / "out"), random.Random(seed)
    for number in range(60):
        clock.instant += timedelta(minutes=chance.choice([-90, -1, 5, 20, 45, 130]))
        await log.append(release(number))
        if chance.random() < 0.3:
            await exports.catch_up(schedule)
    clock.instant = datetime(2026, 12, 1, tzinfo=UTC)
    await log.append(release())
    await exports.catch_up(schedule)
    folders = sorted(path for path in (tmp_path / "out").iterdir() if path.is_dir())
    found = [seq for folder in folders for seq in seqs_in(folder, ExportFormat.NDJSON)]
    assert found == list(range(1, len(found) + 1))
    assert len(found) < len(await stored(database))  # the newest are of a period that is not over
    assert all(end == begin for (_, end), (begin, _) in pairwise(ranges(folders)))


async def test_so_many_are_kept_and_the_rest_is_deleted_on_record(log, clock, tmp_path):
    """The oldest go, and the log says so; the next one still begins where the last one ended."""
    exports, schedule = ScheduledExports(log, clock, ()), every_hour(tmp_path / "out", keep=2)
    made = []
    for _ in range(4):
        await pass_hours(log, clock, 1)
        made += await exports.catch_up(schedule)
    assert [folder.exists() for folder in made] == [False, False, True, True]
    deleted = await log.search(AuditQuery(kind="export.delete"))
    assert [record["export"] for record in deleted] == [folder.name for folder in made[:2]]
    begun = await log.search(AuditQuery(kind="export.create"))
    assert [record["first_seq"] for record in begun][1:] == [record["last_seq"] + 1 for record in begun][:-1]


async def test_one_worker_makes_them(log, clock, tmp_path):
    """Two that look at once make each export once."""
    first, second = ScheduledExports(log, clock, ()), ScheduledExports(log, clock, ())
    schedule = every_hour(tmp_path / "out")
    await pass_hours(log, clock, 3)
    made = await asyncio.gather(first.catch_up(schedule), second.catch_up(schedule))
    assert sorted(map(len, made)) == [0, 1]
    assert len(await log.search(AuditQuery(kind="export.create"))) == 1


async def test_a_changed_newest_export_stops_the_schedule(log, clock, tmp_path):
    """Where to go on is believed from a sealed manifest only: one that was changed makes no gap."""
    exports, schedule = ScheduledExports(log, clock, ()), every_hour(tmp_path / "out")
    await pass_hours(log, clock, 1)
    (made,) = await exports.catch_up(schedule)
    path = made / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"last_seq": ', b'"last_seq": 9'))
    await pass_hours(log, clock, 1)
    with pytest.raises(VerificationFailed):
        await exports.catch_up(schedule)


async def test_what_a_crash_left_is_made_anew(log, clock, tmp_path):
    """Half an export has no name of an export, and is thrown away."""
    exports, schedule = ScheduledExports(log, clock, ()), every_hour(tmp_path / "out")
    left = tmp_path / "out" / ".20261102T090000Z-20261102T100000Z.ndjson.partial"
    left.mkdir(parents=True)
    (left / "audit.ndjson").write_bytes(b"half")
    await pass_hours(log, clock, 1)
    (made,) = await exports.catch_up(schedule)
    assert not left.exists()
    assert seqs_in(made, ExportFormat.NDJSON)[0] == 1


async def test_days_are_those_of_utc(log, clock, tmp_path):
    """A day's export is named from midnight to midnight, UTC."""
    exports = ScheduledExports(log, clock, ())
    schedule = ExportSchedule(ExportFormat.CSV, Every.DAY, tmp_path / "out")
    await pass_hours(log, clock, 20, each=1)
    (made,) = await exports.catch_up(schedule)
    assert made.name == "20261102T000000Z-20261103T000000Z.csv"
