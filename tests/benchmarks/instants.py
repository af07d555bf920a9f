"""What it costs that instants of SQLite are told in one spelling: ``python -m tests.benchmarks.instants``.

Each governed statement runs in turns with the same text over the bare column; CPU time, median of five.
"""

# ruff: noqa: T201 - it prints its figures

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sekisho.domain.terms import StoreKind
from sekisho.query.consent import column_of
from sekisho.query.dialects import DIALECTS
from tests.query.planning import plan_of
from tests.query.test_instants import SQLITE_LOG

ROWS = 100_000
SPELLINGS: dict[str, Callable[[datetime], str]] = {
    "2026-11-02 10:00:00": lambda at: at.isoformat(" "),
    "2026-11-02T10:00:00Z": lambda at: f"{at.isoformat()}Z",
    "2026-11-02T19:00:00+09:00": lambda at: f"{(at + timedelta(hours=9)).isoformat()}+09:00",
    "2026-11-02 10:00:00.123456": lambda at: f"{at.isoformat(' ')}.123456",
    "2026-11-02T19:00:00.123456+09:00": lambda at: f"{(at + timedelta(hours=9)).isoformat()}.123456+09:00",
}
STATEMENTS = {
    "grouped by day": "SELECT date(at), count(*) FROM log.entries GROUP BY 1",
    "max alone": "SELECT max(at) FROM log.entries",
    "rows": "SELECT id, at FROM log.entries",
    "not used": "SELECT max(id) FROM log.entries",
}


def main() -> None:
    """Print the ratio, and the microseconds a row more, of each statement over each spelling."""
    dialect = DIALECTS[StoreKind.SQLITE]
    first = datetime.fromisoformat("2020-01-01")
    for spelling, spelled in SPELLINGS.items():
        db = sqlite3.connect(":memory:")
        db.execute("CREATE TABLE entries (id INTEGER, at TEXT)")
        rows = ((n, spelled(first + timedelta(seconds=601 * n))) for n in range(ROWS))
        db.executemany("INSERT INTO entries VALUES (?, ?)", rows)
        for what, sql in STATEMENTS.items():
            governed = plan_of(sql, declared=SQLITE_LOG).sql
            bare = governed.replace(dialect.generate(dialect.instant(column_of("at", "t"))), '"t"."at"')
            pairs = [(_cpu(db, bare), _cpu(db, governed)) for _ in range(5)]
            ratio = statistics.median(after / before for before, after in pairs)
            more = statistics.median(after - before for before, after in pairs) / ROWS * 1e6
            print(f"{spelling:34} {what:16} {ratio:6.2f} times, {more:5.2f} µs a row more", flush=True)
        db.close()


def _cpu(db: sqlite3.Connection, sql: str) -> float:
    before = time.process_time()
    db.execute(sql).fetchall()
    return time.process_time() - before


if __name__ == "__main__":
    main()
