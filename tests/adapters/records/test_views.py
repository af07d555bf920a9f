"""The one release of a statistics view: whoever comes second gets the first one's, whatever it computed itself."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pytest
import sqlalchemy as sa

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import views
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.tables import view_release
from sekisho.adapters.records.views import SqlViewCache
from sekisho.errors import StoreUnavailable

TERMS = "a" * 64
PROGRAM = """
import asyncio, hashlib, sys
from pathlib import Path
import pyarrow as pa
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.views import SqlViewCache
from sekisho.errors import StoreUnavailable

async def main(url, keys, folder, number):
    database = Database(url)
    cache = SqlViewCache(database, FileKeyRing(Path(keys)), Path(folder))
    for place in range(8):
        assert await cache.get(f"view_{place}", "a" * 64) is None
    print("ready", flush=True)
    sys.stdin.readline()
    for place in range(8):
        stands = await cache.put(f"view_{place}", "a" * 64, pa.table({"n": [number] * 50_000}))
        print(stands.column("n")[0].as_py(), flush=True)
    await database.close()

asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
"""

Machine = Callable[[str], SqlViewCache]


def release(number: int) -> pa.Table:
    """A release of a view."""
    return pa.table({"people": pa.array([number], pa.int64())})


@pytest.fixture
async def machine(url: str, keys: FileKeyRing, tmp_path: Path) -> AsyncIterator[Machine]:
    """Opens a gateway's cache on the machine of that name: folders and connections of its own, one database."""
    opened: list[Database] = []

    def made(name: str) -> SqlViewCache:
        opened.append(Database(url))
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return SqlViewCache(opened[-1], keys, folder / "heads" / "views")

    yield made
    for each in opened:
        await each.close()


async def rows(database: Database) -> list[bytes]:
    """What stands in the database."""
    return await database.read(
        lambda c: [bytes(each) for each in c.execute(sa.select(view_release.c.sealed)).scalars()]
    )


async def forget(database: Database) -> None:
    """Put the database back to before any release, as a restored backup does."""
    await database.run(lambda connection: connection.execute(sa.delete(view_release)))


async def test_gateways_on_several_machines_publish_one_release(machine: Machine, database: Database) -> None:
    """All computed it before one had kept it: two that differ by a person could be compared."""
    workers = [machine(name) for name in "abcde"]
    assert [await worker.get("sales", TERMS) for worker in workers] == [None] * 5
    stood = await asyncio.gather(*(worker.put("sales", TERMS, release(n)) for n, worker in enumerate(workers)))
    assert len({table.to_pydict()["people"][0] for table in stood}) == 1
    for worker in (*workers, machine("a"), machine("b")):
        again = await worker.get("sales", TERMS)
        assert again is not None
        assert again.equals(stood[0])
    assert len(await rows(database)) == 1


async def test_processes_that_ask_at_the_same_moment_release_the_same(
    url: str, keys: FileKeyRing, tmp_path: Path, database: Database
) -> None:
    """Three processes of three machines, each with other numbers, eight views after one another."""
    processes = []
    for number in range(3):
        command = [
            sys.executable,
            "-c",
            PROGRAM,
            url,
            str(tmp_path / "keys"),
            str(tmp_path / str(number)),
            str(number),
        ]
        process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        processes.append(process)
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    told = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    answers = [out.split() for out, _ in told]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(answers[0]) == 8
    assert answers[0] == answers[1] == answers[2]
    assert len(await rows(database)) == 8


async def test_who_comes_while_a_release_is_written_waits_for_it(machine: Machine, database: Database) -> None:
    """The row of another gateway is not committed yet; nobody else is held up meanwhile, and that row stands."""
    first = await machine("a").put("sales", TERMS, release(1))
    (sealed,) = await rows(database)
    await forget(database)
    with database.engine.connect() as other, other.begin():
        other.execute(sa.insert(view_release).values(name="sales", terms=TERMS, made_at=0, sealed=sealed))
        second = asyncio.create_task(machine("b").put("sales", TERMS, release(2)))
        done, _ = await asyncio.wait([second], timeout=0.3)  # the loop turns
        assert not done
        assert await database.peek("SELECT COUNT(*) FROM view_release") == [(0,)]
    assert (await second).equals(first)


async def test_terms_are_kept_apart(machine: Machine) -> None:
    """Another set of terms is another release."""
    cache = machine("a")
    await cache.put("sales", TERMS, release(1))
    assert await cache.get("sales", "b" * 64) is None
    assert await cache.get("rfm", TERMS) is None


