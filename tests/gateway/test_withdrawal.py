"""Withdrawal is immediate: for whatever starts afterwards, and for what has not been rechecked (promise 2)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from tests.gateway.meddling import Act, MeddlingStore
from tests.gateway.site import Site

from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.governed import GovernedQuery
from sekisho.domain.terms import Cell
from sekisho.errors import ConsentUnavailable
from sekisho.ports import ConsentEventInput, People

PURPOSE = "micro_segmentation"
PROFILES = "SELECT customer_id, member_rank FROM crm.customers"
LINES = "SELECT customer_id, stock_code FROM pos.order_lines"
ORDERED_LINES = "SELECT customer_id, stock_code, invoiced_at FROM pos.order_lines ORDER BY invoiced_at, stock_code"


async def keys(site: Site, sql: str, purpose: str = PURPOSE) -> Counter[int | None]:
    """Return how many rows of an answer each customer has."""
    rows = await site.rows("marketer", purpose, sql)
    return Counter(site.customers_of("marketer", purpose, [row["customer_id"] for row in rows]))


def store_of(site: Site, sql: str, **acts: Act | int) -> dict[str, object]:
    """Return the gateway's stores, the one that *sql* reads being meddled with."""
    name = "crm" if "crm." in sql else "duckdb"
    return {**site.workspace.stores, name: MeddlingStore(site.workspace.stores[name], **acts)}  # type: ignore[arg-type]


def lines_of(site: Site) -> Counter[int]:
    """Return the number of order lines of each customer, from the files."""
    return Counter(dict(site.files("SELECT customer_id, count(*) FROM {pos} WHERE customer_id NOT NULL GROUP BY 1")))


async def give(site: Site, customer: int, *, until: datetime | None = None, purpose: str = PURPOSE) -> None:
    """Record a yes of a customer."""
    event = ConsentEventInput(
        site.number_of(customer), purpose, (Cell(purpose),), ConsentEventKind.GIVE, "web_form", "data_subject",
        valid_until=until,
    )  # fmt: skip
    await site.workspace.ledger.record([event])


async def test_an_answer_has_everybody_who_agrees_and_nobody_else(site: Site) -> None:
    """The customers of an answer are those whose newest event is a yes in force: in both engines."""
    agreeing = site.agreeing(PURPOSE)
    assert 5 < len(agreeing) < len(site.customers())
    assert await keys(site, PROFILES) == dict.fromkeys(agreeing, 1)
    lines = lines_of(site)
    assert await keys(site, LINES) == {customer: lines[customer] for customer in agreeing}


@pytest.mark.parametrize(
    "sql",
    [
        PROFILES,
        LINES,
        ORDERED_LINES,
        "SELECT DISTINCT customer_id FROM pos.order_lines",
        "SELECT customer_id, count(*) AS n FROM pos.order_lines GROUP BY customer_id",
        "SELECT customer_id, row_number() OVER (ORDER BY stock_code) AS n FROM pos.order_lines",
        "SELECT o.customer_id, e.category FROM survey.answers o JOIN web.events e ON o.customer_id = e.customer_id",
        "SELECT o.customer_id, a.nps FROM app.events o LEFT JOIN survey.answers a ON o.customer_id = a.customer_id",
        "WITH x AS (SELECT customer_id FROM pos.order_lines) SELECT customer_id FROM x",
        "SELECT customer_id FROM pos.order_lines UNION SELECT customer_id FROM web.events",
        "SELECT customer_id FROM crm.customers WHERE customer_id IN (SELECT c.customer_id FROM crm.customers c)",
    ],
)
async def test_the_next_answer_has_none_of_her_rows(site: Site, sql: str) -> None:
    """Once ``withdraw`` has answered, no shape of statement brings her back, and nobody else is missing."""
    before = await keys(site, sql)
    her = max(customer for customer in before if customer is not None)
    await site.withdraw(her, PURPOSE)
    del before[her]
    assert await keys(site, sql) == before


async def test_counts_and_sums_go_down_by_her_rows(site: Site) -> None:
    """An aggregate after the withdrawal is what it is without her lines, exactly."""
    sql = "SELECT count(*) AS n, count(DISTINCT customer_id) AS people, sum(quantity) AS q FROM pos.order_lines"
    (before,) = await site.rows("marketer", PURPOSE, sql)
    her = site.agreeing(PURPOSE)[0]
    ((lines, quantity),) = site.files(f"SELECT count(*), sum(quantity) FROM {{pos}} WHERE customer_id = {her}")
    await site.withdraw(her, PURPOSE)
    (after,) = await site.rows("marketer", PURPOSE, sql)
    assert [before[name] - after[name] for name in ("n", "people", "q")] == [lines, 1, quantity]


