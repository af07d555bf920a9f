"""What people may ask: taken at once, answered from what is known, closed by the privacy officer."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.records.conftest import keys  # noqa: F401 - fixtures
from tests.consents.fakes import state_of
from tests.consents.rights_house import KENJI, MARIKO, OFFICER, RECOMMENDER, STRANGER, Shelf, open_rights
from tests.fakes import FakeAuditLog

from sekisho.consents.rights import MOST_ROWS
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.rights import RequestKind, RequestStatus, due_at
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import (
    AccessDenied,
    AuditUnavailable,
    ConsentUnavailable,
    InvalidRequest,
    NotFound,
    RateLimited,
    StoreUnavailable,
)
from sekisho.ports import AuditQuery, ConsentEventInput, DataSubjectRef

NOTE = "私の電話は 090-1234-5678 です"


@pytest.fixture
async def house(database, keys, tmp_path):  # noqa: F811
    async with open_rights(database, keys, tmp_path) as opened:
        yield opened


async def state(house, cell: str, person=MARIKO):
    house.fakes.people.known = {MARIKO: SubjectNumber(1), KENJI: SubjectNumber(2)}
    return await state_of(house.fakes, person, cell)


async def gives(house, *purposes: str) -> None:
    """Let Mariko have said yes."""
    for purpose in purposes:
        cells = house.fakes.ledger.purposes[purpose].all_cells()
        event = ConsentEventInput(SubjectNumber(1), purpose, cells, ConsentEventKind.GIVE, "web_form", "data_subject")
        await house.fakes.ledger.record([event])


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-21T09:30:00", "2026-12-21T09:30:00"),
        ("2026-12-31T00:00:00", "2027-01-31T00:00:00"),
        ("2027-01-31T23:59:59", "2027-02-28T23:59:59"),
        ("2028-01-30T12:00:00", "2028-02-29T12:00:00"),
        ("2026-10-31T12:00:00", "2026-11-30T12:00:00"),
    ],
)
def test_an_answer_is_due_in_a_month(received, due):
    """One calendar month (GDPR 12(3)); where that month is shorter, its last day."""
    assert due_at(datetime.fromisoformat(received)) == datetime.fromisoformat(due)


@given(st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2100-01-01")))
def test_a_month_is_never_longer_than_a_month(received):
    """Due is 28 to 31 days later, at the same time of day, on the same day of the month or its last."""
    due = due_at(received)
    assert 28 <= (due - received).days <= 31
    assert due.time() == received.time()
    assert due.day == received.day or due.day < received.day


async def test_a_request_is_taken_with_the_day_it_is_due(house):
    """The answer names the request, and the list has it; the log says that there was one, never what was written."""
    rights = house.rights()
    taken = await rights.request(MARIKO, RequestKind.RECTIFICATION, NOTE)

    assert set(taken) == {"id", "kind", "status", "received_at", "due_at"}
    assert taken["status"] == "received"
    received, due = (datetime.fromisoformat(str(taken[name])) for name in ("received_at", "due_at"))
    assert due == due_at(received)
    assert (await rights.own_requests(MARIKO))["items"] == [taken]
    assert (await rights.own_request(MARIKO, str(taken["id"])))["note"] == NOTE
    log = await house.audit.search(AuditQuery(data_subject=house.parts.reference(SubjectNumber(1))))
    assert [record["kind"] for record in log] == ["rights.request"]
    assert NOTE not in repr(log)


async def test_what_was_written_is_sealed(house):
    """Neither note nor answer can be read from the database."""
    rights = house.rights(Shelf({1: {"crm.customers": [{"name": "Mariko Sato"}]}}))
    await rights.request(MARIKO, RequestKind.RECTIFICATION, NOTE)
    await rights.request(MARIKO, RequestKind.ACCESS)
    rows = await house.database.peek("SELECT sealed FROM dsr_request")
    stored = b"".join(bytes(sealed) for (sealed,) in rows)
    for secret in (NOTE, "Mariko", "customer_id", "17850"):
        assert secret.encode() not in stored


async def test_nobody_reads_anothers_request(house):
    """Another's request, none, and a malformed id are not found alike, for a person known or not."""
    rights = house.rights()
    mine = str((await rights.request(MARIKO, RequestKind.RECTIFICATION, NOTE))["id"])
    for person in (KENJI, STRANGER):
        for request_id in (mine, "0190c0de-0000-7000-8000-000000000001", "x" * 99, "' OR 1=1", ""):
            with pytest.raises(NotFound) as refused:
                await rights.own_request(person, request_id)
            assert refused.value.detail == "There is no such request."
        assert (await rights.own_requests(person))["items"] == []
    assert await house.people.number_of(STRANGER) is None


