"""The register of provision to third parties, over a real audit log and people, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from tests.adapters.records.conftest import keys  # noqa: F401 - fixtures
from tests.consents.rights_house import KENJI, MARIKO, OFFICER, RECOMMENDER, STRANGER, open_rights

from sekisho.adapters.records.registers import SqlRegisters
from sekisho.consents.processing import Processing
from sekisho.consents.provisions import Provisions, Wanted
from sekisho.domain.provisions import PARTY, Keeping, Origin, Party
from sekisho.domain.terms import (
    Column,
    ColumnClass,
    ColumnType,
    Dataset,
    DataSubjectKey,
    Recipient,
    Requester,
    SubjectNumber,
)
from sekisho.errors import AccessDenied, InvalidRequest, NotFound
from sekisho.ports import AuditEntry, AuditQuery

ADS = Party("広告会社", "東京都千代田区1-1", "山田 花子")
AUDITOR = Requester("auditor", frozenset(), frozenset({"auditor"}))
THIRD = Requester("ads", frozenset({"recommendation"}), frozenset(), Recipient.THIRD_PARTY, party=ADS)
CUSTOMERS = Dataset(
    "crm.customers",
    "crm",
    "customers",
    (
        Column("customer_id", ColumnType.INTEGER, ColumnClass.DIRECT_IDENTIFIER),
        Column("email", ColumnType.STRING, ColumnClass.DIRECT_IDENTIFIER, title={"ja": "メール", "en": "E-mail"}),
        Column("age", ColumnType.INTEGER, ColumnClass.QUASI_IDENTIFIER, title={"ja": "年齢", "en": "Age"}),
    ),
    DataSubjectKey("customer_id", "customer_id"),
    "profile",
    frozenset({"recommendation"}),
    {"ja": "顧客", "en": "Customers"},
    origin=Origin(Party("名簿会社", "大阪市1-1", "鈴木 一郎", "JP"), "本人の申込み", date(2024, 2, 29), consent=True),
)


class Desk:
    """The registers over a house in which Mariko (1) and Kenji (2) are known."""

    def __init__(self, house):
        catalogue = replace(
            house.parts.catalogue,
            datasets={"crm.customers": CUSTOMERS},
            requesters={"ads": THIRD, "recommender": RECOMMENDER},
        )
        self.house = house
        self.parts = replace(house.parts, catalogue=catalogue)
        self.registers = SqlRegisters(house.database)
        self.provisions = Provisions(self.parts, self.registers)
        controller = {"name": "Shop", "contact": "privacy@shop.example"}
        self.processing = Processing(self.parts, self.registers, controller)

    async def provided(self, release_id, *numbers, party=ADS, country="JP", **fields):
        """Record a page that names these people and went to a third party; return its sequence."""
        told = {} if party is None else {PARTY: party.recorded(country)}
        columns = {"crm.customers.email": "withhold", "crm.customers.age": "clear"}
        third = {"requester": "ads", "recipient": "third_party", "columns": columns, **told, **fields}
        return await self.house.released(release_id, *numbers, **third)

    async def ids(self, person=None, reader=OFFICER, **wanted):
        """Return the ids of the records that a reader finds."""
        found: Any = await self.provisions.listed(reader, Wanted(**wanted), person)
        return [item["id"] for item in found["items"]]


@pytest.fixture
async def desk(database, keys, tmp_path):  # noqa: F811
    async with open_rights(database, keys, tmp_path) as house:
        yield Desk(house)


async def test_a_release_to_a_third_party_is_a_provision_record(desk):
    """It says what Rule 20 asks for: when, to whom, which items, the consent; and until when it is kept."""
    seq = await desk.provided("r1", 1, 2)
    [item] = (await desk.provisions.listed(OFFICER, Wanted()))["items"]

    assert (item["id"], item["release_id"], item["audit_seq"], item["people"]) == ("r1", "r1", seq, 2)
    assert item["third_party"] == {
        "name": "広告会社",
        "address": "東京都千代田区1-1",
        "representative": "山田 花子",
        "country": "JP",
        "missing": [],
    }
    assert item["items"] == [{"dataset": "crm.customers", "column": "age", "title": {"ja": "年齢", "en": "Age"}}]
    assert item["consent"] == {"obtained": True, "article": "APPI 27(1)", "cells": ["recommendation"], "seq": 41}
    at, until = (datetime.fromisoformat(item[name]) for name in ("at", "kept_until"))
    assert (until.year, until.month, until.day) == (at.year + 3, at.month, at.day)


async def test_what_provides_no_personal_data_to_a_third_party_is_no_provision(desk):
    """Neither a release inside, nor one that names nobody, nor what was recorded and never left."""
    await desk.house.released("inside", 1)
    await desk.provided("nobody")
    await desk.provided("sent", 1)
    dropped = await desk.provided("dropped", 1)
    await desk.provided("late", 1)
    await desk.house.audit.append(AuditEntry("access.void", {"pages": [dropped]}))
    await desk.house.audit.append(AuditEntry("access.void", {"parent_id": "late", "page": 0}))

    assert await desk.ids() == ["sent"]
    assert await desk.ids(MARIKO) == ["sent"]
    for gone in ("inside", "nobody", "dropped", "late", "unknown", "'"):
        with pytest.raises(NotFound):
            await desk.provisions.one(OFFICER, gone)


async def test_a_text_that_looks_like_the_mark_is_no_provision(desk):
    """A release inside whose fields quote the mark of third parties stays out of the register."""
    await desk.house.released("quoting", 1, query_fp='x"recipient":"third_party"')
    await desk.house.released("nested", 1, about={"recipient": "third_party"})
    assert await desk.ids() == []
    assert await desk.ids(MARIKO) == []


async def test_the_register_is_narrowed_and_read_by_cursor(desk):
    """Filters narrow it; the cursor goes on without repeating or leaving out a record."""
    for n in range(5):
        await desk.provided(f"r{n}", 1 + n % 2, purpose="recommendation" if n < 3 else "lifecycle_email")
    start = datetime.fromisoformat(str((await _last(desk, "access.release"))["at"])) + timedelta(microseconds=1)

    assert await desk.ids(purpose="lifecycle_email") == ["r3", "r4"]
    assert await desk.ids(requester="ads", limit=9) == [f"r{n}" for n in range(5)]
    assert await desk.ids(requester="nobody") == []
    assert await desk.ids(since=start) == []
    assert len(await desk.ids(until=start)) == 5
    seen, cursor = [], None
    while True:
        found = await desk.provisions.listed(OFFICER, Wanted(cursor=cursor, limit=2))
        seen += [item["id"] for item in found["items"]]
        cursor = found.get("next_cursor")
        if cursor is None:
            break
    assert seen == [f"r{n}" for n in range(5)]
    for strange in ("p0", "s", "s-1", "x1", "s1 OR 1"):
        with pytest.raises(InvalidRequest):
            await desk.provisions.listed(OFFICER, Wanted(cursor=strange))


async def test_the_register_of_one_person_names_nobody_else(desk):
    """A person's records are those that name them, under every linked number, and none for a stranger."""
    await desk.provided("both", 1, 2)
    await desk.provided("kenji", 2)
    assert await desk.ids(MARIKO) == ["both"]
    assert await desk.ids(KENJI) == ["both", "kenji"]
    assert await desk.ids(STRANGER) == []

    await desk.house.fakes.ledger.link(SubjectNumber(1), SubjectNumber(2), "officer")
    assert await desk.ids(MARIKO) == ["both", "kenji"]


