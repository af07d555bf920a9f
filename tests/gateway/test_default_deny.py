"""What is not known is refused: names, policy answers, obligations, stores (promise 1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.gateway.site import Site

from sekisho.adapters.identity import JwtIdentity
from sekisho.domain.access import AccessRequest, Decision, decision_from_json
from sekisho.errors import PolicyUnavailable

LINES = "SELECT stock_code, customer_id FROM pos.order_lines"
ANSWER: dict[str, Any] = {
    "allow": True,
    "deny": [],
    "legal_basis": "consent",
    "consent": {"required": True, "cells": ["recommendation/data_category=purchase"]},
    "columns": {"pos.order_lines": {"stock_code": "clear", "customer_id": "pseudonym"}},
    "row_filters": {},
    "obligations": [{"kind": "max_rows", "value": 10_000}],
    "valid_until": None,
}


class Answering:
    """A policy decision point that always gives one answer, read as every answer is read."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    async def decide(self, request: AccessRequest) -> Decision:
        """Return the answer as a decision."""
        try:
            return decision_from_json(self.answer, request, "stub")
        except ValueError:
            raise PolicyUnavailable("The policy's answer is not a decision; it is taken as no.") from None

    async def healthy(self) -> bool:
        """Return that it answers."""
        return True


@pytest.mark.parametrize(
    ("requester", "purpose", "sql", "code"),
    [
        ("recommender", "recommendation", "SELECT a FROM pos.nothing", "unknown_dataset"),
        ("recommender", "recommendation", "SELECT subject FROM support.tickets", "unknown_dataset"),
        ("support_desk", "customer_support", "SELECT event_type FROM web.events", "unknown_dataset"),
        ("recommender", "recommendation", "SELECT nothing FROM pos.order_lines", "unknown_column"),
        (
            "recommender",
            "recommendation",
            "SELECT stock_code FROM pos.order_lines WHERE nothing = 1",
            "unknown_column",
        ),
        ("recommender", "world_domination", LINES, "unknown_purpose"),
        ("recommender", "targeted_advertising", LINES, "purpose_not_registered"),
        ("consent_desk", "recommendation", LINES, "purpose_not_registered"),
        ("privacy_officer", "customer_support", LINES, "purpose_not_registered"),
        ("auditor", "fraud_prevention", LINES, "purpose_not_registered"),
        ("analyst", "management_statistics", "SELECT count(*) FROM pos.order_lines", "aggregate_required"),
        ("fraud_team", "fraud_prevention", "SELECT count(income_band) AS n FROM crm.customers", "column_denied"),
        ("analyst", "emotion_analysis", LINES, "access_denied"),
    ],
)
async def test_what_is_not_known_or_registered_is_refused(
    site: Site, requester: str, purpose: str, sql: str, code: str
) -> None:
    """An unknown name and a purpose of somebody else each have their code, and the refusal is on record."""
    response = await site.post(requester, purpose, sql)
    assert response.json()["code"] == code
    assert "rows" not in response.json()
    (record,) = await site.records("access.deny")
    assert (record["requester"], record["code"], record["decision"]) == (requester, code, "deny")


async def test_what_is_hidden_is_answered_like_what_does_not_exist(site: Site) -> None:
    """A dataset of other purposes and one that nobody declared get the same words, but for the name."""
    hidden = (await site.post("recommender", "recommendation", "SELECT body FROM support.tickets")).json()
    absent = (await site.post("recommender", "recommendation", "SELECT body FROM support.nothing")).json()
    assert hidden.pop("detail").replace("tickets", "nothing") == absent.pop("detail")
    assert hidden.pop("trace_id") != absent.pop("trace_id")
    assert hidden == absent


