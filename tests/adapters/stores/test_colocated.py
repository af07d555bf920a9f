"""Copies with person numbers: what they hold, when they are read, and that they change no answer."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sekisho.adapters.stores import colocated, people_table
from sekisho.domain.terms import Column, ColumnClass, ColumnType
from sekisho.durable import sync
from sekisho.errors import SekishoError, StatementRefused, StoreUnavailable
from tests.adapters.stores.copied import COUNT, LINES, CopiedWorld, copy_of, counted, same_answer, source
from tests.query.world import DATASETS, FIRST_ID, PEOPLE, ROWS, number_of


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CopiedWorld]:
    """A world of the test's own, with a copy of the order lines."""
    with CopiedWorld(tmp_path) as built:
        built.sync()
        yield built


# -- what is written -----------------------------------------------------------------------------------


def test_a_copy_has_the_rows_and_their_people_and_the_source_is_untouched(world: CopiedWorld) -> None:
    """The copy has the catalogue's columns of every row, in the files' order, and the number of its person."""
    before = hashlib.sha256(source(world).read_bytes()).hexdigest()
    copy_of(world).unlink()
    assert world.sync().written
    assert hashlib.sha256(source(world).read_bytes()).hexdigest() == before
    written = pq.read_table(copy_of(world))
    places = [row["place"] for row in ROWS[LINES.name]]
    assert written.column_names == [*(column.name for column in LINES.columns), "__person"]
    assert (
        written.drop(["__person"]).to_pydict()
        == pq.read_table(source(world), columns=written.column_names[:-1]).to_pydict()
    )
    assert written["__person"].to_pylist() == [None if place is None else number_of(place) for place in places]


def test_only_the_owner_can_read_a_copy(world: CopiedWorld) -> None:
    """It holds what the stores hold: no other account of the machine may open it."""
    assert [path.stat().st_mode & 0o777 for path in (world.copies, world.copies / LINES.name)] == [0o700, 0o700]
    assert {path.stat().st_mode & 0o777 for path in (world.copies / LINES.name).iterdir()} == {0o600}


def test_a_second_sync_writes_nothing(world: CopiedWorld) -> None:
    """A copy that is as new as its files and the registry stays as it is."""
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in world.copies.rglob("*")}
    assert not world.sync().written
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in world.copies.rglob("*")} == before


def test_only_parquet_with_a_data_subject_is_copied(world: CopiedWorld) -> None:
    """JSON Lines, SQLite and data about nobody have no copy."""
    assert [each.name for each in colocated.eligible(world.catalogue.stores, DATASETS)] == [LINES.name]


