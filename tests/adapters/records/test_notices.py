"""Versions of notices and purposes in the database: written once, in force at once, never changed."""

from __future__ import annotations

import asyncio

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records.consent_tables import notice_version
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.notice_rows import AlreadyPublished, fill_in
from sekisho.adapters.records.notices import SqlNotices
from sekisho.domain.consent import ConsentEventKind, ConsentState, state_at
from sekisho.domain.notices import SYSTEM, Change, Notice, Status
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import ConsentUnavailable, InvalidRequest, NotFound
from sekisho.ports import ConsentEventInput
from tests.adapters.records.conftest import PURPOSES

MAJOR, MINOR = Change.MAJOR, Change.MINOR
OFFICER = "requester:privacy_officer"
BOTH = ("recommendation", "lifecycle_email")


def texts(word: str = "words") -> dict[str, str]:
    return {"ja": f"{word} についてのお知らせ\r\n\tと、その続き 𠮷\n", "en": f"A notice about {word}\n"}


@pytest.fixture
def ledger(database, keys):
    return SqlConsentLedger(database, PURPOSES, SystemClock(), keys)


@pytest.fixture
def notices(database, ledger):
    return SqlNotices(database, ledger, PURPOSES)


async def show(notices, key="terms", change=MINOR, purposes=BOTH, word="words") -> Notice:
    draft = await notices.draft(key, change, purposes, texts(word), OFFICER)
    done: Notice = await notices.publish(key, draft.version, OFFICER)
    return done


async def give(ledger, people, purpose="recommendation", count=1, kind=ConsentEventKind.GIVE):
    registered = await people.register("customer_id", [str(number) for number in range(count)])
    numbers, cells = [SubjectNumber(int(number)) for number in registered], PURPOSES[purpose].all_cells()
    await ledger.record([ConsentEventInput(n, purpose, cells, kind, "api", OFFICER) for n in numbers])
    return numbers


async def members(ledger, purpose="recommendation"):
    return (await ledger.view(PURPOSES[purpose].all_cells())).members().tolist()


async def test_a_draft_is_shown_to_nobody(notices):
    """A draft is kept and listed, but is in force for no purpose, and no decision can cite it."""
    draft = await notices.draft("terms", MAJOR, BOTH, texts(), OFFICER)

    assert (draft.version, draft.status, draft.published_at) == (1, Status.DRAFT, None)
    assert await notices.notice("terms") is None
    assert await notices.in_force("recommendation") is None
    assert await notices.all_in_force() == {}
    assert await notices.accepts("recommendation", "1") is None
    assert await notices.notice("terms", 1) == draft
    assert await notices.notices() == [draft]


async def test_what_is_published_reads_back_byte_for_byte(notices):
    """The text that is shown, in every language, is what was drafted, control characters of lines and all."""
    shown = await show(notices)

    read = await notices.in_force("recommendation")
    assert read == shown
    assert {locale: text.encode() for locale, text in read.texts.items()} == {
        locale: text.encode() for locale, text in texts().items()
    }
    assert read.published_at is not None
    assert (read.status, read.drafted_by, read.published_by, read.supersedes) == (
        Status.PUBLISHED, OFFICER, OFFICER, None,
    )  # fmt: skip


async def test_a_version_names_one_text_for_a_purpose(notices):
    """Versions count up over all notices that share a key or a purpose, drafts among them."""
    first = await notices.draft("terms", MINOR, ("recommendation",), texts("a"), OFFICER)
    second = await notices.draft("mail", MINOR, BOTH, texts("b"), OFFICER)
    third = await notices.draft("mail", MINOR, ("lifecycle_email",), texts("c"), OFFICER)
    other = await notices.draft("measuring", MINOR, ("ab_measurement",), texts("d"), OFFICER)
    fourth = await notices.draft("mail", MINOR, ("ab_measurement",), texts("e"), OFFICER)

    assert [n.version for n in (first, second, third, other, fourth)] == [1, 2, 3, 1, 4]


async def test_the_notice_published_last_is_in_force(notices):
    """Each purpose is told of by the newest notice published about it; the others keep theirs."""
    both = await show(notices)
    mail = await show(notices, "mail", purposes=("lifecycle_email",))

    assert await notices.all_in_force() == {"recommendation": both, "lifecycle_email": mail}
    assert await notices.in_force("lifecycle_email") == mail
    assert await notices.in_force("recommendation") == both
    assert await notices.notice("terms") == both
    assert (await show(notices)).supersedes == 1


async def test_a_draft_that_was_overtaken_cannot_come_into_force(notices):
    """What is in force never goes back to an older version; the draft is to be written anew."""
    old = await notices.draft("terms", MINOR, BOTH, texts("old"), OFFICER)
    new = await show(notices, "mail", purposes=("lifecycle_email",))
    with pytest.raises(InvalidRequest, match="draft this one anew"):
        await notices.publish("terms", old.version, OFFICER)

    assert await notices.all_in_force() == {"lifecycle_email": new}
    with pytest.raises(NotFound):
        await notices.publish("terms", 9, OFFICER)


