"""Somebody changes the audit log: in an export, in the database, with every hash computed anew.

The logs here are forged by the tests from the documented formulas, so that an attacker with full rights on
the database can be played to the end: he may write whatever he likes, except a signature.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from sekisho.audit_verify import Outcome, Verdict, verify_rows
from sekisho.domain.note import Head, format_key, head_text, parse_key, parse_note, sign_note
from sekisho.domain.record import (
    StoredRecord,
    canonical,
    genesis,
    indexed,
    next_link,
    subject_ref,
    subject_set,
    timestamp,
)
from sekisho.errors import InvalidRequest

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
VKEY = format_key("log", PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
STRANGER = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
START = datetime(2026, 11, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Log:
    """A whole log as a database and a folder of heads would tell it; people are (sequence, references)."""

    rows: tuple[StoredRecord, ...]
    people: tuple[tuple[int, bytes], ...]
    stored: tuple[str, ...]
    saved: tuple[str, ...]

    def verify(self, since: str | None = None) -> Verdict:
        """Return what verification finds."""
        return verify_rows(iter(self.rows), self.stored, self.people, self.saved, VKEY, since=since)


def build(writers: list[int], fields: dict[int, dict[str, object]] | None = None) -> Log:
    """Write a log: record i + 1 is by writer ``writers[i]``; *fields* replaces what a record says.

    A head is signed after every record, as a log with one record to a commit does.
    """
    fields = fields or {}
    size: dict[str, int] = {}
    chain: dict[str, bytes] = {}
    rows: list[StoredRecord] = []
    people: list[tuple[int, bytes]] = []
    heads: list[str] = []
    for seq, number in enumerate(writers, start=1):
        writer = f"writer-{number}"
        wseq, prev = size.get(writer, 0), chain.get(writer, genesis(writer))
        subjects = subject_set([subject_ref(b"r" * 32, n) for n in range(seq % 4)])
        said: dict[str, object] = {"requester": "recommender", "purpose": "recommendation", "rows": seq}
        if subjects.count:
            said["subjects"] = {"n": subjects.count, "digest": subjects.digest}
            people.append((seq, subjects.refs))
        said |= fields.get(seq, {})
        record = said | {
            "v": 1, "id": f"id-{seq}", "seq": seq, "writer": writer, "wseq": wseq, "prev": prev.hex(),
            "at": timestamp(START + timedelta(seconds=seq)), "kind": "access.release",
        }  # fmt: skip
        if wseq == 0:
            last = rows[-1] if rows else None
            record["kind"] = "writer.open"
            record["follows"] = last and {"writer": last.writer, "wseq": last.wseq, "chain": last.chain.hex()}
        data = canonical(record)
        chain[writer], size[writer] = next_link(prev, data), wseq + 1
        rows.append(StoredRecord(seq, f"id-{seq}", writer, wseq, *indexed(record), data, chain[writer]))
        text = head_text(Head(writer, wseq + 1, chain[writer]))
        heads.append(sign_note(text, parse_key(VKEY), PRIVATE.sign))
    return Log(tuple(rows), tuple(people), tuple(heads), tuple(heads))


CLEAN = build([1, 1, 2, 1, 2, 2, 1, 1, 3, 2, 3, 3, 1, 2, 3, 1])
LAST = len(CLEAN.rows)
ORDERS = st.lists(st.integers(1, 4), min_size=1, max_size=30)


@given(ORDERS)
def test_clean_logs_raise_no_alarm(writers):
    """However writers interleave, an untouched log is found to be what was written."""
    log = build(writers)
    verdict = log.verify()
    assert verdict.ok, verdict
    assert (verdict.records, verdict.writers, verdict.unsigned_tail) == (len(writers), len(set(writers)), 0)


@given(ORDERS, st.data())
def test_clean_logs_continue_every_checkpoint_ever_signed(writers, data):
    """Any head kept at any time is a prefix of an untouched log."""
    log = build(writers)
    assert log.verify(since=data.draw(st.sampled_from(log.saved))).ok


def tampered(rows: list[StoredRecord] | tuple[StoredRecord, ...], **changes: Any) -> Verdict:
    """Verify the clean log with other *rows*, demand that it is found out, and return the verdict."""
    verdict = replace(CLEAN, rows=tuple(rows), **changes).verify()
    assert verdict.outcome is Outcome.TAMPERED, verdict
    return verdict


@given(st.integers(0, LAST - 1), st.data())
def test_a_flipped_byte_in_a_record_is_found_and_the_record_is_named(place, data):
    """Any byte of any record, set to any other value, is found at exactly that record."""
    row = CLEAN.rows[place]
    at = data.draw(st.integers(0, len(row.record) - 1))
    flip = data.draw(st.integers(1, 255))
    record = bytearray(row.record)
    record[at] ^= flip
    rows = list(CLEAN.rows)
    rows[place] = row._replace(record=bytes(record))
    bad = tampered(rows).bad
    assert bad is not None
    assert bad.seq == place + 1


@given(st.integers(0, LAST - 1), st.sampled_from(StoredRecord._fields))
def test_a_changed_column_beside_a_record_is_found(place, column):
    """Columns are what people search by: one that says something else than its record hides it."""
    row = CLEAN.rows[place]
    value = getattr(row, column)
    other = value[:-1] + b"!" if isinstance(value, bytes) else value + 1 if isinstance(value, int) else "other"
    if column == "seq":
        return  # the order of the rows is its own test
    rows = list(CLEAN.rows)
    rows[place] = row._replace(**{column: other})
    bad = tampered(rows).bad
    assert bad is not None
    assert bad.seq == place + 1


@given(st.integers(0, LAST - 1), st.integers(1, LAST))
def test_deleted_records_are_found(place, number):
    """A stretch of records taken out, at the beginning, in the middle or at the end, is found."""
    bad = tampered(CLEAN.rows[:place] + CLEAN.rows[place + number :], people=()).bad
    assert bad is not None


@given(st.integers(0, LAST - 1), st.integers(0, LAST - 1))
def test_swapped_duplicated_and_moved_records_are_found(one, other):
    """No record can stand in another's place, twice, or somewhere else."""
    rows = list(CLEAN.rows)
    assert tampered([*rows[:other], rows[one], *rows[other:]]).bad is not None
    if one != other:
        rows[one], rows[other] = rows[other], rows[one]
        bad = tampered(rows).bad
        assert bad is not None
        assert bad.seq == min(one, other) + 1


