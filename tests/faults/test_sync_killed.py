"""A sync of people tables that is killed at every step: a table is the one before or the one after, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.adapters.stores.servers import Server, database
from tests.cli.moved import move_crm

from sekisho.demo.workspace import build_workspace

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 40

# One process that has loaded everything forks one for each moment: it dies just before its call number so and so to
# the server, or in the middle of a COPY.
PROGRAM = """
import asyncio, itertools, os, signal, sys
from pathlib import Path
import asyncpg
from sekisho.adapters.stores.postgresql import people
from sekisho.bootstrap import open_workspace
from sekisho.ports import DataSubjectRef

folder, anew = Path(sys.argv[1]), sys.argv[2] == "anew"
CALLS = ("execute", "fetch", "fetchrow", "fetchval", "copy_to_table", "copy_from_table")

def arm(moment):
    made = 0
    def die():
        os.kill(os.getpid(), signal.SIGKILL)
    def armed(real):
        def call(*given, **named):
            nonlocal made
            made += 1
            if made == moment:
                die()
            return real(*given, **named)
        return call
    for name in CALLS:
        setattr(asyncpg.Connection, name, armed(getattr(asyncpg.Connection, name)))
    if moment == 0:
        whole = people._csv
        async def cut(table):
            async for chunk in whole(table):
                yield chunk[: len(chunk) // 2]
                await asyncio.sleep(0.05)
                die()
        people._csv = cut

async def main(moment):
    async with open_workspace(folder) as workspace:
        if moment is None:
            return
        if not anew:
            person = sorted((await workspace.people.keys("customer_id")).values.to_pylist(), key=int)[moment]
            await workspace.consents.recording.withdraw(DataSubjectRef("customer_id", person), "recommendation")
        await workspace.sync.servers["crm"].consent_seq()  # the connection is open
        arm(moment)
        await workspace.sync.tables("crm", anew=anew)

def child(moment):
    pid = os.fork()
    if pid == 0:
        asyncio.run(main(moment))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

assert child(None) == 0
for moment in itertools.count(0):
    print("next", flush=True)
    if sys.stdin.readline().strip() != "go":
        break
    print("ended", child(moment), flush=True)
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, Server]]:
    """A small demonstration whose customers are in a server, with rights and one people table."""
    folder = tmp_path / "demo"
    build_workspace(folder, customers=PEOPLE)
    with database() as server:
        datasets = move_crm(folder, server)
        server.bootstrap(datasets)
        yield folder, server


def table_of(server: Server) -> tuple[set[tuple[int, int]], bytes, int]:
    """Return the rows of the only people table, and what is said of it: the hash of its members, and their number."""
    ((name, said, members),) = server.run("SELECT projection, members_sha256, members FROM sekisho.applied")
    rows = server.run(f'SELECT k, n FROM sekisho."{name}"')
    return {(row[0], row[1]) for row in rows}, said, members


def spoil(server: Server) -> set[tuple[int, int]]:
    """Take rows out of the people table and put a stranger in; return what stands there then."""
    ((name,),) = server.run("SELECT projection FROM sekisho.applied")
    server.run(f'DELETE FROM sekisho."{name}" WHERE n % 2 = 0')
    server.run(f'INSERT INTO sekisho."{name}" VALUES (999999, 999999) ON CONFLICT DO NOTHING')
    return table_of(server)[0]


@pytest.mark.long
@pytest.mark.parametrize("how", ["anew", "following"])
def test_kill_9_at_every_step_leaves_each_table_whole(site: tuple[Path, Server], how: str) -> None:
    """Anew over a spoiled table, or after a withdrawal: killed before each call, the next one finds and ends it."""
    folder, server = site
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    sql = "SELECT customer_id FROM crm.customers"
    command = [sys.executable, "-m", "sekisho", "query", "-w", str(folder), "-r", "recommender"]
    asked = [*command, "--purpose", "recommendation", sql]
    subprocess.run(asked, cwd=ROOT, env=environment, check=True, capture_output=True)
    whole, said, _ = table_of(server)
    assert len(whole) > PEOPLE // 2
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), how],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    killed = 0
    while process.stdout.readline() == "next\n":
        before = spoil(server) if how == "anew" else table_of(server)[0]
        process.stdin.write("go\n")
        process.stdin.flush()
        status = int(process.stdout.readline().split()[1])
        after, now_said, members = table_of(server)
        if how == "anew":
            assert after in (before, whole)
            assert now_said == said
        else:
            assert len(after) == members  # what is said of the table is what stands there
            assert after <= before
        if status == 0 and killed:
            break
        assert status in {0, -signal.SIGKILL}
        killed += status != 0
    process.stdin.close()
    process.stdout.close()
    assert process.wait() == 0
    assert killed >= 6
    if how == "anew":
        assert after == whole
        return
    done = subprocess.run(asked, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.count('{"customer_id"') == len(after) < len(whole)
