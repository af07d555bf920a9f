"""Every change to a history is found, by the verification that must find it, and the first bad record is named."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from sekisho.cli import main
from sekisho.cli.audit import USED_WRONGLY
from sekisho.domain.note import format_key
from tests.history import in_database, in_export, in_tree
from tests.history.cases import Case, Change, content
from tests.history.conftest import WANTED
from tests.history.worlds import World

CHANGES: dict[Change, int] = {**in_database.CHANGES, **in_tree.CHANGES, **in_export.CHANGES}


def named(change: Change) -> str:
    """Return the name of a change: where and what."""
    return f"{change.__module__.rpartition('.')[2]}.{change.__name__}"


@pytest.mark.parametrize("change", CHANGES, ids=named)
def test_a_changed_history_is_found(
    change: Change, worlds: tuple[World, ...], tmp_path: Path, counted: Counter[str]
) -> None:
    """Each change is one that really changed something; and what was not changed is not accused."""
    short, long, *others = worlds
    last: Case = None  # type: ignore[assignment]  # the last one is also shown to the command
    share = -(-WANTED * CHANGES[change] // sum(CHANGES.values()))

    @settings(
        max_examples=share, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def check(data: st.DataObject) -> None:
        nonlocal last
        world = long if data.draw(st.integers(0, 7)) == 7 else short
        shutil.rmtree(tmp_path, ignore_errors=True)
        tmp_path.mkdir()
        case = Case(world, tuple(others), tmp_path, data.draw)
        must = change(case)
        if not case.older and content(case.target) == case.original():
            reject()
        verdict = case.verify()
        last = case
        counted[named(change)] += 1
        if verdict is None:
            assert must.refused
            return
        assert verdict.outcome in must.outcomes, verdict
        if must.seqs:
            assert verdict.bad is not None, verdict
            assert verdict.bad.seq in must.seqs, verdict
        if must.place is not None:
            assert verdict.bad is not None, verdict
            assert (verdict.bad.writer, verdict.bad.wseq) == must.place, verdict

    check()
    assert counted[named(change)] > 0
    said = last.verify()
    command = ["audit", "verify", str(last.target), "--key", last.world.vkey]
    command += [] if last.since is None else ["--since", last.since]
    for witness in last.policy.witnesses if last.policy else ():
        command += ["--witness", format_key(witness.name, witness.public, witness.kind)]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == (USED_WRONGLY if said is None else said.outcome)
