"""What another policy would decide: simulation, what is kept of what was asked, and the shadow."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.site import Site, opened, read_sqlite

from sekisho.adapters.rego import policy_files, shipped_policies
from sekisho.domain.access import Use
from sekisho.domain.asked import AskedQuestion
from sekisho.errors import PolicyUnavailable, SekishoError
from sekisho.release import Ask, Occasion

SQL = "SELECT customer_id, invoice FROM pos.order_lines WHERE country = 'Wonderland-literal'"
QUESTIONS = "SELECT question FROM asked_question"
TABLES = ("asked_question", "asked_day", "policy_set", "shadow_difference")
NO_MORE = """
deny contains {"code": "access_denied", "reason": "no_more_recommendation"} if input.purpose.name == "recommendation"
"""


def modules(**changed: str) -> dict[str, str]:
    """Return the shipped policies with text added to the packages that are named."""
    files = {name: content.decode() for name, content in policy_files(shipped_policies()).items()}
    for name, text in changed.items():
        files[f"sekisho/{name}/{name}.rego"] += text
    return files


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text of a JSON value that is a value, and the names of datasets and columns."""
    if isinstance(value, dict):
        if "requester" not in value:
            yield from value
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, str):
        yield value


async def simulate(site: Site, *, who: str = "privacy_officer", **body: Any) -> Any:
    """Ask over HTTP."""
    return await site.client.post("/v1/policy:simulate", json=body, headers=site.headers(who))


