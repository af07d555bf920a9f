"""Paging by cursor: each page is decided, rechecked and recorded, and tells nothing of rows that were withheld."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.site import NDJSON, Site

from sekisho import paging
from sekisho.adapters import held_answers
from sekisho.adapters.held_answers import HeldFiles
from sekisho.domain.access import Obligation, ObligationKind
from sekisho.domain.masks import Keep, Partial
from sekisho.domain.terms import Catalogue
from sekisho.http import formats
from sekisho.http.routes import query as route

PURPOSE = "micro_segmentation"
WHO = ("marketer", PURPOSE)
LINES = "SELECT customer_id, stock_code, quantity FROM pos.order_lines"
ORDERED = "SELECT customer_id, stock_code, invoiced_at FROM pos.order_lines ORDER BY invoiced_at, stock_code"
GROUPED = "SELECT stock_code, country, count(*) AS n FROM pos.order_lines GROUP BY stock_code, country"
PAGE = 200


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON has pages of 200 rows."""
    small = replace(formats.JSON, page_rows=PAGE)
    monkeypatch.setattr(formats, "JSON", small)
    monkeypatch.setattr(route, "JSON", small)


async def pages(site: Site, sql: str, *parameters: object, **more: Any) -> list[dict[str, Any]]:
    """Return the bodies of all pages."""
    found = []
    cursor: dict[str, Any] = {}
    while True:
        asked: dict[str, Any] = {**cursor, **more}
        response = await site.post(*WHO, sql, *parameters, **asked)
        assert response.status_code == 200, response.text
        found.append(response.json())
        if "next_cursor" not in found[-1]:
            return found
        cursor = {"cursor": found[-1]["next_cursor"]}


