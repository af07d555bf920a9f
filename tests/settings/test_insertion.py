"""A purpose is added to a workspace file, and nothing else of the file changes."""

from __future__ import annotations

import difflib
import itertools

import pytest

from sekisho.demo import workspace as demo
from sekisho.errors import InvalidRequest, WorkspaceError
from sekisho.settings import load
from sekisho.settings.insertion import checked, with_policies, with_purpose
from tests.settings.conftest import GOOD

ENTRY = "title: {ja: 誕生日, en: Birthday}\ndescription: {ja: 使います, en: We use it}\nlegal_basis: consent\n"
DEMO = demo._shipped()[0].decode()
DATASETS = ["crm.customers", "pos.order_lines", "web.events", "app.events", "support.tickets"]


def added(old: str, new: str) -> list[str]:
    """Return the lines that are new; none may have been removed but those of spelled-out or lengthened lists."""
    changes = [line for line in difflib.ndiff(old.splitlines(), new.splitlines()) if line[0] in "+-"]
    assert all("purposes:" in line for line in changes if line[0] == "-"), changes
    return [line[2:] for line in changes if line[0] == "+"]


@pytest.mark.parametrize(
    "datasets",
    [pytest.param(c, id="+".join(c)) for n in (1, 2, 5) for c in itertools.combinations(DATASETS, n)],
)
def test_exactly_the_named_datasets_are_bound(tmp_path, datasets):
    """Whatever lists datasets share by anchors, those that were named are bound, and no others."""
    (tmp_path / "sekisho.yaml").write_text(DEMO)
    before = load(tmp_path).catalogue
    text = with_purpose(DEMO, "birthday", ENTRY, datasets, ["marketer", "auditor"])
    catalogue = checked(text, tmp_path, before, "birthday").catalogue

    assert {name for name, d in catalogue.datasets.items() if "birthday" in d.purposes} == set(datasets)
    assert {name for name, r in catalogue.requesters.items() if "birthday" in r.purposes} == {"marketer", "auditor"}
    added(DEMO, text)
    assert [line for line in DEMO.splitlines() if "#" in line] == [line for line in text.splitlines() if "#" in line]


def test_the_entry_stands_behind_the_last_purpose():
    """It is indented as its neighbours are, before the comments of the section that follows."""
    lines = with_purpose(DEMO, "birthday", ENTRY, [], []).splitlines()
    at = lines.index("  birthday:")
    assert lines[at - 2].startswith("    output: statistics")
    assert lines[at + 1 : at + 4] == [f"    {line}" for line in ENTRY.splitlines()]
    assert lines[at + 5].startswith("# ----")


WAYS = {
    "comment": ("    output: statistics\n", "    output: statistics\n    # said at the end\n"),
    "text-block": (
        "    description: {ja: 統計を作ります, en: We count}\n",
        "    description:\n      ja: 統計を作ります\n      en: |\n        We count\n\n        people\n\n",
    ),
    "last-text-block": ("    output: statistics\n", "    output: >-\n      statistics\n\n\n"),
    "empty-list": (
        "desk: {purposes: [], roles: [collection_point]}",
        "desk: {roles: [collection_point], purposes: []}",
    ),
    "block-list": (
        "    purposes: [recommendation, statistics]\n",
        "    purposes:\n    - recommendation # first\n    - statistics # last\n",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_files_are_written_in_many_ways(tmp_path, way):
    """Blocks of text, lists on one line or many, and comments behind them are met where they end."""
    old, new = WAYS[way]
    assert old in GOOD
    before = GOOD.replace(old, new)
    (tmp_path / "sekisho.yaml").write_text(before)
    catalogue = load(tmp_path).catalogue
    text = with_purpose(before, "birthday", ENTRY, ["pos.lines"], ["desk"])
    after = checked(text, tmp_path, catalogue, "birthday").catalogue
    assert "birthday" in after.datasets["pos.lines"].purposes
    assert "birthday" in after.requesters["desk"].purposes


def test_what_is_not_written_as_usual_is_refused():
    """A section on one line, or a dataset without a list of its own, is left to whoever writes by hand."""
    flow = GOOD[: GOOD.index("purposes:\n")] + "purposes: {}\n"
    for text, datasets in ((flow, []), (GOOD, ["web.none"])):
        with pytest.raises(InvalidRequest):
            with_purpose(text, "birthday", ENTRY, datasets, [])


def test_a_change_of_anything_else_is_refused(tmp_path):
    """What would bind another dataset, or has a fault, is not what was asked for."""
    (tmp_path / "sekisho.yaml").write_text(GOOD)
    before = load(tmp_path).catalogue
    with pytest.raises(InvalidRequest):
        checked(GOOD.replace("purposes: [recommendation, support]", "purposes: [recommendation]"), tmp_path, before)
    with pytest.raises(WorkspaceError):
        checked(with_purpose(GOOD, "birthday", "title: x\n", [], []), tmp_path, before, "birthday")


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("", "\npolicy:\n  engine: embedded\n  bundle: policies\n"),
        ("policy:\n  engine: embedded\n", "policy:\n  bundle: policies\n  engine: embedded\n"),
        (
            "policy:\n  bundle: builtin # shipped\n  engine: embedded\n",
            "policy:\n  bundle: policies\n  engine: embedded\n",
        ),
        ("policy: {engine: embedded, bundle: builtin}\n", None),
    ],
    ids=["absent", "without", "builtin", "flow"],
)
def test_policies_of_ones_own_are_named(tmp_path, policy, wanted):
    """The folder is named in the section that there is, or in a new one; nothing else changes."""
    text = with_policies(GOOD + policy, "policies")
    if wanted is not None:
        assert wanted in text
    (tmp_path / "sekisho.yaml").write_text(text)
    assert load(tmp_path).policy.bundle == tmp_path.resolve() / "policies"
