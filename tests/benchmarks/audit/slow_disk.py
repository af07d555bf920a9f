"""The same comparison where a sync costs what it costs on the disk of a cloud.

A PostgreSQL server of the benchmark's own is started with a library before the system's (``LD_PRELOAD``) whose
``fsync`` and ``fdatasync`` call the real ones and then wait. Nothing else is in the server's way: a tracer would stop
its processes for other calls, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.adapters.stores.cluster import _run, cluster
from tests.benchmarks.audit import releases
from tests.benchmarks.consent.rows import Row, Tell

WAIT_MS = float(os.environ.get("SEKISHO_BENCH_SYNC_MS", "2"))
"""How much longer a sync takes than on this machine's disk."""

_SERVER = "SEKISHO_BENCH_POSTGRES"
_LIBRARY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static int later(const char *name, int file) {
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    int done = real(file);
    struct timespec wait = {0, WAIT_NS};
    nanosleep(&wait, 0);
    return done;
}
int fsync(int file) { return later("fsync", file); }
int fdatasync(int file) { return later("fdatasync", file); }
"""


def measure(tell: Tell, *, keep: bool) -> None:
    """Measure the three designs in turns, as on this machine's disk, over slower syncs."""
    compiler = shutil.which("cc")
    if compiler is None:
        tell(Row("audited releases over slower syncs", "not measured: there is no C compiler"))
        return
    with _server(compiler):
        releases.measure(tell, keep=keep, where=f", a sync {WAIT_MS:g} ms longer")


@contextmanager
def _server(compiler: str) -> Iterator[None]:
    """Have a server with slower syncs be the one that measures."""
    before = os.environ.get(_SERVER)
    with cluster() as made:
        library = made.folder / "slow_sync.so"
        _compile(compiler, library)
        made.run("ALTER SYSTEM SET max_connections = 100", "ALTER SYSTEM SET shared_buffers = '128MB'")
        started = f"{made.binaries}/pg_ctl -D {made.folder / 'data'} -l {made.folder}/log -w restart"
        _run(f"env LD_PRELOAD={library} {started}")
        os.environ[_SERVER] = made.admin
        try:
            yield
        finally:
            if before is None:
                del os.environ[_SERVER]
            else:
                os.environ[_SERVER] = before


def _compile(compiler: str, library: Path) -> None:
    source = library.with_suffix(".c")
    source.write_text(_LIBRARY, encoding="ascii")
    wait = f"-DWAIT_NS={round(WAIT_MS * 1e6)}L"
    command = [compiler, "-O2", "-shared", "-fPIC", wait, "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    library.chmod(0o755)
