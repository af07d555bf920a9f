"""What ``:explain`` says of a no: why, in two languages, and which single change would make it a yes."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import httpx
import pytest
from tests.gateway.site import Site

from sekisho import counterfactual, errors
from sekisho.counterfactual import MOST_QUESTIONS, Counterfactual
from sekisho.domain.access import AccessRequest, Decision, Permit
from sekisho.domain.refusal_texts import CODE_TEXTS, LANGUAGES
from sekisho.domain.terms import LegalBasis
from sekisho.errors import SekishoError
from sekisho.ports import PolicyDecisionPoint
from sekisho.query.statements import Question
from sekisho.release import Ask

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(site: Site, requester: str, purpose: str, sql: str, language: str = "en") -> httpx.Response:
    """Ask for the explanation over HTTP."""
    headers = {**site.headers(requester), "Accept-Language": language}
    return await site.client.post("/v1/query:explain", json={"purpose": purpose, "sql": sql}, headers=headers)


async def changes(site: Site, requester: str, purpose: str, sql: str) -> list[tuple[str, str]]:
    """Return kind and name of each change that would help."""
    told = (await ask(site, requester, purpose, sql)).json()
    assert told["decision"] == "deny"
    return [(change["change"], change["name"]) for change in told["changes"]]


async def gets_a_yes(site: Site, requester: str, purpose: str, sql: str) -> bool:
    return bool((await ask(site, requester, purpose, sql)).json()["decision"] == "permit")


async def test_every_code_has_a_text_in_both_languages(shared: Site) -> None:
    """Each error code that a requester may meet has title, explanation and remedy in Japanese and English."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SekishoError)]
    codes = {kind.code for kind in kinds} - {"workspace_invalid", "audit_tampered"}
    assert codes == CODE_TEXTS.keys()
    for code, texts in CODE_TEXTS.items():
        assert texts.keys() == set(LANGUAGES), code
        for language, text in texts.items():
            for part in (text.title, text.explanation, text.remedy):
                assert part, code
                assert part.isascii() == (language == "en"), (code, part)


async def test_every_reason_of_the_policies_has_a_text_in_both_languages(shared: Site) -> None:
    """Each rule that can refuse tells title, explanation and remedy in Japanese and English."""
    rules = shared.gateway.rules()
    assert len(rules) >= 14
    for reason, rule in rules.items():
        assert rule.texts.keys() == set(LANGUAGES), reason
        for language, text in rule.texts.items():
            for part in (text.title, text.explanation, text.remedy):
                assert part, reason
                # An English sentence may name the Japanese term beside the English one, in Chinese characters.
                japanese = r"[ぁ-ん]" if language == "en" else r"[ぁ-んァ-ヶ一-龠]"
                assert (re.search(japanese, part) is None) == (language == "en"), (reason, part)


@pytest.mark.parametrize(("header", "language"), [("ja", "ja"), ("fr, ja;q=0.5, en;q=0.4", "ja"), ("fr", "en")])
async def test_accept_language_chooses(shared: Site, header: str, language: str) -> None:
    """The language that the caller likes best is spoken, English where it names none that there is."""
    sql = "SELECT prefecture FROM crm.customers WHERE income_band = '5'"
    response = await ask(shared, "support_desk", "customer_support", sql, header)
    told = response.json()
    assert response.status_code == 200
    assert response.headers["content-language"] == told["language"] == language
    rule = shared.gateway.rules()["sensitive_not_needed"].texts[language]
    assert told["why"][0]["title"] == rule.title
    assert told["why"][0]["explanation"] == rule.explanation
    assert told["why"][0]["remedy"] == rule.remedy
    assert told["title"].isascii() == (language == "en")


async def test_a_permit_speaks_japanese_too(shared: Site) -> None:
    """The ground, whose rows count and what becomes of columns are told in Japanese."""
    sql = "SELECT customer_id, invoice FROM pos.order_lines"
    told = (await ask(shared, "recommender", "recommendation", sql, "ja")).json()
    words = [told["why"][0]["title"], *told["rows"]["pos.order_lines"], *told["masks"]["pos.order_lines"].values()]
    assert not any(word.isascii() for word in words)


