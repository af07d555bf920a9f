"""Nobody is missed in a record about very many people, however their references are spread."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from sekisho.adapters.records.audit_large_pages import EVERYBODY, _Holds, references_in, seqs_of
from sekisho.adapters.records.tables import audit_record, audit_subject, audit_subject_ref
from sekisho.domain.record import REF_BYTES

SPREADS = {
    "evenly": lambda chance: chance.randbytes(REF_BYTES),
    "all at the beginning": lambda chance: bytes(6) + chance.randbytes(REF_BYTES - 6),
    "all at the end": lambda chance: b"\xff" * 6 + chance.randbytes(REF_BYTES - 6),
    "in two heaps": lambda chance: bytes([chance.choice((3, 250))]) + bytes(5) + chance.randbytes(REF_BYTES - 6),
}


def test_what_is_no_reference_concerns_no_record(url):
    """The empty reference of somebody unknown, and the mark of large records, are in no record about very many."""
    engine = sa.create_engine(url)
    refs = b"".join(sorted(bytes([number]) * REF_BYTES for number in range(1, 9)))
    with engine.begin() as connection:
        row = {
            "seq": 1,
            "id": "x",
            "writer": "w",
            "wseq": 0,
            "at": 0,
            "kind": "access.release",
            "record": b"{}",
            "chain": b"",
        }
        connection.execute(sa.insert(audit_record).values(row))
        connection.execute(sa.insert(audit_subject).values(seq=1, refs=refs))
        connection.execute(sa.insert(audit_subject_ref).values(ref=EVERYBODY, seq=1))
        for asked, found in ((b"", []), (EVERYBODY, []), (b"\1" * 8, []), (b"\1" * REF_BYTES, [1])):
            assert list(connection.execute(seqs_of([asked])).scalars()) == found
    engine.dispose()


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("count", [1, 2, 9, 700])
def test_everybody_who_is_there_is_found_and_nobody_else(url, spread, count):
    """First, last and any others are found; a reference beside one of them, and one of nobody, are not."""
    chance = random.Random(count)
    refs = b"".join(sorted({SPREADS[spread](chance) for _ in range(count)}))
    there = references_in(refs)
    asked = {there[0], there[-1], *chance.sample(there, min(20, len(there)))}
    asked |= {ref[:-1] + bytes([ref[-1] ^ 1]) for ref in list(asked)} | {bytes(REF_BYTES), b"\xff" * REF_BYTES}
    asked |= {chance.randbytes(REF_BYTES) for _ in range(20)}
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = {ref for ref in asked if connection.execute(sa.select(_Holds(sa.literal(refs), ref))).scalar_one()}
    engine.dispose()
    assert found == asked & set(there)
