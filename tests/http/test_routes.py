"""Each route asks the right part, for the right person, and for nobody else."""

from __future__ import annotations

import httpx
import pytest
from starlette.requests import Request
from tests.http.conftest import AUDITOR, CUSTOMER, QUERY, REQUESTER, World, client_of

from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.limits import ReleaseFormat
from sekisho.domain.terms import (
    Column,
    ColumnClass,
    ColumnType,
    Dataset,
    DataSubjectKey,
    StatisticsView,
)
from sekisho.errors import AuditUnavailable, InvalidRequest
from sekisho.http.app import create_app
from sekisho.http.query_parameters import one
from sekisho.http.routing import StaticRoutes
from sekisho.ports import DataSubjectRef
from sekisho.release import Ask, Occasion

ORDER_LINES = Dataset(
    name="pos.order_lines",
    store="pos",
    relation="order_lines.parquet",
    columns=(Column("customer_id", ColumnType.INTEGER, ColumnClass.DIRECT_IDENTIFIER),),
    data_subject=DataSubjectKey("customer_id", "customer_id"),
    data_category="purchase",
    purposes=frozenset({"recommendation", "targeted_advertising"}),
)
SALES = StatisticsView("sales", "recommendation", "SELECT SECRET", "people", 10)

REQUESTER_ROUTES: list[tuple[str, str, object]] = [
    ("POST", "/v1/query", QUERY),
    ("POST", "/v1/query:explain", QUERY),
    ("GET", "/v1/datasets", None),
    ("GET", "/v1/datasets/pos.order_lines", None),
    ("GET", "/v1/views", None),
    ("GET", "/v1/views/sales", None),
    ("POST", "/v1/views/sales:read", {"purpose": "recommendation"}),
    ("POST", "/v1/consents:check", {"items": [{"data_subject": "customer_id:1", "purpose": "recommendation"}]}),
    ("POST", "/v1/consents:filter", {"purpose": "recommendation", "data_subjects": ["customer_id:1"]}),
    ("GET", "/v1/data-subjects/0a1b/consents", None),
    (
        "POST",
        "/v1/consents/events",
        {"data_subject": "customer_id:1", "purpose": "recommendation", "event": "withdraw", "method": "api"},
    ),
    ("POST", "/v1/audit/records:search", {}),
    ("GET", "/v1/audit/records/record-1", None),
    ("POST", "/v1/audit/exports", {"format": "raw"}),
    ("GET", "/v1/audit/exports/0a1b", None),
    ("GET", "/v1/audit/exports/0a1b/files/manifest.json", None),
]
CUSTOMER_ROUTES: list[tuple[str, str, object]] = [
    ("GET", "/v1/me/consents", None),
    ("POST", "/v1/me/consents", {"decisions": [{"purpose": "recommendation", "decision": "refuse"}]}),
    ("POST", "/v1/me/consents/recommendation:withdraw", None),
    ("POST", "/v1/me/consents:withdraw-all", None),
]


@pytest.fixture(autouse=True)
def catalogue(world: World) -> None:
    world.gateway.catalogue = [ORDER_LINES]
    world.gateway.published = [SALES]


@pytest.mark.parametrize(
    "credential",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nobody",
        "Bearer a b",
        "Basic cmVjb21tZW5kZXI6",
        "recommender-token",
        "Bearer " + "x" * 9000,
    ],
)
@pytest.mark.parametrize(("method", "path", "body"), REQUESTER_ROUTES + CUSTOMER_ROUTES)
async def test_without_a_valid_token_nothing_answers(
    world: World, client: httpx.AsyncClient, method: str, path: str, body: object, credential: str | None
) -> None:
    """Missing, malformed and unknown credentials have one answer on every route, before the body is read."""
    headers = {} if credential is None else {"Authorization": credential}
    response = await client.request(method, path, json=body, headers=headers)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (401, "unauthenticated")
    assert response.headers["www-authenticate"] == 'Bearer realm="sekisho"'
    assert problem["detail"] == "Send a valid token for this resource: Authorization: Bearer TOKEN."
    assert world.gateway.asked == []
    assert world.consents.calls == []


