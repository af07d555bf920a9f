"""Scans of real stores, reviews, and what they do to statements."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sekisho.bootstrap import Workspace, open_workspace
from sekisho.domain.scans import Decision
from sekisho.domain.terms import ColumnClass, Requester
from sekisho.errors import (
    AccessDenied,
    AuditUnavailable,
    InvalidRequest,
    NotFound,
    PolicyUnavailable,
    UnknownColumn,
    WorkspaceError,
)
from sekisho.ports import AuditQuery
from sekisho.release import Ask
from sekisho.scanning.reviews import Verdict
from sekisho.settings import load
from tests.scanning.world import CANARY, FILE, ROWS, email_of, traces

STATEMENT = "SELECT email, rank, nickname FROM crm.customers"


def officer(opened: Workspace) -> Requester:
    return opened.settings.catalogue.requesters["privacy_officer"]


async def scanned(opened: Workspace, *names: str) -> dict[str, Any]:
    run = await opened.scanning.scans.scan(officer(opened), names)
    assert run.error is None
    return dict(run.result)


async def columns(opened: Workspace, **filters: str) -> dict[str, dict[str, Any]]:
    page: Any = await opened.scanning.reviews.page(officer(opened), **filters)
    return {f"{item['store']}:{item['relation']}.{item['column']}": item for item in page["items"]}


async def review(opened: Workspace, place: str, *verdict: Any) -> dict[str, Any]:
    found = (await columns(opened))[place]
    return await opened.scanning.reviews.review(officer(opened), found["id"], Verdict(*verdict))


async def seen(opened: Workspace, sql: str = STATEMENT) -> dict[str, set[object]]:
    """Return the values of each column that a requester gets."""
    await opened.people.register("customer_id", [str(n) for n in range(ROWS)])
    desk = opened.settings.catalogue.requesters["desk"]
    release = await opened.gateway.query(desk, Ask("support", sql))
    found: dict[str, set[object]] = {}
    async for page in release.pages():
        for name, values in page.batch.to_pydict().items():
            found.setdefault(name, set()).update(values)
    return found


async def test_every_table_and_column_that_is_there_is_told_governed_or_not(shop):
    """Declared, undeclared and nested columns of every store are listed; what is not declared is ungoverned."""
    async with open_workspace(shop) as opened:
        result = await scanned(opened)
        found = await columns(opened)

    assert {each["store"]: each["tables"] for each in result["stores"]} == {"crm": 2, "pos": 3}
    assert found["crm:customers.email"]["proposal"]["class"] == "direct_identifier"
    assert found["crm:customers.email"]["confidence"] == 0.95
    assert found["crm:customers.email"]["factors"] == {"match_rate": 1.0}
    assert found["crm:customers.email"]["alternatives"] == [{"kind": "none", "confidence": 0.05}]
    assert found["crm:customers.profile.contact.mail"]["kind"] == "email"
    assert found["pos:lines/*.parquet.buyer.mail"]["kind"] == "email"
    assert "pos:calls.csv.phone" in found
    assert "pos:visits.jsonl.who" in found
    ungoverned = {f"{each['relation']}.{each['column']}" for each in result["ungoverned"]}
    assert {"customers.ghost", "leads.name", "calls.csv.phone", "lines/*.parquet.buyer.mail"} <= ungoverned
    assert found["crm:leads.name"]["in_force"] is None
    assert {item["state"] for item in found.values() if item["column"] in {"email", "rank"}} == {"proposed"}


async def test_what_is_not_declared_stays_out_of_reach(shop):
    """A column that a scan found is no column for a requester, whatever its review says."""
    async with open_workspace(shop) as opened:
        await scanned(opened)
        await review(opened, "crm:customers.ghost", Decision.REJECT)
        with pytest.raises(UnknownColumn):
            await seen(opened, "SELECT ghost FROM crm.customers")


async def test_no_value_is_kept_told_or_logged(shop, capfd):
    """After scans and reviews no value stands in database, files, output, answers or audit records."""
    async with open_workspace(shop) as opened:
        result = await scanned(opened)
        await review(opened, "crm:customers.email", Decision.CONFIRM)
        await scanned(opened)
        told = repr(await columns(opened)) + repr(result) + repr(await opened.audit.search(AuditQuery(limit=500)))
        told += repr(await opened.scanning.reviews.known(officer(opened)))
    written = capfd.readouterr()

    assert traces(shop) == []
    assert CANARY not in told + written.out + written.err


async def test_names_of_people_that_earlier_scans_kept_are_taken_out(shop):
    """Whatever a scan looks at, it first takes keys that are data out of what was kept; reviews stay in force."""
    document = "UPDATE scanned_column SET relation = 'x.json', name = ? WHERE name = 'amount'"
    inside = "UPDATE scanned_column SET name = ? WHERE name = 'profile.tags[]'"
    told = "UPDATE scan_run SET result = replace(result, 'buyer.mail', ?)"
    async with open_workspace(shop) as opened:
        await scanned(opened)
        await review(opened, "crm:customers.profile.tags[]", Decision.OVERRIDE, ColumnClass.DIRECT_IDENTIFIER)
    database = shop / "var" / "sekisho.db"
    with closing(sqlite3.connect(database)) as earlier, earlier:
        for statement, name in (
            (document, "山田太郎"), (inside, "profile.hanako.tanaka_ichiro.age"), (told, "buyer.山田"),
        ):  # fmt: skip
            assert earlier.execute(statement, (name,)).rowcount > 0
    async with open_workspace(shop) as opened:
        assert {"山田太郎", "profile.hanako.tanaka_ichiro.age"} < {
            item["column"] for item in (await columns(opened)).values()
        }
        await scanned(opened, "pos.lines")
        now = await columns(opened)
        (kept,) = [item for item in now.values() if item["review"] is not None]
        assert kept["review"]["class"] == "direct_identifier"
        assert kept["column"] == f"profile.*.*.age~{kept['id']}"
        assert CANARY not in str(await seen(opened, "SELECT profile FROM crm.customers"))
        await scanned(opened, "pos.lines")
        assert (await columns(opened)).keys() == now.keys()
    with closing(sqlite3.connect(database)) as after:
        text = "".join(after.iterdump())
    assert not [name for name in ("山田", "tanaka", "hanako") if name in text]


async def test_unreviewed_is_restricted_until_a_review_and_on_every_worker(shop):
    """An unreviewed column shows nothing; what a review on one worker says counts on the other at once."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(open_workspace(shop))
        other = await stack.enter_async_context(open_workspace(shop))
        before = await seen(other)
        await scanned(one)
        assert await seen(other) == before
        await review(one, "crm:customers.email", Decision.CONFIRM)
        await review(one, "crm:customers.rank", Decision.REJECT)
        rank = "SELECT rank FROM crm.customers"
        after = await seen(other, "SELECT email FROM crm.customers WHERE nickname = 'nick0'") | await seen(
            other, rank
        )
        await review(one, "crm:customers.rank", Decision.OVERRIDE, ColumnClass.DIRECT_IDENTIFIER)
        closed = await seen(other, rank)

    assert before["rank"].isdisjoint({"gold", "silver"})
    assert CANARY not in str(before)
    assert after["email"] == {email_of(0)}
    assert after["rank"] == {"gold", "silver"}
    assert closed["rank"].isdisjoint({"gold", "silver"})


