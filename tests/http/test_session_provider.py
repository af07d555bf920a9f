"""The way through the customers' identity provider, as a browser goes it."""

from __future__ import annotations

import pytest
from tests.http.session_site import cookies, open_site

from sekisho.adapters.records.database import migrate
from sekisho.ports import DataSubjectRef


@pytest.fixture
def url(tmp_path) -> str:
    where = f"sqlite:///{tmp_path}/records.db"
    migrate(where)
    return where


@pytest.fixture
async def site(database, world):
    opened = await open_site(database, world)
    yield opened
    await opened.sign_in.close()


async def test_the_provider_leads_back_to_our_page_alone(site):
    """The way there sets a short-lived cookie; the way back begins a session and leads to one place."""
    async with site.client() as client:
        there = await client.get("/v1/me/session:oidc?next=https://evil.example")
        assert there.status_code == 303
        assert there.headers["location"].startswith("https://login.shop.example/authorize?state=")
        [cookie] = cookies(there)
        assert cookie.startswith("__Host-sekisho_oidc=")
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600")
        state = there.headers["location"].partition("state=")[2]
        back = await client.get(f"/v1/me/session:oidc-callback?code=c&state={state}&next=https://evil.example")
        assert (back.status_code, back.headers.get("location")) == (200, None)
        assert "evil" not in back.text
        assert 'content="0;url=/preferences"' in back.text
        session, gone = cookies(back)
        assert session.startswith("__Host-sekisho_session=")
        assert "SameSite=Strict" in session
        assert gone == "__Host-sekisho_oidc=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
        assert (await client.get("/v1/me/consents")).status_code == 200
    assert site.me.came == [("read", DataSubjectRef("customer_id", "17850"))]


@pytest.mark.parametrize(
    "query",
    ["", "code=c", "state={s}", "code=c&state=x", "code=c&code=d&state={s}", "error=access_denied&state={s}"],
)
async def test_a_way_back_that_is_not_whole_begins_nothing(site, query):
    """A missing, doubled or foreign part is the one answer, without what was sent."""
    async with site.client() as client:
        there = await client.get("/v1/me/session:oidc")
        state = there.headers["location"].partition("state=")[2]
        back = await client.get(f"/v1/me/session:oidc-callback?{query.replace('{s}', state)}")
        assert (back.status_code, cookies(back)) == (401, [])
        client.cookies.clear()
        whole = await client.get(f"/v1/me/session:oidc-callback?code=c&state={state}")
    assert whole.status_code == 401


async def test_without_a_provider_there_is_no_way_to_it(site):
    """It is answered like any resource that does not exist."""
    site.sign_in = site.house.sign_in()
    async with site.client() as client:
        answer = await client.get("/v1/me/session:oidc")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