async def answered(site: Site, **body: Any) -> dict[str, Any]:
    """Return the answer, which must come."""
    response = await simulate(site, **body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def kept(site: Site) -> None:
    """Have what was asked written, as the service does every ten seconds."""
    await site.workspace.policy_records.turn()
    await site.workspace.policy_records.write()


def contents(folder: Path) -> str:
    """Return all that the tables hold, as text."""
    told = []
    with closing(sqlite3.connect(folder / "var" / "sekisho.db")) as connection:
        for table in TABLES:
            told += [str(row) for row in connection.execute(f"SELECT * FROM {table}")]
    return "\n".join(told)


async def test_given_questions_are_decided_in_their_order(site: Site) -> None:
    """Each question gets what both policies say; one that is refused before has its code, and nothing is released."""
    questions = [
        {"requester": "recommender", "purpose": "recommendation", "sql": SQL},
        {"requester": "support_desk", "purpose": "customer_support", "sql": "SELECT name FROM crm.customers"},
        {"requester": "marketer", "purpose": "lifecycle_email", "sql": "SELECT body FROM support.tickets"},
        {
            "requester": "recommender",
            "purpose": "recommendation",
            "datasets": {"pos.order_lines": {"invoice": ["shown"]}},
        },
        {"requester": "analyst", "purpose": "management_statistics", "view": "rfm_cells"},
        {"requester": "nobody", "purpose": "recommendation", "sql": SQL},
        {"requester": "analyst", "purpose": "nothing", "sql": SQL},
        {"requester": "analyst", "purpose": "churn_prediction", "datasets": {"crm.customers": {"no": ["shown"]}}},
        {"requester": "analyst", "purpose": "churn_prediction", "datasets": {"crm.customers": {"name": ["sung"]}}},
    ]
    answer = await answered(site, policy=modules(purpose=NO_MORE), requests=questions)
    items = answer["items"]
    assert [item["before"]["decision"] for item in items] == [
        "allow",
        "allow",
        "deny",
        "allow",
        "allow",
        *["deny"] * 4,
    ]
    assert [item["after"]["decision"] for item in items] == ["deny", "allow", "deny", "deny", "allow", *["deny"] * 4]
    assert items[0]["after"]["reasons"] == ["no_more_recommendation"]
    assert items[0]["changes"] == {"allow_to_deny": {"before": "allow", "after": ["no_more_recommendation"]}}
    assert items[1]["changes"] == {}
    assert [item["before"].get("code") for item in items[5:]] == [
        "invalid_request",
        "unknown_purpose",
        *["invalid_request"] * 2,
    ]
    assert items[2]["before"]["code"] == "unknown_dataset"
    assert answer["kinds"] == {"allow_to_deny": {"requests": 2, "times": 2}}
    assert answer["before"] != answer["after"]
    assert "Wonderland-literal" not in json.dumps(answer)
    assert await site.records("access.release") == []


async def test_without_a_policy_the_one_in_force_decides(site: Site) -> None:
    """Left out, ``policy`` is the one in force: its decisions come, and nothing differs."""
    question = {"requester": "recommender", "purpose": "recommendation", "sql": SQL}
    answer = await answered(site, requests=[question])
    assert answer["before"] == answer["after"] == site.workspace.policy_records.policy.revision
    assert answer["items"][0]["before"] == answer["items"][0]["after"]
    assert answer["items"][0]["before"]["transforms"]["pos.order_lines"]["invoice"] == "token"


async def test_what_was_really_asked_is_decided_again(site: Site) -> None:
    """Each different question counts once with how often it was asked; those that would change are listed."""
    for country in ("France", "Japan", "France"):
        await site.rows("recommender", "recommendation", SQL.replace("Wonderland-literal", country))
    await site.rows("marketer", "lifecycle_email", "SELECT member_rank FROM crm.customers")
    refused = await site.post(
        "support_desk", "customer_support", "SELECT name FROM crm.customers WHERE income_band='1'"
    )
    assert refused.status_code == 403
    await kept(site)
    answer = await answered(site, policy=modules(purpose=NO_MORE), requests="recorded")
    assert (answer["requests"], answer["times"]) == (3, 5)
    assert answer["changed"] == {"requests": 1, "times": 3}
    (item,) = answer["items"]
    assert item["question"]["requester"] == "recommender"
    assert item["question"]["datasets"]["pos.order_lines"]["country"] == ["compared"]
    assert item["times"] == 3
    whole = await answered(site, requests="recorded")
    assert sorted(each["times"] for each in whole["items"]) == [1, 1, 3]


@pytest.mark.parametrize(
    ("package", "text", "kind"),
    [
        ("columns", "\n", None),
        ("obligations", "\n_row_limits contains 1000 if input.action\n", "obligations"),
        ("consent", '\ncells contains "recommendation/data_category=profile" if required\n', "cells"),
    ],
)
async def test_other_conditions_are_told_apart(site: Site, package: str, text: str, kind: str | None) -> None:
    """What differs in the conditions of a yes is named by what differs, with both sides of it."""
    question = {"requester": "recommender", "purpose": "recommendation", "sql": SQL}
    answer = await answered(site, policy=modules(**{package: text}), requests=[question])
    assert list(answer["items"][0]["changes"]) == ([] if kind is None else [kind])


async def test_other_transforms_are_told_by_column(site: Site) -> None:
    """A column that would be masked otherwise is named alone, with both transforms."""
    changed = modules()
    path = "sekisho/columns/columns.rego"
    old = '"linking_identifier": "token"'
    assert old in changed[path]
    changed[path] = changed[path].replace(old, old.replace("token", "withhold"))
    question = {"requester": "recommender", "purpose": "recommendation", "sql": SQL}
    answer = await answered(site, policy=changed, requests=[question])
    assert answer["items"][0]["changes"] == {
        "transforms": {
            "before": {"pos.order_lines": {"invoice": "token"}},
            "after": {"pos.order_lines": {"invoice": "withhold"}},
        }
    }


@pytest.mark.parametrize(
    ("policy", "word"),
    [
        ({}, "one module"),
        ({"a.rego": "package a\n\nx := "}, "a.rego, line 3"),
        ({"a.rego": "package a"}, "data.sekisho.access.decision"),
        ({"../a.rego": "package a"}, "relative path"),
        ({"a.rego": "package a\n\nx := http.send({})"}, "http.send"),
        ({"a.rego": "package a\n\nx := opa.runtime()"}, "opa.runtime"),
        ({f"{n}.rego": "x" * 5_000 for n in range(110)}, "characters"),
    ],
)
async def test_a_policy_that_cannot_be_tried_is_an_invalid_request(shared: Site, policy: Any, word: str) -> None:
    """A policy that does not compile, answers nothing, reaches out or is too large is refused with a sentence."""
    question = {"requester": "recommender", "purpose": "recommendation", "sql": SQL}
    response = await simulate(shared, policy=policy, requests=[question])
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert word in response.json()["detail"]


@pytest.mark.parametrize("who", ["auditor", "recommender", "consent_desk", "support_desk"])
async def test_only_the_privacy_officer_simulates(shared: Site, who: str) -> None:
    """What others ask is nobody's but the officer's to see."""
    response = await simulate(shared, who=who, requests="recorded")
    assert (response.status_code, response.json()["code"]) == (403, "access_denied")


async def test_simulating_is_recorded_first(site: Site) -> None:
    """The audit log says who simulated; without that record there is no answer."""
    await answered(site, requests="recorded")
    (record,) = await site.records("policy.simulate")
    assert record["requester"] == "privacy_officer"


async def test_another_instant_never_reaches_the_memory_of_decisions(site: Site) -> None:
    """Deciding as of another day leaves what real requests find untouched."""
    question = {"requester": "recommender", "purpose": "recommendation", "sql": SQL}
    cache: Any = site.workspace.policy
    before = len(cache._kept)
    answer = await answered(site, requests=[question], at="2020-01-04T03:00:00Z")
    assert answer["at"] == "2020-01-04T03:00:00Z"
    assert len(cache._kept) == before


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "9999-12-31T00:00:00-12:00", "0001-01-01T00:00:00Z"])
async def test_an_instant_at_the_end_of_years_is_refused_or_decided(shared: Site, at: str) -> None:
    """An instant without a next midnight is an invalid request in words, never a failure."""
    question = {"requester": "recommender", "purpose": "recommendation", "sql": SQL}
    response = await simulate(shared, requests=[question], at=at)
    assert (response.status_code == 200) is at.startswith("0001")
    if response.status_code != 200:
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_many_questions_are_made_beside_the_event_loop(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked is looked up in the catalogue by another thread than the one that answers."""
    await site.rows("recommender", "recommendation", SQL)
    await kept(site)
    made: list[int] = []
    original = AskedQuestion.request

    def watched(self: AskedQuestion, *given: Any) -> Any:
        made.append(threading.get_ident())
        return original(self, *given)

    monkeypatch.setattr(AskedQuestion, "request", watched)
    await answered(site, requests="recorded")
    assert made
    assert threading.get_ident() not in made


async def test_nothing_but_names_is_kept(site: Site) -> None:
    """No SQL, literal, parameter, value of a store, token or ticket stands in what is kept of what was asked."""
    await site.rows("recommender", "recommendation", SQL)
    await site.rows("recommender", "recommendation", SQL.replace("'Wonderland-literal'", "?"), "Parameter-literal")
    await site.rows("support_desk", "customer_support", "SELECT name, email FROM crm.customers LIMIT 1")
    with pytest.raises(SekishoError):
        await site.release("recommender", "recommendation", "SELECT canary_literal FROM pos.order_lines")
    asking = Ask("recommendation", SQL, occasion=Occasion(ticket="TICKETCANARY-1"))
    await (await site.gateway.query(site.requester("recommender"), asking)).close()
    await kept(site)
    text = contents(site.folder)
    questions = [json.loads(row[0]) for row in read_sqlite(site.folder / "var" / "sekisho.db", QUESTIONS)]
    assert [q["ticket"] for q in questions].count(True) == 1
    assert len(questions) == 3
    assert "literal" not in text
    assert "TICKETCANARY" not in text
    assert "SELECT" not in text
    catalogue = site.gateway.catalogue
    names = {c.name for d in catalogue.datasets.values() for c in d.columns} | {u.value for u in Use}
    names |= {*catalogue.datasets, *catalogue.purposes, *catalogue.requesters, "query"}
    assert set(texts_in(questions)) <= names


async def test_the_policies_in_force_are_kept_by_revision(site: Site) -> None:
    """The modules that decided can be had again by their revision, or its beginning."""
    await kept(site)
    records = site.workspace.policy_records
    revision = records.policy.revision
    assert revision is not None
    assert await records.asked.policy(revision) == modules()
    assert await records.asked.policy(revision[:7]) == modules()
    assert await records.asked.policy("0000000") is None


async def test_what_cannot_be_written_is_written_later(site: Site) -> None:
    """While the database is away requests are answered as ever, and their counts come when it is back."""
    records = site.workspace.policy_records
    keep = records.asked.keep

    async def failing(*_: Any, **__: Any) -> None:
        raise PolicyUnavailable("gone")

    object.__setattr__(records.asked, "keep", failing)
    await site.rows("recommender", "recommendation", SQL)
    await kept(site)
    await site.rows("recommender", "recommendation", SQL)
    object.__setattr__(records.asked, "keep", keep)
    await kept(site)
    answer = await answered(site, requests="recorded")
    assert (answer["requests"], answer["times"]) == (1, 2)


def shadowed(folder: Path, policy: dict[str, str]) -> None:
    """Write *policy* beside the workspace and name it as its shadow."""
    for name, text in policy.items():
        path = folder / "next" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    file = folder / "sekisho.yaml"
    written = re.sub(r"^policy:\n", "policy:\n  shadow: next\n", file.read_text(), flags=re.MULTILINE)
    assert "shadow: next" in written
    file.write_text(written)


def outcomes(text: str) -> dict[str, float]:
    """Return what the metrics say of the shadow."""
    lines = [line for line in text.splitlines() if line.startswith("sekisho_policy_shadow_decisions_total")]
    return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines}


async def test_a_shadow_counts_its_differences_and_nothing_else(folder: Path) -> None:
    """A shadow that would refuse refuses nothing: it is counted in metrics and listed, question by question."""
    shadowed(folder, modules(purpose=NO_MORE))
    async with opened(folder) as site:
        for _ in range(3):
            await site.rows("recommender", "recommendation", SQL)
        await site.rows("marketer", "lifecycle_email", "SELECT member_rank FROM crm.customers")
        await kept(site)
        assert outcomes((await site.client.get("/metrics")).text) == {"allow_to_deny": 3, "same": 1}
        (found,) = await site.workspace.policy_records.asked.differences(site.workspace.clock.now().date())
        assert (found.question.requester, found.count) == ("recommender", 3)
        assert found.changes == {"allow_to_deny": {"before": "allow", "after": ["no_more_recommendation"]}}
        assert found.shadow != found.live == site.workspace.policy_records.policy.revision
        await site.rows("recommender", "recommendation", SQL)
        await kept(site)
        (found,) = await site.workspace.policy_records.asked.differences(site.workspace.clock.now().date())
        assert found.count == 4


@pytest.mark.parametrize(
    "policy", [{"a.rego": "package a\n\nx := "}, {"a.rego": "package a"}], ids=["broken", "silent"]
)
async def test_a_broken_shadow_touches_no_request(folder: Path, policy: dict[str, str]) -> None:
    """A shadow that does not compile or answers nothing leaves every answer and the start as they are."""
    shadowed(folder, policy)
    async with opened(folder) as site:
        assert await site.rows("recommender", "recommendation", SQL.partition(" WHERE")[0])
        await kept(site)
        assert outcomes((await site.client.get("/metrics")).text) == {"unavailable": 1}
        ready = await site.client.get("/health/ready")
        assert ready.status_code == 200