async def test_only_those_who_may_know_read_the_register(desk):
    """Privacy officer and auditor read it, and that is recorded before; everybody else is refused."""
    await desk.provided("r1", 1)
    outsider = replace(RECOMMENDER, roles=frozenset({"collection_point"}))
    for call in (
        desk.provisions.listed(outsider, Wanted()),
        desk.provisions.one(outsider, "r1"),
        desk.provisions.received(outsider),
        desk.processing.records(outsider),
    ):
        with pytest.raises(AccessDenied):
            await call
    assert await desk.ids(reader=AUDITOR) == ["r1"]
    noted = await desk.house.audit.get((await _last(desk))["id"])
    assert (noted["kind"], noted["requester"], noted["searched_by"]) == ("provision.read", "auditor", [])


async def test_people_of_a_record_are_named_to_the_officer_alone(desk):
    """The privacy officer sees who it was, page by page; an auditor sees the log's references."""
    await desk.provided("r1", 2, 1)
    whole = await desk.provisions.one(OFFICER, "r1")
    named = {each["data_subject"]: each["reference"] for each in whole["data_subjects"]}
    assert named == {
        f"customer_id:{ref.value}": desk.parts.reference(SubjectNumber(number))
        for number, ref in ((1, MARIKO), (2, KENJI))
    }
    first = await desk.provisions.one(OFFICER, "r1", limit=1)
    second = await desk.provisions.one(OFFICER, "r1", first["next_cursor"], limit=1)
    assert first["data_subjects"] + second["data_subjects"] == whole["data_subjects"]
    assert "next_cursor" not in second
    assert {tuple(each) for each in (await desk.provisions.one(AUDITOR, "r1"))["data_subjects"]} == {("reference",)}


