"""Rules of a workspace that read the time: what is kept of their decisions, by both engines."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sekisho.adapters.decisions import DecisionCache, RevisedPolicy
from sekisho.adapters.rego import EmbeddedRego, shipped_policies
from sekisho.domain.access import Deny, Permit
from sekisho.domain.policy_time import Timing
from sekisho.domain.request_context import Moment
from tests.fakes import FakeClock
from tests.policies.catalogue import DATASETS, PURPOSES, REQUESTERS, ask, using
from tests.policies.serving import asking, build_bundle, configuration, running_opa

MORNING = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
NOON = Moment.of(MORNING + timedelta(hours=1), UTC).epoch
CLOSED = f"""package sekisho.hours

deny contains {{"code": "access_denied", "reason": "closed"}} if input.now.epoch >= {NOON}
"""
ENDS = f"\nends contains {NOON} if input.now.epoch < {NOON}\n"
pytestmark = pytest.mark.enable_socket

Engine = Callable[[Path], AbstractAsyncContextManager[RevisedPolicy]]


def policies(folder: Path, hours: str | None, *, in_freeze: str = "") -> Path:
    """Write the shipped policies with a package of opening hours, or with a rule more in one that knows time."""
    made = Path(shutil.copytree(shipped_policies(), folder / "policies"))
    if hours is not None:
        (made / "sekisho" / "hours").mkdir()
        (made / "sekisho" / "hours" / "hours.rego").write_text(hours, "utf-8")
        access = made / "sekisho" / "access" / "access.rego"
        text = access.read_text("utf-8")
        text = text.replace("import data.sekisho.minimisation\n", "import data.sekisho.hours\n\\g", 1)
        text = text.replace("\\g", "import data.sekisho.minimisation\n").replace(
            "columns.deny,", "columns.deny, hours.deny,"
        )
        if "ends contains" in hours:
            text = text.replace("emergency.ends | freeze.ends", "(emergency.ends | freeze.ends) | hours.ends")
        access.write_text(text, "utf-8")
    freeze = made / "sekisho" / "freeze" / "freeze.rego"
    freeze.write_text(freeze.read_text("utf-8") + in_freeze, "utf-8")
    return made


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[RevisedPolicy]:
    """Decide inside the process."""
    engine = EmbeddedRego(folder, threads=1)
    engine.ensure_loaded()
    yield engine
    await engine.close()


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[RevisedPolicy]:
    """Decide by an OPA server with a bundle of the policies, once what it holds was read."""
    bundle = folder.parent / "policies.tar.gz"
    build_bundle(bundle, folder)
    with running_opa(folder.parent, "--config-file", str(configuration(folder.parent, bundle, None))) as server:
        async with asking(server.url) as pdp:
            await pdp.in_force()
            for _ in range(500):
                if pdp._asked._timed:
                    break
                await asyncio.sleep(0.02)
            yield pdp


ENGINES = pytest.mark.parametrize("engine", [embedded, served])


async def decided(cache: DecisionCache, at: datetime) -> str:
    """Ask at an instant, and return what was said."""
    question = ask(REQUESTERS[0], PURPOSES["recommendation"], using(DATASETS[1], "customer_id"))
    decision = await cache.decide(replace(question, now=Moment.of(at, UTC)))
    return "yes" if isinstance(decision, Permit) else ",".join(decision.reasons if isinstance(decision, Deny) else ())


async def over_noon(pdp: RevisedPolicy) -> tuple[list[str], int]:
    """Return what is said twice before noon and after it, and how many decisions are kept before."""
    clock = FakeClock(MORNING)
    cache = DecisionCache(pdp, clock)
    said = [await decided(cache, clock.now()), await decided(cache, clock.now())]
    kept = len(cache._kept)
    clock.advance(3_600)
    return [*said, await decided(cache, clock.now())], kept


@ENGINES
async def test_a_rule_that_never_says_its_end_is_asked_each_time(engine: Engine, tmp_path: Path) -> None:
    """Without ends nothing is kept, so that the answer is right when the time has come."""
    async with engine(policies(tmp_path, CLOSED)) as pdp:
        assert pdp.timing is Timing.NEVER
        assert await over_noon(pdp) == (["yes", "yes", "closed"], 0)


@ENGINES
async def test_a_rule_added_where_ends_are_said_of_others_is_asked_each_time(engine: Engine, tmp_path: Path) -> None:
    """A changed package that knows time keeps what says an end, and nothing else."""
    rule = CLOSED.partition("\n\n")[2]
    async with engine(policies(tmp_path, None, in_freeze="\n" + rule)) as pdp:
        assert pdp.timing is Timing.UNTIL
        assert await over_noon(pdp) == (["yes", "yes", "closed"], 0)


@ENGINES
async def test_a_rule_that_says_its_end_is_kept_until_then(engine: Engine, tmp_path: Path) -> None:
    """With ends that the entry point gathers, decisions are kept, and no longer."""
    async with engine(policies(tmp_path, CLOSED + ENDS)) as pdp:
        assert pdp.timing is Timing.UNTIL
        assert await over_noon(pdp) == (["yes", "yes", "closed"], 1)


@ENGINES
async def test_the_policies_that_come_with_the_program_are_kept(engine: Engine, tmp_path: Path) -> None:
    """Their ends are tested: a decision that rests on no time is kept without an end."""
    async with engine(policies(tmp_path, None)) as pdp:
        assert pdp.timing is Timing.KEPT
        assert await over_noon(pdp) == (["yes", "yes", "yes"], 1)
