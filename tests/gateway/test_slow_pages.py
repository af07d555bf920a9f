"""Pages that take too long: a long answer goes on, and nothing of it leaves on an old look at the ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.gateway.site import Site
from tests.gateway.test_discharge import QUESTION, asking

from sekisho.adapters.records.usage import SqlMeter
from sekisho.errors import ConsentUnavailable
from sekisho.ports import AuditEntry, AuditLog, AuditReceipt, ConsentView, ConsentViews
from sekisho.release import Release, ReleasedPage

PURPOSE = "micro_segmentation"
WHO = ("marketer", PURPOSE)
PROFILES = "SELECT customer_id, member_rank FROM crm.customers"


class SlowAudit:
    """A log that does *slowly* before it takes the record of page *page*, the first *times*."""

    def __init__(self, log: AuditLog, slowly: Callable[[], Awaitable[object]], page: int, times: int = 1) -> None:
        self._log, self._slowly, self._page, self._times = log, slowly, page, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        """Record with the real log."""
        if entry.kind == "access.release" and entry.fields["page"] == self._page and self._times:
            self._times -= 1
            await self._slowly()
        return await self._log.append(entry)


class SlowLedger:
    """A ledger of which the looks *missed*, counted from 0, are not answered in time."""

    def __init__(self, consents: ConsentViews, missed: range) -> None:
        self._consents, self._missed, self.looks = consents, missed, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consents, name)

    async def view(self, *arguments: Any, **named: Any) -> ConsentView:
        """Look with the real ledger."""
        self.looks += 1
        if self.looks - 1 in self._missed:
            raise ConsentUnavailable("The consent ledger did not answer; nothing was released. Try again.")
        return await self._consents.view(*arguments, **named)


def people_of(site: Site, pages: list[ReleasedPage]) -> list[list[int]]:
    """Return the customers of each page."""
    keys = [page.batch.column("customer_id").to_pylist() for page in pages]
    return [[customer for customer in site.customers_of(*WHO, each) if customer is not None] for each in keys]


async def read(release: Release, shown: list[ReleasedPage]) -> None:
    """Read *release* to its end."""
    async for page in release.pages():
        shown.append(page)  # noqa: PERF401 - what came before a failure counts


async def test_a_page_whose_record_took_too_long_is_checked_and_recorded_anew(site: Site) -> None:
    """It is void, whoever withdrew meanwhile is not in what leaves in its place, and the answer goes on."""
    before = people_of(site, await site.pages(*WHO, PROFILES, page_rows=5))
    her, clock = before[1][2], FakeClock(site.workspace.clock.now())

    async def slowly() -> None:
        await site.withdraw(her, PURPOSE)
        clock.advance(5.0)

    start = len(await site.records("access.release"))
    async with site.with_parts(audit=SlowAudit(site.workspace.audit, slowly, 1), clock=clock) as asked:
        pages = await asked.pages(*WHO, PROFILES, page_rows=5)
    assert people_of(site, pages) == [[one for one in page if one != her] for page in before]
    assert pages[-1].complete
    records = (await site.records("access.release", "access.void"))[start:]
    told = [(record["kind"].removeprefix("access."), record["page"]) for record in records]
    assert told[:4] == [("release", 0), ("release", 1), ("void", 1), ("release", 1)]
    assert [kind for kind, _ in told[4:]] == ["release"] * (len(pages) - 2)
    first, void, second = records[1:4]
    assert void["parent_id"] == first["id"]
    assert pages[1].audit_seq == second["seq"]
    assert second["consent"]["seq"] > first["consent"]["seq"]
    assert [second["rows"], second["subjects"]["n"]] == [4, 4]


@pytest.mark.parametrize("missed", [1, 2, 3])
async def test_a_ledger_that_is_slow_once_does_not_end_a_long_answer(site: Site, missed: int) -> None:
    """A later page is looked for three times; then the answer ends, and nothing of that page has left."""
    whole = await site.pages(*WHO, PROFILES, page_rows=5)
    consents = SlowLedger(site.gateway.consents, range(2, 2 + missed))  # one for step (4), one for page 1
    shown: list[ReleasedPage] = []
    async with site.with_parts(consents=consents) as asked:
        release = await asked.release(*WHO, PROFILES, page_rows=5)
        if missed < 3:
            await read(release, shown)
        else:
            with pytest.raises(ConsentUnavailable):
                await read(release, shown)
    assert [page.batch for page in shown] == [page.batch for page in whole][: len(whole) if missed < 3 else 2]
    assert await site.records("access.void") == []


async def test_what_a_page_that_did_not_leave_took_of_a_budget_is_that_of_the_next(site: Site) -> None:
    """Rows are counted once, however often their page was recorded."""
    clock = FakeClock(datetime(2026, 11, 2, tzinfo=UTC))

    async def slowly() -> None:
        clock.advance(5.0)

    parts = {"meter": SqlMeter(site.workspace.database, clock), "clock": clock}
    parts["audit"] = SlowAudit(site.workspace.audit, slowly, 1, times=2)
    budget = ("budget", {"amount": 20, "seconds": 86_400})
    async with asking(site, budget, ("max_rows", 20), **parts) as asked:
        pages = await asked.pages(*QUESTION, page_rows=10)
        assert (await asked.post(*QUESTION)).json()["code"] == "budget_exhausted"
    assert [page.batch.num_rows for page in pages] == [10, 10]
    assert [record["page"] for record in await site.records("access.void")] == [1, 1]


async def test_a_page_may_be_checked_once_more_by_itself(site: Site) -> None:
    """The latest page may leave late when nobody in it has withdrawn, whoever of the pages before has."""
    release = await site.release(*WHO, PROFILES, page_rows=5)
    pages = [page async for page in release.pages()]
    people = people_of(site, pages)
    await site.withdraw(people[0][0], PURPOSE)
    renewed = await release.renew(latest=True)
    assert renewed is not None
    assert renewed >= pages[-1].rechecked
    with pytest.raises(ConsentUnavailable):
        await release.renew()
    await site.withdraw(people[-1][0], PURPOSE)
    with pytest.raises(ConsentUnavailable):
        await release.renew(latest=True)
