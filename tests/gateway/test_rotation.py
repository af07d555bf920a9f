"""Rotation over HTTP: who orders it, what is new at once, what is read still, what ends as it began."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text
from tests.gateway.site import Site, opened

from sekisho.errors import KeysUnavailable
from sekisho.release import Ask
from sekisho.settings import load

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHO = ("marketer", "micro_segmentation")
ELSE = ("marketer", "personalised_video")
KEYS = "SELECT customer_id FROM crm.customers"
LINES = "SELECT customer_id, invoice FROM pos.order_lines"


@pytest.fixture
def site(shared: Site) -> Site:
    """One workspace for all tests here: its epochs only become more."""
    return shared


async def epochs_of(site: Site) -> int:
    """Return the newest epoch."""
    return (await site.workspace.epochs.records())[-1].epoch


async def rotate(site: Site, body: Any = None, by: str = "privacy_officer", **headers: str) -> httpx.Response:
    """Order a rotation."""
    return await site.client.post("/v1/keys:rotate", json=body or {}, headers={**site.headers(by), **headers})


async def shown(site: Site, who: tuple[str, str] = WHO, sql: str = KEYS, column: str = "customer_id") -> list[str]:
    """Return one column of an answer."""
    return [row[column] for row in await site.rows(*who, sql)]


async def test_a_rotation_needs_no_body(site: Site) -> None:
    """Without one all pseudonyms begin anew."""
    newest = await epochs_of(site)
    answer = await site.client.post("/v1/keys:rotate", headers=site.headers("privacy_officer"))
    assert (answer.status_code, answer.json()["epoch"], answer.json()["scope"]) == (200, newest + 1, "pseudonyms")


async def test_a_rotation_changes_every_pseudonym_and_former_ones_are_read(site: Site) -> None:
    """After the answer pseudonyms and tokens are new; those of before find the same people, in all places."""
    people, before = await shown(site), await site.rows(*WHO, LINES)
    newest = await epochs_of(site)
    answer = await rotate(site)
    assert answer.status_code == 200
    assert answer.json()["epoch"] == newest + 1
    assert answer.json()["scope"] == "pseudonyms"
    after = await shown(site)
    assert sorted(site.customers_of(*WHO, people)) == sorted(site.customers_of(*WHO, after))  # type: ignore[type-var]
    assert not set(people) & set(after)
    for column in ("customer_id", "invoice"):
        old = before[0][column]
        found = await site.rows(*WHO, f"{LINES} WHERE {column} = ?", old)
        assert len(found) == sum(row[column] == old for row in before)
        assert old not in {row[column] for row in found}
    items = [{"data_subject": f"pseudonym:{name}", "purpose": WHO[1]} for name in (people[0], after[0])]
    checked = await site.client.post("/v1/consents:check", json={"items": items}, headers=site.headers("marketer"))
    assert [item["allowed"] for item in checked.json()["items"]] == [True, True]
    filtered = await site.client.post(
        "/v1/consents:filter",
        json={"purpose": WHO[1], "data_subjects": [f"pseudonym:{name}" for name in (*people, "0" * 32)]},
        headers=site.headers("marketer"),
    )
    assert len(filtered.json()["allowed"]) == len(people)


async def test_a_no_under_a_former_pseudonym_counts(site: Site) -> None:
    """A withdrawal that a service passes on under the pseudonym of before takes the person out."""
    people = await shown(site)
    await rotate(site)
    event = {"data_subject": f"pseudonym:{people[0]}", "purpose": WHO[1], "event": "withdraw", "method": "api"}
    answer = await site.client.post("/v1/consents/events", json=event, headers=site.headers("marketer"))
    assert answer.status_code in {200, 201}
    assert len(await shown(site)) == len(people) - 1


async def test_what_is_older_than_the_grace_is_forged(site: Site) -> None:
    """Two rotations later, with a grace of one, a pseudonym is as one that was made up; so is another purpose's."""
    people, others = await shown(site), await shown(site, ELSE)
    await rotate(site)
    one_later = await shown(site)
    assert (await site.post(*WHO, KEYS + " WHERE customer_id = ?", others[0])).json()["code"] == "masked_column_use"
    await rotate(site)
    assert (await site.post(*WHO, KEYS + " WHERE customer_id = ?", people[0])).json()["code"] == "masked_column_use"
    assert len(await site.rows(*WHO, KEYS + " WHERE customer_id = ?", one_later[0])) == 1
    forged = f"{int(one_later[0], 16) ^ 1:032x}"
    assert (await site.post(*WHO, KEYS + " WHERE customer_id = ?", forged)).json()["code"] == "masked_column_use"


async def test_one_purpose_is_rotated_alone(site: Site) -> None:
    """A scope that is a purpose changes its pseudonyms and no others."""
    first, second = set(await shown(site)), set(await shown(site, ELSE))
    assert (await rotate(site, {"scope": WHO[1]})).json()["scope"] == WHO[1]
    assert not set(await shown(site)) & first
    assert set(await shown(site, ELSE)) == second


async def test_an_answer_under_way_ends_in_its_epoch(site: Site) -> None:
    """Pages that leave after a rotation name people as the first page did."""
    expected = {row["customer_id"] for row in await site.rows(*WHO, LINES)}
    release = await site.gateway.query(site.requester(WHO[0]), Ask(WHO[1], LINES), page_rows=20)
    pages = release.pages()
    names = set((await anext(pages)).batch.column("customer_id").to_pylist())
    await rotate(site)
    count = 1
    async for page in pages:
        count += 1
        names |= set(page.batch.column("customer_id").to_pylist())
    assert count > 3
    assert names == expected


