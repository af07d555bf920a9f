"""States of consent as they follow from events and time, and who may say what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.consent import (
    NO,
    SAID_BY_PEOPLE,
    YES,
    ActorType,
    ConsentEventKind,
    ConsentRecord,
    ConsentState,
    Happening,
    Standing,
    after,
    is_in_force,
    state_after,
    state_at,
)
from sekisho.domain.consent_answers import consent_item, explanation
from sekisho.domain.consent_rules import (
    COLLECTION_POINT,
    PASSED_ON,
    PRIVACY_OFFICER,
    WITHDRAWAL_RELAY,
    Actor,
    cells_in_scope,
    is_settled,
    refusal_of,
    require_may_record,
    require_said,
)
from sekisho.domain.terms import Cell, LegalBasis, Purpose, Requester
from sekisho.errors import AccessDenied, InvalidRequest, PurposeNotRegistered

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MAIL = Purpose("mail", LegalBasis.CONSENT)
SHOP = Purpose("shop", LegalBasis.CONSENT, cells=("purchase", "behaviour"))
MEASURE = Purpose("measure", LegalBasis.LEGITIMATE_INTEREST)
SUPPORT = Purpose("support", LegalBasis.CONTRACT)
ROLES = (COLLECTION_POINT, PRIVACY_OFFICER, WITHDRAWAL_RELAY)


def record(state, until=None, cell="mail"):
    return ConsentRecord(Cell(cell), state, 1, NOW - timedelta(days=9), until, "v1")


@given(st.sampled_from(sorted(SAID_BY_PEOPLE)), st.integers(-3, 3))
def test_only_a_yes_that_has_not_ended_is_in_force(kind, seconds):
    """In force is what was given, renewed or confirmed, until the very instant at which it ends."""
    yes = kind in {ConsentEventKind.GIVE, ConsentEventKind.RENEW, ConsentEventKind.CONFIRM}
    state = state_after(kind)
    assert is_in_force(state_at(record(state), MAIL, NOW)) == yes
    ended = record(state, NOW + timedelta(seconds=seconds))
    assert is_in_force(state_at(ended, MAIL, NOW)) == (yes and seconds > 0)
    if yes and seconds <= 0:
        assert state_at(ended, MAIL, NOW) is ConsentState.EXPIRED


def test_never_asked_is_unknown_and_legitimate_interest_active():
    """Nobody has agreed by saying nothing; what stands on legitimate interest runs until an objection."""
    assert state_at(None, MAIL, NOW) is ConsentState.UNKNOWN
    assert not is_in_force(ConsentState.UNKNOWN)
    assert state_at(None, MEASURE, NOW) is ConsentState.ACTIVE_BY_DEFAULT
    assert is_in_force(ConsentState.ACTIVE_BY_DEFAULT)
    assert state_at(record(ConsentState.OBJECTED), MEASURE, NOW) is ConsentState.OBJECTED


@given(
    st.sampled_from(list(ConsentEventKind)),
    st.sets(st.sampled_from(ROLES)),
    st.sets(st.sampled_from(["mail", "shop"])),
)
def test_who_may_record_what(kind, roles, purposes):
    """A yes needs a collection point that does not use the data; a no, the purpose, the relay or the collection."""
    requester = Requester("r", frozenset(purposes), frozenset(roles))
    collects = bool(roles & {COLLECTION_POINT, PRIVACY_OFFICER})
    own = "mail" in purposes
    passed_on = collects or own or WITHDRAWAL_RELAY in roles
    if passed_on if kind in PASSED_ON else collects and (kind in NO or not own):
        require_may_record(requester, "mail", kind)
    else:
        with pytest.raises(PurposeNotRegistered if kind in PASSED_ON else AccessDenied):
            require_may_record(requester, "mail", kind)


def test_scope_names_cells():
    """No scope is every cell; a scope is one declared cell; anything else is refused."""
    assert cells_in_scope(SHOP, {}) == SHOP.all_cells()
    assert cells_in_scope(SHOP, {"data_category": "behaviour"}) == ("shop/data_category=behaviour",)
    for wrong in ({"data_category": "x"}, {"channel": "purchase"}, {"data_category": "purchase", "channel": "x"}):
        with pytest.raises(InvalidRequest):
            cells_in_scope(SHOP, wrong)
    with pytest.raises(InvalidRequest):
        cells_in_scope(MAIL, {"data_category": "purchase"})


def test_a_no_has_the_name_that_its_ground_gives_it():
    """Consent is withdrawn, legitimate interest objected to; both settle a cell, a refusal does not."""
    assert refusal_of(MAIL) is ConsentEventKind.WITHDRAW
    assert refusal_of(MEASURE) is ConsentEventKind.OBJECT
    cells = SHOP.all_cells()
    settled = {cell: record(ConsentState.WITHDRAWN, cell=cell) for cell in cells}
    assert is_settled(settled, cells)
    assert not is_settled({**settled, cells[0]: record(ConsentState.REFUSED)}, cells)
    assert not is_settled({cells[0]: settled[cells[0]]}, cells)


def test_a_person_sees_ground_and_state():
    """What stands on a contract has a ground and no state; a cell has its scope; times are in UTC."""
    contract = consent_item(SUPPORT, Cell("support"), None, NOW)
    assert (contract["legal_basis"], contract["state"], contract["withdrawable"]) == ("contract", None, False)
    cell = SHOP.all_cells()[1]
    item = consent_item(SHOP, cell, record(ConsentState.GIVEN, NOW, cell), NOW)
    assert item["scope"] == {"data_category": "behaviour"}
    assert (item["state"], item["until"]) == ("expired", "2026-11-01T00:00:00Z")
    assert (item["notice"], item["given_on"]) == ({"key": "shop", "version": None}, "v1")


def test_an_explanation_names_what_stands_in_the_way():
    """One refusing cell decides the state; an unknown person is unknown even where silence counts as yes."""
    cells = SHOP.all_cells()
    records = {cells[0]: record(ConsentState.GIVEN, cell=cells[0])}
    assert explanation(SHOP, cells, records, NOW) == {
        "state": "unknown",
        "reasons": ["shop/data_category=purchase:given", "shop/data_category=behaviour:unknown"],
    }
    assert explanation(MEASURE, MEASURE.all_cells(), None, NOW)["state"] == "unknown"
    assert explanation(MEASURE, MEASURE.all_cells(), {}, NOW)["state"] == "active_by_default"
    assert explanation(SUPPORT, SUPPORT.all_cells(), {}, NOW) == {"state": None, "reasons": ["legal_basis_contract"]}


def happening(kind, said=100, *, seq=2, live=True, counts=None, until=None, of_age_at=None, notice="1"):
    return Happening(seq, kind, said, said if counts is None else counts, live, until, of_age_at, notice)


def then(standing, event, *, confirmed=False):
    """What stands after *event*, which here is always something."""
    done = after(standing, event, confirmed=confirmed)
    assert done is not None
    return done


GIVEN = Standing(ConsentState.GIVEN, 1, 50, 200, None, "1")
WITHDRAWN = Standing(ConsentState.WITHDRAWN, 1, 50)
CHILD = Standing(ConsentState.GIVEN, 1, 50, None, 900, "1")


@pytest.mark.parametrize("kind", sorted(NO))
@pytest.mark.parametrize("state", [None, *ConsentState])
def test_no_is_taken_from_every_state(kind, state):
    """Whatever stood there, even if the clock went back: after a no nothing is in force."""
    before = None if state is None else Standing(state, 1, 150, 200)
    done = then(before, happening(kind))
    assert (done.state, done.seq, done.until) == (state_after(kind), 2, None)
    assert not is_in_force(done.state)


def test_history_ends_nothing_that_is_newer_than_itself():
    """An imported no that is older than the yes changes nothing; at the same instant it counts."""
    assert then(GIVEN, happening(ConsentEventKind.WITHDRAW, 49, live=False)) is GIVEN
    assert then(GIVEN, happening(ConsentEventKind.WITHDRAW, 50, live=False)).state is ConsentState.WITHDRAWN


def test_a_yes_of_the_past_lifts_no_newer_no():
    """It has to be newer than the no; said now, it counts."""
    for said in (49, 50):
        assert then(WITHDRAWN, happening(ConsentEventKind.GIVE, said, live=False)) is WITHDRAWN
    assert is_in_force(then(WITHDRAWN, happening(ConsentEventKind.GIVE, 51, live=False)).state)
    assert is_in_force(then(WITHDRAWN, happening(ConsentEventKind.GIVE, 50)).state)


@pytest.mark.parametrize("live", [True, False], ids=["live", "history"])
def test_renewing_lifts_no_refusal(live):
    """After a no, only a new yes counts: renewing what was withdrawn changes nothing, however late it was said."""
    assert then(WITHDRAWN, happening(ConsentEventKind.RENEW, 99, live=live)) is WITHDRAWN


def test_a_yes_that_waits_is_confirmed_once_and_lapses():
    """Double opt-in: the yes counts with its confirmation, on the words and the validity that it was given on."""
    give, confirm = happening(ConsentEventKind.GIVE, until=300), happening(ConsentEventKind.CONFIRM, 120, seq=3)
    waiting = then(None, give, confirmed=True)
    assert waiting.state is ConsentState.PENDING_CONFIRMATION
    done = then(waiting, confirm, confirmed=True)
    assert (done.state, done.until, done.since, done.notice_version) == (ConsentState.GIVEN, 300, 120, "1")
    for standing in (None, WITHDRAWN, then(waiting, happening(ConsentEventKind.DEFER), confirmed=True)):
        assert after(standing, confirm, confirmed=True) is standing


def test_what_was_confirmed_stands_while_it_holds():
    """On the same words a second give adds nothing and a renewal counts; what has ended is asked in full again."""
    for kind, state in ((ConsentEventKind.GIVE, GIVEN.state), (ConsentEventKind.RENEW, ConsentState.RENEWED)):
        assert then(GIVEN, happening(kind), confirmed=True).state is state
        for again in (happening(kind, 200), happening(kind, notice="2")):
            assert then(GIVEN, again, confirmed=True).state is ConsentState.PENDING_CONFIRMATION


@pytest.mark.parametrize("kind", [ConsentEventKind.WITHDRAW, ConsentEventKind.DEFER])
def test_a_child_stays_one_after_a_no(kind):
    """Saying no, or later, does not make somebody of age; only a yes that was checked says otherwise."""
    standing = CHILD if kind in NO else CHILD._replace(state=ConsentState.EXPIRED)
    assert then(standing, happening(kind)).of_age_at == 900
    assert then(standing, happening(kind, of_age_at=800)).of_age_at == 800
    assert then(standing, happening(ConsentEventKind.GIVE)).of_age_at is None


def test_an_end_is_written_only_once_it_has_come():
    """The sweeper's event changes a yes at or after its end, and nothing else."""
    for said, state in ((199, ConsentState.GIVEN), (200, ConsentState.EXPIRED)):
        assert then(GIVEN, happening(ConsentEventKind.EXPIRE, said)).state is state
    assert then(WITHDRAWN, happening(ConsentEventKind.EXPIRE, 999)) is WITHDRAWN
    forever = GIVEN._replace(until=None)
    assert then(forever, happening(ConsentEventKind.EXPIRE, 999)) is forever


