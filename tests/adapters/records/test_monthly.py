"""A month of the log is counted from its records, whatever they are, and never as if nothing was wrong."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import monthly
from sekisho.adapters.records.database import Database, migrate
from sekisho.audit_verify import Outcome
from sekisho.domain.monthly_tally import ProvisionKey
from sekisho.domain.record import canonical, genesis, next_link
from sekisho.errors import AuditUnavailable
from sekisho.ports import AuditEntry
from sekisho.ports.reports import MonthRead
from tests.adapters.records.month_world import (
    CELLS,
    TOKYO,
    Happening,
    World,
    at,
    in_hex,
    page,
    provided,
    refused,
    uuid7,
    withdrawal,
)
from tests.adapters.records.tree_world import change, records


@pytest.fixture
def world(database: Database, keys: FileKeyRing, tmp_path: Path) -> World:
    """A log that has no records yet, on SQLite and PostgreSQL."""
    return World(database, keys, tmp_path)


# -- the figures are those of the records -----------------------------------------------------------

PURPOSES = sorted(CELLS)
instants = st.integers(-30 * 3_600, 33 * 24 * 3_600).map(
    lambda seconds: datetime(2026, 10, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
entries = st.one_of(
    st.builds(page, st.sampled_from(PURPOSES), rows=st.integers(0, 50), seq=st.integers(1, 9)),
    st.builds(page, st.sampled_from(PURPOSES), rows=st.integers(0, 50), parent=st.just("0" * 8)),
    st.builds(refused, st.sampled_from(["access_denied", "aggregate_required", "a_new_code"])),
    st.builds(refused, st.just("unknown_purpose"), st.none()),
    st.builds(withdrawal, st.sampled_from(PURPOSES), st.integers(1, 9), repeated=st.booleans()),
    st.builds(provided, st.sampled_from(PURPOSES), st.lists(st.integers(0, 9)), st.sampled_from(["A", "B"])),
    st.builds(lambda form: AuditEntry("export.create", {"format": form}), st.sampled_from(["raw", "csv"])),
    st.just(AuditEntry("ropa.read", {"requester": "auditor"})),
)


def told_by(raw: list[bytes]) -> dict[str, object]:
    """Count October in Tokyo once more, slowly and by other means."""
    mine = []
    for record in map(json.loads, raw):
        local = datetime.fromisoformat(record["at"]).astimezone(TOKYO)
        if (local.year, local.month) == (2026, 10):
            mine.append((record, local.day))
    releases = [(record, day) for record, day in mine if record["kind"] == "access.release"]
    denied = [(record, day) for record, day in mine if record["kind"] == "access.deny"]
    first = Counter((record["purpose"], day) for record, day in releases if "parent_id" not in record)
    third = [record for record, _ in releases if record.get("recipient") == "third_party" and record["subjects"]["n"]]
    rows: Counter[str] = Counter()
    for record, _ in releases:
        rows[record["purpose"]] += record["rows"]
    return {
        "records": len(mine),
        "kinds": Counter(record["kind"] for record, _ in mine),
        "by_day": Counter(day for _, day in mine),
        "first": +first,
        "pages": Counter(record["purpose"] for record, _ in releases),
        "rows": +rows,
        "codes": Counter((record["code"], day) for record, day in denied),
        "purposes_denied": Counter(record["purpose"] for record, _ in denied if "purpose" in record),
        "withdrawn": Counter(
            (record["purpose"], record["kind"])
            for record, _ in mine
            if record["kind"] == "consent.withdraw" and not record["repeated"]
        ),
        "provided": Counter((record["provided_to"]["name"], record["purpose"]) for record in third),
    }


def told_in(read: MonthRead) -> dict[str, object]:
    """The same, as it was counted."""
    tally = read.tally
    return {
        "records": tally.records,
        "kinds": tally.kinds,
        "by_day": +Counter(dict(enumerate(tally.by_day, start=1))),
        "first": +Counter(
            {
                (name, day): count
                for name, access in tally.access.items()
                for day, count in enumerate(access.by_day, start=1)
            }
        ),
        "pages": +Counter({name: access.pages for name, access in tally.access.items()}),
        "rows": +Counter({name: access.rows for name, access in tally.access.items()}),
        "codes": +Counter(
            {
                (code, day): count
                for code, denials in tally.denials.items()
                for day, count in enumerate(denials.by_day, start=1)
            }
        ),
        "purposes_denied": +Counter({name: access.denied for name, access in tally.access.items()}),
        "withdrawn": tally.withdrawn,
        "provided": Counter({(key.recipient, key.purpose): each.pages for key, each in tally.provided.items()}),
    }


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(months=st.lists(st.tuples(instants, entries), max_size=25))
async def test_the_figures_are_those_of_the_records(
    months: list[Happening], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever happened in and around a month, each record of it is counted once, on its day in the place's zone."""
    folder = tmp_path_factory.mktemp("month")
    url = f"sqlite:///{folder}/records.db"
    migrate(url)
    database = Database(url)
    try:
        world = World(database, FileKeyRing.create(folder / "keys"), folder)
        await world.write(*sorted(months, key=lambda each: each[0]))
        read = await world.read()
        assert read.verdict.outcome is Outcome.OK, read.verdict
        assert told_in(read) == told_by(await records(database))
    finally:
        await database.close()


