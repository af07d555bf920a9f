"""Simulation and shadow beside a real OPA server: the server's policy on one side, a folder's on the other."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateway.site import opened
from tests.gateway.test_simulated import NO_MORE, SQL, answered, kept, modules, outcomes
from tests.policies.catalogue import opa_program
from tests.policies.serving import running_opa

pytestmark = [pytest.mark.opa, pytest.mark.enable_socket, pytest.mark.xdist_group("opa")]


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[str]:
    """An OPA server whose policies refuse one purpose more than the shipped ones."""
    policies, bundle = tmp_path / "refusing", tmp_path / "policies.tar.gz"
    for name, text in modules(purpose=NO_MORE).items():
        (policies / name).parent.mkdir(parents=True, exist_ok=True)
        (policies / name).write_text(text)
    build = [opa_program(), "build", "--bundle", str(policies), "--revision", "refusing-1", "--output", str(bundle)]
    subprocess.run(build, check=True)
    with running_opa(tmp_path, "--bundle", str(bundle)) as opa:
        yield opa.url


def with_policy(folder: Path, lines: str) -> None:
    """Write the section ``policy`` of the workspace anew."""
    file = folder / "sekisho.yaml"
    written = re.sub(r"^policy:\n(?:[ #].*\n)*", f"policy:\n{lines}\n", file.read_text(), flags=re.MULTILINE)
    assert lines in written
    file.write_text(written)


async def test_the_servers_policy_is_the_one_in_force(folder: Path, refusing: str) -> None:
    """What a server decides is compared with modules that are given, by the server's own revision."""
    with_policy(folder, f"  engine: opa\n  url: {refusing}\n  timeout_ms: 5000\n")
    async with opened(folder) as site:
        question = {"requester": "recommender", "purpose": "recommendation", "sql": SQL}
        answer = await answered(site, policy=modules(), requests=[question])
        assert answer["before"] == "refusing-1"
        assert list(answer["items"][0]["changes"]) == ["deny_to_allow"]


async def test_a_server_may_be_the_shadow(folder: Path, refusing: str) -> None:
    """A shadow in a server is asked beside the embedded policy, and counts for nothing."""
    with_policy(folder, f"  engine: embedded\n  timeout_ms: 5000\n  shadow: {refusing}\n")
    async with opened(folder) as site:
        assert await site.rows("recommender", "recommendation", SQL.partition(" WHERE")[0])
        await kept(site)
        (found,) = await site.workspace.policy_records.asked.differences(site.workspace.clock.now().date())
        assert (found.shadow, found.count) == ("refusing-1", 1)
        assert outcomes((await site.client.get("/metrics")).text) == {"allow_to_deny": 1}


async def test_a_shadow_server_that_is_down_touches_no_request(folder: Path) -> None:
    """Where nothing listens, requests are answered as ever, and the shadow counts as unavailable."""
    with_policy(folder, "  engine: embedded\n  shadow: http://127.0.0.1:9\n")
    async with opened(folder) as site:
        assert await site.rows("recommender", "recommendation", SQL.partition(" WHERE")[0])
        await kept(site)
        assert outcomes((await site.client.get("/metrics")).text) == {"unavailable": 1}