async def test_major_asks_again_and_minor_keeps(notices, ledger, people):
    """After a major notice nobody who agreed is in force until they agree anew; a minor one changes nothing."""
    await show(notices)
    agreed = await give(ledger, people, count=3)
    await show(notices, change=MINOR, word="slip of the pen")
    assert await members(ledger) == agreed
    seq = await ledger.last_seq()

    done = await show(notices, change=MAJOR, word="more data")

    assert await members(ledger) == []
    assert done.published_seq == await ledger.last_seq() == seq + 2  # one event for each purpose
    _, records = await ledger.records_of(agreed[0])
    record = records[PURPOSES["recommendation"].all_cells()[0]]
    assert state_at(record, PURPOSES["recommendation"], SystemClock().now()) is ConsentState.NEEDS_RECONSENT
    await give(ledger, people, count=1)
    assert await members(ledger) == agreed[:1]


async def test_the_first_notice_of_a_purpose_asks_nobody_again(notices, ledger, people):
    """Who agreed before there was any notice was not told anything else; even a major first one keeps it."""
    agreed = await give(ledger, people)
    await give(ledger, people, "lifecycle_email")
    await show(notices, "mail", MINOR, ("lifecycle_email",))

    await show(notices, change=MAJOR)  # the first about one of its purposes, the second about the other

    assert await members(ledger) == agreed
    assert await members(ledger, "lifecycle_email") == []


async def test_legitimate_interest_stays_active(notices, ledger, people):
    """A major notice about a use that goes on until somebody objects ends it for nobody."""
    await give(ledger, people, "ab_measurement", kind=ConsentEventKind.OBJECT)
    everybody = await people.register("customer_id", ["0", "1", "2"])
    before = await members(ledger, "ab_measurement")
    assert before == [int(number) for number in everybody[1:]]
    for _ in range(2):
        done = await show(notices, "terms", MAJOR, ("ab_measurement", "customer_support"))

    assert await members(ledger, "ab_measurement") == before
    assert done.published_seq == await ledger.last_seq() == 1


async def test_only_versions_since_the_last_major_one_are_accepted(notices):
    """A decision may cite any published version that no major one has followed."""
    for change in (MINOR, MAJOR, MINOR):
        await show(notices, change=change)
    await notices.draft("terms", MAJOR, BOTH, texts(), OFFICER)
    accepted = [await notices.accepts("recommendation", str(version)) for version in range(6)]

    assert [n.version for n in accepted if n is not None] == [2, 3]
    assert accepted[1] is None
    for odd in ("", "02", "v2", "２", "2 ", "-2", "9" * 30):
        assert await notices.accepts("recommendation", odd) is None
    assert await notices.accepts("ab_measurement", "2") is None


async def test_publishing_again_changes_nothing(notices, ledger, people):
    """A repeated publication answers the same version, and asks nobody once more."""
    await show(notices)
    done = await show(notices, change=MAJOR)
    agreed = await give(ledger, people)

    assert await notices.publish("terms", 2, "requester:somebody_else") == done
    assert await members(ledger) == agreed


async def test_of_many_publications_at_once_one_wins(notices, ledger, database):
    """Workers that publish one draft together bring it into force once, with one event for each purpose."""
    await show(notices)
    await notices.draft("terms", MAJOR, BOTH, texts(), OFFICER)
    other = SqlNotices(database, ledger, PURPOSES)
    done = await asyncio.gather(
        *(one.publish("terms", 2, f"requester:r{n}") for n, one in enumerate([notices, other] * 4))
    )

    assert len({(n.published_by, n.published_at, n.published_seq) for n in done}) == 1
    assert await ledger.last_seq() == 2


async def test_publications_at_once_plan_over_each_other(notices, database, ledger, people, monkeypatch):
    """A first notice that comes in between makes the other one the second: being major, it asks again."""
    agreed = await give(ledger, people)
    await notices.draft("terms", MINOR, BOTH, texts("a"), OFFICER)
    await notices.draft("mail", MAJOR, BOTH, texts("b"), OFFICER)
    planned = notices._read

    async def overtaken(plan):
        cells = await planned(plan)
        monkeypatch.setattr(notices, "_read", planned)
        assert (cells, await members(ledger)) == ({}, agreed)
        await SqlNotices(database, ledger, PURPOSES).publish("terms", 1, OFFICER)
        return cells

    monkeypatch.setattr(notices, "_read", overtaken)
    done = await notices.publish("mail", 2, OFFICER)

    assert await members(ledger) == []
    assert await notices.in_force("recommendation") == done


async def test_nothing_fills_in_a_published_version(notices, database):
    """Even the one statement that publishes finds nothing to change in what is published."""
    shown = await show(notices)

    def again(connection):
        table = notice_version
        fill_in(connection, table, table.c.key == "terms", {"published_by": "somebody", "change": "major"})

    with pytest.raises(AlreadyPublished):
        await database.run(again)
    assert await notices.notice("terms") == shown


