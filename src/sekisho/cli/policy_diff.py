"""``sekisho policy diff`` and ``shadow``: what another policy decides on what was really asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    answer_json,
    answer_table,
    progress,
    say,
)
from sekisho.errors import NotFound

if TYPE_CHECKING:
    from sekisho.adapters.records.asked import SqlAskedQuestions
    from sekisho.settings import Settings
    from sekisho.simulation import Difference

CHANGES = 3
"""Exit code: recorded requests would be decided otherwise."""

_DAYS = re.compile(r"([1-9]\d{0,3})d")
_REVISION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{3,127}")
_Recorded = Annotated[
    str, typer.Option("--recorded", help="How many days back from today, today included: 7d, 30d.", metavar="DAYS")
]


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command(epilog="Example: sekisho policy diff current policies-next --recorded 30d")(diff)
    app.command(epilog="Example: sekisho policy shadow --json")(shadow)


def diff(
    old: Annotated[str, typer.Argument(help="A folder, `builtin`, `current`, or a revision that was in force.")],
    new: Annotated[str, typer.Argument(help="The same.")],
    recorded: _Recorded = "7d",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z"], help="Decide as of this instant.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell which recorded requests NEW decides otherwise than OLD, and how. Exits 0 when none, 3 when some."""
    from sekisho.bootstrap import configure_logging, prepare

    configure_logging()
    settings = prepare(workspace)
    difference = asyncio.run(_difference(settings, old, new, _days(recorded), at))
    if as_json:
        answer_json({**difference.summary(), "items": [each.to_json() for each in difference.changed]})
    else:
        _table(difference)
    raise typer.Exit(CHANGES if difference.changed else 0)


def shadow(
    recorded: _Recorded = "7d",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """List where the shadow policy of a workspace decided otherwise than the policy in force."""
    from sekisho.bootstrap import configure_logging, prepare
    from sekisho.bootstrap.policy_records import open_simulation

    configure_logging()
    settings, days = prepare(workspace), _days(recorded)

    async def read() -> list[dict[str, Any]]:
        async with open_simulation(settings) as (simulation, asked):
            since = simulation.clock.now().date() - timedelta(days=days - 1)
            return [
                {
                    "question": each.question.to_json(),
                    "changes": each.changes,
                    "times": each.count,
                    "last_at": each.last_at,
                    "shadow": each.shadow or None,
                    "live": each.live,
                }
                for each in await asked.differences(since)
            ]

    found = asyncio.run(read())
    if as_json:
        answer_json(found)
        return
    answer_table(
        ("times", "change", "requester", "purpose", "datasets", "what", "shadow"),
        [_line(each["question"], each["times"], each["changes"], each["shadow"]) for each in found],
    )
    if settings.policy.shadow is None:
        say("No shadow policy is set: `shadow:` below `policy:` in sekisho.yaml names one.")


def _days(text: str) -> int:
    days = _DAYS.fullmatch(text)
    if days is None:
        raise typer.BadParameter("a number of days is written 7d", param_hint="--recorded")
    return int(days.group(1))


async def _difference(settings: Settings, old: str, new: str, days: int, at: datetime | None) -> Difference:
    from sekisho.bootstrap.policy_records import open_simulation

    async with open_simulation(settings) as (simulation, asked):
        first, second = await _policy(old, asked), await _policy(new, asked)
        period = simulation.period(simulation.clock.now() - timedelta(days=days - 1), None)
        with progress() as told:
            return await simulation.difference(first, second, period, at=at, progress=told)


async def _policy(name: str, asked: SqlAskedQuestions) -> Mapping[str, str] | None:
    """Return the modules that *name* stands for; ``None`` for those in force."""
    from sekisho.adapters.rego import policy_files, shipped_policies
    from sekisho.bootstrap.policy_records import modules_of

    if name == "current":
        return None
    folder = shipped_policies() if name == "builtin" else Path(name)
    if folder.is_dir():
        return modules_of(policy_files(folder))
    found = await asked.policy(name) if _REVISION.fullmatch(name) else None
    if found is None:
        raise NotFound("There is no such folder, and no one revision that was in force here begins so.")
    return found


def _table(difference: Difference) -> None:
    answer_table(
        ("times", "change", "requester", "purpose", "datasets", "what"),
        [
            _line(told["question"], told["times"], told["changes"])
            for told in (each.to_json() for each in difference.changed)
        ],
    )
    summary: Any = difference.summary()
    kinds = ", ".join(f"{kind} {counts['requests']}" for kind, counts in summary["kinds"].items())
    say(
        f"{summary['changed']['requests']} of {summary['requests']} recorded requests change"
        f" ({summary['changed']['times']} of {summary['times']} times){': ' + kinds if kinds else ''}."
    )
    if summary["gone"]["requests"]:
        say(f"{summary['gone']['requests']} name what the catalogue does not have any more; they were not decided.")
    if difference.left_out:
        say(f"There was no room to keep what was asked {difference.left_out} times.")


def _line(question: Any, times: object, changes: Any, *more: object) -> tuple[object, ...]:
    what = "; ".join(f"{kind}: {_flat(each['before'])} → {_flat(each['after'])}" for kind, each in changes.items())
    datasets = question["view"] or ", ".join(question["datasets"])
    return times, ", ".join(changes), question["requester"], question["purpose"], datasets, what, *more


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(each)}" for key, each in value.items()) or "nothing"
    if isinstance(value, list):
        return ", ".join(_flat(each) for each in value) or "none"
    return str(value)
