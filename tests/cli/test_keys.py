"""``sekisho keys``: epochs, a provider for an existing workspace, pseudonyms turned back."""

from __future__ import annotations

import io
import json
import re

import pytest

from tests.adapters.vault_world import fake_vault, real_vault

SQL = "SELECT customer_id FROM crm.customers"
PURPOSE = """
purposes:
  incident_response:
    title: {ja: 事故対応, en: Incident response}
    description: {ja: 漏えいした本人に知らせます。, en: We tell the people concerned by a leak.}
    legal_basis: legal_obligation
    clear: [customer_id]
    detokenise: [micro_segmentation]
"""


def edited(workspace, *changes):
    """Change the workspace file."""
    file = workspace / "sekisho.yaml"
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)


def pseudonyms(run, workspace):
    """Return what the marketer receives."""
    asked = run("query", "-w", workspace, "-r", "marketer", "-p", "micro_segmentation", "--format", "json", SQL)
    assert asked.code == 0, asked.err
    return [row[0] for row in json.loads(asked.out)["rows"]]


def test_epochs_are_listed_and_begun(run, workspace):
    """A rotation is listed with its scope, is the epoch that is shown, and changes what a requester receives."""
    assert [e["epoch"] for e in json.loads(run("keys", "list", "-w", workspace, "--json").out)] == [1]
    before = pseudonyms(run, workspace)
    begun = run("keys", "rotate", "-w", workspace, "--by", "privacy_officer", "--json")
    assert json.loads(begun.out)["epoch"] == 2
    assert not set(before) & set(pseudonyms(run, workspace))
    listed = json.loads(run("keys", "list", "-w", workspace, "--json").out)
    assert [(e["epoch"], e["scope"], e["provider"]) for e in listed] == [
        (1, "pseudonyms", None),
        (2, "pseudonyms", "file"),
    ]
    assert json.loads(run("keys", "show", "-w", workspace, "--json").out)["epoch"] == 2
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", e["began_at"]) for e in listed[1:])
    assert "2\tpseudonyms" in run("keys", "list", "-w", workspace).out
    refused = run("keys", "rotate", "-w", workspace, "--by", "marketer")
    assert refused.code == 1
    assert "privacy officer" in refused.err


@pytest.mark.enable_socket
@pytest.mark.parametrize("start", [fake_vault, real_vault], ids=["fake", "real"])
def test_an_existing_workspace_takes_a_provider(run, workspace, tmp_path, start):
    """Wrapped by a provider, everything goes on with the same keys; without it nothing starts, and that is told."""
    before = pseudonyms(run, workspace)
    run("keys", "rotate", "-w", workspace, "--by", "privacy_officer", "--scope", "lifecycle_email")
    with start(tmp_path) as vault:
        edited(workspace, ("  directory: var/keys", f"{vault.settings()}  directory: var/keys"))
        assert run("keys", "wrap", "-w", workspace).code == 0
        assert [path.name for path in (workspace / "var" / "keys").iterdir()] == ["keyring.json"]
        assert pseudonyms(run, workspace) == before
        vault.rotate()
        assert run("keys", "wrap", "-w", workspace).code == 0
        vault.forget_old_versions()
        assert pseudonyms(run, workspace) == before
        assert json.loads(run("keys", "list", "-w", workspace, "--json").out)[1]["provider"] == "vault"
        assert run("check", "-w", workspace).code == 0
        vault.seal()
        for command in (
            ["check"],
            ["keys", "show"],
            ["token", "-r", "marketer"],
            ["keys", "rotate", "--by", "auditor"],
        ):
            refused = run(*command, "-w", workspace)
            assert refused.code == 1
            assert "unseal" in refused.out + refused.err
            assert vault.token not in refused.out + refused.err
    refused = run("query", "-w", workspace, "-r", "marketer", "-p", "micro_segmentation", SQL)
    assert refused.code == 1
    assert "keys.address" in refused.err
    assert vault.address not in refused.err
    assert "Traceback" not in refused.err


