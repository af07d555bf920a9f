"""What a serving process holds: nothing that nobody needs, and little that was needed a moment ago."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
import threading

import pytest
import uvicorn

from sekisho.http import memory, server
from sekisho.http.allocators import ALLOCATORS
from sekisho.http.memory import Trimmed
from sekisho.http.server import Server

_ARRAY = "import sys, pyarrow as pa; pa.array(iter([1])); print('pandas' in sys.modules)"
_WITHOUT = "from sekisho.http.memory import do_without_data_frames; do_without_data_frames(); "


def test_arrow_does_not_load_data_frames() -> None:
    """A process that serves makes arrays without loading pandas, which Arrow would do by itself."""
    pytest.importorskip("pandas")
    loaded = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
        for code in (_ARRAY, _WITHOUT + _ARRAY, _WITHOUT + _WITHOUT + _ARRAY)
    ]
    assert loaded == ["True", "False", "False"]


def test_memory_goes_back_when_the_process_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is free goes back when the process has grown by 16 MiB since it was least, and not all the time."""
    grown = memory._GROWN
    trims: list[int] = []

    class Library:
        def __init__(self, _: None) -> None:
            """Stand in for the C library."""

        def malloc_trim(self, kept: int) -> None:
            trims.append(kept)

    sizes = iter([grown, 2 * grown - 1, 2 * grown, 2 * grown, 3 * grown - 1, grown // 2, 3 * grown // 2])
    monkeypatch.setattr(memory, "_resident", lambda: next(sizes))
    monkeypatch.setattr(ctypes, "CDLL", Library)
    looked = Trimmed()
    assert [looked.has_grown() for _ in range(3)] == [False, False, True]
    assert trims == []
    looked.trim()  # and what is not free is counted with from now on
    assert trims == [0]
    assert [looked.has_grown() for _ in range(3)] == [False, False, True]


async def test_the_server_looks_at_its_memory_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever answers are made of, a tick of the server gives free memory back, one thread at a time."""
    begun, end, told = threading.Event(), threading.Event(), [True, True, False]
    trims: list[str] = []

    def trim() -> None:
        trims.append(threading.current_thread().name)
        begun.set()
        assert end.wait(10)

    serving = Server(uvicorn.Config(lambda: None))
    monkeypatch.setattr(serving._trimmed, "has_grown", lambda: told.pop(0))
    monkeypatch.setattr(serving._trimmed, "trim", trim)
    assert not await serving.on_tick(1)
    assert await asyncio.to_thread(begun.wait, 10)
    assert not await serving.on_tick(2)
    end.set()
    assert not await serving.on_tick(3)
    assert serving._trimming is not None
    await serving._trimming
    assert len(trims) == 1
    assert trims[0] != threading.main_thread().name


async def test_what_start_up_needed_goes_back_before_the_server_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server says that it is ready when what only its start needed is free for others again."""
    done: list[str] = []

    async def started(self: uvicorn.Server, sockets: object = None) -> None:
        del sockets
        self.started = True

    monkeypatch.setattr(uvicorn.Server, "startup", started)
    for name in ("keep_what_stays", "do_without_data_frames"):
        monkeypatch.setattr(server, name, lambda: None)
    monkeypatch.setattr(Trimmed, "trim", lambda _self: done.append("trimmed"))
    await Server(uvicorn.Config(lambda: None), lambda: done.append("ready")).startup()
    assert done == ["trimmed", "ready"]


def test_allocators_are_chosen_before_libraries_are_loaded() -> None:
    """Arrow's own code takes memory from the C library, unless the environment says otherwise."""
    program = (
        "from sekisho.http.allocators import choose_allocators; choose_allocators();"
        " import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ALLOCATORS}
    found = [
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment | said
        ).stdout.strip()
        for said in ({}, {"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"})
    ]
    assert found == ["system", "mimalloc"]


def test_the_size_of_the_process_is_read() -> None:
    """The resident memory is in bytes."""
    if not memory._STATM.exists():
        pytest.skip("no such file here")
    before = memory._resident()
    held = b"x" * (64 << 20)
    assert before + (60 << 20) < memory._resident()
    assert len(held) == 64 << 20