async def test_a_requester_that_is_no_longer_registered_is_refused(site: Site) -> None:
    """A token that was valid names nobody once its requester is taken out of the workspace file."""
    headers = site.headers("recommender")
    assert isinstance(site.workspace.identity, JwtIdentity)
    site.workspace.identity._requesters.pop("recommender")
    body = {"purpose": "recommendation", "sql": LINES}
    response = await site.client.post("/v1/query", json=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")


def _changed(**changes: object) -> dict[str, Any]:
    return ANSWER | changes


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in ANSWER.items() if name != key}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        True,
        "true",
        None,
        [],
        _without("consent"),
        _without("obligations"),
        _changed(allow="true"),
        _changed(allow=1),
        _changed(comment="a key that nobody knows"),
        _changed(deny=[{"code": "access_denied", "reason": "both"}]),
        _changed(allow=False),
        _changed(legal_basis="because"),
        _changed(consent={"required": True, "cells": []}),
        _changed(consent={"required": True, "cells": ["churn_prediction"]}),
        _changed(columns={"pos.order_lines": {"stock_code": "clear"}}),
        _changed(columns={"pos.order_lines": {"stock_code": "clear", "customer_id": "rot13"}}),
        _changed(columns=ANSWER["columns"] | {"crm.customers": {"name": "clear"}}),
        _changed(row_filters={"pos.order_lines": [{"column": "nothing", "op": "eq", "value": 1}]}),
        _changed(row_filters={"pos.order_lines": [{"column": "quantity", "op": "like", "value": 1}]}),
        _changed(row_filters={"pos.order_lines": ["quantity > 0"]}),
        _changed(obligations=[{"kind": "watermark", "value": 1}]),
        _changed(obligations=[{"kind": "max_rows", "value": "many"}]),
        _changed(obligations=[{"kind": "max_rows"}]),
        _changed(valid_until="tomorrow"),
        _changed(valid_until="2030-01-01T00:00:00"),
    ],
    ids=lambda answer: json.dumps(answer)[-60:],
)
async def test_a_policy_answer_that_is_not_understood_releases_nothing(site: Site, answer: object) -> None:
    """Missing, unknown or contradicting keys, transforms, cells and obligations are all "no"."""
    async with site.with_parts(policy=Answering(answer)) as asked:
        response = await asked.post("recommender", "recommendation", LINES)
    assert (response.status_code, response.json()["code"]) == (503, "policy_unavailable")
    assert [record["kind"] for record in await site.records("access.release", "access.deny")] == ["access.deny"]


async def test_the_same_answer_understood_releases_rows(site: Site) -> None:
    """The answer that the refusals above are changed from is a permit: so each change is what was refused."""
    async with site.with_parts(policy=Answering(ANSWER)) as asked:
        assert len(await asked.rows("recommender", "recommendation", LINES)) > 100


async def test_min_group_on_rows_is_refused_because_nothing_discharges_it(site: Site) -> None:
    """An obligation that the gateway knows but does not fulfil for rows means no, before a row leaves."""
    answer = _changed(obligations=[{"kind": "max_rows", "value": 10}, {"kind": "min_group", "value": 2}])
    async with site.with_parts(policy=Answering(answer)) as asked:
        response = await asked.post("recommender", "recommendation", LINES)
    assert (response.status_code, response.json()["code"]) == (503, "policy_unavailable")
    assert not await site.records("access.release")


async def test_a_pseudonym_is_never_put_on_a_column_that_is_not_the_key(site: Site) -> None:
    """A policy that asks for a pseudonym of another column gets a refusal, not the column."""
    answer = _changed(columns={"pos.order_lines": {"stock_code": "pseudonym", "customer_id": "pseudonym"}})
    async with site.with_parts(policy=Answering(answer)) as asked:
        response = await asked.post("recommender", "recommendation", LINES)
    assert (response.status_code, response.json()["code"]) == (422, "statement_refused")


async def test_row_filters_of_the_policy_narrow_the_answer(site: Site) -> None:
    """Filters are and-ed and no expression of the statement reaches around them."""
    filters = [{"column": "quantity", "op": "gt", "value": 10}, {"column": "country", "op": "in", "value": []}]
    sql = "SELECT stock_code, customer_id FROM pos.order_lines WHERE 1 = 1 OR 1 = 0"
    counts = []
    for used in ([], filters[:1], filters):
        async with site.with_parts(policy=Answering(_changed(row_filters={"pos.order_lines": used}))) as asked:
            counts.append(len(await asked.rows("recommender", "recommendation", sql)))
    assert counts[0] > counts[1] > counts[2] == 0


async def test_a_store_that_is_not_connected_releases_nothing(site: Site) -> None:
    """Without its store a dataset is unavailable, and that is on record."""
    async with site.with_parts(stores={}) as asked:
        response = await asked.post("recommender", "recommendation", LINES)
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert [record["code"] for record in await site.records("access.deny")] == ["store_unavailable"]


@pytest.mark.parametrize("form", ["application/json", "text/csv"])
async def test_a_refusal_is_a_problem_whatever_form_was_asked_for(site: Site, form: str) -> None:
    """A refusal never comes in the shape of an answer."""
    response = await site.post("recommender", "recommendation", "SELECT nothing FROM pos.order_lines", accept=form)
    assert response.headers["content-type"] == "application/problem+json"
    assert not {name for name in response.headers if name.startswith("sekisho-")} - {"sekisho-trace-id"}


async def test_explaining_a_refusal_runs_nothing(site: Site) -> None:
    """``:explain`` tells the decision and never touches a store."""

    class Untouched:
        def __getattr__(self, name: str) -> Callable[..., object]:
            raise AssertionError(name)

    async with site.with_parts(stores={"duckdb": Untouched(), "crm": Untouched()}) as asked:
        answer = await asked.client.post(
            "/v1/query:explain",
            json={"purpose": "recommendation", "sql": LINES + " WHERE country = 'Wonderland'"},
            headers=asked.headers("recommender"),
        )
    assert answer.status_code == 200
    assert answer.json()["consent"]["cells"] == ["recommendation/data_category=purchase"]
    assert "Wonderland" not in answer.text
