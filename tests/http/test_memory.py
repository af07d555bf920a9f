"""What a worker gives back: memory of its start, which only the start needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems tell otherwise what is resident")

STARTED = """
from pathlib import Path
import duckdb, numpy as np, pyarrow as pa, pyarrow.compute as pc
from sekisho.http.memory import give_memory_back, let_go_of_start, trim_memory

def files():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile:"))

def worked():
    numbers = pa.array(np.arange(100_000))
    return [pc.sum(numbers).as_py(), duckdb.sql("SELECT sum(range) FROM range(100000)").fetchall()[0][0]]

before = worked()
give_memory_back()
held = files()
let_go_of_start()
left = files()
trim_memory()
print(held, left, worked() == before == [4_999_950_000] * 2)
"""


def test_pages_that_only_the_start_ran_through_go_back() -> None:
    """Most of the resident pages of libraries go, and every library works on."""
    out = subprocess.run([sys.executable, "-c", STARTED], check=True, capture_output=True, text=True).stdout
    held, left, sound = out.split()
    assert sound == "True"
    assert int(left) < int(held) // 2


SERVING = """
from sekisho.http import server
server.let_go_of_start = lambda: print("let go of the start", flush=True)
server.serve(None, "127.0.0.1", 0, embedded_issuer=True)
"""


@pytest.mark.enable_socket
def test_serve_gives_back_what_its_start_took() -> None:
    """It does so once, before it says that it is ready."""
    process = subprocess.Popen([sys.executable, "-c", SERVING], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "let go of the start\n"
        assert process.stdout.readline().startswith("Sekisho is ready on")
    finally:
        process.terminate()
        process.communicate(timeout=20)
