"""A real OPA server that is held up, killed, or holds what it should not: refused, recorded, and well again after."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.faults.policy_faults import answers_again, refused, unready, with_policy
from tests.faults.test_policy_down import FAILING, failing
from tests.gateway.site import opened
from tests.policies.serving import (
    KEYID,
    Opa,
    SigningKey,
    asking,
    build_bundle,
    bundle_service,
    configuration,
    free_port,
    running_opa,
    strip,
)

from sekisho.adapters.rego import shipped_policies

pytestmark = [pytest.mark.opa, pytest.mark.enable_socket, pytest.mark.xdist_group("opa")]


PACKAGES = sorted(path.name for path in (shipped_policies() / "sekisho").iterdir() if path.name != "fixtures")


@dataclass
class Served:
    """A signed bundle of policies that may be spoiled, and what a server of it is configured by."""

    folder: Path
    service: str
    address: str = field(default_factory=lambda: f"http://127.0.0.1:{free_port()}")

    def __post_init__(self) -> None:
        self.key = SigningKey(self.folder)
        self.bundle = self.folder / "policies.tar.gz"
        self.policies = Path(shutil.copytree(shipped_policies() / "sekisho", self.folder / "p" / "sekisho")).parent
        self.configure()

    def configure(self, key: SigningKey | None = None, *, verifying: bool = True) -> None:
        """Write the server's configuration."""
        key = (key or self.key) if verifying else None
        self.configuration = configuration(self.folder, self.bundle, key, service=self.service)

    def build(self, **options: object) -> str:
        """Build and sign the policies as they are; return the revision."""
        return build_bundle(self.bundle, self.policies, **({"key": self.key} | options))  # type: ignore[arg-type]

    def lose(self, package: str) -> None:
        """Take a package out of the policies."""
        shutil.rmtree(self.policies / "sekisho" / package)

    def mend(self) -> None:
        """Make the policies whole, and build and sign them."""
        shutil.rmtree(self.policies)
        shutil.copytree(shipped_policies() / "sekisho", self.policies / "sekisho")
        self.build()

    def settings(self, *more: str) -> str:
        """Return what the workspace says of the policy."""
        return ", ".join([f"engine: opa, url: '{self.address}', timeout_ms: 250, keyid: {KEYID}", *more])

    def running(self, *, ready: bool = True):
        """Run a server of the bundle."""
        return running_opa(self.folder, "--config-file", str(self.configuration), ready=ready, address=self.address)


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A signed bundle, outside the workspace."""
    made = tmp_path_factory.mktemp("opa")
    with bundle_service(made) as service:
        yield Served(made, service)


def wait_until_held_up(pid: int) -> None:
    """Return once a process is stopped."""
    while ") T " not in Path(f"/proc/{pid}/stat").read_text("ascii"):
        time.sleep(0.01)


async def said(opa: Opa, words: str) -> None:
    """Return once the server logged *words*: the fault was met."""
    for _ in range(150):
        if words in opa.said():
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"the server did not say {words!r}, but {opa.said()}")


async def test_a_server_that_is_killed_and_started_again(folder: Path, served: Served) -> None:
    """Refused while it is gone; its successor answers without a restart of the gateway."""
    served.build()
    with_policy(folder, served.settings())
    with served.running() as opa:
        async with opened(folder) as site:
            assert await site.workspace.policy.healthy()
            opa.stop()
            assert opa.process is not None
            assert opa.process.poll() is not None
            await refused(site)
            await unready(site)
            opa.start()
            await answers_again(site)


@pytest.mark.parametrize("known", [False, True], ids=["when first asked", "when it was sound a moment ago"])
async def test_a_server_that_is_held_up(folder: Path, served: Served, known: bool) -> None:
    """A process that does not run takes connections and answers none: refused in time, and well when it runs on."""
    served.build()
    with_policy(folder, served.settings())
    with served.running() as opa:
        async with opened(folder) as site:
            if known:
                assert await site.workspace.policy.healthy()
            assert opa.process is not None
            os.kill(opa.process.pid, signal.SIGSTOP)
            try:
                await asyncio.to_thread(wait_until_held_up, opa.process.pid)
                await refused(site)
                await refused(site)
            finally:
                os.kill(opa.process.pid, signal.SIGCONT)
            await answers_again(site)


async def test_a_bundle_whose_signatures_were_taken_out(folder: Path, served: Served) -> None:
    """A server that verifies does not load it, so it is not asked; a signed one is loaded and answers."""
    served.build()
    strip(served.bundle)
    with_policy(folder, served.settings())
    with served.running(ready=False) as opa:
        async with opened(folder) as site:
            await said(opa, "bundle missing .signatures.json file")
            await refused(site)
            await unready(site)
            served.mend()
            await answers_again(site)


async def test_a_bundle_that_another_key_signed(folder: Path, served: Served, tmp_path: Path) -> None:
    """A signature of somebody else is none."""
    served.build(key=SigningKey(tmp_path))
    with_policy(folder, served.settings())
    with served.running(ready=False) as opa:
        async with opened(folder) as site:
            await said(opa, "Bundle load failed")
            await refused(site)
            served.mend()
            await answers_again(site)


async def test_a_server_that_does_not_verify_its_bundle(folder: Path, served: Served) -> None:
    """A server that is content with an unsigned bundle decides, but is not asked."""
    served.build(key=None)
    served.configure(verifying=False)
    with_policy(folder, served.settings())
    with served.running() as opa:
        async with asking(opa.url) as careless:
            assert await careless.healthy()  # who demands nothing would be answered
        async with opened(folder) as site:
            await refused(site)
            await unready(site)
            opa.stop()
            served.mend()
            served.configure()
            opa.start()
            await answers_again(site)


async def test_a_bundle_changed_for_one_without_signatures_changes_nothing(folder: Path, served: Served) -> None:
    """A server that verified its bundle keeps it when the next one is not signed."""
    revision = served.build()
    with_policy(folder, served.settings())
    with served.running() as opa:
        async with opened(folder) as site:
            await answers_again(site)
            (served.policies / "sekisho" / "access" / "access.rego").write_text(
                'package sekisho.access\n\ndecision := {"allow": true}\n'
            )
            served.build(key=None)
            await said(opa, "bundle missing .signatures.json file")
            await answers_again(site)
            assert await site.workspace.policies.point.in_force() == revision


async def test_another_revision_than_the_expected_one(folder: Path, served: Served) -> None:
    """Where the workspace names a revision, a well signed bundle of another is refused, until it is the named one."""
    expected = served.build()
    served.build(revision="another")
    with_policy(folder, served.settings(f"revision: '{expected}'"))
    with served.running() as opa:
        async with asking(opa.url) as careless:
            assert await careless.in_force() == "another"
        async with opened(folder) as site:
            await refused(site)
            await unready(site)
            served.mend()
            await answers_again(site)


@pytest.mark.parametrize("package", PACKAGES)
async def test_a_part_of_the_policies(folder: Path, served: Served, package: str) -> None:
    """A bundle that lacks a package is well signed, and allows nothing."""
    served.lose(package)
    served.build()
    with_policy(folder, served.settings())
    with served.running():
        async with opened(folder) as site:
            await refused(site, codes=("policy_unavailable", "access_denied"))
            served.mend()
            await answers_again(site)


@pytest.mark.parametrize("rule", FAILING.values(), ids=FAILING)
async def test_policies_that_fail(folder: Path, served: Served, rule: str) -> None:
    """Rules that fail or contradict each other while they are evaluated refuse, and mended ones answer."""
    shutil.rmtree(served.policies / "sekisho")
    (served.policies / "sekisho").mkdir()
    (served.policies / "sekisho" / "access.rego").write_text(failing(rule))
    served.build()
    with_policy(folder, served.settings())
    with served.running():
        async with opened(folder) as site:
            assert await site.workspace.policy.healthy()  # it is the question that makes them fail
            await refused(site)
            served.mend()
            await answers_again(site)
