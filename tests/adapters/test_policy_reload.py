"""Policies that change while decisions are taken."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sekisho.adapters.decisions import DecisionCache
from sekisho.adapters.rego import EmbeddedRego, RevisionInForce, shipped_policies
from sekisho.adapters.rego.compiled import ModulePolicies
from sekisho.adapters.rego.interpreter import CompiledPolicies
from sekisho.domain.access import AccessRequest, Decision, Permit
from sekisho.errors import PolicyUnavailable
from tests.fakes import FakeClock
from tests.policies.catalogue import DATASETS, PURPOSES, REQUESTERS, ask, questions, using

_LIMIT = "10000000"  # rows of an ordinary permit, in the shipped policies


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped policies that a test may change."""
    return Path(shutil.copytree(shipped_policies() / "sekisho", tmp_path / "policies" / "sekisho")).parent


def limit_rows(folder: Path, rows: int) -> None:
    """Change the policies so that each ordinary permit tells which they are."""
    file = folder / "sekisho" / "obligations" / "obligations.rego"
    original = (shipped_policies() / "sekisho" / "obligations" / "obligations.rego").read_text("utf-8")
    assert _LIMIT in original
    file.write_text(original.replace(_LIMIT, str(rows)), "utf-8")


def question() -> AccessRequest:
    return ask(REQUESTERS[0], PURPOSES["recommendation"], using(DATASETS[1], "customer_id"))


def rows_of(decision: Decision) -> int:
    assert isinstance(decision, Permit)
    return max(each.value for each in decision.obligations if isinstance(each.value, int))


async def test_new_policies_decide_without_restart(folder):
    """After a reload the next decision is the new policies', with their revision."""
    pdp = EmbeddedRego(folder)
    before = await pdp.decide(question())
    limit_rows(folder, 77)
    assert (await pdp.decide(question())).revision == before.revision
    assert pdp.reload()
    after = await pdp.decide(question())
    assert (rows_of(before), rows_of(after)) == (10_000_000, 77)
    assert after.revision == pdp.revision != before.revision
    await pdp.close()


def _unreadable(folder: Path) -> None:
    (folder / "sekisho" / "access" / "access.rego").write_text("package sekisho.access\n\ndecision := {")


def _no_text(folder: Path) -> None:
    (folder / "sekisho" / "access" / "access.rego").write_bytes(b"\xff\xfe")


def _open_to_all(folder: Path) -> None:
    (folder / "sekisho" / "access" / "access.rego").write_text(
        'package sekisho.access\n\ndecision := {"allow": true}\n'
    )


def _undefined(folder: Path) -> None:
    (folder / "sekisho" / "access" / "access.rego").unlink()


def _gone(folder: Path) -> None:
    shutil.rmtree(folder)


BROKEN: dict[str, Callable[[Path], None]] = {
    "does not compile": _unreadable,
    "is no text": _no_text,
    "allows what nobody asked": _open_to_all,
    "has no entry point": _undefined,
    "is gone": _gone,
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN)
async def test_a_broken_folder_leaves_the_policies_before_it_in_force(folder, tmp_path, spoil):
    """What is broken does not decide, is told, and once mended is in force without a restart."""
    pdp, told = EmbeddedRego(folder), list[tuple[str | None, str | None]]()
    pdp.told = lambda revision, refused: told.append((revision, refused))
    whole = Path(shutil.copytree(folder, tmp_path / "whole"))
    before = await pdp.decide(question())
    spoil(folder)
    assert not pdp.reload()
    assert pdp.refused
    assert told == [(before.revision, pdp.refused)]
    assert await pdp.decide(question()) == before
    assert await pdp.healthy()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    limit_rows(folder, 78)
    assert pdp.reload()
    assert pdp.refused is None
    assert rows_of(await pdp.decide(question())) == 78
    await pdp.close()


PACKAGES = sorted(path.name for path in (shipped_policies() / "sekisho").iterdir() if path.name != "fixtures")


