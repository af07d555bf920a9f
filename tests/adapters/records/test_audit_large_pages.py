"""Nobody is missed in a record about very many people, however their references are spread."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from sekisho.adapters.records.audit_large_pages import _Holds, references_in
from sekisho.domain.record import REF_BYTES

SPREADS = {
    "evenly": lambda chance: chance.randbytes(REF_BYTES),
    "all at the beginning": lambda chance: bytes(6) + chance.randbytes(REF_BYTES - 6),
    "all at the end": lambda chance: b"\xff" * 6 + chance.randbytes(REF_BYTES - 6),
    "in two heaps": lambda chance: bytes([chance.choice((3, 250))]) + bytes(5) + chance.randbytes(REF_BYTES - 6),
}


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
