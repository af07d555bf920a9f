"""The lint of policies: what is shipped passes, and each thing that is left out is found where it is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sekisho.adapters.policy_lint import Found, lint
from sekisho.adapters.rego import policy_files, shipped_policies
from tests.policies.catalogue import opa_program

PURPOSE = "sekisho/purpose/purpose.rego"
RECIPIENT = "sekisho/recipient/recipient.rego"

# what is spoilt: (file, old, new, the check that finds it)
SPOILT = {
    "remedy": (PURPOSE, "#   remedy: Register the requester for", "#   advice: Register the requester", "metadata"),
    "source": (PURPOSE, "#   source: APPI 18(1); GDPR 5(1)(b)\n", "", "metadata"),
    "rule": (PURPOSE, "# METADATA\n# title: No dataset\n", "# title: No dataset\n", "metadata"),
    "package": (PURPOSE, "# METADATA\n# title: Purpose\n", "# title: Purpose\n", "metadata"),
    "yaml": (PURPOSE, "# title: No dataset\n", "# title: [No dataset\n", "metadata"),
    "code": (PURPOSE, "#   code: purpose_not_registered", "#   code: forbidden", "code"),
    "answer": (PURPOSE, "#   code: purpose_not_registered", "#   code: access_denied", "answer"),
    "reason": (PURPOSE, "#   reason: no_dataset", "#   reason: output_unknown", "reason"),
    "directory": (PURPOSE, "package sekisho.purpose", "package sekisho.purposes", "directory"),
    "none": (PURPOSE, "package sekisho.purpose\n", "", "package"),
    "clock": (PURPOSE, "_registered if input", "_now := time.now_ns()\n\n_registered if input", "builtin"),
    "least": (PURPOSE, "_registered if input", "_a := min(input.purpose.cells)\n\n_registered if input", "order"),
    "no end": ("sekisho/freeze/freeze.rego", "ends contains input.now.midnight if not _off\n", "", "time"),
    "whole": (PURPOSE, "_registered if input", "_all := input\n\n_registered if input", "time"),
    "network": (PURPOSE, "_registered if input", '_a := http.send({"url": "x"})\n\n_registered if input', "builtin"),
    "not": (RECIPIENT, "\tnot _recipient_known\n", '\tinput.requester.recipient == "friend"\n', "not"),
    "guard": (
        "sekisho/statistics/statistics.rego",
        "#   reason: published_views_only\n",
        "#   reason: published_views_only\n#   guarded_by: published_views_only\n",
        "not",
    ),
    "gathered": ("sekisho/access/access.rego", "import data.sekisho.recipient\n", "", "gathered"),
}


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """Return a copy of the shipped policies."""
    shutil.copytree(shipped_policies() / "sekisho", tmp_path / "sekisho")
    return tmp_path


def found_in(folder: Path, program: str | None = None) -> list[Found]:
    """Return what the lint finds wrong."""
    return [each for each in lint(folder, policy_files(folder), program) if not each.advice]


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    """Replace *old*, which must stand there, by *new*."""
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_shipped_policies_pass(policies):
    """They keep the rules to which they hold others."""
    assert found_in(policies) == []


@pytest.mark.opa
def test_the_shipped_policies_pass_with_opa(policies):
    """They compile strictly and are formatted, too."""
    assert found_in(policies, opa_program()) == []


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_left_out_is_found(policies, what):
    """Each is told with its file and the check that found it."""
    before = lint(policies, policy_files(policies))
    file, old, new, check = SPOILT[what]
    spoil(policies, file, old, new)
    after = [each for each in lint(policies, policy_files(policies)) if each not in before]
    found = [each for each in after if each.check == check]
    assert found, after
    assert {each.file for each in found} & {file, RECIPIENT}
    assert all(each.line >= 1 and each.says for each in found)


def test_a_refusal_that_another_rule_guards_is_no_advice(policies):
    """Whoever names the rule that refuses absent values is advised no more."""
    reason = "#   reason: published_views_only\n"
    spoil(policies, "sekisho/statistics/statistics.rego", reason, f"{reason}#   guarded_by: output_unknown\n")
    found = lint(policies, policy_files(policies))
    assert [each for each in found if each.file.startswith("sekisho/statistics")] == []


def test_a_rule_without_its_test_is_found(policies):
    """A test file beside the rule is demanded, with a test in it."""
    test = policies / "sekisho/purpose/purpose_test.rego"
    test.write_text("package sekisho.purpose_test\n")
    assert [each.check for each in found_in(policies)] == ["test"]
    test.unlink()
    assert [(each.file, each.check) for each in found_in(policies)] == [(PURPOSE, "test")]


def test_what_stands_in_a_text_or_a_comment_is_no_builtin(policies):
    """A remedy may speak of time.now_ns(); a rule may not call it."""
    spoil(policies, PURPOSE, "_registered if input", '# time.now_ns()\n_a := "time.now_ns()"\n\n_registered if input')
    assert found_in(policies) == []


@pytest.mark.opa
@pytest.mark.parametrize(
    ("new", "check"),
    [("_registered  if input", "format"), ("_registered if inputs", "strict")],
    ids=["format", "strict"],
)
def test_what_only_opa_sees_is_found_with_it(policies, new, check):
    """Format and strict compilation are looked at where the program is there."""
    spoil(policies, PURPOSE, "_registered if input", new)
    found = found_in(policies, opa_program())
    assert (PURPOSE, check) in {(each.file, each.check) for each in found}


@pytest.mark.opa
def test_what_rules_conflict_with_is_told_whole(policies):
    """A rule and a package of one name are told with both places, below the folder, in one line."""
    (policies / "sekisho/purpose/registered").mkdir()
    (policies / "sekisho/purpose/registered/registered.rego").write_text(
        "package sekisho.purpose._registered\n\na := 1\n"
    )

    found = found_in(policies, opa_program())

    told = [each.says for each in found if each.file == PURPOSE and "conflicts with:" in each.says]
    assert len(told) == 1
    assert told[0].endswith("rule data.sekisho.purpose._registered.a at sekisho/purpose/registered/registered.rego:3")