async def test_publication_and_clearing_are_one_commit(notices, ledger, people, monkeypatch):
    """When the version cannot be marked, nobody is asked again either."""
    await show(notices)
    agreed = await give(ledger, people)
    await notices.draft("terms", MAJOR, BOTH, texts(), OFFICER)

    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("sekisho.adapters.records.notices.fill_in", fails)
    with pytest.raises(RuntimeError):
        await notices.publish("terms", 2, OFFICER)

    assert await members(ledger) == agreed
    assert (await notices.notice("terms", 2)).status is Status.DRAFT


async def test_another_worker_sees_it_at_once(notices, url, ledger):
    """What one worker has published, the next read of another answers."""
    elsewhere = Database(url)
    try:
        reader = SqlNotices(elsewhere, ledger, PURPOSES)
        assert await reader.in_force("recommendation") is None
        shown = await show(notices)
        assert await reader.in_force("recommendation") == shown
        assert await reader.accepts("recommendation", "1") == shown
    finally:
        await elsewhere.close()


async def test_what_the_gateway_writes_itself_is_kept_once(notices):
    """Workers that start together draft one version; an officer who drafts the same words again means it."""
    drafts = await asyncio.gather(
        *(notices.draft("recommendation", MINOR, ("recommendation",), texts(), SYSTEM) for _ in range(4))
    )
    again = await notices.draft("recommendation", MINOR, ("recommendation",), texts("else"), SYSTEM)
    back = await notices.draft("recommendation", MINOR, ("recommendation",), texts(), SYSTEM)
    by_hand = [await notices.draft("mail", MINOR, BOTH, texts(), OFFICER) for _ in range(2)]

    assert {draft.version for draft in drafts} == {1}
    assert [n.version for n in (again, back, *by_hand)] == [2, 3, 4, 5]


async def test_facts_of_a_purpose_have_versions(notices, ledger, people):
    """Facts are drafted and published like notices: the first asks nobody, a major one everybody."""
    agreed = await give(ledger, people)
    first = await notices.declare("recommendation", MAJOR, {"title": {"ja": "あ"}, "n": None}, "file", SYSTEM)
    same = await notices.declare("recommendation", MAJOR, {"n": None, "title": {"ja": "あ"}}, "file", SYSTEM)
    assert (first, first.version, first.status) == (same, 1, Status.DRAFT)
    done = await notices.publish_purpose("recommendation", 1, SYSTEM)
    assert (done.facts, done.sha256, done.status) == (first.facts, first.sha256, Status.PUBLISHED)
    assert await members(ledger) == agreed

    minor = await notices.declare("recommendation", MINOR, {"n": 1}, "api", OFFICER)
    await notices.publish_purpose("recommendation", minor.version, OFFICER)
    assert await members(ledger) == agreed
    major = await notices.declare("recommendation", MAJOR, {"n": 2}, "api", OFFICER)
    late = await notices.declare("recommendation", MINOR, {"n": 3}, "api", OFFICER)
    await notices.publish_purpose("recommendation", major.version, OFFICER)
    assert await members(ledger) == []
    assert (
        await notices.publish_purpose("recommendation", major.version, OFFICER)
        == (await notices.purpose_versions("recommendation"))[2]
    )
    await notices.publish_purpose("recommendation", late.version, OFFICER)
    with pytest.raises(NotFound):
        await notices.publish_purpose("recommendation", 9, OFFICER)
    assert [v.source for v in await notices.purpose_versions("recommendation")] == ["file", "api", "api", "api"]
    assert await notices.purpose_versions("lifecycle_email") == []


async def test_facts_that_were_overtaken_are_declared_anew(notices):
    """A draft that can no longer be published does not stand in the way of the same facts."""
    stuck = await notices.declare("recommendation", MINOR, {"n": 1}, "file", SYSTEM)
    newer = await notices.declare("recommendation", MINOR, {"n": 2}, "api", OFFICER)
    await notices.publish_purpose("recommendation", newer.version, OFFICER)
    with pytest.raises(InvalidRequest):
        await notices.publish_purpose("recommendation", stuck.version, SYSTEM)
    again = await notices.declare("recommendation", MINOR, {"n": 1}, "file", SYSTEM)

    assert (await notices.publish_purpose("recommendation", again.version, SYSTEM)).version == 3
    assert (
        await notices.declare("recommendation", MINOR, {"n": 1}, "file", SYSTEM)
        == (await notices.purpose_versions("recommendation"))[-1]
    )


async def test_a_database_that_is_gone_says_so(notices, database):
    """Whoever cannot read what people are asked does not invent it."""
    await database.close()
    for call in (
        notices.in_force("recommendation"),
        notices.notices(),
        notices.draft("terms", MINOR, BOTH, texts(), OFFICER),
        notices.publish("terms", 1, OFFICER),
        notices.accepts("recommendation", "1"),
        notices.purpose_versions("recommendation"),
    ):
        with pytest.raises(ConsentUnavailable):
            await call
