"""``sekisho policy``: tests with coverage, what another policy would change, the shadow; and ``query --explain``."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from sekisho import settings
from sekisho.adapters.rego import policy_files, shipped_policies
from sekisho.cli import policy as policy_commands
from sekisho.cli import policy_tests

RULES = """package sekisho.access

default decision := {"allow": false}

decision := {"allow": true} if input.purpose.name == "recommendation"

unreached if input.never
"""
TESTS = """package sekisho.access_test

import data.sekisho.access

test_recommendation_is_allowed if {
	access.decision.allow with input as {"purpose": {"name": "recommendation"}}
}

test_nothing_else_is_allowed if {
	not access.decision.allow with input as {"purpose": {"name": "ads"}}
}
"""
SENSITIVE = "SELECT prefecture FROM crm.customers WHERE income_band = '5'"


@pytest.fixture
def workspace(workspace):
    """A workspace in which nobody has asked anything."""
    with closing(sqlite3.connect(settings.load(workspace).database_url.removeprefix("sqlite:///"))) as database:
        database.executescript("DELETE FROM asked_day; DELETE FROM asked_question;")
    return workspace


@pytest.fixture
def small(tmp_path):
    """A folder with one rule and its tests."""
    folder = tmp_path / "small" / "sekisho" / "access"
    folder.mkdir(parents=True)
    (folder / "access.rego").write_text(RULES)
    (folder / "access_test.rego").write_text(TESTS)
    return folder.parents[1]


@pytest.fixture
def without_opa(monkeypatch):
    """A machine without the program opa."""
    monkeypatch.setattr(policy_commands, "opa", lambda: None)


@pytest.fixture
def changed(tmp_path):
    """A folder with the shipped policies, of which one refuses more."""
    folder = tmp_path / "next"
    shutil.copytree(shipped_policies(), folder)
    rule = folder / "sekisho" / "purpose" / "purpose.rego"
    refused = '{"code": "access_denied", "reason": "no_more"}'
    rule.write_text(rule.read_text() + f'\ndeny contains {refused} if input.purpose.name == "recommendation"\n')
    return folder


def ask(run, workspace, sql="SELECT customer_id FROM pos.order_lines LIMIT 1"):
    """Ask something, so that it is recorded."""
    ran = run("query", "-w", workspace, "-r", "recommender", "-p", "recommendation", sql)
    assert ran.code == 0, ran.err


@pytest.mark.enable_socket
def test_the_embedded_engine_runs_tests_without_opa(run, small, without_opa):
    """Without opa each test runs in the embedded engine; a failure fails, and coverage is said to be unknown."""
    ran = run("policy", "test", "--folder", small, "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["engine"], told["passed"], told["failed"], told["ok"]) == (0, "embedded", 2, 0, True)
    assert told["coverage"] is None
    assert run("policy", "test", "--folder", small, "--min-coverage", "1").code == 1
    rule = small / "sekisho" / "access" / "access.rego"
    rule.write_text(rule.read_text().replace('"recommendation"', '"ads"'))
    ran = run("policy", "test", "--folder", small)
    assert ran.code == 1
    assert ran.out.count("failed\t") == 2


@pytest.mark.enable_socket
def test_no_test_at_all_proves_nothing(run, small, without_opa):
    """A folder without tests does not pass."""
    (small / "sekisho" / "access" / "access_test.rego").unlink()
    assert run("policy", "test", "--folder", small).code == 1


@pytest.mark.opa
def test_opa_runs_the_tests_with_coverage(run, built, small):
    """With opa the tests beside the rules run, and lines that none reaches are named."""
    if policy_tests.opa() is None:
        pytest.skip("opa is not installed")
    told = json.loads(run("policy", "test", "-w", built, "--min-coverage", "100", "--json").out)
    assert (told["engine"], told["failed"], told["coverage"], told["ok"]) == ("opa", 0, 100, True)
    assert told["passed"] > 50
    ran = run("policy", "test", "--folder", small, "--min-coverage", "100")
    assert ran.code == 1
    assert "not reached: sekisho/access/access.rego:7" in ran.err
    assert run("policy", "test", "--folder", small, "--min-coverage", "50").code == 0
    rule = small / "sekisho" / "access" / "access.rego"
    rule.write_text(rule.read_text().replace('"recommendation"', '"ads"'))
    assert (
        "Coverage cannot be told while a test fails"
        in run("policy", "test", "--folder", small, "--min-coverage", "50").err
    )


@pytest.mark.opa
def test_policies_that_opa_cannot_read_are_named_with_their_fault(run, small):
    """What opa says of policies that do not compile is told: the file and what is wrong there."""
    rule = small / "sekisho" / "access" / "access.rego"
    rule.write_text(rule.read_text() + "\nhalf := {\n")
    if policy_tests.opa() is None:
        pytest.skip("opa is not installed")
    failed = run("policy", "test", "--folder", small)
    assert failed.code == 2
    assert "access.rego:" in failed.err
    assert "rego_parse_error" in failed.err


@pytest.mark.enable_socket
def test_diff_tells_what_recorded_requests_would_change(run, workspace, changed):
    """Of what was asked, what the new policy refuses is listed with how often; the exit code says so."""
    for _ in range(2):
        ask(run, workspace)
    ran = run("policy", "diff", "current", changed, "-w", workspace, "--recorded", "7d", "--json")
    told = json.loads(ran.out)
    assert ran.code == 3
    assert told["changed"] == {"requests": 1, "times": 2}
    assert told["kinds"] == {"allow_to_deny": {"requests": 1, "times": 2}}
    assert told["items"][0]["after"]["reasons"] == ["no_more"]
    ran = run("policy", "diff", "current", changed, "-w", workspace)
    assert "2\tallow_to_deny\trecommender\trecommendation\tpos.order_lines" in ran.out
    assert "1 of 1 recorded requests change" in ran.err
    assert "… the other" in ran.err  # progress, line by line where there is no terminal


@pytest.mark.enable_socket
def test_diff_of_equal_policies_is_empty(run, workspace):
    """The policies in force, those that are shipped and the revision that was in force decide alike: exit code 0."""
    ask(run, workspace)
    revision = json.loads(run("policy", "diff", "builtin", "current", "-w", workspace, "--json").out)["after"]
    ran = run("policy", "diff", revision[:8], "builtin", "-w", workspace, "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["requests"], told["changed"]["requests"]) == (0, 1, 0)
    assert told["before"] == told["after"] == revision


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nowhere", "current"), 2),
        (("builtin", "0123456789abcdef"), 2),
        (("builtin", "current", "--recorded", "soon"), 2),
        (("builtin", "current", "--recorded", "0d"), 2),
    ],
    ids=["folder", "revision", "word", "no-day"],
)
def test_diff_used_wrongly(run, built, arguments, code):
    """What names no policy or no period is told as used wrongly."""
    assert run("policy", "diff", *arguments, "-w", built).code == code


@pytest.mark.enable_socket
def test_shadow_lists_its_differences(run, workspace, changed):
    """Where the shadow policy decided otherwise is listed; without one it says how to set one."""
    ran = run("policy", "shadow", "-w", workspace)
    assert (ran.code, ran.out.splitlines()[1:]) == (0, [])
    assert "shadow:" in ran.err
    file = workspace / "sekisho.yaml"
    file.write_text(file.read_text().replace("\npolicy:\n", f"\npolicy:\n  shadow: {changed}\n"))
    ask(run, workspace)
    (found,) = json.loads(run("policy", "shadow", "-w", workspace, "--json").out)
    assert (found["times"], list(found["changes"])) == (1, ["allow_to_deny"])
    assert found["shadow"] != found["live"]
    assert "1\tallow_to_deny\trecommender" in run("policy", "shadow", "-w", workspace).out


def test_copy_writes_what_decides_alike(run, built, tmp_path):
    """The copy has the modules and tests of the workspace's policies; a folder that is there is left alone."""
    assert run("policy", "copy", tmp_path / "copied", "-w", built).code == 0
    assert policy_files(tmp_path / "copied") == policy_files(shipped_policies())
    assert list((tmp_path / "copied").rglob("*_test.rego"))
    assert run("policy", "copy", tmp_path / "copied", "-w", built).code == 2


