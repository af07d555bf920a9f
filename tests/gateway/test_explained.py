"""What ``:explain`` says: why, whose rows, which masks, what a store runs, and what governance costs."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.gateway.site import Site

from sekisho.adapters.clock import SystemClock
from sekisho.costs import Costs, Laps, Step
from sekisho.domain.access import Comparison, Permit, TransformKind
from sekisho.errors import SekishoError
from sekisho.explanation import MASKS, permission
from sekisho.release import Ask

LINES = "SELECT customer_id, invoice, country FROM pos.order_lines WHERE country = 'France'"
PURPOSE = "recommendation"
CELL = "recommendation/data_category=purchase"


async def explained(
    site: Site, sql: str, requester: str = "recommender", purpose: str = PURPOSE, parameters: tuple[object, ...] = ()
) -> dict[str, Any]:
    """Return what ``:explain`` answers."""
    response = await _ask(site, sql, requester, purpose, parameters)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def _ask(site: Site, sql: str, requester: str, purpose: str, parameters: tuple[object, ...]) -> httpx.Response:
    body = {"purpose": purpose, "sql": sql, "parameters": list(parameters)}
    return await site.client.post("/v1/query:explain", json=body, headers=site.headers(requester))


class Ticks(SystemClock):
    """A clock on which every look takes a millisecond."""

    def __init__(self) -> None:
        super().__init__()
        self._looks = itertools.count()

    def monotonic(self) -> float:
        """See ``ports.Clock``."""
        return next(self._looks) / 1_000


@asynccontextmanager
async def ticking(site: Site) -> AsyncIterator[Site]:
    """Yield *site* with a clock that counts looks, and costs of its own."""
    async with site.with_parts(clock=Ticks(), costs=Costs()) as made:
        yield made


async def test_it_says_why_whose_rows_and_which_masks(site: Site) -> None:
    """The ground, the rule of the rows by cell, and each mask stand there in words."""
    told = await explained(site, LINES)
    assert told["why"] == [
        {
            "title": "No rule says no. The purpose recommendation (Product recommendations) stands on the consent of"
            " each person."
        }
    ]
    assert told["rows"] == {
        "pos.order_lines": [f"Rows of people, by customer_id, who agree to {CELL}, now and when each page leaves."]
    }
    assert told["masks"]["pos.order_lines"] == {
        "customer_id": MASKS[TransformKind.PSEUDONYM],
        "invoice": MASKS[TransformKind.TOKEN],
        "country": MASKS[TransformKind.CLEAR],
    }


async def test_it_says_what_each_store_runs_without_literals(site: Site) -> None:
    """The governed statement names its engine and stores; no literal and no parameter stands in the answer."""
    told = await explained(site, LINES + " AND quantity > ?", parameters=(987654,))
    (statement,) = told["statements"]
    assert (statement["engine"], statement["stores"]) == ("duckdb", ["pos"])
    assert statement["sql"] == told["sql"]
    assert "France" not in str(told)
    assert "987654" not in str(told)


async def test_a_legitimate_interest_and_a_duty_have_words_of_their_own(site: Site) -> None:
    """Who may object is told so; where the law demands it, nobody is asked."""
    objecting = await explained(site, LINES, "analyst", "ab_measurement")
    assert "who did not object to ab_measurement" in objecting["rows"]["pos.order_lines"][0]
    duty = await explained(site, LINES, "fraud_team", "fraud_prevention")
    assert duty["rows"]["pos.order_lines"] == [
        "Rows of every person who is known by customer_id; consent is not asked for."
    ]


async def test_a_refusal_tells_the_rule_and_what_would_help(site: Site) -> None:
    """Each reason of a no comes with the title, the source and the remedy of its rule."""
    told = await explained(site, "SELECT COUNT(*) AS n FROM crm.customers", "analyst", "management_statistics")
    assert (told["decision"], told["code"]) == ("deny", "aggregate_required")
    for why in told["why"]:
        assert all(why[name] for name in ("reason", "title", "source", "remedy"))


async def test_a_row_filter_is_told_without_its_value(site: Site) -> None:
    """That a column is compared is told; with what, the policy keeps to itself."""
    gateway = site.gateway
    requester = site.requester("recommender")
    purpose = gateway.catalogue.purposes[PURPOSE]
    question = gateway.statements.read(requester, purpose, LINES)
    permit = await gateway.policy.decide(question.request)
    assert isinstance(permit, Permit)
    filters = {"pos.order_lines": (Comparison("country", "eq", "Atlantis"), Comparison("quantity", "in", (1, 2)))}
    narrow = Permit(**{name: getattr(permit, name) for name in permit.__slots__} | {"row_filters": filters})
    told = permission(question, narrow, question.plan(narrow), None)
    rows: Any = told["rows"]
    assert rows["pos.order_lines"][1:] == [
        "Rows whose country is a value that the policy names.",
        "Rows whose quantity is among values that the policy names.",
    ]
    assert "Atlantis" not in str(told)


@pytest.mark.parametrize("kind", list(TransformKind))
def test_every_transform_has_words(kind: TransformKind) -> None:
    """No mask is left unexplained."""
    assert MASKS[kind]


async def test_the_cost_is_null_until_the_statement_ran(site: Site) -> None:
    """Nothing is estimated: before the requester's first whole answer there is no cost, afterwards there is."""
    async with ticking(site) as asked:
        assert (await explained(asked, LINES))["cost"] is None
        await asked.rows("recommender", PURPOSE, LINES)
        cost = (await explained(asked, LINES))["cost"]
        assert cost["runs"] == 1
        assert set(cost["steps"]) == {step.value for step in Step}
        assert 0 < cost["governance"] < 1