async def test_pages_by_cursor_are_of_one_epoch(site: Site) -> None:
    """A cursor of before a rotation is refused, so that no answer names one person in two ways."""
    first = await site.post(*WHO, LINES, max_rows=100_000, page_rows=20, paged=True)
    if first.status_code == 422:  # how pages are asked for is the contract's matter
        first = await site.post(*WHO, LINES)
    cursor = first.json().get("next_cursor")
    if cursor is None:
        ask = Ask(WHO[1], LINES, paged=True)
        release = await site.gateway.query(site.requester(WHO[0]), ask, page_rows=20)
        cursor = (await anext(release.pages())).cursor
    assert cursor is not None
    await rotate(site)
    with pytest.raises(Exception, match="ask again without it"):
        await site.gateway.query(site.requester(WHO[0]), Ask(WHO[1], LINES, cursor=cursor), page_rows=20)


async def test_only_the_privacy_officer_rotates(site: Site) -> None:
    """Nobody else begins an epoch, and a scope that is no purpose begins none."""
    newest = await epochs_of(site)
    for by in ("marketer", "auditor", "consent_desk"):
        assert (await rotate(site, by=by)).json()["code"] == "access_denied"
    assert (await rotate(site, {"scope": "nothing"})).json()["code"] == "unknown_purpose"
    assert (await rotate(site, {"scope": "pseudonyms", "more": 1})).json()["code"] == "invalid_request"
    assert await epochs_of(site) == newest


async def test_a_rotation_is_on_record(site: Site) -> None:
    """The order stands in the log before the epoch begins, and the epoch after; no key does."""
    await rotate(site, {"scope": WHO[1]})
    order, epoch = (await site.records("key.rotate", "key.epoch"))[-2:]
    assert (order["kind"], order["requester"], order["scope"]) == ("key.rotate", "privacy_officer", WHO[1])
    assert (epoch["kind"], epoch["epoch"], epoch["purpose"]) == ("key.epoch", await epochs_of(site), WHO[1])
    assert order["seq"] < epoch["seq"]


async def test_no_record_no_rotation(site: Site) -> None:
    """Without the record of the order no epoch begins."""
    newest = await epochs_of(site)

    class Down:
        async def append(self, _: object) -> object:
            from sekisho.errors import AuditUnavailable

            raise AuditUnavailable("down")

        async def healthy(self) -> bool:
            return False

    async with site.with_parts(audit=Down()) as broken:
        assert (await rotate(broken)).json()["code"] == "audit_unavailable"
    assert await epochs_of(site) == newest


async def test_a_rotation_sent_twice_is_done_once(site: Site) -> None:
    """The same idempotency key begins one epoch."""
    answers = [await rotate(site, **{"Idempotency-Key": "r-1"}) for _ in range(2)]
    newest = await epochs_of(site)
    assert [answer.json()["epoch"] for answer in answers] == [newest, newest]


async def test_an_epoch_outlives_the_process(folder: Path) -> None:
    """A start finds the epoch that holds; two open workspaces are in the same one at once."""
    async with opened(folder) as one, opened(folder) as two:
        before = await shown(two)
        await rotate(one)
        assert set(await shown(two)) == set(await shown(one))
        assert not set(await shown(two)) & set(before)
        during = await shown(one)
    async with opened(folder) as again:
        assert set(await shown(again)) == set(during)


async def test_many_requests_beside_a_rotation(site: Site) -> None:
    """No request beside a rotation sees two epochs in one answer, and none that starts later sees the former."""
    old = set(await shown(site))
    beside = asyncio.gather(*(shown(site) for _ in range(8)))
    await rotate(site)
    new = set(await shown(site))
    assert not new & old
    for answer in await beside:
        assert set(answer) in (old, new)


async def test_only_what_needs_keys_asks_which_epoch_it_is(site: Site) -> None:
    """An answer without keys needs no provider; one with a pseudonym, a token, or a literal that is one does."""

    class Asked:
        def __init__(self) -> None:
            self.times = 0
            self.of = site.workspace.epochs.of

        async def refresh(self, ground: object = None) -> None:
            self.times += 1

    name = (await shown(site))[0]
    statements = {
        "SELECT prefecture FROM crm.customers ORDER BY prefecture": 0,
        "SELECT member_rank, count(*) AS n FROM crm.customers GROUP BY member_rank ORDER BY member_rank": 0,
        KEYS: 1,
        "SELECT invoice FROM pos.order_lines": 1,
        f"SELECT count(*) AS n FROM crm.customers WHERE customer_id = '{name}'": 1,
    }
    for sql, times in statements.items():
        async with site.with_parts(epochs=(asked := Asked())) as counting:
            assert (await counting.post(*WHO, sql)).status_code == 200, sql
        assert (asked.times > 0) == (times > 0), sql


async def test_a_view_is_of_no_epoch(site: Site) -> None:
    """A statistics view names nobody: its one release stays what it was."""
    url, body = "/v1/views/sales_by_month_country:read", {"purpose": "management_statistics"}
    before = await site.client.post(url, json=body, headers=site.headers("analyst"))
    await rotate(site)
    after = await site.client.post(url, json=body, headers=site.headers("analyst"))
    assert before.json()["rows"] == after.json()["rows"]


async def test_a_data_key_that_cannot_be_had_refuses(folder: Path) -> None:
    """A worker without the key of the epoch starts nothing: not under the former one, and not in silence."""
    async with opened(folder) as site:
        await rotate(site)
        engine = create_engine(load(folder).database_url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE key_epoch SET wrapped = x'0100', began_at = 7 WHERE epoch = 2"))
        engine.dispose()
        response = await site.post(*WHO, KEYS)
        assert response.status_code == 503
        assert response.json()["code"] == "keys_unavailable"
    with pytest.raises(KeysUnavailable):
        async with opened(folder):
            pass  # pragma: no cover - it does not open
