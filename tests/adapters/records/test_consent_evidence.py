"""What proves the ledger: events chained by hash, and evidence sealed under the key of its person."""

from __future__ import annotations

import orjson
import pytest

from sekisho.adapters.records.consent_chain import GENESIS, EventChain, canonical_event
from sekisho.adapters.records.consent_rows import EventRow
from sekisho.adapters.records.sealing import PersonSeals
from sekisho.domain.consent import ConsentEventKind, Provenance
from sekisho.errors import ConsentUnavailable
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.test_ledger import FAR_AWAY, LONG_AGO, event


async def test_every_event_is_chained_to_the_one_before_it(ledger, people, database, keys):
    """A change of any column of any event is found; a change of the evidence as well."""
    await people.register("customer_id", ["a", "b"])
    await ledger.record([event(1, evidence={"ip": "192.0.2.1"}), event(2, "recommendation", until=FAR_AWAY)])
    await ledger.import_history([event(2, occurred=LONG_AGO)])
    await ledger.link(1, 2, "requester:desk")
    await ledger.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    await ledger.publish({"recommendation": PURPOSES["recommendation"].all_cells()}, "x", Provenance())
    statement = f"SELECT {', '.join(EventRow._fields)} FROM consent_event ORDER BY seq"
    rows = [EventRow._make(row) for row in await database.peek(statement)]
    assert len(rows) == 7

    def is_sound(rows):
        before = GENESIS
        for row in rows:
            before = EventChain(keys).following(before, row)
            if before != bytes(row.hash):
                return False
        return True

    assert is_sound(rows)
    for place, row in enumerate(rows):
        for name, value in row._asdict().items():
            other = {int: 99, str: "changed", bytes: b"x", type(None): 1 if name != "sealed" else b"x"}[type(value)]
            changed = EventRow._make(other if each == name else getattr(row, each) for each in EventRow._fields)
            assert not is_sound([*rows[:place], changed, *rows[place + 1 :]])
        assert not is_sound([*rows[:place], *rows[place + 1 :]]) or place == len(rows) - 1


async def test_evidence_is_sealed_and_gone_with_its_person(ledger, people, database, keys):
    """Evidence is nowhere in the database in plain, opens for its person alone, and for nobody once erased."""
    await people.register("customer_id", ["a", "b"])
    await ledger.record([event(number, evidence={"form": f"paper-{number}"}) for number in (1, 2, 1)])
    seals = PersonSeals(keys)
    sealed = [bytes(row[0]) for row in await database.peek("SELECT sealed FROM consent_event ORDER BY seq")]
    assert not any(b"paper" in each for each in sealed)

    def opened(number, content):
        return database.read(lambda connection: seals.open(connection, number, content))

    assert [await opened(1, sealed[0]), await opened(1, sealed[2])] == [b'{"form":"paper-1"}'] * 2
    with pytest.raises(ConsentUnavailable):
        await opened(2, sealed[0])
    with pytest.raises(ConsentUnavailable):
        await opened(1, b"")

    def erase(connection):
        connection.exec_driver_sql("UPDATE data_subject SET sealing_key = NULL, erased_at = 1 WHERE number = 1")

    await database.run(erase)
    assert await opened(1, sealed[0]) is None
    assert await opened(2, sealed[1]) == b'{"form":"paper-2"}'
    await ledger.record([event(1, kind=ConsentEventKind.WITHDRAW, evidence={"form": "paper"}), event(2)])
    rows = await database.peek("SELECT sealing_key FROM data_subject ORDER BY number")
    assert rows[0][0] is None, "nobody gets a key again"
    assert rows[1][0] is not None
    assert await database.peek("SELECT seq FROM consent_event WHERE seq > 3 AND sealed IS NOT NULL") == []
    made = await database.run(lambda connection: seals.seal(connection, {1: b"x", 2: b"y", 77: b"z"}))
    assert list(made) == [2]


def test_canonical_bytes_are_of_every_column_in_order():
    """Whoever computes the hash again needs the columns alone, and finds their names sorted (RFC 8785)."""
    row = EventRow(*range(len(EventRow._fields)))._replace(sealed=b"x")
    names = list(orjson.loads(canonical_event(row)))
    assert names == sorted({*EventRow._fields, "v"} - {"hash"})
