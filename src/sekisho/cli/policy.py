"""``sekisho policy``: what the rules are, their tests, and what other policies would decide."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from sekisho.cli import policy_diff
from sekisho.cli.policy_new import own_tests
from sekisho.cli.policy_tests import FolderOption, MinimumOption, opa, run_tests
from sekisho.cli.running import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, answer, answer_json, answer_table
from sekisho.domain.refusal_texts import LANGUAGES
from sekisho.errors import InvalidRequest

app = typer.Typer(help="The policies that decide.", no_args_is_help=True)
policy_diff.register(app)


@app.command(epilog="Example: sekisho policy show")
def show(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    language: Annotated[str, typer.Option(help="Of the table: en or ja.")] = LANGUAGES[0],
    as_json: JsonOption = False,
) -> None:
    """List every reason for which the policies of a workspace can say no, with its source and the remedy."""
    from sekisho.adapters.policy_rules import rules_in

    rules = sorted(rules_in(_folder(workspace)), key=lambda rule: (rule["code"], rule["reason"]))
    if language not in LANGUAGES:
        raise typer.BadParameter(f"rules are told in {' or '.join(LANGUAGES)}", param_hint="--language")
    ending = "" if language == LANGUAGES[0] else f"_{language}"
    if as_json:
        answer_json(rules)
    else:
        answer_table(
            ("code", "reason", "rule", "source", "remedy"),
            [
                (
                    r["code"],
                    r["reason"],
                    r[f"title{ending}"] or r["title"],
                    r["source"],
                    r[f"remedy{ending}"] or r["remedy"],
                )
                for r in rules
            ],
        )


@app.command(epilog="Example: sekisho policy copy policies-next")
def copy(
    folder: Annotated[Path, typer.Argument(help="Folder to write; it must not exist.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Copy the policies of a workspace, with their tests, into a folder where they can be changed."""
    if folder.exists():
        raise InvalidRequest("The folder is there already; name another, or remove it.")
    shutil.copytree(_folder(workspace), folder, ignore=shutil.ignore_patterns("README.md"))
    answer(str(folder))


@app.command("test", epilog="Example: sekisho policy test --min-coverage 100")
def check_rules(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    folder: FolderOption = None,
    min_coverage: MinimumOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the tests that stand beside the rules: by the program opa, with coverage, or by the embedded engine."""
    raise typer.Exit(
        run_tests(
            folder or _folder(workspace),
            *([] if folder else own_tests(workspace)),
            as_json=as_json,
            min_coverage=min_coverage,
            program=opa(),
        )
    )


@app.command(epilog="Example: sekisho policy docs > docs/reference/policies.md")
def docs(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Print the reference page of a workspace's policies, made of their METADATA."""
    from sekisho.adapters.policy_rules import page

    answer(page(_folder(workspace)).rstrip())


def _folder(workspace: Path) -> Path:
    """Return the folder of the policies of *workspace*; those that are shipped where there is no workspace."""
    from sekisho.adapters.rego import shipped_policies
    from sekisho.settings import FILE_NAME, load

    if workspace == DEFAULT_WORKSPACE and not (workspace / FILE_NAME).is_file():
        return shipped_policies()
    return load(workspace).policy.bundle or shipped_policies()
