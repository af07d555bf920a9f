"""The client library's own rules, without a service: what it sends, and what it does not take for an answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pyarrow as pa
import pytest

from sekisho.client import Broken, Client, Problem, Unreachable
from sekisho.client.messages import Events, instant

PROBLEM = {"code": "consent_unavailable", "detail": "Try again.", "trace_id": "ab" * 16}
CHANGE = {
    "seq": 7, "id": "e", "data_subject": "pseudonym:p", "purpose": "recommendation", "event": "withdraw",
    "recorded_at": "2026-11-21T12:00:00Z",
}  # fmt: skip


def client(answer: Any, seen: list[httpx.Request] | None = None) -> Client:
    """Return a client whose every call is answered by *answer*: a response, or a function of the request."""

    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        found = answer(request) if callable(answer) else answer
        assert isinstance(found, httpx.Response)
        return found

    return Client("http://sekisho", "token", transport=httpx.MockTransport(handle))


def stream(*, complete: str | None) -> bytes:
    """Return an Arrow stream of two rows whose last batch says *complete*, or nothing."""
    batch = pa.record_batch({"n": [1, 2]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch, custom_metadata=None if complete is None else {"complete": complete})
    content: bytes = sink.getvalue().to_pybytes()
    return content


def test_an_answer_comes_with_its_release() -> None:
    """A whole stream is a table, with the release that it came with."""
    headers = {"Sekisho-Release-Id": "r", "Sekisho-Policy-Revision": "p", "Sekisho-Consent-Seq": "41"}
    with client(httpx.Response(200, content=stream(complete="true"), headers=headers)) as sekisho:
        answer = sekisho.query("SELECT 1", purpose="recommendation")
    assert answer.table.to_pydict() == {"n": [1, 2]}
    assert (answer.release_id, answer.policy_revision, answer.consent_seq, answer.complete) == ("r", "p", 41, True)


def test_an_answer_that_was_cut_says_so() -> None:
    """``max_rows`` may cut an answer; it is whole, and not complete."""
    with client(httpx.Response(200, content=stream(complete="false"))) as sekisho:
        assert not sekisho.query("SELECT 1", purpose="recommendation", max_rows=2).complete


@pytest.mark.parametrize(
    "content",
    [stream(complete=None), stream(complete="true")[:-60], b"", b"no arrow"],
    ids=["no end", "cut", "empty", "no stream"],
)
def test_a_stream_without_its_end_raises(content: bytes) -> None:
    """A part is never taken for the whole."""
    with client(httpx.Response(200, content=content)) as sekisho, pytest.raises(Broken):
        sekisho.query("SELECT 1", purpose="recommendation")


def test_a_refusal_is_raised_with_its_code() -> None:
    """What the service refuses raises, with code, detail and trace; nothing says yes by itself."""
    with client(httpx.Response(503, json=PROBLEM)) as sekisho, pytest.raises(Problem) as raised:
        sekisho.allowed("customer_id:1", "recommendation")
    assert (raised.value.status, raised.value.code, raised.value.trace_id) == (503, "consent_unavailable", "ab" * 16)
    assert raised.value.may_work_later


@pytest.mark.parametrize(
    "answer", [httpx.Response(502, text="<html>"), httpx.Response(302, headers={"Location": "/x"})]
)
def test_an_answer_of_somebody_else_is_no_answer(answer: httpx.Response) -> None:
    """A proxy's page and a redirect are errors."""
    with client(answer) as sekisho, pytest.raises(Problem) as raised:
        sekisho.allowed("customer_id:1", "recommendation")
    assert raised.value.code == "unknown"


def test_a_service_that_is_not_there_is_told_as_such() -> None:
    """A failing connection is an error of this library, without an address in it."""

    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route to 10.0.0.1")

    with client(refuse) as sekisho, pytest.raises(Unreachable, match="could not be reached") as raised:
        sekisho.allowed("customer_id:1", "recommendation")
    assert "10.0.0.1" not in str(raised.value)


def test_a_client_reads_its_own_writes() -> None:
    """After a write, every check asks for at least the sequence that the write answered."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("events"):
            return httpx.Response(200, json={"id": "e", "seq": 99, "state": "withdrawn"})
        return httpx.Response(200, json={"items": [{"allowed": False, "seq": 99}], "allowed": [], "seq": 99})

    with client(answer, seen) as sekisho:
        sekisho.withdraw("customer_id:1", "recommendation")
        sekisho.allowed("customer_id:1", "recommendation")
        sekisho.filter(["customer_id:1"], "recommendation")
    assert [json.loads(request.content).get("min_seq") for request in seen] == [None, 99, 99]


def test_a_write_carries_a_key_of_its_own() -> None:
    """Each recorded event can be sent again safely; a caller's own key is kept."""
    seen: list[httpx.Request] = []
    with client(httpx.Response(200, json={"id": "e", "seq": 1, "state": "given"}), seen) as sekisho:
        sekisho.record("customer_id:1", "recommendation", "give")
        sekisho.record("customer_id:1", "recommendation", "give")
        sekisho.record("customer_id:1", "recommendation", "give", idempotency_key="mine")
    keys = [request.headers["idempotency-key"] for request in seen]
    assert keys[0] != keys[1]
    assert keys[2] == "mine"


def test_the_token_is_asked_for_anew() -> None:
    """A function that returns tokens is called for each request, so that they can be renewed."""
    seen: list[httpx.Request] = []
    tokens = iter(["one", "two"])

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"items": [{"allowed": True, "seq": 1}]})

    with Client("http://sekisho", lambda: next(tokens), transport=httpx.MockTransport(handle)) as sekisho:
        assert sekisho.allowed("customer_id:1", "recommendation")
        assert sekisho.allowed("customer_id:1", "recommendation")
    assert [request.headers["authorization"] for request in seen] == ["Bearer one", "Bearer two"]


def test_changes_are_read_page_by_page() -> None:
    """Every page follows on the one before; pages without items move on too."""
    pages = {
        "3": {"items": [CHANGE], "next_after_seq": 7},
        "7": {"items": [], "next_after_seq": 9},
        "9": {"items": [], "next_after_seq": 9},
    }
    with client(lambda request: httpx.Response(200, json=pages[request.url.params["after_seq"]])) as sekisho:
        found = list(sekisho.changes(3))
    assert [(change.seq, change.event) for change in found] == [(7, "withdraw")]


def test_following_resumes_after_the_last_change() -> None:
    """When the connection ends, the next one begins after the last change that was seen."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["last-event-id"])
        if len(asked) == 3:
            return httpx.Response(401, json={"code": "unauthenticated"})
        told = {**CHANGE, "seq": 10 + len(asked)}
        return httpx.Response(200, text=f": hello\n\nid: {told['seq']}\nevent: consent\ndata: {json.dumps(told)}\n\n")

    with client(answer) as sekisho, pytest.raises(Problem):
        list(sekisho.follow(5))
    assert asked == ["5", "11", "12"]


def test_events_of_several_data_lines_are_one() -> None:
    """Data lines of one event belong together."""
    events = Events()
    half = json.dumps(CHANGE, indent=1).split("\n")
    assert [events.line(f"data: {line}") for line in half] == [None] * len(half)
    change = events.line("")
    assert change is not None
    assert change.recorded_at == datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused() -> None:
    """A naive time could mean any instant."""
    with pytest.raises(ValueError, match="zone"):
        instant(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused
