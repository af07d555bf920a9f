"""A grant that is called back before its time: what it opens, in which process, and what is on record."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fakes import FakeClock
from tests.gateway.site import Site, opened

from sekisho.adapters.decisions import DecisionCache
from sekisho.adapters.rego import EmbeddedRego
from sekisho.errors import AccessDenied, InvalidRequest, PolicyUnavailable
from sekisho.release import Ask, Occasion

NOON = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)  # in Tokyo
PURPOSE = """
  emergency:
    title: {ja: 緊急対応, en: Emergencies}
    description: {ja: 事故に対応します。, en: We respond to incidents.}
    legal_basis: legal_obligation
    clear: [email]
    break_glass_minutes: 60
datasets:
"""
REQUESTER = "\nrequesters:\n  night_desk:\n    purposes: [emergency]\n"
CONTACT = "SELECT email FROM crm.customers"
OFFICER = "privacy_officer"


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """The demonstration with a purpose for emergencies."""
    made = Path(shutil.copytree(built, tmp_path / "workspace"))
    file = made / "sekisho.yaml"
    text = file.read_text("utf-8")
    for old, new in (
        ("\ndatasets:\n", PURPOSE),
        ("\nrequesters:\n", REQUESTER),
        ("    purposes: &known_customers\n", "    purposes: &known_customers\n      - emergency\n"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, "utf-8")
    return made


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[Site]:
    """A gateway over it, with a clock that a test may move and a memory of decisions."""
    async with opened(folder) as made:
        clock = FakeClock(NOON)
        policy = DecisionCache(EmbeddedRego(), clock)
        async with made.with_parts(clock=clock, policy=policy) as timed:
            yield timed
        await policy.close()


async def given(site: Site, minutes: int = 30) -> str:
    """Have a grant given."""
    return await site.gateway.grants.give(site.requester(OFFICER), "night_desk", "emergency", "INC-1", minutes)


async def ask(site: Site, grant: str) -> httpx.Response:
    """Ask on a grant."""
    return await site.post("night_desk", "emergency", CONTACT, context={"ticket": "INC-1", "grant": grant})


async def revoke(site: Site, grant: str, who: str = OFFICER) -> httpx.Response:
    """Call a grant back over HTTP."""
    name = site.gateway.grants.read(grant).id
    return await site.client.post(f"/v1/grants/{name}:revoke", headers=site.headers(who))


def refusal(response: httpx.Response) -> Any:
    """Return what was answered, and why."""
    return response.status_code, response.json()["code"], response.json().get("reasons", [])


CALLED_BACK = (403, "access_denied", ["grant_revoked"])


async def test_a_grant_that_was_called_back_opens_nothing(site: Site) -> None:
    """The next question on it is refused, though the decision on it is kept, and its time is not over."""
    grant, other = await given(site), await given(site)
    for _ in range(2):
        assert (await ask(site, grant)).status_code == 200
    kept = len(site.gateway.policy._kept)  # type: ignore[attr-defined]
    assert (await revoke(site, grant)).status_code == 200
    assert refusal(await ask(site, grant)) == CALLED_BACK
    assert len(site.gateway.policy._kept) == kept  # type: ignore[attr-defined]
    explained = {"purpose": "emergency", "sql": CONTACT, "context": {"ticket": "INC-1", "grant": grant}}
    told = await site.client.post("/v1/query:explain", json=explained, headers=site.headers("night_desk"))
    assert refusal(told) == CALLED_BACK, "it is not even decided on"
    assert (await ask(site, other)).status_code == 200, "another grant for the same stands"
    assert len(await site.records("access.break_glass")) == 3
    denied = (await site.records("access.deny"))[-1]
    assert (denied["requester"], denied["reasons"]) == ("night_desk", ["grant_revoked"])


async def test_it_counts_in_every_process(site: Site, folder: Path) -> None:
    """A gateway that shares nothing but the database refuses it, too, with the decision in its own memory."""
    grant = await given(site)
    async with opened(folder) as second:
        policy = DecisionCache(EmbeddedRego(), site.gateway.clock)
        async with second.with_parts(clock=site.gateway.clock, policy=policy) as other:
            assert (await ask(other, grant)).status_code == 200
            assert (await revoke(site, grant)).status_code == 200
            assert refusal(await ask(other, grant)) == CALLED_BACK
        await policy.close()


async def test_the_clock_brings_no_grant_back(site: Site) -> None:
    """A clock that goes back, or a grant that has not begun, makes no difference to one that was called back."""
    grant = await given(site)
    assert (await revoke(site, grant)).status_code == 200
    clock = site.gateway.clock
    assert isinstance(clock, FakeClock)
    for seconds in (-60, 0, 60, 3_600):
        clock.at = NOON
        clock.advance(seconds)
        assert refusal(await ask(site, grant)) == CALLED_BACK, seconds


async def test_an_answer_under_way_breaks_off(site: Site) -> None:
    """No page leaves after the grant was called back, and the log has no record of one."""
    grant = await given(site)
    requester = site.requester("night_desk")
    asked = Ask("emergency", CONTACT, occasion=Occasion(ticket="INC-1", grant=grant))
    pages = (await site.gateway.query(requester, asked, page_rows=5)).pages()
    await anext(pages)
    assert (await revoke(site, grant)).status_code == 200
    with pytest.raises(AccessDenied, match="called back"):
        await anext(pages)
    assert len(await site.records("access.release")) == 1


async def test_calling_back_is_on_record_and_may_be_repeated(site: Site) -> None:
    """The log says who called back whose grant and when; in the list it stands no more."""
    grant, other = await given(site), await given(site, 10)
    name, second = (site.gateway.grants.read(each).id for each in (grant, other))
    headers = site.headers(OFFICER)
    listed = (await site.client.get("/v1/grants", headers=headers)).json()["items"]
    assert [each["id"] for each in listed] == [second, name], "what ends first stands first"
    for _ in range(2):
        answer = await revoke(site, grant)
        assert (answer.status_code, answer.json()["id"]) == (200, name)
    records = await site.records("break_glass.revoke")
    assert [each["requester"] for each in records] == [OFFICER, OFFICER]
    assert records[0]["grant"]["id"] == name
    assert records[0]["grant"]["revoked"] == int(NOON.timestamp())
    listed = (await site.client.get("/v1/grants", headers=headers)).json()["items"]
    assert [each["id"] for each in listed] == [second]
    site.gateway.clock.advance(600)  # type: ignore[attr-defined]
    assert (await site.client.get("/v1/grants", headers=headers)).json()["items"] == []


@pytest.mark.parametrize("who", ["night_desk", "auditor"])
async def test_only_a_privacy_officer_calls_back(site: Site, who: str) -> None:
    """Others are refused, by the service and by the use case, and the grant stands."""
    grant = await given(site)
    assert (await revoke(site, grant, who)).status_code == 403
    with pytest.raises(InvalidRequest):
        await site.gateway.grants.revoke(site.requester(who), site.gateway.grants.read(grant).id)
    assert (await ask(site, grant)).status_code == 200
    assert not await site.records("break_glass.revoke")


async def test_a_grant_of_a_lost_register_opens_nothing(site: Site) -> None:
    """What is sealed but not kept here, as after a restore to before it was given, is an invalid request."""
    grant = await given(site)
    with site.workspace.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM emergency_grant")
    assert refusal(await ask(site, grant))[:2] == (422, "invalid_request")
    assert (await revoke(site, grant)).status_code == 404


async def test_where_nobody_can_tell_nothing_is_released(site: Site) -> None:
    """A register that cannot be read refuses what is asked on a grant, and a gateway without one gives none."""
    grant = await given(site)
    with site.workspace.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE emergency_grant RENAME TO gone")
    assert refusal(await ask(site, grant))[:2] == (503, "policy_unavailable")
    bare = replace(site.gateway, register=None)
    with pytest.raises(PolicyUnavailable):
        await bare.grants.give(site.requester(OFFICER), "night_desk", "emergency", "INC-1", 5)
