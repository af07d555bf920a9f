"""Changes to a log inside its database, by somebody who may write there whatever they like."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

from hypothesis import reject

from sekisho.audit_verify import saved_notes
from sekisho.domain.note import Head, parse_head, parse_note
from sekisho.domain.record import StoredRecord, canonical, genesis, indexed, next_link, timestamp
from tests.history.cases import FOUND, INCOMPLETE, Case, Must, at, opened
from tests.history.worlds import DATABASE, HEADS, START

COLUMNS = ("id", "writer", "wseq", "at", "kind", "requester", "purpose", "decision", "chain")


def write_rows(case: Case, rows: Sequence[StoredRecord]) -> None:
    """Put *rows* in the place of all that were there."""
    with opened(case.target) as connection:
        connection.execute("DELETE FROM audit_record")
        connection.executemany(f"INSERT INTO audit_record VALUES ({','.join('?' * 11)})", rows)


def renumbered(rows: Sequence[StoredRecord]) -> list[StoredRecord]:
    """Return *rows* with the column of sequences closed up, and the other unique columns out of the way."""
    seen: set[object] = set()
    found = []
    for seq, given in enumerate(rows, 1):
        row = given._replace(seq=seq)
        while row.id in seen:
            row = row._replace(id=f"{row.id[:-1]}{'x' if row.id[-1] != 'x' else 'y'}{len(seen)}"[-36:])
        while (row.writer, row.wseq) in seen:
            row = row._replace(wseq=row.wseq + 10_000)
        seen |= {row.id, (row.writer, row.wseq)}
        found.append(row)
    return found


def flip_byte_of_record(case: Case) -> Must:
    """One byte of one record."""
    case.database()
    row = case.one_of(case.rows())
    record, _ = case.byte_changed(row.record)
    with opened(case.target) as connection:
        connection.execute("UPDATE audit_record SET record=? WHERE seq=?", (record, row.seq))
    return at(row.seq)


def change_column(case: Case) -> Must:
    """What records are found by says something else than the record."""
    case.database()
    row, column = case.one_of(case.rows()), case.one_of(COLUMNS)
    value = getattr(row, column)
    other: object
    if isinstance(value, bytes):
        other = case.byte_changed(value)[0]
    elif isinstance(value, int):
        other = value + case.number(1, 10**6) * (-1 if column == "at" and case.number(0, 1) else 1)
        other = other + 10**5 if column == "wseq" else other
    else:
        other = f"{value or ''}{case.number(0, 10**6)}"
    with opened(case.target) as connection:
        connection.execute(f"UPDATE audit_record SET {column}=? WHERE seq=?", (other, row.seq))
    return at(row.seq)


def delete_records(case: Case) -> Must:
    """A stretch of records is gone; the hole stays, or those behind it are moved up."""
    case.database()
    rows = case.rows()
    first = case.number(1, len(rows) - 1)
    last = case.number(first, min(first + 20, len(rows) - 1))  # the end is a change of its own
    left = [row for row in rows if not first <= row.seq <= last]
    write_rows(case, renumbered(left) if case.number(0, 1) else left)
    return at(first)


def cut_off_the_end(case: Case) -> Must:
    """The newest records are gone, with their people, and with their heads in the database if that helps."""
    case.database()
    rows = case.rows()
    kept = case.number(0, len(rows) - 1)
    with opened(case.target) as connection:
        connection.execute("DELETE FROM audit_record WHERE seq > ?", (kept,))
        connection.execute("DELETE FROM audit_subject WHERE seq > ?", (kept,))
        if case.number(0, 1):
            for writer in {row.writer for row in rows}:
                size = sum(row.writer == writer for row in rows[:kept])
                connection.execute("DELETE FROM audit_head WHERE writer=? AND wseq>=?", (writer, size))
    # The first writer, by name, of whom records are missing.
    writer = min(row.writer for row in rows[kept:])
    return Must(place=(writer, sum(row.writer == writer for row in rows[:kept])))


def swap_records(case: Case) -> Must:
    """Two records in each other's place, with all that stands beside them."""
    case.database()
    rows = case.rows()
    one = case.number(0, len(rows) - 2)
    other = case.number(one + 1, len(rows) - 1)
    rows[one], rows[other] = rows[other]._replace(seq=one + 1), rows[one]._replace(seq=other + 1)
    write_rows(case, rows)
    return at(one + 1)


