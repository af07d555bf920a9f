"""A policy that is only tried: in a process apart, bounded, and never more than a refusal to who tried it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from regopy import Interpreter

from sekisho.adapters import policy_sandbox
from sekisho.adapters.policy_sandbox import ProcessSandbox, revision_of
from sekisho.adapters.rego import EmbeddedRego, policy_files, policy_revision, shipped_policies
from sekisho.errors import InvalidRequest
from tests.policies.catalogue import DATASETS, PURPOSES, REQUESTERS, ask, questions, using

QUESTION = ask(REQUESTERS[0], PURPOSES["recommendation"], using(DATASETS[1], "invoice"))
NO = 'default decision := {"allow": false}\n\n'
LOOPS = (
    "decision := count([1 | some i in numbers.range(1, 5000); some j in numbers.range(1, 5000);"
    " i == j * input.never]) if input.requester\n"
)
GROWS = (
    'decision := count([concat(",", [sprintf("%d", [i]), more]) | some i in numbers.range(1, 3000000)])'
    ' if input.requester\n\nmore := "x"\n'
)


def policy(text: str) -> dict[str, str]:
    """Return a policy of one module."""
    return {"sekisho/access/access.rego": f"package sekisho.access\n\n{NO}{text}"}


def shipped() -> dict[str, str]:
    """Return the shipped modules."""
    return {name: content.decode() for name, content in policy_files(shipped_policies()).items()}


def workers() -> list[str]:
    """Return the processes of this one that try a policy."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode()
                parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
            except OSError:
                continue
            if "policy_worker" in command and int(parent) == os.getpid():
                found.append(command)
    return found


async def test_it_decides_as_the_embedded_engine_does():
    """The same modules decide the same in the process apart, under the revision that they have in force."""
    embedded = EmbeddedRego()
    asked = list(questions())[::7]
    modules = shipped()
    async with ProcessSandbox().open(modules) as candidate:
        tried = await candidate.decide(asked)
        revision = candidate.revision
    assert revision == revision_of(modules) == embedded.revision == policy_revision(policy_files(shipped_policies()))
    assert tried == [await embedded.decide(each) for each in asked]
    await embedded.close()
    assert workers() == []


@pytest.mark.parametrize("rules", [LOOPS, GROWS], ids=["time", "memory"])
async def test_a_policy_without_end_is_ended(rules: str, monkeypatch: pytest.MonkeyPatch):
    """One that loops or grows ends with its process, as an invalid request; nothing of it runs on."""
    monkeypatch.setattr(policy_sandbox, "_MEMORY", 96 << 20)
    with pytest.raises(InvalidRequest):
        async with ProcessSandbox(seconds=3).open(policy(rules)) as candidate:
            await candidate.decide([QUESTION] * 3)
    assert workers() == []


async def test_a_policy_that_breaks_the_engine_breaks_its_process_alone():
    """What makes the engine abort is a sentence here, and the next policy is tried as ever."""
    aborting = {
        **policy("decision := 1 if {\n\tdata.b.x == 1 with input as data.b.asked\n}\n"),
        "b.rego": 'package b\n\nasked := {"v": 1}\n\nx := input.v\n',
    }
    with pytest.raises(InvalidRequest, match="engine"):
        async with ProcessSandbox().open(aborting):
            pass
    async with ProcessSandbox().open(shipped()) as candidate:
        assert await candidate.decide([QUESTION]) != [None]


async def test_an_answer_that_is_no_decision_is_none():
    """What is not a complete decision stands as no decision, question by question."""
    says_yes = policy('decision := {"allow": true} if input.requester.name == "recommender"\n')
    async with ProcessSandbox().open(says_yes) as candidate:
        assert await candidate.decide([QUESTION, QUESTION]) == [None, None]


async def test_many_policies_are_tried_at_once():
    """Policies that are tried at the same time do not see each other."""

    async def one() -> int:
        async with ProcessSandbox().open(shipped()) as candidate:
            return len(await candidate.decide([QUESTION] * 5))

    assert list(await asyncio.gather(one(), one(), one())) == [5, 5, 5]
    assert workers() == []


def test_the_engine_reaches_no_network_and_no_file():
    """The engine of the worker has no builtin that reaches out; should a version bring one, this is red."""
    engine = Interpreter()
    reaching = ("http.send", "net.lookup_ip_addr", "net.cidr_expand", "rego.parse_module", "trace", "print")
    assert not [name for name in reaching if engine.is_builtin(name)]