async def test_a_column_to_leave_out_is_named(shared: Site) -> None:
    """A sensitive column that is compared: showing it alone, or another purpose, would help; each is true."""
    sql = "SELECT prefecture FROM crm.customers WHERE income_band = '5'"
    found = await changes(shared, "support_desk", "customer_support", sql)
    assert ("only_shown", "crm.customers.income_band") in found
    shown = "SELECT prefecture, income_band FROM crm.customers"
    assert await gets_a_yes(shared, "support_desk", "customer_support", shown)


async def test_a_masked_column_is_named(shared: Site) -> None:
    """A masked column that is compared is refused by the gateway; the answer names it, and its code stays."""
    sql = "SELECT member_rank FROM crm.customers WHERE email LIKE 'a%' AND gender = 'f'"
    response = await ask(shared, "marketer", "micro_segmentation", sql)
    told = response.json()
    assert response.status_code == 422
    assert told["code"] == told["why"][0]["reason"] == "masked_column_use"
    assert {"change": "only_shown", "name": "crm.customers.email"}.items() <= told["changes"][0].items()
    assert [change["name"] for change in told["changes"]] == ["crm.customers.email"]


async def test_a_column_that_is_joined_or_grouped_is_left_out_where_that_is_simple(shared: Site) -> None:
    """What cannot be shown instead is left out; what the statement cannot do without is not named."""
    sql = "SELECT member_rank, COUNT(*) AS n FROM crm.customers WHERE phone LIKE '0%' GROUP BY member_rank"
    assert ("left_out", "crm.customers.phone") in await changes(shared, "marketer", "micro_segmentation", sql)
    only = "SELECT UPPER(phone) AS p FROM crm.customers"
    assert await changes(shared, "marketer", "micro_segmentation", only) == [("only_shown", "crm.customers.phone")]


async def test_another_purpose_of_the_requester_is_named(shared: Site) -> None:
    """A purpose that is not the requester's is refused; those of its own that get a yes are named, and no other."""
    sql = "SELECT customer_id FROM crm.customers"
    response = await ask(shared, "recommender", "fraud_prevention", sql)
    told = response.json()
    assert (response.status_code, told["code"]) == (403, "purpose_not_registered")
    named = {change["name"] for change in told["changes"]}
    assert named
    assert named <= shared.requester("recommender").purposes
    for name in named:
        assert await gets_a_yes(shared, "recommender", name, sql)


async def test_a_published_view_is_named(shared: Site) -> None:
    """A statement for a statistics purpose is answered with the views over the same data."""
    sql = "SELECT country, COUNT(*) AS lines FROM pos.order_lines GROUP BY country"
    found = await changes(shared, "analyst", "management_statistics", sql)
    assert ("view", "sales_by_month_country") in found
    assert not [
        name for kind, name in found if kind == "view" and name not in shared.workspace.gateway.catalogue.views
    ]


async def test_what_is_hidden_is_as_if_it_did_not_exist(shared: Site) -> None:
    """A dataset of others and one that is nowhere are explained alike, to the letter."""
    told = []
    for name in ("support.tickets", "support.tickexs"):
        response = await ask(shared, "marketer", "lifecycle_email", f"SELECT body FROM {name}")
        body: dict[str, Any] = response.json()
        body.pop("trace_id")
        told.append((response.status_code, str(body).replace(name, "NAME")))
    assert told[0] == told[1]
    assert "unknown_dataset" in told[0][1]
    assert "'changes': []" in told[0][1]