def duplicate_record(case: Case) -> Must:
    """A record a second time, somewhere behind the first or before it."""
    case.database()
    rows = case.rows()
    row, place = case.one_of(rows), case.number(0, len(rows))
    write_rows(case, renumbered([*rows[:place], row, *rows[place:]]))
    # Put in just before itself, the original is the second.
    return at(place + 2 if row.seq == place + 1 else place + 1)


def insert_record(case: Case) -> Must:
    """A record that never was, chained as it should be; those behind it are moved on."""
    case.database()
    rows = case.rows()
    place = case.number(1, len(rows) - 1)
    before = case.one_of({row.writer: row for row in rows[:place]}.values())
    said = json.loads(before.record) | {
        "id": f"forged-{case.number(0, 10**6)}",
        "seq": place + 1,
        "wseq": before.wseq + 1,
        "prev": before.chain.hex(),
        "kind": "access.deny",
    }
    said = {name: value for name, value in said.items() if name not in {"subjects", "follows"}}
    data = canonical(said)
    forged = StoredRecord(
        place + 1, said["id"], before.writer, before.wseq + 1, *indexed(said), data, next_link(before.chain, data)
    )
    shifted = [row._replace(seq=row.seq + 1) for row in rows[place:]]
    write_rows(case, renumbered([*rows[:place], forged, *shifted]))
    with opened(case.target) as connection:
        connection.execute("UPDATE audit_subject SET seq = -seq WHERE seq > ?", (place,))
        connection.execute("UPDATE audit_subject SET seq = 1 - seq WHERE seq < 0")
    return at(place + 2)


def append_record(case: Case) -> Must:
    """A record behind the last one, of a writer that ended or of one that never was."""
    case.database()
    rows = case.rows()
    last = {row.writer: row for row in rows}
    before = case.one_of([*last.values(), None])
    seq, data = len(rows) + 1, json.loads(rows[-1].record)
    newest = rows[-1]
    data |= {"id": f"forged-{case.number(0, 10**6)}", "seq": seq, "kind": "access.deny"}
    if before is None:
        writer, wseq, prev = (
            "ffffffff-0000-7000-8000-000000000000",
            0,
            genesis("ffffffff-0000-7000-8000-000000000000"),
        )
        data["follows"] = {"writer": newest.writer, "wseq": newest.wseq, "chain": newest.chain.hex()}
    else:
        writer, wseq, prev = before.writer, before.wseq + 1, before.chain
    data |= {"writer": writer, "wseq": wseq, "prev": prev.hex()}
    record = canonical(data)
    with opened(case.target) as connection:
        row = StoredRecord(seq, data["id"], writer, wseq, *indexed(data), record, next_link(prev, record))
        connection.execute(f"INSERT INTO audit_record VALUES ({','.join('?' * 11)})", row)
    return Must(INCOMPLETE, seqs=frozenset({seq}))


def move_in_time(case: Case) -> Must:
    """Another time, in the record and beside it."""
    case.database()
    row = case.one_of(case.rows())
    moved = row.at + case.number(1, 10**12) * (1 - 2 * case.number(0, 1))
    said = json.loads(row.record) | {"at": timestamp(START + timedelta(microseconds=moved))}
    with opened(case.target) as connection:
        connection.execute("UPDATE audit_record SET at=?, record=? WHERE seq=?", (moved, canonical(said), row.seq))
    return at(row.seq)


def put_in_of_another_log(case: Case) -> Must:
    """A record of another tenant's log, or of another log under the same key, in the place of one's own."""
    case.database()
    theirs, rows = case.one_of(case.others).last.rows(), case.rows()
    row = case.one_of(rows[: len(theirs)])
    other = case.one_of([theirs[row.seq - 1], case.one_of(theirs)])
    with opened(case.target) as connection:
        connection.execute("DELETE FROM audit_record WHERE seq=?", (row.seq,))
        connection.execute(
            f"INSERT INTO audit_record VALUES ({','.join('?' * 11)})", other._replace(seq=row.seq, wseq=other.wseq)
        )
    # The first record of a log could begin any: it is the second that does not follow it.
    return at(row.seq, 2) if row.seq == 1 else at(row.seq)


