"""A service with a list of e-mail addresses learns neither who is a customer nor who refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.attacks.consent_house import PURPOSE, SILENT, House, email_hash, open_house

from sekisho.consents.opaque import OpaqueIds
from sekisho.domain.terms import SubjectNumber

NEVER = "2025-01-01T00:00:00Z"
EVENT = {"purpose": PURPOSE, "method": "api"}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    opened = await open_house()
    yield opened
    await opened.client.aclose()


def probes(who: str) -> dict[str, tuple[str, str, object]]:
    """Return every call in which a service names somebody."""
    item = {"data_subject": who, "purpose": PURPOSE}
    return {
        "check": ("POST", "/v1/consents:check", {"items": [item]}),
        "check explained": ("POST", "/v1/consents:check", {"items": [item, item], "explain": True}),
        "check the past": ("POST", "/v1/consents:check", {"items": [item], "valid_at": NEVER}),
        "check beliefs": (
            "POST",
            "/v1/consents:check",
            {"items": [item], "valid_at": NEVER, "known_at": NEVER, "explain": True},
        ),
        "check a scope": ("POST", "/v1/consents:check", {"items": [{**item, "scope": {"channel": "mail"}}]}),
        "check another's": ("POST", "/v1/consents:check", {"items": [{**item, "purpose": "newsletter"}]}),
        "filter": ("POST", "/v1/consents:filter", {"purpose": PURPOSE, "data_subjects": [who]}),
        "filter another's": ("POST", "/v1/consents:filter", {"purpose": "newsletter", "data_subjects": [who]}),
        "withdraw": ("POST", "/v1/consents/events", {**EVENT, "data_subject": who, "event": "withdraw"}),
        "object": ("POST", "/v1/consents/events", {**EVENT, "data_subject": who, "event": "object"}),
        "withdraw another's": (
            "POST",
            "/v1/consents/events",
            {"data_subject": who, "purpose": "newsletter", "method": "api", "event": "withdraw"},
        ),
        "give": ("POST", "/v1/consents/events", {**EVENT, "data_subject": who, "event": "give"}),
        "renew": ("POST", "/v1/consents/events", {**EVENT, "data_subject": who, "event": "renew"}),
        "confirm": ("POST", "/v1/consents/events", {**EVENT, "data_subject": who, "event": "confirm"}),
        "resolve": ("POST", "/v1/data-subjects:resolve", {"data_subject": who}),
        "link": ("POST", "/v1/data-subjects:link", {"data_subjects": [who, "email_sha256:" + "9" * 64]}),
        "unlink": ("POST", "/v1/data-subjects:unlink", {"data_subjects": [who, "email_sha256:" + "9" * 64]}),
        "search the log": ("POST", "/v1/audit/records:search", {"data_subject": who}),
        "the notice": ("GET", f"/v1/notices/notice?data_subject={who}", None),
    }


@pytest.mark.parametrize("probe", list(probes("")))
async def test_every_answer_is_the_same_for_everybody_who_did_not_agree(probe: str) -> None:
    """Status, headers, size and bytes are equal for a stranger and for whoever said no, whatever is asked."""
    answers = {}
    for name in SILENT:
        house = await open_house()  # each of them alone, so that sequences and ids are comparable
        method, path, body = probes(f"email_sha256:{email_hash(name)}")[probe]
        async with house.client:
            answer = await house.call("service", method, path, body)
        answers[name] = (answer.status_code, sorted(answer.headers.multi_items()), answer.content)
    for name, answer_of in answers.items():
        assert answer_of == answers["unknown"], f"{name} shows in {probe}"
    assert answers["unknown"][0] < 500


async def test_the_probes_would_show_a_difference() -> None:
    """Somebody who agreed is told apart: what is compared above is not the same for everybody anyway."""
    for probe in ("check", "filter"):
        seen = set()
        for name in ("unknown", "willing"):
            house = await open_house()
            async with house.client:
                seen.add((await house.call("service", *probes(f"email_sha256:{email_hash(name)}")[probe])).content)
        assert len(seen) == 2


async def test_a_list_is_answered_with_those_who_agreed_alone(house: House) -> None:
    """Of a bought list a filter gives back who agreed; for the others neither order nor number says anything."""
    names = [f"email_sha256:{email_hash(name)}" for name in (*SILENT, "willing")]
    body = {"purpose": PURPOSE, "data_subjects": names}
    answer = (await house.call("service", "POST", "/v1/consents:filter", body)).json()
    assert answer["allowed"] == [names[-1]]
    items = [{"data_subject": name, "purpose": PURPOSE} for name in names]
    checked = (await house.call("service", "POST", "/v1/consents:check", {"items": items, "explain": True})).json()
    assert len({tuple(sorted(item.items())) for item in checked["items"][:-1]}) == 1
    assert all(set(item) == {"allowed", "seq"} for item in checked["items"])


async def test_an_objection_looks_like_a_stranger(house: House) -> None:
    """Where silence counts as yes, who objected and who is unknown are one; no third answer names a customer."""
    who = f"email_sha256:{email_hash('never_asked')}"
    objection = {"data_subject": who, "purpose": "ab_measurement", "method": "api", "event": "object"}
    assert (await house.call("service", "POST", "/v1/consents/events", objection)).status_code == 200
    items = [
        {"data_subject": f"email_sha256:{email_hash(name)}", "purpose": "ab_measurement"}
        for name in ("never_asked", "unknown")
    ]
    answer = (await house.call("service", "POST", "/v1/consents:check", {"items": items})).json()["items"]
    assert answer[0] == answer[1]
    assert answer[0]["allowed"] is False


async def test_another_purposes_pseudonym_is_a_stranger(house: House) -> None:
    """A pseudonym received for another purpose, or by another requester, or made up, names nobody."""
    numbers = await house.fakes.people.numbers_of("email_sha256", [email_hash("willing")])
    pseudonyms = house.fakes.parts.pseudonyms
    assert pseudonyms is not None
    requesters = house.fakes.parts.catalogue.requesters
    mailer, support = requesters["mailer"], requesters["support_desk"]
    mine, other, foreign = (
        pseudonyms.pseudonyms_of(requester, purpose, numbers)[0]
        for requester, purpose in ((mailer, PURPOSE), (mailer, "ab_measurement"), (support, PURPOSE))
    )
    names = [f"pseudonym:{token}" for token in (other, foreign, "f" * 32, mine.upper(), mine)]
    items = [{"data_subject": name, "purpose": PURPOSE} for name in names]
    answer = (await house.call("service", "POST", "/v1/consents:check", {"items": items})).json()["items"]
    assert [item["allowed"] for item in answer] == [False, False, False, False, True]
    body = {"purpose": PURPOSE, "data_subjects": names}
    assert (await house.call("service", "POST", "/v1/consents:filter", body)).json()["allowed"] == [names[-1]]


async def test_an_opaque_id_is_worth_nothing_to_a_service(house: House) -> None:
    """A real id, a made-up one and nonsense are denied alike; for who may ask, the last two do not exist."""
    real = OpaqueIds(house.fakes.keys).id_of(SubjectNumber(1))
    ids = (real, "0" * 32, "nonsense")
    denied = [await house.call("service", "GET", f"/v1/data-subjects/{one}/consents") for one in ids]
    assert {(answer.status_code, answer.content) for answer in denied} == {(403, denied[0].content)}
    asked = [await house.call("desk", "GET", f"/v1/data-subjects/{one}/consents") for one in ids]
    assert [answer.status_code for answer in asked] == [200, 404, 404]
    assert asked[1].content == asked[2].content


async def test_no_answer_or_error_quotes_an_identifier(house: House) -> None:
    """Neither the hash that was asked about nor anybody's stands in what a service gets, filters aside."""
    for name in (*SILENT, "willing"):
        for probe, (method, path, body) in probes(f"email_sha256:{email_hash(name)}").items():
            answer = await house.call("service", method, path, body)
            told = answer.text + repr(answer.headers)
            if (probe, name) != ("filter", "willing"):
                assert email_hash(name) not in told, probe
            assert b"other address".hex() not in told


async def test_the_feed_names_nobody_and_no_other_purpose(house: House) -> None:
    """A service reads of its own purposes, under its own pseudonyms; links and others' purposes do not show."""
    answer = await house.call("service", "GET", "/v1/consents/changes?after_seq=0")
    items = answer.json()["items"]
    assert {item["purpose"] for item in items} == {PURPOSE}
    assert all(item["data_subject"].startswith("pseudonym:") for item in items)
    assert "link" not in {item["event"] for item in items}
    assert "email_sha256" not in answer.text


async def test_signing_in_tells_nothing(house: House) -> None:
    """Asking for a link is accepted for every address, in the same bytes."""
    answers = [
        await house.call(None, "POST", "/v1/me/session:request", {"email": f"{name}@shop.example"}) for name in SILENT
    ]
    assert {(a.status_code, a.content, str(sorted(a.headers.multi_items()))) for a in answers} == {
        (202, answers[0].content, str(sorted(answers[0].headers.multi_items())))
    }
