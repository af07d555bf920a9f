"""How fast a log is verified, parsing included, and how fast it is exported; in seconds of the processor.

One process does it, all its threads taken together: so the rates are of one core, and hold while others use it.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_search import stored_heads, stored_records, stored_subjects
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.exports.bounds import Bounds
from sekisho.adapters.records.exports.writing import Exported, write_export
from sekisho.audit_verify import Verdict, saved_notes, verify_export, verify_rows, verify_tree
from sekisho.domain.audit_export import ExportFormat, ExportOrder
from tests.benchmarks.audit.history import RECORDS, History, history
from tests.benchmarks.consent.rows import Tell, at_least

_VERIFIED, _EXPORTED = 150_000, 50_000
_TURNS = 3


def measure(tell: Tell, *, keep: bool) -> None:
    """Verify the log in each of its places, and export it."""
    del keep
    with history() as made:
        vkey = made.keys().verification_key()
        export = made.folder / "export"
        asyncio.run(_export(made, ExportFormat.RAW, export))
        ways: dict[str, Callable[[], Verdict]] = {
            "raw export": partial(verify_export, export, vkey),
            "folder of the tree": partial(verify_tree, made.tree, vkey),
            "database": partial(_rows, made, vkey),
        }
        for what, verify in ways.items():
            tell(at_least(f"verify, {what}, a core", _fastest(partial(_sound, verify)), _VERIFIED, "records/s"))
        for form, target in ((ExportFormat.OCSF, _EXPORTED), (ExportFormat.RAW, 0)):
            out = made.folder / form.value
            rate = _fastest(partial(_exported, made, form, out))
            row = at_least(f"export as {form.value}, a core", rate, target, "records/s")
            tell(row if target else type(row)(row.measure, row.found))


def _fastest(work: Callable[[], object]) -> float:
    """Return the records a second of the fastest turn, by the processor's time."""
    best = float("inf")
    for _ in range(_TURNS):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return RECORDS / best


def _sound(verify: Callable[[], Verdict]) -> None:
    verdict = verify()
    if not verdict.ok or verdict.records != RECORDS:
        raise RuntimeError(f"the log is not what was written: {verdict}")


def _rows(made: History, vkey: str) -> Verdict:
    database = Database(made.url)
    saved = saved_notes(made.heads)
    with database.engine.connect() as one, database.engine.connect() as other:
        heads = list(stored_heads(one))
        verdict = verify_rows(stored_records(one), heads, stored_subjects(other), saved, vkey)
    database.engine.dispose()
    return verdict


def _exported(made: History, form: ExportFormat, out: Path) -> None:
    asyncio.run(_export(made, form, out))


async def _export(made: History, form: ExportFormat, out: Path) -> Exported:
    shutil.rmtree(out, ignore_errors=True)
    database = Database(made.url)
    log = SqlAuditLog(database, made.keys(), SystemClock(), made.heads)
    try:
        return await write_export(log, ExportOrder(form), out, bounds=Bounds(1, RECORDS))
    finally:
        await database.close()
