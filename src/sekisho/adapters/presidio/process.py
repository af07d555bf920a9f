"""One process that reads texts, as the thread that owns it sees it: asked, waited for, ended."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import orjson

from sekisho.transform.spans import Stretch, are_sound

_WORKER: Final = Path(__file__).with_name("worker.py")
_MOST_ANSWER: Final = 64 << 20  # bytes
_FAREWELL_S: Final = 0.5
# Libraries of an operator's recognisers need these; none of them holds a secret of ours.
_PASSED_ON: Final = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TZ")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a process is to know.

    Attributes
    ----------
    recognizers:
        An operator's recognisers, ``package.module:factory`` each.
    folder:
        A folder in which these are looked for after all others.
    memory:
        Bytes that it may hold; 0 for no limit.
    """

    recognizers: tuple[str, ...] = ()
    folder: Path | None = None
    memory: int = 1 << 30


class Ended(Exception):
    """The process ended, hung, or answered nonsense: it is of no more use."""


class CannotStart(Exception):
    """The process does not come up; ``fault`` is the class of why, ``at`` the place of the recogniser at fault."""

    def __init__(self, fault: str, at: int = -1) -> None:
        super().__init__(fault)
        self.fault, self.at = fault, at


class Process:
    """A running worker.

    Parameters
    ----------
    recipe:
        What it is to know.
    seconds:
        How long it may take to come up. Raises ``CannotStart``.
    """

    def __init__(self, recipe: Recipe, seconds: float) -> None:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
                [sys.executable, "-I", "-X", "utf8", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env=environment | {"OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is for the one who answers, not for those who read
            )
        except OSError as error:
            raise CannotStart(type(error).__name__) from None
        assert self._process.stdin is not None  # noqa: S101 - opened with pipes
        assert self._process.stdout is not None  # noqa: S101 - opened with pipes
        self._into, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._into, False)
        os.set_blocking(self._from, False)
        self.kinds: frozenset[str] = frozenset()
        path = [str(Path(each).resolve()) for each in sys.path if each] + (
            [str(recipe.folder)] if recipe.folder else []
        )
        told = {"parent": os.getpid(), "path": path, "recognizers": recipe.recognizers, "memory": recipe.memory}
        try:
            deadline = monotonic() + seconds
            self._send(told, deadline)
            answer = self._receive(deadline)
        except Ended:
            self.kill()
            raise CannotStart("Ended") from None
        if not isinstance(answer, dict) or "kinds" not in answer:
            self.kill()
            fault = answer if isinstance(answer, dict) else {}
            raise CannotStart(str(fault.get("fault", "Ended")), int(fault.get("at", -1)))
        self.kinds = frozenset(answer["kinds"])

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def lives(self) -> bool:
        """Return whether it has not ended."""
        return self._process.poll() is None

    def find(self, texts: Sequence[str], seconds: float) -> list[list[Stretch] | None]:
        """Return what is to be replaced in each of *texts*, ``None`` where it failed. Raises ``Ended``."""
        deadline = monotonic() + seconds
        self._send([False, texts], deadline)
        answers = self._receive(deadline)
        if not isinstance(answers, list) or len(answers) != len(texts):
            raise Ended
        return [self._sound(answer, text) for answer, text in zip(answers, texts, strict=True)]

    def find_each(self, texts: Sequence[str], seconds: float) -> Iterator[list[Stretch] | None]:
        """Yield the same for each text as soon as it is there; *seconds* is for each. Raises ``Ended``."""
        self._send([True, texts], monotonic() + seconds)
        for text in texts:
            yield self._sound(self._receive(monotonic() + seconds), text)

    def close(self) -> None:
        """Let it end by itself, as it does without its pipe, else end it."""
        assert self._process.stdin is not None  # noqa: S101 - opened with pipes
        self._process.stdin.close()
        try:
            self._process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap()

    def kill(self) -> None:
        """End it, whatever it is at: stopped or spinning."""
        self._process.kill()
        self._reap()

    def _reap(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _sound(self, answer: object, text: str) -> list[Stretch] | None:
        """Return *answer* when it can be one on *text*; nonsense is none."""
        if not are_sound(answer, len(text), self.kinds):
            return None
        return [(start, end, kind) for start, end, kind in answer]  # type: ignore[attr-defined]  # a list, as found

    def _send(self, value: object, deadline: float) -> None:
        body = orjson.dumps(value)
        left = memoryview(len(body).to_bytes(4, "big") + body)
        poll = select.poll()
        poll.register(self._into, select.POLLOUT)
        while left:
            if not poll.poll(max(0.0, deadline - monotonic()) * 1000):
                raise Ended
            try:
                left = left[os.write(self._into, left) :]
            except BlockingIOError:
                continue
            except OSError:
                raise Ended from None

    def _receive(self, deadline: float) -> object:
        length = int.from_bytes(self._take(4, deadline), "big")
        if length > _MOST_ANSWER:
            raise Ended
        try:
            answer: object = orjson.loads(self._take(length, deadline))
        except orjson.JSONDecodeError:
            raise Ended from None
        return answer

    def _take(self, length: int, deadline: float) -> bytes:
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        taken = bytearray()
        while len(taken) < length:
            if not poll.poll(max(0.0, deadline - monotonic()) * 1000):
                raise Ended
            try:
                part = os.read(self._from, length - len(taken))
            except BlockingIOError:
                continue
            except OSError:
                raise Ended from None
            if not part:
                raise Ended
            taken += part
        return bytes(taken)