def test_a_provider_that_wraps_nothing(run, workspace):
    """Without a provider there is nothing to wrap by."""
    assert "provider: vault" in run("keys", "wrap", "-w", workspace).err


def test_pseudonyms_are_turned_back(run, workspace, monkeypatch):
    """What stands in a file, a pseudonym a line, is answered line by line, and those made up by nothing."""
    edited(
        workspace,
        ("\npurposes:\n", PURPOSE),
        ("purposes: [fraud_prevention]", "purposes: [fraud_prevention, incident_response]"),
        ("purposes: &known_customers\n", "purposes: &known_customers\n      - incident_response\n"),
    )
    names = pseudonyms(run, workspace)[:2]
    command = (
        "keys", "detokenise", "-w", workspace, "-r", "fraud_team", "-p", "incident_response",
        "--received-by", "marketer", "--received-for", "micro_segmentation",
    )  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*names, "0" * 32, ""])))
    items = json.loads(run(*command, "--json").out)["items"]
    assert [item["pseudonym"] for item in items] == [*names, "0" * 32]
    assert [item["identifier"] is None for item in items] == [False, False, True]
    monkeypatch.setattr("sys.stdin", io.StringIO(names[0]))
    assert f"{names[0]}\t{items[0]['identifier']}" in run(*command).out


def test_tokens_of_a_column_are_turned_back(run, workspace, monkeypatch):
    """With ``--column`` lines are tokens of that linking identifier: each is answered by the person whose it is."""
    edited(
        workspace,
        ("\npurposes:\n", PURPOSE),
        ("purposes: [fraud_prevention]", "purposes: [fraud_prevention, incident_response]"),
        ("purposes: &known_customers\n", "purposes: &known_customers\n      - incident_response\n"),
    )
    asked = run(
        "query", "-w", workspace, "-r", "marketer", "-p", "micro_segmentation", "--format", "json",
        "SELECT DISTINCT invoice, customer_id FROM pos.order_lines",
    )  # fmt: skip
    (token, whose), *_ = json.loads(asked.out)["rows"]
    command = (
        "keys", "detokenise", "-w", workspace, "-r", "fraud_team", "-p", "incident_response",
        "--received-by", "marketer", "--received-for", "micro_segmentation",
    )  # fmt: skip

    def answered(line, *options):
        monkeypatch.setattr("sys.stdin", io.StringIO(line))
        done = run(*command, *options, "--json")
        assert done.code == 0, done.err
        return [item["identifier"] for item in json.loads(done.out)["items"]]

    (customer,) = answered(whose)
    assert customer is not None
    assert answered(f"{token}\n{'A' * 43}", "--column", "pos.order_lines.invoice") == [customer, None]
    assert answered(token) == [None]
    monkeypatch.setattr("sys.stdin", io.StringIO(token))
    assert "linking identifier" in run(*command, "--column", "crm.customers.customer_id").err


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("  provider: vault\n", "needs `token_file`"),
        ("  address: https://vault.example\n", "add `provider: vault`"),
        ("  provider: kms\n", "is no provider"),
        ("  provider: vault\n  address: http://vault.example\n  transit_key: k\n  token_file: t\n", "safely reached"),
        (
            "  provider: vault\n  address: https://u:p@v\n  transit_key: k\n  token_file: t\n",
            "safely reached",
        ),
        (
            "  provider: vault\n  address: https://v\n  transit_key: a/../b\n  token_file: t\n",
            "`transit_key`",
        ),
        ("  grace_epochs: 101\n", "whole number"),
    ],
    ids=["needs", "of no provider", "unknown", "in the clear", "with a password", "path", "grace"],
)
def test_keys_are_said_wrongly(run, workspace, lines, says):
    """What could not be kept is told with its line; no address is repeated."""
    edited(workspace, ("  directory: var/keys", f"{lines}  directory: var/keys"))
    refused = run("keys", "show", "-w", workspace)
    assert refused.code == 1
    assert says in refused.err
    assert "u:p@" not in refused.err
