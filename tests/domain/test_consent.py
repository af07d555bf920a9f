"""States of consent as they follow from events and time, and who may say what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.consent import (
    ConsentEventKind,
    ConsentRecord,
    ConsentState,
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
    cells_in_scope,
    is_settled,
    refusal_of,
    require_may_record,
)
from sekisho.domain.terms import Cell, LegalBasis, Purpose, Requester
from sekisho.errors import AccessDenied, InvalidRequest

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MAIL = Purpose("mail", LegalBasis.CONSENT)
SHOP = Purpose("shop", LegalBasis.CONSENT, cells=("purchase", "behaviour"))
MEASURE = Purpose("measure", LegalBasis.LEGITIMATE_INTEREST)
SUPPORT = Purpose("support", LegalBasis.CONTRACT)
ROLES = (COLLECTION_POINT, PRIVACY_OFFICER, WITHDRAWAL_RELAY)


def record(state, until=None, cell="mail"):
    return ConsentRecord(Cell(cell), state, 1, NOW - timedelta(days=9), until, "v1")


@given(st.sampled_from(list(ConsentEventKind)), st.integers(-3, 3))
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
    """A yes needs a collection point that does not use the data; a no, the purpose or the relay role."""
    requester = Requester("r", frozenset(purposes), frozenset(roles))
    collects = bool(roles & {COLLECTION_POINT, PRIVACY_OFFICER})
    own = "mail" in purposes
    a_no = collects or own or WITHDRAWAL_RELAY in roles
    a_yes = collects and not own
    if a_no if kind in PASSED_ON else a_yes:
        require_may_record(requester, "mail", kind)
    else:
        with pytest.raises(AccessDenied):
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
    assert item["notice"] == {"key": "shop", "version": "v1"}


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
