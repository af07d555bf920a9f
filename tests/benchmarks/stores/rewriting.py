"""What it takes to read, resolve and rewrite a statement that was never asked before."""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import statistics
import time
from io import StringIO

from sekisho.bootstrap import Workspace, open_workspace
from sekisho.domain.access import Permit
from sekisho.query.statements import Statements
from tests.benchmarks.cases import Row
from tests.benchmarks.stores.place import PURPOSE, Place
from tests.benchmarks.stores.reads import POINT

SMALL = POINT
WIDE = """
SELECT c.customer_id, c.name, c.email, c.phone, c.postal_code, c.prefecture, c.birth_date, c.gender, c.income_band,
  c.member_rank, c.signed_up_on, c.language, c.points, c.active,
  o.invoice, o.stock_code, o.description, o.quantity, o.unit_price, o.ordered_at, o.country,
  p.invoice AS later, p.stock_code AS then_bought, p.description AS then_named, p.quantity AS then_many,
  p.unit_price AS then_at, p.ordered_at AS then_on, p.country AS then_in,
  o.quantity * o.unit_price AS spent, p.quantity * p.unit_price AS then_spent
FROM shop.customers AS c
JOIN shop.order_lines AS o ON o.customer_id = c.customer_id
LEFT JOIN shop.order_lines AS p ON p.customer_id = c.customer_id AND p.stock_code = o.stock_code
WHERE c.prefecture = ? AND o.ordered_at >= ? AND o.quantity > 3
"""


def rewrite(place: Place, *, profiled: bool = False) -> tuple[list[Row], list[tuple[str, str]]]:
    """Return the times, and where they go."""
    return asyncio.run(_rewrite(place, profiled=profiled))


async def _rewrite(place: Place, *, profiled: bool) -> tuple[list[Row], list[tuple[str, str]]]:
    rows, profiles = [], []
    async with open_workspace(place.folder) as workspace:
        for measure, sql, target in (("small", SMALL, 1.5), ("30 columns with joins", WIDE, 6.0)):
            permit = await _permit(workspace, sql)
            for _ in range(20):
                _once(workspace, sql, permit)
            wall, cpu = [], []
            for _ in range(200):
                begun, used = time.perf_counter(), time.process_time()
                _once(workspace, sql, permit)
                cpu.append(time.process_time() - used)
                wall.append(time.perf_counter() - begun)
            found = statistics.median(wall) * 1e3
            note = f"{statistics.median(cpu) * 1e3:.2f} ms of CPU; parse, resolve, rewrite, generate"
            rows.append(
                Row(
                    f"rewrite, {measure}, uncached, p50",
                    found,
                    None,
                    None,
                    f"≤ {target} ms",
                    found <= target,
                    note=note,
                )
            )
            if profiled:
                profiles.append((sql.strip(), _profile(workspace, sql, permit)))
    return rows, profiles


async def _permit(workspace: Workspace, sql: str) -> Permit:
    catalogue = workspace.settings.catalogue
    question = Statements(catalogue).read(
        catalogue.requesters["recommender"], catalogue.purposes[PURPOSE], sql
    )  # fmt: skip
    decision = await workspace.policy.decide(question.request)
    if not isinstance(decision, Permit):
        raise TypeError(f"the benchmark's statement is refused: {', '.join(decision.reasons)}")
    return decision


def _once(workspace: Workspace, sql: str, permit: Permit) -> None:
    catalogue = workspace.settings.catalogue
    statements = Statements(catalogue)  # remembers nothing
    statements.read(catalogue.requesters["recommender"], catalogue.purposes[PURPOSE], sql).plan(permit)


def _profile(workspace: Workspace, sql: str, permit: Permit) -> str:
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(50):
        _once(workspace, sql, permit)
    profiler.disable()
    text = StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("cumtime").print_stats(45)
    return "\n".join(line for line in text.getvalue().splitlines()[6:] if line.strip())