@pytest.mark.parametrize("kind", [RequestKind.ACCESS, RequestKind.PORTABILITY])
async def test_access_is_answered_at_once_with_all_that_is_known(house, kind):
    """Consents, history, receipts and disclosures of both linked numbers, and what the stores hold, asked once."""
    await gives(house, "recommendation")
    await house.released("release-1", 1)
    await house.released("release-2", 2)
    await house.fakes.ledger.link(SubjectNumber(1), SubjectNumber(2), "requester:desk")
    rows: dict[str, list[dict[str, object]]] = {"crm.customers": [{"name": "Mariko"}, {"name": "M."}], "web": []}
    shelf = Shelf({1: rows, 2: rows})  # the stores know of links themselves
    rights = house.rights(shelf)
    taken = await rights.request(MARIKO, kind)
    answer = (await rights.own_request(MARIKO, str(taken["id"])))["answer"]

    assert taken["status"] == "done"
    assert (answer["datasets"], answer["datasets_cut"]) == (rows, [])
    assert {"identifier": "customer_id", "value": "17850"} in answer["identifiers"]
    given_now = {item["purpose"] for item in answer["consents"] if item["state"] == "given"}
    assert given_now == {"recommendation"}
    assert answer["history"][0]["event"] == "give"
    assert answer["history"][0]["scopes"] == [{"data_category": "purchase"}, {"data_category": "behaviour"}]
    assert answer["receipts"] == [event["id"] for event in answer["history"] if event["purpose"]]
    assert [item["release_id"] for item in answer["disclosures"]] == ["release-1", "release-2"]
    assert answer["disclosures_complete"] is True


async def test_the_log_names_the_datasets_of_an_answer_and_no_value_of_it(house):
    """Which datasets a person was answered from stands in the record of the answer, and nothing that they hold."""
    shelf = Shelf({1: {"web.events": [], "crm.customers": [{"name": "Mariko Sato"}]}})
    await house.rights(shelf).request(MARIKO, RequestKind.ACCESS)
    (record,) = await house.audit.search(AuditQuery(kind="rights.answer"))
    assert record["datasets"] == ["crm.customers", "web.events"]
    assert "Mariko" not in repr(record)


async def test_what_is_cut_is_said_and_is_still_owed(house):
    """Of ten thousand rows and more the first come, named as cut; the request stays open for the rest."""
    rows: list[dict[str, object]] = [{"n": n} for n in range(MOST_ROWS + 2)]
    rights = house.rights(Shelf({1: {"web.events": rows, "pos.lines": rows[:MOST_ROWS]}}))
    taken = await rights.request(MARIKO, RequestKind.ACCESS)
    answer = (await rights.own_request(MARIKO, str(taken["id"])))["answer"]
    assert taken["status"] == "received"
    assert answer["datasets"] == {"web.events": rows[:MOST_ROWS], "pos.lines": rows[:MOST_ROWS]}
    assert answer["datasets_cut"] == ["web.events"]
    await rights.close(OFFICER, str(taken["id"]), RequestStatus.DONE, "残りをお送りしました")
    told = await rights.own_request(MARIKO, str(taken["id"]))
    assert (told["status"], told["answer"]) == ("done", {**answer, "message": "残りをお送りしました"})


async def test_stores_that_are_not_connected_are_said_to_be_so(house):
    """What the gateway knows is answered; the rest is still owed, so the request stays open."""
    rights = house.rights()
    taken = await rights.request(MARIKO, RequestKind.ACCESS)
    told = await rights.own_request(MARIKO, str(taken["id"]))
    assert (told["status"], told["answer"]["datasets"]) == ("received", "not_connected")


async def test_an_answer_that_cannot_be_given_now_is_given_when_it_is_read(house):
    """A store that is away loses no request: it was received, and is answered once the store is back."""
    shelf = Shelf({1: {"crm.customers": [{"name": "Mariko"}]}}, StoreUnavailable("away"))
    rights = house.rights(shelf)
    taken = await rights.request(MARIKO, RequestKind.ACCESS)
    assert taken["status"] == "received"
    with pytest.raises(StoreUnavailable):
        await rights.own_request(MARIKO, str(taken["id"]))
    assert await house.audit.search(AuditQuery(kind="rights.answer")) == []
    shelf.error = None
    assert (await rights.own_request(MARIKO, str(taken["id"])))["status"] == "done"