def rewrite_from(rows: Sequence[StoredRecord], place: int, **said: object) -> list[StoredRecord]:
    """Return *rows* with record *place* saying something else, and every hash and chain after it computed anew."""
    chain: dict[str, bytes] = {}
    found: list[StoredRecord] = []
    for number, row in enumerate(rows):
        data = json.loads(row.record) | (said if number == place else {})
        data["prev"] = chain.get(row.writer, genesis(row.writer)).hex()
        if row.wseq == 0 and found:
            data["follows"] = {
                "writer": found[-1].writer,
                "wseq": found[-1].wseq,
                "chain": found[-1].chain.hex(),
            }
        record = canonical(data)
        chain[row.writer] = next_link(chain.get(row.writer, genesis(row.writer)), record)
        found.append(
            StoredRecord(row.seq, data["id"], row.writer, row.wseq, *indexed(data), record, chain[row.writer])
        )
    return found


def rewrite_everything(case: Case) -> Must:
    """A record rewritten and everything chained anew, with or without the heads in the database."""
    case.database()
    rows = case.rows()
    row = case.one_of(rows)
    write_rows(case, rewrite_from(rows, row.seq - 1, requester=f"somebody {case.number(0, 10**6)}"))
    if case.number(0, 1):
        with opened(case.target) as connection:
            connection.execute("DELETE FROM audit_head")
    # The first that no longer fits a head: the first of the commit.
    sizes = [head.size for head in case.world.last.heads if head.writer == row.writer and head.size <= row.wseq]
    return Must(place=(row.writer, max(sizes, default=0)))


def rewrite_against_one_kept_head(case: Case) -> Must:
    """The same, with all heads gone but one that the verifier kept: of this writer or a later one, or of the tree."""
    case.database()
    rows = case.rows()
    row = case.one_of(rows)
    forged = rewrite_from(rows, row.seq - 1, requester=f"somebody {case.number(0, 10**6)}")
    write_rows(case, forged)
    with opened(case.target) as connection:
        connection.execute("DELETE FROM audit_head")
    for path in (case.folder / HEADS).iterdir():
        path.unlink()
    chain = {(each.writer, each.wseq + 1): each.chain for each in forged}
    kept = [note for note, head in kept_heads(case) if chain[head.writer, head.size] != head.chain]
    kept += [
        stage.checkpoint for stage in case.world.stages if stage.size >= row.seq
    ] * 5  # those of the tree are few
    case.since = case.one_of(kept)
    return Must()


def kept_heads(case: Case) -> list[tuple[str, Head]]:
    """Return every head that was ever saved."""
    notes = saved_notes(case.world.last.folder / HEADS)
    return [(note, parse_head(parse_note(note).text)) for note in notes]


def roll_back_the_database(case: Case) -> Must:
    """An old copy of the database, beside the heads of today."""
    case.database()
    stage = case.one_of(case.world.stages[:-1])
    case.copy(DATABASE, stage)
    old, rows = stage.rows(), case.rows()
    if case.number(0, 1):  # and a little more was cut off
        cut = case.number(1, len(old) - 1)
        with opened(case.target) as connection:
            for table in ("audit_record", "audit_subject"):
                connection.execute(f"DELETE FROM {table} WHERE seq > ?", (cut,))
        old = old[:cut]
    writer = min(row.writer for row in rows[len(old) :])
    return Must(place=(writer, sum(row.writer == writer for row in old)))


def roll_back_everything(case: Case) -> Must:
    """Old copies of the database and of the saved heads: sound in themselves, and older than what somebody kept."""
    case.database()
    stage = case.one_of(case.world.stages[:-1])
    for name in (DATABASE, HEADS):
        case.copy(name, stage)
    sizes: dict[str, int] = {}
    for row in stage.rows():
        sizes[row.writer] = row.wseq + 1
    newer = [note for note, head in kept_heads(case) if head.size > sizes.get(head.writer, 0)]
    later = [each.checkpoint for each in case.world.stages if each.size > stage.size]
    case.since = case.one_of([*newer, *later * 5])
    return at(stage.size + 1) if case.since in later else Must()


def change_people(case: Case) -> Must:
    """Who is noted beside a record: another, one more, one fewer, nobody, or beside another record."""
    case.database()
    with opened(case.target) as connection:
        people = dict(connection.execute("SELECT seq, refs FROM audit_subject"))
        seq = case.one_of(sorted(people))
        how = case.number(0, 5)
        if how <= 2:
            changed = (
                case.byte_changed(people[seq])[0],
                people[seq] + bytes([case.number(0, 255)] * 16),
                people[seq][:-16],
            )
            connection.execute("UPDATE audit_subject SET refs=? WHERE seq=?", (changed[how], seq))
        elif how == 3:
            connection.execute("DELETE FROM audit_subject WHERE seq=?", (seq,))
        else:
            to = case.one_of(number for number in range(1, len(case.rows()) + 4) if number not in people)
            connection.execute("UPDATE audit_subject SET seq=? WHERE seq=?", (to, seq))
            seq = min(to, seq)
    return at(seq)


