"""``sekisho notices``: what people are asked, drafted, simulated and published as the privacy officer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    answer,
    answer_json,
    answer_table,
    requester_named,
    say,
    with_workspace,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sekisho.bootstrap import Workspace

app = typer.Typer(help="Draft, simulate and publish what people are asked.", no_args_is_help=True)

KeyArgument = Annotated[str, typer.Argument(help="Key of the notice.")]
VersionArgument = Annotated[str, typer.Argument(help="The version.")]
OfficerOption = Annotated[str, typer.Option("--as", help="Who does it: a requester that is a privacy officer.")]


@app.command("list", epilog="Example: sekisho notices list")
def list_notices(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    officer: OfficerOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """List every version of every notice, newest last."""

    async def look(opened: Workspace) -> list[dict[str, object]]:
        return await opened.consents.notices.all_notices(requester_named(opened, officer))

    found = with_workspace(workspace, look)
    if as_json:
        answer_json({"items": found})
        return
    answer_table(
        ("key", "version", "change", "status", "since", "purposes"),
        [
            (n["key"], n["version"], n["change"], n["status"], n["effective_from"], _joined(n["purposes"]))
            for n in found
        ],
    )


@app.command(epilog="Example: sekisho notices show recommendation --locale en")
def show(
    key: Annotated[str, typer.Argument(help="Key of the notice, or a purpose: then the notice in force for it.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    locale: Annotated[str, typer.Option(help="Language.")] = "ja",
    version: Annotated[str | None, typer.Option(help="An older version.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a notice as people are shown it."""

    async def look(opened: Workspace) -> dict[str, object]:
        return await opened.consents.notices.in_force(key, locale, version)

    found = with_workspace(workspace, look)
    if as_json:
        answer_json(found)
        return
    say(f"{found['key']}, version {found['version']}, {found['locale']}, SHA-256 {found['sha256']}")
    answer(str(found["text"]).removesuffix("\n"))


@app.command(epilog="Example: sekisho notices draft recommendation --major -p recommendation --ja ja.txt --en en.txt")
def draft(
    key: KeyArgument,
    japanese: Annotated[Path, typer.Option("--ja", help="File with the text in Japanese.", show_default=False)],
    english: Annotated[Path, typer.Option("--en", help="File with the text in English.", show_default=False)],
    purposes: Annotated[
        list[str], typer.Option("--purpose", "-p", help="A purpose that it tells of; repeatable.", show_default=False)
    ],
    major: Annotated[bool, typer.Option("--major/--minor", help="People are to be asked again.")] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    officer: OfficerOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """Keep a new version of a notice. Nobody is shown it before it is published."""
    from sekisho.domain.notices import Change

    texts = {"ja": _text(japanese), "en": _text(english)}
    change = Change.MAJOR if major else Change.MINOR

    async def write(opened: Workspace) -> Mapping[str, object]:
        return await opened.consents.notices.draft(requester_named(opened, officer), key, change, purposes, texts)

    done = with_workspace(workspace, write)
    if as_json:
        answer_json(done)
        return
    answer(f"Drafted as {key}, version {done['version']}, {done['change']}.")
    say(f"What it would do: sekisho notices simulate {key} {done['version']} -w {workspace}")


@app.command(epilog="Example: sekisho notices simulate recommendation 2")
def simulate(
    key: KeyArgument,
    version: VersionArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    officer: OfficerOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """Tell whom publishing a draft would touch. Changes nothing."""

    async def look(opened: Workspace) -> dict[str, object]:
        return await opened.consents.notices.simulate(requester_named(opened, officer), key, version)

    effect = with_workspace(workspace, look)
    if as_json:
        answer_json(effect)
        return
    again, now = effect["by_purpose"], effect["in_force_now"]
    assert isinstance(again, dict)  # noqa: S101 - counts by purpose
    assert isinstance(now, dict)  # noqa: S101 - as above
    answer_table(("purpose", "in force now", "asked again"), [(name, now[name], again[name]) for name in again])
    lost = _joined(effect["requesters"])
    answer(f"{effect['asked_again']:,} people would be asked again." + (f" They lose data: {lost}." if lost else ""))
    say(f"To bring it into force: sekisho notices publish {key} {version} -w {workspace}")


@app.command(epilog="Example: sekisho notices publish recommendation 2")
def publish(
    key: KeyArgument,
    version: VersionArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    officer: OfficerOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """Bring a draft into force, on every worker at once. Publishing it again changes nothing."""

    async def write(opened: Workspace) -> dict[str, object]:
        return await opened.consents.notices.publish(requester_named(opened, officer), key, version)

    done = with_workspace(workspace, write)
    if as_json:
        answer_json(done)
        return
    answer(f"In force: {key}, version {version}, {done['change']}, consent sequence {done['seq']}.")


def _text(path: Path) -> str:
    """Return the text of a file, every byte of it. Raises ``typer.BadParameter``."""
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{path} is not UTF-8") from None


def _joined(names: object) -> str:
    return ", ".join(map(str, names)) if isinstance(names, list) else ""