async def test_no_record_no_answer_but_every_no_counts(house):
    """While the log is down no data is answered; an objection and an erasure count nevertheless."""
    await gives(house, "lifecycle_email", "recommendation")
    down = FakeAuditLog(error=AuditUnavailable("down"))
    rights = house.rights(Shelf(), audit=down)
    access = await rights.request(MARIKO, RequestKind.ACCESS)
    with pytest.raises(AuditUnavailable):
        await rights.own_request(MARIKO, str(access["id"]))
    assert (await rights.request(MARIKO, RequestKind.OBJECTION))["status"] == "done"
    assert await state(house, "lifecycle_email") == "withdrawn"
    assert (await rights.request(MARIKO, RequestKind.ERASURE))["status"] == "received"
    assert await state(house, "recommendation/data_category=purchase") == "withdrawn"
    down.error = None
    assert (await rights.own_request(MARIKO, str(access["id"])))["status"] == "done"
    assert [record["kind"] for record in down.records][-1] == "rights.answer"


async def test_each_opening_of_an_answer_is_recorded_before_it_leaves(house):
    """What the stores told once is on record each time it is read; while the log is down nobody gets it."""
    log = FakeAuditLog()
    rights = house.rights(Shelf({1: {"crm.customers": [{"name": "Mariko"}]}}), audit=log)
    taken = str((await rights.request(MARIKO, RequestKind.ACCESS))["id"])
    for _ in range(2):
        assert (await rights.own_request(MARIKO, taken))["answer"]
    told = [(record["kind"], record.get("request_id")) for record in log.records]
    assert told[-3:] == [("rights.answer", taken), ("rights.read", taken), ("rights.read", taken)]
    assert log.records[-1]["subjects"] == [house.parts.reference(SubjectNumber(1))]
    log.error = AuditUnavailable("down")
    with pytest.raises(AuditUnavailable):
        await rights.own_request(MARIKO, taken)


async def test_an_objection_ends_what_can_be_objected_to_and_nothing_else(house):
    """Legitimate interest and selling end; other consents, and what a contract needs, stay (GDPR 21)."""
    await gives(house, "lifecycle_email", "recommendation")
    assert (await house.rights().request(MARIKO, RequestKind.OBJECTION))["status"] == "done"
    assert await state(house, "ab_measurement") == "objected"
    assert await state(house, "lifecycle_email") == "withdrawn"
    assert await state(house, "recommendation/data_category=purchase") == "given"


async def test_an_erasure_withdraws_at_once_and_forgets_when_it_is_closed(house):
    """Everything is withdrawn first; identifiers, keys, notes, links and sessions go when the officer closes it."""
    await gives(house, "recommendation", "lifecycle_email")
    await house.sessions.start("s" * 43, MARIKO, "verified_contact")
    await house.sessions.start("k" * 43, KENJI, "verified_contact")
    rights = house.rights()
    taken = await rights.request(MARIKO, RequestKind.ERASURE, NOTE)
    request_id = str(taken["id"])
    assert taken["status"] == "received"
    assert {await state(house, cell) for cell in ("recommendation/data_category=purchase", "lifecycle_email")} == {
        "withdrawn"
    }
    assert await house.people.number_of(MARIKO) == 1

    closed = await rights.close(OFFICER, request_id, RequestStatus.DONE, "消去しました")
    assert closed["status"] == "done"
    assert house.erased == [1]
    assert await house.people.number_of(MARIKO) is None
    assert await house.sessions.person_of("s" * 43) is None
    assert await house.sessions.person_of("k" * 43) == KENJI
    with pytest.raises(NotFound):
        await rights.own_request(MARIKO, request_id)
    assert (await rights.examine(OFFICER, request_id))["note"] is None
    assert await rights.close(OFFICER, request_id, RequestStatus.DONE) == closed
    assert house.erased == [1]
    with pytest.raises(InvalidRequest):
        await rights.close(OFFICER, request_id, RequestStatus.REFUSED)


async def test_an_erasure_that_breaks_off_leaves_no_session_and_can_be_closed_again(house):
    """Sessions end before anybody is forgotten, and the request stays open until all is done."""
    await house.sessions.start("s" * 43, MARIKO, "verified_contact")
    rights = house.rights()
    request_id = str((await rights.request(MARIKO, RequestKind.ERASURE))["id"])
    house.breaks = ConsentUnavailable("away")
    with pytest.raises(ConsentUnavailable):
        await rights.close(OFFICER, request_id, RequestStatus.DONE)
    assert await house.sessions.person_of("s" * 43) is None
    assert (await rights.own_request(MARIKO, request_id))["status"] == "received"
    house.breaks = None
    assert (await rights.close(OFFICER, request_id, RequestStatus.DONE))["status"] == "done"


async def test_an_erasure_forgets_every_linked_number(house):
    """Linked numbers are one person, who is forgotten whole."""
    await house.fakes.ledger.link(SubjectNumber(1), SubjectNumber(2), "requester:desk")
    rights = house.rights()
    taken = await rights.request(MARIKO, RequestKind.ERASURE)
    await rights.close(OFFICER, str(taken["id"]), RequestStatus.DONE)
    assert house.erased == [1, 2]


