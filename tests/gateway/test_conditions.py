"""The shipped policies over a workspace that declares conditions, from the request to the row."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fakes import FakeClock
from tests.gateway.site import Site, opened

from sekisho.adapters.decisions import DecisionCache
from sekisho.adapters.rego import EmbeddedRego
from sekisho.errors import AccessDenied
from sekisho.release import Ask, Occasion

MONDAY = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)  # noon in Tokyo
PURPOSES = """
  emergency:
    title: {ja: 緊急対応, en: Emergencies}
    description: {ja: 事故に対応します。, en: We respond to incidents.}
    legal_basis: legal_obligation
    clear: [email]
    roles: [incident_responder]
    break_glass_minutes: 60
  welfare:
    title: {ja: 高齢のお客様, en: Older customers}
    description: {ja: ご連絡します。, en: We get in touch.}
    legal_basis: legal_obligation
    minimum_age: 65
    needs: [prefecture, birth_date]
  weekday_report:
    title: {ja: 平日の報告, en: Weekday report}
    description: {ja: 報告します。, en: We report.}
    legal_basis: legal_obligation
    weekend_freeze: true
    output_class: pseudonymised
  recent_lines:
    title: {ja: 最近の明細, en: Recent lines}
    description: {ja: 報告します。, en: We report.}
    legal_basis: legal_obligation
    part_of: weekday_report
    formats: [json]
datasets:
"""
REQUESTERS = """
requesters:
  night_desk:
    purposes: [emergency, welfare, weekday_report, recent_lines]
    roles: [incident_responder]
  day_desk:
    purposes: [emergency]
  cloud:
    purposes: [recommendation]
    recipient: processor
    country: US
