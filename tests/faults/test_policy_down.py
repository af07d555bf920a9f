"""The policy that does not answer, or not with a decision: nothing is released."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.gateway.site import Site, opened

LINES = ("recommender", "recommendation", "SELECT stock_code FROM pos.order_lines")


def with_policy(folder: Path, policy: str) -> None:
    """Change what the workspace file says about the policy."""
    file = folder / "sekisho.yaml"
    text = file.read_text("utf-8")
    start = text.index("policy:")
    end = text.index("\nidentity:")
    file.write_text(f"{text[:start]}policy: {{{policy}}}\n{text[end:]}", "utf-8")


async def _refused(site: Site) -> None:
    response = await site.post(*LINES)
    assert (response.status_code, response.json()["code"]) == (503, "policy_unavailable")
    view = await site.client.post(
        "/v1/views/rfm_cells:read", json={"purpose": "management_statistics"}, headers=site.headers("analyst")
    )
    assert (view.status_code, view.json()["code"]) == (503, "policy_unavailable")
    assert [record["code"] for record in await site.records("access.deny")] == ["policy_unavailable"] * 2
    assert not await site.records("access.release")
    ready = await site.client.get("/health/ready")
    assert (ready.status_code, ready.json()["checks"]["policy"]) == (503, "failed")


@pytest.mark.parametrize(
    "content", [None, "package sekisho.access\n", "this is not Rego {", "package other\nx := 1\n"]
)
async def test_a_policy_folder_without_an_answer_denies(folder: Path, content: str | None) -> None:
    """Empty, broken, or about something else: every request is refused and the service is not ready."""
    (folder / "rules").mkdir()
    if content is not None:
        (folder / "rules" / "access.rego").write_text(content)
    with_policy(folder, "engine: embedded, bundle: rules")
    async with opened(folder) as site:
        await _refused(site)


@asynccontextmanager
async def opa(answer: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve *answer* to every request; ``None`` accepts and never answers. Yield the address and what was asked."""
    asked: list[bytes] = []
    open_ones: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if answer is not None:
            writer.write(answer)
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()
        for writer in open_ones:
            writer.close()


def _answer(body: object, status: str = "200 OK") -> bytes:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + content


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "answer",
    [
        None,
        _answer({}),
        _answer({"result": "true"}),
        _answer({"result": True}),
        _answer({"result": {"allow": True}}),
        _answer("true"),
        _answer("<html>please sign in</html>"),
        _answer({"code": "internal_error"}, "500 Internal Server Error"),
        _answer({"result": {"allow": True}}, "503 Service Unavailable"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
    ],
    ids=["slow", "empty", "text", "true", "half", "bare", "html", "500", "503", "cut off"],
)
async def test_an_opa_server_without_a_decision_denies(folder: Path, answer: bytes | None) -> None:
    """Slow, empty, of another type, or an error: one quick 503, without a second try."""
    async with opa(answer) as (url, asked):
        with_policy(folder, f"engine: opa, url: '{url}', timeout_ms: 250")
        async with opened(folder) as site:
            started = time.monotonic()
            response = await site.post(*LINES)
            assert (response.status_code, response.json()["code"]) == (503, "policy_unavailable")
            assert time.monotonic() - started < 2.0
            assert len(asked) == 1
            await _refused_again(site)


async def _refused_again(site: Site) -> None:
    assert [record["code"] for record in await site.records("access.deny")] == ["policy_unavailable"]
    assert not await site.records("access.release")


@pytest.mark.enable_socket
async def test_an_opa_server_that_is_down_denies(folder: Path) -> None:
    """Nobody listens: refused, recorded, not ready."""
    async with opa(b"") as (url, _):
        pass
    with_policy(folder, f"engine: opa, url: '{url}', timeout_ms: 250")
    async with opened(folder) as site:
        await _refused(site)
