"""``sekisho policy``: what the rules are, and their tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import typer

from sekisho.cli.policy_new import own_tests
from sekisho.cli.running import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, answer, answer_json, answer_table, say

app = typer.Typer(help="The policies that decide.", no_args_is_help=True)


@app.command(epilog="Example: sekisho policy show")
def show(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """List every reason for which the policies of a workspace can say no, with its source and the remedy."""
    from sekisho.adapters.policy_rules import rules_in

    rules = sorted(rules_in(_folder(workspace)), key=lambda rule: (rule["code"], rule["reason"]))
    if as_json:
        answer_json(rules)
    else:
        answer_table(
            ("code", "reason", "rule", "source", "remedy"),
            [(r["code"], r["reason"], r["title"], r["source"], r["remedy"]) for r in rules],
        )


@app.command("test", epilog="Example: sekisho policy test")
def run_tests(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Run the tests that stand beside the rules, with the program opa."""
    folder, program = _folder(workspace), _opa()
    if program is None:
        say("The program opa is not installed; without it the tests of the policies cannot run.")
        say("Install it with: go install github.com/open-policy-agent/opa@latest")
        say(f"Then: opa test {folder}")
        raise typer.Exit(1)
    done = subprocess.run(  # noqa: S603 - opa, found by its name, and a folder of the workspace
        [program, "test", str(folder), *own_tests(workspace)], check=False, capture_output=True, text=True
    )
    answer(done.stdout.rstrip() or done.stderr.rstrip())
    raise typer.Exit(0 if done.returncode == 0 else 1)


def _folder(workspace: Path) -> Path:
    """Return the folder of the policies of *workspace*; those that are shipped where there is no workspace."""
    from sekisho.adapters.rego import shipped_policies
    from sekisho.settings import FILE_NAME, load

    if workspace == DEFAULT_WORKSPACE and not (workspace / FILE_NAME).is_file():
        return shipped_policies()
    return load(workspace).policy.bundle or shipped_policies()


def _opa() -> str | None:
    """Return the path of opa: on the search path, or where ``go install`` puts it."""
    places = [os.environ.get("GOBIN"), *(f"{root}/bin" for root in [os.environ.get("GOPATH")] if root)]
    search = os.pathsep.join([*(p for p in places if p), str(Path.home() / "go" / "bin")])
    return shutil.which("opa") or shutil.which("opa", path=search)