def rows(bodies: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return the rows of pages."""
    return [tuple(row) for body in bodies for row in body["rows"]]


def customers(site: Site, bodies: list[dict[str, Any]]) -> Counter[int | None]:
    """Return how many rows each customer has."""
    return Counter(site.customers_of(*WHO, [row[0] for row in rows(bodies)]))


async def refused(site: Site, sql: str, cursor: str, *who: str, **more: Any) -> str:
    """Return why a cursor is not taken."""
    response = await site.post(who[0] if who else WHO[0], who[1] if who else PURPOSE, sql, cursor=cursor, **more)
    assert response.status_code == 422, response.text
    assert response.json()["code"] == "invalid_request"
    detail: str = response.json()["detail"]
    return detail


@pytest.mark.parametrize("sql", [LINES, ORDERED, GROUPED])
async def test_pages_are_the_answer(site: Site, sql: str) -> None:
    """All pages together are what a stream holds, in its order; only the last is complete, and has no cursor."""
    found = await pages(site, sql)
    assert len(found) > 3
    lines = (await site.post(*WHO, sql, accept=NDJSON)).text.splitlines()[:-1]
    assert len(rows(found)) == len(lines)
    assert all(len(body["rows"]) == PAGE for body in found[:-1])
    assert 0 < len(found[-1]["rows"]) <= PAGE
    assert [body["release"]["complete"] for body in found] == [False] * (len(found) - 1) + [True]
    if sql is LINES:
        tokens = [row[0] for row in rows(found)]
        assert tokens == sorted(tokens)


async def test_every_page_has_its_record(site: Site) -> None:
    """Each page is recorded before it leaves; all belong to one release."""
    found = await pages(site, LINES)
    records = await site.records("access.release")
    assert [record["rows"] for record in records] == [len(body["rows"]) for body in found]
    assert [record["page"] for record in records] == list(range(len(found)))
    assert {body["release"]["id"] for body in found} == {records[0]["id"]}
    assert all(record["parent_id"] == records[0]["id"] for record in records[1:])
    assert [body["release"]["audit_seq"] for body in found] == [record["seq"] for record in records]


async def test_who_withdrew_between_two_pages_is_in_none_that_follows(site: Site) -> None:
    """Rows of a person who withdrew are left out, and pages are filled up behind: their size tells nothing."""
    before = customers(site, await pages(site, LINES))
    first = (await site.post(*WHO, LINES)).json()
    seen = customers(site, [first])
    gone = next(customer for customer in before if customer not in seen)
    assert gone is not None
    await site.withdraw(gone, PURPOSE)
    found = [first]
    while "next_cursor" in found[-1]:
        found.append((await site.post(*WHO, LINES, cursor=found[-1]["next_cursor"])).json())
    assert customers(site, found) == {customer: n for customer, n in before.items() if customer != gone}
    assert all(len(body["rows"]) == PAGE for body in found[:-1])
    assert 0 < len(found[-1]["rows"]) <= PAGE


async def test_a_cursor_follows_only_where_a_row_follows(site: Site) -> None:
    """When everybody behind a page has withdrawn, it is the last one."""
    first = (await site.post(*WHO, LINES)).json()
    kept = set(customers(site, [first]))
    for customer in site.agreeing(PURPOSE):
        if customer not in kept:
            await site.withdraw(customer, PURPOSE)
    found = [first]
    while "next_cursor" in found[-1]:
        found.append((await site.post(*WHO, LINES, cursor=found[-1]["next_cursor"])).json())
    assert set(customers(site, found)) == kept
    # The first page was made before: by chance it ends where the rows of those who stayed end.
    assert all(body["rows"] for body in found[:1] + found[2:])
    assert found[-1]["release"]["complete"] is True


async def test_an_aggregate_does_not_go_on_after_consent_changed(site: Site) -> None:
    """Groups were counted with the people of then: the next page is refused, and asked again it comes."""
    first = (await site.post(*WHO, GROUPED)).json()
    await site.withdraw(site.agreeing(PURPOSE)[0], PURPOSE)
    response = await site.post(*WHO, GROUPED, cursor=first["next_cursor"])
    assert (response.status_code, response.json()["code"]) == (503, "consent_unavailable")
    assert "ask again" in response.json()["detail"]


async def test_a_cursor_may_be_used_again(site: Site) -> None:
    """A page whose answer was lost is asked for once more: the same rows, and a record of its own."""
    cursor = (await site.post(*WHO, LINES)).json()["next_cursor"]
    one = (await site.post(*WHO, LINES, cursor=cursor)).json()
    other = (await site.post(*WHO, LINES, cursor=cursor)).json()
    assert one["rows"] == other["rows"]
    assert one["release"]["audit_seq"] < other["release"]["audit_seq"]


async def test_a_cursor_is_bound_to_who_asked_what(site: Site) -> None:
    """Another statement, parameter or limit, or a changed cursor: one answer, and nothing is released."""
    sql = LINES + " WHERE quantity > ?"
    cursor = (await site.post(*WHO, sql, 0)).json()["next_cursor"]
    flipped = bytearray(base64.urlsafe_b64decode(cursor))
    flipped[20] ^= 1
    before = len(await site.records("access.release"))
    told = {
        await refused(site, LINES, cursor),
        await refused(site, LINES + " WHERE quantity > 0", cursor),
        await refused(site, LINES, base64.urlsafe_b64encode(flipped).decode()),
        await refused(site, LINES, "NG"),
        await refused(site, LINES, ""),
    }
    response = await site.post(*WHO, sql, 1, cursor=cursor)
    told.add(response.json()["detail"])
    response = await site.post(*WHO, sql, 0, cursor=cursor, max_rows=5000)
    told.add(response.json()["detail"])
    assert len(told) == 1
    assert "ask again" in told.pop()
    assert len(await site.records("access.release")) == before
    assert (await site.post(*WHO, sql, 0, cursor=cursor)).status_code == 200


async def test_a_cursor_of_another_requester_is_none(site: Site) -> None:
    """What one service holds, another cannot go on reading."""
    sql = "SELECT stock_code, quantity FROM pos.order_lines"
    names = {n: r for n, r in site.workspace.settings.catalogue.requesters.items() if r.purposes}
    shared = [
        (one, other, purpose)
        for one in names for other in names for purpose in names[one].purposes & names[other].purposes if one != other
    ]  # fmt: skip
    cursor = (await site.post("recommender", "recommendation", sql)).json()["next_cursor"]
    others = [("marketer", PURPOSE), *((other, purpose) for one, other, purpose in shared if one == "recommender")]
    for who in others:
        assert "ask again" in await refused(site, sql, cursor, *who)


async def test_another_worker_goes_on(site: Site) -> None:
    """What is held lies in a folder that workers share, and a cursor opens with the keys that they share."""
    bodies = [(await site.post(*WHO, LINES)).json()]
    folder = site.folder / "var" / "held"
    async with site.with_parts(held=HeldFiles(folder, site.workspace.keys, site.workspace.clock)) as other:
        bodies.append((await other.post(*WHO, LINES, cursor=bodies[0]["next_cursor"])).json())
    assert [len(body["rows"]) for body in bodies] == [PAGE, PAGE]
    assert rows(bodies) == rows(await pages(site, LINES))[: 2 * PAGE]
    elsewhere = HeldFiles(site.folder / "var" / "elsewhere", site.workspace.keys, site.workspace.clock)
    async with site.with_parts(held=elsewhere) as machine:
        assert "ask again" in await refused(machine, LINES, bodies[1]["next_cursor"])


async def test_a_cursor_expires_and_its_rows_are_gone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time a cursor is refused, and the sweep frees what was held."""
    cursor = (await site.post(*WHO, LINES)).json()["next_cursor"]
    held = site.workspace.gateway.held
    assert isinstance(held, HeldFiles)
    now = site.workspace.clock.now() + timedelta(seconds=held_answers.KEPT_S + 1)
    monkeypatch.setattr(type(site.workspace.clock), "now", lambda _: now)
    assert await held.find(_held(site)[0].stem.rpartition("-")[2]) is None
    held.sweep()
    assert not _held(site)
    monkeypatch.undo()
    assert "ask again" in await refused(site, LINES, cursor)


def _held(site: Site) -> list[Path]:
    return list((site.folder / "var" / "held").glob("*.held"))


async def test_what_is_held_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A requester's oldest answer gives way to its newest; a full house holds no more."""
    monkeypatch.setattr(held_answers, "EACH", 2)
    cursors = [(await site.post(*WHO, LINES)).json()["next_cursor"] for _ in range(3)]
    assert "ask again" in await refused(site, LINES, cursors[0])
    assert (await site.post(*WHO, LINES, cursor=cursors[2])).status_code == 200
    monkeypatch.setattr(held_answers, "IN_ALL", 1)
    response = await site.post("recommender", "recommendation", "SELECT stock_code FROM pos.order_lines")
    assert (response.status_code, response.json()["code"]) == (429, "rate_limited")


async def test_many_first_pages_at_once_are_all_answered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for more long answers at once than are held for it gets every first page."""
    monkeypatch.setattr(held_answers, "EACH", 2)
    answers = await asyncio.gather(*(site.post(*WHO, LINES) for _ in range(8)))
    assert {response.status_code for response in answers} == {200}
    assert len({response.json()["rows"][0][0] for response in answers}) == 1
    assert len(_held(site)) <= 2 * 2


@pytest.mark.parametrize("left", [0, 10, 24, 1000, -1])
async def test_a_torn_file_is_no_answer(site: Site, left: int) -> None:
    """A held answer that lost its end, as on a full disk, is like one that expired, whatever stands there then."""
    cursor = (await site.post(*WHO, LINES)).json()["next_cursor"]
    (path,) = _held(site)
    path.write_bytes(path.read_bytes()[:left])
    assert "ask again" in await refused(site, LINES, cursor)


async def test_what_is_held_is_sealed(site: Site) -> None:
    """The file of a held answer shows no value, and one changed byte of it closes it."""
    cursor = (await site.post(*WHO, LINES)).json()["next_cursor"]
    (path,) = _held(site)
    content = path.read_bytes()
    code = site.files("SELECT min(stock_code) FROM {pos} WHERE customer_id NOT NULL")[0][0]
    assert code.encode() not in content
    assert path.stat().st_mode & 0o077 == 0
    half = len(content) // 2
    path.write_bytes(bytes(byte ^ 1 for byte in content[:half]) + content[half:])
    response = await site.post(*WHO, LINES, cursor=cursor)
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")


async def test_a_small_answer_is_not_held(site: Site) -> None:
    """One page needs no cursor, and leaves nothing behind."""
    body = (await site.post(*WHO, LINES + " LIMIT 5")).json()
    assert body["release"]["complete"] is True
    assert "next_cursor" not in body
    assert not (site.folder / "var" / "held").exists()


async def test_max_rows_cuts_over_all_pages(site: Site) -> None:
    """A limit counts for the whole answer; its last page says that it is not complete."""
    found = await pages(site, LINES, max_rows=450)
    assert [len(body["rows"]) for body in found] == [200, 200, 50]
    assert [body["release"]["complete"] for body in found] == [False] * 3


async def test_more_than_pages_may_hold_is_not_called_complete(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes over the size of a held answer is cut, and the last page says so."""
    monkeypatch.setattr(paging, "MOST_ROWS", 500)
    found = await pages(site, LINES)
    assert [len(body["rows"]) for body in found] == [200, 200, 100]
    assert found[-1]["release"]["complete"] is False


async def test_other_forms_take_no_cursor(site: Site) -> None:
    """A stream is whole; a cursor with it is a mistake that is told."""
    cursor = (await site.post(*WHO, LINES)).json()["next_cursor"]
    response = await site.post(*WHO, LINES, accept=NDJSON, cursor=cursor)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_policy_that_decides_otherwise_ends_the_pages(site: Site) -> None:
    """Each page is decided anew: what was held under another decision is not released."""
    cursor = (await site.post(*WHO, LINES)).json()["next_cursor"]
    policy = site.workspace.policy

    class Revised:
        async def decide(self, request: Any) -> Any:
            return replace(await policy.decide(request), revision="another")

        async def healthy(self) -> bool:
            return True

    async with site.with_parts(policy=Revised()) as revised:
        assert "ask again" in await refused(revised, LINES, cursor)


async def test_another_mask_of_the_same_kind_ends_the_pages(site: Site) -> None:
    """What was held under a mask is not released once its parameters are others."""
    own = site.gateway.catalogue
    lines = own.datasets["pos.order_lines"]

    def masked(keep: Keep) -> Catalogue:
        columns = tuple(replace(c, mask=Partial(keep)) if c.name == "country" else c for c in lines.columns)
        return replace(own, datasets={**own.datasets, lines.name: replace(lines, columns=columns)})

    sql = "SELECT customer_id, country FROM pos.order_lines"
    async with site.with_parts(catalogue=masked(Keep.FIRST), in_force=None) as before:
        cursor = (await before.post(*WHO, sql)).json()["next_cursor"]
        assert (await before.post(*WHO, sql, cursor=cursor)).status_code == 200
    async with site.with_parts(catalogue=masked(Keep.INITIALS), in_force=None) as after:
        assert "ask again" in await refused(after, sql, cursor)


async def test_the_limit_of_the_policy_counts_over_all_pages(site: Site) -> None:
    """A limit of the policy is one for the whole answer, not for each page."""
    policy = site.workspace.policy

    class Limited:
        async def decide(self, request: Any) -> Any:
            obligations = (Obligation(ObligationKind.MAX_ROWS, 250),)
            permit: Any = await policy.decide(request)
            return replace(permit, obligations=obligations)

        async def healthy(self) -> bool:
            return True

    async with site.with_parts(policy=Limited()) as limited:
        found = await pages(limited, LINES)
    assert [len(body["rows"]) for body in found] == [200, 50]
    assert found[-1]["release"]["complete"] is False


async def test_who_withdrew_between_two_pages_is_not_counted(site: Site) -> None:
    """How many people an answer is about is not told by those who stood in pages that went before."""
    policy = site.workspace.policy
    people = len(customers(site, await pages(site, LINES)))

    class Counted:
        async def decide(self, request: Any) -> Any:
            permit: Any = await policy.decide(request)
            return replace(permit, obligations=(Obligation(ObligationKind.MAX_DATA_SUBJECTS, people - 1),))

        async def healthy(self) -> bool:
            return True

    first = (await site.post(*WHO, LINES)).json()
    (gone,) = {row[0] for row in first["rows"][:1]}
    async with site.with_parts(policy=Counted()) as counted:
        begun = (await counted.post(*WHO, LINES)).json()
        her = site.customer_of(*WHO, gone)
        assert her is not None
        await site.withdraw(her, PURPOSE)
        cursor = begun["next_cursor"]
        while cursor is not None:
            response = await counted.post(*WHO, LINES, cursor=cursor)
            assert response.status_code == 200, response.text
            cursor = response.json().get("next_cursor")
