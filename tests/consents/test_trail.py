"""The audit trail of consent: what is written of an event, and that nothing stays unwritten."""

# ruff: noqa: D102 - each method of a stand-in does what its port says

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.consents.fakes import make_parts
from tests.fakes import FakeAuditLog

from sekisho.consents.trail import Trail
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.consent_trail import IMPORT, AuditedEvent, audited_events, batch_fields, single_fields
from sekisho.domain.record import MAX_RECORD_BYTES, canonical, micros, plain_fields
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.errors import AuditUnavailable
from sekisho.ports import RecordedConsentEvent

NOW = datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)
MICROS = st.integers(-(10**16), 3 * 10**17)  # up to the year 9999, beyond what a JSON number holds exactly
NAMES = st.sampled_from(["lifecycle_email", "recommendation/data_category=purchase", "ab_measurement"])
REFS = st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "line": st.integers(1, 10**6),
        "batch": st.just("b" * 64),
        "historical": st.just(True),
        "other_ref": REFS,
    },
)
EVENTS = st.builds(
    AuditedEvent,
    seq=st.just(0),
    id=st.uuids().map(str),
    ref=REFS | st.none(),
    kind=st.sampled_from([kind.value for kind in ConsentEventKind]),
    purpose=st.sampled_from(["lifecycle_email", "recommendation", ""]),
    cells=st.lists(NAMES, max_size=3).map(tuple),
    method=st.sampled_from(["web_form", "paper"]),
    actor=st.sampled_from(["data_subject", "requester:desk"]),
    notice_version=st.none() | st.just("v3"),
    occurred_at=st.none() | MICROS,
    recorded_at=st.integers(10**15, 2 * 10**15),
    said_at=MICROS,
    counts_at=MICROS,
    valid_until=st.none() | MICROS,
    facts=FACTS,
    sealed_sha256=st.none() | st.just("5e" * 32),
    outcome=st.integers(0, 4),
    holds_until=st.none() | MICROS,
    effects=st.lists(st.tuples(REFS, NAMES, st.integers(0, 1), st.none() | MICROS), max_size=2).map(tuple),
    hash=st.just("ab" * 32),
)


def record_of(kind, record_id, fields):
    """What a log makes of an entry, read back from its canonical bytes."""
    copy = plain_fields({**fields, "subjects": {"n": 1, "digest": "0" * 64}})
    whole = {**copy, "v": 1, "id": record_id, "seq": 10**12, "writer": str(uuid.uuid4()), "wseq": 10**12}
    return orjson.loads(canonical({**whole, "prev": "0" * 64, "at": "2026-11-21T08:00:00.000000Z", "kind": kind}))


@given(EVENTS)
def test_one_event_comes_back_whole(event):
    """What the log says of an event is all of it: every column, to the microsecond, whatever year it names."""
    event = event._replace(seq=7)
    record = record_of(f"consent.{event.kind}", event.id, single_fields(event))
    assert audited_events(record) == [event]
    assert "e+" not in str(record)
    assert not any(isinstance(value, float) for value in record.values())


@given(st.lists(EVENTS, min_size=1, max_size=40), st.sets(st.integers(1, 39)))
def test_imported_events_come_back_whole(events, breaks):
    """So do imported ones from the records that they share, however many that are; the last of each has its hash."""
    seq = 0
    numbered = []
    for place, event in enumerate(events):
        seq += 2 if place in breaks else 1
        numbered.append(event._replace(seq=seq))
    read = []
    for record_id, fields in batch_fields(numbered, "b" * 64):
        found = audited_events(record_of(IMPORT, record_id, fields))
        assert (found[0].id, found[-1].seq) == (record_id, fields["consent_seq"])
        assert found[-1].hash is not None
        read += [event._replace(hash="ab" * 32) for event in found]
    assert read == numbered


