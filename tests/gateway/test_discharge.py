"""Each obligation is discharged, and proved to be, before anything of an answer leaves."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from tests.fakes import FakeClock
from tests.gateway.site import ARROW, NDJSON, Site
from tests.gateway.test_default_deny import ANSWER, Answering

from sekisho.adapters.records.usage import SqlMeter
from sekisho.domain.access import AccessRequest, Decision, decision_from_json
from sekisho.domain.obligations import Discharges, ObligationKind
from sekisho.errors import AccessDenied, InvalidRequest
from sekisho.release import Ask

QUESTION = ("recommender", "recommendation", "SELECT stock_code, customer_id FROM pos.order_lines")
ASKED: dict[str, Any] = {
    "max_rows": 10_000,
    "max_data_subjects": 10_000,
    "rate_limit": {"amount": 100, "seconds": 60},
    "budget": {"amount": 1_000_000, "seconds": 86_400},
    "output_class": "pseudonymised",
    "retention": 30,
    "formats": ["arrow", "json"],
    "watermark": "release_id",
    "record": "access.break_glass",
}


def answer(*obligations: tuple[str, Any], **more: Any) -> dict[str, Any]:
    """Return a permit with *obligations*."""
    return ANSWER | {"obligations": [{"kind": kind, "value": value} for kind, value in obligations], **more}


def asking(site: Site, *obligations: tuple[str, Any], **parts: Any) -> Any:
    """Return a site whose policy permits with *obligations*."""
    return site.with_parts(policy=Answering(answer(*obligations)), **parts)


@pytest.mark.parametrize("kind", [*ASKED, "all of them"])
async def test_an_obligation_that_is_discharged_lets_the_answer_leave(site: Site, kind: str) -> None:
    """Every kind has a step that discharges it, alone and together; the record of the release names them."""
    wanted = ASKED if kind == "all of them" else {kind: ASKED[kind]}
    async with asking(site, *wanted.items()) as asked:
        response = await asked.post(*QUESTION)
    assert response.status_code == 200, response.text
    (record,) = await site.records("access.release")
    assert {item["kind"]: item["value"] for item in record["obligations"]} == wanted


@pytest.mark.parametrize("kind", ASKED)
async def test_an_obligation_that_no_step_discharges_refuses_the_release(
    site: Site, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With any one discharge taken out, nothing of the answer leaves."""
    did = Discharges.did

    def forgetful(self: Discharges, done: ObligationKind, what: object) -> None:
        if done.value != kind:
            did(self, done, what)

    monkeypatch.setattr(Discharges, "did", forgetful)
    async with asking(site, *ASKED.items()) as asked:
        response = await asked.post(*QUESTION)
    assert (response.status_code, response.json()["code"]) == (503, "policy_unavailable")
    assert not await site.records("access.release")


@pytest.mark.parametrize("kind", ["rate_limit", "budget"])
async def test_what_nobody_counts_is_refused(site: Site, kind: str) -> None:
    """A gateway without a meter fulfils no allowance."""
    async with asking(site, (kind, ASKED[kind]), meter=None) as asked:
        response = await asked.post(*QUESTION)
    assert (response.status_code, response.json()["code"]) == (503, "policy_unavailable")
    assert not await site.records("access.release")


async def test_min_group_is_for_published_views_and_a_larger_one_holds(site: Site) -> None:
    """A policy that asks for larger groups than a view gets another release, without the smaller ones."""
    view, purpose = "sales_by_month_country", "management_statistics"

    catalogue = site.gateway.catalogue
    views = {view: replace(catalogue.views[view], min_group=3)}

    async def cells(smallest: int) -> list[Any]:
        class Stricter:
            async def decide(self, request: AccessRequest) -> Decision:
                columns = {
                    use.dataset.name: {
                        name: "pseudonym" if name == "customer_id" else "token" if name == "invoice" else "clear"
                        for name in use.columns
                    }
                    for use in request.datasets
                }
                return decision_from_json(
                    answer(("min_group", smallest), legal_basis="legitimate_interest")
                    | {"columns": columns, "consent": {"required": False, "cells": []}},
                    request,
                    "stub",
                )

            async def healthy(self) -> bool:
                return True

        async with site.with_parts(policy=Stricter(), catalogue=replace(catalogue, views=views)) as asked:
            body = {"purpose": purpose}
            response = await asked.client.post(f"/v1/views/{view}:read", json=body, headers=asked.headers("analyst"))
        assert response.status_code == 200, response.text
        names = [column["name"] for column in response.json()["columns"]]
        return [row[names.index("people")] for row in response.json()["rows"]]

    loose, strict, again = await cells(3), await cells(41), await cells(3)
    assert loose == again
    assert loose
    assert strict == []


