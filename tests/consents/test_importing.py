"""Bulk history: what a file must say, what becomes of it, and that nothing is lost or recorded twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.consents.import_house import DESK, MARK, START, House, ndjson, open_house, said, without

from sekisho.consents import import_parts
from sekisho.consents.import_lines import MAX_LINE, ImportFormat
from sekisho.domain.consent import ConsentEventKind, ConsentState, Provenance
from sekisho.domain.consent_trail import audited_events
from sekisho.domain.notices import Change
from sekisho.domain.terms import Cell, Requester, SubjectNumber
from sekisho.errors import AccessDenied, AuditUnavailable
from sekisho.ports import AuditEntry, AuditReceipt, ConsentEventInput, DataSubjectRef
from sekisho.ports.imports import ImportPart, ImportProgress, KeptEvent

GOOD = said("customer_id:1", "lifecycle_email", "give", 1)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """An empty house over SQLite."""
    opened = open_house(f"sqlite:///{tmp_path}/records.db")
    yield opened
    await opened.database.close()


FAULTS: dict[str, tuple[dict[str, Any] | str, str]] = {
    "not-json": ('{"data_subject": ' + MARK, "invalid_request"),
    "a-list": (json.dumps([MARK]), "invalid_request"),
    "two-objects": (json.dumps(GOOD) + json.dumps(GOOD), "invalid_request"),
    "too-long": (json.dumps(GOOD | {"evidence": {"form": MARK * MAX_LINE}}), "invalid_request"),
    "unknown-field": (GOOD | {MARK: "x"}, "invalid_request"),
    "no-person": (without(GOOD, "data_subject"), "invalid_request"),
    "person-a-number": (GOOD | {"data_subject": 17850}, "invalid_request"),
    "person-without-kind": (GOOD | {"data_subject": MARK}, "invalid_request"),
    "person-of-unknown-kind": (GOOD | {"data_subject": f"line_id:{MARK}"}, "invalid_request"),
    "person-by-pseudonym": (GOOD | {"data_subject": f"pseudonym:{MARK}"}, "invalid_request"),
    "person-empty": (GOOD | {"data_subject": "customer_id: "}, "invalid_request"),
    "person-endless": (GOOD | {"data_subject": "customer_id:" + MARK * 40}, "invalid_request"),
    "no-hash": (GOOD | {"data_subject": f"email_sha256:{MARK}"}, "invalid_request"),
    "unknown-purpose": (GOOD | {"purpose": MARK}, "unknown_purpose"),
    "asks-nobody": (GOOD | {"purpose": "customer_support"}, "invalid_request"),
    "unknown-event": (GOOD | {"event": MARK}, "invalid_request"),
    "event-of-the-gateway": (GOOD | {"event": "publish"}, "invalid_request"),
    "event-a-list": (GOOD | {"event": [MARK]}, "invalid_request"),
    "unknown-method": (GOOD | {"method": MARK}, "invalid_request"),
    "unknown-scope": (GOOD | {"scope": {"data_category": MARK}}, "invalid_request"),
    "scope-a-list": (GOOD | {"scope": [MARK]}, "invalid_request"),
    "scope-of-lists": (GOOD | {"scope": {"data_category": [MARK]}}, "invalid_request"),
    "time-empty": (GOOD | {"occurred_at": ""}, "invalid_request"),
    "time-a-number": (GOOD | {"occurred_at": 1577836800}, "invalid_request"),
    "time-in-basic-form": (GOOD | {"occurred_at": "20200102T000000.000000Z"}, "invalid_request"),
    "time-by-week": (GOOD | {"occurred_at": "2020-W01-4T00:00:00Z"}, "invalid_request"),
    "no-time-at-all": (GOOD | {"occurred_at": MARK}, "invalid_request"),
    "time-without-zone": (GOOD | {"occurred_at": "2020-01-02T00:00:00"}, "invalid_request"),
    "only-a-day": (GOOD | {"occurred_at": "2020-01-02"}, "invalid_request"),
    "time-ahead": (GOOD | {"occurred_at": "2999-01-01T00:00:00Z"}, "invalid_request"),
    "time-before-computers": (GOOD | {"occurred_at": "1969-12-31T23:59:59Z"}, "invalid_request"),
    "ends-before-it-begins": (GOOD | {"valid_until": "2019-01-01T00:00:00Z"}, "invalid_request"),
    "evidence-a-text": (GOOD | {"evidence": MARK}, "invalid_request"),
    "evidence-of-numbers": (GOOD | {"evidence": {"form": 1}}, "invalid_request"),
    "much-evidence": (GOOD | {"evidence": {f"{MARK}{i}": "x" for i in range(17)}}, "invalid_request"),
    "actor-a-list": (GOOD | {"actor": [MARK]}, "invalid_request"),
    "actor-of-no-type": (GOOD | {"actor": {"id": MARK}}, "invalid_request"),
    "actor-of-unknown-type": (GOOD | {"actor": {"type": MARK}}, "invalid_request"),
    "actor-type-null": (GOOD | {"actor": {"type": None}}, "invalid_request"),
    "signal-says-yes": (GOOD | {"method": "signal"}, "invalid_request"),
    "system-says-yes": (GOOD | {"actor": {"type": "system"}}, "invalid_request"),
    "notice-version-a-list": (GOOD | {"notice_version": [MARK]}, "invalid_request"),
    "locale": (GOOD | {"locale": MARK}, "invalid_request"),
    "age": (GOOD | {"age": True}, "invalid_request"),
    "a-child": (GOOD | {"age": 11}, "invalid_request"),
    "reason": (GOOD | {"event": "revoke", "reason": f"{MARK} said so"}, "invalid_request"),
    "own-purpose": (GOOD | {"purpose": "newsletter"}, "access_denied"),
}


@pytest.mark.parametrize("name", list(FAULTS))
async def test_each_fault_is_told_by_line_and_kind_and_says_nothing_of_the_line(house, name):
    """A report names the line and a stable code; no value of the line stands in it, and nothing was imported."""
    line, code = FAULTS[name]
    requester = Requester("desk", frozenset({"newsletter"}), DESK.roles)
    report = await house.run(ndjson([GOOD, line, GOOD]), requester=requester)
    assert [(fault["line"], fault["code"]) for fault in report["faults"]] == [(2, code)]
    assert MARK not in json.dumps(report)
    assert "17850" not in json.dumps(report)
    assert (report["lines"], report["valid"], report["fault_count"], report["finished"]) == (3, 2, 1, False)
    assert await house.ledger_says() == []


async def test_what_only_looks_alike_is_checked_by_itself(house):
    """A version that is true, or 1.0, is none, also behind a line whose version is 1."""
    lines = [GOOD | {"notice_version": version} for version in (1, True, 1.0, "1")]
    report = await house.run(ndjson(lines), dry_run=True)
    assert [fault["line"] for fault in report["faults"]] == [2, 3]


async def test_the_audit_log_tells_of_every_event_before_the_import_is_finished(house, monkeypatch):
    """However slow the log is, the record about the whole import comes after those about its events."""
    monkeypatch.setattr(import_parts, "PART", 2)
    append = house.audit.append

    async def slowly(entry: AuditEntry) -> AuditReceipt:
        if entry.kind == "consent.import":
            for _ in range(50):
                await asyncio.sleep(0)
        receipt: AuditReceipt = await append(entry)
        return receipt

    monkeypatch.setattr(house.audit, "append", slowly)
    report = await house.run(ndjson(said(f"customer_id:{n}", "lifecycle_email", "give", n) for n in range(1, 8)))
    assert report["finished"]
    *told, last = house.audit.records
    assert last["kind"] == "consent.import_finished"
    assert sorted(event.seq for record in told for event in audited_events(record)) == list(range(1, 8))


@pytest.mark.parametrize("part", [1, 2, 6])
async def test_a_part_that_the_audit_log_refused_stops_the_import(house, monkeypatch, part):
    """When the log fails in between, the import says so; what was recorded is in the ledger, and the rest waits."""
    monkeypatch.setattr(import_parts, "PART", 2)
    append, told = house.audit.append, 0

    async def once(entry: AuditEntry) -> AuditReceipt:
        nonlocal told
        told += entry.kind == "consent.import"
        if told == part:
            told += 1
            raise AuditUnavailable("down")
        receipt: AuditReceipt = await append(entry)
        return receipt

    monkeypatch.setattr(house.audit, "append", once)
    content = ndjson(said(f"customer_id:{n}", "lifecycle_email", "give", n) for n in range(1, 12))
    with pytest.raises(AuditUnavailable):
        await house.run(content)
    assert 2 * part <= len(await house.ledger_says()) + 1 <= 2 * part + 3
    done = await house.run(content)
    assert (done["recorded"], done["finished"], len(await house.ledger_says())) == (11, True, 11)


async def test_a_yes_without_a_notice_is_taken_for_the_one_in_force(house):
    """As with an event that comes in now, what names no version is about the notice that tells of the purpose."""
    report = await house.run(ndjson([without(GOOD, "notice_version")]))
    assert (report["recorded"], report["fault_count"]) == (1, 0)


async def test_only_a_collection_point_imports(house):
    """Nobody else's file is even read; a privacy officer without the role is nobody else's exception."""
    for roles in (frozenset[str](), frozenset({"privacy_officer"}), frozenset({"withdrawal_relay"})):
        with pytest.raises(AccessDenied):
            await house.importing.run(Requester("x", frozenset(), roles), None, ImportFormat.NDJSON)


async def test_a_no_about_an_own_purpose_is_imported(house):
    """A collection point imports nobody's yes to its own use, and everybody's no."""
    requester = Requester("desk", frozenset({"lifecycle_email"}), DESK.roles)
    no = said("customer_id:1", "lifecycle_email", "withdraw", 1)
    assert (await house.run(ndjson([no]), requester=requester))["recorded"] == 1
    assert (await house.run(ndjson([GOOD]), requester=requester))["faults"][0]["code"] == "access_denied"


async def test_a_dry_run_changes_nothing(house):
    """Not an event, not a person, not a batch; and the report is that of the import but for what it records."""
    content = ndjson([GOOD, said("email_sha256:" + "AB" * 32, "newsletter", "give", 2)])
    before = await house.everything()
    tried = await house.run(content, dry_run=True)
    assert await house.everything() == before
    assert house.audit.records == []
    assert (tried["lines"], tried["valid"], tried["recorded"], tried["finished"]) == (2, 2, 0, False)
    done = await house.run(content)
    assert (done["lines"], done["valid"], done["recorded"], done["finished"]) == (2, 2, 2, True)
    assert done["seq"] == 2
    assert await house.people.number_of(DataSubjectRef("email_sha256", "ab" * 32)) == 2


async def test_the_same_file_again_answers_the_finished_batch(house):
    """Sending a finished file again records nothing and says what it did."""
    content = ndjson([GOOD, GOOD])
    first = await house.run(content)
    everything = await house.everything()
    assert await house.run(content) == first
    assert await house.everything() == everything
    assert [record["kind"] for record in house.audit.records] == ["consent.import", "consent.import_finished"]
    assert (await house.run(content + b"\n"))["recorded"] == 2  # other bytes are another file


async def test_faults_are_skipped_only_when_told_and_counted_then(house):
    """With skip_faults the good lines come in, in order, and the others are named and counted."""
    content = ndjson([GOOD, "junk", "", said("customer_id:2", "lifecycle_email", "give", 2), "junk"])
    assert (await house.run(content))["recorded"] == 0
    done = await house.run(content, skip_faults=True)
    counts = {name: done[name] for name in ("lines", "valid", "recorded", "left_out", "fault_count", "finished")}
    assert counts == {"lines": 4, "valid": 2, "recorded": 2, "left_out": 2, "fault_count": 2, "finished": True}
    assert [fault["line"] for fault in done["faults"]] == [2, 5]
    again = await house.run(content, skip_faults=True)
    assert {name: again[name] for name in counts if name != "fault_count"} | {"fault_count": 2} == counts


async def test_a_report_lists_a_hundred_faults_and_counts_all(house):
    """However many lines are wrong, the report stays small."""
    report = await house.run(ndjson(["junk"] * 250))
    assert (len(report["faults"]), report["fault_count"], report["valid"]) == (100, 250, 0)


async def test_an_import_never_overrides_a_newer_withdrawal(house):
    """What was withdrawn here stays withdrawn, whatever yes a file brings from before; a later one counts."""
    number = SubjectNumber(int((await house.people.register("customer_id", ["1"]))[0]))
    await house.ledger.record(
        [
            ConsentEventInput(
                number,
                "lifecycle_email",
                (Cell("lifecycle_email"),),
                ConsentEventKind.WITHDRAW,
                "api",
                "data_subject",
            )
        ]
    )
    report = await house.run(ndjson([said("customer_id:1", "lifecycle_email", "give", day) for day in (1, 700)]))
    assert (report["recorded"], report["unchanged"]) == (2, 2)
    _, records = await house.ledger.records_of(number)
    assert records["lifecycle_email"].state is ConsentState.WITHDRAWN


@pytest.mark.parametrize("order", ["yes-first", "no-first"])
async def test_within_a_file_what_was_said_last_counts(house, order):
    """A file need not be in order of time: the newer no wins over the older yes, and at the same time too."""
    lines = [
        said("customer_id:1", "lifecycle_email", "give", 1),
        said("customer_id:1", "lifecycle_email", "withdraw", 2),
        said("customer_id:2", "lifecycle_email", "give", 3),
        said("customer_id:2", "lifecycle_email", "withdraw", 3),
        said("customer_id:3", "lifecycle_email", "give", 5),
        said("customer_id:3", "lifecycle_email", "withdraw", 4),
    ]
    await house.run(ndjson(lines if order == "yes-first" else lines[::-1]))
    states = dict(await house.database.peek("SELECT number, state FROM consent_state"))
    people = await house.people.numbers_of("customer_id", ["1", "2", "3"])
    assert [states[int(number)] for number in people] == ["withdrawn", "withdrawn", "given"]


async def test_an_event_keeps_who_brought_it_and_its_evidence_sealed(house):
    """The ledger names batch, desk and notice; what may name somebody is sealed under the person's key."""
    line = GOOD | {"evidence": {"form": MARK}, "actor": {"type": "operator", "id": MARK, "assurance": "document"}}
    report = await house.run(ndjson([line | {"locale": "ja", "served_id": "s-1"}]))
    (event,) = await house.ledger.history(1)
    facts = event.provenance
    assert (facts.batch, facts.collection_point, facts.actor_type) == (report["batch"], "consent_desk", "operator")
    assert (facts.notice_key, facts.locale, facts.served_id, facts.assurance) == ("notice", "ja", "s-1", "document")
    assert facts.notice_sha256 is not None
    stored = await house.database.peek("SELECT sealed, facts FROM consent_event")
    assert stored[0][0] is not None
    assert MARK.encode() not in bytes(stored[0][0]) + stored[0][1].encode()
    assert MARK not in json.dumps(house.audit.records, default=str)


