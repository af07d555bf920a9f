"""A small answer begins where consent stood: its record finds out whether it does, and else it is begun anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.gateway.meddling import MeddlingAudit, MeddlingStore
from tests.gateway.site import Site, opened

from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.discharge import begins_freely
from sekisho.domain.access import ObligationKind, Permit
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell
from sekisho.errors import AuditUnavailable, StoreUnavailable
from sekisho.ports import AuditEntry, ConsentEventInput

PURPOSE = "micro_segmentation"
PROFILES = "SELECT customer_id, member_rank FROM crm.customers"
WHO = ("marketer", PURPOSE)


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[Site]:
    """A workspace of one's own whose ledger spares looks, as it does on a server, and has stood still for a while."""
    async with opened(folder) as made:
        index_of(made)._spares = True
        yield made


def index_of(site: Site) -> Any:
    """Return what knows who agrees."""
    ledger = site.workspace.ledger
    assert isinstance(ledger, SqlConsentLedger)
    return ledger._index


@contextmanager
def looks_of(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count the looks at the ledger."""
    index, looks = index_of(site), list[int]()
    real = index.refresh

    async def counted(*given: Any, **named: Any) -> None:
        looks.append(1)
        await real(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(index, "refresh", counted)
        yield looks


async def warm(site: Site, sql: str = PROFILES, *parameters: object) -> list[dict[str, Any]]:
    """Ask, take the store for quick, and let the ledger stand still."""
    rows = await site.rows(*WHO, sql, *parameters)
    index_of(site)._still_from = 0.0
    for average in site.gateway.costs._known.values():
        average.seconds = dict.fromkeys(average.seconds or {}, 0.0)
    return rows


async def test_where_nothing_moved_nobody_looks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second answer is the first one, without a look at the ledger, and its record says what it rests on."""
    before = await warm(site)
    with looks_of(site, monkeypatch) as looks:
        assert await site.rows(*WHO, PROFILES) == before
    assert not looks
    first, second = (await site.records("access.release"))[-2:]
    assert second["consent"] == first["consent"]


@pytest.mark.parametrize(
    "sql",
    [
        PROFILES,
        PROFILES + " LIMIT 3",
        "SELECT count(*) AS n FROM crm.customers",
        "SELECT member_rank, count(*) AS n FROM crm.customers GROUP BY member_rank ORDER BY member_rank",
        "SELECT member_rank, row_number() OVER (ORDER BY member_rank) AS n FROM crm.customers",
    ],
)
async def test_a_withdrawal_that_no_look_has_seen_counts(
    site: Site, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    """Whatever the shape of a statement, its answer is what a look would have led to: nobody less, nobody more."""
    before = await warm(site, sql)
    assert await site.rows(*WHO, sql) == before
    await site.withdraw(site.agreeing(PURPOSE)[0], PURPOSE)
    index_of(site)._still_from = 0.0
    with looks_of(site, monkeypatch) as looks:
        after = await site.rows(*WHO, sql)
    assert looks
    index_of(site)._spares = False
    assert after == await site.rows(*WHO, sql)


async def test_a_yes_that_no_look_has_seen_counts(site: Site) -> None:
    """Somebody who agreed just now is in the next answer."""
    her = site.agreeing(PURPOSE)[0]
    await site.withdraw(her, PURPOSE)
    before = await warm(site)
    event = ConsentEventInput(
        site.number_of(her), PURPOSE, (Cell(PURPOSE),), ConsentEventKind.GIVE, "web_form", "data_subject"
    )
    await site.workspace.ledger.record([event])
    assert len(await site.rows(*WHO, PROFILES)) == len(before) + 1


async def test_while_somebody_writes_every_answer_looks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a while after an event nothing is begun in vain."""
    await warm(site)
    await site.withdraw(site.agreeing(PURPOSE)[0], PURPOSE)
    store = MeddlingStore(site.workspace.stores["crm"], times=0)
    async with site.with_parts(stores={**site.workspace.stores, "crm": store}) as watched:
        await watched.rows(*WHO, PROFILES)
        begun = store.statements
        with looks_of(site, monkeypatch) as looks:
            await watched.rows(*WHO, PROFILES)
        assert looks
        assert store.statements == begun + 1


@pytest.mark.parametrize("what", ["people", "keys"])
async def test_people_and_keys_that_no_look_has_seen_count(site: Site, what: str) -> None:
    """Who was registered, and an epoch of keys that was begun, hold for the next answer."""
    before = {row["customer_id"] for row in await warm(site)}
    seen = len(await site.records("access.release"))
    if what == "keys":
        await site.workspace.epochs.begin("pseudonyms")
    else:
        await site.workspace.people.register("customer_id", ["99999"])
    ground = index_of(site)._besides
    after = {row["customer_id"] for row in await site.rows(*WHO, PROFILES)}
    assert index_of(site)._besides != ground
    assert len(await site.records("access.release")) == seen + 1
    assert len(after) == len(before)
    assert bool(before & after) == (what == "people")


async def test_an_epoch_that_another_request_saw_meanwhile_is_not_taken_for_ones_own(site: Site) -> None:
    """The record rests on where keys stood when the answer was begun, not on where a look found them since."""
    before = {row["customer_id"] for row in await warm(site)}
    await site.workspace.epochs.begin("pseudonyms")

    async def look() -> None:
        await site.workspace.ledger.view((Cell(PURPOSE),))

    store = MeddlingStore(site.workspace.stores["crm"], before=look)
    async with site.with_parts(stores={**site.workspace.stores, "crm": store}) as other:
        rows = await other.rows(*WHO, PROFILES)
    assert store.statements == 2
    assert not before & {row["customer_id"] for row in rows}


@pytest.mark.parametrize("fails", ["before", "after"])
async def test_an_error_of_what_stood_is_told_to_nobody(site: Site, fails: str) -> None:
    """It may be of somebody who has withdrawn since: the ledger is asked, and what comes of that is the answer."""
    before = await warm(site)

    async def refuse() -> None:
        raise StoreUnavailable("of somebody who has withdrawn")

    store = MeddlingStore(site.workspace.stores["crm"], **{fails: refuse})  # type: ignore[arg-type]
    async with site.with_parts(stores={**site.workspace.stores, "crm": store}) as other:
        assert await other.rows(*WHO, PROFILES) == before
    assert store.statements == 2
    assert not await site.records("access.deny")


@pytest.mark.parametrize("column", ["1 / (length(member_rank) - 100)", "member_rank || prefecture"])
async def test_what_may_fail_on_a_row_meets_none_before_a_look(
    site: Site, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    """An expression that is not leak-proof never runs on a row of somebody who may have withdrawn meanwhile."""
    sql = f"SELECT {column} AS x, customer_id FROM crm.customers"
    await warm(site, sql)
    with looks_of(site, monkeypatch) as looks:
        await site.rows(*WHO, sql)
    assert looks


async def test_a_log_that_is_down_is_asked_once(site: Site) -> None:
    """What it did not write says nothing of anybody, and whoever asks is not kept waiting twice."""
    await warm(site)
    tried: list[AuditEntry] = []

    def down(entry: AuditEntry) -> None:
        if entry.kind == "access.release":
            tried.append(entry)
            raise AuditUnavailable("down")

    async with site.with_parts(audit=MeddlingAudit(site.workspace.audit, before=down)) as other:
        assert (await other.post(*WHO, PROFILES)).status_code == 503
    assert len(tried) == 1


async def test_a_yes_that_ends_unseen_is_no_ground(site: Site) -> None:
    """Time ends a yes without an event: the transaction of the record asks the clock."""
    her, index = site.agreeing(PURPOSE)[0], index_of(site)
    event = ConsentEventInput(
        site.number_of(her), PURPOSE, (Cell(PURPOSE),), ConsentEventKind.GIVE, "web_form", "data_subject",
        valid_until=site.workspace.clock.now() + timedelta(seconds=2),
    )  # fmt: skip
    await site.workspace.ledger.record([event])
    before = await warm(site)
    column = index._state.columns[Cell(PURPOSE)]
    ahead = f"SELECT {column.next_at} - {site.workspace.database.now_sql}"
    await asyncio.sleep(max(0, (await site.workspace.database.peek(ahead))[0][0]) / 1_000_000 + 0.01)
    after = await site.rows(*WHO, PROFILES)
    assert len(after) == len(before) - 1


async def test_more_than_a_small_page_looks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of many rows is worth a look before it is begun, and one of a slow store, too."""
    sql = "SELECT customer_id, stock_code FROM pos.order_lines"
    assert len(await warm(site, sql)) > 1_000
    with looks_of(site, monkeypatch) as looks:
        await site.rows(*WHO, sql)
    assert looks
    await warm(site)
    for average in site.gateway.costs._known.values():
        average.seconds = dict.fromkeys(average.seconds or {}, 1.0)
    with looks_of(site, monkeypatch) as looks:
        await site.rows(*WHO, PROFILES)
    assert looks


@pytest.mark.parametrize("kind", ObligationKind)
def test_what_takes_of_an_allowance_is_begun_once(kind: ObligationKind) -> None:
    """Nothing is taken, counted or recorded for an answer that is given up."""
    once = {ObligationKind.RATE_LIMIT, ObligationKind.BUDGET, ObligationKind.RECORD, ObligationKind.MAX_DATA_SUBJECTS}
    permit = SimpleNamespace(obligations=(SimpleNamespace(kind=kind, value=1),))
    assert begins_freely(cast("Permit", permit)) == (kind not in once)