def test_a_guardians_yes_ends_when_the_person_comes_of_age():
    """From that instant on the person has to be asked; it is derived, and no event is needed."""
    guarded = ConsentRecord(Cell("mail"), ConsentState.GIVEN, 1, NOW, None, "1", of_age_at=NOW)
    assert state_at(guarded, MAIL, NOW - timedelta(microseconds=1)) is ConsentState.GIVEN
    assert state_at(guarded, MAIL, NOW) is ConsentState.NEEDS_RECONSENT


@pytest.mark.parametrize("actor", list(ActorType))
def test_no_machine_says_yes(actor):
    """A signal or a system says no for a person; a yes is said by somebody."""
    speaks = actor not in {ActorType.SIGNAL, ActorType.SYSTEM}
    for kind in sorted(SAID_BY_PEOPLE):
        for method in ("web_form", "signal"):
            if kind not in YES or (speaks and method != "signal"):
                require_said(kind, Actor(actor), method)
            else:
                with pytest.raises(InvalidRequest):
                    require_said(kind, Actor(actor), method)


@pytest.mark.parametrize("state", sorted(ConsentState))
@pytest.mark.parametrize("kind", sorted(YES))
def test_a_yes_that_nobody_knows_the_time_of_counts_for_who_has_not_answered(state, kind):
    """Whatever was decided, a yes among it, stands: the undated yes may be older. A question alone is answered."""
    standing = Standing(state, 1, 50, None, None, "1")
    event = happening(kind, live=False)._replace(undated=True)
    unanswered = state in {ConsentState.REQUESTED, ConsentState.DEFERRED} and kind is not ConsentEventKind.CONFIRM
    assert (then(standing, event) is not standing) == unanswered
    if kind is not ConsentEventKind.CONFIRM:
        assert is_in_force(then(None, event).state)


