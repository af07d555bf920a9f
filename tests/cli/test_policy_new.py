"""``sekisho policy new`` and ``sekisho policy lint``: a purpose from nothing to an answer."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.policies.catalogue import opa_program

NEW = ("policy", "new", "purpose", "birthday_email", "-d", "crm.customers", "-r", "marketer")
COLUMN = ("-c", "crm.customers.birth_date", "--title-en", "Birthday e-mail", "--title-ja", "誕生日メール")
FILES = {"notices/birthday_email.ja.txt", "notices/birthday_email.en.txt", "tests/birthday_email_test.rego"}


def files(folder: Path) -> dict[str, bytes]:
    """Return every file of a workspace that people write: name to content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in {"var", "stores"}
    }


@pytest.mark.opa
@pytest.mark.parametrize("rule", [(), ("--rule",)], ids=["plain", "rule"])
def test_a_new_purpose_passes_check_tests_and_lint(workspace, run, rule):
    """What was written is a valid workspace whose policies pass their tests and the lint, and are formatted."""
    before = files(workspace)
    written = run(*NEW, *COLUMN, *rule, "-w", workspace)
    assert written.code == 0, written.err
    after = files(workspace)
    assert set(after) - set(before) >= FILES
    assert {name for name in before if before[name] != after[name]} == {"sekisho.yaml"}
    assert run("check", "-w", workspace).code == 0
    tested = run("policy", "test", "-w", workspace)
    assert tested.code == 0, tested.out
    assert run("policy", "lint", "-w", workspace).code == 0
    for folder in filter(Path.exists, (workspace / "tests", workspace / "policies")):
        formatted = subprocess.run(
            [opa_program(), "fmt", "--list", str(folder)], capture_output=True, text=True, check=True
        )
        assert formatted.stdout == ""
    asked = run(
        "query", "-w", workspace, "-r", "marketer", "-p", "birthday_email", "SELECT birth_date FROM crm.customers"
    )
    assert asked.code == 0, asked.err
    assert len(asked.out.splitlines()) == 1  # nobody agreed yet


def test_the_notice_is_in_the_language_of_its_reader(workspace, run):
    """The data that a written notice names stands there in Japanese in the Japanese one, in English in the other."""
    assert run(*NEW, *COLUMN, "-w", workspace).code == 0
    japanese, english = (
        (workspace / "notices" / f"birthday_email.{locale}.txt").read_text() for locale in ("ja", "en")
    )
    assert "■ 利用するデータ\n・生年月日\n" in japanese
    assert "Date of birth" not in japanese
    assert "■ Which data\n- Date of birth\n" in english


@pytest.mark.opa
def test_the_test_of_a_purpose_meets_a_changed_policy(workspace, run):
    """When the policies answer otherwise than is expected of the purpose, its test fails."""
    assert run(*NEW, *COLUMN, "-w", workspace).code == 0
    test = workspace / "tests" / "birthday_email_test.rego"
    text = test.read_text()
    assert '"birth_date": "year"' in text
    test.write_text(text.replace('"birth_date": "year"', '"birth_date": "clear"'))
    failed = run("policy", "test", "-w", workspace)
    assert failed.code == 1
    assert (
        "test_marketer_crm_customers_is_masked" in failed.out.splitlines()[-1]
    )  # beside the sum, not a screen above


def test_a_dry_run_shows_and_writes_nothing(workspace, run):
    """It shows the lines that would be new, and leaves every file as it is."""
    before = files(workspace)
    shown = run(*NEW, *COLUMN, "--rule", "--dry-run", "-w", workspace)
    assert shown.code == 0
    assert "+  birthday_email:" in shown.out
    assert "+++ policies/sekisho/birthday_email/birthday_email.rego" in shown.out
    assert files(workspace) == before
    told = json.loads(run(*NEW, "--dry-run", "--json", "-w", workspace).out)
    assert told["written"] is False
    assert {each["file"] for each in told["files"]} == {*FILES, "sekisho.yaml"}


def test_nothing_is_overwritten(workspace, run):
    """A purpose, a notice or a test that is there already stops it before anything is written."""
    (workspace / "tests").mkdir()
    (workspace / "tests" / "birthday_email_test.rego").write_text("mine")
    before = files(workspace)
    refused = run(*NEW, "-w", workspace)
    assert refused.code == 2
    assert "is there already" in refused.err
    assert files(workspace) == before
    shutil.rmtree(workspace / "tests")
    assert run(*NEW, "-w", workspace).code == 0
    after = files(workspace)
    assert run(*NEW, "-w", workspace).code == 2
    assert files(workspace) == after


@pytest.mark.parametrize(
    "arguments",
    [
        ("Birthday", "-d", "crm.customers", "-r", "marketer"),
        ("recommendation", "-d", "crm.customers", "-r", "marketer"),
        ("birthday", "-d", "crm.nobody", "-r", "marketer"),
        ("birthday", "-d", "crm.customers", "-r", "nobody"),
        ("birthday", "-d", "crm.customers", "-r", "marketer", "-c", "crm.customers.birthday"),
        ("birthday", "-d", "crm.customers", "-r", "marketer", "-c", "pos.order_lines.country"),
        ("birthday", "-d", "crm.customers", "-r", "marketer", "--title-en", "two\nlines"),
    ],
    ids=["upper", "taken", "dataset", "requester", "column", "elsewhere", "title"],
)
def test_a_wrong_use_writes_nothing(workspace, run, arguments):
    """A name that cannot be, or that names nothing, is told."""
    before = files(workspace)
    assert run("policy", "new", "purpose", *arguments, "-w", workspace).code == 2
    assert files(workspace) == before


def test_a_fault_in_what_would_be_written_is_told(workspace, run):
    """Where the entry would be no valid purpose, the faults are told and nothing is written."""
    before = files(workspace)
    refused = run(*NEW, "--basis", "contract", "--explicit", "birth_date", "-w", workspace)
    assert refused.code == 1
    assert "explicit" in refused.err
    assert files(workspace) == before


def test_what_the_lint_finds_is_told(workspace, run):
    """A finding is told with file and line, and makes the command fail; as JSON, too."""
    assert run(*NEW, "--rule", "-w", workspace).code == 0
    rule = workspace / "policies" / "sekisho" / "purpose" / "purpose.rego"
    rule.write_text(rule.read_text().replace("#   remedy: Register", "#   advice: Register"))
    found = run("policy", "lint", "-w", workspace)
    assert found.code == 1
    assert "sekisho/purpose/purpose.rego:" in found.out
    told = json.loads(run("policy", "lint", "-w", workspace, "--json").out)
    assert [each["check"] for each in told["findings"] if not each["advice"]] == ["metadata"]
