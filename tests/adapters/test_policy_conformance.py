"""One suite, two engines: the embedded Rego and an OPA server give the same answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from sekisho.adapters.opa import Demands
from sekisho.adapters.rego import EmbeddedRego, policy_files, shipped_policies
from sekisho.domain.access import Deny, Permit
from tests.policies.catalogue import questions
from tests.policies.serving import (
    KEYID,
    SigningKey,
    asking,
    build_bundle,
    configuration,
    running_opa,
)

pytestmark = [pytest.mark.opa, pytest.mark.enable_socket, pytest.mark.xdist_group("opa")]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[tuple[str, str]]:
    """An OPA server with the policies as a signed bundle, whose revision is that of the embedded engine."""
    folder = tmp_path_factory.mktemp("opa")
    bundle, key = folder / "policies.tar.gz", SigningKey(folder)
    revision = build_bundle(bundle, key=key)
    with running_opa(folder, "--config-file", str(configuration(folder, bundle, key))) as opa:
        yield opa.url, revision


@pytest.fixture
async def embedded() -> AsyncIterator[EmbeddedRego]:
    """The embedded engine with the same policies."""
    pdp = EmbeddedRego()
    yield pdp
    await pdp.close()


async def test_both_engines_answer_alike(server, embedded):
    """Every generated question has one answer: code, reasons, cells, transforms, obligations, revision."""
    url, revision = server
    asked = list(questions())
    permits = denies = 0
    seen: set[str] = set()
    async with asking(url, demands=Demands(revision, KEYID)) as remote:
        for each in asked:
            ours, theirs = await embedded.decide(each), await remote.decide(each)
            assert ours == theirs, each.canonical()
            permits += isinstance(ours, Permit)
            if isinstance(ours, Deny):
                denies += 1
                seen.update(ours.reasons)
    assert len(asked) >= 300
    assert min(permits, denies) > 50
    # Not among the questions: what the types of the catalogue cannot say.
    unsayable = {"legal_basis_unknown", "output_unknown", "recipient_unknown", "undecided", "question_not_understood"}
    assert seen == _reasons() - unsayable - {"keep_unknown", "output_class_unknown"}


async def test_the_server_is_healthy_and_tells_its_revision(server, embedded):
    """Bundles and plugins are ready and verified, and the revision is that of the same files embedded."""
    url, revision = server
    async with asking(url, demands=Demands(keyid=KEYID)) as remote:
        assert await remote.healthy()
        assert remote.revision == embedded.revision == revision


async def test_a_server_without_policies_is_no(tmp_path):
    """OPA answers 200 and ``{}`` when it holds no policy: that is not ready, and not a decision."""
    with running_opa(tmp_path) as opa:
        async with asking(opa.url) as remote:
            assert not await remote.healthy()


async def test_policies_from_a_folder_decide_without_revision(tmp_path, embedded):
    """Served as plain files, tests and checks beside, the policies decide, and are not versioned."""
    with running_opa(tmp_path, str(shipped_policies())) as opa:
        async with asking(opa.url) as remote:
            each = next(iter(questions()))
            answer, expected = await remote.decide(each), await embedded.decide(each)
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
