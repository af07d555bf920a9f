"""Sign-in: a link works once, and nobody learns by asking for one who is a customer."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from tests.consents.fakes import make_parts
from tests.consents.sign_in_house import HERE, MARIKO, Box, House, email_ref, linked

from sekisho.adapters.records.sessions import SqlSessions
from sekisho.consents.client_limit import Client
from sekisho.consents.sign_in import SignIn
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import (
    AuditUnavailable,
    InvalidRequest,
    RateLimited,
    Unauthenticated,
)


@pytest.fixture
async def house(database):
    fakes = make_parts()
    await fakes.people.register("email_sha256", [email_ref(MARIKO).value])
    return House(fakes, SqlSessions(database, fakes.keys), Box(), database)


async def test_a_link_signs_in_once(house):
    """The link of a mail begins a session of the address's person; used again it is like a forged one."""
    sign_in = house.sign_in()
    token = await linked(house, sign_in, f"  {MARIKO.upper()} ")
    session = await sign_in.confirm(token, HERE)

    assert await sign_in.person_of(session.token) == email_ref(MARIKO)
    for wrong in (token, "A" * 43, "", "x" * 500, session.token):
        with pytest.raises(Unauthenticated) as refused:
            await sign_in.confirm(wrong, HERE)
        assert refused.value.detail == "Send a valid token for this resource: Authorization: Bearer TOKEN."
    assert house.fakes.audit.records[0]["kind"] == "session.start"
    assert house.fakes.audit.records[0]["subjects"] == [house.fakes.parts.reference(1)]


async def test_the_mail_speaks_both_languages_and_goes_to_the_hashed_spelling(house):
    """Japanese first, English below; the address is the one whose hash was found, not another spelling of it."""
    await linked(house, house.sign_in(), MARIKO.upper())
    address, subject, body = house.box.sent[0]

    assert address == MARIKO
    assert "ログイン" in subject
    assert body.index("15 分") < body.index("15 minutes")
    assert "Example Shop" in body


async def test_neither_token_nor_person_can_be_read_from_the_database(house):
    """The database holds hashes of tokens and ciphertext of whom they are for, of nothing the plain text."""
    sign_in = house.sign_in()
    token = await linked(house, sign_in)
    session = await sign_in.confirm(token, HERE)
    rows = await house.rows("SELECT token_hash, sealed FROM sign_in_link")
    rows += await house.rows("SELECT token_hash, sealed FROM customer_session")
    stored = b"".join(bytes(value) for row in rows for value in row)

    assert len(rows) == 2
    assert hashlib.sha256(token.encode()).digest() in stored
    for secret in (token, session.token, email_ref(MARIKO).value, MARIKO):
        assert secret.encode() not in stored


async def test_of_twenty_uses_at_once_one_succeeds(house):
    """A link that is used twenty times at once, by two processes' worth of objects, begins one session."""
    signs = [house.sign_in(), house.sign_in()]
    token = await linked(house, signs[0])
    done = await asyncio.gather(*(signs[i % 2].confirm(token, HERE) for i in range(20)), return_exceptions=True)

    assert sum(not isinstance(one, BaseException) for one in done) == 1
    assert sum(isinstance(one, Unauthenticated) for one in done) == 19
    assert await house.rows("SELECT count(*) FROM customer_session") == [(1,)]


async def test_links_and_sessions_end_by_the_databases_clock(house):
    """A link after its quarter of an hour, an idle session, and one past its eight hours are over."""
    sign_in = house.sign_in()
    late = await linked(house, sign_in)
    [(expires, now)] = await house.rows(f"SELECT expires_at, {house.database.now_sql} FROM sign_in_link")
    assert 14 * 60_000_000 < expires - now <= 15 * 60_000_000
    await house.change("UPDATE sign_in_link SET expires_at = 1")
    with pytest.raises(Unauthenticated):
        await sign_in.confirm(late, HERE)

    session = await sign_in.confirm(await linked(house, sign_in), HERE)
    [(idle, longest, now)] = await house.rows(
        f"SELECT expires_at, ends_at, {house.database.now_sql} FROM customer_session"
    )
    assert 29 * 60_000_000 < idle - now <= 30 * 60_000_000
    assert 479 * 60_000_000 < longest - now <= 480 * 60_000_000
    for column in ("expires_at", "ends_at"):
        await house.change(f"UPDATE customer_session SET {column} = 1")
        with pytest.raises(Unauthenticated):
            await sign_in.person_of(session.token)
        await house.change(f"UPDATE customer_session SET expires_at = {idle}, ends_at = {longest}")
    assert await sign_in.person_of(session.token) == email_ref(MARIKO)