def test_one_key_of_two_people_is_not_copied(world: CopiedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the registry names two people by one key, rows would be doubled: refused."""
    rows_of = people_table.rows_of
    monkeypatch.setattr(people_table, "rows_of", lambda *args: pa.concat_tables([rows_of(*args)] * 2))
    copy_of(world).unlink()
    with pytest.raises(StoreUnavailable, match="Two people"):
        world.sync()


def test_files_that_change_while_they_are_copied_have_no_copy(
    world: CopiedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of rows that are no longer there is not taken for one of the new files; the next sync makes it."""
    copy_of(world).unlink()

    def change(path: Path) -> None:
        sync(path)
        table = pq.read_table(source(world))
        pq.write_table(pa.concat_tables([table, table]), source(world))

    monkeypatch.setattr(colocated, "sync", change)
    with pytest.raises(StoreUnavailable, match="changed while they were copied"):
        world.sync()
    monkeypatch.undo()
    assert not world.usable()
    assert world.sync().written
    same_answer(world, COUNT)


def test_files_that_the_engine_lists_otherwise_are_not_copied(
    world: CopiedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What DuckDB would read must be what the copy is said to be of."""
    copy_of(world).unlink()
    of = colocated.sources_of
    monkeypatch.setattr(colocated, "sources_of", lambda *args: of(*args)[:0])
    with pytest.raises(StoreUnavailable, match="reads the file pattern"):
        world.sync()


def test_a_copy_needs_a_column_of_its_own_for_the_number(world: CopiedWorld) -> None:
    """A dataset whose column is called as the number of the person is not copied, nor is one of nobody."""
    named = replace(LINES, columns=(*LINES.columns, Column("__person", ColumnType.INTEGER, ColumnClass.NONE)))
    for dataset in (named, replace(LINES, data_subject=None)):
        with pytest.raises(StoreUnavailable, match="names no data subject"):
            world.sync(dataset)


def test_an_unreadable_file_is_said_without_what_it_holds(world: CopiedWorld) -> None:
    """The engine's text may quote a value: the class of its error is what is told."""
    copy_of(world).unlink()
    source(world).write_bytes(b"PAR1 MKsecret" + b"\0" * 40)
    with pytest.raises(StoreUnavailable, match=r"could not be copied \(\w+\)\.$") as told:
        world.sync()
    assert "MKsecret" not in str(told.value)


def test_a_key_in_another_spelling_has_no_rows_in_a_copy(world: CopiedWorld) -> None:
    """In whole numbers ``017001`` is nobody: the rows of 17001 stay theirs."""
    before = pq.read_table(copy_of(world))["__person"].to_pylist()
    world.people.known["customer_id"]["0" + str(FIRST_ID)] = 49
    copy_of(world).unlink()
    assert world.sync().written
    assert pq.read_table(copy_of(world))["__person"].to_pylist() == before


def test_copies_of_what_is_no_dataset_any_more_are_removed(world: CopiedWorld) -> None:
    """A copy does not outlive its dataset."""
    (world.copies / "pos.former").mkdir()
    assert colocated.remove_others(world.copies, [LINES.name]) == ["pos.former"]
    assert {each.name for each in world.copies.iterdir()} == {LINES.name, ".lock"}


_KILLED = """
import os, pathlib, pickle, signal, sys
from sekisho.adapters.stores import colocated
from sekisho.adapters.stores.copy_folder import writing
folder, store, dataset, keys, name, times = pickle.load(sys.stdin.buffer)
owner = pathlib.Path if name == "replace" else colocated
real, seen = getattr(owner, name), 0
def die(*args, **more):
    global seen
    seen += 1
    if seen == times:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **more)
setattr(owner, name, die)
with writing(folder):
    colocated.synchronise(folder, store, dataset, keys)
"""


@pytest.mark.parametrize(
    ("name", "times"),
    [("_copy_rows", 1), ("sync", 1), ("replace", 1), ("sync", 2), ("replace", 2), ("sync", 3)],
)
@pytest.mark.parametrize("again", [False, True])
def test_kill_9_leaves_the_earlier_copy_or_none(tmp_path: Path, name: str, times: int, *, again: bool) -> None:
    """Killed at any step, a sync leaves nothing half in use; answers stay right, and the next one cleans up."""
    import pickle

    with CopiedWorld(tmp_path) as world:
        if again:
            world.sync()
            table = pq.read_table(source(world))
            pq.write_table(pa.concat_tables([table, table]), source(world))
        keys = world._runner.run(world.people.keys("customer_id"))
        task = pickle.dumps((world.copies, world.catalogue.stores["pos"], LINES, keys, name, times))
        done = subprocess.run([sys.executable, "-c", _KILLED], input=task, capture_output=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert world.by(world.with_copies, COUNT) == world.by(world.without, COUNT)
        whole = name == "sync" and times == 3  # all there but the last fsync
        assert world.usable() is whole
        assert world.sync().written is not whole
        assert {path.name for path in (world.copies / LINES.name).iterdir()} == {"meta.json", copy_of(world).name}
        same_answer(world, COUNT)


# -- when it is read -----------------------------------------------------------------------------------


def test_a_changed_file_makes_its_copy_unused_until_the_next_sync(world: CopiedWorld) -> None:
    """New rows are in the next answer, from the file; after a sync a running service reads the new copy."""
    same_answer(world, COUNT)
    before = counted(world)
    table = pq.read_table(source(world))
    pq.write_table(pa.concat_tables([table, table]), source(world))
    assert not world.usable()
    assert counted(world) == (2 * before[0], before[1])
    assert "colocated" not in world.ran()
    assert world.sync().written
    assert world.usable()
    same_answer(world, COUNT)
    assert counted(world) == (2 * before[0], before[1])


def test_a_missing_file_makes_its_copy_unused(world: CopiedWorld) -> None:
    """What the store no longer has is not answered from the copy."""
    assert world.usable()
    source(world).unlink()
    assert not world.usable()
    with pytest.raises(SekishoError):
        world.ask(COUNT)


def test_a_copy_made_with_another_registry_is_not_read(world: CopiedWorld) -> None:
    """A registry made anew gives the numbers to other people: their consent would be asked of the wrong one."""
    assert world.usable()
    world.people.known["customer_id"] = {
        key: PEOPLE + 1 - number for key, number in world.people.known["customer_id"].items()
    }
    copies = world.reader()
    assert world._runner.run(copies.usable([LINES.name])) == frozenset()


def test_a_registry_that_lost_people_does_not_read_the_copy(world: CopiedWorld) -> None:
    """A restored registry that does not know everybody of the copy gives their numbers to others later."""
    world.people.known["customer_id"].popitem()
    assert world._runner.run(world.reader().usable([LINES.name])) == frozenset()


def test_people_who_register_later_are_not_released_until_the_next_sync(tmp_path: Path) -> None:
    """The copy does not know them: fewer rows, never more; after a sync they are there."""
    with CopiedWorld(tmp_path) as world:
        known = world.people.known["customer_id"]
        late = {key: known.pop(key) for key in list(known)[10:30]}
        world.sync()
        known.update(late)
        world.people.version += 1
        fewer = counted(world)
        assert world.sync().written
        same_answer(world, COUNT)
        assert all(before < after for before, after in zip(fewer, counted(world), strict=True))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder, data: (folder / "meta.json").write_text("{"),
        lambda folder, data: (folder / "meta.json").write_text("[]"),
        lambda folder, data: (folder / "meta.json").unlink(),
        lambda folder, data: data.unlink(),
        lambda folder, data: os.truncate(data, 100),
        lambda folder, data: data.write_bytes(b"x" * data.stat().st_size),
        lambda folder, data: _edit(folder, columns=[["quantity", "integer"]]),
        lambda folder, data: _edit(folder, version=1),
        lambda folder, data: _edit(folder, people=10**6),
        lambda folder, data: _edit(folder, people=-1),
        lambda folder, data: _edit(folder, identifier="email"),
        lambda folder, data: _edit(folder, dataset="pos.products"),
        lambda folder, data: _edit(
            folder,
            data=[
                ["../../pos/order_lines.parquet", (folder.parents[1] / "pos" / "order_lines.parquet").stat().st_size]
            ],
        ),
        lambda folder, data: _edit(folder, unheard="of"),
    ],
    ids=range(14),
)
def test_a_damaged_copy_is_not_read(tmp_path: Path, damage) -> None:
    """Whatever is wrong with a copy, the files are read in its place."""
    with CopiedWorld(tmp_path) as world:
        world.sync()
        damage(world.copies / LINES.name, copy_of(world))
        assert not world.usable()
        assert world.by(world.with_copies, COUNT) == world.by(world.without, COUNT)


def test_a_large_copy_is_cut_into_files_that_keep_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files hold each row of the source once, in order; without any one of them none is read."""
    monkeypatch.setattr(colocated, "_ROW_GROUP", 2_048)
    with CopiedWorld(tmp_path, times=64) as world:
        lines = pq.read_table(source(world))
        lines = lines.set_column(0, "invoice", pa.array([f"i{n}" for n in range(lines.num_rows)]))
        pq.write_table(lines, source(world))
        assert world.sync().rows == lines.num_rows > 3 * 2_048
        files = sorted((world.copies / LINES.name).glob("*.parquet"))
        assert len(files) == 4
        copied = pa.concat_tables([pq.read_table(path) for path in files])
        names = copied.column_names[:-1]  # the last is the person number
        assert copied.select(names).equals(lines.select(names))
        same_answer(world, COUNT)
        files[2].unlink()
        assert world._runner.run(world.reader().usable([LINES.name])) == set()


def _edit(folder: Path, **changes: object) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(meta | changes))


def test_without_consent_the_files_are_read(world: CopiedWorld) -> None:
    """A purpose that asks nobody sees everybody, also who registered since."""
    world.ask("SELECT customer_id, quantity FROM pos.order_lines", purpose="fraud")
    assert "colocated" not in world.ran()


def test_who_is_read_of_a_copy_is_said_by_consent_alone(world: CopiedWorld) -> None:
    """Neither by keys, which a copy does not have, nor by nobody's word."""
    with pytest.raises(StatementRefused, match="by consent alone"):
        world.duckdb._bring_up("n_0123456789ab", None, None)


def test_explain_shows_what_would_run(world: CopiedWorld) -> None:
    """The explanation is that of the statement that runs now."""
    assert "colocated" in world.explained(COUNT)["sql"]


def test_the_engine_is_locked_to_stores_and_copies(world: CopiedWorld, tmp_path: Path) -> None:
    """No file outside can be opened, as without copies; nothing can be written over a copy."""
    outside = tmp_path.parent / "outside.parquet"
    pq.write_table(pa.table({"x": [1]}), outside)
    with pytest.raises(duckdb.PermissionException):
        world.duckdb._db.execute(f"SELECT * FROM read_parquet('{outside}')")
    with pytest.raises(StoreUnavailable):
        world.duckdb.attach(LINES, [outside])
