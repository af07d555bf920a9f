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
        "views list", "views read", "policy test", "policy show", "keys show", "migrate up", "migrate down",
        "audit export", "audit verify",
    }  # fmt: skip


@pytest.mark.parametrize("arguments", [["nonsense"], ["query"], ["demo", "--scale", "0"], ["token"]])
def test_wrong_use_exits_2(run, arguments):
    """A command that was used wrongly says so on standard error."""
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


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