def test_a_large_import_makes_few_records():
    """Thousands of lines of a file need about a record for every four hundred, none larger than a record may be."""
    one = AuditedEvent(
        0, "", "", "give", "recommendation", ("recommendation/data_category=purchase",), "paper", "desk", "v3",
        1_700_000_000_000_000, 1_763_000_000_000_000, 1_700_000_000_000_000, 1_700_000_000_000_000,
        1_900_000_000_000_000, {"batch": "b" * 64, "historical": True}, None, 1, 1_900_000_000_000_000, (), "ab" * 32,
    )  # fmt: skip
    events = [
        one._replace(
            seq=seq,
            id=str(uuid.uuid4()),
            ref=uuid.uuid4().hex,
            occurred_at=1_700_000_000_000_000 + seq,
            said_at=1_700_000_000_000_000 + seq,
            counts_at=1_700_000_000_000_000 + seq,
            facts={**one.facts, "line": seq},
        )
        for seq in range(1, 4_001)
    ]
    records = [record_of(IMPORT, record_id, fields) for record_id, fields in batch_fields(events, "b" * 64)]
    assert len(records) <= 16
    assert all(len(orjson.dumps(record)) <= MAX_RECORD_BYTES for record in records)
    assert [event.seq for record in records for event in audited_events(record)] == list(range(1, 4_001))


@pytest.mark.parametrize(
    "record",
    [
        {"kind": "access.release", "hash": "", "recorded_at": 1},
        {"kind": "consent.withdraw", "repeated": True, "consent_seq": 3},
        {"kind": "consent.import", "batch": "b"},
    ],
    ids=["a release", "a repeated no", "a summary"],
)
def test_other_records_tell_of_no_event(record):
    """Only what recorded an event is read as one."""
    assert audited_events(record) == []


def test_a_broken_record_is_not_half_read():
    """A record that claims events and cannot be read is an error, not an empty answer."""
    with pytest.raises(ValueError, match="cannot be read"):
        audited_events({"kind": "consent.give", "hash": "00", "recorded_at": 1})


def event(seq=5, number=71_717, kind=ConsentEventKind.WITHDRAW, **more):
    kept = {"facts": '{"locale":"ja"}', "said_at": 3, "counts_at": 4, "outcome": 0, "holds_until": None}
    kept |= {"sealed_sha256": "cd" * 32, "effects": None, **more.pop("kept", {})}
    return RecordedConsentEvent(
        seq, f"id-{seq}", SubjectNumber(number), "lifecycle_email", (Cell("lifecycle_email"),), kind, NOW, "web_form",
        "requester:desk", hash=b"\xab" * 32, kept=kept, **more,
    )  # fmt: skip


@pytest.fixture
def parts():
    """The ports of the use cases, with a log of its own."""
    return make_parts().parts


async def test_every_event_has_one_record_under_its_own_id(parts):
    """The record is found by the event's id, names the person by reference alone, and who handed the event in."""
    await Trail(parts).note([event(), event(6, 71_718)], requester="desk")
    one, other = parts.audit.records
    reference = parts.reference(SubjectNumber(71_717))
    assert (one["id"], one["kind"], one["event_id"], one["consent_seq"]) == ("id-5", "consent.withdraw", "id-5", 5)
    assert (one["subject_ref"], one["subjects"], one["requester"]) == (reference, [reference], "desk")
    assert (one["cells"], one["purpose"], one["repeated"]) == (["lifecycle_email"], "lifecycle_email", False)
    assert (one["recorded_at"], one["sealed_sha256"]) == (micros(NOW), "cd" * 32)
    assert other["id"] == "id-6"
    assert "71717" not in str(one)


async def test_a_link_names_both_by_reference(parts):
    """Neither of two linked people stands in the log by number, in no field."""
    effects = orjson.dumps([[71_717, "lifecycle_email", 0, None]]).decode()
    linked = event(number=71_718, kind=ConsentEventKind.LINK, kept={"facts": '{"other":71717}', "effects": effects})
    await Trail(parts).note([linked])
    (record,) = parts.audit.records
    both = [parts.reference(SubjectNumber(number)) for number in (71_718, 71_717)]
    assert record["subjects"] == both
    assert record["facts"] == {"other_ref": both[1]}
    assert record["effects"] == [[both[1], "lifecycle_email", 0, None]]
    assert "7171" not in str(record)


async def test_what_concerns_everybody_names_nobody(parts):
    """A notice has no person."""
    await Trail(parts).note([event(number=0, kind=ConsentEventKind.PUBLISH)])
    assert not {"subjects", "subject_ref"} & parts.audit.records[0].keys()


