"""Events that collection points and services hand in: what is taken, what is refused, what is kept of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.consents.fakes import MARIKO
from tests.consents.recording_desk import (
    DESK,
    EMAIL,
    GUARDIAN,
    Desk,
    K,
    S,
    open_desk,
    with_purpose,
)

from sekisho.domain.consent import (
    NO,
    YES,
    ActorType,
    Assurance,
    ConsentEventKind,
    ConsentType,
    Provenance,
    is_in_force,
)
from sekisho.domain.consent_rules import Actor
from sekisho.domain.notices import Change
from sekisho.errors import (
    AuditUnavailable,
    ConsentUnavailable,
    InvalidRequest,
    NoticeOutdated,
)


@pytest.fixture
def desk() -> Desk:
    return open_desk()


# What is kept -----------------------------------------------------------------------------------------


async def test_a_yes_is_recorded_with_everything_that_proves_it(desk: Desk) -> None:
    """Words, language, law, ground, who and how sure: all of it stands in the event, names only in the evidence."""
    notice = await desk.fakes.notices.in_force(EMAIL)
    assert notice is not None
    answer = await desk.say(
        K.GIVE,
        actor=Actor(ActorType.AGENT, "Kanda & Co", "lawyer", Assurance.DOCUMENT),
        locale="ja-JP",
        served_id="served-1",
        evidence={"recording": "tape 7"},
    )
    event, known = desk.last, desk.last.provenance
    assert answer == {"id": event.id, "seq": 1, "state": "given", "receipt_id": event.id}
    assert (event.kind, event.actor, event.notice_version) == (K.GIVE, "requester:consent_desk", "1")
    assert (known.actor_type, known.relation, known.assurance) == (ActorType.AGENT, "lawyer", Assurance.DOCUMENT)
    assert (known.notice_key, known.notice_sha256) == (notice.key, notice.sha256("ja"))
    assert (known.locale, known.served_id, known.collection_point) == ("ja", "served-1", "consent_desk")
    assert (known.legal_basis, known.rule_set) == ("consent", "appi@2022-04,gdpr@2018-05")
    assert known.consent_type is ConsentType.EXPRESSED
    assert desk.fakes.ledger.inputs[1].evidence == {"recording": "tape 7", "actor": "Kanda & Co"}
    assert "Kanda" not in repr(desk.last)
    assert "Kanda" not in repr(desk.fakes.audit.records)


async def test_the_version_of_the_purpose_is_kept(desk: Desk) -> None:
    """The facts in force are named by version; a draft is not in force."""
    await desk.say(K.GIVE)
    assert desk.last.provenance.purpose_version is None
    for _ in range(2):
        await desk.fakes.notices.declare(EMAIL, Change.MINOR, {}, "file", "file")
    await desk.fakes.notices.publish_purpose(EMAIL, 1, "file")
    await desk.say(K.GIVE)
    assert desk.last.provenance.purpose_version == 1


async def test_a_repeated_event_is_evidence_again(desk: Desk) -> None:
    """The same yes said twice is two events with the same state."""
    assert [(await desk.say(K.GIVE))["state"] for _ in range(2)] == ["given", "given"]
    assert desk.recorded == 2


async def test_explicit_consent_is_what_such_a_purpose_asks_for(desk: Desk) -> None:
    """A yes taken by a collection point is as plain as the purpose asks, unless it says otherwise."""
    assert (await desk.say(K.GIVE, "emotion_analysis"))["state"] == "given"
    assert desk.last.provenance.consent_type == "explicit"
    with pytest.raises(InvalidRequest) as refused:
        await desk.say(K.GIVE, "emotion_analysis", consent_type=ConsentType.EXPRESSED)
    assert refused.value.reasons == ("appi_20_2_sensitive", "gdpr_9_2_explicit")
    await desk.say(K.WITHDRAW, "emotion_analysis")
    assert desk.last.provenance.consent_type == "expressed"


async def test_a_yes_holds_as_long_as_its_purpose_says(desk: Desk) -> None:
    """``validity_days`` counts from when it was said; a claim of its own goes before; what has ended is refused."""
    await desk.say(K.GIVE, "emotion_analysis")
    assert desk.last.valid_until == desk.now() + timedelta(days=30)
    said = desk.now() - timedelta(days=10)
    await desk.say(K.RENEW, "emotion_analysis", occurred_at=said)
    assert desk.last.valid_until == said + timedelta(days=30)
    until = desk.now() + timedelta(days=400)
    await desk.say(K.GIVE, "emotion_analysis", valid_until=until)
    assert desk.last.valid_until == until
    await desk.say(K.GIVE)
    assert desk.last.valid_until is None
    faults: list[dict[str, Any]] = [{"valid_until": desk.now()}, {"occurred_at": desk.now() - timedelta(days=31)}]
    for gone in faults:
        with pytest.raises(InvalidRequest):
            await desk.say(K.GIVE, "emotion_analysis", **gone)


# The notice ---------------------------------------------------------------------------------------------


async def test_a_yes_is_given_on_the_notice_in_force(desk: Desk) -> None:
    """Left out, it is the one in force; after a minor change the one before is still good, after a major one not."""
    notices = desk.fakes.notices
    await desk.say(K.GIVE)
    assert desk.last.notice_version == "1"
    notices.show(EMAIL, change=Change.MINOR)
    for version in ("1", "2"):
        await desk.say(K.GIVE, notice_version=version)
        assert desk.last.notice_version == version
    notices.show(EMAIL, change=Change.MAJOR)
    with pytest.raises(NoticeOutdated, match="Version 3"):
        await desk.say(K.GIVE, notice_version="2")
    with pytest.raises(NoticeOutdated):
        await desk.say(K.RENEW, notice_version="77")
    await desk.say(K.GIVE)
    assert desk.last.notice_version == "3"


async def test_a_no_is_never_asked_for_a_notice(desk: Desk) -> None:
    """An old version, one that never was, or none: a no is recorded as it was said."""
    desk.fakes.notices.show(EMAIL, change=Change.MAJOR)
    for version in ("1", "77", None):
        await desk.say(K.WITHDRAW, notice_version=version)
        assert desk.last.notice_version == version


async def test_a_language_that_nobody_was_shown_is_refused(desk: Desk) -> None:
    """The hash is that of a text that exists; without a language none is claimed."""
    with pytest.raises(InvalidRequest, match="en, ja"):
        await desk.say(K.GIVE, locale="fr")
    await desk.say(K.GIVE)
    assert (desk.last.provenance.locale, desk.last.provenance.notice_sha256) == (None, None)


async def test_without_any_notice_there_is_nothing_to_agree_to() -> None:
    """A version of nothing is refused, and GDPR 7(1) refuses a yes without one; no law, no such duty."""
    bare = open_desk(notices=False)
    with pytest.raises(InvalidRequest, match="No notice"):
        await bare.say(K.GIVE, notice_version="1")
    with pytest.raises(InvalidRequest, match=r"GDPR 7\(1\)") as refused:
        await bare.say(K.GIVE)
    assert refused.value.reasons == ("gdpr_7_1_demonstrable",)
    lawless = open_desk(notices=False, rule_sets=())
    assert (await lawless.say(K.GIVE))["state"] == "given"
    assert lawless.last.provenance.rule_set is None


# The states that a yes goes on from -----------------------------------------------------------------------


async def test_double_opt_in_counts_with_its_confirmation(desk: Desk) -> None:
    """A yes waits until it is confirmed, on the words that it was given on; then it is given."""
    assert (await desk.say(K.GIVE, "newsletter"))["state"] == "pending_confirmation"
    assert (await desk.say(K.CONFIRM, "newsletter"))["state"] == "given"
    assert desk.last.notice_version == "1"
    assert await desk.state("newsletter") is S.GIVEN


@pytest.mark.parametrize("before", [[], [K.REFUSE], [K.GIVE, K.WITHDRAW], [K.GIVE, K.DEFER], [K.GIVE, K.CONFIRM]])
async def test_nothing_is_confirmed_that_does_not_wait(desk: Desk, before: list[ConsentEventKind]) -> None:
    """A link that is followed late, or twice, confirms nothing."""
    for kind in before:
        await desk.say(kind, "newsletter")
    state = await desk.state("newsletter")
    with pytest.raises(InvalidRequest, match="waits"):
        await desk.say(K.CONFIRM, "newsletter")
    assert await desk.state("newsletter") is state


async def test_what_waits_is_not_confirmed_on_new_words(desk: Desk) -> None:
    """A major notice in between asks again; so does naming another version than the one that was shown."""
    await desk.say(K.GIVE, "newsletter")
    with pytest.raises(InvalidRequest, match="another notice"):
        await desk.say(K.CONFIRM, "newsletter", notice_version="2")
    draft = await desk.fakes.notices.draft("notice", Change.MAJOR, ("newsletter",), {"ja": "新", "en": "new"}, "o")
    await desk.fakes.notices.publish("notice", draft.version, "o")
    with pytest.raises(NoticeOutdated):
        await desk.say(K.CONFIRM, "newsletter")
    assert (await desk.say(K.GIVE, "newsletter"))["state"] == "pending_confirmation"
    assert (await desk.say(K.CONFIRM, "newsletter"))["state"] == "given"


async def test_what_waits_is_not_confirmed_about_other_facts(desk: Desk) -> None:
    """The same notice, but the purpose has changed since: the person is asked again."""
    await desk.say(K.GIVE, "newsletter")
    cells = {"newsletter": desk.fakes.ledger.purposes["newsletter"].all_cells()}
    await desk.fakes.ledger.publish(cells, "officer", Provenance())
    with pytest.raises(NoticeOutdated):
        await desk.say(K.CONFIRM, "newsletter")


async def test_a_confirmation_is_about_what_waits_and_keeps_its_end(desk: Desk) -> None:
    """Other cells stay as they are, and the validity counts from the yes, not from its confirmation."""
    desk = with_purpose(desk, "recommendation", confirm=True, validity_days=30)
    await desk.say(K.GIVE, "recommendation", scope={"data_category": "purchase"})
    ends = desk.last.valid_until
    await desk.say(K.WITHDRAW, "recommendation", scope={"data_category": "behaviour"})
    desk.fakes.clock.advance(5 * 86_400)
    assert (await desk.say(K.CONFIRM, "recommendation"))["state"] == "given"
    assert (desk.last.cells, desk.last.valid_until) == (("recommendation/data_category=purchase",), None)
    _, records = await desk.fakes.ledger.records_of(desk.last.number)
    assert records[desk.last.cells[0]].valid_until == ends


@pytest.mark.parametrize("before", [[], [K.REFUSE], [K.GIVE, K.WITHDRAW], [K.DEFER], [K.OBJECT], [K.GIVE, K.REVOKE]])
async def test_only_a_yes_is_renewed(desk: Desk, before: list[ConsentEventKind]) -> None:
    """After a no, or before any yes, a renewal is refused: a new yes is asked for."""
    for kind in before:
        await desk.say(kind)
    with pytest.raises(InvalidRequest, match="give"):
        await desk.say(K.RENEW)


async def test_a_yes_is_renewed_while_it_holds_and_after(desk: Desk) -> None:
    """Given, renewed, expired and outdated: each goes on as renewed."""
    await desk.say(K.GIVE, valid_until=desk.now() + timedelta(days=1))
    assert (await desk.say(K.RENEW, valid_until=desk.now() + timedelta(days=2)))["state"] == "renewed"
    desk.fakes.clock.advance(3 * 86_400)
    assert await desk.state() is S.EXPIRED
    assert (await desk.say(K.RENEW))["state"] == "renewed"
    draft = await desk.fakes.notices.draft("notice", Change.MAJOR, (EMAIL,), {"ja": "新", "en": "new"}, "o")
    await desk.fakes.notices.publish("notice", draft.version, "o")
    assert await desk.state() is S.NEEDS_RECONSENT
    assert (await desk.say(K.RENEW, notice_version=str(draft.version)))["state"] == "renewed"


async def test_what_is_outdated_is_renewed_on_the_notice_that_was_shown(desk: Desk) -> None:
    """A renewal that names no notice, or the one of the old yes, does not answer a question that was asked anew."""
    await desk.say(K.GIVE)
    draft = await desk.fakes.notices.draft("notice", Change.MAJOR, (EMAIL,), {"ja": "新", "en": "new"}, "o")
    await desk.fakes.notices.publish("notice", draft.version, "o")
    for named in (None, "1"):
        with pytest.raises(NoticeOutdated, match=f"Version {draft.version} "):
            await desk.say(K.RENEW, notice_version=named)
        assert await desk.state() is S.NEEDS_RECONSENT
    assert (await desk.say(K.RENEW, notice_version=str(draft.version)))["state"] == "renewed"
    assert (await desk.say(K.RENEW))["state"] == "renewed"  # nobody was asked again since


async def test_double_opt_in_is_given_again_about_other_facts(desk: Desk) -> None:
    """The facts changed and the notice is the same: a new yes waits for its confirmation, and then holds."""
    await desk.say(K.GIVE, "newsletter")
    await desk.say(K.CONFIRM, "newsletter")
    cells = {"newsletter": desk.fakes.ledger.purposes["newsletter"].all_cells()}
    await desk.fakes.ledger.publish(cells, "officer", Provenance())
    assert await desk.state("newsletter") is S.NEEDS_RECONSENT
    assert (await desk.say(K.GIVE, "newsletter"))["state"] == "pending_confirmation"
    assert desk.last.provenance.outdated_seq == 2
    assert (await desk.say(K.CONFIRM, "newsletter"))["state"] == "given"
    assert await desk.state("newsletter") is S.GIVEN
    assert (await desk.say(K.GIVE, "newsletter"))["state"] == "given"  # a second click takes nothing away
    assert desk.last.provenance.outdated_seq is None


async def test_what_was_confirmed_since_stays_when_the_rest_is_given_again(desk: Desk) -> None:
    """One cell was confirmed after the facts changed: a yes to all of them makes only the other wait."""
    desk = with_purpose(desk, "recommendation", confirm=True)
    bought = {"data_category": "purchase"}
    await desk.say(K.GIVE, "recommendation")
    await desk.say(K.CONFIRM, "recommendation")
    cells = {"recommendation": desk.fakes.ledger.purposes["recommendation"].all_cells()}
    await desk.fakes.ledger.publish(cells, "officer", Provenance())
    await desk.say(K.GIVE, "recommendation", scope=bought)
    await desk.say(K.CONFIRM, "recommendation", scope=bought)
    await desk.say(K.GIVE, "recommendation")
    assert await desk.state("recommendation/data_category=purchase") is S.GIVEN
    assert await desk.state("recommendation/data_category=behaviour") is S.PENDING_CONFIRMATION


async def test_the_answer_is_what_counts_not_what_was_said(desk: Desk) -> None:
    """A yes on paper that is older than the withdrawal is kept, and the answer says that it is withdrawn still."""
    await desk.say(K.WITHDRAW)
    answer = await desk.say(K.GIVE, method="paper", occurred_at=desk.now() - timedelta(days=1))
    assert (answer["state"], desk.recorded) == ("withdrawn", 2)
    assert (await desk.say(K.GIVE, method="paper", occurred_at=desk.now() - timedelta(seconds=1)))["state"] == "given"


async def test_a_state_of_many_cells_is_the_one_in_the_way(desk: Desk) -> None:
    """Deferring what partly holds already answers the part that does not."""
    await desk.say(K.GIVE, "recommendation", scope={"data_category": "purchase"})
    assert (await desk.say(K.DEFER, "recommendation"))["state"] == "deferred"
    assert await desk.state("recommendation/data_category=purchase") is S.GIVEN


async def test_asking_changes_nothing_where_silence_counts(desk: Desk) -> None:
    """Legitimate interest stays active when somebody is asked about it."""
    assert (await desk.say(K.REQUEST, "ab_measurement"))["state"] == "active_by_default"
    assert (await desk.say(K.OBJECT, "ab_measurement"))["state"] == "objected"


# Children and guardians -----------------------------------------------------------------------------------


async def test_a_guardian_says_yes_until_the_child_comes_of_age(desk: Desk) -> None:
    """Then the person has to be asked again; alone the child cannot, before."""
    with pytest.raises(InvalidRequest) as refused:
        await desk.say(K.GIVE, age=12)
    assert refused.value.reasons == ("appi_2_16_guardian", "gdpr_8_1_guardian")
    assert await desk.fakes.people.number_of(MARIKO) is None
    sixteenth = desk.now() + timedelta(days=400)
    await desk.say(K.GIVE, actor=GUARDIAN, age=14, of_age_at=sixteenth)
    assert desk.last.provenance.relation == "mother"
    assert await desk.state() is S.GIVEN
    desk.fakes.clock.advance(401 * 86_400)
    assert await desk.state() is S.NEEDS_RECONSENT
    assert (await desk.say(K.RENEW))["state"] == "renewed"
    assert await desk.state() is S.RENEWED


async def test_who_may_decide_alone_is_not_asked_again_on_a_birthday(desk: Desk) -> None:
    """Coming of age ends a guardian's yes, not one's own: at seventeen it was one's own already."""
    await desk.say(K.GIVE, age=17, of_age_at=desk.now() + timedelta(days=100))
    desk.fakes.clock.advance(101 * 86_400)
    assert await desk.state() is S.GIVEN