async def test_a_review_can_restrict_what_the_file_opens_and_never_open_what_it_closes(shop):
    """The class in sekisho.yaml is a floor: a review tightens at once; rejecting opens nothing."""
    async with open_workspace(shop) as opened:
        await scanned(opened)
        assert "nick0" in (await seen(opened))["nickname"]
        await review(opened, "crm:customers.nickname", Decision.OVERRIDE, ColumnClass.DIRECT_IDENTIFIER)
        assert "nick0" not in (await seen(opened))["nickname"]
        rejected = await review(opened, "crm:customers.customer_id", Decision.REJECT)
        assert rejected["in_force"] == "direct_identifier"
        keys = (await seen(opened, "SELECT customer_id FROM crm.customers"))["customer_id"]
        assert keys.isdisjoint({*range(ROWS), *map(str, range(ROWS))})


async def test_a_stricter_proposal_than_declared_is_a_finding(shop):
    """A field that needs a stricter class than its column is declared with goes stale and is told."""
    async with open_workspace(shop) as opened:
        result = await scanned(opened)
        found = await columns(opened, state="stale")
        values = await seen(opened, "SELECT profile FROM crm.customers")

    told = {each["column"]: each for each in result["findings"]}
    assert told["profile"]["declared"] == "none"
    assert told["profile.contact.mail"]["drift"] == ["stricter_than_declared"]
    assert "crm:customers.profile" in found
    assert CANARY in str(values["profile"])  # declared so, and nobody asked for more


