"""``/v1/me/session``: cookies, where requests may come from, and answers that tell nothing."""

from __future__ import annotations

import pytest
from tests.consents.sign_in_house import MARIKO, email_ref
from tests.http.conftest import CUSTOMER, client_of
from tests.http.session_site import OURS, cookies, open_site, told

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


async def test_nobody_learns_by_asking_who_is_a_customer(site):
    """Known, unknown and ambiguous addresses get the same status, headers and body, and no cookie."""
    async with site.client() as client:
        asked = ["nobody@shop.example", MARIKO, "twins@shop.example", MARIKO, MARIKO, MARIKO, MARIKO]
        answers = [await client.post("/v1/me/session:request", json={"email": address}) for address in asked]
        await site.sign_in.settled()

    assert len({repr(told(answer)) for answer in answers}) == 1
    assert answers[0].status_code == 202
    assert [mail[0] for mail in site.house.box.sent] == [MARIKO] * 3


async def test_the_cookie_is_for_this_host_and_no_script(site):
    """Over TLS the cookie is ``__Host-``, Secure, HttpOnly and Strict, for every path and no other host."""
    async with site.client() as client:
        response = await site.signed_in(client)
    name, _, rest = cookies(response)[0].partition("=")
    value, *flags = rest.split("; ")

    assert name == "__Host-sekisho_session"
    assert sorted(flags) == ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]
    assert len(value) == 43
    assert set(response.json()) == {"expires_at"}
    assert value not in response.text
    assert response.headers["cache-control"] == "no-store"


async def test_without_tls_the_cookie_serves_one_machine(site):
    """On loopback the cookie has a plain name; under any other name of the host nobody can sign in."""
    site.sign_in = site.house.sign_in(base_url="http://127.0.0.1:8000")
    async with site.client("http://127.0.0.1:8123") as client:
        await client.post("/v1/me/session:request", json={"email": MARIKO})
        await site.sign_in.settled()
        token = site.house.box.sent[-1][2].partition("#token=")[2].split()[0]
        response = await client.post("/v1/me/session:confirm", json={"token": token})
        assert cookies(response)[0].startswith("sekisho_session=")
        assert "Secure" not in cookies(response)[0]
        assert (await client.get("/v1/me/consents")).status_code == 200
        own = {"Origin": "http://127.0.0.1:8123"}
        assert (await client.post("/v1/me/consents:withdraw-all", headers=own)).status_code == 200
        held = {"Cookie": cookies(response)[0].partition(";")[0]}
    async with site.client("http://privacy.shop.example") as client:
        for method, path, body in [
            ("POST", "/v1/me/session:request", {"email": MARIKO}),
            ("POST", "/v1/me/session:confirm", {"token": token}),
            ("GET", "/v1/me/session:oidc", None),
            ("GET", "/v1/me/consents", None),
        ]:
            refused = await client.request(method, path, json=body, headers=held)
            assert (refused.status_code, refused.json()["code"]) == (403, "access_denied"), path


async def test_a_session_is_who_the_link_was_for(site):
    """With the cookie alone a customer reads and withdraws, as the person of the address."""
    async with site.client() as client:
        await site.signed_in(client)
        assert (await client.get("/v1/me/consents")).status_code == 200
        assert (await client.post("/v1/me/consents:withdraw-all", headers=OURS)).status_code == 200
        assert (await client.get("/v1/me/consents", headers={"Sec-GPC": "1"})).status_code == 200
    assert site.me.came == [(what, email_ref(MARIKO)) for what in ("read", "withdraw", "object", "read")]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_only_a_post_uses_a_link_up(site, method):
    """What mail scanners and previews fetch leaves the link as it was."""
    async with site.client() as client:
        token = await site.link(client)
        for path in (
            "/v1/me/session:confirm",
            f"/v1/me/session:confirm?token={token}",
            f"/preferences?token={token}",
        ):
            assert (await client.request(method, path)).status_code in {404, 405}
        response = await client.post("/v1/me/session:confirm", json={"token": token})
    assert response.status_code == 200


async def test_a_used_forged_or_foreign_token_has_one_answer(site):
    """Replayed, made up and misused tokens get the same 401, without a cookie and without the token."""
    async with site.client() as client:
        token = await site.link(client)
        good = await client.post("/v1/me/session:confirm", json={"token": token})
        session = client.cookies["__Host-sekisho_session"]
        client.cookies.clear()
        answers = [
            await client.post("/v1/me/session:confirm", json={"token": wrong})
            for wrong in (token, "A" * 43, session, "x", token[:-1])
        ]
    assert good.status_code == 200
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert cookies(answer) == []
        assert token not in answer.text


WITH_COOKIE = [
    ({}, 403),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://privacy.shop.example"}, 403),
    ({"Origin": "https://privacy.shop.example.evil.example"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "none"}, 403),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://privacy.shop.example"}, 403),
    ({"Origin": "https://privacy.shop.example"}, 200),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200),
]


@pytest.mark.parametrize(("headers", "status"), WITH_COOKIE)
async def test_a_foreign_page_changes_nothing_with_our_cookie(site, headers, status):
    """A request that changes something needs to come from our own pages; reading does not."""
    async with site.client() as client:
        await site.signed_in(client)
        changed = await client.post("/v1/me/consents:withdraw-all", headers=headers)
        ended = await client.post("/v1/me/session:end", headers=headers)
        assert (changed.status_code, ended.status_code) == (status, status)
    assert len(site.me.came) == (status == 200)
    if status == 403:
        assert changed.json()["code"] == "access_denied"


