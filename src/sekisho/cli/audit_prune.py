"""``sekisho audit prune``."""

from __future__ import annotations

import asyncio
import getpass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, answer, answer_json, with_workspace
from sekisho.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path

    from sekisho.adapters.records.pruning import PrunePlan
    from sekisho.bootstrap import Workspace
    from sekisho.settings import Settings

_DATES = ["%Y-%m-%d"]


def register(app: typer.Typer) -> None:
    """Add the command to ``sekisho audit``."""
    app.command(epilog="Example: sekisho audit prune --before 2023-11-01 --dry-run")(prune)


def prune(
    before: Annotated[
        datetime | None,
        typer.Option(formats=_DATES, help="Date in UTC; what audit.keep_days says, if left out.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, and change nothing.")] = False,
    keeper: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="PostgreSQL: delete as this role (postgresql://…, without a password); see sekisho migrate roles.",
            metavar="URL",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Delete audit records that are older than audit.keep_days of sekisho.yaml, with proof of what they were.

    Whole bundles of 256 records go, from the beginning. The log is verified before, a record says what is pruned and
    who did it, and every proof of a record that is kept holds on. Without audit.keep_days nothing is ever pruned.
    """
    from sekisho.settings import load

    settings = load(workspace)
    limit, days = _limit(settings, before)
    plan = asyncio.run(_planned(settings, limit)) if dry_run else _pruned(workspace, settings, limit, days, keeper)
    if as_json:
        answer_json(
            {"pruned": not dry_run, "records": plan.records, "minimum_index": plan.minimum_index, "before": limit}
        )
    elif not plan.records:
        answer(f"There is nothing to prune before {limit:%Y-%m-%d}.")
    else:
        done = "would go" if dry_run else "were pruned"
        answer(
            f"{plan.records:,} records {done}: {plan.first} to {plan.minimum_index}. The log begins at record"
            f" {plan.minimum_index + 1} {'then' if dry_run else 'now'}."
        )


def _limit(settings: Settings, before: datetime | None) -> tuple[datetime, int]:
    """Return before when, and how many days the policy keeps. Raises ``InvalidRequest`` when it keeps more."""
    from sekisho.adapters.clock import SystemClock

    days = settings.audit_keep_days
    if days is None:
        raise InvalidRequest(
            "There is no policy to prune by: set audit.keep_days in sekisho.yaml, at least what the law demands."
        )
    newest = SystemClock().now() - timedelta(days=days)
    limit = newest if before is None else before.replace(tzinfo=UTC)
    if limit > newest:
        raise InvalidRequest(f"audit.keep_days keeps everything from {newest:%Y-%m-%d} on; name an earlier date.")
    return limit, days


async def _planned(settings: Settings, limit: datetime) -> PrunePlan:
    from sekisho.adapters.keyring import open_keys
    from sekisho.adapters.records.database import Database
    from sekisho.adapters.records.pruning import plan_pruning
    from sekisho.bootstrap.log_tree import audit_tree

    database = Database(settings.database_url)
    try:
        return await plan_pruning(database, audit_tree(settings, database, open_keys(settings)), limit)
    finally:
        await database.close()


def _pruned(folder: Path, settings: Settings, limit: datetime, days: int, keeper: str | None) -> PrunePlan:
    from sekisho.adapters.keyring import open_keys
    from sekisho.cli.audit import verified_workspace
    from sekisho.cli.migrate import administrator

    found = verified_workspace(settings, open_keys(settings).verification_key(), None)
    if not found.ok and not found.unfinished:
        raise InvalidRequest(f"Nothing was pruned, because the log does not verify: {found.finding}.")
    url = settings.database_url if keeper is None else administrator(keeper)

    async def work(opened: Workspace) -> PrunePlan:
        from sekisho.adapters.records.database import Database
        from sekisho.adapters.records.pruning import prune as prune_log

        deleting = Database(url)
        try:
            by = {"by": getpass.getuser()[:64], "policy": {"keep_days": days}}
            await opened.composed.tree.advance()
            return await prune_log(opened.audit, opened.composed.tree, deleting, limit, by)
        finally:
            await deleting.close()

    return with_workspace(folder, work)
