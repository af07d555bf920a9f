"""``sekisho policy lint``: the rules of the house, held against the policies of a workspace."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from sekisho.cli.policy import _folder
from sekisho.cli.policy_tests import opa
from sekisho.cli.running import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, answer, answer_json, say


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command(epilog="Example: sekisho policy lint --workspace var/demo --json")(lint)


def lint(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    strict: Annotated[bool, typer.Option("--strict", help="Let advice fail, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find what the policies leave out: METADATA, tests, `not`, reasons gathered; what a decision may not rest on.

    With the program opa it compiles and formats them besides, with regal it runs that. Exit code 1 means that
    something must be mended.
    """
    from sekisho.adapters.policy_lint import lint as findings
    from sekisho.adapters.rego import policy_files

    folder, program = _folder(workspace), opa()
    found = findings(folder, policy_files(folder), program)
    regal = _regal(folder)
    wrong = [each for each in found if strict or not each.advice]
    if as_json:
        told = [
            {"file": f.file, "line": f.line, "check": f.check, "advice": f.advice, "finding": f.says} for f in found
        ]
        answer_json({"ok": not wrong and regal is None, "folder": str(folder), "findings": told, "regal": regal})
    else:
        for each in found:
            answer(f"{each.file}:{each.line}: {'advice' if each.advice else each.check}: {each.says}")
        if regal is not None:
            answer(regal)
        answer(f"{len(wrong)} to mend." if wrong else "Everything is in order.")
        if program is None:
            say("Without the program opa it was not looked at whether they compile strictly and are formatted.")
    if wrong or regal is not None:
        raise typer.Exit(1)


def _regal(folder: Path) -> str | None:
    """Return what regal finds, ``None`` for nothing or where it is not installed."""
    program = shutil.which("regal")
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603 - regal, found by its name, and a folder of the workspace
        [program, "lint", str(folder)], check=False, capture_output=True, text=True
    )
    return None if done.returncode == 0 else done.stdout.strip() or done.stderr.strip()