@pytest.mark.parametrize(("language", "word"), [("en", "Sensitive column not needed"), ("ja", "要配慮個人情報")])
def test_explain_in_words(run, built, language, word):
    """``--explain --format table`` says in words why, what helps and what would change it, in either language."""
    ran = run("query", "-w", built, "-r", "support_desk", "-p", "customer_support", "--explain", "--format", "table",
              "--language", language, SENSITIVE)  # fmt: skip
    assert ran.code == 0
    assert word in ran.out
    assert "crm.customers.income_band" in ran.out.splitlines()[-1]
    told = json.loads(run("query", "-w", built, "-r", "support_desk", "-p", "customer_support", "--explain", "--json",
                          "--language", language, SENSITIVE).out)  # fmt: skip
    assert word in told["why"][0]["title"]
    assert told["changes"][0]["text"] in ran.out


def test_explain_tells_a_refusal_of_the_gateway_and_fails(run, built):
    """What the gateway itself refuses is explained on standard output, and the command still fails."""
    ran = run("query", "-w", built, "-r", "marketer", "-p", "micro_segmentation", "--explain",
              "SELECT member_rank FROM crm.customers WHERE email LIKE 'a%'")  # fmt: skip
    told = json.loads(ran.out)
    assert (ran.code, told["code"]) == (1, "masked_column_use")
    assert told["changes"][0]["name"] == "crm.customers.email"
    assert "masked_column_use" in ran.err


def test_policy_show_speaks_japanese(run, built):
    """The reasons of the policies are told in Japanese, too."""
    told = run("policy", "show", "-w", built, "--language", "ja").out
    assert "要配慮個人情報" in told
    rules = json.loads(run("policy", "show", "-w", built, "--json").out)
    assert all(rule["title_ja"] and rule["description_ja"] and rule["remedy_ja"] for rule in rules)


def test_check_warns_of_a_shadow_that_decides_nothing(run, workspace, changed):
    """A shadow that does not load is a warning and no fault; one that does is neither."""
    file = workspace / "sekisho.yaml"
    file.write_text(file.read_text().replace("\npolicy:\n", f"\npolicy:\n  shadow: {changed}\n"))
    assert "shadow" not in run("check", "-w", workspace).out
    shutil.rmtree(changed)
    ran = run("check", "-w", workspace)
    assert ran.code == 0
    assert "warning: policy: the shadow policy does not load" in ran.out
