"""Pseudonyms: equal within one requester and purpose, unlinkable between two, forged by nobody."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.gateway.site import Site, opened

from sekisho.ports import KeyRing
from sekisho.release import Ask

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = "SELECT customer_id FROM crm.customers"
LINES = "SELECT customer_id, invoice, stock_code FROM pos.order_lines"
TWO = (("marketer", "micro_segmentation"), ("marketer", "personalised_video"))


async def shown(site: Site, who: tuple[str, str], sql: str, column: str = "customer_id") -> list[str]:
    """Return one column of an answer, in its order."""
    return [row[column] for row in await site.rows(*who, sql)]


def in_both(site: Site, first: Sequence[str], second: Sequence[str]) -> tuple[list[int | None], list[int | None]]:
    """Return the customers behind two lists of pseudonyms for :data:`TWO`, without those who are in one only."""
    people = [site.customers_of(*who, keys) for who, keys in zip(TWO, (first, second), strict=True)]
    common = set(people[0]) & set(people[1])
    one, two = ([person for person in part if person in common] for part in people)
    return one, two


@pytest.mark.parametrize("column", ["customer_id", "invoice"])
async def test_two_purposes_share_no_key(shared: Site, column: str) -> None:
    """The same people and invoices have other keys for another purpose, and no part of a key is kept."""
    first, second = [await shown(shared, who, LINES, column) for who in TWO]
    assert len(set(first)) > 10
    assert not set(first) & set(second)
    assert not {key[:8] for key in first} & {key[:8] for key in second}
    if column == "customer_id":
        assert set(shared.customers_of(*TWO[0], first)) & set(shared.customers_of(*TWO[1], second))


async def test_two_requesters_of_one_purpose_share_no_key(shared: Site) -> None:
    """What one service receives cannot be joined with what another receives for the same purpose."""
    own = shared.requester("marketer")
    other = replace(own, name="marketer_abroad")
    answers = []
    for requester in (own, other):
        release = await shared.gateway.query(requester, Ask("micro_segmentation", LINES))
        answers.append((await anext(release.pages())).batch)
    for column in ("customer_id", "invoice"):
        first, second = (set(answer.column(column).to_pylist()) for answer in answers)
        assert len(first) == len(second) > 10
        assert not first & second
    assert answers[0].num_rows == answers[1].num_rows


async def test_keys_are_equal_within_one_purpose_whatever_store_they_come_from(shared: Site) -> None:
    """A pseudonym from SQLite is the one from Parquet and from JSON Lines: answers can be joined by it."""
    profiles, lines, events, surveys = [
        set(await shown(shared, TWO[0], f"SELECT customer_id FROM {table}"))
        for table in ("crm.customers", "pos.order_lines", "app.events", "survey.answers")
    ]
    assert lines == profiles
    assert events
    assert events | surveys <= profiles
    one = min(profiles)
    sql = "SELECT count(*) AS n FROM {} WHERE customer_id = ?"
    assert await shared.rows(*TWO[0], sql.format("crm.customers"), one) == [{"n": 1}]
    ((expected,),) = shared.files(
        f"SELECT count(*) FROM {{pos}} WHERE customer_id = {shared.customer_of(*TWO[0], one)}"
    )
    assert await shared.rows(*TWO[0], sql.format("pos.order_lines"), one) == [{"n": expected}]


async def test_an_invoice_found_by_its_token_is_that_invoice(shared: Site) -> None:
    """Tokens of linking identifiers go in as they came out, for this purpose alone."""
    rows = await shared.rows(*TWO[0], LINES)
    token = rows[0]["invoice"]
    again = await shared.rows(*TWO[0], LINES + " WHERE invoice = ?", token)
    assert again == [row for row in rows if row["invoice"] == token]
    response = await shared.post(*TWO[1], LINES + " WHERE invoice = ?", token)
    assert response.json()["code"] == "masked_column_use"


async def test_forged_pseudonyms_are_refused(shared: Site) -> None:
    """Made up, changed in one digit, another purpose's, another kind's: none finds anybody, all are refused."""
    mine = (await shown(shared, TWO[0], KEYS))[0]
    others = (await shown(shared, TWO[1], KEYS))[0]
    chance = random.Random(7)
    changed = [mine[:i] + format(int(mine[i], 16) ^ 1, "x") + mine[i + 1 :] for i in range(len(mine))]
    forged: list[Any] = [
        others, mine.upper(), mine[:-1], mine + "0", f" {mine}", f"{mine}\n", "0" * 32, "f" * 32, "", "12347",
        12347, 1, 1.0, True, "customer_id:12347", (await shown(shared, TWO[0], LINES, "invoice"))[0],
        *changed, *(f"{chance.getrandbits(128):032x}" for _ in range(20)),
    ]  # fmt: skip
    if mine.upper() == mine:
        forged.remove(mine.upper())
    for key in forged:
        for sql in (KEYS + " WHERE customer_id = ?", KEYS + " WHERE customer_id IN (?, ?)"):
            parameters = (key,) if sql.count("?") == 1 else (mine, key)
            response = await shared.post(*TWO[0], sql, *parameters)
            assert response.json().get("code") == "masked_column_use", key
            assert not key or str(key).strip() not in response.json()["detail"] or len(str(key)) < 4
    assert len(await shared.rows(*TWO[0], KEYS + " WHERE customer_id IN (?, ?)", mine, mine)) == 1


async def test_a_pseudonym_of_another_purpose_is_nobody_for_a_consent_check(shared: Site) -> None:
    """``consents:check`` reads a pseudonym with the keys of the purpose that is asked about, and no other."""
    mine = (await shown(shared, TWO[0], KEYS))[0]
    items = [{"data_subject": f"pseudonym:{mine}", "purpose": purpose} for _, purpose in TWO]
    answer = await shared.client.post("/v1/consents:check", json={"items": items}, headers=shared.headers("marketer"))
    assert [item["allowed"] for item in answer.json()["items"]] == [True, False]


async def test_pseudonyms_stay_when_the_process_ends(shared: Site, folder: Any) -> None:
    """A restart changes no pseudonym; another key ring changes all."""
    before = await shown(shared, TWO[0], KEYS)
    async with opened(folder) as again:
        assert await shown(again, TWO[0], KEYS) == before


async def test_another_epoch_makes_other_pseudonyms(shared: Site) -> None:
    """Where former epochs are not read, nothing of before a rotation decodes, and nothing is equal."""

    class NextEpoch:
        epoch = 2

        def __init__(self, keys: KeyRing) -> None:
            self.derive = keys.derive

        async def refresh(self, ground: object = None) -> None:
            """There is nothing to learn."""

        def of(self, purpose: str) -> Sequence[Any]:
            return (self,)

    before = await shown(shared, TWO[0], KEYS)
    async with shared.with_parts(epochs=NextEpoch(shared.workspace.keys)) as rotated:
        after = await shown(rotated, TWO[0], KEYS)
        response = await rotated.post(*TWO[0], KEYS + " WHERE customer_id = ?", before[0])
    assert len(after) == len(before)
    assert not set(after) & set(before)
    assert response.json()["code"] == "masked_column_use"


# -- order -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        KEYS,
        "SELECT DISTINCT customer_id FROM pos.order_lines",
        "SELECT customer_id, count(*) AS n FROM pos.order_lines GROUP BY customer_id",
        "SELECT customer_id FROM crm.customers WHERE customer_id IN (SELECT customer_id FROM crm.customers)",
        "WITH x AS (SELECT customer_id FROM crm.customers ORDER BY signed_up_on) SELECT customer_id FROM x",
    ],
)
async def test_rows_come_in_the_order_of_their_tokens(shared: Site, sql: str) -> None:
    """The order of two purposes says nothing: each is that of its own pseudonyms."""
    first, second = [await shown(shared, who, sql) for who in TWO]
    assert first == sorted(first)
    assert second == sorted(second)
    one, two = in_both(shared, first, second)
    assert len(one) > 10
    assert one != two


@pytest.mark.parametrize("max_rows", [1, 2, 5])
async def test_a_limit_of_the_request_does_not_count_people_off(shared: Site, max_rows: int) -> None:
    """The rows that ``max_rows`` leaves are the first by token, not the first in the store."""
    for who in TWO:
        response = await shared.post(*who, KEYS, max_rows=max_rows)
        keys = [row[0] for row in response.json()["rows"]]
        assert keys == sorted(await shown(shared, who, KEYS))[:max_rows]
        assert response.json()["release"]["complete"] is False


@pytest.mark.parametrize("page_rows", [1, 7, 200])
async def test_the_order_of_tokens_holds_over_pages(shared: Site, page_rows: int) -> None:
    """Small pages are cut from the ordered answer, not ordered one by one."""
    sql = KEYS if page_rows < 10 else LINES
    pages = await shared.pages(*TWO[0], sql, page_rows=page_rows)
    keys = [key for page in pages for key in page.batch.column("customer_id").to_pylist()]
    assert len(pages) > 3
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT customer_id, 1 AS x FROM crm.customers ORDER BY 2",
        "SELECT customer_id, 1 AS x FROM survey.answers ORDER BY 2",
        "SELECT customer_id, birth_date IS NULL AS x FROM crm.customers ORDER BY x",
    ],
)
async def test_an_order_that_says_nothing_does_not_align_two_purposes(shared: Site, sql: str) -> None:
    """Rows that the statement's own order leaves equal are not in the raw order of the store."""
    first, second = [list(dict.fromkeys(await shown(shared, who, sql))) for who in TWO]
    one, two = in_both(shared, first, second)
    assert len(one) > 5
    assert one != two


