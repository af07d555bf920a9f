"""The check of a log inside its database, against the heads that were saved outside it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from sekisho.audit_verify.trust import HeldHeads, Origin, TrustedKey, anchor_in, checkpoint_notes, saved_notes
from sekisho.audit_verify.verdict import Outcome, Verdict, VerificationFailed, failed_verdict
from sekisho.domain.chain import BadRecord, BrokenChainError, Chain, Walk, accuse, name_of
from sekisho.domain.note import HEAD_ORIGIN
from sekisho.domain.pruning import Anchor
from sekisho.domain.record import MAX_SUBJECT_REFS, REF_BYTES, StoredRecord, indexed, instant
from sekisho.errors import InvalidRequest

UNSIGNED = "records after the newest signed head are not vouched for; after a crash the next start signs them"
"""The finding where a chain ends after all that was signed."""

_OUTSIDE = frozenset({Origin.SAVED, Origin.CHECKPOINT})
_RECORD = StoredRecord._fields.index("record")
_PEOPLE = "the list of people beside a record"
_PATIENCE = (0.0, 0.01, 0.05, 0.2)  # seconds to wait for the head of a commit that was just seen


def verify_database(database: Path, heads: Path, vkey: str, *, since: str | None = None) -> Verdict:
    """Verify the log inside the SQLite file *database*, also while a service is writing to it.

    Parameters
    ----------
    database:
        The own database's file; it is opened for reading only.
    heads:
        Folder of the heads that were saved outside it.
    vkey, since:
        As for :func:`verify_export`.

    Raises
    ------
    InvalidRequest
        When the file is not such a database, or *vkey* or *since* cannot be read.
    """
    # The saved heads come first: what they count must be in the database by the time it is read.
    try:
        saved = saved_notes(heads)
    except VerificationFailed as failed:
        return Verdict(failed.outcome, failed.finding)
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("BEGIN")  # one snapshot for all that follows
            stored = connection.execute("SELECT note FROM audit_head ORDER BY writer, wseq")
            rows = connection.execute(f"SELECT {', '.join(StoredRecord._fields)} FROM audit_record ORDER BY seq")
            people = connection.execute("SELECT seq, refs FROM audit_subject ORDER BY seq")
            known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'audit_pruned'").fetchone()[0]
            newest = "SELECT anchor FROM audit_pruned ORDER BY minimum_index DESC LIMIT 1"
            anchors = connection.execute(newest if known else "SELECT NULL WHERE 0")
            return verify_rows(
                map(StoredRecord._make, _typed(rows, _RECORD, bytes, "a record")),
                (note for (note,) in _typed(stored, 0, str, "a head in the database")),
                _typed(_typed(people, 0, int, _PEOPLE), 1, bytes, _PEOPLE),
                saved,
                vkey,
                since=since,
                later=lambda: saved_notes(heads),
                anchor=next((kept for (kept,) in _typed(anchors, 0, bytes, "what is kept of pruned records")), None),
            )
    except VerificationFailed as failed:  # by a value of another kind than the log writes
        return Verdict(failed.outcome, failed.finding)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter for a schema that is damaged
        raise InvalidRequest(f"this is not a database that can be read ({type(error).__name__})") from None


def _typed(rows: Iterable[tuple[Any, ...]], column: int, kind: type, what: str) -> Iterator[Any]:
    """Yield *rows*, whose *column* must be of this *kind*: SQLite itself lets any value stand in any column.

    Raises ``VerificationFailed`` where it is another, or where a text is none.
    """
    wrong = f"{what} is not what the log writes there"
    before = 0
    try:
        for row in rows:
            if type(row[column]) is not kind:
                bad = BadRecord(None, None, row[0], None) if column else None
                raise VerificationFailed(Outcome.TAMPERED, wrong, bad)
            yield row
            before = row[0]
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
        bad = BadRecord(None, None, before + 1, None) if column == _RECORD else None
        raise VerificationFailed(Outcome.TAMPERED, wrong, bad) from None


def verify_rows(
    rows: Iterable[StoredRecord],
    stored: Iterable[str],
    people: Iterable[tuple[int, bytes]],
    saved: Iterable[str],
    vkey: str,
    *,
    since: str | None = None,
    later: Callable[[], Iterable[str]] | None = None,
    anchor: bytes | None = None,
) -> Verdict:
    """Verify a whole log from what a database tells.

    Parameters
    ----------
    rows:
        All records in order of sequence.
    stored, saved:
        Signed heads from the database, and from outside it. Take both before the rows.
    people:
        (sequence, references one after another) of every record beside which people are noted, in order.
    vkey, since:
        As for :func:`verify_export`.
    later:
        Reads the saved heads once more. A writer signs after it committed, so the newest records of a log
        in use may be covered by a head that was saved after they were read.
    anchor:
        What the database keeps of records that were pruned. It counts where the first record is not the log's first.
        A record must say the same wherever there is one: exports and reports begin where it says.
    """
    held = HeldHeads(TrustedKey(vkey))
    walk = Walk(marks={})
    try:
        if since is not None:
            held.add(checkpoint_notes(since), Origin.CHECKPOINT)
        held.add(saved, Origin.SAVED)
        held.add(stored, Origin.DATABASE)
        remaining = _Rows(rows)
        kept = anchor_in(anchor)
        begun = _beginning(remaining, kept)
        if begun is not None:
            held.begin_after(begun)
        walk = Walk(marks=held.marks(), anchor=begun)
        _walk_rows(walk, remaining, _People(people), held, kept)
        held.compare(walk.chains, begins=True, ends=True, anchor=begun)
        if later is not None:
            _catch_up(walk, held, later)
        tail = _tail(walk, held)
    except VerificationFailed as failed:
        return failed_verdict(failed, walk, len(held))
    return Verdict(Outcome.OK, "", None, walk.count, len(walk.chains), len(held), tail, pruned=walk.pruned)


class _Rows:
    """Rows of which the first can be looked at before it is taken."""

    def __init__(self, rows: Iterable[StoredRecord]) -> None:
        self._rows = iter(rows)
        self.first = next(self._rows, None)

    def __iter__(self) -> Iterator[StoredRecord]:
        if self.first is not None:
            yield self.first
            yield from self._rows


def _beginning(rows: _Rows, anchor: Anchor | None) -> Anchor | None:
    """Return what is kept of pruned records, when *rows* do not begin with the log's first.

    Raises ``VerificationFailed`` when not all of what was pruned is gone.
    """
    if rows.first is None or rows.first.seq == 1:
        return None
    if anchor is not None and rows.first.seq <= anchor.size:
        finding = "not all of what was pruned is gone; run `sekisho audit prune`"
        raise VerificationFailed(Outcome.INCOMPLETE, finding, unfinished=True)
    return anchor


def _walk_rows(
    walk: Walk, rows: Iterable[StoredRecord], people: _People, held: HeldHeads, kept: Anchor | None
) -> None:
    rows = iter(rows)
    stated = kept is None
    try:
        for row in rows:
            record = walk.step(row.record)
            stated = stated or (kept is not None and kept.stated_by(record))
            held.take(row.record, walk.chains)
            finding = contradiction(row, record, walk.chains[record["writer"]].value)
            if finding is None and not people.fit(record, row.seq):
                finding = "the people noted beside the record are not its own"
            if finding is not None:
                bad = name_of(record)
                raise VerificationFailed(Outcome.TAMPERED, finding, bad)
        walk.require_beginning()
    except BrokenChainError as broken:
        found = accuse(broken, (row.record for row in rows), held.ends())
        raise VerificationFailed(Outcome.TAMPERED, found.finding, found.bad) from None
    if not stated:
        raise VerificationFailed(Outcome.TAMPERED, "no record says that what the database calls pruned was")
    if people.left():
        raise VerificationFailed(Outcome.TAMPERED, "people are noted beside a record that is not there")


def contradiction(row: StoredRecord, record: dict[str, Any], chain: bytes) -> str | None:
    """Return what the columns of *row* say wrongly about its record, or ``None``; *chain* is the computed value."""
    said = record.get
    try:
        same = row[:4] == (record["seq"], record["id"], record["writer"], record["wseq"])
        # What is as it stands in the record is right; the rest is cut to its column's width, perhaps.
        verbatim = row[5:9] == (said("kind"), said("requester"), said("purpose"), said("decision"))
        same = same and (row[4] == instant(record["at"]) if verbatim else row[4:9] == indexed(record))
    except (KeyError, ValueError):
        same = False
    if not same:
        return "a column beside the record says something else than the record"
    return None if row.chain == chain else "the stored chain value is not the one of this record"


class _People:
    """The references beside the records, read in step with them."""

    def __init__(self, rows: Iterable[tuple[int, bytes]]) -> None:
        self._rows = iter(rows)
        self._next = next(self._rows, None)

    def fit(self, record: dict[str, Any], seq: int) -> bool:
        """Return whether the references noted for *seq* are those that the record's digest stands for."""
        refs, noted = b"", self._next
        if noted is not None and noted[0] <= seq:
            if noted[0] < seq:
                return False
            refs = bytes(noted[1])
            self._next = next(self._rows, None)
        if "subjects" not in record:
            return not refs
        about = record["subjects"]
        if not isinstance(about, dict) or not isinstance(count := about.get("n"), int):
            return False
        if count > MAX_SUBJECT_REFS:
            return not refs
        return len(refs) == count * REF_BYTES and sha256(refs).hexdigest() == about.get("digest")

    def left(self) -> bool:
        """Return whether there are references beyond the last record."""
        return self._next is not None


