"""The projection follows from the events alone; whoever changes ledger or projection is found out."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import text

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records import consent_rebuild
from sekisho.adapters.records.consent_chain import EventChain
from sekisho.adapters.records.consent_fold import by_default_purposes
from sekisho.adapters.records.consent_projection import active_links
from sekisho.adapters.records.consent_rebuild import rebuilt, rewrite, row_bytes, verified
from sekisho.domain.consent import ConsentEventKind, Provenance
from sekisho.ports import ConsentEventInput
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.consent_world import histories, world

CLOCK = SystemClock()
BY_DEFAULT = by_default_purposes(PURPOSES)
EXAMPLES = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
EVERY_STATE = text(
    "SELECT number, cell, state, seq, since, valid_until, of_age_at, notice_version, refused_seq, refused_since,"
    " linked, linked_until, linked_seq FROM consent_state"
)


def prove(database, keys):
    return database.read(lambda connection: verified(connection, BY_DEFAULT, EventChain(keys)))


async def change(database, sql):
    """Change the database as somebody with its password could."""
    done = await database.run(lambda connection: connection.execute(text(sql)).rowcount)
    assert done, "the change must change something"


def stored(connection):
    return sorted(tuple(row) for row in connection.execute(EVERY_STATE))


@given(steps=histories)
@EXAMPLES
async def test_the_projection_is_rebuilt_byte_by_byte(database, ledger, people, steps, keys):
    """Whatever people say, link and unlink: folding the events gives the rows that the writer left, every byte."""
    site = await world(ledger, people, CLOCK)
    for step in steps:
        await site.do(step)

    def compare(connection):
        everybody = range(1, 1 + max(site.people))
        made = [row for rows in rebuilt(connection, active_links(connection, everybody), BY_DEFAULT) for row in rows]
        assert sorted(map(row_bytes, made)) == sorted(map(row_bytes, stored(connection)))
        rewrite(connection, site.people, BY_DEFAULT)
        assert stored(connection) == sorted(tuple(row) for row in made)

    await database.run(compare)
    proof = await prove(database, keys)
    assert proof.findings == ()
    assert proof.events == await ledger.last_seq()


@pytest.fixture
async def told(ledger, people, database, monkeypatch, keys):
    """A ledger in which some people decided, were linked and asked again; stretches of two people."""
    monkeypatch.setattr(consent_rebuild, "_PEOPLE", 2)
    site = await world(ledger, people, CLOCK)
    one, two, three, four = site.people
    for number, kind in ((one, "give"), (two, "withdraw"), (three, "give"), (four, "object"), (one, "renew")):
        purpose = "ab_measurement" if kind == "object" else "lifecycle_email"
        cells = PURPOSES[purpose].all_cells()
        event = ConsentEventInput(
            number, purpose, cells, ConsentEventKind(kind), "paper", "desk", evidence={"slip": f"of {number}"}
        )
        await ledger.record([event])
    await ledger.link(one, four, "desk")
    await ledger.link(two, three, "desk")
    await ledger.publish({"recommendation": PURPOSES["recommendation"].all_cells()}, "officer", Provenance())
    assert (await prove(database, keys)).ok
    return site


FORGERIES = {
    "a withdrawal turned into a yes": (
        "UPDATE consent_event SET kind = 'give' WHERE seq = 2",
        "Sequence 2 is not what",
    ),
    "whose it is": ("UPDATE consent_event SET number = 3 WHERE seq = 2", "Sequence 2 is not what"),
    "when it was said": ("UPDATE consent_event SET said_at = said_at - 1 WHERE seq = 3", "Sequence 3 is not what"),
    "its evidence": ("UPDATE consent_event SET sealed = NULL WHERE seq = 4", "Sequence 4 is not what"),
    "its hash": (
        "UPDATE consent_event SET hash = (SELECT hash FROM consent_event WHERE seq = 1) WHERE seq = 2",
        "its hash",
    ),
    "an event taken out": ("DELETE FROM consent_event WHERE seq = 4", "lacks sequence 4 to 4"),
    "the newest taken out": ("DELETE FROM consent_event WHERE seq = 8", "its events reach 7"),
    "a state": ("UPDATE consent_state SET state = 'given' WHERE number = 2", "The projection of lifecycle_email"),
    "a state made up": (
        "INSERT INTO consent_state (number, cell, state, seq, since) VALUES (4, 'lifecycle_email', 'given', 1, 1)",
        "The projection of lifecycle_email",
    ),
    "a state taken out": ("DELETE FROM consent_state WHERE number = 4", "The projection of ab_measurement"),
    "what counts while linked": ("UPDATE consent_state SET linked = NULL WHERE number = 3", "The projection of"),
    "a link": ("UPDATE data_subject_link SET unlinked_seq = 8 WHERE linked_seq = 7", "The links between people"),
    "a notice": ("UPDATE consent_cell SET asked_again_seq = 0", "The sequences of major notices"),
}


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda name: name.replace(" ", "-"))
async def test_no_change_goes_unseen(told, database, forgery, keys):
    """Whatever is changed in the ledger's tables behind its back is found, and what is told names nobody."""
    sql, finding = FORGERIES[forgery]
    await change(database, sql)
    proof = await prove(database, keys)
    assert not proof.ok
    assert any(finding in sentence for sentence in proof.findings), proof.findings


async def test_erasing_somebody_leaves_every_hash_valid(told, database, people, keys):
    """Identifiers and the key of the evidence go; the events and what is computed over them stay."""
    before = await prove(database, keys)
    await people.erase(told.people[0])
    after = await prove(database, keys)
    assert after.findings == ()
    assert (after.events, after.without_evidence) == (before.events, 0)