async def test_who_reads_the_database_or_the_copy_sees_ciphertext(
    machine: Machine, database: Database, tmp_path: Path
) -> None:
    """Neither a name of a column nor a value stands in either, and both are the same bytes."""
    await machine("a").put("sales", TERMS, pa.table({"prefecture": ["Hokkaido"], "people": [4711]}))
    (sealed,) = await rows(database)
    assert b"prefecture" not in sealed
    assert b"Hokkaido" not in sealed
    (copy,) = (tmp_path / "a" / "heads" / "views").iterdir()
    assert copy.read_bytes() == sealed
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("moved", [{"name": "rfm"}, {"terms": "b" * 64}])
async def test_a_row_opens_only_where_it_was_sealed_for(
    machine: Machine, database: Database, moved: dict[str, str]
) -> None:
    """A row that somebody moved to another view, or to looser terms, is refused."""
    await machine("a").put("sales", TERMS, release(1))
    await database.run(lambda connection: connection.execute(sa.update(view_release).values(**moved)))
    with pytest.raises(StoreUnavailable):
        await machine("b").get(moved.get("name", "sales"), moved.get("terms", TERMS))


@pytest.mark.parametrize("by", ["get", "put"])
async def test_a_restored_database_makes_no_second_release(machine: Machine, database: Database, by: str) -> None:
    """The copy beside the saved heads comes back, also for a machine that has none."""
    first = await machine("a").put("sales", TERMS, release(1))
    await forget(database)
    restarted = machine("a")
    again = await (restarted.get("sales", TERMS) if by == "get" else restarted.put("sales", TERMS, release(2)))
    assert first.equals(again)
    assert first.equals(await machine("b").get("sales", TERMS))


async def test_who_read_a_release_keeps_a_copy_too(machine: Machine, database: Database) -> None:
    """A gateway that only read what another made brings it back after a restore."""
    first = await machine("a").put("sales", TERMS, release(1))
    await machine("b").get("sales", TERMS)
    await forget(database)
    assert first.equals(await machine("b").get("sales", TERMS))


async def test_two_releases_that_were_made_are_noticed(machine: Machine, database: Database, tmp_path: Path) -> None:
    """A machine without a copy made a second one after a restore; where the first is known nothing is released."""
    await machine("a").put("sales", TERMS, release(1))
    await forget(database)
    second = await machine("b").put("sales", TERMS, release(2))
    with pytest.raises(StoreUnavailable, match="Two releases"):
        await machine("a").get("sales", TERMS)
    next((tmp_path / "a" / "heads" / "views").iterdir()).unlink()
    assert second.equals(await machine("a").get("sales", TERMS))


async def test_a_damaged_copy_is_never_put_in_the_database(
    machine: Machine, database: Database, tmp_path: Path
) -> None:
    """What is inserted stays; so what does not open is not inserted, and nothing is made in its place."""
    await machine("a").put("sales", TERMS, release(1))
    await forget(database)
    (copy,) = (tmp_path / "a" / "heads" / "views").iterdir()
    copy.write_bytes(copy.read_bytes()[:-1])
    for asked in (machine("a").get("sales", TERMS), machine("a").put("sales", TERMS, release(2))):
        with pytest.raises(StoreUnavailable, match="cannot be opened"):
            await asked
    assert await rows(database) == []


async def test_a_release_that_cannot_be_copied_is_not_made(machine: Machine, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    cache = machine("a")
    (tmp_path / "a" / "heads").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        await cache.put("sales", TERMS, release(1))


async def test_without_the_database_nothing_is_released(empty_url: str, keys: FileKeyRing, tmp_path: Path) -> None:
    """Neither looked up nor made: another gateway may have released it."""
    lost = Database(empty_url)
    cache = SqlViewCache(lost, keys, tmp_path / "copies")
    for asked in (cache.get("sales", TERMS), cache.put("sales", TERMS, release(1))):
        with pytest.raises(StoreUnavailable):
            await asked
    await lost.close()


async def test_a_release_that_is_too_large_is_refused(
    machine: Machine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold up whoever writes records at the same time."""
    monkeypatch.setattr(views, "MOST_BYTES", 100)
    with pytest.raises(StoreUnavailable, match="too large"):
        await machine("a").put("sales", TERMS, release(1))
    assert await rows(database) == []


async def test_a_name_that_is_no_file_is_refused(machine: Machine) -> None:
    """It could lead out of the folder."""
    with pytest.raises(StoreUnavailable):
        await machine("a").get("../sales", TERMS)