async def test_with_enforce_a_finding_restricts_at_once(shop):
    """Where the workspace says so, what seems to need a stricter class is closed until somebody has looked."""
    (shop / "sekisho.yaml").write_text(FILE + "scan: {enforce: true}\n", encoding="utf-8")
    statement = "SELECT profile FROM crm.customers"
    async with open_workspace(shop) as opened:
        assert CANARY in str(await seen(opened, statement))
        await scanned(opened)
        assert CANARY not in str(await seen(opened, statement))
        for place in ("profile", "profile.contact.mail", "profile.by.*"):
            await review(opened, f"crm:customers.{place}", Decision.REJECT)
        assert CANARY in str(await seen(opened, statement))


async def test_drift_closes_what_a_review_had_opened(shop):
    """Addresses come to stand in a column reviewed as nothing personal: stale, and restricted again."""
    async with open_workspace(shop) as opened:
        await scanned(opened)
        await review(opened, "crm:customers.rank", Decision.REJECT)
        assert (await seen(opened))["rank"] == {"gold", "silver"}
        await scanned(opened)
        assert (await seen(opened))["rank"] == {"gold", "silver"}  # nothing moved
        with closing(sqlite3.connect(shop / "stores" / "crm.db")) as db, db:
            db.execute("UPDATE customers SET rank = email WHERE customer_id % 2 = 1")
            db.execute("ALTER TABLE customers ADD COLUMN fax TEXT")
        result = await scanned(opened)
        found = await columns(opened)
        closed = await seen(opened)

    assert found["crm:customers.rank"]["state"] == "stale"
    assert "kind_changed" in found["crm:customers.rank"]["drift"]
    assert "rank" in {each["column"] for each in result["findings"]}
    assert closed["rank"].isdisjoint({"gold", "silver"})
    assert found["crm:customers.fax"]["drift"] == ["new_column"]


async def test_a_new_field_closes_its_column_again(shop):
    """A field that no review has seen, inside nested values, makes the column's review stale."""
    text = FILE.replace("profile: {type: string, class: none}", "profile: {type: string, class: unreviewed}")
    (shop / "sekisho.yaml").write_text(text, encoding="utf-8")
    statement = "SELECT profile FROM crm.customers"
    async with open_workspace(shop) as opened:
        await scanned(opened)
        await review(opened, "crm:customers.profile", Decision.REJECT)
        assert CANARY in str(await seen(opened, statement))
        with closing(sqlite3.connect(shop / "stores" / "crm.db")) as db, db:
            db.execute("UPDATE customers SET profile = json_set(profile, '$.home', 'somewhere')")
        await scanned(opened)
        assert (await columns(opened))["crm:customers.profile"]["drift"] == ["new_field"]
        assert CANARY not in str(await seen(opened, statement))


async def test_a_table_that_is_gone_is_listed_no_more(shop):
    """Columns of a table that was dropped go from the list; their reviews stay."""
    async with open_workspace(shop) as opened:
        await scanned(opened)
        with closing(sqlite3.connect(shop / "stores" / "crm.db")) as db, db:
            db.execute("DROP TABLE leads")
        await scanned(opened)
        assert "crm:leads.name" not in await columns(opened)


async def test_a_store_that_fails_is_told_and_the_others_are_scanned(shop):
    """One store that does not answer leaves the scan failed, with what the others hold."""
    (shop / "stores" / "crm.db").write_bytes(b"no database at all, " * 100)
    async with open_workspace(shop) as opened:
        run: Any = await opened.scanning.scans.scan(officer(opened))

    assert (run.status, run.error) == ("failed", "store_unavailable")
    assert {each["store"]: each.get("error") for each in run.result["stores"]} == {
        "crm": "store_unavailable", "pos": None,
    }  # fmt: skip


