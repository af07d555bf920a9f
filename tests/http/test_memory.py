"""What a serving process holds: nothing that nobody needs, and little that was needed a moment ago."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from sekisho.http import memory
from sekisho.http.memory import Trimmed

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
    """What is free goes back when the process has grown by 16 MiB since it was least, and not after every page."""
    grown = memory._GROWN
    sizes = iter([grown, grown, grown + 1, 2 * grown, 2 * grown, grown // 2, grown, 3 * grown // 2, grown])
    trims: list[int] = []

    class Library:
        def __init__(self, _: None) -> None:
            """Stand in for the C library."""

        def malloc_trim(self, kept: int) -> None:
            trims.append(kept)

    monkeypatch.setattr(memory, "_resident", lambda: next(sizes))
    monkeypatch.setattr(ctypes, "CDLL", Library)
    looked = Trimmed()
    after = []
    for _ in range(6):
        looked.look()
        after.append(len(trims))
    assert after == [1, 1, 2, 2, 2, 3]


def test_the_size_of_the_process_is_read() -> None:
    """The resident memory is in bytes."""
    if not memory._STATM.exists():
        pytest.skip("no such file here")
    before = memory._resident()
    held = b"x" * (64 << 20)
    assert before + (60 << 20) < memory._resident()
    assert len(held) == 64 << 20
