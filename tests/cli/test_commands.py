"""What every command has: help that teaches, exit codes, no traceback."""

import subprocess
import sys

import pytest
import typer

import sekisho.cli
from sekisho.errors import StoreUnavailable


def commands(group=None, path=()):
    """Yield every command with its path."""
    group = group or typer.main.get_command(sekisho.cli.app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_importing_the_command_line_loads_nothing_heavy():
    """`sekisho --help` does not wait for engines, servers or models."""
    heavy = "duckdb pyarrow numpy polars sqlalchemy fastapi starlette presidio_analyzer sqlglot regopy uvicorn"
    code = f"import sys, sekisho.cli; print([m for m in {heavy.split()} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_has_help_with_an_example(name, command):
    """Help says what the command does, and shows one that can be copied."""
    assert command.help
    assert f"sekisho {name}" in command.epilog


def test_all_commands_of_the_contract_are_there():
    """The command line has what its contract names."""
    assert {name for name, _ in commands()} >= {
        "demo", "serve", "check", "token", "query", "consent show", "consent withdraw", "consent give",
        "views list", "views read", "policy test", "policy show", "policy diff", "policy shadow",
        "policy copy", "keys show", "migrate up", "migrate down",
        "audit export", "audit verify", "audit checkpoint", "audit proof",
    }  # fmt: skip


@pytest.mark.parametrize("arguments", [["nonsense"], ["query"], ["demo", "--scale", "0"], ["token"]])
def test_wrong_use_exits_2(run, arguments):
    """A command that was used wrongly says so on standard error."""
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


PERSON = "customer_id:12347"
GIVE = ("consent", "give", PERSON, "recommendation")
WRONG = {
    "show-person": ("consent", "show", "12347"),
    "withdraw-purpose": ("consent", "withdraw", PERSON, "nonsense"),
    "withdraw-contract": ("consent", "withdraw", PERSON, "customer_support"),
    "withdraw-kind-of-person": ("consent", "withdraw", "shoe_size:42", "recommendation"),
    "withdraw-method": ("consent", "withdraw", PERSON, "recommendation", "--method", "guess"),
    "withdraw-scope": ("consent", "withdraw", PERSON, "recommendation", "--scope", "data_category=nonsense"),
    "withdraw-as": ("consent", "withdraw", PERSON, "recommendation", "--as", "nobody"),
    "give-purpose": ("consent", "give", PERSON, "nonsense"),
    "give-scope": (*GIVE, "--scope", "purchase"),
    "give-method": (*GIVE, "--method", "guess"),
    "give-until": (*GIVE, "--until", "tomorrow"),
    "give-until-passed": (*GIVE, "--until", "2001-01-01"),
    "give-as": (*GIVE, "--as", "nobody"),
    "import-as": ("consent", "import", "FILE", "--as", "nobody"),
    "import-format": ("consent", "import", "FILE", "--format", "xml"),
    "import-file": ("consent", "import", "no-such-file.ndjson"),
    "link-as": ("consent", "link", PERSON, "customer_id:2", "--as", "nobody"),
    "link-kind": ("consent", "link", PERSON, "shoe_size:42"),
    "unlink-person": ("consent", "unlink", PERSON, "12347"),
    "notices-list-as": ("notices", "list", "--as", "nobody"),
    "notices-show-key": ("notices", "show", "nonsense"),
    "notices-show-version": ("notices", "show", "recommendation", "--version", "99"),
    "notices-draft-purpose": ("notices", "draft", "k", "--ja", "FILE", "--en", "FILE", "-p", "nonsense"),
    "notices-draft-file": ("notices", "draft", "k", "--ja", "none", "--en", "none", "-p", "recommendation"),
    "notices-simulate-version": ("notices", "simulate", "recommendation", "99"),
    "notices-publish-key": ("notices", "publish", "nonsense", "1"),
    "notices-publish-as": ("notices", "publish", "recommendation", "1", "--as", "nobody"),
    "webhooks-list-requester": ("webhooks", "list", "--requester", "nobody"),
    "webhooks-add-url": ("webhooks", "add", "ftp://example.com/x", "--requester", "recommender"),
    "webhooks-add-requester": ("webhooks", "add", "https://example.com/x", "--requester", "nobody"),
    "webhooks-deliveries-id": ("webhooks", "deliveries", "nonsense", "--requester", "recommender"),
    "webhooks-deliveries-limit": ("webhooks", "deliveries", "x", "--requester", "recommender", "--limit", "0"),
    "webhooks-replay-id": ("webhooks", "replay", "nonsense", "--after-seq", "0", "--requester", "recommender"),
    "webhooks-delete-id": ("webhooks", "delete", "nonsense", "--requester", "recommender"),
    "query-purpose": ("query", "-r", "recommender", "-p", "nonsense", "SELECT 1"),
    "query-requester": ("query", "-r", "nobody", "-p", "recommendation", "SELECT 1"),
    "query-format": ("query", "-r", "recommender", "-p", "recommendation", "-f", "xml", "SELECT 1"),
    "query-max-rows": ("query", "-r", "recommender", "-p", "recommendation", "--max-rows", "0", "SELECT 1"),
    "token-requester": ("token", "-r", "nobody"),
    "token-data-subject": ("token", "--data-subject", "12347"),
    "token-ttl": ("token", "-r", "recommender", "--ttl", "0"),
    "token-both": ("token", "-r", "recommender", "--data-subject", PERSON),
    "views-name": ("views", "read", "nonsense", "-r", "analyst"),
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_an_argument_that_names_nothing_exits_2(run, built, tmp_path, arguments):
    """Unknown purposes, requesters and values are wrong use, in every command; nothing is answered."""
    file = tmp_path / "file.txt"
    file.write_text("text")
    ran = run(*(file if each == "FILE" else each for each in arguments), "-w", built)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err
    assert "Traceback" not in ran.err


REFUSED = {
    "purpose-of-others": ("query", "-r", "recommender", "-p", "targeted_advertising", "SELECT 1"),
    "no-collection-point": (*GIVE, "--as", "recommender"),
    "no-officer": ("notices", "list", "--as", "recommender"),
    "unknown-dataset": ("query", "-r", "recommender", "-p", "recommendation", "SELECT * FROM a.b"),
    "file-with-faults": ("consent", "import", "FILE"),
}


@pytest.mark.parametrize("arguments", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_exits_1(run, built, tmp_path, arguments):
    """A no of the rules to what was asked rightly is a failure, not wrong use."""
    file = tmp_path / "file.ndjson"
    file.write_text("text")
    ran = run(*(file if each == "FILE" else each for each in arguments), "-w", built)
    assert ran.code == 1


def test_a_refusal_is_a_code_and_a_sentence(run, tmp_path):
    """What Sekisho refuses ends in one line, never in a traceback."""
    ran = run("keys", "show", "-w", tmp_path / "nowhere")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("workspace_invalid: line 1: cannot read sekisho.yaml")
    assert "Traceback" not in ran.err


def test_an_unexpected_error_shows_no_message(run, monkeypatch, built):
    """The message of another error may hold a data value: only its class and place are shown."""

    def fail(_folder):
        raise RuntimeError("山田 花子")

    monkeypatch.setattr("sekisho.settings.load", fail)
    ran = run("keys", "show", "-w", built)
    assert ran.code == 1
    assert ran.err.startswith("internal_error: RuntimeError at keys.py:")
    assert "山田" not in ran.err


def test_a_store_that_fails_ends_a_query_with_its_code(run, monkeypatch, built):
    """A failure of a part comes out as its code."""

    async def fail(*_arguments, **_options):
        raise StoreUnavailable("The store did not answer.")

    monkeypatch.setattr("sekisho.gateway.Gateway.query", fail)
    ran = run("query", "-w", built, "-r", "recommender", "-p", "recommendation", "SELECT 1")
    assert (ran.code, ran.out, ran.err) == (1, "", "store_unavailable: The store did not answer.\n")