async def test_somebody_erased_stays_on_record_without_a_name(desk):
    """The record of the provision outlives the erasure; who it was is not known any more."""
    await desk.provided("r1", 1, 2)
    await desk.house.people.erase(SubjectNumber(1))
    people = (await desk.provisions.one(OFFICER, "r1"))["data_subjects"]
    assert {each["data_subject"] for each in people} == {None, f"customer_id:{KENJI.value}"}


async def test_a_third_party_that_was_not_declared_is_told_as_missing(desk):
    """A record made without name, address, representative and country says what it lacks, and invents nothing."""
    await desk.provided("r1", 1, party=None)
    await desk.provided("r2", 1, party=Party("広告会社"), country="US")
    first, second = (await desk.provisions.listed(OFFICER, Wanted()))["items"]
    assert first["third_party"]["missing"] == ["name", "address", "representative", "country"]
    assert second["third_party"]["missing"] == ["address", "representative"]
    assert second["consent"]["article"] == "APPI 28(1)"


async def test_without_consent_the_ground_is_told(desk):
    """A provision that rests on another ground than consent does not claim one."""
    await desk.provided("r1", 1, legal_basis="legal_obligation", consent=None)
    [item] = (await desk.provisions.listed(OFFICER, Wanted()))["items"]
    assert item["consent"] == {"obtained": False, "ground": "legal_obligation"}


@pytest.mark.parametrize(("keeping", "years"), [(Keeping.BATCH, 3), (Keeping.CONTRACT, 1)], ids=["batch", "contract"])
async def test_records_made_together_are_kept_from_the_last_provision_on(desk, keeping, years):
    """The period of records that are made together, or stand in a contract, begins with the last provision."""
    party = replace(ADS, keeping=keeping)
    await desk.provided("r1", 1, party=party)
    await desk.provided("r2", 1, party=party)
    first, second = (await desk.provisions.listed(OFFICER, Wanted()))["items"]
    assert first["kept_until"] == second["kept_until"]
    assert datetime.fromisoformat(first["kept_until"]).year == datetime.fromisoformat(second["at"]).year + years
    assert first["keeping"]["method"] == keeping.value


async def test_people_see_what_third_parties_received_of_them(desk):
    """A disclosure to a third party carries who it is, the items and the consent; one inside does not."""
    await desk.provided("out", 1)
    await desk.house.released("in", 1)
    rights = desk.house.rights(catalogue=desk.parts.catalogue)
    out, inside = (await rights.disclosures(MARIKO))["items"]
    assert out["provision"]["third_party"]["name"] == "広告会社"
    assert [each["column"] for each in out["provision"]["items"]] == ["age"]
    assert out["provision"]["consent"]["obtained"] is True
    assert "provision" not in inside


