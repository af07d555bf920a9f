"""Processes that read texts, beside the one that answers: a bounded queue, restarts, deadlines.

Each process is owned by a thread, which hands it a batch, waits, and checks what comes back. A process that ends,
hangs or answers nonsense is killed and started anew, and its batch is read once more text by text: the text at which
that ends again is suppressed, and no other. A process that does not come up is tried again after a pause; while none
is up, everything is suppressed at once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as Late
from enum import Enum, auto
from time import monotonic
from typing import Final

from sekisho.adapters.presidio.process import CannotStart, Ended, Process, Recipe
from sekisho.transform.spans import Stretch

_BATCH_TEXTS: Final = 64
_FEW_TEXTS: Final = 16
_BATCH_BYTES: Final = 32 * 1024
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_WATCH_S: Final = 0.5
_FAREWELL_S: Final = 1.5

Answers = list[list[Stretch] | None]


class _State(Enum):
    """What an owner's process is at; one that is down did not come up when it last was started."""

    STARTING = auto()
    UP = auto()
    DOWN = auto()


class _Job:
    """Some texts, until when they are waited for, and what was found."""

    def __init__(self, texts: Sequence[str], deadline: float) -> None:
        self.texts, self.deadline = texts, deadline
        self.found: Future[Answers] = Future()