async def test_only_the_privacy_officer_scans_and_reviews(shop):
    """Nobody else, whatever else they may, uses any of it; a name that is no store is told so."""
    async with open_workspace(shop) as opened:
        scans, reviews = opened.scanning.scans, opened.scanning.reviews
        run = await scans.scan(officer(opened), ["pos.lines"])
        (column, *_) = await reviews.known(officer(opened))
        verdict = Verdict(Decision.REJECT)
        desk = replace(opened.settings.catalogue.requesters["desk"], roles=frozenset({"auditor", "collection_point"}))
        for refused in (
            scans.begin(desk), scans.scan(desk), reviews.page(desk), reviews.known(desk),
            reviews.review_all(desk, [(column, verdict)]), reviews.review_all(desk, []),
        ):  # fmt: skip
            with pytest.raises(AccessDenied):
                await refused
        for hidden in (
            scans.find(desk, run.id), reviews.history(desk, column.id), reviews.review(desk, column.id, verdict),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                await hidden
        assert (await reviews.known(officer(opened)))[0].review is None
        with pytest.raises(InvalidRequest):
            await opened.scanning.scans.scan(officer(opened), ["nowhere"])


async def test_scans_and_reviews_are_recorded(shop):
    """Each scan has a record before it reads and one after it; each review has one, without its note."""
    async with open_workspace(shop) as opened:
        await scanned(opened, "crm.customers")
        await review(opened, "crm:customers.email", Decision.OVERRIDE, ColumnClass.SENSITIVE, None, "call Taro")
        scans = await opened.audit.search(AuditQuery(kind="catalog.scan"))
        reviews = await opened.audit.search(AuditQuery(kind="catalog.review"))

    assert [(each["phase"], each.get("wanted")) for each in scans] == [
        ("begin", ["crm.customers"]), ("end", None),
    ]  # fmt: skip
    (record,) = reviews
    assert (record["requester"], record["decision"], record["class"]) == ("privacy_officer", "override", "sensitive")
    assert record["noted"] is True
    assert "Taro" not in repr(record)


async def test_no_review_without_its_record(shop, monkeypatch):
    """While nothing can be recorded, a review changes nothing."""
    async with open_workspace(shop) as opened:
        await scanned(opened)

        async def down(_entry: object) -> None:
            raise AuditUnavailable("down")

        monkeypatch.setattr(opened.audit, "append", down)
        with pytest.raises(AuditUnavailable):
            await review(opened, "crm:customers.rank", Decision.REJECT)
        assert (await columns(opened))["crm:customers.rank"]["state"] == "proposed"


async def test_nothing_is_released_while_the_classes_cannot_be_known(shop, monkeypatch):
    """A workspace that leaves classes to reviews answers nothing while these cannot be read."""
    async with open_workspace(shop) as opened:
        await scanned(opened)

        async def down() -> int:
            raise PolicyUnavailable("down")

        monkeypatch.setattr(opened.scanning.classes._records, "version", down)
        with pytest.raises(PolicyUnavailable):
            await seen(opened)


async def test_a_scan_in_the_background_is_followed_by_its_id(shop):
    """A scan that was begun is found by its id until it is done, and then tells what it found."""
    async with open_workspace(shop) as opened:
        run = await opened.scanning.scans.begin(officer(opened), ["crm"])
        assert run.status == "running"
        for _ in range(500):
            found = await opened.scanning.scans.find(officer(opened), run.id)
            if found.status != "running":
                break
            await asyncio.sleep(0.02)
    assert found.status == "done"
    assert found.result["columns"]


async def test_one_worker_of_all_makes_the_scheduled_scan(shop):
    """Two workers come to the hour together: one scans, and the next hour is due later."""
    (shop / "sekisho.yaml").write_text(FILE + "scan: {every_hours: 1}\n", encoding="utf-8")
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(open_workspace(shop)) for _ in range(2)]
        for worker in workers:
            await stack.enter_async_context(worker.scanning.running())
        for _ in range(500):
            records = await workers[0].audit.search(AuditQuery(kind="catalog.scan", requester="schedule"))
            if any(each["phase"] == "end" for each in records):
                break
            await asyncio.sleep(0.02)
        assert [each["phase"] for each in records] == ["begin", "end"]
        assert len(await columns(workers[1])) > ROWS // 100


def test_the_person_column_is_never_left_to_a_review(shop: Path):
    """Whose row it is must be known before anything is released."""
    text = FILE.replace(
        "customer_id: {type: integer, class: direct_identifier}", "customer_id: {type: integer, class: unreviewed}", 1
    )
    (shop / "sekisho.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(WorkspaceError, match="the class of the column of the person is not written"):
        load(shop)