async def test_use_moves_the_end_of_a_session_but_not_past_its_last_hour(house):
    """Each use gives half an hour again, once a minute at most, and never more than the eight hours."""
    sign_in = house.sign_in()
    session = await sign_in.confirm(await linked(house, sign_in), HERE)
    [(before, longest)] = await house.rows("SELECT expires_at, ends_at FROM customer_session")
    await sign_in.person_of(session.token)
    assert await house.rows("SELECT expires_at FROM customer_session") == [(before,)]

    await house.change(f"UPDATE customer_session SET expires_at = {before - 600_000_000}")
    await sign_in.person_of(session.token)
    [(moved,)] = await house.rows("SELECT expires_at FROM customer_session")
    assert before <= moved < longest

    nearly = moved - 5_000_000
    await house.change(f"UPDATE customer_session SET expires_at = {moved - 600_000_000}, ends_at = {nearly}")
    await sign_in.person_of(session.token)
    assert await house.rows("SELECT expires_at FROM customer_session") == [(nearly,)]


async def test_signing_in_again_ends_the_session_before(house):
    """A session planted into a browser does not become the customer's: confirming makes a new one."""
    sign_in = house.sign_in()
    first = await sign_in.confirm(await linked(house, sign_in), HERE)
    second = await sign_in.confirm(await linked(house, sign_in), HERE, replaced=first.token)

    assert first.token != second.token
    assert await sign_in.person_of(second.token) == email_ref(MARIKO)
    with pytest.raises(Unauthenticated):
        await sign_in.person_of(first.token)


async def test_signing_out_ends_a_session_and_erasing_all_of_them(house):
    """Ended sessions open nothing; neither do links that were not used yet."""
    sign_in = house.sign_in()
    one, two = [await sign_in.confirm(await linked(house, sign_in), HERE) for _ in range(2)]
    await sign_in.end(one.token)
    await sign_in.end(one.token)
    with pytest.raises(Unauthenticated):
        await sign_in.person_of(one.token)
    waiting = await linked(house, sign_in)
    await house.sessions.end_all(email_ref("other@shop.example"))
    assert await sign_in.person_of(two.token) == email_ref(MARIKO)
    await house.sessions.end_all(email_ref(MARIKO))
    with pytest.raises(Unauthenticated):
        await sign_in.person_of(two.token)
    with pytest.raises(Unauthenticated):
        await sign_in.confirm(waiting, HERE)


async def test_whoever_was_erased_meanwhile_does_not_get_in(house):
    """A link outlives its person by no minute."""
    sign_in = house.sign_in()
    token = await linked(house, sign_in)
    await house.fakes.people.erase(1)
    with pytest.raises(Unauthenticated):
        await sign_in.confirm(token, HERE)


async def test_known_unknown_and_ambiguous_addresses_cost_the_same_and_only_one_gets_mail(house):
    """Each leaves one row of the same kind and size in the database; a mail goes to a known address alone."""
    fakes = make_parts(identifiers=frozenset({"email_sha256", "email"}))
    house.fakes = fakes
    await fakes.people.register("email_sha256", [email_ref(MARIKO).value])
    await fakes.people.register("email", ["twins@shop.example"])
    await fakes.people.register("email_sha256", [email_ref("twins@shop.example").value])
    sign_in = house.sign_in()
    for address in (MARIKO, "nobody@shop.example", "twins@shop.example"):
        await sign_in.request(address, HERE)
        await sign_in.settled()
    rows = await house.rows("SELECT identifier, length(token_hash), length(sealed), expires_at FROM sign_in_link")

    assert len(rows) == 3
    assert {row[:3] for row in rows} == {("email_sha256", 32, 80)}
    assert [mail[0] for mail in house.box.sent] == [MARIKO]


async def test_an_address_of_two_linked_people_is_that_of_one(house):
    """Once the two are linked they are one person, who gets the mail."""
    fakes = make_parts(identifiers=frozenset({"email_sha256", "email"}))
    house.fakes = fakes
    await fakes.people.register("email", [MARIKO])
    await fakes.people.register("email_sha256", [email_ref(MARIKO).value])
    await fakes.ledger.link(SubjectNumber(1), SubjectNumber(2), "requester:desk")
    await linked(house, house.sign_in())


