"""Checks and filters over HTTP: what a service asks, what it gets, and what it never sees."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from tests.http.conftest import AUDITOR, REQUESTER, World, client_of

from sekisho.errors import AccessDenied, ConsentUnavailable, InvalidRequest, NotFound
from sekisho.http.middleware import BODY_LIMITS
from sekisho.http.subjects import by_kind
from sekisho.ports import listed

PURPOSE = "recommendation"


def asking(**more: object) -> dict[str, object]:
    return {"items": [{"data_subject": "customer_id:1", "purpose": PURPOSE}], **more}


async def test_a_check_of_the_past_hands_on_both_times(world: World, client: httpx.AsyncClient) -> None:
    """``valid_at``, ``known_at`` and ``explain`` arrive; a time without an offset is refused."""
    body = asking(valid_at="2026-01-01T09:00:00+09:00", known_at="2026-02-01T00:00:00Z", explain=True)
    answer = await client.post("/v1/consents:check", json=body, headers=REQUESTER)
    assert answer.json() == {"items": [{"allowed": False, "seq": 0}]}
    *_, valid_at, known_at, explain = world.consents.calls[0]
    assert (valid_at, known_at, explain) == (
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
        True,
    )


NO_TIMES = {
    "no-offset": "2026-01-01T09:00:00",
    "a-word": "yesterday",
    "a-year": "2026",
    "seconds": "1767225600",
    "milliseconds-and-more": "1767225600000.5",
    "a-number": 1767225600,
    "a-float": 2026.5,
    "a-day": "2026-01-01",
    "basic-form": "20260101T090000Z",
    "no-seconds": "2026-01-01T09:00Z",
    "offset-without-colon": "2026-01-01T09:00:00+0900",
    "a-week": "2026-W01-1T09:00:00+09:00",
    "no-such-day": "2026-02-30T09:00:00Z",
    "before-the-calendar": "0001-01-01T00:00:00+09:00",
    "other-digits": "２０２６-01-01T09:00:00Z",
}


@pytest.mark.parametrize("wrong", NO_TIMES.values(), ids=NO_TIMES)
async def test_a_time_is_spelled_as_rfc_3339(wrong: object, world: World, client: httpx.AsyncClient) -> None:
    """A bare number and whatever else a parser would take for a time is refused, in bodies and addresses alike."""
    event = {"data_subject": "customer_id:1", "purpose": "p", "event": "give", "method": "paper"}
    for path, body in (
        ("/v1/consents:check", asking(valid_at=wrong)),
        ("/v1/consents:check", asking(known_at=wrong)),
        ("/v1/consents/events", event | {"occurred_at": wrong}),
        ("/v1/consents/events", event | {"valid_until": wrong}),
        ("/v1/consents/events", event | {"of_age_at": wrong}),
        ("/v1/audit/records:search", {"from": wrong}),
        ("/v1/audit/records:search", {"to": wrong}),
    ):
        refused = await client.post(path, json=body, headers=AUDITOR if "audit" in path else REQUESTER)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    for name in ("valid_at", "known_at"):
        asked = {name: str(wrong)}
        refused = await client.get("/v1/data-subjects/0a1b/consents", params=asked, headers=REQUESTER)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert world.consents.calls == []


async def test_a_sequence_that_is_not_reached_is_unavailable(world: World, client: httpx.AsyncClient) -> None:
    """The ledger's silence is 503 with a time to ask again."""
    world.consents.error = ConsentUnavailable("The consent ledger has not reached the sequence asked for.")
    for path, body in (
        ("/v1/consents:check", asking(min_seq=9)),
        ("/v1/consents:filter", {"purpose": PURPOSE, "data_subjects": ["customer_id:1"], "min_seq": 9}),
    ):
        answer = await client.post(path, json=body, headers=REQUESTER)
        assert (answer.status_code, answer.json()["code"]) == (503, "consent_unavailable")
        assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_check_has_one_to_a_thousand_items(client: httpx.AsyncClient, count: int) -> None:
    """No items and too many are refused alike."""
    body = {"items": asking()["items"] * count}  # type: ignore[operator]
    answer = await client.post("/v1/consents:check", json=body, headers=REQUESTER)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_filter_gives_back_the_same_names_in_order(world: World, client: httpx.AsyncClient) -> None:
    """Names come back letter by letter, as often as they were sent, whatever kinds are mixed."""
    world.consents.allowed = {("1", PURPOSE), ("a:b", PURPOSE), ("é\n", PURPOSE)}
    names = ["customer_id:2", "email:a:b", "customer_id:1", "customer_id:1", "other:é\n", "email:1"]
    body = {"purpose": PURPOSE, "data_subjects": names, "scope": {"data_category": "purchase"}, "min_seq": 4}
    answer = await client.post("/v1/consents:filter", json=body, headers=REQUESTER)
    assert answer.json() == {
        "allowed": ["email:a:b", "customer_id:1", "customer_id:1", "other:é\n", "email:1"],
        "seq": 0,
    }
    named = {"customer_id": ["2", "1", "1"], "email": ["a:b", "1"], "other": ["é\n"]}
    assert world.consents.calls == [("filter", "recommender", PURPOSE, named, {"data_category": "purchase"}, 4)]