"""
BOUND = "    purposes: &known_customers\n      - emergency\n      - welfare\n      - weekday_report\n"
CONTACT = "SELECT email FROM crm.customers"


@pytest.fixture
async def site(built: Path, tmp_path: Path) -> AsyncIterator[Site]:
    """The demonstration with purposes that have conditions."""
    folder = Path(shutil.copytree(built, tmp_path / "workspace"))
    file = folder / "sekisho.yaml"
    text = file.read_text("utf-8")
    for old, new in (
        ("\ndatasets:\n", PURPOSES),
        ("\nrequesters:\n", REQUESTERS),
        ("    purposes: &known_customers\n", BOUND),
        ("\n  pos.order_lines:\n", "\n  pos.order_lines:\n    keep: {column: invoiced_at, days: 5800}\n"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, "utf-8")
    async with opened(folder) as made:
        clock = FakeClock(MONDAY)
        policy = DecisionCache(EmbeddedRego(), clock)
        async with made.with_parts(clock=clock, policy=policy) as timed:
            yield timed
        await policy.close()


def clock_of(site: Site) -> FakeClock:
    """Return the clock that a test may move."""
    clock = site.gateway.clock
    assert isinstance(clock, FakeClock)
    return clock


async def ask(
    site: Site, requester: str, purpose: str, sql: str, *, accept: str = "application/json", **context: Any
) -> httpx.Response:
    """Ask with a context; tokens are checked by the real clock."""
    more = {"context": context} if context else {}
    return await site.post(requester, purpose, sql, accept=accept, **more)


def reasons(response: httpx.Response) -> list[str]:
    """Return why the answer is no."""
    found: list[str] = response.json()["reasons"]
    return found


async def grant(site: Site, minutes: int = 30, **other: str) -> str:
    """Have a grant given."""
    to = {"requester": "night_desk", "purpose": "emergency", "ticket": "INC-1"} | other
    return await site.gateway.grants.give(site.requester("privacy_officer"), minutes=minutes, **to)


async def test_an_emergency_opens_for_a_grant_and_its_ticket(site: Site) -> None:
    """Without a grant nothing; with it what the purpose shows, and two records of it, until it ends."""
    assert reasons(await ask(site, "night_desk", "emergency", CONTACT)) == ["grant_required"]
    token = await grant(site)
    opened_ = await ask(site, "night_desk", "emergency", CONTACT, ticket="INC-1", grant=token)
    assert opened_.status_code == 200, opened_.text
    assert "@" in opened_.json()["rows"][0][0]
    (glass,) = await site.records("access.break_glass")
    (release,) = await site.records("access.release")
    (given,) = await site.records("break_glass.grant")
    assert glass["release"] == release["id"] == opened_.json()["release"]["id"]
    assert glass["seq"] < release["seq"]
    assert (glass["ticket"], glass["grant"]["granted_by"]) == ("INC-1", "privacy_officer")
    assert given["grant"]["id"] == glass["grant"]["id"]
    assert token not in str([glass, release, given])

    assert reasons(await ask(site, "night_desk", "emergency", CONTACT, ticket="INC-2", grant=token)) == [
        "grant_required"
    ]
    assert reasons(await ask(site, "day_desk", "emergency", CONTACT, ticket="INC-1", grant=token)) == [
        "grant_required",
        "role_required",
    ]
    clock_of(site).advance(30 * 60 - 1)
    assert (await ask(site, "night_desk", "emergency", CONTACT, ticket="INC-1", grant=token)).status_code == 200
    clock_of(site).advance(1)
    ended = await ask(site, "night_desk", "emergency", CONTACT, ticket="INC-1", grant=token)
    assert reasons(ended) == ["grant_required"]


async def test_an_answer_under_way_ends_with_its_grant(site: Site) -> None:
    """No page leaves after the grant has ended, and the log has no record of one."""
    occasion = Occasion(ticket="INC-1", grant=await grant(site, 1))
    requester = site.requester("night_desk")
    release = await site.gateway.query(requester, Ask("emergency", CONTACT, occasion=occasion), page_rows=5)
    pages = release.pages()
    await anext(pages)
    clock_of(site).advance(60)
    with pytest.raises(AccessDenied):
        await anext(pages)
    assert len(await site.records("access.release")) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-2] + ("AA" if token[-2:] != "AA" else "BB"),
        lambda token: token.partition(".")[0],
        lambda token: "x" + token,
        lambda token: "é.é",
        lambda token: ".",
    ],
)
async def test_a_grant_that_was_not_given_is_refused(site: Site, spoil: Any) -> None:
    """A changed, cut or invented grant is an invalid request, and says nothing of why."""
    token = spoil(await grant(site))
    response = await ask(site, "night_desk", "emergency", CONTACT, ticket="INC-1", grant=token)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("officer", "other", "minutes"),
    [
        ("auditor", {}, 10),
        ("privacy_officer", {"purpose": "fraud_prevention"}, 10),
        ("privacy_officer", {"purpose": "nothing"}, 10),
        ("privacy_officer", {"requester": "fraud_team"}, 10),
        ("privacy_officer", {"requester": "privacy_officer"}, 10),
        ("privacy_officer", {"ticket": "a b"}, 10),
        ("privacy_officer", {}, 61),
    ],
)
async def test_a_grant_that_could_not_be_used_is_not_given(
    site: Site, officer: str, other: dict[str, str], minutes: int
) -> None:
    """Only a privacy officer gives one, to somebody else who holds the purpose, for as long as that allows."""
    to = {"requester": "night_desk", "purpose": "emergency", "ticket": "INC-1"} | other
    with pytest.raises(Exception, match="rant") as caught:
        await site.gateway.grants.give(site.requester(officer), minutes=minutes, **to)
    assert getattr(caught.value, "code", "") == "invalid_request"
    assert not await site.records("break_glass.grant")


async def test_people_below_the_age_are_not_in_the_answer(site: Site) -> None:
    """Rows of people of age on the day of the question, who grow older while the decision is kept."""
    sql = "SELECT prefecture FROM crm.customers"
    born = [date.fromisoformat(row[0]) for row in site.sqlite("crm", "SELECT birth_date FROM customers")]
    for years_later in (0, 5):
        clock_of(site).at = MONDAY.replace(year=2026 + years_later)
        limit = date(2026 + years_later - 65, 11, 2)
        response = await ask(site, "night_desk", "welfare", sql)
        assert response.status_code == 200, response.text
        assert len(response.json()["rows"]) == sum(day <= limit for day in born)
    assert 0 < sum(day <= date(1961, 11, 2) for day in born) < len(born)


async def test_a_purpose_reads_the_columns_that_it_needs(site: Site) -> None:
    """A column of another category is refused wherever it stands in the statement."""
    for sql in (
        "SELECT member_rank FROM crm.customers",
        "SELECT prefecture FROM crm.customers WHERE member_rank = 'x'",
    ):
        response = await ask(site, "night_desk", "welfare", sql)
        assert (response.status_code, response.json()["code"]) == (403, "column_denied")
        assert reasons(response) == ["column_not_needed"]


async def test_a_freeze_begins_and_ends_on_the_second(site: Site) -> None:
    """While the decision is kept: at midnight in Tokyo the weekend begins, and two midnights later it ends."""
    sql = "SELECT gender FROM crm.customers"
    clock, friday = clock_of(site), datetime(2026, 11, 6, 14, 59, 59, tzinfo=UTC)
    asked = {
        friday: 200,
        friday + timedelta(seconds=1): 403,
        friday + timedelta(days=1, seconds=1): 403,
        friday + timedelta(days=2): 403,
        friday + timedelta(days=2, seconds=1): 200,
    }
    for at, status in asked.items():
        clock.at = at
        for _ in range(2):
            response = await ask(site, "night_desk", "weekday_report", sql)
            assert response.status_code == status, (at, response.text)


async def test_what_is_part_of_a_purpose_uses_its_data_and_keeps_its_rules(site: Site) -> None:
    """The part reads the whole's datasets, is frozen with it, and is narrower in its own way."""
    sql = "SELECT stock_code FROM pos.order_lines LIMIT 3"
    assert (await ask(site, "night_desk", "recent_lines", sql)).status_code == 200
    csv = await ask(site, "night_desk", "recent_lines", sql, accept="text/csv")
    assert reasons(csv) == ["format_not_allowed"]
    clock_of(site).at = datetime(2026, 11, 7, 3, 0, tzinfo=UTC)
    assert reasons(await ask(site, "night_desk", "recent_lines", sql)) == ["weekend_freeze"]


