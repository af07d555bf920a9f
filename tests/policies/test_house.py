"""The policies keep their own house rules: format, strict compilation, tests, documentation."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sekisho.adapters.policy_rules import page, rules_in
from sekisho.adapters.rego import policy_files, shipped_policies
from tests.policies.catalogue import opa_program

pytestmark = pytest.mark.opa

POLICIES = shipped_policies()


def opa(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``opa`` and return what it says."""
    return subprocess.run(
        [opa_program(), *arguments], input=given, capture_output=True, text=True, check=False, timeout=60
    )


def findings(folder: Path) -> list[str]:
    """Return what the check of annotations finds below *folder*."""
    modules = [
        json.loads(opa("parse", "--format", "json", "--json-include", "locations", str(folder / name)).stdout)
        for name in policy_files(folder)
    ]
    query = ("--stdin-input", "--data", str(POLICIES / "checks"), "--format", "json", "data.checks.annotations.deny")
    answer = json.loads(opa("eval", *query, given=json.dumps(modules)).stdout)
    found: list[str] = answer["result"][0]["expressions"][0]["value"]
    return found


def test_policies_are_formatted_and_compile_strictly():
    """``opa fmt`` changes nothing and ``opa check --strict`` finds nothing."""
    assert opa("fmt", "--fail", "--list", str(POLICIES)).returncode == 0
    assert opa("check", "--strict", str(POLICIES)).returncode == 0


def test_the_reference_page_is_current():
    """What the docs say of the policies is made of their METADATA as it stands: `sekisho policy docs`."""
    written = (POLICIES.parent / "docs" / "reference" / "policies.md").read_text("utf-8")
    assert written.rstrip("\n") == page(POLICIES).rstrip("\n"), (
        "run: sekisho policy docs > docs/reference/policies.md"
    )
    assert {rule["reason"] for rule in rules_in(POLICIES)} <= set(re.findall(r"`([a-z_]+)`", written))


def test_every_rule_is_tested():
    """``opa test`` passes and reaches every line."""
    passed = opa("test", str(POLICIES))
    assert passed.returncode == 0, passed.stdout
    assert json.loads(opa("test", "--coverage", "--format", "json", str(POLICIES)).stdout)["coverage"] == 100


def test_every_package_has_its_test_beside_it():
    """Directory, package and test carry one name."""
    for name, source in policy_files(POLICIES).items():
        path = Path(name)
        assert path.stem == path.parent.name
        assert f"package {'.'.join(path.parent.parts)}\n" in source.decode()
        assert (POLICIES / path.with_name(f"{path.stem}_test.rego")).is_file()


def test_every_refusal_is_documented():
    """Each deny rule states code, reason, article and remedy, and answers what it states."""
    assert findings(POLICIES) == []


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("#   remedy: Register the requester for", "#   advice: Register the requester for", "without custom.remedy"),
        ("#   remedy_ja: 要求元をこの利用目的に", "#   advice: ", "without custom.remedy_ja"),
        ("#   code: purpose_not_registered", "#   code: access_denied", "another code or reason than its METADATA"),
        ("#   reason: no_dataset", "#   reason: output_unknown", "is used by more than one rule"),
        ("# METADATA\n# title: Purpose\n", "# title: Purpose\n", "the package has no METADATA"),
        ("# METADATA\n# title: No dataset\n", "# title: No dataset\n", "a deny rule without title"),
    ],
)
def test_an_undocumented_refusal_is_found(tmp_path: Path, old: str, new: str, finding: str):
    """The check is red when a refusal loses a part of its documentation."""
    shutil.copytree(POLICIES / "sekisho", tmp_path / "sekisho")
    rule = tmp_path / "sekisho" / "purpose" / "purpose.rego"
    text = rule.read_text()
    assert old in text
    rule.write_text(text.replace(old, new))
    assert [found for found in findings(tmp_path) if finding in found]
