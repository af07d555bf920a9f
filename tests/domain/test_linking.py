"""Links: the most restrictive of what linked people said, and nothing granted by linking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.consent import IN_FORCE, REFUSING, ConsentState, Standing
from sekisho.domain.linking import Effective, Link, effective, groups_of

GIVEN, WITHDRAWN, OBJECTED = ConsentState.GIVEN, ConsentState.WITHDRAWN, ConsentState.OBJECTED
DEFERRED, EXPIRED = ConsentState.DEFERRED, ConsentState.EXPIRED

STATES = st.sampled_from(sorted(set(ConsentState) - {ConsentState.UNKNOWN, ConsentState.ACTIVE_BY_DEFAULT}))
ENDS = st.none() | st.integers(50, 60)


@st.composite
def worlds(draw):
    """Some people, their standings and links, all at sequences of their own."""
    numbers = list(range(1, draw(st.integers(1, 5)) + 1))
    seqs = draw(st.permutations(range(1, 30)))
    standings = {
        number: Standing(draw(STATES), seqs.pop(), draw(st.integers(0, 30)), draw(ENDS), draw(ENDS))
        for number in numbers
        if draw(st.booleans())
    }
    pairs = draw(st.lists(st.tuples(st.sampled_from(numbers), st.sampled_from(numbers)), max_size=5))
    links = [Link(seqs.pop(), one, other) for one, other in pairs if one != other]
    return numbers, standings, links


def counts(standings, answer, number):
    """The state that counts and until when, as the ledger derives it."""
    instead = answer[number]
    if instead is not None:
        return instead.state, instead.until
    held = standings.get(number)
    return (None, None) if held is None else (held.state, held.holds_until())


def lasts(until):
    return 1_000 if until is None else until


@given(worlds(), st.booleans())
def test_linking_grants_nothing(world, by_default):
    """Nobody may be used, or for longer, who said neither yes nor no; a yes is not made longer by a link."""
    numbers, standings, links = world
    groups = groups_of(numbers, links)
    for number in numbers:
        members = {member: standings[member] for member in groups[number].members if member in standings}
        answer = effective(groups[number], members, by_default=by_default)
        state, until = counts(standings, answer, number)
        held = standings.get(number)
        if state not in IN_FORCE:
            continue
        assert held is not None
        if held.state in IN_FORCE:
            assert lasts(until) <= lasts(held.holds_until())
        else:
            assert held.state in REFUSING
            lifting = [
                other
                for member, other in members.items()
                if other.state in IN_FORCE and other.seq > max(held.seq, groups[number].joined(number, member))
            ]
            assert any(lasts(until) <= lasts(other.holds_until()) and other.since > held.since for other in lifting)


@given(worlds(), st.booleans())
def test_a_no_counts_for_all_unless_a_later_yes_lifts_it(world, by_default):
    """With a no that nobody lifted, nobody of the group may be used."""
    numbers, standings, links = world
    groups = groups_of(numbers, links)
    for number in numbers:
        group = groups[number]
        members = {member: standings[member] for member in group.members if member in standings}
        answer = effective(group, members, by_default=by_default)
        alone = len(group.members) == 1
        unlifted = [
            member
            for member, held in members.items()
            if held.state in REFUSING
            and not any(
                other.state in IN_FORCE
                and other.seq > max(held.seq, group.joined(member, by))
                and other.since > held.since
                for by, other in members.items()
            )
        ]
        state, _ = counts(standings, answer, number)
        if alone or not any(held.state in REFUSING for held in members.values()):
            assert answer[number] is None
        elif unlifted:
            assert state not in IN_FORCE
            if number in standings or by_default:
                assert state in REFUSING


@given(worlds())
def test_undecided_people_neither_give_nor_take(world):
    """Who never answered yes or no changes nothing for the others, and nothing changes for them without a no."""
    numbers, standings, links = world
    group = groups_of(numbers, links)[1]
    members = {member: standings[member] for member in group.members if member in standings}
    decided = {member: held for member, held in members.items() if held.state in REFUSING | IN_FORCE}
    whole, without = effective(group, members), effective(group, decided)
    assert {member: whole[member] for member in decided} == {member: without[member] for member in decided}


@given(worlds(), st.randoms(use_true_random=False))
def test_order_of_links_and_people_does_not_matter(world, random):
    """Groups, and since when two people are one, depend on the links alone."""
    numbers, standings, links = world
    mixed = [Link(seq, *random.sample([one, other], 2)) for seq, one, other in random.sample(links, len(links))]
    first, second = groups_of(numbers, links), groups_of(reversed(numbers), mixed)
    for one in numbers:
        assert first[one].members == second[one].members
        members = {member: standings[member] for member in first[one].members if member in standings}
        backwards = dict(reversed(members.items()))
        assert effective(first[one], members) == effective(second[one], backwards)
        for other in first[one].members:
            assert first[one].joined(one, other) == second[one].joined(other, one)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param((GIVEN, 1), (WITHDRAWN, 2), (WITHDRAWN, None), id="a no before the link"),
        pytest.param((GIVEN, 2), (WITHDRAWN, 1), (WITHDRAWN, None), id="a yes between the no and the link"),
        pytest.param((GIVEN, 11), (WITHDRAWN, 1), (None, GIVEN), id="a yes after the link lifts it"),
        pytest.param((GIVEN, 11), (WITHDRAWN, 12), (WITHDRAWN, None), id="a later no again"),
        pytest.param((DEFERRED, 11), (WITHDRAWN, 1), (WITHDRAWN, None), id="a no for who deferred"),
        pytest.param((GIVEN, 11), (DEFERRED, 1), (None, None), id="deferring restricts nobody"),
        pytest.param((GIVEN, 11), (EXPIRED, 1), (None, None), id="an expired yes restricts nobody"),
        pytest.param((GIVEN, 11), None, (None, None), id="never asked restricts nobody, and gains nothing"),
        pytest.param((WITHDRAWN, 1), None, (None, None), id="who was never asked stays unknown"),
    ],
)
def test_two_linked_people(one, other, expected):
    """What counts for two people who are one since sequence 10."""
    group = groups_of((), [Link(10, 1, 2)])[1]
    standings = {
        number: Standing(said[0], said[1], since=said[1])
        for number, said in ((1, one), (2, other))
        if said is not None
    }
    answer = effective(group, standings)
    assert tuple(None if instead is None else instead.state for instead in answer.values()) == expected


def test_an_objection_counts_for_who_was_never_asked():
    """Legitimate interest: active by default, until one of the linked people objects."""
    group = groups_of((), [Link(10, 1, 2)])[1]
    answer = effective(group, {1: Standing(OBJECTED, 3, 3)}, by_default=True)
    assert answer == {1: None, 2: Effective(OBJECTED, None, 3)}


def test_a_lifted_no_comes_back_when_the_yes_ends():
    """The yes that lifts somebody's no bounds every yes of the group, in time and by notice."""
    group = groups_of((), [Link(5, 1, 2), Link(6, 2, 3)])[1]
    standings = {1: Standing(GIVEN, 2, 2), 2: Standing(WITHDRAWN, 4, 4), 3: Standing(GIVEN, 8, 8, until=50)}
    assert effective(group, standings) == {1: Effective(GIVEN, 50, 2), 2: Effective(GIVEN, 50, 8), 3: None}


@pytest.mark.parametrize(("of_age_at", "until"), [(40, 40), (70, 60), (8, 60), (7, 60)])
def test_a_yes_that_lifts_the_no_of_a_child_ends_when_the_child_comes_of_age(of_age_at, until):
    """It holds beside a child's no until the child comes of age, beside an adult's as long as it lasts."""
    group = groups_of((), [Link(5, 1, 2)])[1]
    standings = {1: Standing(WITHDRAWN, 4, 4, of_age_at=of_age_at), 2: Standing(GIVEN, 8, 8, until=60)}
    assert effective(group, standings) == {1: Effective(GIVEN, until, 8), 2: None}


def test_since_when_two_people_are_one():
    """Two groups that are linked become one with that link; who was one before stays so since then."""
    group = groups_of((), [Link(9, 2, 3), Link(4, 3, 4), Link(2, 1, 2), Link(11, 1, 4)])[3]
    assert group.members == (1, 2, 3, 4)
    assert [group.joined(*pair) for pair in ((1, 2), (3, 4), (1, 3), (1, 4), (2, 2))] == [2, 4, 9, 9, 0]
