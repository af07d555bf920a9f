"""What counts for people whose identifiers are linked (名寄せ): the most restrictive of what they said.

Linked numbers form a group, over any number of links. Linking grants nothing to anybody; it only lets the no
of one count for all, until one of them says yes again:

- A no of any member counts for every member, whatever its age; also while a yes after it waits for its confirmation.
- A yes lifts a no of another member when it came after that no and after the link that made the two one
  person. While that yes holds, every member who said yes or no before may be treated as having said it.
- Whoever was never asked stays unknown, and so does whoever was asked and did not answer yes or no: no yes of
  another reaches them. Their being undecided restricts nobody else.

All of it follows from the members' own standings and the links that are active now; when a link goes, what
the members said themselves is all that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sekisho.domain.consent import IN_FORCE, REFUSING, ConsentState, Standing


class Link(NamedTuple):
    """Two numbers that are one person since the event ``seq``."""

    seq: int
    one: int
    other: int


class Effective(NamedTuple):
    """What counts for a member instead of its own standing.

    Attributes
    ----------
    state:
        A no, or a yes.
    until:
        When the yes ends (microseconds since 1970-01-01 UTC).
    seq:
        Sequence of the decisive event: of the no, or of the oldest yes that this one rests on. A major notice
        after it makes the yes outdated.
    """

    state: ConsentState
    until: int | None
    seq: int


class Group:
    """The numbers that are one person, and since when each two of them are."""

    def __init__(self, number: int) -> None:
        self.members: tuple[int, ...] = (number,)
        self._joined: dict[tuple[int, int], int] = {}

    def joined(self, one: int, other: int) -> int:
        """Return the sequence at which two members became one person, 0 for one and the same."""
        return 0 if one == other else self._joined[min(one, other), max(one, other)]

    def absorb(self, group: Group, seq: int) -> None:
        """Take over the members of another group, linked by the event *seq*."""
        self._joined.update(group._joined)
        self._joined.update(
            ((min(one, other), max(one, other)), seq) for one in self.members for other in group.members
        )
        self.members = tuple(sorted((*self.members, *group.members)))


def groups_of(numbers: Iterable[int], links: Iterable[Link]) -> dict[int, Group]:
    """Return the group of each of *numbers* and of everybody whom *links* (all that are active) name."""
    groups = {number: Group(number) for number in numbers}
    for seq, one, other in sorted(links):
        into, group = (groups.setdefault(number, Group(number)) for number in (one, other))
        if into is group:
            continue
        if len(into.members) < len(group.members):
            into, group = group, into
        into.absorb(group, seq)
        groups.update((number, into) for number in group.members)
    return groups


def effective(
    group: Group, standings: Mapping[int, Standing], *, by_default: bool = False
) -> dict[int, Effective | None]:
    """Return for each member what counts instead of its own standing in one cell, ``None`` where that counts.

    Parameters
    ----------
    group:
        The members.
    standings:
        Own standing of each member that was ever asked.
    by_default:
        Whether the purpose is active until somebody objects: then a no counts for members who were never
        asked as well. They stay unknown otherwise, which is no yes either.
    """
    unlifted = ((number, held.unlifted()) for number, held in standings.items())
    refusals = [(number, no) for number, no in unlifted if no is not None]
    if not refusals or len(group.members) == 1:
        return dict.fromkeys(group.members)
    agreements = [(number, held) for number, held in standings.items() if held.state in IN_FORCE]
    lifters = [_lifter(group, refusal, agreements) for refusal in refusals]
    newest = max((held for _, held in refusals), key=lambda held: held.seq)
    refusal = Effective(newest.state, None, newest.seq)
    standing_no = [held for (_, held), lifter in zip(refusals, lifters, strict=True) if lifter is None]
    if standing_no:
        newest = max(standing_no, key=lambda held: held.seq)
        refusal = Effective(newest.state, None, newest.seq)
    lifting = [] if standing_no else [held for held in lifters if held is not None]
    lifted = _weakest(lifting) if lifting else None
    said_at = min((held.since for held in lifting), default=0)
    answer: dict[int, Effective | None] = {}
    for number in group.members:
        held = standings.get(number)
        if held is None:
            answer[number] = refusal if by_default else None
        elif lifted is None:
            answer[number] = None if held.unlifted() else refusal
        elif held.state in REFUSING:
            # Said before the person came of age, as this identifier knows, the yes ends with that.
            child = held.of_age_at is not None and held.of_age_at > said_at
            answer[number] = lifted._replace(until=_earlier(lifted.until, held.of_age_at)) if child else lifted
        elif held.state in IN_FORCE:
            own = Effective(held.state, held.holds_until(), held.seq)
            both = Effective(held.state, _earlier(own.until, lifted.until), min(own.seq, lifted.seq))
            answer[number] = None if both == own else both
        else:
            answer[number] = None
    return answer


def _lifter(
    group: Group, refusal: tuple[int, Standing], agreements: Sequence[tuple[int, Standing]]
) -> Standing | None:
    """Return the newest yes that lifts *refusal*: given after it, by sequence and by time, and after the link."""
    member, refused = refusal
    lifting = [
        held
        for number, held in agreements
        if held.seq > max(refused.seq, group.joined(member, number)) and held.since > refused.since
    ]
    return max(lifting, key=lambda held: held.seq, default=None)


def _weakest(lifters: Sequence[Standing]) -> Effective:
    """Return the yes that lasts as long as all of *lifters* do: when the first ends, its no counts again."""
    until: int | None = None
    for held in lifters:
        until = _earlier(until, held.holds_until())
    return Effective(ConsentState.GIVEN, until, min(held.seq for held in lifters))


def _earlier(one: int | None, other: int | None) -> int | None:
    ends = [at for at in (one, other) if at is not None]
    return min(ends, default=None)
