"""Changes to exports of a log: a byte, a line, a file, a whole older export."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from hypothesis import reject

from sekisho.domain.note import HEADS_FILE, MANIFEST_FILE, RECORDS_FILE, SEAL_FILE
from tests.history.cases import EXPORTS, FOUND, Case, Must, at
from tests.history.in_database import kept_heads, rewrite_from
from tests.history.worlds import CSV, EXPORT, RANGE


def files(folder: Path) -> list[Path]:
    """Return the files of an export, in an order that does not change."""
    return sorted(folder.iterdir())


def flip_byte_of_export(case: Case) -> Must:
    """One byte of any file of any form; where it is a record's, that record is named."""
    folder = case.export(case.one_of(EXPORTS))
    path = case.one_of([*files(folder), files(folder)[-1] if folder.name == CSV else folder / RECORDS_FILE])
    data = path.read_bytes()
    changed, place = case.byte_changed(data)
    path.write_bytes(changed)
    if path.name != RECORDS_FILE:
        return Must(FOUND)
    first = json.loads((folder / MANIFEST_FILE).read_bytes())["first_seq"]
    line = first + data.count(b"\n", 0, place)
    # Without its end a line is two records in one, or half of one: the last of all has nothing behind it.
    return Must() if data[place : place + 1] == b"\n" else at(line)


def cut_or_extend_a_file(case: Case) -> Must:
    """A file of an export is shorter or longer than it was, or not there."""
    folder = case.export(case.one_of(EXPORTS))
    path = case.one_of(files(folder))
    data, how = path.read_bytes(), case.number(0, 2)
    if how == 0:
        path.write_bytes(data[: case.number(0, len(data) - 1)])
    elif how == 1:
        path.write_bytes(data + bytes([case.number(0, 255)]) * case.number(1, 3))
    else:
        path.unlink()
    return Must(FOUND)


def move_lines(case: Case) -> Must:
    """Records of an export are deleted, swapped, doubled, put in; the first place that is another is named."""
    folder = case.export(case.one_of((EXPORT, RANGE)))
    path = folder / RECORDS_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    one = case.number(0, len(lines) - 2)
    other = case.number(one + 1, len(lines) - 1)
    how = case.number(0, 4)
    changed = (
        [*lines[:one], *lines[one + 1 :]],
        [*lines[:one], lines[other], *lines[one + 1 : other], lines[one], *lines[other + 1 :]],
        [*lines[:one], lines[one], *lines[one:]],
        [*lines[:one], lines[other], *lines[one:]],
        [*lines[:one], case.one_of(case.others).last.rows()[0].record + b"\n", *lines[one + 1 :]],
    )[how]
    path.write_bytes(b"".join(changed))
    first = json.loads((folder / MANIFEST_FILE).read_bytes())["first_seq"]
    # Doubled on the spot, the second one is the stranger; the first of another log fits at the beginning of any.
    return at(first + one + (how == 2)) if (how, one) != (4, 0) else Must()


def rewrite_the_records(case: Case) -> Must:
    """A record rewritten, all chained anew, the manifest made to fit: all but the seal."""
    folder = case.export()
    rows = case.rows()[: (folder / RECORDS_FILE).read_bytes().count(b"\n")]
    forged = rewrite_from(rows, case.number(0, len(rows) - 1), requester=f"somebody {case.number(0, 10**6)}")
    (folder / RECORDS_FILE).write_bytes(b"".join(row.record + b"\n" for row in forged))
    if case.number(0, 1):
        (folder / HEADS_FILE).write_bytes(b"")
    manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
    for name in manifest["files"]:
        manifest["files"][name]["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    manifest["writers"] = {row.writer: {"size": row.wseq + 1, "chain": row.chain.hex()} for row in forged}
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", "utf-8")
    return Must()


def mix_two_exports(case: Case) -> Must:
    """A file of another export, of this log or of another tenant's."""
    name = case.one_of(EXPORTS)
    folder = case.export(name)
    sources = [case.world.last.folder / other for other in EXPORTS if other != name]
    sources += [world.last.folder / other for world in case.others for other in EXPORTS]
    path = case.one_of(files(case.one_of(sources)))
    if not (folder / path.name).exists() or (folder / path.name).read_bytes() == path.read_bytes():
        reject()
    shutil.copyfile(path, folder / path.name)
    return Must(FOUND)


def show_an_export_of_another_log(case: Case) -> Must:
    """The export of another tenant, or of a log that began anew under the same key, to one who kept a head."""
    other = case.one_of(case.others)
    name = case.one_of((EXPORT, RANGE))
    case.target = case.copy(name, world=other)
    notes = (case.world.last.folder / EXPORT / HEADS_FILE).read_text("utf-8")
    case.since = notes
    return Must(FOUND)


def show_an_old_export(case: Case) -> Must:
    """An old export, sound and sealed, to one who kept a newer head."""
    folder = case.export(case.one_of((EXPORT, RANGE)))
    ends = json.loads((folder / MANIFEST_FILE).read_bytes())["writers"]
    newer = [note for note, head in kept_heads(case) if head.size > ends.get(head.writer, {"size": 0})["size"]]
    case.since, case.older = case.one_of([*newer, case.world.last.checkpoint]), True
    return Must(FOUND)


def drop_the_seal(case: Case) -> Must:
    """The seal of another export, or one more signature under it."""
    folder = case.export(case.one_of(EXPORTS))
    seal = folder / SEAL_FILE
    if case.number(0, 1):
        other = case.one_of(case.others).last.folder / folder.name / SEAL_FILE
        seal.write_bytes(other.read_bytes())
    else:
        seal.write_text(seal.read_text("utf-8") + f"\u2014 w{case.number(0, 10**6)} AAAAAAAAAAA=\n", "utf-8")
    return Must(FOUND)


CHANGES = {
    flip_byte_of_export: 6, cut_or_extend_a_file: 3, move_lines: 4, rewrite_the_records: 2, mix_two_exports: 1,
    show_an_export_of_another_log: 1, show_an_old_export: 1, drop_the_seal: 1,
}  # fmt: skip
"""Each change, and how large a share of all it is."""
