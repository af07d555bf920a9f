"""Policies besides the one in force: what is kept of what was asked, simulation, and the shadow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.decisions import DecisionCache, RevisedPolicy
from sekisho.adapters.policy_rules import rules_in
from sekisho.adapters.policy_sandbox import ProcessSandbox
from sekisho.adapters.records.asked import SqlAskedQuestions
from sekisho.adapters.records.database import Database
from sekisho.adapters.rego import EmbeddedRego, policy_files, policy_revision, shipped_policies
from sekisho.bootstrap.background import beside
from sekisho.bootstrap.policy import Policies, point_of_decision
from sekisho.domain.access import AccessRequest
from sekisho.domain.asked import AskedQuestion
from sekisho.domain.refusal_texts import RefusalText
from sekisho.errors import PolicyUnavailable, SekishoError
from sekisho.explanation import PolicyRule
from sekisho.gateway import Gateway
from sekisho.noted import Note, Noted
from sekisho.ports import Clock
from sekisho.ports.policies import ShadowDifference
from sekisho.settings import PolicyEngine, Settings
from sekisho.shadow import Shadow
from sekisho.simulation import Simulation

_log = structlog.get_logger(__name__)
_TURN_S = 1.0
_WRITE_TURNS = 10
_MOST_PENDING = 10_000
_PATIENCE_S = 600.0

Counts = Callable[[str, int], None]


@dataclass
class PolicyRecords:
    """Takes notes of what was decided, asks the shadow, and writes both down: after the fact, some seconds late.

    What cannot be written is kept for the next time, up to a number; a request never waits for it and never fails
    by it.

    Attributes
    ----------
    told:
        Told how many decisions of the shadow had an outcome; set by who counts.
    """

    noted: Noted
    asked: SqlAskedQuestions
    policy: RevisedPolicy
    clock: Clock
    folder: Path | None
    shadow_policy: Policies | None
    now: Callable[[AccessRequest], AccessRequest]
    simulation: Simulation
    told: Counts = field(default=lambda _outcome, _times: None)
    _pending: dict[bytes, tuple[AskedQuestion, int]] = field(default_factory=dict, init=False)
    _differences: dict[tuple[str, str, bytes], ShadowDifference] = field(default_factory=dict, init=False)
    _left_out: int = field(default=0, init=False)
    _kept_policy: str | None = field(default=None, init=False)

    async def turn(self) -> None:
        """Take the notes and let the shadow look at them. Raises nothing."""
        notes, left_out = self.noted.take()
        if not notes and not left_out:
            return
        await asyncio.to_thread(self._fold, notes)
        self._left_out += left_out
        if self.shadow_policy is None:
            return
        shadow = Shadow(self.shadow_policy.cache, self.clock, self.now, self.told)
        for difference in await shadow.look(notes, left_out):
            key = (difference.shadow, difference.live, difference.question.fingerprint())
            before = self._differences.get(key)
            if before is None and len(self._differences) >= _MOST_PENDING:
                continue
            times = difference.count + (before.count if before is not None else 0)
            self._differences[key] = replace(difference, count=times)

    async def write(self) -> None:
        """Write what was taken. What cannot be written now is kept. Raises nothing."""
        with suppress(PolicyUnavailable):
            await self._keep_policy()
        if not self._pending and not self._left_out and not self._differences:
            return
        pending, self._pending = self._pending, {}
        differences, self._differences = self._differences, {}
        left_out, self._left_out = self._left_out, 0
        try:
            await self.asked.keep(
                pending.values(),
                self.clock.now().date(),
                left_out=left_out,
                differences=list(differences.values()),
            )
        except PolicyUnavailable as failure:
            _log.warning("policy.asked_not_written", code=failure.code)
            self._left_out += left_out
            self._differences = {**differences, **self._differences}
            for question, count in pending.values():
                self._add(question, count)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take turns for as long as this is open."""
        async with beside(self._run()):
            yield

    async def close(self) -> None:
        """Write what there is; the shadow is let go."""
        await self.turn()
        await self.write()
        if self.shadow_policy is not None:
            await self.shadow_policy.cache.close()

    async def _run(self) -> None:
        turns = 0
        while True:
            await asyncio.sleep(_TURN_S)
            turns += 1
            try:
                if self.shadow_policy is not None or turns % _WRITE_TURNS == 0:
                    await self.turn()
                if turns % _WRITE_TURNS == 0:
                    await self._look_at_shadow()
                    await self.write()
            except Exception as failure:  # noqa: BLE001 - it must go on whatever fails, and a value may be in it
                _log.warning("policy.records_failed", error=type(failure).__name__)

    async def _look_at_shadow(self) -> None:
        """Take over what changed in the folder of the shadow."""
        point = None if self.shadow_policy is None else self.shadow_policy.point
        if isinstance(point, EmbeddedRego):
            await asyncio.to_thread(point.look)

    def _fold(self, notes: list[Note]) -> None:
        for note in notes:
            self._add(note.question(), note.count)

    def _add(self, question: AskedQuestion, count: int) -> None:
        fingerprint = question.fingerprint()
        known = self._pending.get(fingerprint)
        if known is None and len(self._pending) >= _MOST_PENDING:
            self._left_out += count
            return
        self._pending[fingerprint] = (question, count + (known[1] if known is not None else 0))

    async def _keep_policy(self) -> None:
        revision = self.policy.revision
        if revision is None or revision == self._kept_policy or self.folder is None:
            return
        files = await asyncio.to_thread(policy_files, self.folder)
        if policy_revision(files) == revision:  # else it changes this very moment: the next time
            await self.asked.keep_policy(revision, modules_of(files), self.clock.now())
            self._kept_policy = revision