@given(st.integers(0, LAST - 1), st.integers(-(10**6), 10**6).filter(bool))
def test_a_record_moved_in_time_is_found(place, seconds):
    """Another time in the record and in its column, everything else as it was, is found."""
    row = CLEAN.rows[place]
    said = json.loads(row.record) | {"at": timestamp(START + timedelta(seconds=place + 1 + seconds))}
    rows = list(CLEAN.rows)
    rows[place] = row._replace(record=canonical(said), at=indexed(said).at)
    bad = tampered(rows).bad
    assert bad is not None
    assert bad.seq == place + 1


@given(st.integers(1, LAST))
def test_a_rewritten_and_rechained_history_is_exposed_by_the_saved_heads(seq):
    """With full rights on the database every hash can be made to fit, but not the heads saved outside."""
    forged = build([int(row.writer[-1]) for row in CLEAN.rows], {seq: {"requester": "somebody else"}})
    assert forged.verify().ok  # in itself the forgery is flawless: that is the attack
    chained = replace(forged, stored=(), saved=CLEAN.saved)
    verdict = chained.verify()
    assert verdict.outcome is Outcome.TAMPERED
    assert verdict.bad is not None
    assert (verdict.bad.writer, verdict.bad.wseq) == (CLEAN.rows[seq - 1].writer, CLEAN.rows[seq - 1].wseq)


@given(st.integers(1, LAST), st.integers(1, LAST))
def test_a_rewritten_history_is_exposed_by_a_checkpoint_alone(seq, kept):
    """Somebody outside who kept one head exposes any change before it, heads deleted or not."""
    forged = build([int(row.writer[-1]) for row in CLEAN.rows], {seq: {"requester": "somebody else"}})
    without = replace(forged, stored=(), saved=())
    verdict = without.verify(since=CLEAN.saved[kept - 1])
    covered = CLEAN.rows[seq - 1].wseq < CLEAN.rows[kept - 1].wseq + 1
    if CLEAN.rows[seq - 1].writer == CLEAN.rows[kept - 1].writer and covered:
        assert verdict.outcome is Outcome.TAMPERED
    else:
        assert not verdict.ok  # records that no head vouches for are never called proven


def test_a_later_chain_vouches_for_the_one_it_follows():
    """Somebody who kept a head of a later writer alone still exposes a rewritten earlier one."""
    clean = build([1, 1, 1, 2, 2])
    forged = build([1, 1, 1], {2: {"requester": "somebody else"}})
    mixed = replace(clean, rows=(*forged.rows, *clean.rows[3:]), stored=(), saved=clean.saved[-1:])
    verdict = mixed.verify()
    assert verdict.outcome is Outcome.TAMPERED
    assert verdict.bad is not None
    assert (verdict.bad.writer, verdict.bad.wseq) == ("writer-1", 2)  # how far the forged chain goes


def test_without_any_head_nothing_is_proven():
    """A log whose heads are all gone is not called proven, however well it is chained."""
    assert replace(CLEAN, stored=(), saved=()).verify().outcome is Outcome.INCOMPLETE
    assert replace(CLEAN, saved=()).verify().outcome is Outcome.INCOMPLETE
    assert Log((), (), (), ()).verify().outcome is Outcome.INCOMPLETE


@given(st.integers(1, LAST))
def test_a_tail_cut_off_is_exposed_by_the_saved_heads(cut):
    """Records deleted from the end, with their heads in the database, are missed by the heads outside."""
    rows = CLEAN.rows[: LAST - cut]
    people = tuple(pair for pair in CLEAN.people if pair[0] <= LAST - cut)
    verdict = tampered(rows, people=people, stored=CLEAN.stored[: LAST - cut])
    assert verdict.bad is not None
    assert "cut off or rolled back" in verdict.finding