@pytest.mark.parametrize("package", PACKAGES)
async def test_a_folder_without_one_of_its_packages_allows_nothing(folder, package):
    """A folder that lost a package is refused, or refuses: what a lost rule would have said is not known."""
    shutil.rmtree(folder / "sekisho" / package)
    pdp = EmbeddedRego(folder)
    for each in itertools.islice(questions(), 0, None, 11):
        try:
            assert not isinstance(await pdp.decide(each), Permit)
        except PolicyUnavailable:
            continue
    await pdp.close()


async def test_a_folder_that_is_being_written_is_not_taken_for_a_whole(folder):
    """A change is taken over once the folder looks the same twice, and looked at only when it changed."""
    pdp = EmbeddedRego(folder)
    assert not pdp.look()
    for rows in (1, 2, 3):
        limit_rows(folder, rows * 1_000)
        assert not pdp.look()
    assert pdp.look()
    assert rows_of(await pdp.decide(question())) == 3_000
    _unreadable(folder)
    assert not pdp.look()
    assert not pdp.look()
    assert pdp.refused
    told = []
    pdp.told = lambda *each: told.append(each)
    assert not pdp.look()  # it is not read over and over
    assert not told
    await pdp.close()


async def test_a_folder_is_exchanged_whole_by_a_link(folder, tmp_path):
    """A link that is turned to other policies is seen, and followed once for all files."""
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    limit_rows(other, 79)
    link = tmp_path / "current"
    link.symlink_to(folder)
    pdp = EmbeddedRego(link)
    (tmp_path / "next").symlink_to(other)
    (tmp_path / "next").replace(link)
    assert not pdp.look()
    assert pdp.look()
    assert rows_of(await pdp.decide(question())) == 79
    await pdp.close()


async def test_only_the_expected_revision_decides(folder):
    """Where a revision is named, other policies are not loaded: not at start, and not later."""
    revision = EmbeddedRego(folder).revision
    pdp = EmbeddedRego(folder, expected=revision)
    limit_rows(folder, 80)
    assert not pdp.reload()
    assert pdp.revision == revision
    assert rows_of(await pdp.decide(question())) == 10_000_000
    started = EmbeddedRego(folder, expected=revision)
    with pytest.raises(PolicyUnavailable):
        await started.decide(question())
    assert not await started.healthy()
    await pdp.close()


async def test_threads_of_former_policies_end(folder):
    """Policies that are exchanged again and again leave no threads behind."""
    pdp = EmbeddedRego(folder, threads=2)
    former = {each for each in threading.enumerate() if each.name.startswith("policy")}
    for rows in range(1, 4):
        await pdp.decide(question())
        limit_rows(folder, rows)
        assert pdp.reload()
    for each in former:
        each.join(30)
    assert not any(each.is_alive() for each in former)
    await pdp.close()


async def test_the_cache_sees_new_policies_at_once(folder):
    """A decision of the former policies is not found again once others are in force, and neither after a way back."""
    pdp = EmbeddedRego(folder)
    cache = DecisionCache(pdp, FakeClock())
    first = await cache.decide(question())
    assert await cache.decide(question()) is first
    limit_rows(folder, 81)
    assert pdp.reload()
    assert rows_of(await cache.decide(question())) == 81
    limit_rows(folder, int(_LIMIT))
    assert pdp.reload()
    again = await cache.decide(question())
    assert again == first
    assert again is not first
    await cache.close()


async def test_every_worker_of_a_machine_sees_new_policies_at_once(folder, tmp_path):
    """Once one worker decides by new policies no other finds or takes a decision of the former ones."""
    workers = [EmbeddedRego(folder, shared=RevisionInForce(tmp_path / "revision")) for _ in range(2)]
    caches = [DecisionCache(each, FakeClock()) for each in workers]
    for cache in caches:
        await cache.decide(question())
    limit_rows(folder, 82)
    assert workers[0].reload()
    assert [rows_of(await cache.decide(question())) for cache in caches] == [82, 82]
    assert rows_of(await workers[1].decide(question())) == 82
    for cache in caches:
        await cache.close()