async def test_two_origins_are_none(site):
    """A second header of the same name does not make a foreign page ours."""
    async with site.client() as client:
        await site.signed_in(client)
        twice = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-origin")]
        assert (await client.post("/v1/me/consents:withdraw-all", headers=twice)).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
)
async def test_a_foreign_page_signs_nobody_in_as_somebody_else(site, headers):
    """Confirming from elsewhere is refused and leaves the link usable; without any header it is a program."""
    async with site.client() as client:
        token = await site.link(client)
        for path, body in (("confirm", {"token": token}), ("request", {"email": MARIKO})):
            assert (await client.post(f"/v1/me/session:{path}", json=body, headers=headers)).status_code == 403
        assert (await client.post("/v1/me/session:confirm", json={"token": token})).status_code == 200


async def test_a_planted_session_is_not_taken_over(site):
    """Confirming always makes a new session, and the one that the browser had ends."""
    async with site.client() as client:
        await site.signed_in(client)
        planted = client.cookies["__Host-sekisho_session"]
        await site.signed_in(client)
        fresh = client.cookies["__Host-sekisho_session"]
        client.cookies.clear()
        statuses = [
            (await client.get("/v1/me/consents", headers={"Cookie": f"__Host-sekisho_session={token}"})).status_code
            for token in (planted, fresh)
        ]
    assert planted != fresh
    assert statuses == [401, 200]


async def test_signing_out_ends_the_session_and_takes_the_cookie(site):
    """Afterwards the cookie opens nothing, also where somebody kept it; repeating it is harmless."""
    async with site.client() as client:
        await site.signed_in(client)
        held = {"Cookie": f"__Host-sekisho_session={client.cookies['__Host-sekisho_session']}"}
        response = await client.post("/v1/me/session:end", headers=OURS)
        assert cookies(response) == ["__Host-sekisho_session=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0"]
        assert (await client.get("/v1/me/consents", headers=held)).status_code == 401
        assert (await client.post("/v1/me/session:end", headers={**held, **OURS})).status_code == 200
        client.cookies.clear()
        assert (await client.post("/v1/me/session:end")).status_code == 200


async def test_a_wrong_token_is_not_made_up_for_by_a_cookie(site):
    """Where a bearer token is sent it decides alone; a good one needs no origin."""
    async with site.client() as client:
        await site.signed_in(client)
        for wrong in ("Bearer nobody", "Bearer recommender-token", "Basic eA=="):
            answer = await client.get("/v1/me/consents", headers={"Authorization": wrong})
            assert answer.status_code == 401
        assert (await client.post("/v1/me/consents:withdraw-all", headers=CUSTOMER)).status_code == 200
    assert site.me.came == [("withdraw", DataSubjectRef("customer_id", "17850"))]


@pytest.mark.parametrize(
    "header",
    [
        "__Host-sekisho_session=",
        "__Host-sekisho_session=AAAA",
        "__Host-sekisho_session=" + "A" * 43,
        "sekisho_session={token}",
        "__Host-sekisho_session={token}; __Host-sekisho_session=" + "A" * 43,
        "__Host-sekisho_session=" + "A" * 43 + "; __Host-sekisho_session={token}",
        "__Secure-sekisho_session={token}",
        "x__Host-sekisho_session={token}",
    ],
)
async def test_another_cookie_is_no_session(site, header):
    """Empty, made-up, doubled and misnamed cookies get the one answer of a missing token."""
    async with site.client() as client:
        await site.signed_in(client)
        token = client.cookies["__Host-sekisho_session"]
        client.cookies.clear()
        answer = await client.get("/v1/me/consents", headers={"Cookie": header.replace("{token}", token)})
        without = await client.get("/v1/me/consents")
    assert answer.status_code == without.status_code == 401
    assert answer.json()["detail"] == without.json()["detail"]
    assert site.me.came == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("request", {}),
        ("request", {"email": 1}),
        ("request", {"email": MARIKO, "next": "https://evil.example"}),
        ("request", {"email": f"{MARIKO}\nBcc: x@evil.example"}),
        ("confirm", {}),
        ("confirm", {"token": "x" * 200}),
        ("confirm", {"token": "x", "session": "planted"}),
    ],
)
async def test_bodies_are_checked_and_never_quoted(site, path, body):
    """What is no address or no token is refused by its form, without repeating it."""
    async with site.client() as client:
        answer = await client.post(f"/v1/me/session:{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "evil" not in answer.text
    assert "mariko" not in answer.text


async def test_too_many_tries_of_one_network_are_told_alike(site):
    """429 comes by the client, for known and unknown addresses alike."""
    async with site.client() as client:
        for number in range(30):
            await client.post("/v1/me/session:request", json={"email": f"n{number}@shop.example"})
        answers = [
            await client.post("/v1/me/session:request", json={"email": address})
            for address in (MARIKO, "nobody@shop.example")
        ]
    assert [answer.status_code for answer in answers] == [429, 429]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]


async def test_a_requesters_route_takes_no_cookie(site):
    """A customer's session is nothing to a route of services."""
    async with client_of(site.world.app, Cookie="__Host-sekisho_session=" + "A" * 43) as client:
        assert (await client.get("/v1/datasets")).status_code == 401