async def test_a_repeated_no_is_told_and_is_no_event(parts):
    """Said once more, it has a record with an id of its own, which nobody takes for an event of the ledger."""
    again = RecordedConsentEvent(
        9, "", SubjectNumber(3), "lifecycle_email", (Cell("lifecycle_email"),), ConsentEventKind.WITHDRAW, NOW,
        "web_form", "data_subject",
    )  # fmt: skip
    await Trail(parts).note([again], repeated=True)
    (record,) = parts.audit.records
    assert (record["repeated"], record["consent_seq"], record["actor"]) == (True, 9, "data_subject")
    assert not {"event_id", "hash", "recorded_at", "requester"} & record.keys()
    assert record["id"]
    assert audited_events(record) == []


class OnceLog(FakeAuditLog):
    """Refuses an id that is taken, as the real log does, and whatever is named beforehand."""

    refused: frozenset[str] = frozenset()

    async def append(self, entry):
        if entry.id in self.refused or any(record["id"] == entry.id for record in self.records):
            raise AuditUnavailable("no")
        return await super().append(entry)

    async def get(self, record_id):
        return next((record for record in self.records if record["id"] == record_id), None)


async def test_noting_twice_writes_once(parts):
    """What is there already is not an error and not written again."""
    object.__setattr__(parts, "audit", OnceLog())
    trail = Trail(parts)
    await trail.note([event()])
    await trail.note([event(), event(6)])
    assert [record["id"] for record in parts.audit.records] == ["id-5", "id-6"]


async def test_every_event_is_tried_before_a_failure_is_told(parts):
    """One record that cannot be written does not keep the others out of the log."""
    log = OnceLog()
    log.refused = frozenset({"id-5"})
    object.__setattr__(parts, "audit", log)
    with pytest.raises(AuditUnavailable):
        await Trail(parts).note([event(), event(6)])
    assert [record["id"] for record in log.records] == ["id-6"]


async def test_an_import_names_its_people_once(parts):
    """Imported events share records; the people of each are named beside it, in bytes."""
    ids = [str(uuid.uuid4()) for _ in range(3)]
    kept = {"facts": '{"historical":true}'}
    events = [
        RecordedConsentEvent(
            seq, ids[seq - 1], SubjectNumber(number), "lifecycle_email", (Cell("lifecycle_email"),),
            ConsentEventKind.GIVE, NOW, hash=b"\xab" * 32, kept=kept,
        )
        for seq, number in ((1, 71_717), (2, 71_718), (3, 71_717))
    ]  # fmt: skip
    await Trail(parts).note_batch(events, "b" * 64)
    (record,) = parts.audit.records
    assert (record["kind"], record["id"], record["count"], record["first_seq"]) == (IMPORT, ids[0], 3, 1)
    both = sorted(bytes.fromhex(parts.reference(SubjectNumber(number))) for number in (71_717, 71_718))
    assert record["subjects"] == b"".join(both)
    assert [found.id for found in audited_events(record)] == ids
    told = {name: value for name, value in record.items() if name not in {"refs", "ids", "id", "subjects"}}
    assert "7171" not in str(told)


class Backlog:
    """Two stretches of missing events."""

    def __init__(self):
        self.stretches = [([event(5), event(6)], 100), ([], 200), ([event(207)], 300)]
        self.reached = []

    async def unaudited(self):
        return self.stretches[0] if self.stretches else ([], 300)

    async def advance(self, seq):
        self.reached.append(seq)
        self.stretches.pop(0)
        return bool(self.stretches)


async def test_catching_up_goes_on_to_the_end(parts):
    """Every missing event is written, in order, with the requester that its actor names."""
    backlog = Backlog()
    assert await Trail(parts, backlog).catch_up() == 3
    assert [record["id"] for record in parts.audit.records] == ["id-5", "id-6", "id-207"]
    assert {record["requester"] for record in parts.audit.records} == {"desk"}
    assert backlog.reached == [100, 200, 300]


async def test_catching_up_does_not_pass_what_it_could_not_write(parts):
    """While the log is away, nothing counts as looked at."""
    parts.audit.error = AuditUnavailable("away")
    backlog = Backlog()
    with pytest.raises(AuditUnavailable):
        await Trail(parts, backlog).catch_up()
    assert backlog.reached == []