async def test_her_pseudonym_no_longer_finds_her(site: Site) -> None:
    """A requester who kept her pseudonym gets the same as for somebody who is not there."""
    her = site.agreeing(PURPOSE)[0]
    rows = await site.rows("marketer", PURPOSE, PROFILES)
    (hers,) = [r["customer_id"] for r in rows if site.customer_of("marketer", PURPOSE, r["customer_id"]) == her]
    sql = PROFILES + " WHERE customer_id = ?"
    assert len(await site.rows("marketer", PURPOSE, sql, hers)) == 1
    await site.withdraw(her, PURPOSE)
    assert await site.rows("marketer", PURPOSE, sql, hers) == []
    counted = "SELECT count(*) AS n FROM crm.customers WHERE customer_id = ?"
    assert await site.rows("marketer", PURPOSE, counted, hers) == [{"n": 0}]


async def test_she_withdraws_over_http_and_the_next_query_knows(site: Site) -> None:
    """From the 200 of the preference API on, a query over HTTP has nothing of hers."""
    her = site.agreeing(PURPOSE)[-1]
    assert site.workspace.issuer is not None
    token = site.workspace.issuer.data_subject_token(f"customer_id:{her}")
    headers = {"Authorization": f"Bearer {token}"}
    answer = await site.client.post(f"/v1/me/consents/{PURPOSE}:withdraw", headers=headers)
    assert answer.status_code == 200
    response = await site.post("marketer", PURPOSE, PROFILES)
    assert response.json()["release"]["consent_seq"] >= answer.json()["seq"]
    people = site.customers_of("marketer", PURPOSE, [row[0] for row in response.json()["rows"]])
    assert her not in people
    assert len(people) > 5


async def test_a_withdrawal_is_about_its_purpose_and_its_cell(site: Site) -> None:
    """Other purposes keep their rows; of a purpose with cells, only what the cell covers is gone."""
    cell = "lifecycle_email/data_category="
    both = site.agreeing(PURPOSE, cell + "purchase", cell + "profile")
    await site.withdraw(both[0], PURPOSE)
    assert both[0] in await keys(site, PROFILES, "lifecycle_email")
    event = ConsentEventInput(
        site.number_of(both[0]), "lifecycle_email", (Cell(cell + "purchase"),), ConsentEventKind.WITHDRAW,
        "web_form", "data_subject",
    )  # fmt: skip
    await site.workspace.ledger.record([event])
    assert both[0] in await keys(site, PROFILES, "lifecycle_email")
    assert both[0] not in await keys(site, LINES, "lifecycle_email")


async def test_many_changes_in_any_order_leave_nobody_behind(site: Site) -> None:
    """After each of many yeses and withdrawals, both engines show exactly those who agree."""
    chance = random.Random(20111209)
    customers = site.customers()
    for _ in range(8):
        for customer in chance.sample(customers, 3):
            await (give(site, customer) if chance.random() < 0.5 else site.withdraw(customer, PURPOSE))
        agreeing = set(site.agreeing(PURPOSE))
        assert set(await keys(site, PROFILES)) == agreeing
        assert set(await keys(site, LINES)) == agreeing


# -- in flight -------------------------------------------------------------------------------------


def _self_join() -> str:
    return (
        "SELECT a.customer_id, b.customer_id AS other FROM crm.customers a JOIN crm.customers b "
        "ON a.member_rank = b.member_rank"
    )


@pytest.mark.parametrize("sql", [PROFILES, LINES, ORDERED_LINES, _self_join()])
async def test_a_withdrawal_while_the_store_works_drops_her_rows(site: Site, sql: str) -> None:
    """Consent read before, page fetched, withdrawn, rechecked: her rows are gone, also beside somebody else."""
    her = site.agreeing(PURPOSE)[0]
    seqs = []

    async def withdraw() -> None:
        seqs.append(await site.withdraw(her, PURPOSE))

    stores = store_of(site, sql, after=withdraw)
    async with site.with_parts(stores=stores) as asked:
        rows = await asked.rows("marketer", PURPOSE, sql)
    assert seqs
    names = [name for name in rows[0] if name in {"customer_id", "other"}]
    shown = {c for name in names for c in site.customers_of("marketer", PURPOSE, [row[name] for row in rows])}
    assert shown == set(site.agreeing(PURPOSE))
    (record,) = await site.records("access.release")
    assert record["rows"] == len(rows)
    assert record["consent"]["read_at"] < seqs[0] <= record["consent"]["seq"]
    assert record["subjects"]["n"] == len(shown)