async def test_a_form_that_is_not_allowed_does_not_leave(site: Site) -> None:
    """The form is the request's; another is refused with a reason, before anything is read."""
    async with asking(site, ("formats", ["json"])) as asked:
        assert (await asked.post(*QUESTION)).status_code == 200
        refused = await asked.post(*QUESTION, accept="text/csv")
        assert (refused.status_code, refused.json()["code"]) == (403, "access_denied")
        assert refused.json()["reasons"] == ["format_not_allowed"]
        with pytest.raises(AccessDenied):  # who names no form gets none
            await asked.gateway.query(asked.requester("recommender"), Ask(QUESTION[1], QUESTION[2]))


async def test_each_row_says_by_which_release_it_left(site: Site) -> None:
    """In every form the mark is the id of the release, which is the id of its audit record."""
    async with asking(site, ("watermark", "release_id"), ("max_rows", 50)) as asked:
        body = (await asked.post(*QUESTION)).json()
        lines = (await asked.post(*QUESTION, accept="text/csv")).text
        stream = await asked.post(*QUESTION, accept=ARROW)
        records = {record["id"] for record in await asked.records("access.release")}
    assert [column["name"] for column in body["columns"]] == ["stock_code", "customer_id", "__release"]
    assert {row[2] for row in body["rows"]} == {body["release"]["id"]}
    marks = {row["__release"] for row in csv.DictReader(io.StringIO(lines))}
    table = pa.ipc.open_stream(stream.content).read_all()
    assert marks | set(table["__release"].to_pylist()) | {body["release"]["id"]} == records
    assert len(records) == 3


async def test_a_mark_cannot_be_forged_by_a_name(site: Site) -> None:
    """No statement names an output as the mark is named."""
    async with asking(site, ("watermark", "release_id")) as asked:
        response = await asked.post(
            QUESTION[0], QUESTION[1], "SELECT stock_code AS __release, customer_id FROM pos.order_lines"
        )
    assert response.status_code == 422


async def test_more_answers_than_allowed_wait_for_the_next_window(site: Site) -> None:
    """The third answer in a minute is refused, and one of the next minute is not."""
    clock = FakeClock(datetime(2026, 11, 2, 12, 0, 30, tzinfo=UTC))
    meter = SqlMeter(site.workspace.database, clock)
    async with asking(site, ("rate_limit", {"amount": 2, "seconds": 60}), meter=meter) as asked:
        codes = [(await asked.post(*QUESTION)).status_code for _ in range(3)]
        clock.advance(30)
        later = await asked.post(*QUESTION)
    assert codes == [200, 200, 429]
    assert later.status_code == 200
    assert len(await site.records("access.release")) == 3


@pytest.mark.parametrize(("kind", "code"), [("rate_limit", "rate_limited"), ("budget", "budget_exhausted")])
async def test_two_limits_of_one_length_count_once(site: Site, kind: str, code: str) -> None:
    """What a purpose and a policy both limit in a day is counted once, and the stricter of them holds."""
    meter = SqlMeter(site.workspace.database, FakeClock())
    row = (*QUESTION[:2], f"{QUESTION[2]} LIMIT 1")
    wide, narrow = ((kind, {"amount": amount, "seconds": 86_400}) for amount in (100, 3))
    async with asking(site, wide, narrow, meter=meter) as asked:
        answers = [await asked.post(*row) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429], answers[-1].text
    assert answers[-1].json()["code"] == code


async def test_rows_beyond_the_budget_do_not_leave(site: Site) -> None:
    """Rows are counted page by page before they leave, over answers, until the window ends."""
    clock = FakeClock(datetime(2026, 11, 2, tzinfo=UTC))
    meter = SqlMeter(site.workspace.database, clock)
    spent = {"amount": 25, "seconds": 86_400}
    async with asking(site, ("budget", spent), ("max_rows", 40), meter=meter) as asked:
        release = await asked.release(*QUESTION, page_rows=10)
        pages = release.pages()
        sizes = [(await anext(pages)).batch.num_rows, (await anext(pages)).batch.num_rows]
        with pytest.raises(Exception, match="as many rows") as caught:
            await anext(pages)
        whole = await asked.post(*QUESTION)
    assert sizes == [10, 10]
    assert getattr(caught.value, "code", "") == "budget_exhausted"
    assert (whole.status_code, whole.json()["code"]) == (429, "budget_exhausted")
    assert sum(record["rows"] for record in await site.records("access.release")) == 20


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT name FROM crm.customers", {"name": "clear"}),
        ("SELECT name FROM crm.customers", {"name": "partial"}),
        ("SELECT customer_id FROM crm.customers", {"customer_id": "clear"}),
        ("SELECT comment FROM survey.answers", {"comment": "mask_text"}),
    ],
    ids=["a name", "a part of a name", "the key", "a masked text"],
)
async def test_personal_data_is_not_pseudonymised(site: Site, sql: str, columns: dict[str, str]) -> None:
    """What identifies somebody, and a text that may, are more than pseudonymised data: nothing leaves."""
    dataset = sql.rpartition(" ")[2]
    more = {"columns": {dataset: columns}, "consent": {"required": False, "cells": []}}
    codes = []
    for allowed in ("pseudonymised", "personal"):
        policy = Answering(answer(("output_class", allowed), **more))
        async with site.with_parts(policy=policy) as asked:
            codes.append((await asked.post(*QUESTION[:2], sql)).status_code)
    assert codes == [503, 200]


