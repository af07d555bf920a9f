"""``sekisho policy new``: a purpose with everything that belongs to it, written where it belongs."""

from __future__ import annotations

import asyncio
import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, answer, answer_json, say
from sekisho.domain.terms import LegalBasis
from sekisho.errors import InvalidRequest

if TYPE_CHECKING:
    from sekisho.cli.purpose_files import NewPurpose
    from sekisho.settings import Settings

app = typer.Typer(help="Write what a new purpose needs.", no_args_is_help=True)


def register(policies: typer.Typer) -> None:
    """Add the group to *policies*."""
    policies.add_typer(app, name="new")


TESTS: Final = "tests"
"""Folder of a workspace with tests of its own questions; ``sekisho policy test`` runs them besides."""

_POLICIES = "policies"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_TUESDAY = datetime(2026, 11, 24, 3, tzinfo=UTC)  # a working day by noon in Japan: no rule about time meets it

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")]


@dataclass(frozen=True, slots=True)
class Change:
    """One file: what it holds now (``None``: it is not there) and what it will hold; ``copied`` as it is shipped."""

    path: str
    before: str | None
    after: str
    copied: bool = False


@app.command(epilog="Example: sekisho policy new purpose birthday_email -d crm.customers -r marketer --dry-run")
def purpose(
    name: Annotated[str, typer.Argument(help="Its name: a to z, 0 to 9 and _.")],
    dataset: Annotated[list[str], typer.Option("--dataset", "-d", help="A dataset to use.", show_default=False)],
    requester: Annotated[list[str], typer.Option("--requester", "-r", help="Who may name it.", show_default=False)],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    column: Annotated[
        list[str] | None, typer.Option("--column", "-c", help="DATASET.COLUMN that it needs.", show_default=False)
    ] = None,
    basis: Annotated[LegalBasis, typer.Option(help="On what ground.")] = LegalBasis.CONSENT,
    explicit: Annotated[
        list[str] | None, typer.Option(help="A category that people agree to by name.", show_default=False)
    ] = None,
    title_ja: Annotated[str | None, typer.Option(help="For customers, in Japanese.", show_default=False)] = None,
    title_en: Annotated[str | None, typer.Option(help="For customers, in English.", show_default=False)] = None,
    retention_days: Annotated[int, typer.Option(min=1, max=36_500, help="How long it may be kept.")] = 30,
    rule: Annotated[bool, typer.Option("--rule", help="Write a rule of its own, too, and its test.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a purpose: its entry in sekisho.yaml, its notice in two languages, its test; with --rule a rule besides.

    Comments and order of sekisho.yaml stay as they are. What is there already is never overwritten, and what would
    have a fault is not written.
    """
    from sekisho.cli.purpose_files import NewPurpose

    settings = _loaded(workspace)
    if not _NAME.fullmatch(name) or name in settings.catalogue.purposes:
        raise InvalidRequest(f"{name} is a purpose already, or no name: write a to z, 0 to 9 and _, a letter first.")
    catalogue = settings.catalogue
    _known(catalogue.datasets, dataset, "dataset")
    _known(catalogue.requesters, requester, "requester")
    english = title_en or name.replace("_", " ").capitalize()
    new = NewPurpose(
        name,
        {"ja": _line(title_ja or english), "en": _line(english)},
        basis,
        tuple(dict.fromkeys(dataset)),
        tuple(dict.fromkeys(requester)),
        _columns(settings, dataset, column or ()),
        tuple(explicit or ()),
        retention_days,
    )
    changes = asyncio.run(_purpose(settings, new, rule=rule))
    _finish(settings.folder, changes, dry_run=dry_run, as_json=as_json)
    if not dry_run and not as_json:
        say("Read what was written, above all the texts for customers. Then:")
        say(f"  sekisho check -w {workspace}   and   sekisho policy test -w {workspace}")
        say(
            f"  sekisho notices draft {name} -p {name} --major -w {workspace}"
            f" --ja {workspace}/notices/{name}.ja.txt --en {workspace}/notices/{name}.en.txt"
        )


def own_tests(workspace: Path) -> list[Path]:
    """Return the folder of the questions that the workspace's own purposes are tested by, where there is one."""
    tests = workspace / TESTS
    return [tests] if tests.is_dir() else []


async def _purpose(settings: Settings, new: NewPurpose, *, rule: bool) -> list[Change]:
    """Return every change for *new*; the last one is that of sekisho.yaml, which brings all others into force."""
    from sekisho.adapters.rego import EmbeddedRego
    from sekisho.cli.purpose_files import entry_of, test_of
    from sekisho.domain.notice_texts import generated_texts
    from sekisho.domain.purpose_facts import facts_of
    from sekisho.domain.request_context import Moment
    from sekisho.query.statements import Statements
    from sekisho.settings import FILE_NAME
    from sekisho.settings.insertion import checked, with_purpose

    changes = _with_rule(settings, new) if rule else []
    before = _text(settings.folder / FILE_NAME)
    begun = next((change.after for change in changes if change.path == FILE_NAME), before)
    entry = entry_of(new, settings.catalogue)
    written = with_purpose(begun, new.name, entry, new.datasets, new.requesters)
    catalogue = checked(written, settings.folder, settings.catalogue, new.name).catalogue
    purpose = catalogue.purposes[new.name]
    texts = generated_texts(facts_of(purpose), settings.controller.name, settings.controller.contact)
    policies, statements = EmbeddedRego(settings.policy.bundle), Statements(catalogue)
    asked = []
    try:
        for name in new.requesters:
            for dataset in new.datasets:
                sql = new.statement(catalogue.datasets[dataset])
                read = statements.read(catalogue.requesters[name], purpose, sql).request
                moment = Moment.of(_TUESDAY, UTC)
                request = replace(read, now=moment)
                asked.append((name, dataset, request.to_json(), await policies.decide(request)))
    finally:
        await policies.close()
    return [
        *(change for change in changes if change.path != FILE_NAME),
        *(Change(f"notices/{new.name}.{locale}.txt", None, text) for locale, text in texts.items()),
        Change(f"{TESTS}/{new.name}_test.rego", None, test_of(new.name, asked)),
        Change(FILE_NAME, before, written),
    ]


def _with_rule(settings: Settings, new: NewPurpose) -> list[Change]:
    """Return what a rule of the purpose's own needs; a copy of the shipped policies where there is none yet."""
    from sekisho.cli.purpose_files import ENTRY_POINT, gathered, rule_of, rule_test_of
    from sekisho.settings import PolicyEngine

    if settings.policy.engine is PolicyEngine.OPA and settings.policy.bundle is None:
        raise InvalidRequest("The policies are those of an OPA server; add the rule where its bundle is made.")
    changes = [] if settings.policy.bundle is not None else _own_policies(settings)
    bundle = settings.policy.bundle or settings.folder / _POLICIES
    if not bundle.is_relative_to(settings.folder):
        raise InvalidRequest("The policies lie outside the workspace; add the rule there by hand.")
    place = bundle.relative_to(settings.folder).as_posix()
    entry = f"{place}/{ENTRY_POINT}"
    copied = next((change for change in changes if change.path == entry), None)
    before = _text(settings.folder / entry) if copied is None else copied.after
    changes = [change for change in changes if change is not copied]
    return [
        *changes,
        Change(entry, None if copied is not None else before, gathered(before, new.name), copied=copied is not None),
        Change(f"{place}/sekisho/{new.name}/{new.name}.rego", None, rule_of(new)),
        Change(f"{place}/sekisho/{new.name}/{new.name}_test.rego", None, rule_test_of(new)),
    ]


def _own_policies(settings: Settings) -> list[Change]:
    from sekisho.adapters.rego import shipped_policies
    from sekisho.settings import FILE_NAME
    from sekisho.settings.insertion import checked, with_policies

    if (settings.folder / _POLICIES).exists():
        raise InvalidRequest(f"The workspace has a folder {_POLICIES} that sekisho.yaml does not name.")
    shipped = shipped_policies() / "sekisho"
    files = [
        Change(f"{_POLICIES}/sekisho/{file.relative_to(shipped).as_posix()}", None, _text(file), copied=True)
        for file in sorted(shipped.rglob("*.rego"))
    ]
    before = _text(settings.folder / FILE_NAME)
    after = with_policies(before, _POLICIES)
    checked(after, settings.folder, settings.catalogue)
    return [*files, Change(FILE_NAME, before, after)]


def _finish(folder: Path, changes: Iterable[Change], *, dry_run: bool, as_json: bool) -> None:
    """Show *changes*, and make them unless it is a dry run: all new files first, and none over another."""
    changes = list(changes)
    there = [change.path for change in changes if change.before is None and (folder / change.path).exists()]
    if there:
        raise InvalidRequest(f"Nothing was written: {', '.join(there)} is there already.")
    if not dry_run:
        for change in changes:
            _write(folder / change.path, change)
    if as_json:
        told = [{"file": c.path, "new": c.before is None, "diff": "" if c.copied else _diff(c)} for c in changes]
        answer_json({"written": not dry_run, "files": told})
        return
    copied = sum(1 for change in changes if change.copied)
    if copied:
        answer(f"{copied} files of the shipped policies, copied to {_POLICIES}/")
    for change in changes:
        if dry_run and not change.copied:
            answer(_diff(change).rstrip("\n"))
        elif not change.copied:
            answer(f"{'wrote' if change.before is None else 'changed'} {change.path}")


def _write(path: Path, change: Change) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if change.before is None:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(change.after)
        return
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(change.after, encoding="utf-8", newline="")
    draft.chmod(path.stat().st_mode & 0o777)
    os.replace(draft, path)  # noqa: PTH105 - whole or not at all


def _diff(change: Change) -> str:
    lines = difflib.unified_diff(
        (change.before or "").splitlines(keepends=True),
        change.after.splitlines(keepends=True),
        "/dev/null" if change.before is None else change.path,
        change.path,
    )
    return "".join(lines)


def _loaded(workspace: Path) -> Settings:
    from sekisho.settings import load

    return load(workspace)


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:  # line ends as they are
        return file.read()


def _known(known: Mapping[str, object], named: Iterable[str], what: str) -> None:
    for name in named:
        if name not in known:
            raise InvalidRequest(f"There is no {what} {name}; sekisho.yaml has {', '.join(sorted(known))}.")


def _columns(settings: Settings, datasets: Iterable[str], columns: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for named in columns:
        dataset, _, column = named.rpartition(".")
        if dataset not in datasets or settings.catalogue.datasets[dataset].column(column) is None:
            raise InvalidRequest(f"There is no column {named} in the datasets of the purpose; write DATASET.COLUMN.")
        found[dataset] = (*found.get(dataset, ()), column)
    return found


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > 200:
        raise InvalidRequest("A title is one line of 1 to 200 characters.")
    return text.strip()
