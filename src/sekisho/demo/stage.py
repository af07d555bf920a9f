"""Shows the parts of the story: a panel each, readable at a glance, at most 100 columns wide."""

from __future__ import annotations

import re

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sekisho.demo.scene import Grid, Part
from sekisho.demo.workspace import Built

WIDTH = 100

_PIECES = re.compile(r"\[[A-Z_]+\]|\s*[!-~]+|\s+|.")


def stage(*, colour: bool | None = None) -> Console:
    """Return a console on standard output of at most :data:`WIDTH` columns; off a terminal, exactly so many."""
    console = Console(highlight=False, force_terminal=colour)
    console.width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    return console


def show_opening(console: Console, built: Built) -> None:
    """Say what the story is about."""
    facts = built.facts
    console.print()
    console.print(
        Panel(
            Group(
                Text("顧客データは、目的・判断・同意・記録がそろうまで、関所を通れません。", style="bold"),
                Text("No customer data leaves a store without a purpose, a decision, a consent and a record."),
                Text(
                    f"\n{facts.lines:,} real order lines (UCI Online Retail II), {facts.customers:,} customers with "
                    f"made-up profiles,\n{facts.web_events:,} web events, {facts.tickets:,} support tickets, "
                    f"{built.consent_events:,} consent decisions.",
                    style="dim",
                ),
            ),
            title="[bold]関所 Sekisho[/]",
            title_align="left",
            box=box.HEAVY,
            padding=(0, 1),
        )
    )


def show(console: Console, part: Part) -> None:
    """Show one part."""
    body: list[RenderableType] = []
    if part.asked:
        body.append(Text(part.asked, style="cyan", no_wrap=True, overflow="ellipsis"))
    body.extend(Text(line) for line in part.lines)
    body.extend(_grid(grid, console.width) for grid in part.grids if grid.rows)
    body.extend(_expectations(part))
    console.print(
        Panel(
            Group(*body),
            title=f"[bold]{part.number} {escape(part.ja)} / {escape(part.en)}[/]",
            title_align="left",
            border_style="blue" if part.held else "red",
            padding=(0, 1),
        )
    )


def show_ending(console: Console, parts: list[Part], seconds: float) -> None:
    """Say whether everything was as expected."""
    failed = [each.says for part in parts for each in part.expectations if not each.held]
    count = sum(len(part.expectations) for part in parts)
    if failed:
        console.print(
            Text(f"✗ {len(failed)} of {count} expectations did not hold ({seconds:.0f} s).", style="bold red")
        )
    else:
        console.print(Text(f"✓ All {count} expectations of the story held ({seconds:.0f} s).", style="bold green"))


def _expectations(part: Part) -> list[RenderableType]:
    held = [each.says for each in part.expectations if each.held]
    shown: list[RenderableType] = []
    if held:
        shown.append(Text("✓ " + " · ".join(held), style="green"))
    shown.extend(Text(f"✗ {each.says}", style="bold red") for each in part.expectations if not each.held)
    return shown


def _grid(grid: Grid, width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    widest = [max(map(cell_len, cells)) for cells in zip(grid.columns, *grid.rows, strict=True)]
    for place, name in enumerate(grid.columns):
        numeric = all(_is_number(row[place]) for row in grid.rows)
        table.add_column(Text(name), no_wrap=True, overflow="ellipsis", justify="right" if numeric else "left")
    if grid.wrapped is not None:
        # Borders of the panel take 4 columns, padding and gaps of the table 3 a column.
        room = width - 4 - 3 * len(widest) - sum(widest) + widest[grid.wrapped]
    for row in grid.rows:
        cells = [
            Text(_lines(cell, max(20, room)) if place == grid.wrapped else cell) for place, cell in enumerate(row)
        ]
        table.add_row(*cells)
    return table


def _lines(text: str, width: int) -> str:
    """Return *text* broken into lines of *width* cells: at spaces, between Japanese letters, never in a mask."""
    lines = [""]
    for piece in _PIECES.findall(text):
        if lines[-1] and cell_len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return "\n".join(lines)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").isdigit()
