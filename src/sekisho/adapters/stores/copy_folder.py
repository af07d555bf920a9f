"""The folder of all numbered copies: who writes there, and how a copy under way is stopped."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb


@contextmanager
def writing(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the folder of all copies, made when missing, for one process; a killed one lets go.

    Without *wait*, yield false, and hold nothing, when another process writes there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)


class Interrupt:
    """Stops a copy that is being written, from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._stopped = False

    def stop(self) -> None:
        """Stop what is written now, and whatever would be."""
        with self._lock:
            self._stopped = True
            if self._engine is not None:
                self._engine.interrupt()

    @contextmanager
    def guarding(self, engine: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Let :meth:`stop` reach *engine* inside the block.

        Raises ``duckdb.InterruptException`` when it was called already.
        """
        with self._lock:
            if self._stopped:
                raise duckdb.InterruptException
            self._engine = engine
        try:
            yield
        finally:
            with self._lock:  # an engine that is closed must not be told anything
                self._engine = None