def _catch_up(walk: Walk, held: HeldHeads, later: Callable[[], Iterable[str]]) -> None:
    """Take the heads that were saved meanwhile, of exactly the ends that were read and that none covers yet.

    Raises
    ------
    VerificationFailed
        When such a head is not signed by the trusted key, or contradicts the records.
    """
    for pause in _PATIENCE:
        covered = held.newest(frozenset(Origin))
        ends = tuple(
            f"{HEAD_ORIGIN}{name}\n{chain.size}\n"
            for name, chain in walk.chains.items()
            if chain.size > covered.get(name, 0)
        )
        if not ends:
            return
        time.sleep(pause)
        held.add_ends((note for note in later() if note.startswith(ends)), walk.chains)


def _tail(walk: Walk, held: HeldHeads) -> int:
    """Return how many records no head from outside covers.

    Raises
    ------
    VerificationFailed
        ``INCOMPLETE`` when there are no records, when no head was kept outside at all, or when there are
        records that no signed head covers.
    """
    if not walk.chains:
        raise VerificationFailed(Outcome.INCOMPLETE, "there are no records")
    outside, anywhere = held.newest(_OUTSIDE, tree=True), held.newest(frozenset(Origin))
    if not outside:
        raise VerificationFailed(
            Outcome.INCOMPLETE, "no head was kept outside the database: a rewritten history would not be seen"
        )
    tail = sum(chain.size - max(outside.get(name, 0), chain.start) for name, chain in walk.chains.items())
    for chain in unsigned(walk.chains, anywhere):
        raise VerificationFailed(Outcome.INCOMPLETE, UNSIGNED, name_of(chain.last), tail)
    return tail


def unsigned(chains: Mapping[str, Chain], signed: Mapping[str, int]) -> list[Chain]:
    """Return the chains that end after all that was signed; *signed* has the size of each writer's newest head."""
    return [chain for name, chain in chains.items() if chain.size > max(signed.get(name, 0), chain.start)]
