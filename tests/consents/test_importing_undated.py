"""History that nobody knows the time of: it never lifts a no."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.consents.import_house import START, House, ndjson, open_house, said, without

from sekisho.adapters.records.consent_chain import EventChain
from sekisho.adapters.records.consent_rebuild import verified
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.notices import Change
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.ports import ConsentEventInput


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """An empty house over SQLite."""
    opened = open_house(f"sqlite:///{tmp_path}/records.db")
    yield opened
    await opened.database.close()


def undated(customer: int, event: str) -> dict[str, Any]:
    """Return a line that nobody knows the time of."""
    return without(said(f"customer_id:{customer}", "lifecycle_email", event, 1), "occurred_at")


async def test_a_line_without_a_date_counts_against_the_use(house):
    """An undated yes lifts no no and prolongs no yes, and counts for who gave no answer; an undated no counts."""
    ends = START + timedelta(days=9_000)
    dated = [
        said("customer_id:1", "lifecycle_email", "withdraw", 2),
        said("customer_id:2", "lifecycle_email", "give", 2, valid_until=ends.isoformat()),
        said("customer_id:3", "lifecycle_email", "give", 2),
        said("customer_id:4", "lifecycle_email", "defer", 2),
    ]
    await house.run(ndjson(dated))
    lines = [
        undated(1, "give"), undated(2, "give"), undated(3, "withdraw"), undated(4, "give"), undated(5, "give"),
        undated(6, "withdraw"), undated(6, "give"), undated(6, "renew"),
    ]  # fmt: skip
    report = await house.run(ndjson(lines))
    assert (report["recorded"], report["unchanged"], report["fault_count"]) == (8, 4, 0)
    rows = dict(await house.database.peek("SELECT number, state FROM consent_state"))
    people = await house.people.numbers_of("customer_id", ["1", "2", "3", "4", "5", "6"])
    states = [rows[int(number)] for number in people]
    assert states == ["withdrawn", "given", "withdrawn", "given", "given", "withdrawn"]
    _, records = await house.ledger.records_of(SubjectNumber(int(people[1])))
    assert records[Cell("lifecycle_email")].valid_until == ends
    proof = await house.database.read(
        lambda c: verified(c, frozenset({"ab_measurement"}), EventChain(house.parts.keys))
    )
    assert [finding for finding in proof.findings if "audit" not in finding] == []


async def test_a_no_that_comes_in_beside_an_undated_yes_stays(house):
    """Whoever withdraws while the file is read has withdrawn: the undated yes is looked at as it is recorded."""
    content = ndjson([undated(1, "give")])
    append = house.batches.append

    async def late(*arguments):
        (number,) = await house.people.register("customer_id", ["1"])
        cells = (Cell("lifecycle_email"),)
        kind = ConsentEventKind.WITHDRAW
        await house.ledger.record(
            [ConsentEventInput(SubjectNumber(int(number)), "lifecycle_email", cells, kind, "api", "data_subject")]
        )
        return await append(*arguments)

    house.batches.append = late
    assert (await house.run(content))["unchanged"] == 1


async def test_an_undated_yes_is_a_fault_where_people_were_asked_again(house):
    """Nobody can tell that it is not from before."""
    house.notices.clock.advance(10 * 86_400)
    house.notices.show("lifecycle_email", change=Change.MAJOR)
    lines = [undated(1, "give"), without(undated(1, "give"), "notice_version"), undated(1, "withdraw")]
    report = await house.run(ndjson(lines))
    assert [(fault["line"], fault["code"]) for fault in report["faults"]] == [
        (1, "notice_outdated"),
        (2, "notice_outdated"),
    ]


async def test_an_undated_yes_holds_from_its_import_on(house):
    """Its validity begins with the import, and the past knows nothing of it."""
    line = without(said("customer_id:1", "emotion_analysis", "give", 1), "occurred_at")
    await house.run(ndjson([line]))
    (event,) = await house.ledger.history(SubjectNumber(1))
    assert event.occurred_at is None
    assert event.valid_until is not None
    assert timedelta(days=29) < event.valid_until - event.recorded_at <= timedelta(days=30, minutes=5)
    past = START + timedelta(days=500)
    _, (records,) = await house.ledger.records_at([SubjectNumber(1)], valid_at=past, known_at=None)
    assert records == {}