async def test_a_child_stays_one_whatever_it_says(desk: Desk) -> None:
    """Who was known for a child says yes alone to nothing, not even after having said no."""
    await desk.say(K.GIVE, actor=GUARDIAN, of_age_at=desk.now() + timedelta(days=400))
    await desk.say(K.WITHDRAW)
    for purpose in (EMAIL, "recommendation"):
        with pytest.raises(InvalidRequest, match="guardian"):
            await desk.say(K.GIVE, purpose)
    desk.fakes.clock.advance(401 * 86_400)
    assert (await desk.say(K.GIVE))["state"] == "given"


async def test_a_child_says_no_alone(desk: Desk) -> None:
    """No age, no actor and no law stands against a no."""
    for kind in sorted(NO):
        answer = await desk.say(kind, age=3, actor=Actor(ActorType.SIGNAL), consent_type=ConsentType.IMPLIED)
        assert not is_in_force(S(answer["state"]))


# The audit log and the ledger ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(YES))
async def test_no_yes_without_the_audit_log(desk: Desk, kind: ConsentEventKind) -> None:
    """While it is down nobody's yes is recorded, and nobody becomes known."""
    if kind is K.RENEW:
        await desk.say(K.GIVE, "newsletter")
        await desk.say(K.CONFIRM, "newsletter")
    elif kind is K.CONFIRM:
        await desk.say(K.GIVE, "newsletter")
    before, known = desk.recorded, desk.fakes.people.last
    desk.fakes.audit.error = AuditUnavailable("down")
    with pytest.raises(AuditUnavailable):
        await desk.say(kind, "newsletter")
    assert (desk.recorded, desk.fakes.people.last) == (before, known)


