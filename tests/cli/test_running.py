"""`sekisho demo` and `sekisho serve`."""

import json
import os

import httpx
import pytest

from sekisho.cli.serve import OpenedApp
from sekisho.demo import workspace as workspaces
from sekisho.demo.scene import Expectation, Part
from sekisho.errors import WorkspaceError
from sekisho.http.allocators import ALLOCATORS


@pytest.fixture
def small(monkeypatch):
    """Let the command build a small workspace."""
    build = workspaces.build_workspace
    monkeypatch.setattr(
        workspaces,
        "build_workspace",
        lambda folder, scale, progress, **where: build(folder, scale, progress, customers=150, **where),
    )


@pytest.mark.usefixtures("small")
def test_demo_tells_nine_parts_and_uses_the_workspace_again(run, tmp_path):
    """One JSON object with each part's facts; nothing else on standard output; a second run builds nothing."""
    first = run("demo", "-w", tmp_path / "demo", "--json")
    told = json.loads(first.out)
    assert first.code == 0
    assert told["held"]
    assert told["built_now"]
    assert [part["number"] for part in told["parts"]] == list(range(1, 10))
    assert all(each["held"] for part in told["parts"] for each in part["expectations"])
    again = json.loads(run("demo", "-w", tmp_path / "demo", "--build-only", "--json").out)
    assert not again["built_now"]
    assert "parts" not in again


@pytest.mark.usefixtures("small")
def test_demo_fails_when_an_expectation_did_not_hold(run, built, monkeypatch):
    """What did not hold is shown, and the exit code says so."""

    async def tell(_built):
        yield Part(1, "例", "An example", (), {}, (Expectation("water flows upwards", held=False),))

    monkeypatch.setattr("sekisho.demo.story.tell", tell)
    ran = run("demo", "-w", built)
    assert ran.code == 1
    assert "✗ water flows upwards" in ran.out
    assert "1 of 1 expectations did not hold" in ran.out


def test_serve_refuses_what_is_not_safe(run, built):
    """The embedded issuer stays on this machine; SQLite serves one process."""
    exposed = run("serve", "-w", built, "--host", "0.0.0.0")
    shared = run("serve", "-w", built, "--workers", 2)
    assert (exposed.code, shared.code) == (1, 1)
    assert "embedded token issuer" in exposed.err
    assert "SQLite serves one process" in shared.err


def test_serve_chooses_allocators_first(run, built, monkeypatch):
    """Where a serving process takes memory from is said before a library that asks is loaded."""
    for name in ALLOCATORS:
        monkeypatch.setenv(name, "")  # so that it is taken away again
        monkeypatch.delenv(name)
    run("serve", "-w", built, "--host", "0.0.0.0")
    assert {name: os.environ[name] for name in ALLOCATORS} == ALLOCATORS


async def live(app, steps):
    """Run an application's lifespan: *steps* happen while it is up. Return what it sent."""
    sent, inbox = [], iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive():
        kind = next(inbox)
        if kind == "lifespan.shutdown":
            await steps()
        return {"type": kind}

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    return sent


async def test_the_application_opens_with_the_server_and_closes_with_it(built):
    """The workspace is open while the server is up."""
    app = OpenedApp(built)
    answers = []

    async def ask():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answers.append(await client.get("/health/ready"))

    sent = await live(app, ask)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert answers[0].json()["status"] == "ready"


async def test_a_workspace_that_does_not_open_stops_the_server(tmp_path):
    """The failure is kept for the command to tell."""
    app = OpenedApp(tmp_path)

    async def nothing():
        """Nothing happens."""

    assert await live(app, nothing) == ["lifespan.startup.failed"]
    assert isinstance(app.failure, WorkspaceError)