async def test_both_databases_count_alike(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a month is read in many groups, and every group is cut elsewhere."""
    monkeypatch.setattr(monthly, "_GROUP", 7)
    happenings = [
        (at("2026-10-01T00:00:00") + timedelta(hours=11 * n, minutes=n), entry)
        for n, entry in enumerate(
            [
                *(page("recommendation", rows=n, seq=3) for n in range(20)),
                *(provided("targeted_advertising", range(n, n + 5)) for n in range(20)),
                *(refused("access_denied", "recommendation", "outside_hours") for _ in range(20)),
                withdrawal("recommendation", 4),
            ]
        )
    ]
    await world.write(*happenings)
    read = await world.read()
    assert read.verdict.outcome is Outcome.OK, read.verdict
    assert told_in(read) == told_by(await records(world.database))
    key = ProvisionKey("ads", "targeted_advertising", "AdHouse K.K.", "JP", "consent")
    assert read.people == {key: 24}
    assert read.tally.reasons == {"outside_hours": 20}


async def test_more_references_than_may_be_counted_are_not_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nobody is told a number of people that is none."""
    monkeypatch.setattr(monthly, "MOST_REFERENCES", 3)
    await world.write((at("2026-10-02T00:00:00"), provided("targeted_advertising", range(4))))
    assert (await world.read()).people is None


@pytest.mark.parametrize(
    ("when", "held"),
    [
        ("2026-09-30T23:59:59.999999", False),
        ("2026-10-01T00:00:00.000000", True),
        ("2026-10-31T23:59:59.999999", True),
        ("2026-11-01T00:00:00.000000", False),
    ],
)
async def test_a_month_begins_and_ends_at_midnight_of_the_place(world: World, when: str, held: bool) -> None:
    """To the microsecond."""
    await world.write((at(when) - timedelta(hours=6), refused("a", None)), (at(when), page("recommendation")))
    tally = (await world.read()).tally
    assert ("recommendation" in tally.access) is held
    assert tally.by_day[-1 if when < "2026-10-31T24" and "31T" in when else 0] >= held


async def test_what_never_left_is_not_counted(world: World) -> None:
    """A page that was dropped after its record is no access, whenever that was recorded."""
    first = at("2026-10-31T23:59:59")
    await world.write(
        (first, page("recommendation", id="0" * 36)),
        (first, provided("targeted_advertising", [1])),
        (first + timedelta(seconds=2), AuditEntry("access.void", {"parent_id": "0" * 36, "page": 0})),
    )
    tally = (await world.read()).tally
    assert tally.voided == 1
    assert set(tally.access) == {"targeted_advertising"}


async def test_a_month_without_records_is_empty_and_verified(world: World) -> None:
    """It is told as such; an end that was cut off is not taken for it."""
    await world.write((at("2026-09-10T00:00:00"), page("recommendation")))
    read = await world.read()
    assert (read.tally.records, read.verdict.outcome) == (0, Outcome.OK), read.verdict
    await world.write((at("2026-10-20T00:00:00"), page("recommendation")))
    await world.tree.advance()
    await change(
        world.database,
        "DELETE FROM audit_head WHERE writer IN (SELECT writer FROM audit_record WHERE seq > 3)",
        "DELETE FROM audit_subject WHERE seq > 3",
        "DELETE FROM audit_record WHERE seq > 3",
    )
    read = await world.read()
    assert (read.tally.records, read.verdict.outcome) == (0, Outcome.TAMPERED), read.verdict


# -- a log that is not what was written -------------------------------------------------------------


CHANGES = {
    "a record": "UPDATE audit_record SET record = chain WHERE seq = 8",
    "its requester's column": "UPDATE audit_record SET requester = 'x' WHERE seq = 8",
    "its time's column": "UPDATE audit_record SET at = at + 5000000000000 WHERE seq = 8",
    "one deleted": "DELETE FROM audit_record WHERE seq = 8",
    "the last hidden by their time": "UPDATE audit_record SET at = at + 5000000000000 WHERE seq > 18",
    "the first hidden by their time": "UPDATE audit_record SET at = at - 5000000000000 WHERE seq BETWEEN 2 AND 12",
    "all of it": "DELETE FROM audit_record",
    "its chain": "UPDATE audit_record SET chain = record WHERE seq = 8",
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_changed_log_is_told_as_such(world: World, what: str) -> None:
    """The figures are still counted, of whatever can be read; nobody can take them for those of a good log."""
    day = at("2026-10-01T00:10:00")
    await world.write(*((day + timedelta(days=n), refused("access_denied")) for n in range(25)))
    await world.write((at("2026-11-20T00:00:00"), refused("access_denied")))
    await world.tree.advance()
    good = await world.read()
    assert good.verdict.outcome is Outcome.OK, good.verdict
    await change(world.database, CHANGES[what])
    read = await world.read()
    assert read.verdict.outcome is Outcome.TAMPERED, read.verdict
    assert read.verdict.finding
    if what in {"a record", "its requester's column", "its time's column", "one deleted", "its chain"}:
        assert read.verdict.bad is not None
        assert read.verdict.bad.seq in {8, 9}, read.verdict
        assert read.tally.records in {good.tally.records, good.tally.records - 1}


async def test_a_rewritten_history_is_found_by_the_tree(world: World) -> None:
    """Who computes every hash anew, with full rights on the database, contradicts what was signed."""
    day = at("2026-10-03T00:00:00")
    await world.write(*((day + timedelta(days=n), refused("access_denied")) for n in range(5)))
    await world.tree.advance()
    raw = await records(world.database)
    writer, chain = json.loads(raw[0])["writer"], genesis(json.loads(raw[0])["writer"])
    for seq, record in enumerate(raw, start=1):
        told = {**json.loads(record), "prev": chain.hex()}
        if seq == 4:
            told["code"] = "aggregate_required"
        data = canonical(told)
        chain = next_link(chain, data)
        await change(
            world.database, f"UPDATE audit_record SET record = {in_hex(world, data)}, chain = {in_hex(world, chain)}"
            f" WHERE seq = {seq}"
        )  # fmt: skip
    await change(world.database, "DELETE FROM audit_head")
    for path in world.heads.glob(f"{writer}*"):
        path.unlink()
    read = await world.read()
    assert read.verdict.outcome is Outcome.TAMPERED, read.verdict
    assert read.verdict.bad is not None
    assert read.verdict.bad.seq == 4


async def test_a_log_without_a_tree_is_not_called_verified(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no checkpoint covers is vouched for by the database alone."""
    await world.write((at("2026-10-03T00:00:00"), refused("access_denied")))
    monkeypatch.setattr(world.tree, "advance", AsyncMock(side_effect=AuditUnavailable("it does not answer")))
    read = await world.read()
    assert read.verdict.outcome is Outcome.INCOMPLETE, read.verdict
    assert read.tally.records


async def test_a_clock_that_is_fast_does_not_end_the_month(world: World) -> None:
    """What other writers record after it is counted, and what is of another year is not."""
    day = at("2026-10-03T00:00:00")
    await world.write((day, refused("access_denied")))
    await world.write((at("2031-01-01T00:00:00"), refused("access_denied")))
    await world.write(*((day + timedelta(days=n), refused("access_denied")) for n in range(1, 9)))
    await world.write((at("2026-11-20T00:00:00"), refused("access_denied")))
    read = await world.read()
    assert read.verdict.outcome is Outcome.OK, read.verdict
    assert told_in(read) == told_by(await records(world.database))
    assert read.tally.kinds["access.deny"] == 9


# -- withdrawals ------------------------------------------------------------------------------------


async def test_a_release_that_began_after_a_withdrawal_and_did_not_know_of_it_is_counted(world: World) -> None:
    """Also where the withdrawal lies in the month before; what was under way, or knew of it, is not."""
    said = at("2026-10-01T00:00:00") - timedelta(seconds=30)
    later = said + timedelta(seconds=60)
    day = at("2026-10-10T12:00:00")
    await world.write(
        (said, withdrawal("recommendation", 5)),
        (later, page("recommendation", seq=4, id=uuid7(later - timedelta(seconds=1), 1))),  # late
        (later + timedelta(seconds=1), page("recommendation", seq=5, id=uuid7(later, 2))),
        (later + timedelta(seconds=2), page("lifecycle_email", seq=4, id=uuid7(later, 3))),  # of something else
        (day, withdrawal("recommendation", 8)),
        (
            day + timedelta(seconds=1),
            page("recommendation", seq=7, id=uuid7(day - timedelta(seconds=9), 4)),  # under way
        ),
        (
            day + timedelta(seconds=3),
            page("recommendation", seq=7, id=uuid7(day - timedelta(seconds=9), 5)),  # too late
        ),
        (day + timedelta(seconds=5), page("recommendation", seq=8, id=uuid7(day + timedelta(seconds=5), 6))),
    )
    effect = (await world.read()).tally.withdrawals.found()
    assert (effect.began_late, effect.left_late, effect.under_way) == (1, 2, 1)  # the first also left too late
    assert effect.broken == [uuid7(later - timedelta(seconds=1), 1), uuid7(day - timedelta(seconds=9), 5)]
    assert [round(each / 1e6) for each in effect.seen_after] == [5]
    assert (effect.withdrawals, effect.waiting) == (1, 0)