@pytest.mark.parametrize("allowed", ["statistics", "anonymised"])
async def test_rows_are_never_sets(site: Site, allowed: str) -> None:
    """No statement of a requester is statistics or anonymised, whatever the policy hopes."""
    async with asking(site, ("output_class", allowed)) as asked:
        response = await asked.post(QUESTION[0], QUESTION[1], "SELECT count(*) AS n FROM pos.order_lines")
        assert response.status_code == 503
        assert (await asked.post(*QUESTION)).status_code == 503


async def test_the_stricter_deadline_counts(site: Site) -> None:
    """The policy shortens the time that the purpose allows, and never lengthens it."""
    kept = []
    for days in (2, 9_000):
        async with asking(site, ("retention", days)) as asked:
            assert (await asked.post(*QUESTION)).status_code == 200
        record = (await site.records("access.release"))[-1]
        until, at = (datetime.fromisoformat(record[name]) for name in ("keep_until", "at"))
        kept.append(round((until - at) / timedelta(days=1)))
    assert kept == [2, 30]


class Ending:
    """A policy whose permit ends, and that answers by *then* afterwards."""

    def __init__(self, clock: FakeClock, then: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.clock, self.until, self.then, self.asked = clock, clock.now() + timedelta(seconds=60), then, 0

    async def decide(self, request: AccessRequest) -> Decision:
        """Return the permit that holds now."""
        self.asked += 1
        assert request.now is not None
        assert request.now.epoch == int(self.clock.now().timestamp())
        body = answer(valid_until=int(self.until.timestamp()))
        if self.clock.now() >= self.until:
            body = self.then(body)
        return decision_from_json(body, request, "stub")

    async def healthy(self) -> bool:
        """Return that it answers."""
        return True


NO = {"allow": False, "deny": [{"code": "access_denied", "reason": "weekend_freeze"}], "valid_until": None}


@pytest.mark.parametrize(
    ("then", "goes_on"),
    [
        (lambda body: body | NO, False),
        (lambda body: body | {"valid_until": None}, True),
        (lambda body: body | {"obligations": [{"kind": "max_rows", "value": 5}], "valid_until": None}, False),
    ],
    ids=["then no", "then the same", "then less"],
)
async def test_a_decision_that_ends_under_way_is_taken_anew(
    site: Site, then: Callable[[dict[str, Any]], dict[str, Any]], goes_on: bool
) -> None:
    """A page that would leave after the end of its decision leaves only when it is decided alike again."""
    clock = FakeClock(site.workspace.clock.now())
    policy = Ending(clock, then)
    async with site.with_parts(policy=policy, clock=clock) as asked:
        release = await asked.release(*QUESTION, page_rows=10)
        pages = release.pages()
        await anext(pages)
        assert policy.asked == 1
        clock.at += timedelta(seconds=61)
        if goes_on:
            assert (await anext(pages)).batch.num_rows == 10
        else:
            with pytest.raises(AccessDenied):
                await anext(pages)
        assert policy.asked == 2
        await release.close()


async def test_a_whole_form_asks_at_its_end_whether_the_decision_stands(site: Site) -> None:
    """A file that is written for long is not handed over after the end of its decision."""
    clock = FakeClock(site.workspace.clock.now())
    policy = Ending(clock, lambda body: body | NO)
    async with site.with_parts(policy=policy, clock=clock) as asked:
        release = await asked.release(*QUESTION, page_rows=100_000)
        assert await release.renew() is not None
        clock.at += timedelta(seconds=61)
        with pytest.raises(AccessDenied):
            await release.renew()
        await release.close()


async def test_cursors_keep_to_the_row_filters(site: Site) -> None:
    """A page that was held under other row filters is not handed out."""
    wide = {"pos.order_lines": [{"column": "quantity", "op": "gt", "value": 0}]}
    narrow = {"pos.order_lines": [{"column": "quantity", "op": "gt", "value": 1}]}
    requester, ask = site.requester("recommender"), Ask(QUESTION[1], QUESTION[2], paged=True)

    async def page(cursor: str | None, **more: Any) -> str | None:
        async with site.with_parts(policy=Answering(answer(**more))) as asked:
            release = await asked.gateway.query(requester, replace(ask, cursor=cursor), page_rows=10)
            return (await anext(release.pages())).cursor

    cursor = await page(None, row_filters=wide)
    assert cursor is not None
    assert await page(cursor, row_filters=wide) is not None
    with pytest.raises(InvalidRequest):
        await page(cursor, row_filters=narrow)


async def test_lines_end_with_their_mark(site: Site) -> None:
    """NDJSON carries the mark too, and its last line is the same as ever."""
    async with asking(site, ("watermark", "release_id"), ("max_rows", 3)) as asked:
        text = (await asked.post(*QUESTION, accept=NDJSON)).text
    assert text.count('"__release"') == 3