async def test_no_name_that_the_catalogue_hides_is_told(shared: Site) -> None:
    """Of every refusal of every requester: no dataset, view or purpose of others stands in the explanation."""
    catalogue = shared.gateway.catalogue
    for requester in catalogue.requesters.values():
        seen = catalogue.visible_to(requester)
        for purpose in catalogue.purposes:
            sql = "SELECT income_band FROM crm.customers WHERE income_band = '1' AND email = 'x'"
            text = (await ask(shared, requester.name, purpose, sql)).text.replace("crm.customers", "")
            assert not [name for name in catalogue.datasets.keys() - seen.keys() if name in text]
            hidden = {v.name for v in catalogue.views.values() if v.purpose not in requester.purposes}
            assert not [name for name in hidden if name in text]
            others = catalogue.purposes.keys() - requester.purposes - {purpose}
            assert not [name for name in others if f'"{name}"' in text]


async def test_candidates_are_the_requesters_own(shared: Site) -> None:
    """Were every question answered with yes, the purposes and views that are named would still be its own alone."""

    async def yes(_question: Question) -> Decision:
        return Permit(LegalBasis.CONTRACT, False, (), {}, {}, (), "")

    async def planned(_question: Question, _permit: Permit) -> None: ...

    catalogue, requester = shared.gateway.catalogue, shared.requester("recommender")
    finds = Counterfactual(catalogue, shared.gateway.statements, yes, planned)
    question = shared.gateway.statements.read(
        requester, catalogue.purposes["recommendation"], "SELECT country FROM pos.order_lines WHERE quantity > 1"
    )
    found = await finds.of(question)
    assert {change.name for change in found if change.kind == "purpose"} == requester.purposes - {"recommendation"}
    assert not [change for change in found if change.kind == "view"]
    analyst = shared.requester("analyst")
    question = shared.gateway.statements.read(analyst, catalogue.purposes["churn_prediction"], question.sql)
    assert [change for change in await finds.of(question) if change.kind == "view"]


async def test_literals_stay_where_they_are(shared: Site) -> None:
    """No literal of the statement stands in the explanation of a no."""
    sql = "SELECT prefecture FROM crm.customers WHERE income_band = 'canary-literal' AND city_x = 'canary-literal'"
    for text in (sql, sql.partition(" AND")[0]):
        response = await ask(shared, "support_desk", "customer_support", text)
        assert "canary-literal" not in response.text


class Counting:
    """A policy decision point that counts what it is asked."""

    def __init__(self, pdp: PolicyDecisionPoint) -> None:
        self.pdp = pdp
        self.asked = 0

    async def decide(self, request: AccessRequest) -> Decision:
        """See ``ports.PolicyDecisionPoint``."""
        self.asked += 1
        return await self.pdp.decide(request)

    async def healthy(self) -> bool:
        """See ``ports.PolicyDecisionPoint``."""
        return True


@pytest.mark.parametrize("most", [3, MOST_QUESTIONS])
async def test_only_so_many_questions_are_asked(shared: Site, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """However many columns a statement has, an explanation asks the policy a bounded number of times."""
    monkeypatch.setattr(counterfactual, "MOST_QUESTIONS", most)
    counting = Counting(shared.gateway.policy)
    columns = [c.name for c in shared.gateway.catalogue.datasets["crm.customers"].columns]
    conditions = " AND ".join(f"{name} IS NOT NULL" for name in columns)
    async with shared.with_parts(policy=counting) as site:
        sql = f"SELECT {', '.join(columns)} FROM crm.customers WHERE {conditions} AND income_band > '1'"
        with suppress(SekishoError):
            await site.gateway.explain(site.requester("support_desk"), Ask("customer_support", sql))
    assert 2 < counting.asked <= most + 1


async def test_a_policy_that_is_down_changes_nothing(shared: Site) -> None:
    """Without an answer of the policy no change is named, and the code says that the policy is unavailable."""

    class Down:
        async def decide(self, request: AccessRequest) -> Permit:
            raise errors.PolicyUnavailable("down")

        async def healthy(self) -> bool:
            return False

    async with shared.with_parts(policy=Down()) as site:
        response = await ask(site, "recommender", "recommendation", "SELECT customer_id FROM crm.customers")
        assert (response.status_code, response.json()["changes"]) == (503, [])