def test_a_yes_that_was_put_off_leaves_the_no_before_it():
    """No, then a yes that waits, then "later": no question without an answer, which an undated yes would answer."""
    waiting = then(WITHDRAWN, happening(ConsentEventKind.GIVE), confirmed=True)
    later = then(waiting, happening(ConsentEventKind.DEFER), confirmed=True)
    for standing in (waiting, later):
        no = standing.unlifted()
        assert (no.seq, no.since) == (WITHDRAWN.seq, WITHDRAWN.since)
    assert then(later, happening(ConsentEventKind.GIVE, live=False)._replace(undated=True)) is later
    assert then(waiting, happening(ConsentEventKind.CONFIRM), confirmed=True).unlifted() is None


@pytest.mark.parametrize("kind", sorted(NO))
def test_a_no_that_nobody_knows_the_time_of_counts(kind):
    """An undated no ends a yes: it was said by the time at which it is recorded."""
    event = happening(kind, live=False)._replace(undated=True)
    assert then(GIVEN, event).state is state_after(kind)


def test_what_was_confirmed_about_other_facts_stands_no_more():
    """A second yes to what had become outdated waits again; to what was confirmed since, it adds nothing."""
    for outdated_seq, state in ((None, GIVEN.state), (0, GIVEN.state), (1, ConsentState.PENDING_CONFIRMATION)):
        event = happening(ConsentEventKind.GIVE)._replace(outdated_seq=outdated_seq)
        assert then(GIVEN, event, confirmed=True).state is state
    waiting = happening(ConsentEventKind.RENEW)._replace(outdated_seq=1)
    assert then(GIVEN, waiting, confirmed=True).state is ConsentState.PENDING_CONFIRMATION


def test_history_without_a_guardian_decides_nothing_for_a_child():
    """An imported yes that names no coming of age lifts nothing for somebody who is known to be a child."""
    child = WITHDRAWN._replace(of_age_at=500)
    assert then(child, happening(ConsentEventKind.GIVE, 90, live=False)) is child
    grown = then(child, happening(ConsentEventKind.GIVE, 500, live=False))
    assert is_in_force(grown.state)
    guarded = happening(ConsentEventKind.GIVE, 90, live=False)._replace(of_age_at=500)
    assert is_in_force(then(child, guarded).state)


def test_a_confirmation_out_of_history_keeps_the_place_of_its_yes():
    """So that a major notice between the two still asks the person again."""
    waiting = then(None, happening(ConsentEventKind.GIVE, seq=2), confirmed=True)
    assert then(waiting, happening(ConsentEventKind.CONFIRM, 120, seq=9, live=False), confirmed=True).seq == 2
    assert then(waiting, happening(ConsentEventKind.CONFIRM, 120, seq=9), confirmed=True).seq == 9