async def test_a_refused_erasure_forgets_nobody_and_says_why(house):
    """The person reads the reason (GDPR 12(4)); nothing is let go."""
    rights = house.rights()
    request_id = str((await rights.request(MARIKO, RequestKind.ERASURE, NOTE))["id"])
    await rights.close(OFFICER, request_id, RequestStatus.REFUSED, "法令により保存が必要です")
    told = await rights.own_request(MARIKO, request_id)
    assert (told["status"], told["answer"], told["note"]) == (
        "refused",
        {"message": "法令により保存が必要です"},
        NOTE,
    )
    assert "closed_at" in told
    assert house.erased == []


async def test_nothing_is_closed_without_its_record(house):
    """With the log down nobody is forgotten and the request stays open."""
    rights = house.rights()
    request_id = str((await rights.request(MARIKO, RequestKind.ERASURE))["id"])
    down = house.rights(audit=FakeAuditLog(error=AuditUnavailable("down")))
    for call in (down.close(OFFICER, request_id, RequestStatus.DONE), down.examine(OFFICER, request_id)):
        with pytest.raises(AuditUnavailable):
            await call
    assert house.erased == []
    assert (await rights.own_request(MARIKO, request_id))["status"] == "received"


async def test_requests_of_people_are_for_the_privacy_officer(house):
    """Nobody else lists, reads or closes them; reading and closing are in the log, without what was written."""
    rights = house.rights()
    request_id = str((await rights.request(MARIKO, RequestKind.RECTIFICATION, NOTE))["id"])
    for call in (
        rights.requests(RECOMMENDER),
        rights.examine(RECOMMENDER, request_id),
        rights.close(RECOMMENDER, request_id, RequestStatus.DONE),
    ):
        with pytest.raises(AccessDenied):
            await call
    seen = await rights.examine(OFFICER, request_id)
    assert (seen["note"], seen["identifiers"]) == (NOTE, [{"identifier": "customer_id", "value": "17850"}])
    await rights.close(OFFICER, request_id, RequestStatus.DONE, "直しました")
    log = await house.audit.search(AuditQuery(requester="privacy_office"))
    assert [(r["kind"], r.get("outcome")) for r in log] == [("rights.read", None), ("rights.close", "done")]
    for secret in (NOTE, "直しました"):
        assert secret not in repr(log)
    for call in (rights.examine(OFFICER, "0190"), rights.close(OFFICER, "x", RequestStatus.DONE)):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(InvalidRequest):
        await rights.close(OFFICER, request_id, RequestStatus.RECEIVED)


async def test_the_officers_list_comes_in_pages_and_shows_nobodys_words(house):
    """Open requests by status, in the order of their ids; notes are read one by one."""
    for number in range(6):
        await house.people.register("customer_id", [f"c{number}"])
        for _ in range(18):
            await house.rights().request(DataSubjectRef("customer_id", f"c{number}"), RequestKind.RECTIFICATION, NOTE)
    rights = house.rights()
    first = await rights.requests(OFFICER, RequestStatus.RECEIVED)
    second = await rights.requests(OFFICER, RequestStatus.RECEIVED, str(first["next_cursor"]))
    ids = [item["id"] for item in first["items"] + second["items"]]
    assert (len(first["items"]), len(ids), len(set(ids))) == (100, 108, 108)
    assert ids == sorted(ids)
    assert NOTE not in repr(first)
    assert await rights.requests(OFFICER, RequestStatus.DONE) == {"items": []}
    with pytest.raises(InvalidRequest):
        await rights.requests(OFFICER, cursor="' OR 1=1")


async def test_one_person_asks_so_often_a_day(house):
    """The twenty-first request within a day is refused; what it would have ended has ended."""
    await gives(house, "lifecycle_email")
    rights = house.rights()
    for _ in range(20):
        await rights.request(MARIKO, RequestKind.RECTIFICATION)
    with pytest.raises(RateLimited):
        await rights.request(MARIKO, RequestKind.OBJECTION)
    assert await state(house, "lifecycle_email") == "withdrawn"
    await rights.request(KENJI, RequestKind.RECTIFICATION)


async def test_whoever_was_never_known_may_ask(house):
    """A request makes the person known, so that there is somebody to answer."""
    taken = await house.rights(Shelf()).request(STRANGER, RequestKind.ACCESS)
    assert taken["status"] == "done"
    assert await house.people.number_of(STRANGER) == 3


async def test_without_the_database_nothing_is_taken(house):
    """An answer that could not be kept is unavailable, and says so."""
    rights = house.rights()
    await house.database.close()
    with pytest.raises(ConsentUnavailable):
        await rights.own_requests(MARIKO)
