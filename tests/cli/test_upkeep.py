"""Commands that keep a workspace: consent, policy, keys, migrate, check."""

import json
import shutil
import sqlite3
from base64 import b64encode
from contextlib import closing

import pytest

PERSON = "customer_id:12347"


def states(run, folder, purpose="recommendation"):
    """Return the states of one purpose's cells."""
    items = json.loads(run("consent", "show", PERSON, "-w", folder, "--json").out)["items"]
    return {
        (item.get("scope") or {}).get("data_category"): item["state"] for item in items if item["purpose"] == purpose
    }


def test_consent_is_withdrawn_given_and_shown(run, workspace):
    """A withdrawal is about all cells, a yes may name one; both are recorded by the consent desk."""
    assert run("consent", "withdraw", PERSON, "recommendation", "-w", workspace).code == 0
    assert set(states(run, workspace).values()) == {"withdrawn"}
    given = run(
        "consent", "give", PERSON, "recommendation", "--scope", "data_category=purchase", "-w", workspace, "--json"
    )
    assert json.loads(given.out)["state"] == "given"
    assert states(run, workspace) == {
        "purchase": "given", "behaviour": "withdrawn", "intent": "withdrawn", "profile": "withdrawn"
    }  # fmt: skip


def test_legitimate_interest_is_objected_to(run, workspace):
    """Where nobody was asked, the no is an objection."""
    ran = run("consent", "withdraw", PERSON, "ab_measurement", "-w", workspace)
    assert "objected" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["withdraw", PERSON, "nonsense"], 2, "unknown_purpose"),
        (["give", "12347", "recommendation"], 2, "invalid_request"),
        (["give", PERSON, "recommendation", "--as", "recommender"], 1, "access_denied"),
        (["give", PERSON, "recommendation", "--scope", "purchase"], 2, "DIMENSION=VALUE"),
    ],
)
def test_what_may_not_be_recorded_is_refused(run, workspace, arguments, code, says):
    """Unknown purposes, unreadable names, and a requester that says yes to its own use."""
    ran = run("consent", *arguments, "-w", workspace)
    assert ran.code == code
    assert says in ran.err


def test_policy_show_lists_every_reason_with_its_source(run, built):
    """Each reason to say no has a code, a source and a remedy."""
    rules = json.loads(run("policy", "show", "-w", built, "--json").out)
    assert {"purpose_not_registered", "published_views_only", "sensitive_not_needed"} <= {r["reason"] for r in rules}
    assert all(rule["code"] and rule["source"] and rule["remedy"] for rule in rules)


def test_keys_show_tells_no_secret(run, built):
    """The public halves only: no byte of a secret key in any usual spelling."""
    ran = run("keys", "show", "-w", built, "--json")
    assert json.loads(ran.out)["audit_verification_key"].startswith("sekisho/audit+")
    for name in ("master.key", "log.key", "issuer.key"):
        secret = (built / "var" / "keys" / name).read_bytes()
        assert secret.hex() not in ran.out
        assert b64encode(secret).decode()[:40] not in ran.out


def test_migrate_up_is_harmless_and_down_asks(run, workspace):
    """Up changes nothing on a new schema; down removes everything, and only when told to."""
    database = workspace / "var" / "sekisho.db"
    with closing(sqlite3.connect(database)) as connection:
        before = connection.execute("SELECT count(*) FROM consent_event").fetchone()
    assert run("migrate", "up", "-w", workspace).code == 0
    assert run("migrate", "down", "-w", workspace).code == 2
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM consent_event").fetchone() == before
    assert run("migrate", "down", "--yes", "-w", workspace).code == 0
    with closing(sqlite3.connect(database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "consent_event" not in tables


def test_check_finds_nothing_wrong_with_the_demonstration(run, built):
    """The demonstration workspace is in order."""
    ran = run("check", "-w", built, "--json")
    assert (ran.code, json.loads(ran.out)) == (0, {"ok": True, "findings": []})


def edit(folder, old, new):
    """Replace a text of sekisho.yaml."""
    path = folder / "sekisho.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_check_names_faults_of_the_file_by_line(run, workspace):
    """A fault in sekisho.yaml comes with its line."""
    edit(workspace, "engine: embedded", "engine: magic")
    ran = run("check", "-w", workspace)
    assert ran.code == 1
    assert "error: sekisho.yaml: line " in ran.out


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("name_kana: {type: string", "kana: {type: string", "the store has no column kana"),
        ("quantity: {type: integer", "quantity: {type: boolean", "quantity is INTEGER in the store"),
        ("relation: tickets", "relation: letters", "there is no table letters"),
        ("nps: {type: integer", "nps: {type: date", "cannot be read"),
        ("location: stores/pos}", "location: stores/nowhere}", "cannot be read"),
    ],
)
def test_check_holds_the_catalogue_against_the_stores(run, workspace, old, new, says):
    """A column, type, table or file that the store does not have is found before anybody asks for it."""
    edit(workspace, old, new)
    ran = run("check", "-w", workspace)
    assert ran.code == 1
    assert says in ran.out


def test_check_finds_keys_that_others_can_read(run, workspace):
    """A key folder that is open to others is an error."""
    (workspace / "var" / "keys").chmod(0o755)
    ran = run("check", "-w", workspace)
    assert ran.code == 1
    assert "error: keys: " in ran.out


def test_check_finds_policies_that_do_not_load(run, workspace, tmp_path):
    """Policies that cannot be loaded are an error: nothing would be released."""
    (workspace / "rules").mkdir()
    edit(workspace, "bundle: builtin", "bundle: rules")
    ran = run("check", "-w", workspace)
    assert ran.code == 1
    assert "error: policy: " in ran.out


def test_check_changes_nothing(run, workspace):
    """Missing keys and records are said, not made."""
    shutil.rmtree(workspace / "var")
    ran = run("check", "-w", workspace)
    assert ran.code == 0
    assert "warning: keys: " in ran.out
    assert "warning: database: " in ran.out
    assert not (workspace / "var").exists()
