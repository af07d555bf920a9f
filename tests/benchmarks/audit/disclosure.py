"""Who saw my data: one person's disclosures among many records about one person, and among large pages.

Both logs are made by SQL and COPY, as the log would have left them, and read through the use case. Their records are
no chain: nothing here is verified.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import psycopg

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database, migrate
from sekisho.consents.disclosures import Disclosures
from sekisho.consents.parts import Parts
from sekisho.domain.record import canonical
from sekisho.domain.terms import SubjectNumber
from tests.benchmarks.audit.place import RELEASE, connect, drop, exists, make, url_of
from tests.benchmarks.consent.rows import Row, Tell, quantile

RECORDS = int(os.environ.get("SEKISHO_BENCH_DISCLOSED", "10000000"))
PAGES = int(os.environ.get("SEKISHO_BENCH_PAGES", "10000"))
_WANTED = 10_000_000, 10_000
_PEOPLE = 1_000_000
_ON_A_PAGE = 50_000
_BLOCK = 500_000
_TIMES = 21
_REF = "decode(md5(({})::text), 'hex')"
_MARK = "@@"


def measure(tell: Tell, *, keep: bool) -> None:
    """Ask for people, one after the other, and show the slowest but one of a hundred."""
    for kind, count, wanted, fill, what, limit in (
        ("disclosed", RECORDS, _WANTED[0], _one_each, "one-person records", 0.050),
        ("pages", PAGES, _WANTED[1], _pages, f"pages of {_ON_A_PAGE:,} people", 2.0),
    ):
        name = f"{kind}_{count}"
        try:
            _filled(name, count, fill)
            waits, first, found = asyncio.run(_asked(name))
            p50, worst = quantile(waits, 0.5), max(waits)
            row = Row(
                f"disclosures of a person, {count:,} {what}, slowest",
                f"{worst * 1e3:,.1f} ms (p50 {p50 * 1e3:,.1f}, first {first * 1e3:,.0f}; {found} found)",
                f"≤ {limit * 1e3:,.0f} ms" + ("" if count == wanted else f" for {wanted:,}"),
                worst <= limit if count == wanted else None,
            )
            tell(row)
        finally:
            if not keep:
                drop(name)


async def _asked(name: str) -> tuple[list[float], float, int]:
    """Return the seconds that each person waited, those of the first of all, and how many disclosures one has."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(url_of(name))
        log = SqlAuditLog(database, FileKeyRing.create(Path(folder) / "keys"), SystemClock(), Path(folder))
        parts = SimpleNamespace(
            audit=log, reference=lambda number: hashlib.md5(b"%d" % number).hexdigest(),
            catalogue=SimpleNamespace(requesters={}, purposes={}, datasets={}),
        )  # fmt: skip
        disclosures = Disclosures(cast("Parts", parts))
        waits: list[float] = []
        try:
            for asked in range(_TIMES):
                begun = time.perf_counter()
                items, _ = await disclosures.page([SubjectNumber(asked * 7919 % _PEOPLE)], None)
                waits.append(time.perf_counter() - begun)
        finally:
            await database.close()
        return waits[1:], waits[0], len(items)


def _filled(name: str, count: int, fill: Callable[[psycopg.Connection[Any], int], None]) -> None:
    """Make the log, unless it was left."""
    if exists(name):
        with connect(name) as connection:
            if connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'filled'").fetchone() == (1,):
                return
    migrate(make(name))
    with connect(name) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("ALTER TABLE audit_subject DROP CONSTRAINT fk_audit_subject_seq")
        for table in ("audit_subject", "audit_subject_ref", "audit_record"):
            connection.execute(f"ALTER TABLE {table} SET UNLOGGED")  # what is read is the same, and quicker to make
        fill(connection, count)
        connection.execute("UPDATE ledger_counter SET value = %s WHERE name = 'audit'", (count,))
        connection.execute("VACUUM (FREEZE, ANALYZE)")
        connection.execute("CREATE TABLE filled ()")


def _records(connection: psycopg.Connection[Any], first: int, last: int, people: int) -> None:
    """Write the records from *first* to *last*, each about so many *people*."""
    fields = {**RELEASE, "subjects": {"n": people, "digest": "ab" * 32}, "id": _MARK, "seq": 0, "writer": "bench"}
    fields |= {"wseq": 0, "prev": "ab" * 32, "at": "2026-11-22T00:00:00.000000Z", "kind": "access.release", "v": 1}
    before, after = canonical(fields).decode().replace('"seq":0', f'"seq":{_MARK}').split(f'"{_MARK}"')
    middle, end = after.split(_MARK)
    connection.execute(
        "INSERT INTO audit_record SELECT n, id, 'bench', n - 1, 1764000000000000 + n * 1000, 'access.release',"
        " 'recommender', 'recommendation', 'permit',"
        " convert_to(%s || '\"' || id || '\"' || %s || n || %s, 'UTF8'), sha256(id::bytea)"
        " FROM generate_series(%s::bigint, %s::bigint) n, lpad(n::text, 36, '0') id",
        (before, middle, end, first, last),
    )


def _one_each(connection: psycopg.Connection[Any], count: int) -> None:
    """Fill *count* records about one person each, and the index of people up to the last."""
    ref = _REF.format(f"n %% {_PEOPLE}")
    for low in range(1, count + 1, _BLOCK):
        high = min(low + _BLOCK - 1, count)
        _records(connection, low, high, 1)
        connection.execute(
            f"INSERT INTO audit_subject SELECT n, {ref} FROM generate_series(%s::bigint, %s::bigint) n", (low, high)
        )
    keys = connection.execute("SELECT pg_get_constraintdef(oid), conname FROM pg_constraint WHERE conname LIKE"
                              " 'pk_audit_subject_ref'").fetchall()  # fmt: skip
    for _, key in keys:
        connection.execute(f"ALTER TABLE audit_subject_ref DROP CONSTRAINT {key}")
    connection.execute(
        f"INSERT INTO audit_subject_ref SELECT {ref}, n FROM generate_series(1::bigint, %s::bigint) n", (count,)
    )
    for definition, key in keys:
        connection.execute(f"ALTER TABLE audit_subject_ref ADD CONSTRAINT {key} {definition}")
    _indexed(connection, count << 17 | 1)


def _indexed(connection: psycopg.Connection[Any], position: int) -> None:
    connection.execute(
        "INSERT INTO ledger_counter VALUES ('audit_subject_ref', %s)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (position,),
    )


def _pages(connection: psycopg.Connection[Any], count: int) -> None:
    """Fill *count* pages about 50,000 of a million people each: every twentieth, of those in order."""
    everybody = sorted(hashlib.md5(b"%d" % number).digest() for number in range(_PEOPLE))
    share = _PEOPLE // _ON_A_PAGE
    held = np.frombuffer(b"".join(everybody), "V16")
    pages = [held[place::share].tobytes() for place in range(share)]
    _records(connection, 1, count, _ON_A_PAGE)
    with connection.cursor() as cursor, cursor.copy("COPY audit_subject FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for seq in range(1, count + 1):
            page = pages[seq % share]
            copy.write(struct.pack(">hiqi", 2, 8, seq, len(page)) + page)
        copy.write(struct.pack(">h", -1))
