"""A policy that nobody has reviewed, tried in a process of its own (:mod:`.policy_worker`).

In the process that serves, a policy that loops would hold a thread for ever, and one that breaks the engine would
end the service: neither can be undone from outside but by ending a process.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from sekisho.domain.access import AccessRequest, Decision, decision_from_json
from sekisho.errors import InvalidRequest

MOST_MODULES: Final = 200
MOST_CHARACTERS: Final = 512_000
"""Of all modules together."""
_ENTRYPOINT = "sekisho/access/decision"
_NO_DECISION = "The policy must answer data.sekisho.access.decision, with a no to no question."
_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}\.rego")
_REACHES_OUT = re.compile(r"\b(http\.send|net\.[a-z_]+|opa\.runtime)\b")
_WORKER = Path(__file__).with_name("policy_worker.py")
_MEMORY = 512 << 20  # bytes; a compiled policy of fifty modules takes a tenth of it
_BATCH = 64
_FAREWELL_S = 0.2
_AT_ONCE = 2  # policies tried at the same time: what serves needs the processors, too
_LINE = 64 << 20  # bytes of one answer


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A policy in its process; implements ``ports.policies.Candidate``."""

    revision: str
    process: asyncio.subprocess.Process
    deadline: float

    async def decide(self, requests: Sequence[AccessRequest]) -> list[Decision | None]:
        """See the port."""
        decisions: list[Decision | None] = []
        for start in range(0, len(requests), _BATCH):
            batch = requests[start : start + _BATCH]
            asked = [_ENTRYPOINT, [each.to_json() for each in batch]]
            answers = await _exchange(self.process, asked, self.deadline)
            if not isinstance(answers, list) or len(answers) != len(batch):
                raise InvalidRequest("The policy broke the engine while it was tried.")
            decisions += [self._read(*pair) for pair in zip(answers, batch, strict=True)]
        return decisions

    def _read(self, answer: object, request: AccessRequest) -> Decision | None:
        if answer is None:
            return None
        try:
            return decision_from_json(answer, request, self.revision)
        except ValueError:
            return None


class ProcessSandbox:
    """Tries policies in processes; implements ``ports.policies.PolicySandbox``.

    Parameters
    ----------
    seconds:
        How long one policy may be tried, by the clock and in seconds of processor.
    """

    def __init__(self, *, seconds: float = 30.0) -> None:
        self._seconds = seconds
        self._places = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def open(self, modules: Mapping[str, str]) -> AsyncIterator[_Candidate]:
        """See the port."""
        _check(modules)
        async with self._process(modules, [_ENTRYPOINT]) as (process, deadline):
            nothing = await _exchange(process, [_ENTRYPOINT, [{}]], deadline)
            if not (isinstance(nothing, list) and isinstance(nothing[0], dict) and nothing[0].get("allow") is False):
                raise InvalidRequest(_NO_DECISION)
            yield _Candidate(revision_of(modules), process, deadline)

    async def holds(self, modules: Mapping[str, str], rule: str, given: str) -> bool | None:
        """Return whether *rule* is true when the input is what the rule *given* says; both are ``package.name``.

        ``None`` where the engine cannot tell.
        """
        paths = [name.replace(".", "/") for name in (given, rule)]
        try:
            async with self._process(modules, paths) as (process, deadline):
                asked = await _exchange(process, [paths[0], [{}]], deadline)
                if not isinstance(asked, list) or asked[0] is None:
                    return None
                answers = await _exchange(process, [paths[1], asked], deadline)
        except InvalidRequest:
            return None
        return answers[0] is True if isinstance(answers, list) else None

    @asynccontextmanager
    async def _process(
        self, modules: Mapping[str, str], entrypoints: Sequence[str]
    ) -> AsyncIterator[tuple[asyncio.subprocess.Process, float]]:
        async with self._places:
            deadline = asyncio.get_running_loop().time() + self._seconds
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(_WORKER),
                str(max(int(self._seconds), 1)),
                str(_MEMORY),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                env={},
                limit=_LINE,
            )
            try:
                told = await _exchange(
                    process, {"modules": dict(modules), "entrypoints": list(entrypoints)}, deadline
                )
                if told != {"ok": True}:
                    raise InvalidRequest(_fault(told))
                yield process, deadline
            finally:
                await _end(process)


def revision_of(modules: Mapping[str, str]) -> str:
    """Return the revision of *modules*: that under which they would be in force as a folder."""
    digest = hashlib.sha256()
    for name, text in sorted(modules.items()):
        content = text.encode()
        digest.update(f"{len(name)}:{name}{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _check(modules: Mapping[str, str]) -> None:
    if not modules:
        raise InvalidRequest("A policy has one module at least: its name to its text.")
    if len(modules) > MOST_MODULES or sum(map(len, modules.values())) > MOST_CHARACTERS:
        raise InvalidRequest(f"A policy has at most {MOST_MODULES} modules and {MOST_CHARACTERS} characters.")
    for name, text in modules.items():
        if not _NAME.fullmatch(name):
            raise InvalidRequest("A module is named by a relative path that ends in .rego.")
        reaching = _REACHES_OUT.search(text)
        if reaching is not None:
            raise InvalidRequest(f"{name} uses {reaching.group(1)}: a policy that reaches out is not tried.")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let *process* end by itself, as it does without its pipe, else end it."""
    assert process.stdin is not None  # noqa: S101 - opened with pipes
    process.stdin.close()
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _exchange(process: asyncio.subprocess.Process, value: object, deadline: float) -> object:
    """Hand *value* over and return what comes back; ``None`` when the process ended instead."""
    assert process.stdin is not None  # noqa: S101 - opened with pipes
    assert process.stdout is not None  # noqa: S101 - opened with pipes
    try:
        async with asyncio.timeout_at(deadline):
            process.stdin.write(orjson.dumps(value) + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
    except TimeoutError:
        raise InvalidRequest("The policy took too long; it is not tried any further.") from None
    except (ConnectionError, ValueError):
        return None
    try:
        answer: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return answer


def _fault(told: object) -> str:
    if not isinstance(told, dict):
        return "The policy broke the engine while it was compiled. Run `opa check --strict` on it."
    name, line = told.get("fault"), told.get("line")
    if name:
        place = f"{name}, line {line}," if line else str(name)
        return f"The policy does not compile: {place} cannot be read. Run `opa check --strict` on it."
    return "The policy does not compile: its modules do not fit together. Run `opa check --strict` on it."