@pytest.mark.parametrize(("method", "path", "body"), REQUESTER_ROUTES)
async def test_a_customer_is_no_requester(
    world: World, client: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    """A customer's token on a route of services is like no token."""
    response = await client.request(method, path, json=body, headers=CUSTOMER)
    assert response.status_code == 401
    assert world.gateway.asked == []
    assert world.consents.calls == []


@pytest.mark.parametrize(("method", "path", "body"), CUSTOMER_ROUTES)
async def test_a_requester_is_no_customer(
    world: World, client: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    """A service's token on a customer's route is like no token."""
    response = await client.request(method, path, json=body, headers=REQUESTER)
    assert response.status_code == 401
    assert world.consents.calls == []


async def test_two_credentials_are_none(client: httpx.AsyncClient) -> None:
    """Two Authorization headers are refused, because two parsers would choose differently."""
    headers = [("Authorization", "Bearer recommender-token"), ("Authorization", "Bearer auditor-token")]
    assert (await client.get("/v1/datasets", headers=headers)).status_code == 401


async def test_a_query_reaches_the_gateway_as_asked(world: World, client: httpx.AsyncClient) -> None:
    """Purpose, statement, parameters with their types and max_rows arrive unchanged."""
    body = {**QUERY, "parameters": ["x", 1, 1.5, True, None], "max_rows": 7}
    response = await client.post("/v1/query", json=body, headers=REQUESTER)
    assert response.status_code == 200
    assert world.gateway.asked == [
        (
            "recommender",
            Ask(
                QUERY["purpose"],
                QUERY["sql"],
                ("x", 1, 1.5, True, None),
                7,
                paged=True,
                occasion=Occasion(ReleaseFormat.JSON),
            ),
            10_000,
        )
    ]
    _, asked, _ = world.gateway.asked[0]
    assert isinstance(asked, Ask)
    assert [type(p) for p in asked.parameters] == [str, int, float, bool, type(None)]


async def test_the_occasion_reaches_the_gateway(world: World, client: httpx.AsyncClient) -> None:
    """Ticket and grant arrive with the form of the answer; another word in the context is a fault."""
    body = {**QUERY, "context": {"ticket": "INC-1", "grant": "a.b"}}
    headers = {**REQUESTER, "Accept": "text/csv"}
    assert (await client.post("/v1/query", json=body, headers=headers)).status_code == 200
    _, asked, _ = world.gateway.asked[0]
    assert isinstance(asked, Ask)
    assert asked.occasion == Occasion(ReleaseFormat.CSV, "INC-1", "a.b")
    for context in ({"reason": "urgent"}, {"ticket": ""}, {"ticket": 5}, "INC-1"):
        response = await client.post("/v1/query", json={**QUERY, "context": context}, headers=REQUESTER)
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_explain_answers_the_decision(world: World, client: httpx.AsyncClient) -> None:
    """``:explain`` answers what the gateway explains."""
    response = await client.post("/v1/query:explain", json=QUERY, headers=REQUESTER)
    assert response.json()["decision"] == "permit"


async def test_the_catalogue_shows_only_what_is_the_callers(client: httpx.AsyncClient) -> None:
    """Datasets show the caller's own purposes; what one may not see is as if it did not exist."""
    items = (await client.get("/v1/datasets", headers=REQUESTER)).json()["items"]
    assert [item["name"] for item in items] == ["pos.order_lines"]
    assert items[0]["purposes"] == ["recommendation"]
    assert items[0]["columns"][0] == {
        "name": "customer_id",
        "type": "integer",
        "class": "direct_identifier",
        "title": {},
    }
    assert (await client.get("/v1/datasets/pos.order_lines", headers=REQUESTER)).json() == items[0]
    hidden = await client.get("/v1/datasets/pos.order_lines", headers=AUDITOR)
    missing = await client.get("/v1/datasets/no.such", headers=AUDITOR)
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["detail"] == missing.json()["detail"]
    assert (await client.get("/v1/datasets", headers=AUDITOR)).json() == {"items": []}


async def test_views_are_listed_described_and_read(world: World, client: httpx.AsyncClient) -> None:
    """A view's description keeps its statement; ``:read`` answers its release in any form."""
    listed = (await client.get("/v1/views", headers=REQUESTER)).json()["items"]
    described = await client.get("/v1/views/sales", headers=REQUESTER)
    assert listed == [described.json()]
    assert "SECRET" not in described.text
    body = {"purpose": "recommendation"}
    read = await client.post("/v1/views/sales:read", json=body, headers={**REQUESTER, "Accept": "text/csv"})
    assert read.text.startswith('"n","code"')
    assert world.gateway.asked == [("recommender", "sales", 0)]
    assert (await client.get("/v1/views/sales", headers=AUDITOR)).status_code == 404
    assert (await client.post("/v1/views/other:read", json=body, headers=REQUESTER)).status_code == 404


async def test_a_check_answers_in_order(world: World, client: httpx.AsyncClient) -> None:
    """A check passes people, purposes and scopes on and answers item by item."""
    world.consents.allowed = {("1", "recommendation")}
    items = [
        {"data_subject": "customer_id:1", "purpose": "recommendation", "scope": {"data_category": "purchase"}},
        {"data_subject": "email:a:b", "purpose": "recommendation"},
    ]
    response = await client.post("/v1/consents:check", json={"items": items, "min_seq": 3}, headers=REQUESTER)
    assert response.json() == {"items": [{"allowed": True, "seq": 0}, {"allowed": False, "seq": 0}]}
    name, requester, questions, min_seq, valid_at, known_at, explain = world.consents.calls[0]
    assert (name, requester, min_seq, valid_at, known_at, explain) == ("check", "recommender", 3, None, None, False)
    assert isinstance(questions, tuple)
    assert questions[0].scope == {"data_category": "purchase"}
    assert questions[1].person == DataSubjectRef("email", "a:b")


async def test_an_event_is_handed_on(world: World, client: httpx.AsyncClient) -> None:
    """A consent event arrives with its kind, method and claims; an unknown kind is refused."""
    body = {
        "data_subject": "customer_id:1",
        "purpose": "recommendation",
        "event": "give",
        "method": "paper",
        "notice_version": "3",
        "occurred_at": "2026-01-01T09:00:00+09:00",
        "evidence": {"form": "A-1"},
    }
    response = await client.post("/v1/consents/events", json=body, headers=REQUESTER)
    assert response.json()["seq"] == 1
    event = world.consents.calls[0][2]
    assert (event.kind, event.method, event.evidence) == (ConsentEventKind.GIVE, "paper", {"form": "A-1"})  # type: ignore[attr-defined]
    for changed in ({"event": "forget"}, {"method": "rumour"}, {"occurred_at": "2026-01-01T09:00:00"}):
        refused = await client.post("/v1/consents/events", json={**body, **changed}, headers=REQUESTER)
        assert refused.json()["code"] == "invalid_request"


@pytest.mark.parametrize("name", ["17850", ":1", "customer_id:", "Customer:1", "customer_id: "])
async def test_a_person_is_named_by_type_and_value(client: httpx.AsyncClient, name: str) -> None:
    """What is not ``TYPE:VALUE`` is an invalid request."""
    body = {"items": [{"data_subject": name, "purpose": "recommendation"}]}
    response = await client.post("/v1/consents:check", json=body, headers=REQUESTER)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_customer_acts_for_herself_only(world: World, client: httpx.AsyncClient) -> None:
    """The person of ``/v1/me`` is the token's; a parameter that names another changes nothing."""
    me = DataSubjectRef("customer_id", "17850")
    world.consents.allowed = {("17850", "recommendation"), ("1", "recommendation")}
    read = await client.get("/v1/me/consents?data_subject=customer_id:1&min_seq=0", headers=CUSTOMER)
    assert read.json()["items"]
    withdrawn = await client.post("/v1/me/consents/recommendation:withdraw", headers=CUSTOMER)
    scoped = await client.post(
        "/v1/me/consents/recommendation:withdraw", json={"scope": {"data_category": "behaviour"}}, headers=CUSTOMER
    )
    everything = await client.post("/v1/me/consents:withdraw-all", headers=CUSTOMER)
    assert [r.json()["seq"] for r in (withdrawn, scoped, everything)] == [1, 2, 3]
    assert world.consents.calls == [
        ("my_consents", me, 0),
        ("withdraw", me, "recommendation", None),
        ("withdraw", me, "recommendation", {"data_category": "behaviour"}),
        ("withdraw_all", me),
    ]
    assert world.consents.allowed == {("1", "recommendation")}


@pytest.mark.parametrize("path", ["/v1/me/consents/recommendation:withdraw", "/v1/me/consents:withdraw-all"])
async def test_a_withdrawal_needs_no_body_of_any_type(client: httpx.AsyncClient, path: str) -> None:
    """Nothing has no type: what clients write there on their own (``curl --data ''``) keeps nobody's no out."""
    headers = {**CUSTOMER, "Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.post(path, headers=headers)).status_code == 200
    assert (await client.post(path, content=b"x=1", headers=headers)).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "answer"),
    [
        ("GET", "/v1/audit/records/%00", None, 404),
        ("POST", "/v1/me/consents/a%00b:withdraw", None, 404),
        ("POST", "/v1/audit/records:search", {"requester": "a\0b"}, 422),
        ("POST", "/v1/notices:publish", {"key": "a\0b", "version": "1"}, 422),
    ],
)
async def test_a_zero_byte_is_no_name(
    client: httpx.AsyncClient, method: str, path: str, body: object, answer: int
) -> None:
    """PostgreSQL has no text with one: what names nothing is answered before it is asked, and is no fault of ours."""
    assert (await client.request(method, path, json=body, headers=AUDITOR)).status_code == answer
    with pytest.raises(InvalidRequest):
        one(Request({"type": "http", "query_string": b"dataset=%00"}), "dataset")


async def test_the_log_is_searched_by_auditors_only(world: World, client: httpx.AsyncClient) -> None:
    """Without the role a search is denied and a record not found; with it, the search itself is recorded."""
    denied = await client.post("/v1/audit/records:search", json={}, headers=REQUESTER)
    assert (denied.status_code, denied.json()["code"]) == (403, "access_denied")
    world.audit.records = [{"seq": 1, "id": "record-1", "kind": "access.release", "requester": "recommender"}]
    assert (await client.get("/v1/audit/records/record-1", headers=REQUESTER)).status_code == 404
    found = await client.get("/v1/audit/records/record-1", headers=AUDITOR)
    assert found.json()["kind"] == "access.release"
    assert (await client.get("/v1/audit/records/nothing", headers=AUDITOR)).status_code == 404
    body = {"requester": "recommender", "data_subject": "customer_id:17850", "from": "2026-01-01T00:00:00Z"}
    searched = await client.post("/v1/audit/records:search", json=body, headers=AUDITOR)
    assert [item["id"] for item in searched.json()["items"]] == ["record-1"]
    assert world.audit.queries[-1].data_subject == "ref-of-17850"
    assert [record["kind"] for record in world.audit.records] == ["access.release", "audit.read", "audit.search"]
    assert world.audit.records[-1]["searched_by"] == ["data_subject", "from", "requester"]


async def test_a_search_goes_on_from_its_cursor(world: World, client: httpx.AsyncClient) -> None:
    """Pages of a search follow one another without gap or repetition, and end."""
    records: list[dict[str, object]] = [
        {"seq": n, "id": f"r{n}", "kind": "access.deny", "requester": "ads"} for n in range(1, 6)
    ]
    world.audit.records = records
    seen: list[str] = []
    body: dict[str, object] = {"requester": "ads", "limit": 2}
    while True:
        answer = (await client.post("/v1/audit/records:search", json=body, headers=AUDITOR)).json()
        seen += [item["id"] for item in answer["items"]]
        if "next_cursor" not in answer:
            break
        body["cursor"] = answer["next_cursor"]
    assert seen == ["r1", "r2", "r3", "r4", "r5"]


async def test_a_search_about_nobody_is_empty(world: World, client: httpx.AsyncClient) -> None:
    """A person nobody knows has no records; the search is recorded all the same."""
    body = {"data_subject": "customer_id:404"}
    answer = await client.post("/v1/audit/records:search", json=body, headers=AUDITOR)
    assert answer.json() == {"items": []}
    assert world.audit.queries == []
    assert len(world.audit.records) == 1


async def test_no_record_of_a_search_no_answer(world: World, client: httpx.AsyncClient) -> None:
    """When the search cannot be recorded, there is no answer."""
    world.audit.error = AuditUnavailable("The log cannot be written.")
    response = await client.post("/v1/audit/records:search", json={}, headers=AUDITOR)
    assert (response.status_code, response.json()["code"]) == (503, "audit_unavailable")
    assert world.audit.queries == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "content"),
    [
        (
            "POST",
            "/v1/consents:check",
            REQUESTER,
            b'{"items":[{"data_subject":"customer_id:1","purpose":"recommendation"}]}',
        ),
        ("POST", "/v1/consents:check", REQUESTER, b'{"items":'),
        ("POST", "/v1/consents:check", {}, b"{}"),
        ("GET", "/v1/consents:check", REQUESTER, b""),
        ("HEAD", "/health/live", {}, b""),
        ("GET", "/v1/views", REQUESTER, b""),
        ("GET", "/v1/views/", REQUESTER, b""),
    ],
    ids=["answer", "unreadable", "nobody", "wrong_method", "head", "list", "slash"],
)
async def test_a_static_address_is_answered_as_the_framework_would(
    world: World, method: str, path: str, headers: dict[str, str], content: bytes
) -> None:
    """Routes that are found by one look answer byte for byte as through the framework, problems included."""
    framework = create_app(world.services)
    framework.user_middleware = [layer for layer in framework.user_middleware if str(layer.cls) != str(StaticRoutes)]
    assert len(framework.user_middleware) < len(world.app.user_middleware)
    trace = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    answers = []
    for app in (world.app, framework):
        async with client_of(app) as client:
            answer = await client.request(method, path, headers={**headers, **trace}, content=content)
        answers.append((answer.status_code, sorted(answer.headers.items()), answer.content))
    assert answers[0] == answers[1]


async def test_a_fault_of_an_endpoint_says_nothing_of_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error behind a static address is an internal error without a word of its message."""

    async def broken(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("value-of-a-person")

    monkeypatch.setattr(world.consents.reading, "check", broken)
    async with client_of(world.app) as client:
        body = {"items": [{"data_subject": "customer_id:1", "purpose": "recommendation"}]}
        answer = await client.post("/v1/consents:check", json=body, headers=REQUESTER)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "value-of-a-person" not in answer.text