def change_a_head(case: Case) -> Must:
    """A byte of the newest head of a writer, in the database or outside it."""
    case.database()
    with opened(case.target) as connection:
        stored = connection.execute("SELECT writer, wseq, note FROM audit_head").fetchall()
        writer = case.one_of(sorted({row[0] for row in stored}))
        _, wseq, note = max((row for row in stored if row[0] == writer), key=lambda row: row[1])
        changed, place = case.byte_changed(note.encode(), 0, len(note.encode()) - 1)
        if case.number(0, 1):
            try:
                connection.execute(
                    "UPDATE audit_head SET note=? WHERE writer=? AND wseq=?", (changed.decode(), writer, wseq)
                )
            except UnicodeDecodeError:
                reject()
        else:
            path = case.folder / HEADS / f"{writer}.heads"
            data = path.read_bytes()
            if not data.endswith(note.encode() + b"\n") or note.encode()[place : place + 1] == b"\n":
                reject()  # without its end the newest head is one that a power failure cut short
            path.write_bytes(data.removesuffix(note.encode() + b"\n") + changed + b"\n")
    return Must(FOUND)


def change_type(case: Case) -> Must:
    """A value of another type, or a text that is none, which a database of this kind lets stand anywhere."""
    case.database()
    rows = case.rows()
    row = case.one_of(rows)
    column = case.one_of((*COLUMNS, "record", "note", "refs"))
    with opened(case.target) as connection:
        if column == "note":
            how = case.one_of(("CAST(note AS BLOB)", "CAST(x'ff' AS TEXT)", "7", "''"))
            connection.execute(f"UPDATE audit_head SET note={how} WHERE writer=?", (row.writer,))
            return Must()
        if column == "refs":
            (seq,) = case.one_of(connection.execute("SELECT seq FROM audit_subject ORDER BY seq").fetchall())
            how = case.one_of(("hex(refs)", "7", "0.5", "''"))
            connection.execute(f"UPDATE audit_subject SET refs={how} WHERE seq=?", (seq,))
            return at(seq)
        value = getattr(row, column)
        other = case.one_of((str(value), str(value).encode(), b"\xff", 7, 0.5, None))
        now = "CAST(? AS TEXT)" if isinstance(other, bytes) and isinstance(value, str) else "?"
        if other is None:
            other, now = value, "CAST(? AS TEXT)"
        with suppress(sqlite3.IntegrityError):  # then nothing was changed
            connection.execute(f"UPDATE audit_record SET {column}={now} WHERE seq=?", (other, row.seq))
    return at(row.seq)


def flip_byte_of_the_file(case: Case) -> Must:
    """One byte of the file itself, below everything that a database knows of."""
    path = case.database()
    path.write_bytes(case.byte_changed(path.read_bytes())[0])
    if told(path) == told(case.world.last.folder / DATABASE):
        reject()  # free space, an index, another table, the signature of a head that a newer one covers
    return Must(FOUND, refused=True)


def told(database: Path) -> object:
    """Return what a database says of the log: records, people, what was signed; or that it says nothing any more."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            return [
                connection.execute(statement).fetchall()
                for statement in (
                    "SELECT * FROM audit_record ORDER BY seq",
                    "SELECT * FROM audit_subject ORDER BY seq",
                    "SELECT substr(note, 1, instr(note, char(10, 10))) FROM audit_head ORDER BY writer, wseq",
                )
            ]
    except (sqlite3.Error, UnicodeDecodeError):
        return None


CHANGES = {
    flip_byte_of_record: 6, change_column: 4, delete_records: 3, cut_off_the_end: 2, swap_records: 3,
    duplicate_record: 3, insert_record: 3, append_record: 2, move_in_time: 3, put_in_of_another_log: 3,
    rewrite_everything: 4,
    rewrite_against_one_kept_head: 3, roll_back_the_database: 2, roll_back_everything: 1, change_people: 3,
    change_a_head: 3, change_type: 3, flip_byte_of_the_file: 3,
}  # fmt: skip
"""Each change, and how large a share of all it is."""
