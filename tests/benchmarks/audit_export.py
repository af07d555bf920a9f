"""``python -m tests.benchmarks.audit_export [RECORDS]``: how fast each form of an audit export is written.

Releases as a service writes them (about a kilobyte each) are exported from SQLite by one process, in each form. The
rates are records for each second of the process's own time, all its threads taken together, so that they hold while
others use the machine; the ratio is against the raw form in the same run. Resident memory after each shows that it
does not grow with the export.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database, bulk_insert, migrate
from sekisho.adapters.records.exports.bounds import Bounds
from sekisho.adapters.records.exports.writing import write_export
from sekisho.adapters.records.tables import audit_record
from sekisho.audit_verify import verify_export
from sekisho.domain.audit_export import ExportFormat, ExportOrder
from sekisho.domain.record import StoredRecord, canonical, genesis, indexed, next_link, subject_digest

RECORDS = 300_000
ROUNDS = 3
_GROUP = 10_000


def records(count: int, writer: str) -> Iterator[StoredRecord]:
    """Yield a chain of releases of one writer."""
    chain = genesis(writer)
    for number in range(count):
        fields = {
            "v": 1,
            "id": f"01a200b2-c873-7314-9bce-{number:012x}",
            "seq": number + 1,
            "writer": writer,
            "wseq": number,
            "prev": chain.hex(),
            "at": f"2026-11-22T{number // 3_600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.112356Z",
            "kind": "access.release",
            "action": "query",
            "bytes": 9_940_364,
            "columns": {
                "pos.order_lines.country": "clear",
                "pos.order_lines.customer_id": "pseudonym",
                "pos.order_lines.description": "clear",
                "pos.order_lines.invoice": "token",
                "pos.order_lines.invoiced_at": "clear",
                "pos.order_lines.quantity": "clear",
                "pos.order_lines.unit_price": "clear",
            },
            "consent": {"cells": ["recommendation/data_category=purchase"], "read_at": 39_580, "seq": 39_580},
            "datasets": ["pos.order_lines"],
            "decision": "permit",
            "keep_until": "2026-12-22T00:40:46.451091Z",
            "legal_basis": "consent",
            "page": 0,
            "policy": {"revision": "d56d5203209d853b"},
            "purpose": "recommendation",
            "query_fp": "249f3353c697327178d8d30ec242cda9c305e215e9eeb42a6328e722bb1ef860",
            "recipient": "internal",
            "requester": "recommender",
            "rows": 1 + number % 10_000,
            "stores": ["pos"],
            "subjects": {"digest": subject_digest(number.to_bytes(16, "big")), "n": 1},
        }
        record = canonical(fields)
        chain = next_link(chain, record)
        found = indexed(orjson.loads(record))
        yield StoredRecord(number + 1, str(fields["id"]), writer, number, *found, record, chain)


def fill(folder: Path, count: int) -> None:
    """Make the log. In a process of its own, whose memory is not counted."""
    url = f"sqlite:///{folder}/own.db"
    migrate(url)
    names = [column.name for column in audit_record.columns]
    rows = records(count, "bench")
    with Database(url).engine.begin() as connection:
        while group := list(islice(rows, _GROUP)):
            bulk_insert(connection, audit_record, names, group)


async def measured(folder: Path, count: int) -> dict[str, dict[str, float]]:
    """Return what each form took: CPU and wall seconds of the fastest round, bytes, and memory in MB after it."""
    keys, database = FileKeyRing.create(folder / "keys"), Database(f"sqlite:///{folder}/own.db")
    log = SqlAuditLog(database, keys, SystemClock(), folder / "heads")
    took: dict[str, dict[str, float]] = {}
    try:
        for _ in range(ROUNDS):
            for form in ExportFormat:
                out = folder / form.value
                shutil.rmtree(out, ignore_errors=True)
                cpu, wall = time.process_time(), time.perf_counter()
                done = await write_export(log, ExportOrder(form), out, bounds=Bounds(1, count))
                spent = time.process_time() - cpu
                if done.records != count or not verify_export(out, keys.verification_key()).ok:
                    raise RuntimeError(f"the export as {form.value} is not what was in the log")
                if form.value not in took or spent < took[form.value]["cpu"]:
                    took[form.value] = {
                        "cpu": spent,
                        "wall": time.perf_counter() - wall,
                        "bytes": sum(done.sizes.values()),
                        "memory": _resident(),
                    }
    finally:
        await database.close()
    return took


def _resident() -> float:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measure, and print a table and JSON."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with tempfile.TemporaryDirectory() as folder:
        filling = multiprocessing.get_context("spawn").Process(target=fill, args=(Path(folder), count))
        filling.start()
        filling.join()
        took = asyncio.run(measured(Path(folder), count))
    table = Table("form", "records/s (CPU)", "records/s (wall)", "CPU against raw", "bytes a record", "MB after")
    for form, each in took.items():
        table.add_row(
            form,
            f"{count / each['cpu']:,.0f}",
            f"{count / each['wall']:,.0f}",
            f"{each['cpu'] / took['raw']['cpu']:.1f}",
            f"{each['bytes'] / count:,.0f}",
            f"{each['memory']:.0f}",
        )
    Console().print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    sys.stdout.write(json.dumps({"records": count, "peak_mb": peak, "forms": took}) + "\n")


if __name__ == "__main__":
    main()