async def test_the_cost_is_of_ones_own_runs(site: Site) -> None:
    """Neither another requester nor another purpose is told of my runs; other literals of one statement are one."""
    async with ticking(site) as asked:
        await asked.rows("recommender", PURPOSE, LINES)
        assert (await explained(asked, LINES.replace("France", "Germany")))["cost"]["runs"] == 1
        assert (await explained(asked, LINES, "ads", "targeted_advertising"))["cost"] is None
        assert (await explained(asked, LINES.replace("invoice", "quantity")))["cost"] is None
        other = replace(asked.requester("recommender"), name="other")
        assert (await asked.gateway.explain(other, Ask(PURPOSE, LINES)))["cost"] is None


async def test_the_cost_is_of_whole_answers(site: Site) -> None:
    """An answer that was left, or refused, counts for nothing."""
    async with ticking(site) as asked:
        left = await asked.release(
            "recommender", PURPOSE, LINES.replace(" WHERE country = 'France'", ""), page_rows=5
        )
        await left.close()
        with pytest.raises(SekishoError):
            await asked.release("recommender", PURPOSE, LINES + " AND quantity > ?")
        assert asked.gateway.costs.of(("recommender", PURPOSE, "")) is None
        assert not asked.gateway.costs._known


async def test_what_a_reader_takes_is_not_counted(site: Site) -> None:
    """A client that reads slowly between pages changes no share."""
    sql = LINES.partition(" WHERE")[0] + " WHERE quantity > 0"
    costs = []
    for looks in (0, 5_000):
        async with ticking(site) as asked:
            release = await asked.release("recommender", PURPOSE, sql, page_rows=500)
            pages = 0
            async for _page in release.pages():
                pages += 1
                for _ in range(looks):
                    asked.workspace.clock.monotonic()
            assert pages > 2
            costs.append((await explained(asked, sql))["cost"])
    assert costs[0] == costs[1]


async def test_withheld_rows_do_not_show_in_the_cost(site: Site) -> None:
    """With a clock that only counts steps, the cost is the same whether rows are withheld or not."""
    sql = "SELECT customer_id, invoice FROM pos.order_lines"
    async with ticking(site) as asked:
        rows = len(await asked.rows("recommender", PURPOSE, sql))
        before = (await explained(asked, sql))["cost"]
    for customer in site.agreeing(CELL)[:5]:
        await site.withdraw(customer, PURPOSE)
    async with ticking(site) as asked:
        assert len(await asked.rows("recommender", PURPOSE, sql)) < rows
        assert (await explained(asked, sql))["cost"] == before


def test_shares_are_rounded() -> None:
    """Shares are told in steps of five percent, so that no single run can be read off."""
    clock = itertools.accumulate([0.0, 1.0, 2.0, 33.0, 7.0, 57.0])
    laps = Laps(lambda: next(clock))
    for step in (Step.DECIDE, Step.CONSENT, Step.FETCH, Step.TRANSFORM, Step.RECORD):
        laps.lap(step)
    costs = Costs()
    costs.take(("r", "p", "f"), laps)
    told: Any = costs.of(("r", "p", "f"))
    assert told["store"] == 0.35
    assert told["governance"] == 0.65
    assert told["steps"]["record"] == 0.55
    assert told["steps"]["decide"] == 0.0


def test_the_average_moves() -> None:
    """The first runs count alike, later ones with a fifth of the weight; what was long ago fades."""
    costs = Costs()
    for seconds in (1.0, 3.0):
        costs.take(("r", "p", "f"), _laps(seconds))
    assert costs._known["r", "p", "f"].seconds == pytest.approx(dict.fromkeys(Step, 0.0) | {Step.FETCH: 2.0})
    for _ in range(100):
        costs.take(("r", "p", "f"), _laps(9.0))
    assert costs._known["r", "p", "f"].seconds == pytest.approx(dict.fromkeys(Step, 0.0) | {Step.FETCH: 9.0})


def test_only_so_many_statements_are_remembered() -> None:
    """The oldest statement is forgotten, the one that was run again is kept."""
    costs = Costs()
    for number in range(2_048):
        costs.take(("r", "p", str(number)), _laps(1.0))
    costs.take(("r", "p", "0"), _laps(1.0))
    costs.take(("r", "p", "more"), _laps(1.0))
    assert costs.of(("r", "p", "0")) is not None
    assert costs.of(("r", "p", "1")) is None


def _laps(seconds: float) -> Laps:
    laps = Laps(lambda: 0.0)
    laps.seconds[Step.FETCH] = seconds
    return laps


async def test_the_readers_time_is_nobodys_step() -> None:
    """What a client takes between two pages is not counted."""
    times = iter([0.0, 1.0, 50.0, 51.0])
    laps = Laps(lambda: next(times))
    laps.lap(Step.FETCH)
    laps.resume()
    laps.lap(Step.RECORD)
    assert laps.seconds == {Step.FETCH: 1.0, Step.RECORD: 1.0}


async def test_metrics_tell_what_steps_took(site: Site) -> None:
    """``/metrics`` counts each step of each whole answer, labelled by the step and nothing else."""
    await site.rows("recommender", PURPOSE, LINES)
    await site.rows("recommender", PURPOSE, LINES)
    text = (await site.client.get("/metrics")).text
    counted = [line for line in text.splitlines() if line.startswith("sekisho_step_seconds_count")]
    assert sorted(counted) == sorted(f'sekisho_step_seconds_count{{step="{step.value}"}} 2.0' for step in Step)