async def test_a_large_record_is_read_by_sets(desk):
    """A page of many people takes no more statements than one of two people."""
    numbers = await desk.house.people.register("customer_id", [f"c{n}" for n in range(3_000)])
    await desk.provided("small", 1, 2)
    await desk.provided("large", *(int(number) for number in numbers))
    counted: list[int] = []
    for record in ("small", "large", "small", "large"):
        counted.append(0)
        engines = {desk.house.database.engine, desk.house.database._readers_engine}

        def count(*_arguments: object) -> None:
            counted[-1] += 1

        for engine in engines:
            event.listen(engine, "before_cursor_execute", count)
        found = await desk.provisions.one(OFFICER, record, limit=50_000)
        for engine in engines:
            event.remove(engine, "before_cursor_execute", count)
        assert all(each["data_subject"] for each in found["data_subjects"])
    assert counted[2] == counted[3]
    assert len(found["data_subjects"]) == 3_000


async def test_the_register_reads_the_index_of_provisions(desk):
    """The database finds provisions by their own index, not by reading the whole log."""
    postgresql = desk.house.database.dialect == "postgresql"
    await desk.provided("r1", 1)
    shown: list[tuple[str, Any]] = []

    def keep(_connection, _cursor, statement, parameters, *_rest):
        if "ORDER BY audit_record.seq" in statement:
            shown.append((statement, parameters))

    event.listen(desk.house.database._readers_engine, "before_cursor_execute", keep)
    await desk.ids()
    statement, parameters = shown[0]

    def plan(connection):
        if postgresql:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN " if postgresql else "EXPLAIN QUERY PLAN "
        return " ".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters))

    assert "ix_audit_record_provision" in await desk.house.database.read(plan)


async def test_what_was_received_from_a_third_party_is_on_record(desk):
    """A dataset that came from elsewhere says from whom, how it was acquired, and until when that is kept."""
    [item] = (await desk.provisions.received(OFFICER))["items"]
    assert item["third_party"]["name"] == "名簿会社"
    assert (item["received_on"], item["kept_until"]) == ("2024-02-29", "2027-03-01")
    assert (item["acquired"], item["consent"]) == ("本人の申込み", {"obtained": True})
    assert [each["column"] for each in item["items"]] == ["customer_id", "email", "age"]


async def test_records_of_processing_say_what_happened(desk):
    """Per purpose and requester: releases, rows, first and last, people and datasets; and what was never used."""
    await desk.provided("r1", 1, 2)
    await desk.provided("r1b", 2, parent_id="r1", page=1)
    await desk.provided("r2", 1)
    dropped = await desk.provided("dropped", 1, 2)
    await desk.house.audit.append(AuditEntry("access.void", {"pages": [dropped]}))
    records = await desk.processing.records(OFFICER)
    [activity] = [each for each in records["activities"] if each["purpose"] == "recommendation"]
    [told] = activity["happened"]

    assert {name: told[name] for name in ("requester", "releases", "pages", "rows", "people", "datasets")} == {
        "requester": "ads",
        "releases": 2,
        "pages": 3,
        "rows": 4,
        "people": 2,
        "datasets": ["crm.customers"],
    }
    assert told["first"] <= told["last"]
    assert activity["never_used"] == {"requesters": ["recommender"], "datasets": []}
    assert activity["recipients"][0]["party"]["name"] == "広告会社"
    assert records["used_not_declared"]["items"] == []
    assert records["received"][0]["dataset"] == "crm.customers"


async def test_what_was_removed_from_the_workspace_is_still_told(desk):
    """Releases of a requester, purpose or dataset that does not stand there any more are listed apart."""
    await desk.house.released("old", 1, requester="gone")
    await desk.house.released("bought", 1, datasets=["old.dataset"])
    records = await desk.processing.records(OFFICER)
    assert [each["requester"] for each in records["removed_since"]["items"]] == ["gone", "recommender"]


async def test_people_are_not_counted_where_the_log_is_too_large(desk, monkeypatch):
    """Beyond the limit the number of people is left open instead of keeping the database busy."""
    monkeypatch.setattr("sekisho.consents.processing.MOST_REFERENCES", 1)
    await desk.provided("r1", 1, 2)
    records = await desk.processing.records(OFFICER)
    [told] = next(each["happened"] for each in records["activities"] if each["purpose"] == "recommendation")
    assert told["people"] is None


async def _last(desk, kind="provision.read"):
    found = await desk.house.audit.search(AuditQuery(kind=kind, limit=1_000))
    return found[-1]
