"""What is no workspace file at all: each is told, and none ends in a crash."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.errors import WorkspaceError
from tests.settings.conftest import GOOD, Workspace

NOT_YAML = {
    "tab": ("controller:\n\tname: x\n", 2, "indent with spaces"),
    "open bracket": ("controller: {name: x\nidentity: {}\n", 2, "brackets"),
    "open quote": ("controller: 'x\n\n", 3, "quotes"),
    "bad indentation": ("a: 1\n  b: 2\n", 2, "indentation"),
    "alias without anchor": ("a: *nowhere\n", 1, "anchor"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, "one document"),
    "control character": ("a: 1\nb: \x07\n", 2, "control characters"),
    "not UTF-8": (b"a: 1\nb: \xff\n", 2, "UTF-8"),
    "empty": ("", 1, "empty"),
    "only a comment": ("# nothing\n", 1, "empty"),
    "a list": ("- a\n- b\n", 1, "not a mapping"),
    "a word": ("hello\n", 1, "not a mapping"),
    "a list as key": ("[a]: 1\n", 1, "a key that is a list"),
    "deep": ("a: " + "[" * 5_000 + "\n", 1, "nested deeper"),
    "deep maps": ("{a: " * 3_000, 1, "nested deeper"),
    "endless": ("a: &a [*a]\n", 1, "expand"),
    "long": ("#" * 1_000_001, 1, "million characters"),
}


@pytest.mark.parametrize("name", NOT_YAML)
def test_what_is_not_a_workspace_file(workspace, name):
    """Text that is not YAML, or too much of it, is refused with its line, and without being repeated."""
    text, line, message = NOT_YAML[name]
    found = workspace.faults(text)

    assert any(fault.startswith(f"line {line}: ") and re.search(message, fault) for fault in found), found


def test_alias_bomb_is_refused(workspace):
    """Nine aliases of nine aliases, nine times, are not expanded."""
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    found = workspace.faults("l0: &l0 [x]\n" + "\n".join(levels) + "\n")

    assert any("expand to too much" in fault for fault in found)


def test_aliases_are_read(workspace):
    """An anchor saves writing a list twice."""
    text = GOOD.replace("purposes: [recommendation, support]", "purposes: &both [recommendation]")
    text = text.replace("purposes: [recommendation, statistics]", "purposes: *both").split("views:")[0]

    assert workspace.load(text).catalogue.datasets["pos.lines"].purposes == {"recommendation"}


def test_missing_file_says_what_to_do(tmp_path):
    """A folder without the file is answered with what would make one."""
    with pytest.raises(WorkspaceError, match=r"^line 1: cannot read sekisho\.yaml .*sekisho demo"):
        Workspace(tmp_path).load.__globals__["load"](tmp_path)


def test_link_out_of_the_workspace_is_seen(workspace, tmp_path_factory):
    """A relative path that leaves the workspace through a link is refused; the same place absolute is taken."""
    outside = tmp_path_factory.mktemp("outside")
    (workspace.folder / "stores").symlink_to(outside)
    assert "outside the workspace" in workspace.faults(GOOD)[0]

    text = GOOD.replace("stores/crm.db", f"{outside}/crm.db").replace("stores/pos", f"{outside}/pos")
    assert workspace.load(text).catalogue.stores["crm"].location == f"{outside}/crm.db"


def test_many_faults_are_cut(workspace):
    """A file with hundreds of faults is answered with the first hundred and a count."""
    found = workspace.faults(GOOD + "".join(f"x{n}: 1\n" for n in range(300)))

    assert len(found) == 101
    assert found[-1].startswith("and 200 more")


_WORDS = st.sampled_from(
    ["crm", "pos", "customer_id", "string", "none", "consent", "", "*", "yes", "__x", "é", "1", "-1", "1.5", "~"]
)
_TREES = st.recursive(
    st.one_of(_WORDS, st.booleans(), st.integers(), st.none(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(_WORDS, st.sampled_from(["type", "class", "purposes", "columns", "sql"])), inner, max_size=4
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(section=st.sampled_from(sorted(yaml.safe_load(GOOD))), value=_TREES)
def test_nonsense_is_a_fault_never_a_crash(workspace, section, value):
    """Whatever stands where a section should be, the answer is settings or faults with lines."""
    document = yaml.safe_load(GOOD)
    document[section] = value
    try:
        workspace.load(yaml.safe_dump(document, allow_unicode=True))
    except WorkspaceError as error:
        assert all(re.match(r"line \d+: .+; ", line) for line in error.detail.splitlines())  # noqa: PT017
