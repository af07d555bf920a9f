"""Histories that nobody changed raise no alarm, however they are shown."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sekisho.audit_verify import Outcome, saved_notes, verify_path
from sekisho.domain.note import HEADS_FILE, HEADS_SUFFIX, MANIFEST_FILE
from tests.history.cases import Case, opened
from tests.history.conftest import WANTED
from tests.history.in_database import kept_heads
from tests.history.worlds import CSV, DATABASE, EXPORT, HEADS, RANGE, TREE, World, build_world

JUNK = "\u2014 stranger.example/w AAAAAAAAAAA=\n"


def database_at_a_stage(case: Case) -> None:
    """A log in use or closed, packed anew, with other tables, heads in other files, old heads forgotten."""
    stage = case.one_of(case.world.stages)
    case.target = case.copy(DATABASE, stage)
    heads = case.copy(HEADS, stage)
    if case.number(0, 1):
        with opened(case.target) as connection:
            connection.execute("CREATE TABLE notes_of_the_administrator (text)")
            connection.execute("DELETE FROM audit_subject_ref")
            connection.commit()
            connection.execute("VACUUM")
    how = case.number(0, 3)
    if how == 1:  # a backup of the heads in one file
        notes = saved_notes(heads)
        shutil.rmtree(heads)
        heads.mkdir()
        (heads / f"all{HEADS_SUFFIX}").write_text("".join(f"{note}\n" for note in notes), "utf-8")
    elif how == 2:  # a write that a power failure cut short
        path = case.one_of(sorted(heads.glob(f"*{HEADS_SUFFIX}")))
        newest = saved_notes(heads)[0]
        path.write_text(path.read_text("utf-8") + newest[: case.number(1, newest.index("\n\n"))], "utf-8")
    elif how == 3:  # only the newest of each writer
        for path in heads.glob(f"*{HEADS_SUFFIX}"):
            text, line = path.read_text("utf-8").split("\n\n")[-3:-1]
            path.write_text(f"{text}\n\n{line}\n\n", "utf-8")
    sizes = {row.writer: row.wseq + 1 for row in stage.rows()}
    older = [note for note, head in kept_heads(case) if head.size <= sizes.get(head.writer, 0)]
    case.since = case.one_of([None, *older, *kept_checkpoints(case, stage.size)])


def kept_checkpoints(case: Case, size: int) -> list[str]:
    """Return the checkpoints of the tree of so many records or fewer."""
    return [stage.checkpoint for stage in case.world.stages if stage.size <= size]


def tree_at_a_stage(case: Case) -> None:
    """A folder with more than it needs, against every older checkpoint, with and without witnesses."""
    number = case.number(0, 2)
    folder = case.tree(case.world.stages[number])
    case.since = case.one_of([None, *(stage.checkpoint for stage in case.world.stages[: number + 1])])
    case.policy = case.one_of((None, case.world.policy(0), case.world.policy(1), case.world.policy()))
    if case.number(0, 1):
        (folder / "index.html").write_text("a file server's own")
    if case.number(0, 1):
        with (folder / "checkpoint").open("a", encoding="utf-8") as file:
            file.write(JUNK)
    if number == 2 and case.number(0, 1):  # what an old checkpoint says is sound as well
        shutil.copyfile(case.world.stages[1].folder / TREE / "checkpoint", folder / "checkpoint")
        case.since = case.one_of([None, case.world.stages[0].checkpoint])


def export_of_everything_or_a_range(case: Case) -> None:
    """Of any form, and the raw one against any older head."""
    folder = case.export(case.one_of((EXPORT, RANGE, CSV)))
    if folder.name == EXPORT:
        last = json.loads((folder / MANIFEST_FILE).read_bytes())["last_seq"]
        case.since = case.one_of([None, (folder / HEADS_FILE).read_text("utf-8"), *kept_checkpoints(case, last)])


def proof_at_a_stage(case: Case) -> None:
    """Alone, and with the witnesses."""
    stage = case.one_of(case.world.stages[:2])
    case.target = case.one_of(stage.proofs)
    case.policy = case.one_of((None, case.world.policy()))


def checkpoint_alone(case: Case) -> None:
    """The file itself."""
    stage = case.one_of(case.world.stages)
    case.target = stage.folder / TREE / case.one_of(("checkpoint", "witnessed"))
    case.policy = case.one_of((None, case.world.policy())) if case.target.name == "witnessed" else None


SHOWN = (
    database_at_a_stage,
    tree_at_a_stage,
    export_of_everything_or_a_range,
    proof_at_a_stage,
    checkpoint_alone,
)


def test_what_nobody_changed_raises_no_alarm(
    worlds: tuple[World, ...], tmp_path: Path, counted: Counter[str]
) -> None:
    """In every form, at every stage, with or without what somebody kept."""

    @settings(
        max_examples=WANTED // 4, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def check(data: st.DataObject) -> None:
        world = worlds[data.draw(st.sampled_from((0, 0, 0, 1, 2, 3)))]
        shutil.rmtree(tmp_path, ignore_errors=True)
        tmp_path.mkdir()
        case = Case(world, (), tmp_path, data.draw)
        case.one_of(SHOWN)(case)
        verdict = case.verify()
        assert verdict is not None
        assert verdict.outcome is Outcome.OK, verdict
        counted["(nothing was changed, no alarm)"] += 1

    check()


def test_an_old_checkpoint_is_sound_over_newer_tiles(worlds: tuple[World, ...], tmp_path: Path) -> None:
    """A reader may come between the tiles and the checkpoint: tiles and bundles have grown past it by then."""
    for world in worlds:
        for stage in world.stages[:-1]:
            folder = tmp_path / world.name / str(stage.size)
            shutil.copytree(world.last.folder / TREE, folder)
            shutil.copyfile(stage.folder / TREE / "checkpoint", folder / "checkpoint")
            verdict = verify_path(folder, world.vkey, policy=world.policy())
            assert verdict.ok, verdict
            assert verdict.records == stage.size


def test_new_histories_raise_no_alarm(newest: Callable[[str], str], tmp_path: Path) -> None:
    """Written anew each time, by writers that come and go; and they are what they should be for these tests."""
    for seed in range(1 + WANTED // 500):
        world = build_world(newest("sqlite"), tmp_path, f"new-{seed}", 100 + seed, 1 + seed % 7)
        for stage in world.stages:
            for name in (DATABASE, TREE):
                verdict = verify_path(stage.folder / name, world.vkey)
                assert verdict.ok, verdict
                assert verdict.records == stage.size
        rows = world.last.rows()
        assert {"writer.open", "writer.heartbeat", "writer.close"} <= {row.kind for row in rows}
        assert len({row.writer for row in rows}) == 4
        assert any(a.writer != b.writer for a, b in zip(rows, rows[2:], strict=False))
        with closing(sqlite3.connect(world.last.folder / DATABASE)) as connection:
            assert connection.execute("SELECT count(*) FROM audit_subject").fetchone()[0] > 3