async def test_an_aggregate_under_which_consent_changed_is_computed_once_more(site: Site) -> None:
    """The answer is the one without her, and says the sequence that it really was read at."""
    her = site.agreeing(PURPOSE)[0]
    seqs = []

    async def withdraw() -> None:
        seqs.append(await site.withdraw(her, PURPOSE))

    sql = "SELECT count(*) AS n FROM pos.order_lines"
    stores = store_of(site, sql, after=withdraw)
    async with site.with_parts(stores=stores) as asked:
        response = await asked.post("marketer", PURPOSE, sql)
    lines = lines_of(site)
    assert response.json()["rows"] == [[sum(lines[customer] for customer in site.agreeing(PURPOSE))]]
    (record,) = await site.records("access.release")
    assert record["consent"]["read_at"] >= seqs[0]
    assert response.json()["release"]["consent_seq"] >= seqs[0]
    store = stores["duckdb"]
    assert isinstance(store, MeddlingStore)
    assert (store.statements, store.closed) == (2, 2)


async def test_an_aggregate_under_which_consent_keeps_changing_is_unavailable(site: Site) -> None:
    """The second change is the end: 503 without a number, no record of a release, one of the refusal."""
    people = site.agreeing(PURPOSE)

    async def withdraw() -> None:
        await site.withdraw(people.pop(), PURPOSE)

    sql = "SELECT count(*) AS n FROM pos.order_lines"
    async with site.with_parts(stores=store_of(site, sql, after=withdraw, times=9)) as asked:
        response = await asked.post("marketer", PURPOSE, sql)
    assert (response.status_code, response.json()["code"]) == (503, "consent_unavailable")
    assert not await site.records("access.release")
    assert [record["code"] for record in await site.records("access.deny")] == ["consent_unavailable"]


async def test_a_withdrawal_for_something_else_disturbs_no_answer(site: Site) -> None:
    """Neither a row nor a second run: another purpose's withdrawal is none of this answer's business."""
    her = site.agreeing(PURPOSE, "personalised_video")[0]

    async def withdraw() -> None:
        await site.withdraw(her, "personalised_video")

    sql = "SELECT customer_id, count(*) AS n FROM pos.order_lines GROUP BY customer_id"
    stores = store_of(site, sql, after=withdraw)
    async with site.with_parts(stores=stores) as asked:
        rows = await asked.rows("marketer", PURPOSE, sql)
    store = stores["duckdb"]
    assert isinstance(store, MeddlingStore)
    assert (len(rows), store.statements) == (len(site.agreeing(PURPOSE)), 1)


@pytest.mark.parametrize("sql", [PROFILES, PROFILES + " ORDER BY member_rank", LINES, ORDERED_LINES])
async def test_later_pages_know_of_a_withdrawal_after_the_first(site: Site, sql: str) -> None:
    """Of an answer of many pages, no page that is rechecked after the withdrawal has a row of hers."""
    rows = 5 if "crm" in sql else 200
    whole = await site.pages("marketer", PURPOSE, sql, page_rows=rows)
    assert len(whole) > 4
    last = whole[-1].batch.column("customer_id").to_pylist()
    her = site.customer_of("marketer", PURPOSE, last[-1])
    assert her is not None
    release = await site.release("marketer", PURPOSE, sql, page_rows=rows)
    pages = release.pages()
    shown = [await anext(pages)]
    await site.withdraw(her, PURPOSE)
    rest = [page async for page in pages]
    people = {c for p in rest for c in site.customers_of("marketer", PURPOSE, p.batch.column(0).to_pylist())}
    assert her not in people
    hers = sum(
        site.customer_of("marketer", PURPOSE, key) == her for p in whole[1:] for key in p.batch.column(0).to_pylist()
    )
    assert hers
    assert sum(p.batch.num_rows for p in shown + rest) == sum(p.batch.num_rows for p in whole) - hers
    assert rest[-1].last


async def test_a_later_page_of_an_aggregate_breaks_off(site: Site) -> None:
    """Groups that were computed with her cannot be mended: the rest of the answer does not come."""
    sql = "SELECT customer_id, stock_code, count(*) AS n FROM pos.order_lines GROUP BY customer_id, stock_code"
    release = await site.release("marketer", PURPOSE, sql, page_rows=100)
    pages = release.pages()
    await anext(pages)
    await site.withdraw(site.agreeing(PURPOSE)[0], PURPOSE)
    with pytest.raises(ConsentUnavailable):
        await anext(pages)
    assert len(await site.records("access.release")) == 1


