"""Decisions inside the process, by policies that are exchanged while it decides.

Three properties of the engine shape this package; each was measured and each has a test.

* One interpreter shared by threads returns *other requests' decisions* without an error. So each thread
  of a small pool owns its interpreter and what it compiled.
* Its input writes strings into JSON without escaping them: a quote in a name adds keys of its own.
  So that way is used only for questions whose JSON has no escape at all; others go through its parser.
* It accepts some text that OPA refuses, and decides it otherwise. So ``opa check --strict`` guards the
  policies, and one suite holds both engines to the same answers.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from sekisho.adapters.rego.folder import (
    Appearance,
    appearance,
    policy_digest,
    policy_files,
    policy_revision,
    reviewed_texts,
    shipped_policies,
)
from sekisho.adapters.rego.in_force import RevisionInForce
from sekisho.domain.access import AccessRequest, Decision, decision_from_json
from sekisho.domain.policy_time import Timing, timing_of
from sekisho.errors import PolicyUnavailable

if TYPE_CHECKING:
    from sekisho.adapters.rego.compiled import CompiledModule, ModulePolicies
    from sekisho.adapters.rego.interpreter import CompiledPolicies

_compiling = threading.Lock()  # the compiler is kept to one thread of the process at a time


class _Generation:
    """Policies of one revision, and threads that each hold them compiled.

    Where a module was made of them, it decides; else they are interpreted. Raises ``PolicyUnavailable`` when they do
    not compile, or do not refuse a question that asks nothing.
    """

    def __init__(self, files: dict[str, bytes], threads: int, module: CompiledModule | None) -> None:
        self.revision = policy_revision(files)
        self.timing = timing_of(_texts(files), reviewed_texts())
        self._files = files
        self._module = module
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="policy")
        every_thread_taken = threading.Event()
        prepared = [self._pool.submit(self._prepare, every_thread_taken) for _ in range(threads)]
        every_thread_taken.set()
        try:
            for each in prepared:
                each.result()
            sound = refuses_nothing_asked(self.ask({}).result())
        except PolicyUnavailable:
            self.retire()
            raise
        if not sound:
            self.retire()
            raise PolicyUnavailable("The policies do not refuse a question that asks nothing.")

    def ask(self, question: dict[str, object]) -> Future[object]:
        """Return the answer to come. Raises ``RuntimeError`` once :meth:`retire` was called."""
        return self._pool.submit(self._answer, question)

    def retire(self) -> None:
        """Take no more questions; those already taken are answered."""
        self._pool.shutdown(wait=False)

    def end(self) -> None:
        """Stop the threads; the answer under way ends first, those that wait do not come."""
        self._pool.shutdown(cancel_futures=True)

    def _prepare(self, every_thread_taken: threading.Event) -> None:
        every_thread_taken.wait()  # the pool starts a thread only while no other is idle
        self._own.policies = self._compile()

    def _compile(self) -> CompiledPolicies | ModulePolicies:
        with _compiling:
            # Each engine takes its memory when it is first needed; most processes need one of them, or none.
            if self._module is None:
                from sekisho.adapters.rego.interpreter import CompiledPolicies  # noqa: PLC0415

                return CompiledPolicies(self._files)
            from sekisho.adapters.rego.compiled import ModulePolicies  # noqa: PLC0415

            return ModulePolicies(self._module)

    def _answer(self, question: dict[str, object]) -> object:
        try:
            policies: CompiledPolicies | ModulePolicies | None = getattr(self._own, "policies", None)
            if policies is None:
                policies = self._own.policies = self._compile()
            return policies.answer(question)
        except Exception as fault:  # whatever the engine throws, it is not a decision
            # The interpreter may be left with half a question: the next decision compiles anew.
            self._own.policies = None
            if isinstance(fault, PolicyUnavailable):
                raise
            raise PolicyUnavailable("The policy failed while it was evaluated.") from None


class EmbeddedRego:
    """Policies of a folder, evaluated in a few threads of this process.

    Parameters
    ----------
    folder:
        Folder with the policies; those that come with the program when ``None``.
    threads:
        How many decisions are taken at the same time at most.
    timeout_s:
        Seconds after which a question counts as unanswered.
    expected:
        The one revision that may decide; any when ``None``.
    shared:
        Where the workers of this machine tell each other by which revision they decide.
    interpreted:
        Whether the policies that come with the program are interpreted as all others are.

    A folder that is empty or does not compile makes every decision fail closed; :meth:`ensure_loaded`
    tells so at start. Later such a folder leaves the policies before it in force, and :attr:`refused` says why.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        threads: int = 2,
        timeout_s: float | None = None,
        expected: str | None = None,
        shared: RevisionInForce | None = None,
        interpreted: bool = False,
    ) -> None:
        self._folder = folder
        self._threads = threads
        self._timeout_s = timeout_s
        self._expected = expected
        self._shared = shared
        self._interpreted = interpreted
        self._current: _Generation | None = None
        self._refused: PolicyUnavailable | None = None
        self._changing = threading.RLock()
        self._loaded_from: Appearance | None = None  # what the folder looked like when it was read last
        self._seen: Appearance | None = None  # and when it was looked at last
        self.told: Callable[[str | None, str | None], None] = lambda _revision, _refused: None
        self.reload()

    @property
    def revision(self) -> str | None:
        """Revision of the policies in force; ``None`` when there are none, or another worker has newer ones."""
        current = self._current
        return None if current is None or self._is_behind(current) else current.revision

    @property
    def timing(self) -> Timing:
        """Which decisions by the policies in force may be kept."""
        current = self._current
        return Timing.NEVER if current is None else current.timing

    @property
    def refused(self) -> str | None:
        """Why what the folder holds now is not in force; ``None`` when it is."""
        fault = self._refused
        return None if fault is None else fault.detail

    def ensure_loaded(self) -> None:
        """Raise ``PolicyUnavailable`` when the policies are missing or do not compile."""
        if self._current is None:
            raise PolicyUnavailable(self.refused or "No policies are loaded.")

    async def in_force(self) -> str | None:
        """Return the revision that decides now.

        Where another worker already decides by other policies, they are loaded first. Raises ``PolicyUnavailable``
        when the folder does not hold them.
        """
        return (await self._deciding()).revision

    async def decide(self, request: AccessRequest) -> Decision:
        """Return the decision on *request*. Raises ``PolicyUnavailable`` for every answer that is not one."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer, revision = await self._ask(request.to_json())
        except TimeoutError:
            raise PolicyUnavailable("The policy gave no answer in time.") from None
        try:
            return decision_from_json(answer, request, revision)
        except ValueError:
            raise PolicyUnavailable("The policy's answer is not a decision; it is taken as no.") from None

    async def healthy(self) -> bool:
        """Return whether policies are loaded and answer."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer, _ = await self._ask({})
        except (PolicyUnavailable, TimeoutError):
            return False
        return refuses_nothing_asked(answer)

    async def close(self) -> None:
        """Stop the threads; decisions under way end first."""
        current, self._current = self._current, None
        if current is not None:
            await asyncio.to_thread(current.end)
        if self._shared is not None:
            self._shared.close()
            self._shared = None

    def look(self) -> bool:
        """Load the folder anew when it changed and has come to rest; return whether it was loaded.

        A folder at rest looks the same in two looks that follow each other, so that one that is being written
        is not taken for a whole.
        """
        if self._folder is None:
            return False
        before, self._seen = self._seen, appearance(self._folder)
        if self._seen == self._loaded_from or self._seen != before:
            return False
        return self.reload()

    def reload(self) -> bool:
        """Load the folder anew; return whether what it holds is in force.

        The policies are compiled for every thread before they take the place of those before them; questions
        already taken are answered by those before them.
        """
        with self._changing:
            try:
                self._load()
            except PolicyUnavailable as fault:
                self._refused = fault
            else:
                self._refused = None
            self.told(self.revision, self.refused)
            return self._refused is None

    def _load(self) -> None:
        folder = shipped_policies() if self._folder is None else self._folder
        self._seen = self._loaded_from = looked = appearance(folder)
        files = policy_files(folder)
        if appearance(folder) != looked:
            self._loaded_from = None
            raise PolicyUnavailable("The policy folder changed while it was read.")
        revision = policy_revision(files)
        if self._expected is not None and revision != self._expected:
            raise PolicyUnavailable(
                f"The policy folder holds the revision {revision}, which is not the expected one."
            )
        former = self._current
        if former is None or revision != former.revision:
            module = None
            if not self._interpreted:
                from sekisho.adapters.rego.compiled import compiled_module  # noqa: PLC0415 - as above

                module = compiled_module(shipped_policies(), policy_digest(files))
            compiled = _Generation(files, self._threads, module)
            self._tell_workers(revision)  # first, so that none decides by the former after this one by the new
            self._current = compiled
            if former is not None:
                former.retire()
        else:
            self._tell_workers(revision)

    def _tell_workers(self, revision: str) -> None:
        if self._shared is not None:
            self._shared.write(revision)

    async def _ask(self, question: dict[str, object]) -> tuple[object, str]:
        while True:
            generation = await self._deciding()
            try:
                answer = generation.ask(question)
            except RuntimeError:  # retired since
                if generation is not self._current:
                    continue
                raise PolicyUnavailable("The policies are being put away.") from None
            return await asyncio.wrap_future(answer), generation.revision

    async def _deciding(self) -> _Generation:
        current = self._current
        if current is None:
            self.ensure_loaded()
        elif not self._is_behind(current):
            return current
        await asyncio.to_thread(self._follow)
        current = self._current
        if current is None:
            raise PolicyUnavailable("No policies are loaded.")
        return current

    def _follow(self) -> None:
        """Load what another worker decides by; raise ``PolicyUnavailable`` when the folder does not hold it."""
        with self._changing:
            if self.revision is not None:
                return
            self.reload()
            if self.revision is None:
                raise PolicyUnavailable("Another worker decides by policies that the folder does not hold any more.")

    def _is_behind(self, current: _Generation) -> bool:
        return self._shared is not None and self._shared.is_other_than(current.revision)


def _texts(files: dict[str, bytes]) -> list[str]:
    return [content.decode("utf-8", "replace") for content in files.values()]


def refuses_nothing_asked(answer: object) -> bool:
    """Return whether an answer to the empty question is a refusal: nothing asked, nothing allowed."""
    return isinstance(answer, dict) and answer.get("allow") is False
