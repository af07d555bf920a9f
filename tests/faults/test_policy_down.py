"""The policy that does not answer, or not with a decision: nothing is released, and all is well once it does."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from tests.faults.policy_faults import LINES, answers_again, refused, unready, with_policy
from tests.gateway.site import Site, opened
from tests.policies.serving import REFUSAL, answering, free_port, response, standing_in

from sekisho.adapters.rego import shipped_policies

GOOD = {
    "allow": True,
    "deny": [],
    "legal_basis": "consent",
    "consent": {"required": True, "cells": ["recommendation/data_category=purchase"]},
    "columns": {"pos.order_lines": {"stock_code": "clear"}},
    "row_filters": {},
    "obligations": [],
    "valid_until": None,
}


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
        await refused(site)
        view = await site.client.post(
            "/v1/views/rfm_cells:read", json={"purpose": "management_statistics"}, headers=site.headers("analyst")
        )
        assert (view.status_code, view.json()["code"]) == (503, "policy_unavailable")
        await unready(site)
        shutil.copytree(shipped_policies() / "sekisho", folder / "rules" / "sekisho")
        (folder / "rules" / "access.rego").unlink(missing_ok=True)
        async with site.workspace.policies.running():
            await answers_again(site)


FAILING = {
    "an error of a built-in function": 'answer := {"never": to_number(input.purpose.name)} if input.purpose\n',
    "a conflict between rules": "answer := 1 if input.action\n\nanswer := 2 if input.purpose\n",
    "no answer": "answer := 1 if input.nothing\n",
    "another type": 'answer := "true" if input.purpose\n',
}
"""Rules that answer the empty question as they should, and fail on every other."""


def failing(rule: str) -> str:
    """Return the entry point made of such a rule."""
    nothing_asked = f"decision := {json.dumps(REFUSAL)} if not input.purpose\n"
    return f"package sekisho.access\n\n{nothing_asked}\ndecision := answer if input.purpose\n\n{rule}"


@pytest.mark.parametrize("rule", FAILING.values(), ids=FAILING)
async def test_embedded_policies_that_fail_deny(folder: Path, rule: str) -> None:
    """Rules that fail or contradict each other while they are evaluated refuse, and mended ones answer."""
    rules = folder / "rules"
    rules.mkdir()
    (rules / "access.rego").write_text(failing(rule))
    with_policy(folder, "engine: embedded, bundle: rules")
    async with opened(folder) as site:
        assert await site.workspace.policy.healthy()  # it is the question that makes them fail
        await refused(site)
        (rules / "access.rego").unlink()
        shutil.copytree(shipped_policies() / "sekisho", rules / "sekisho")
        async with site.workspace.policies.running():
            os.kill(os.getpid(), signal.SIGHUP)
            await answers_again(site)


async def test_a_broken_folder_leaves_the_policies_in_force_and_says_so(folder: Path, capsys) -> None:
    """While the newest policies do not compile the former decide; health, metrics and log tell so."""
    shutil.copytree(shipped_policies(), folder / "rules")
    with_policy(folder, "engine: embedded, bundle: rules")
    entry = folder / "rules" / "sekisho" / "access" / "access.rego"
    whole = entry.read_text("utf-8")

    async def told(site: Site, refusing: str) -> None:
        for _ in range(150):
            if f"sekisho_policy_refused {refusing}" in (await site.client.get("/metrics")).text:
                return
            await asyncio.sleep(0.1)
        pytest.fail("the metrics did not say so within fifteen seconds")

    async with opened(folder) as site, site.workspace.policies.running():
        revision = site.workspace.policies.point.revision
        await answers_again(site)
        entry.write_text("package sekisho.access\n\ndecision := {", "utf-8")
        await told(site, "1.0")
        ready = await site.client.get("/health/ready")
        assert ready.status_code == 200
        assert "do not compile" in ready.json()["remarks"]["policy"]
        assert "policies_refused" in "".join(capsys.readouterr())
        assert (await site.post(*LINES)).status_code == 200
        entry.write_text(whole + "\n", "utf-8")
        await told(site, "0.0")
        assert "remarks" not in (await site.client.get("/health/ready")).json()
        assert site.workspace.policies.point.revision != revision
        assert (await site.post(*LINES)).status_code == 200


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "answer",
    [
        None,
        response(b"{}"),
        response(b'{"result": "true"}'),
        response(b'{"result": true}'),
        response(b'{"result": {"allow": true}}'),
        response(b'"true"'),
        response(b"true"),
        response(b"<html>please sign in</html>", kind="text/html"),
        response(b"<html>please sign in</html>"),
        response(b'{"code": "internal_error"}', "500 Internal Server Error"),
        response(b'{"result": {"allow": true}}', "503 Service Unavailable"),
        response(b"{", length=500),
    ],
    ids=["slow", "empty", "text", "true", "half", "bare text", "bare", "html", "json", "500", "503", "cut off"],
)
async def test_an_opa_server_without_a_decision_denies(folder: Path, answer: bytes | None) -> None:
    """Slow, empty, of another type, or an error: one quick 503, without a second try; then it is asked again."""
    async with standing_in(lambda: answer) as server:
        with_policy(folder, f"engine: opa, url: '{server.url}', timeout_ms: 250")
        async with opened(folder) as site:
            assert site.workspace.settings.policy.timeout_ms == 250
            await refused(site)
            assert len(server.asked) == 1  # the fault was met: it was asked, once
            server.answer = lambda: answering(GOOD)
            await answers_again(site)


@pytest.mark.enable_socket
async def test_an_opa_server_that_is_not_ready_is_not_asked(folder: Path) -> None:
    """A server whose bundles are not active is left alone, and asked once they are."""
    async with standing_in(lambda: answering(GOOD)) as server:
        server.health = "500 Internal Server Error"
        with_policy(folder, f"engine: opa, url: '{server.url}', timeout_ms: 250")
        async with opened(folder) as site:
            await refused(site)
            await unready(site)
            assert server.looks
            assert not server.asked
            server.health = "200 OK"
            await answers_again(site)


@pytest.mark.enable_socket
async def test_an_opa_server_that_is_down_denies(folder: Path) -> None:
    """Nobody listens: refused, recorded, not ready."""
    with_policy(folder, f"engine: opa, url: 'http://127.0.0.1:{free_port()}', timeout_ms: 250")
    async with opened(folder) as site:
        await refused(site)
        await unready(site)
