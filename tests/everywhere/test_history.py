"""The judge of histories itself: what it must find, and what it must let pass."""

from __future__ import annotations

import pytest

from tests.everywhere.history import Decision, History, Seen, withdrawn_spans

YES = Decision(7, True, 1.0, 1.1)
NO = Decision(7, False, 2.0, 2.1)


def judged(*seen: Seen, decisions: tuple[Decision, ...] = (YES, NO)) -> int:
    """Return how many violations the history has."""
    return len(History(list(decisions), list(seen)).violations())


def test_a_page_rechecked_after_the_withdrawal_was_answered_is_a_violation() -> None:
    """Whoever is on a page whose recheck began after the withdrawal's answer should not be there."""
    assert judged(Seen((7,), 1.5, 2.2, 2.3)) == 1


def test_a_page_rechecked_before_the_answer_came_may_hold_the_person() -> None:
    """Between the call and its answer, a withdrawal may count or not."""
    assert judged(Seen((7,), 1.5, 2.05, 2.3)) == 0


def test_a_yes_begun_before_the_page_left_explains_it() -> None:
    """A consent that was already on its way when the page left may be what the page saw."""
    again = Decision(7, True, 2.25, 2.4)
    assert judged(Seen((7,), 2.2, 2.2, 2.3), decisions=(YES, NO, again)) == 0
    assert judged(Seen((7,), 2.2, 2.2, 2.24), decisions=(YES, NO, again)) == 1


def test_a_page_that_left_late_is_a_violation() -> None:
    """A page counts as sent at its recheck only when it leaves within two seconds."""
    assert judged(Seen((9,), 1.0, 1.0, 3.1)) == 1
    assert judged(Seen((9,), 1.0, 1.0, 2.9)) == 0


def test_a_check_is_judged_by_its_whole_call() -> None:
    """A check must not say yes when the withdrawal was answered before the check was asked."""
    assert judged(Seen((7,), 2.2, 2.2, 2.3, "check")) == 1
    assert judged(Seen((7,), 2.05, 2.05, 2.3, "check")) == 0


def test_overlapping_decisions_are_no_history() -> None:
    """Nothing can be said of a person whose decisions overlap."""
    with pytest.raises(ValueError, match="overlap"):
        withdrawn_spans([Decision(7, True, 1.0, 2.5), NO])


def test_two_refusals_in_a_row_are_one_span() -> None:
    """A repeated withdrawal leaves no gap in which somebody could be shown."""
    again = Decision(7, False, 3.0, 3.1)
    assert judged(Seen((7,), 3.05, 3.05, 3.06), decisions=(YES, NO, again)) == 1