@pytest.mark.parametrize("sql", [PROFILES, LINES, "SELECT customer_id FROM crm.customers GROUP BY customer_id"])
async def test_consent_that_expires_while_the_store_works_counts_no_longer(site: Site, sql: str) -> None:
    """Time itself withdraws: a yes that ends between the reading and the recheck releases nothing."""
    her = site.agreeing(PURPOSE)[0]
    until = site.workspace.clock.now() + timedelta(seconds=6)
    await give(site, her, until=until)
    assert her in await keys(site, sql)

    async def wait() -> None:
        await asyncio.sleep(max(0.0, (until - site.workspace.clock.now()).total_seconds()) + 0.01)

    async with site.with_parts(stores=store_of(site, sql, after=wait)) as asked:
        assert site.workspace.clock.now() < until
        people = await keys(asked, sql)
    assert her not in people
    assert set(people) == set(site.agreeing(PURPOSE))


@pytest.mark.parametrize("sql", [PROFILES, LINES])
async def test_a_store_that_believes_in_an_older_consent_brings_nobody_back(site: Site, sql: str) -> None:
    """Rows are checked against the ledger by the gateway itself, whatever the store has filtered."""
    older = await site.workspace.ledger.view((Cell(PURPOSE),))
    her = site.agreeing(PURPOSE)[0]
    await site.withdraw(her, PURPOSE)
    name = "crm" if "crm." in sql else "duckdb"
    real = site.workspace.stores[name]

    class Behind:
        healthy = real.healthy

        def fetch(
            self, query: GovernedQuery, consent: object, people: People, *, page_rows: int
        ) -> AsyncIterator[pa.RecordBatch]:
            return real.fetch(query, older, people, page_rows=page_rows)

    async with site.with_parts(stores={name: Behind()}) as asked:
        shown = await keys(asked, sql)
    assert set(shown) == set(site.agreeing(PURPOSE))
    assert her not in shown


@pytest.mark.parametrize(
    "sql", [PROFILES, LINES, "SELECT customer_id, count(*) AS n FROM pos.order_lines GROUP BY customer_id"]
)
async def test_an_older_query_does_not_bring_her_back_for_a_newer_one(
    site: Site, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two queries, one that read consent before the withdrawal and runs late: the newer has nothing of hers.

    The older one brings the people beside the data up to what it read, just before the newer one's statement
    starts.
    """
    her = site.agreeing(PURPOSE)[0]
    has_read, may_go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        has_read.set()
        await may_go.wait()

    async with site.with_parts(stores=store_of(site, sql, before=hold)) as late:
        older = asyncio.create_task(keys(late, sql))
        await has_read.wait()
        await site.withdraw(her, PURPOSE)
        name = "crm" if "crm." in sql else "duckdb"
        store = site.workspace.stores[name]
        start: Callable[..., object] = store._start
        loop = asyncio.get_running_loop()
        started = []

        def after_the_older(*arguments: object) -> object:
            started.append(1)
            if len(started) == 1:  # the newer one is about to start: now the older one catches up
                loop.call_soon_threadsafe(may_go.set)
                deadline = loop.time() + 1.0
                while len(started) < 2 and loop.time() < deadline:
                    pass
            return start(*arguments)

        monkeypatch.setattr(store, "_start", after_the_older)
        newer = await keys(site, sql)
        assert len(started) >= 2
        assert her not in await older
    assert her not in newer
    assert set(newer) == set(site.agreeing(PURPOSE))


@pytest.mark.parametrize(
    "sql", [PROFILES, "SELECT member_rank, count(*) AS n FROM crm.customers GROUP BY member_rank"]
)
async def test_what_took_long_to_write_is_checked_once_more_as_a_whole(site: Site, sql: str) -> None:
    """An answer that leaves whole may leave late when nobody in it has withdrawn, and only then."""
    release = await site.release("marketer", PURPOSE, sql, page_rows=5)
    pages = [page async for page in release.pages()]
    renewed = await release.renew()
    assert renewed is not None
    assert renewed >= max(page.rechecked for page in pages)
    other = next(customer for customer in site.customers() if customer not in site.agreeing(PURPOSE))
    await site.withdraw(other, PURPOSE)
    await release.renew()  # nobody of the answer
    await site.withdraw(site.agreeing(PURPOSE)[0], PURPOSE)
    with pytest.raises(ConsentUnavailable, match="ask again"):
        await release.renew()