async def test_a_worker_that_cannot_follow_the_others_decides_nothing(folder, tmp_path):
    """Where another decides by policies that the folder lost since, a worker refuses, until it can load them."""
    workers = [EmbeddedRego(folder, shared=RevisionInForce(tmp_path / "revision")) for _ in range(2)]
    limit_rows(folder, 83)
    assert workers[0].reload()
    _unreadable(folder)
    assert rows_of(await workers[0].decide(question())) == 83
    with pytest.raises(PolicyUnavailable):
        await DecisionCache(workers[1], FakeClock()).decide(question())
    shutil.copy(shipped_policies() / "sekisho" / "access" / "access.rego", folder / "sekisho" / "access")
    assert rows_of(await workers[1].decide(question())) == 83
    for worker in workers:
        await worker.close()


@pytest.mark.parametrize("engine", [CompiledPolicies, ModulePolicies], ids=["interpreted", "compiled"])
async def test_each_thread_asks_what_it_compiled_itself(folder, monkeypatch, engine):
    """Neither engine is asked by two threads: a shared one returns another's decision, if seldom."""
    asked_by: dict[int, set[int]] = {}
    answer = engine.answer

    def noting(self: object, question_: dict[str, object]) -> object:
        asked_by.setdefault(id(self), set()).add(threading.get_ident())
        return answer(self, question_)

    monkeypatch.setattr(engine, "answer", noting)
    pdp = EmbeddedRego(folder, threads=4, interpreted=engine is CompiledPolicies)
    await asyncio.gather(*(pdp.decide(question()) for _ in range(400)))
    await pdp.close()
    assert sum(len(threads) for threads in asked_by.values()) > 1
    assert all(len(threads) == 1 for threads in asked_by.values())


async def test_eight_threads_of_compiled_policies_give_no_wrong_decision(folder):
    """4,000 decisions on 8 threads at once are those that one thread takes, one after the other."""
    asked = list(questions())[::5]
    alone, pdp = EmbeddedRego(folder, threads=1), EmbeddedRego(folder, threads=8)
    expected = [await alone.decide(each) for each in asked]
    for _ in range(-(-4_000 // len(asked))):
        assert await asyncio.gather(*(pdp.decide(each) for each in asked)) == expected
    await alone.close()
    await pdp.close()


@pytest.mark.long
async def test_eight_threads_and_fifty_reloads_give_no_wrong_decision(folder):
    """8,000 decisions on 8 threads while policies are exchanged 50 times: each is whole, and its revision's own."""
    asked = [each for each in questions() if len(each.datasets) == 1][::5][:40]
    expected: dict[str, list[Decision]] = {}
    for rows in (84, 85):
        limit_rows(folder, rows)
        alone = EmbeddedRego(folder, threads=1)
        assert alone.revision is not None
        expected[alone.revision] = [await alone.decide(each) for each in asked]
        await alone.close()
    assert len({str(each) for decisions in expected.values() for each in decisions}) > 30
    pdp = EmbeddedRego(folder, threads=8)
    done = 0

    async def decide(count: int) -> int:
        nonlocal done
        wrong = 0
        for turn in range(count):
            index = turn % len(asked)
            decision = await pdp.decide(asked[index])
            wrong += decision != expected[decision.revision][index]
            done += 1
        return wrong

    asking = [asyncio.create_task(decide(500)) for _ in range(16)]
    reloads, during = 0, list[int]()
    while reloads < 50:
        limit_rows(folder, 84 + reloads % 2)
        before = done
        assert await asyncio.to_thread(pdp.reload)
        during.append(done - before)
        reloads += 1
    wrong = sum(await asyncio.gather(*asking))
    await pdp.close()
    assert (wrong, done, reloads) == (0, 8_000, 50)
    assert sum(each > 0 for each in during) > 5  # decisions went on while policies were compiled


def test_a_policy_that_does_not_compile_is_named_and_written_nowhere(folder, capfd):
    """The error names the file; the interpreter, which would quote its lines, writes nothing to standard error."""
    (folder / "sekisho" / "freeze" / "freeze.rego").write_text("package sekisho.freeze\n\nx if y z\n", "utf-8")
    files = {each.name: each.read_bytes() for each in folder.rglob("*.rego") if "_test" not in each.name}
    with pytest.raises(PolicyUnavailable, match=r"\(freeze\.rego\)"):
        CompiledPolicies(files)
    written = capfd.readouterr()
    assert written.out + written.err == ""