@pytest.mark.parametrize("table", ["crm.customers", "pos.order_lines"])
@pytest.mark.parametrize(
    "number",
    [
        "row_number() OVER ()",
        "count(*) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        "row_number() OVER (ORDER BY 1)",
    ],
)
async def test_no_window_numbers_rows_in_the_stores_order(shared: Site, number: str, table: str) -> None:
    """A window without an order would number people in the raw order of their keys, alike for two purposes."""
    orders = []
    for who in TWO:
        rows = await shared.rows(*who, f"SELECT customer_id, {number} AS place FROM {table}")
        orders.append(list(dict.fromkeys(row["customer_id"] for row in sorted(rows, key=lambda row: row["place"]))))
    one, two = in_both(shared, *orders)
    assert len(one) > 10
    assert one != two


@pytest.mark.parametrize("table", ["crm.customers", "survey.answers"])
async def test_limit_and_offset_do_not_count_people_off(shared: Site, table: str) -> None:
    """Row after row by OFFSET, two purposes are counted off in orders that have nothing to do with each other."""
    orders = []
    for who in TWO:
        sql = f"SELECT customer_id FROM {table}"
        rows = await shown(shared, who, sql)
        parts = [await shown(shared, who, f"{sql} LIMIT 1 OFFSET {place}") for place in range(len(rows))]
        counted = [key for part in parts for key in part]
        assert sorted(counted) == sorted(rows)
        orders.append(list(dict.fromkeys(counted)))
    one, two = in_both(shared, *orders)
    assert len(one) > 5
    assert one != two


async def test_no_answer_shows_a_raw_key(shared: Site) -> None:
    """No customer number, invoice or event id of the stores stands in any answer with keyed columns."""
    raw = {str(customer) for customer in shared.customers()}
    raw |= {row[0] for row in shared.files("SELECT DISTINCT invoice FROM {pos}")}
    raw |= {row[0] for row in shared.files("SELECT event_id FROM {web}")}
    for table, columns in (("pos.order_lines", "customer_id, invoice"), ("web.events", "customer_id, event_id")):
        response = await shared.post(*TWO[0], f"SELECT {columns} FROM {table}")
        values = {value for row in response.json()["rows"] for value in row}
        assert len(values) > 50
        assert not values & raw
        assert all(re.fullmatch(r"[0-9a-f]{32}|[0-9A-Za-z_-]{43,}", value) for value in values)