async def test_a_yes_ends_when_its_purpose_says(house):
    """Validity counts from when it was said, so that an old yes is expired when it comes in."""
    await house.run(ndjson([said("customer_id:1", "emotion_analysis", "give", 1)]))
    (event,) = await house.ledger.history(1)
    assert event.valid_until == START + timedelta(days=31)


async def test_a_yes_from_before_people_were_asked_again_is_a_fault(house):
    """After a major notice an older yes does not count; on the notice in force, or for a no, it does."""
    house.notices.clock.advance(10 * 86_400)
    house.notices.show("lifecycle_email", change=Change.MAJOR)
    now = said("customer_id:1", "lifecycle_email", "give", 20, notice_version="2")
    legacy = said("customer_id:2", "newsletter", "give", 1, notice_version="2015-A")
    report = await house.run(ndjson([GOOD, now, said("customer_id:1", "lifecycle_email", "withdraw", 1), legacy]))
    assert [(fault["line"], fault["code"]) for fault in report["faults"]] == [(1, "notice_outdated")]
    legacy = said("customer_id:2", "lifecycle_email", "give", 12, notice_version="2015-A")
    report = await house.run(ndjson([legacy]))
    assert [fault["code"] for fault in report["faults"]] == ["notice_outdated"]


async def test_a_yes_from_before_a_purpose_changed_is_a_fault(house):
    """Where what is declared of a purpose changed (major), a yes from before does not count, one from after does."""
    for change in (Change.MAJOR, Change.MAJOR, Change.MINOR):
        declared = await house.notices.declare("lifecycle_email", change, {"n": 1}, "api", "x")
        await house.notices.publish_purpose("lifecycle_email", declared.version, "x")
        house.notices.clock.advance(10 * 86_400)
    days = [said(f"customer_id:{day}", "lifecycle_email", "give", day) for day in (5, 12, 25)]
    report = await house.run(ndjson([*days, said("customer_id:5", "lifecycle_email", "withdraw", 5)]))
    assert [(fault["line"], fault["code"]) for fault in report["faults"]] == [(1, "notice_outdated")]


