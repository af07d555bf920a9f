"""What somebody with full rights over the own database could do to the audit log; for the demonstration.

Works on copies only. Whoever rewrites a record can compute every hash after it anew: hashes need no secret.
Signatures do, and the signed heads outside the database cannot be reached from inside it.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import psycopg
from psycopg import sql

from sekisho.domain.chain import BrokenChainError, Walk
from sekisho.domain.record import canonical, next_link


def copy_database(database: Path, copy: Path) -> None:
    """Copy a SQLite database that is in use, as one snapshot."""
    with (
        closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def copy_from_server(url: str, copy: Path) -> None:
    """Copy the audit log out of a PostgreSQL database that is in use, as one snapshot, into a SQLite file."""
    with (
        psycopg.connect(url.replace("postgresql+psycopg:", "postgresql:", 1)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for table in ("audit_record", "audit_head", "audit_subject"):
            rows = source.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
            names = [column.name for column in rows.description or ()]
            target.execute(f"CREATE TABLE {table} ({', '.join(names)})")
            target.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' for _ in names)})", rows)
        target.commit()


def change_a_byte(export: Path, copy: Path, record_id: str) -> None:
    """Copy the raw export *export* and turn one digit of one record's count of rows into another.

    Raises
    ------
    ValueError
        When there is no such record.
    """
    shutil.copytree(export, copy)
    path = copy / "records.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    for place, line in enumerate(lines):
        if f'"id":"{record_id}"'.encode() in line:
            digit = line.index(b'"rows":') + len(b'"rows":')
            other = b"1" if line[digit : digit + 1] != b"1" else b"2"
            lines[place] = line[:digit] + other + line[digit + 1 :]
            path.write_bytes(b"".join(lines))
            return
    raise ValueError("the export holds no such record")


def rewrite_history(database: Path, record_id: str, purpose: str) -> int:
    """Let a record in the copy *database* tell another purpose, and compute the chain anew after it.

    The signed heads that would contradict are removed from the database, since nobody can sign new ones.

    Returns
    -------
    int
        How many records were rewritten.
    """
    with closing(sqlite3.connect(database)) as connection:
        # What guards the tables against a slip does not stop whoever has the file.
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        writer, wseq, before = connection.execute(
            "SELECT r.writer, r.wseq, (SELECT chain FROM audit_record WHERE writer = r.writer AND wseq = r.wseq - 1)"
            " FROM audit_record r WHERE r.id = ?",
            [record_id],
        ).fetchone()
        rows = connection.execute(
            "SELECT seq, record FROM audit_record WHERE writer = ? AND wseq >= ? ORDER BY wseq", [writer, wseq]
        ).fetchall()
        chain = bytes(before)
        for seq, stored in rows:
            record = orjson.loads(bytes(stored))
            if record["id"] == record_id:
                record["purpose"] = purpose
            record["prev"] = chain.hex()
            forged = canonical(record)
            chain = next_link(chain, forged)
            connection.execute(
                "UPDATE audit_record SET record = ?, chain = ?, purpose = ? WHERE seq = ?",
                [forged, chain, record.get("purpose"), seq],
            )
        connection.execute("DELETE FROM audit_head WHERE writer = ? AND wseq >= ?", [writer, wseq])
        connection.commit()
    return len(rows)


def hashes_fit(database: Path) -> bool:
    """Return whether every chain in *database* fits its records; no signature is asked."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        records = connection.execute("SELECT record FROM audit_record ORDER BY seq")
        try:
            Walk(marks={}).run((bytes(record) for (record,) in records), {})
        except BrokenChainError:
            return False
    return True
