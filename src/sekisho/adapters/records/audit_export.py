"""The raw export: evidence that needs no database and no gateway to be checked.

``records.ndjson``
    Every record of the range, one to a line, byte for byte as it was hashed.
``heads.txt``
    The newest signed head of each writer that the range covers. Whoever keeps it can hold the next export
    against it (``audit verify --since``).
``manifest.json``
    Range, count, SHA-256 of each file, and where each writer's chain ends.
``manifest.note``
    The seal: a signed note over the manifest's hash, so that no byte of any file can change unseen.

References of people stay in the database: the records carry their digest.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_search import newest_heads, record_bytes, span
from sekisho.adapters.records.database import DatabaseFailed
from sekisho.domain.note import (
    HEADS_FILE,
    HEADS_SUFFIX,
    MANIFEST_FILE,
    RECORDS_FILE,
    SEAL_FILE,
    parse_head,
    parse_key,
    parse_note,
    seal_text,
    sign_note,
    split_notes,
)
from sekisho.domain.record import micros, timestamp
from sekisho.errors import AuditUnavailable, InvalidRequest
from sekisho.ports import AuditEntry, KeyRing


@dataclass(frozen=True, slots=True)
class RawExport:
    """What was exported: the folder, the number of records, and the SHA-256 of each file."""

    folder: Path
    records: int
    first_seq: int
    last_seq: int
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Range:
    since: datetime | None
    until: datetime | None


async def export_raw(
    log: SqlAuditLog, folder: Path, *, since: datetime | None = None, until: datetime | None = None
) -> RawExport:
    """Write the raw export of a time range to *folder*, and record that it was made.

    The range reaches from the first record at or after *since* to the last one before *until*; without
    *until* it ends with the record of this very export.

    Raises
    ------
    InvalidRequest
        When the folder is not empty, or there is no record in the range.
    AuditUnavailable
        When the export cannot be recorded or the log cannot be read; nothing was exported then.
    """
    if await asyncio.to_thread(_taken, folder):
        raise InvalidRequest("the folder of an export must be empty or new")
    fields = {
        "format": "raw",
        "since": None if since is None else timestamp(since),
        "until": None if until is None else timestamp(until),
    }
    await log.append(AuditEntry("export.create", fields))
    await log.settled()  # so that a head covers this very record; without one the seal vouches for it alone
    try:
        return await log.database.read(
            lambda connection: _write(connection, log.keyring, folder, log.heads_folder, _Range(since, until))
        )
    except DatabaseFailed:
        raise AuditUnavailable("the audit log cannot be read now") from None


def _taken(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def _saved(heads_folder: Path, sizes: dict[str, int], *, whole: bool) -> list[str]:
    """Return the newest head of each writer that was saved outside the database.

    They come before those inside it: whoever rewrote the database could have removed its heads. With
    *whole*, also heads of more records than there are: they prove that the rest was cut off.
    """
    newest: dict[str, tuple[int, str]] = {}
    for path in sorted(heads_folder.glob(f"*{HEADS_SUFFIX}")):
        for note in split_notes(path.read_text("utf-8")):
            head = parse_head(parse_note(note).text)
            known = newest.get(head.writer)
            if (whole or head.size <= sizes.get(head.writer, 0)) and (known is None or head.size > known[0]):
                newest[head.writer] = head.size, note
    return [note for _, note in newest.values()]


def _write(
    connection: sa.Connection, keyring: KeyRing, folder: Path, heads_folder: Path, between: _Range
) -> RawExport:
    low, high = (None if edge is None else micros(edge) for edge in (between.since, between.until))
    found = span(connection, low, high)
    if found is None:
        raise InvalidRequest("there is no audit record in this range")
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    ends: dict[str, tuple[int, bytes]] = {}
    with (folder / RECORDS_FILE).open("xb") as file:
        for writer, wseq, record, chain in record_bytes(connection, found.first, found.last):
            line = record + b"\n"
            digest.update(line)
            file.write(line)
            ends[writer] = (wseq, chain)
    sizes = {writer: wseq + 1 for writer, (wseq, _) in ends.items()}
    notes = newest_heads(connection, sizes)
    notes += [note for note in _saved(heads_folder, sizes, whole=between.until is None) if note not in notes]
    heads = "".join(f"{note}\n" for note in notes).encode()
    files = {RECORDS_FILE: digest.hexdigest(), HEADS_FILE: hashlib.sha256(heads).hexdigest()}
    count = found.last - found.first + 1
    manifest = {
        "v": 1,
        "since": None if between.since is None else timestamp(between.since),
        "until": None if between.until is None else timestamp(between.until),
        "first_seq": found.first,
        "last_seq": found.last,
        "records": count,
        "writers": {writer: {"size": wseq + 1, "chain": chain.hex()} for writer, (wseq, chain) in ends.items()},
        "files": {name: {"sha256": value} for name, value in files.items()},
    }
    data = (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
    seal = sign_note(seal_text(count, data), parse_key(keyring.verification_key()), keyring.sign).encode()
    for name, content in ((HEADS_FILE, heads), (MANIFEST_FILE, data), (SEAL_FILE, seal)):
        (folder / name).write_bytes(content)
        files[name] = hashlib.sha256(content).hexdigest()
    return RawExport(folder, count, found.first, found.last, files)