async def test_asking_does_nothing_about_the_address_before_the_answer(house):
    """Until the request is answered, neither the registry, nor the database, nor the mail server is asked."""
    touched = []

    class Watched:
        def __getattr__(self, name):
            touched.append(name)
            raise AssertionError(name)

    for address in (MARIKO, "nobody@shop.example"):
        sign_in = SignIn(
            house.fakes.parts, Watched(), Watched(), base_url="https://privacy.shop.example", controller="x"
        )
        await sign_in.request(address, HERE)
        assert touched == []
        await sign_in.close()


async def test_one_address_gets_three_links_however_many_are_asked_for_at_once(house):
    """Links that are made at the same moment, by several workers, count one another."""
    workers = [house.sign_in(), house.sign_in()]
    for number in range(24):
        await workers[number % 2].request(MARIKO, Client(f"192.0.2.{number}"))
    await asyncio.gather(*(each.settled() for each in workers))
    assert len(house.box.sent) == 3


async def test_one_address_gets_three_links_and_nobody_is_told(house):
    """The fourth within a quarter of an hour is answered alike and not sent; its row can be used by nobody."""
    sign_in = house.sign_in()
    for _ in range(5):
        await sign_in.request(MARIKO, HERE)
        await sign_in.settled()

    assert len(house.box.sent) == 3
    assert await house.rows("SELECT count(*) FROM sign_in_link WHERE used_at IS NULL") == [(3,)]


async def test_only_the_clients_network_is_limited(house):
    """Too many requests of one network are refused, whichever addresses they name; another network goes on."""
    sign_in = house.sign_in()
    for number in range(30):
        await sign_in.request(f"nobody{number}@shop.example", HERE)
    for address in (MARIKO, "nobody@shop.example"):
        with pytest.raises(RateLimited):
            await sign_in.request(address, HERE)
    await sign_in.request(MARIKO, Client("192.0.2.2"))
    house.fakes.clock.advance(900)
    await sign_in.request(MARIKO, HERE)
    await sign_in.settled()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "mariko",
        "mariko@",
        "@shop.example",
        "mariko@shop",
        "mariko@shop.example\nBcc: all@shop.example",
        "mariko@shop.example\r\nBcc: x@shop.example",
        "mariko@shop.example,x@evil.example",
        "mariko@shop.example x@evil.example",
        "<mariko@shop.example>",
        '"mariko x"@shop.example',
        "mari\u212ao@shop.example",
        "mariko＠shop.example",
        "mariko@\u0455hop.example",
        "mariko\0@shop.example",
        "m" * 65 + "@shop.example",
        "mariko@" + "shop." * 60 + "example",
    ],
)
async def test_what_is_no_address_is_refused_by_its_letters(house, address):
    """Several addresses, headers and letters that look like ASCII are no address; nothing is looked up."""
    with pytest.raises(InvalidRequest) as refused:
        await house.sign_in().request(address, HERE)
    assert "mariko" not in refused.value.detail
    assert house.box.sent == []


async def test_an_old_carriers_address_is_one(house):
    """Japanese carriers gave out addresses with dots that RFC 5321 does not know."""
    await house.fakes.people.register("email_sha256", [email_ref("a..b.@docomo.ne.jp").value])
    await linked(house, house.sign_in(), "a..b.@docomo.ne.jp")


async def test_a_mail_server_that_is_away_is_tried_again_and_nobody_hears_of_it(house):
    """The link goes out when the server is back; when it stays away the loss is counted."""
    house.box.failing = 2
    sign_in = house.sign_in()
    await linked(house, sign_in)
    assert sign_in.undelivered == 0
    house.box.failing = 3
    await sign_in.request(MARIKO, HERE)
    await sign_in.settled()
    assert (sign_in.undelivered, len(house.box.sent)) == (1, 1)


async def test_who_wants_to_withdraw_gets_in_while_the_log_is_down(house):
    """A session begins without its record: withdrawing must be possible at any time."""
    sign_in = house.sign_in()
    token = await linked(house, sign_in)
    house.fakes.audit.error = AuditUnavailable("down")
    session = await sign_in.confirm(token, HERE)
    assert await sign_in.person_of(session.token) == email_ref(MARIKO)
