"""``python -m tests.benchmarks.consent``: the consent engine's figures on PostgreSQL, beside other designs.

Needs ``SEKISHO_TEST_POSTGRES``. Each part makes a database and a workspace of its own and removes them. Sizes come
from the environment; a target that is about a size counts only when that size was measured:

=============================  =========  =========================================================
``SEKISHO_BENCH_PEOPLE``         200,000  people of the parts ``ledger`` and ``http``
``SEKISHO_BENCH_EVENTS``       1,000,000  events of the part ``past``; the target is about ten million
``SEKISHO_BENCH_START_PEOPLE`` 1,000,000  people of the part ``start``; the targets are about ten million
=============================  =========  =========================================================

Ten million people in twelve cells are 21 GB of tables and indexes and take about ten minutes to fill.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.consent import beside, ledger, over_http, past, start
from tests.benchmarks.parts import run_parts

PARTS: dict[str, Callable[..., None]] = {
    "start": start.measure,
    "past": past.measure,
    "ledger": ledger.measure,
    "http": over_http.measure,
    "peers": beside.measure,
}

if __name__ == "__main__":
    run_parts("The consent engine's figures on PostgreSQL.", PARTS)