class Pool:
    """Reads texts in processes. Safe to call from several threads; processes come as they are needed.

    Parameters
    ----------
    recipe:
        What the processes know.
    size:
        How many there may be.
    batch_seconds:
        How long a process may take for one batch, and for one text of a batch that failed.
    start_seconds:
        How long it may take to come up.
    told:
        Is told of each process that ended by itself or did not come up, by the class of the fault.
    """

    def __init__(
        self,
        recipe: Recipe,
        size: int,
        *,
        batch_seconds: float = 5.0,
        start_seconds: float = 60.0,
        told: Callable[[str], None] = lambda _fault: None,
    ) -> None:
        self._recipe, self.size = recipe, size
        self._batch_seconds, self._start_seconds, self._told = batch_seconds, start_seconds, told
        self._jobs: queue.Queue[_Job] = queue.Queue(4 * size)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._tried = threading.Event()
        self._owners: dict[threading.Thread, _State] = {}
        self._processes: set[Process] = set()
        self._open = 0  # batches that somebody waits for
        self.fault: CannotStart | None = None
        """Why a process did not come up, when one last did not."""

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that are up."""
        with self._lock:
            return [process.pid for process in self._processes]

    @property
    def is_up(self) -> bool:
        """Whether a process is up."""
        return bool(self._processes)

    def start(self) -> None:
        """Start the first process, if there is none; return without waiting for it."""
        with self._lock:
            if not self._owners and not self._closing.is_set():
                self._grow()

    def wait(self, seconds: float) -> CannotStart | None:
        """Wait until the first process is up; return why it is not."""
        self.start()
        if not self._tried.wait(seconds):
            return CannotStart("TimeoutError")
        return None if self.is_up else self.fault

    def find(self, texts: Sequence[str], deadline: float) -> Answers:
        """Return what is to be replaced in each of *texts*, ``None`` for what failed or is late at *deadline*."""
        jobs = [_Job(batch, deadline) for batch in _batches(texts, self.size)]
        with self._lock:
            self._open += len(jobs)
            while len(self._owners) < min(self.size, self._open) and not self._closing.is_set():
                self._grow()
        for job in jobs:
            self._submit(job)
        answers: Answers = []
        for job in jobs:
            try:
                answers += job.found.result(max(0.0, deadline - monotonic()))
            except (Late, CancelledError):
                job.found.cancel()
                answers += [None] * len(job.texts)
        with self._lock:
            self._open -= len(jobs)
        return answers

    def close(self) -> None:
        """End all processes; what waits is suppressed."""
        self._closing.set()
        with self._lock:
            owners = list(self._owners)
        self._suppress_waiting()
        for owner in owners:
            owner.join(_FAREWELL_S)
        with self._lock:
            left = list(self._processes)
        for process in left:  # at work still: its owner closes it when it sees the end
            process.kill()
        for owner in owners:
            owner.join(_FAREWELL_S)

    # -- those who ask -------------------------------------------------------------------------------

    def _submit(self, job: _Job) -> None:
        while self._may_answer():
            try:
                # In steps: all processes may fail while there is no place.
                self._jobs.put(job, timeout=min(_WATCH_S, max(0.0, job.deadline - monotonic())))
            except queue.Full:
                if monotonic() >= job.deadline:
                    break
                continue
            if not self._may_answer():  # since a moment: whoever saw it first may not have seen this job
                self._suppress_waiting()
            return
        job.found.cancel()

    def _may_answer(self) -> bool:
        with self._lock:
            return not self._closing.is_set() and any(state is not _State.DOWN for state in self._owners.values())

    def _suppress_waiting(self) -> None:
        while True:
            try:
                self._jobs.get_nowait().found.cancel()
            except queue.Empty:
                return

    # -- those who own a process ---------------------------------------------------------------------

    def _grow(self) -> None:
        """Add an owner; the lock is held."""
        owner = threading.Thread(target=self._own, name=f"sekisho-texts-{len(self._owners)}", daemon=True)
        self._owners[owner] = _State.STARTING
        owner.start()

    def _own(self) -> None:
        """Own one process for as long as the pool is open."""
        process, pause = self._started(), _FIRST_PAUSE_S
        while not self._closing.is_set():
            if process is None:
                self._is(_State.DOWN)
                self._closing.wait(pause)
                process, pause = self._started(), min(2 * pause, _LONGEST_PAUSE_S)
                continue
            pause = _FIRST_PAUSE_S
            self._is(_State.UP)
            try:
                job = self._jobs.get(timeout=_WATCH_S)
            except queue.Empty:
                if not process.lives():  # killed while it had nothing to do
                    process = self._another(process)
                continue
            if job.found.set_running_or_notify_cancel():
                answers: Answers = [None] * len(job.texts)
                try:
                    process = self._read(process, job, answers)
                finally:
                    job.found.set_result(answers)
        if process is not None:
            self._forget(process)
            process.close()

    def _read(self, process: Process, job: _Job, answers: Answers) -> Process | None:
        """Fill *answers*; return the process to go on with."""
        try:
            answers[:] = process.find(job.texts, self._batch_seconds)
        except Ended:
            position, another = 0, self._another(process)
        else:
            return process
        while another is not None and position < len(job.texts) and monotonic() < job.deadline:
            try:
                for found in another.find_each(job.texts[position:], self._batch_seconds):
                    answers[position] = found
                    position += 1
            except Ended:
                position += 1  # the text at which it ended stays closed
                another = self._another(another)
        return another

    def _started(self) -> Process | None:
        """Return a process that came up."""
        process = None
        if not self._closing.is_set():
            try:
                process = Process(self._recipe, self._start_seconds)
            except CannotStart as fault:
                self.fault = fault
                self._told(fault.fault)
        if process is not None:
            with self._lock:
                self._processes.add(process)
        self._tried.set()
        return process

    def _another(self, process: Process) -> Process | None:
        """Return a process in the place of one that is of no more use."""
        self._is(_State.STARTING)
        self._forget(process)
        process.kill()
        self._told("Ended")
        return self._started()

    def _is(self, state: _State) -> None:
        with self._lock:
            self._owners[threading.current_thread()] = state
        if state is _State.DOWN and not self._may_answer():
            self._suppress_waiting()

    def _forget(self, process: Process) -> None:
        with self._lock:
            self._processes.discard(process)


def _batches(texts: Sequence[str], size: int) -> list[Sequence[str]]:
    """Return *texts* in batches of bounded number and size, enough of them for all processes."""
    most = max(_FEW_TEXTS, min(_BATCH_TEXTS, -(-len(texts) // size)))
    batches: list[Sequence[str]] = []
    start = held = 0
    for position, text in enumerate(texts):
        length = len(text) if text.isascii() else 3 * len(text)
        if position > start and (position - start >= most or held + length > _BATCH_BYTES):
            batches.append(texts[start:position])
            start, held = position, 0
        held += length
    if texts:
        batches.append(texts[start:])
    return batches
