"""One suite, two engines: the embedded Rego and an OPA server give the same answers."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sekisho.adapters.opa import OpaServer
from sekisho.adapters.rego import EmbeddedRego, policy_files, policy_revision, shipped_policies
from sekisho.domain.access import Deny, Permit
from tests.policies.catalogue import opa_program, questions

pytestmark = [pytest.mark.opa, pytest.mark.enable_socket, pytest.mark.xdist_group("opa")]


@contextlib.contextmanager
def running_opa(folder: Path, *arguments: str) -> Iterator[str]:
    """Run an OPA server on loopback and yield its address once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [opa_program(), "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error"]
    with (folder / "opa.log").open("w") as log:
        # Telemetry would ask the outside for a newer version.
        process = subprocess.Popen(
            [*command, "--disable-telemetry", *arguments], stdout=log, stderr=log, env={**os.environ, "NO_COLOR": "1"}
        )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/health?bundles", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "opa ended at start"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.05)
    pytest.fail("opa did not become ready in ten seconds")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    """An OPA server that holds the policies as a bundle with the revision of the embedded engine."""
    folder = tmp_path_factory.mktemp("opa")
    policies = shipped_policies()
    bundle = folder / "policies.tar.gz"
    revision = policy_revision(policy_files(policies))
    build = [opa_program(), "build", "--bundle", str(policies), "--ignore", "*_test.rego", "--ignore", "checks"]
    subprocess.run([*build, "--revision", revision, "--output", str(bundle)], check=True)
    with running_opa(folder, "--bundle", str(bundle)) as url:
        yield url


async def test_both_engines_answer_alike(server):
    """Every generated question has one answer: code, reasons, cells, transforms, obligations, revision."""
    embedded, remote = EmbeddedRego(), OpaServer(server, timeout_s=5.0)
    asked = list(questions())
    permits = denies = 0
    seen: set[str] = set()
    for each in asked:
        ours, theirs = await embedded.decide(each), await remote.decide(each)
        assert ours == theirs, each.canonical()
        permits += isinstance(ours, Permit)
        if isinstance(ours, Deny):
            denies += 1
            seen.update(ours.reasons)
    await embedded.close()
    await remote.close()
    assert len(asked) >= 300
    assert min(permits, denies) > 50
    # Not among the questions: what the types of the catalogue cannot say.
    unsayable = {"legal_basis_unknown", "output_unknown", "recipient_unknown", "undecided"}
    assert seen == _reasons() - unsayable - {"keep_unknown", "output_class_unknown"}


async def test_the_server_is_healthy_and_tells_its_revision(server):
    """Bundles and plugins are ready, and the revision is that of the same files embedded."""
    embedded, remote = EmbeddedRego(), OpaServer(server, timeout_s=5.0)
    assert await remote.healthy()
    assert remote.revision == embedded.revision
    await embedded.close()
    await remote.close()


async def test_a_server_without_policies_is_no(tmp_path):
    """OPA answers 200 and ``{}`` when it holds no policy: that is not ready, and not a decision."""
    with running_opa(tmp_path) as url:
        remote = OpaServer(url, timeout_s=5.0)
        assert not await remote.healthy()
        await remote.close()


async def test_policies_from_a_folder_decide_without_revision(tmp_path):
    """Served as plain files, tests and checks beside, the policies decide, and are not versioned."""
    with running_opa(tmp_path, str(shipped_policies())) as url:
        remote, embedded = OpaServer(url, timeout_s=5.0), EmbeddedRego()
        each = next(iter(questions()))
        answer, expected = await remote.decide(each), await embedded.decide(each)
        await remote.close()
        await embedded.close()
    assert answer.revision == "unversioned"
    assert type(answer) is type(expected)


def _reasons() -> set[str]:
    marker = '"reason": "'
    return {
        line.split(marker)[1].split('"')[0]
        for source in policy_files(shipped_policies()).values()
        for line in source.decode().splitlines()
        if marker in line
    }