@pytest.mark.parametrize("kind", sorted(NO))
async def test_a_no_counts_while_the_audit_log_is_down(desk: Desk, kind: ConsentEventKind) -> None:
    """The caller hears that the entry is missing; the use has ended nevertheless."""
    await desk.say(K.GIVE)
    desk.fakes.audit.error = AuditUnavailable("down")
    with pytest.raises(AuditUnavailable):
        await desk.say(kind)
    assert await desk.state() in {S.REFUSED, S.WITHDRAWN, S.OBJECTED, S.REVOKED, S.INVALIDATED}


async def test_the_audit_log_says_what_and_about_whom_by_reference(desk: Desk) -> None:
    """One record for each event, under the event's own id, with the requester and without an identifier."""
    answer = await desk.say(K.GIVE, evidence={"signature": "Mariko"})
    record = desk.fakes.audit.records[-1]
    assert (record["kind"], record["id"], record["requester"]) == ("consent.give", answer["id"], DESK.name)
    assert (record["purpose"], record["consent_seq"]) == (EMAIL, 1)
    assert "Mariko" not in repr(record)
    assert MARIKO.value not in repr(record)


async def test_a_ledger_that_does_not_answer_records_nothing(desk: Desk) -> None:
    """Neither yes nor no is acknowledged."""
    desk.fakes.ledger.error = ConsentUnavailable("down")
    for kind in (K.GIVE, K.WITHDRAW):
        with pytest.raises(ConsentUnavailable):
            await desk.say(kind)
    assert desk.fakes.audit.records == []