async def test_one_fault_keeps_a_whole_file_out(house, monkeypatch):
    """Also when the fault stands behind parts that are good: all or nothing, unless told otherwise."""
    monkeypatch.setattr(import_parts, "PART", 2)
    report = await house.run(ndjson([GOOD] * 6 + ["junk"]))
    assert (report["recorded"], report["valid"], report["faults"][0]["line"]) == (0, 6, 7)
    assert await house.everything() == [[], [], [], [], []]


async def test_people_who_are_asked_again_while_an_import_runs_keep_being_asked(house, monkeypatch):
    """A notice published between the check of a part and its commit stops the yeses that it made outdated."""
    monkeypatch.setattr(import_parts, "PART", 2)
    append = house.batches.append
    parts = 0

    async def publishing(
        batch: str, part: ImportPart, at_work: Any
    ) -> tuple[ImportProgress, Sequence[KeptEvent]] | None:
        nonlocal parts
        parts += 1
        if parts == 2:
            house.notices.clock.advance(10 * 86_400)
            house.notices.show("lifecycle_email", change=Change.MAJOR)
            await house.ledger.publish({"lifecycle_email": ("lifecycle_email",)}, "x", Provenance())
        done: tuple[ImportProgress, Sequence[KeptEvent]] | None = await append(batch, part, at_work)
        return done

    monkeypatch.setattr(house.batches, "append", publishing)
    content = ndjson(said(f"customer_id:{n}", "lifecycle_email", "give", n) for n in range(1, 7))
    report = await house.run(content)
    assert (report["recorded"], report["finished"], report["lines"]) == (2, False, 6)
    assert [(fault["line"], fault["code"]) for fault in report["faults"]] == [
        (3, "notice_outdated"),
        (4, "notice_outdated"),
    ]
    assert (await house.ledger.view(("lifecycle_email",))).members().tolist() == []
    done = await house.run(content, skip_faults=True)
    assert (done["recorded"], done["left_out"], done["finished"]) == (2, 4, True)


async def test_without_the_audit_log_nothing_is_imported(house):
    """The log is asked before the first event; when it fails in between, the same file goes on afterwards."""
    content = ndjson([GOOD])
    house.audit.error = AuditUnavailable("down")
    with pytest.raises(AuditUnavailable):
        await house.run(content)
    assert await house.everything() == [[], [], [], [], []]
    house.audit.error = None
    assert (await house.run(content))["finished"]


async def test_an_empty_file_is_a_finished_import_of_nothing(house):
    """No line is no fault."""
    for file_format in ImportFormat:
        report = await house.run(b"" if file_format is ImportFormat.CSV else b"\n\n", file_format=file_format)
        assert (report["lines"], report["recorded"], report["finished"]) == (0, 0, True)
