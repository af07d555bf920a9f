"""``sekisho check``."""

from __future__ import annotations

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, answer, answer_json


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command(epilog="Example: sekisho check --workspace var/demo")(check)


def check(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Validate a workspace: its file, stores and columns, policies, keys and own records.

    Nothing is changed. Exit code 1 means that something must be mended first.
    """
    from sekisho.cli.findings import Level, findings

    found = findings(workspace)
    errors = sum(1 for each in found if each.level is Level.ERROR)
    if as_json:
        answer_json(
            {
                "ok": errors == 0,
                "findings": [{"level": f.level.value, "part": f.part, "finding": f.says} for f in found],
            }
        )
    else:
        for each in found:
            answer(f"{each.level.value}: {each.part}: {each.says}")
        answer(f"{errors} to mend, {len(found) - errors} to think about." if found else "Everything is in order.")
    if errors:
        raise typer.Exit(1)