def modules_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the texts of policy files. Raises ``PolicyUnavailable`` for one that is no text."""
    try:
        return {name: content.decode() for name, content in files.items()}
    except UnicodeDecodeError:
        raise PolicyUnavailable("A policy file is not UTF-8.") from None


def policy_folder(settings: Settings) -> Path | None:
    """Return the folder of the policies in force; ``None`` where a server holds them."""
    if settings.policy.engine is PolicyEngine.OPA:
        return settings.policy.bundle
    return settings.policy.bundle or shipped_policies()


@asynccontextmanager
async def open_simulation(settings: Settings) -> AsyncIterator[tuple[Simulation, SqlAskedQuestions]]:
    """Yield simulation over a workspace that need not be served, and what was asked there."""
    database = Database(settings.database_url)
    point, asked = point_of_decision(settings, shared=False), SqlAskedQuestions(database)
    try:
        # Who waits at a terminal may wait longer than who waits for an answer of the service.
        yield Simulation(settings.catalogue, point, ProcessSandbox(seconds=_PATIENCE_S), asked, SystemClock()), asked
    finally:
        await point.close()
        await database.close()


def shadow_of(settings: Settings, clock: Clock) -> Policies | None:
    """Return the shadow policy of *settings*, with a memory of its own; one that does not load decides nothing."""
    policy = settings.policy
    if policy.shadow is None:
        return None
    beside = replace(policy, revision=None, keyid=None, bundle=None, urls=())  # what is tried is not what is pinned
    if isinstance(policy.shadow, str):
        beside = replace(beside, engine=PolicyEngine.OPA, urls=(policy.shadow,))
    else:
        beside = replace(beside, engine=PolicyEngine.EMBEDDED, bundle=policy.shadow)
    point = point_of_decision(replace(settings, policy=beside), shared=False)
    try:
        point.ensure_loaded()
    except SekishoError as failure:
        _log.warning("policy.shadow_not_loaded", code=failure.code)
    return Policies(point, DecisionCache(point, clock))


def records_of(
    settings: Settings, gateway: Gateway, point: RevisedPolicy, database: Database, clock: Clock
) -> PolicyRecords:
    """Return the records beside *gateway*, whose policy is *point* without a memory."""
    asked = SqlAskedQuestions(database)
    return PolicyRecords(
        gateway.noted,
        asked,
        point,
        clock,
        policy_folder(settings),
        shadow_of(settings, clock),
        gateway.occasions.again,
        Simulation(settings.catalogue, point, ProcessSandbox(), asked, clock),
    )


def rules_of(settings: Settings) -> dict[str, PolicyRule]:
    """Return what the policies say of their reasons; nothing where they say nothing that can be read."""
    try:
        found = list(rules_in(settings.policy.bundle or shipped_policies()))
    except (SekishoError, OSError, UnicodeError):
        return {}
    return {rule["reason"]: PolicyRule(rule["source"], _rule_texts(rule)) for rule in found}


def _rule_texts(rule: Mapping[str, str]) -> dict[str, RefusalText]:
    """Return the text of a rule by language; one that lacks a part in a language has none in it."""
    texts = {}
    for language, ending in (("en", ""), ("ja", "_ja")):
        parts = [rule[f"{part}{ending}"] for part in ("title", "description", "remedy")]
        if all(parts):
            texts[language] = RefusalText(*parts)
    return texts