async def test_a_filter_of_nobody_is_empty(client: httpx.AsyncClient) -> None:
    """No names give no names."""
    answer = await client.post(
        "/v1/consents:filter", json={"purpose": PURPOSE, "data_subjects": []}, headers=REQUESTER
    )
    assert answer.json() == {"allowed": [], "seq": 0}


@pytest.mark.parametrize("name", ["17850", ":17850", "x:", "Customer", "x: "])
@pytest.mark.parametrize("place", [0, 1])
async def test_a_filter_refuses_what_names_nobody(client: httpx.AsyncClient, name: str, place: int) -> None:
    """One name without kind and value makes the request invalid, and is not quoted."""
    names = ["customer_id:1", "customer_id:2"]
    names.insert(place, name)
    body = {"purpose": PURPOSE, "data_subjects": names}
    answer = await client.post("/v1/consents:filter", json=body, headers=REQUESTER)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "17850" not in answer.text


@pytest.mark.parametrize("more", [0, 1_000], ids=["few", "many"])
def test_names_of_one_kind_are_taken_apart_at_once(more: int) -> None:
    """Values may hold colons, line ends and what looks like another name, in a short list and in a long one."""

    def apart(*names: str) -> dict[str, list[str]]:
        return {kind: list(listed(values))[more:] for kind, values in by_kind(["a:0"] * more + [*names]).items()}

    assert apart("a:1", "a:2:3") == {"a": ["1", "2:3"]}
    assert apart("a:1\na:2", "a:関所") == {"a": ["1\na:2", "関所"]}
    assert apart("a:1\nb:2", "a: 3 ") == {"a": ["1\nb:2", " 3 "]}
    assert by_kind(["a:1"] * more + ["a:1\na:2", "b:3"])["b"] == ["3"]
    assert by_kind(["a:1"] * more + ["ab:3"])["ab"] == ["3"]
    with pytest.raises(InvalidRequest):
        by_kind(["a:1"] * more + ["a:1", "a:"])


async def test_a_hundred_thousand_names_fit_and_no_more(world: World, client: httpx.AsyncClient) -> None:
    """The longest names of the contract fit; one name more is refused; other routes keep their limit."""
    world.consents.allowed = {("0" * 64, PURPOSE)}
    names = ["email_sha256:" + "0" * 64] * 100_000
    body = {"purpose": PURPOSE, "data_subjects": names}
    answer = await client.post("/v1/consents:filter", json=body, headers=REQUESTER)
    assert answer.json()["allowed"] == names
    more = await client.post(
        "/v1/consents:filter", json={**body, "data_subjects": [*names, names[0]]}, headers=REQUESTER
    )
    assert more.json()["code"] == "invalid_request"
    elsewhere = await client.post("/v1/consents:check", json=body, headers=REQUESTER)
    assert "1048576 bytes" in elsewhere.json()["detail"]


async def test_the_larger_limit_is_a_limit(world: World) -> None:
    """A body above the address's own limit is refused, announced or not."""
    limit = BODY_LIMITS["/v1/consents:filter"]

    async def chunks() -> object:
        for _ in range(limit // (1 << 20) + 1):
            yield b" " * (1 << 20)

    async with client_of(world.app, **REQUESTER) as client:
        headers = {"content-type": "application/json"}
        for content in (b" " * (limit + 1), chunks()):
            answer = await client.post("/v1/consents:filter", content=content, headers=headers)  # type: ignore[arg-type]
            assert (answer.status_code, answer.json()["detail"]) == (
                422,
                f"The request body is larger than {limit} bytes.",
            )
    assert world.consents.calls == []


async def test_a_persons_consents_hand_on_the_times(world: World, client: httpx.AsyncClient) -> None:
    """The id is handed on as it is, times as instants; a plus sign in an address may have become a space."""
    path = "/v1/data-subjects/0a1b/consents"
    query = "?valid_at=2026-01-01T09:00:00+09:00&known_at=2026-02-01T00:00:00Z&min_seq=3"
    assert (await client.get(path + query, headers=REQUESTER)).json() == {"items": [], "seq": 0}
    assert world.consents.calls == [
        (
            "subject_consents",
            "recommender",
            "0a1b",
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2026, 2, 1, tzinfo=UTC),
            3,
        )
    ]
    for wrong in ("valid_at=noon", "known_at=2026-01-01T00:00:00", "min_seq=-1", "min_seq=1&min_seq=2"):
        answer = await client.get(f"{path}?{wrong}", headers=REQUESTER)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_who_may_not_know_hears_no_and_who_may_hears_not_found(world: World, client: httpx.AsyncClient) -> None:
    """403 for a service, 404 for an id that was not made here."""
    for error, status in ((AccessDenied("no"), 403), (NotFound("There is no such data subject."), 404)):
        world.consents.error = error
        answer = await client.get("/v1/data-subjects/0a1b/consents", headers=REQUESTER)
        assert answer.status_code == status
