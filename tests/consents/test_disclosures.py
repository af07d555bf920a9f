"""Who received my data: what left, to whom, for what; and nothing of anybody else."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import event
from tests.adapters.records.conftest import keys  # noqa: F401 - fixtures
from tests.consents.rights_house import KENJI, MARIKO, STRANGER, open_rights

from sekisho.consents.disclosures import Disclosures
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import InvalidRequest
from sekisho.ports import AuditEntry, AuditQuery


@pytest.fixture
async def house(database, keys, tmp_path):  # noqa: F811
    async with open_rights(database, keys, tmp_path) as opened:
        yield opened


async def ids(house, person=MARIKO):
    return [item["release_id"] for item in (await house.rights().disclosures(person))["items"]]


async def test_a_person_sees_what_left_about_them(house):
    """Each release that named the person, with recipient, purpose, datasets and the consent it rested on."""
    await house.released("release-1", 1, 2)
    await house.released("release-2", 2)
    [item] = (await house.rights().disclosures(MARIKO))["items"]

    assert set(item) == {
        "at", "requester", "requester_title", "recipient", "purpose", "purpose_title", "datasets", "columns",
        "legal_basis", "consent_seq", "release_id",
    }  # fmt: skip
    assert item["at"].endswith("Z")
    assert {name: item[name] for name in ("requester", "recipient", "purpose", "legal_basis", "consent_seq")} == {
        "requester": "recommender",
        "recipient": "internal",
        "purpose": "recommendation",
        "legal_basis": "consent",
        "consent_seq": 41,
    }
    assert (item["datasets"], item["columns"]) == (["crm.customers"], ["crm.customers.age", "crm.customers.email"])
    assert item["requester_title"] == {"ja": "おすすめ", "en": "Tips"}
    assert await ids(house, KENJI) == ["release-1", "release-2"]
    assert await ids(house, STRANGER) == []


async def test_statistics_refusals_and_consent_events_are_no_disclosures(house):
    """Only released rows count: neither statistics, which name nobody, nor what else the log says of a person."""
    reference = house.parts.reference(SubjectNumber(1))
    await house.released("statistics", view="sales")
    await house.audit.append(AuditEntry("consent.give", {"purpose": "recommendation", "subjects": [reference]}))
    await house.audit.append(AuditEntry("access.deny", {"requester": "recommender", "subjects": [reference]}))
    assert await ids(house) == []


async def test_what_never_left_is_no_disclosure(house):
    """Pages that were dropped after their record are left out, by whichever of the two ways they are noted."""
    await house.released("sent", 1)
    late = await house.released("too-late", 1)
    await house.released("too-slow", 1)
    await house.released("half", 1)
    await house.released("half-2", 1, parent_id="half", page=1)
    void = {"parent_id": "too-late", "requester": "recommender", "pages": [late], "reason": "recheck_too_old"}
    await house.audit.append(AuditEntry("access.void", void))
    await house.audit.append(AuditEntry("access.void", {"parent_id": "too-slow", "page": 0}))
    await house.audit.append(AuditEntry("access.void", {"parent_id": "half-2", "page": 1}))
    assert await ids(house) == ["sent", "half"]


async def test_a_release_of_several_pages_is_one_disclosure(house):
    """Pages have a record each, a release one item."""
    await house.released("long", 1)
    await house.released("long-2", 1, parent_id="long", page=1)
    assert await ids(house) == ["long"]


async def test_linked_numbers_are_one_person(house):
    """Whoever is linked sees what left under either identifier, in order, until the link is undone."""
    await house.released("a", 1)
    await house.released("b", 2)
    await house.released("c", 1, 2)
    one, two = SubjectNumber(1), SubjectNumber(2)
    await house.fakes.ledger.link(one, two, "requester:desk")
    assert await ids(house) == await ids(house, KENJI) == ["a", "b", "c"]
    await house.fakes.ledger.unlink(one, two, "requester:desk")
    assert await ids(house) == ["a", "c"]


async def test_disclosures_come_in_pages(house):
    """A cursor goes on where the page before ended, over all linked numbers; another cursor is refused."""
    await house.fakes.ledger.link(SubjectNumber(1), SubjectNumber(2), "requester:desk")
    for number in range(120):
        await house.released(f"r{number:03}", 1 + number % 2)
    rights = house.rights()
    first = await rights.disclosures(MARIKO)
    second = await rights.disclosures(MARIKO, first["next_cursor"])

    assert [len(page["items"]) for page in (first, second)] == [100, 20]
    assert "next_cursor" not in second
    assert [item["release_id"] for item in first["items"] + second["items"]] == [f"r{n:03}" for n in range(120)]
    for wrong in ("nonsense", "", "x" * 99, "a b", "r000'"):
        with pytest.raises(InvalidRequest):
            await rights.disclosures(MARIKO, wrong)


@pytest.mark.parametrize("seed", range(3))
async def test_a_release_is_listed_once_whatever_the_size_of_a_page(house, seed, monkeypatch):
    """Its pages come between those of others, under two linked numbers, some of which never left."""
    monkeypatch.setattr("sekisho.consents.disclosures._AT_ONCE", 3)
    chance, pages = random.Random(seed), dict.fromkeys("abcde", 0)
    for _ in range(24):
        name = chance.choice("abcde")
        page, pages[name] = pages[name], pages[name] + 1
        fields = {"parent_id": name, "page": page} if page else {}
        record_id, gone = f"{name}-{page}" if page else name, chance.random() < 0.3
        await house.released(record_id, chance.choice((1, 2, 3)) if page else 1, **fields)
        if gone:
            await house.audit.append(AuditEntry("access.void", {"parent_id": record_id, "page": page}))
    disclosures, numbers = Disclosures(house.parts), (SubjectNumber(1), SubjectNumber(2))
    expected, _ = await disclosures.page(numbers, None, 1_000)
    assert len({item["release_id"] for item in expected}) == len(expected) > 2
    for size in range(1, 26):
        listed, cursor = await disclosures.page(numbers, None, size)
        while cursor is not None:
            further, cursor = await disclosures.page(numbers, cursor, size)
            listed += further
        assert listed == expected, size


async def test_voids_are_found_by_their_index(house):
    """Finding the few voids does not read the log: the kind stands written out, and its index serves."""
    sent = []
    event.listen(house.database.engine, "before_cursor_execute", lambda *call: sent.append(call[2:4]))
    await house.audit.search(AuditQuery(kind="access.void"))
    [(statement, parameters)] = [call for call in sent if "kind" in call[0]]

    assert "kind = 'access.void'" in statement
    if house.database.dialect == "sqlite":
        plan = await house.database.read(
            lambda connection: connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        )
        assert "ix_audit_record_seq" in str(plan)
