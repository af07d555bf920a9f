"""``python -m tests.benchmarks.registers``: the register of provisions, for one person among many records.

Fills a SQLite file, and a database of its own on the server that ``SEKISHO_TEST_POSTGRES`` names, with releases of
many people by SQL. Then asks for the register of one person, and in turns for the same rows' count in direct SQL; for
a page of the whole register; for the people of one record of 50,000; and for what was released at all. A ratio is the
median of the ratios of neighbouring runs. Times are the processor's of this process, and of the wall besides,
because a server's processor is elsewhere. ``--json`` writes one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from sekisho.adapters.records.audit_subjects import INDEX_COUNTER
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.registers import SqlRegisters
from sekisho.adapters.records.tables import audit_record, audit_subject, audit_subject_ref, ledger_counter
from sekisho.consents.referenced import Referenced
from sekisho.domain.record import subject_refs
from sekisho.ports import Ground, PeopleKeys
from sekisho.ports.registers import ProvisionQuery

RECORDS = int(os.environ.get("SEKISHO_BENCH_RECORDS", "100000"))
PEOPLE = 200_000
IN_EACH = 20  # people of one record
OURS = 200  # records that name the person in question, half of them provisions
LARGE = 50_000
RUNS = 21
KEY = b"k" * 32
_ROWS = 5_000
COUNT = """
SELECT COUNT(*) FROM audit_subject_ref AS s JOIN audit_record AS r ON r.seq = s.seq
WHERE s.ref = :ref AND r.kind = 'access.release' AND r.requester = 'ads'
"""


@dataclass(frozen=True)
class Measure:
    """One question: seconds of processor and wall, and how many times the direct count took."""

    what: str
    processor: float
    wall: float
    ratio: float | None = None
    ratio_wall: float | None = None


def _record(seq: int, *, third: bool, people: int) -> bytes:
    record = {
        "v": 1,
        "id": f"r{seq}",
        "seq": seq,
        "at": "2026-11-22T00:00:00.000000Z",
        "kind": "access.release",
        "requester": "ads" if third else "recommender",
        "recipient": "third_party" if third else "internal",
        "purpose": "targeted_advertising" if third else "recommendation",
        "legal_basis": "consent",
        "datasets": ["pos.order_lines"],
        "columns": {"pos.order_lines.customer_id": "pseudonym", "pos.order_lines.country": "clear"},
        "consent": {"cells": ["targeted_advertising"], "seq": seq},
        "rows": people,
        "subjects": {"n": people, "digest": "0" * 64},
        **(
            {"provided_to": {"name": "Ads", "address": "Tokyo", "representative": "A", "country": "JP"}}
            if third
            else {}
        ),
    }
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)


def fill(url: str, refs: list[bytes]) -> None:
    """Write the releases, the people beside them and the index of people."""
    migrate(url)
    engine = sa.create_engine(url)
    random = np.random.default_rng(7)
    ours = set(random.choice(np.arange(2, RECORDS), OURS, replace=False).tolist())
    with engine.begin() as connection:
        connection.execute(sa.insert(ledger_counter), [{"name": INDEX_COUNTER, "value": (RECORDS + 2) << 17}])
        for start in range(1, RECORDS + 1, _ROWS):
            rows, people, index = [], [], []
            for seq in range(start, start + _ROWS):
                large = seq == 1
                third = large or seq % 2 == 0
                numbers = np.arange(LARGE) if large else random.integers(1, PEOPLE, IN_EACH)
                if seq in ours:
                    numbers[0] = 0
                chosen = sorted({refs[number] for number in numbers.tolist()})
                raw = _record(seq, third=third, people=len(chosen))
                rows.append(
                    {
                        "seq": seq, "id": f"r{seq}", "writer": "w", "wseq": seq, "at": seq, "kind": "access.release",
                        "requester": "ads" if third else "recommender",
                        "purpose": "targeted_advertising" if third else "recommendation",
                        "decision": "permit", "record": raw, "chain": b"0" * 32,
                    }
                )  # fmt: skip
                people.append({"seq": seq, "refs": b"".join(chosen)})
                index += [{"ref": ref, "seq": seq} for ref in chosen]
            connection.execute(sa.insert(audit_record), rows)
            connection.execute(sa.insert(audit_subject), people)
            connection.execute(sa.insert(audit_subject_ref), index)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


class _People:
    """Everybody by number, as the registry hands them over."""

    def __init__(self) -> None:
        self._keys = PeopleKeys("customer_id", np.arange(PEOPLE), [str(number) for number in range(PEOPLE)], 1)

    async def keys(self, _identifier: str, _ground: Ground | None = None) -> PeopleKeys:
        """Return them."""
        return self._keys


class _Parts:
    """What ``Referenced`` asks for."""

    people = _People()

    def references(self, numbers: Any) -> list[str]:
        """Return their references."""
        return subject_refs(KEY, numbers)


async def _timed(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    processor, wall = time.process_time(), time.perf_counter()
    await work()
    return time.process_time() - processor, time.perf_counter() - wall


async def measures(url: str, reference: str) -> list[Measure]:
    """Return what each question takes."""
    database = Database(url)
    registers, named = SqlRegisters(database), Referenced(_Parts())  # type: ignore[arg-type]
    count = sa.text(COUNT)

    async def direct() -> int:
        return int(await database.read(lambda c: c.execute(count, {"ref": bytes.fromhex(reference)}).scalar_one()))

    async def of_person() -> int:
        return len((await registers.provisions(ProvisionQuery(references=(reference,), limit=1_000))).records)

    async def page() -> None:
        await registers.provisions(ProvisionQuery(after_seq=RECORDS // 2, limit=100))

    async def people() -> None:
        assert all(await named.named(await registers.people(1), ["customer_id"]))

    try:
        assert 0 < await of_person() == await direct()
        found = []
        for what, work, against in (
            ("register of one person", of_person, direct),
            ("a page of 100 of the whole register", page, None),
            (f"who the {LARGE:,} people of one record are", people, None),
            ("everything that was released, added up", registers.activities, None),
        ):
            await work()
            if against is not None:
                await against()
            pairs = [
                (await _timed(work), (0.0, 0.0) if against is None else await _timed(against))
                for _ in range(RUNS if what.startswith(("register", "a page")) else 3)
            ]
            ours = [statistics.median(pair[0][part] for pair in pairs) for part in (0, 1)]
            ratios = [
                None if against is None else statistics.median(one[part] / other[part] for one, other in pairs)
                for part in (0, 1)
            ]
            found.append(Measure(what, ours[0], ours[1], ratios[0], ratios[1]))
        return found
    finally:
        await database.close()


@contextmanager
def _databases() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{Path(folder) / 'records.db'}"}
        server = os.environ.get("SEKISHO_TEST_POSTGRES")
        if server is None:
            yield urls
            return
        name = f"registers_bench_{uuid.uuid4().hex[:8]}"
        address = sa.make_url(server).set(drivername="postgresql+psycopg")
        admin = sa.create_engine(address, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            yield {**urls, "PostgreSQL": address.set(database=name).render_as_string(hide_password=False)}
        finally:
            with admin.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
            admin.dispose()


def main() -> None:
    """Fill, ask, and print."""
    refs = [bytes.fromhex(ref) for ref in subject_refs(KEY, range(PEOPLE))]
    told: dict[str, list[Measure]] = {}
    with _databases() as urls:
        for name, url in urls.items():
            sys.stderr.write(f"… {name}: {RECORDS:,} records\n")
            fill(url, refs)
            told[name] = asyncio.run(measures(url, refs[0].hex()))
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({name: [asdict(each) for each in found] for name, found in told.items()}) + "\n")
        return
    table = Table("", "database", "processor", "wall", "× direct count (processor)", "(wall)")
    for name, found in told.items():
        for each in found:
            ratios = ["" if ratio is None else f"{ratio:.2f}" for ratio in (each.ratio, each.ratio_wall)]
            table.add_row(each.what, name, f"{each.processor * 1e3:.2f} ms", f"{each.wall * 1e3:.2f} ms", *ratios)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