async def test_rows_that_are_kept_too_long_are_not_read(site: Site) -> None:
    """The limit rolls with the clock, while the decision is kept."""
    found = []
    for days in (0, 60):
        clock_of(site).at = MONDAY + timedelta(days=days)
        limit = MONDAY + timedelta(days=days - 5800)
        ((expected,),) = site.files(
            "SELECT count(*) FROM {pos} WHERE customer_id IS NOT NULL"
            f" AND invoiced_at >= TIMESTAMP '{limit:%Y-%m-%d %H:%M:%S}'"
        )
        response = await ask(site, "night_desk", "weekday_report", "SELECT count(*) AS n FROM pos.order_lines")
        assert response.json()["rows"] == [[expected]]
        found.append(expected)
    assert found[0] > found[1]


async def test_a_processor_abroad_is_refused(site: Site) -> None:
    """Its country is neither said to protect alike, nor was anybody told of it."""
    response = await ask(site, "cloud", "recommendation", "SELECT stock_code FROM pos.order_lines")
    assert reasons(response) == ["country_not_told"]


async def test_a_ticket_is_no_text_of_ones_own(site: Site) -> None:
    """What could be a name or an address is no ticket, and never reaches the log."""
    for ticket in ("taro@example.jp", "山田", "a b", "-x", "x" * 65):
        response = await ask(site, "night_desk", "weekday_report", "SELECT gender FROM crm.customers", ticket=ticket)
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
        assert ticket not in str(await site.records())