@given(st.integers(1, LAST - 1))
def test_records_after_the_newest_saved_head_are_told(seq):
    """What only the database vouches for is counted; what nothing vouches for is not proven."""
    verdict = replace(CLEAN, saved=CLEAN.saved[:seq]).verify()
    assert verdict.ok
    assert verdict.unsigned_tail == LAST - len(CLEAN.saved[:seq])
    unsigned = replace(CLEAN, saved=CLEAN.saved[:seq], stored=CLEAN.stored[:seq]).verify()
    assert unsigned.outcome is Outcome.INCOMPLETE
    assert unsigned.unsigned_tail == verdict.unsigned_tail


def late(log: Log, notes: tuple[str, ...]) -> Verdict:
    """Verify *log* when *notes* were saved after its records were read."""
    return verify_rows(iter(log.rows), log.stored, log.people, log.saved, VKEY, later=lambda: notes)


def test_a_head_saved_while_the_log_was_read_counts_for_exactly_its_end():
    """The newest commit of a log in use is proven by the head that follows it, by nothing older or newer."""
    short = replace(CLEAN, saved=CLEAN.saved[:-1], stored=CLEAN.stored[:-1])
    assert short.verify().outcome is Outcome.INCOMPLETE
    verdict = late(short, CLEAN.saved)
    assert verdict.ok, verdict
    assert verdict.unsigned_tail == 0
    assert late(short, CLEAN.saved[:-1]).outcome is Outcome.INCOMPLETE


def test_a_head_saved_while_the_log_was_read_is_held_against_it():
    """A head that came late exposes a rewritten end, and counts only when the trusted key signed it."""
    short = replace(CLEAN, saved=CLEAN.saved[:-1], stored=CLEAN.stored[:-1])
    forged = build([int(row.writer[-1]) for row in CLEAN.rows], {LAST: {"requester": "somebody else"}})
    assert late(replace(short, rows=forged.rows, people=forged.people), CLEAN.saved).outcome is Outcome.TAMPERED
    text = parse_note(CLEAN.saved[-1]).text
    assert late(short, (sign_note(text, parse_key(VKEY), STRANGER.sign),)).outcome is Outcome.TAMPERED


@given(st.integers(0, LAST - 1), st.booleans())
def test_people_cannot_be_added_or_taken_away(place, add):
    """Who is noted beside a record is what its digest stands for: nobody can be hidden or slandered."""
    people = dict(CLEAN.people)
    if add:
        people[place + 1] = people.get(place + 1, b"") + b"\x01" * 16
    else:
        seq = sorted(people)[place % len(people)]
        people[seq] = people[seq][:-16]
    tampered(CLEAN.rows, people=tuple(sorted(people.items())))


@given(st.integers(0, LAST - 1), st.data())
def test_no_person_can_be_put_in_the_place_of_another(place, data):
    """Any byte of the references beside a record, set to any other value, is found at that record."""
    people = dict(CLEAN.people)
    seq = sorted(people)[place % len(people)]
    refs = bytearray(people[seq])
    refs[data.draw(st.integers(0, len(refs) - 1))] ^= data.draw(st.integers(1, 255))
    bad = tampered(CLEAN.rows, people=tuple(sorted({**people, seq: bytes(refs)}.items()))).bad
    assert bad is not None
    assert bad.seq == seq


@given(st.integers(0, LAST - 1), st.integers(1, LAST + 3))
def test_the_people_of_a_record_cannot_be_removed_or_moved(place, to):
    """A record's people taken away as a whole, or noted beside another record or beside none, are missed."""
    people = dict(CLEAN.people)
    seq = sorted(people)[place % len(people)]
    refs = people.pop(seq)
    tampered(CLEAN.rows, people=tuple(sorted(people.items())))
    if to != seq:
        tampered(CLEAN.rows, people=tuple(sorted({**people, to: refs}.items())))


def test_a_head_by_a_stranger_is_untrusted():
    """Heads signed by another key say so: the log may be another one, or the key was changed."""
    key = parse_key(format_key("log", STRANGER.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)))
    last = parse_note(CLEAN.saved[-1]).text
    stranger = sign_note(last, key, STRANGER.sign)
    assert replace(CLEAN, saved=(*CLEAN.saved[:-1], stranger)).verify().outcome is Outcome.UNTRUSTED
    forged = sign_note(last, parse_key(VKEY), STRANGER.sign)  # under our name and key id
    assert replace(CLEAN, saved=(*CLEAN.saved[:-1], forged)).verify().outcome is Outcome.TAMPERED


def test_a_wrong_key_or_checkpoint_is_a_wrong_use():
    """What cannot be a key or a checkpoint is refused before anything is judged."""
    with pytest.raises(InvalidRequest):
        verify_rows((), (), (), (), "not a key")
    with pytest.raises(InvalidRequest):
        CLEAN.verify(since="no/such/file")
    with pytest.raises(InvalidRequest):
        CLEAN.verify(since="not\na note")
