"""The rule of the ledger against a second opinion: people, guardians, clocks and history in any order.

The machine plays one person's cell of one purpose. Beside ``after`` it keeps two models that know nothing of it:
an exact one, a table of who follows whom, for what is said live; and, for what claims to be older, a sentence
over the whole history: data may be used only when some yes is newer than every no.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sekisho.domain.consent import (
    NO,
    REFUSING,
    YES,
    ConsentEventKind,
    ConsentRecord,
    ConsentState,
    Happening,
    Standing,
    after,
    is_in_force,
    state_at,
)
from sekisho.domain.terms import Cell, LegalBasis, Purpose

K, S = ConsentEventKind, ConsentState
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CELL = Cell("mail")
SPANS = st.integers(1, 6)

# What a live event makes of a state, where nothing was confirmed, expired or outdated; what is not here stays.
_NO = {K.REFUSE: S.REFUSED, K.WITHDRAW: S.WITHDRAWN, K.OBJECT: S.OBJECTED, K.REVOKE: S.REVOKED}
_NO[K.INVALIDATE] = S.INVALIDATED
_LATER = {K.REQUEST: S.REQUESTED, K.DEFER: S.DEFERRED}
_OPEN = {S.UNKNOWN, S.REQUESTED, S.DEFERRED, S.EXPIRED}


@dataclass(frozen=True)
class Fact:
    """An event as the models remember it; ``published`` is a major notice."""

    seq: int
    kind: ConsentEventKind
    said: int
    recorded: int
    live: bool
    historical: bool

    @property
    def position(self) -> int:
        """From when it counts: a no that came in itself, from its recording; all else, from when it was said."""
        return self.recorded if self.kind in NO and not self.historical else self.said


class Ledger(RuleBasedStateMachine):
    """One cell of one person, from the first question to the last no."""

    @initialize(by_default=st.booleans(), confirmed=st.booleans())
    def begin(self, by_default: bool, confirmed: bool) -> None:
        """Choose the purpose: opt-in, double opt-in, or active until somebody objects."""
        self.by_default, self.confirmed = by_default, confirmed and not by_default
        basis = LegalBasis.LEGITIMATE_INTEREST if by_default else LegalBasis.CONSENT
        self.purpose = Purpose("mail", basis, confirm=self.confirmed)
        self.now = 1_000
        self.seq = 0
        self.notice = 1
        self.asked_again = 0
        self.standing: Standing | None = None
        self.facts: list[Fact] = []
        self.happenings: list[Happening] = []
        self.exact: ConsentState | None = S.ACTIVE_BY_DEFAULT if by_default else S.UNKNOWN
        self.ends: int | None = None
        self.words = 0  # notice that the last yes was said on
        self.outdated = False

    # What happens ------------------------------------------------------------------------------------

    @rule(span=SPANS)
    def time_passes(self, span: int) -> None:
        """Nobody does anything."""
        self.now += span

    @rule(until=st.none() | SPANS)
    def gives(self, until: int | None) -> None:
        """The person says yes, on the notice in force."""
        self.says(K.GIVE, until=until)

    @rule(until=st.none() | SPANS)
    def renews(self, until: int | None) -> None:
        """The person says yes again."""
        self.says(K.RENEW, until=until)

    @rule(of_age_in=SPANS)
    def guardian_gives(self, of_age_in: int) -> None:
        """A guardian says yes until the person comes of age."""
        self.says(K.GIVE, of_age_in=of_age_in)

    @rule()
    def confirms(self) -> None:
        """The person follows the link of the mail."""
        self.says(K.CONFIRM)

    @rule(kind=st.sampled_from(sorted(NO)))
    def says_no(self, kind: ConsentEventKind) -> None:
        """No is taken from every state, and nothing is in force after it; again changes nothing but the place."""
        self.says(kind)
        first = self.standing
        assert first is not None
        assert first.state in REFUSING
        assert not is_in_force(self.state())
        self.says(kind)
        assert self.standing is not None
        assert self.standing._replace(seq=0, since=0) == first._replace(seq=0, since=0)

    @rule(kind=st.sampled_from([K.REQUEST, K.DEFER]))
    def asks_or_defers(self, kind: ConsentEventKind) -> None:
        """Somebody asks, or the person wants to think about it: no yes, and no end of one."""
        before = self.state()
        self.says(kind)
        self.now -= 1
        assert is_in_force(self.state()) == is_in_force(before)
        self.now += 1

    @rule(kind=st.sampled_from(sorted(YES | NO)), ago=st.integers(0, 12), historical=st.booleans())
    def says_of_the_past(self, kind: ConsentEventKind, ago: int, historical: bool) -> None:
        """Something comes in late: a paper form, an import."""
        before = self.standing
        said = self.now - ago
        self.says(kind, said=said, historical=historical)
        if before is not None and before.state in REFUSING and kind in YES and said <= before.since and ago:
            assert self.standing == before  # a yes of the past never overrides a newer no

    @precondition(lambda self: self.standing is not None)
    @rule()
    def sweeper_writes_what_has_expired(self) -> None:
        """The event of an expiry changes what is stored, never what is answered about force."""
        before = self.state()
        self.says(K.EXPIRE)
        self.now -= 1
        assert is_in_force(self.state()) == is_in_force(before)
        self.now += 1

    @rule()
    def major_notice(self) -> None:
        """A notice is published that asks everybody again."""
        self.seq += 1
        self.notice += 1
        self.asked_again = self.seq
        self.outdated = True

    # What must hold ----------------------------------------------------------------------------------

    @invariant()
    def only_a_yes_newer_than_every_no_is_in_force(self) -> None:
        """In force is what a yes made so that no no has beaten, that has not ended, on the notice in force."""
        if not is_in_force(self.state()):
            return
        if not self.facts or self.standing is None:
            assert self.by_default
            return
        yeses = [fact for fact in self.facts if fact.kind in YES - {K.CONFIRM}]
        confirmations = [fact for fact in self.facts if fact.kind is K.CONFIRM]
        if not self.confirmed:
            yeses = [yes for yes in yeses if self.unbeaten(yes)]
        else:  # a yes with its confirmation, or the renewal of such a one
            pairs = [(yes, later) for yes in yeses for later in confirmations if yes.seq < later.seq]
            good = [later for yes, later in pairs if self.unbeaten(yes, before=later.seq) and self.unbeaten(later)]
            again = [yes for yes in yeses if yes.kind is K.RENEW and pairs and self.unbeaten(yes)]
            yeses = good + again
        assert any(yes.seq > self.asked_again for yes in yeses)

    @invariant()
    def what_is_live_follows_the_table(self) -> None:
        """As long as nobody speaks of the past, the state is what the table says."""
        if self.exact is not None:
            assert self.state() is self.exact_state()

    @invariant()
    def expiry_and_age_are_derived(self) -> None:
        """At the instant at which a yes ends it is over, without any event."""
        if self.standing is None or self.standing.state not in {S.GIVEN, S.RENEWED}:
            return
        ends = self.standing.holds_until()
        if ends is not None:
            assert not is_in_force(state_at(self.record(), self.purpose, instant(ends)))
            last = instant(ends) - timedelta(microseconds=1)
            outdated = self.standing.seq < self.asked_again
            assert is_in_force(state_at(self.record(), self.purpose, last)) == (not outdated)

    @invariant()
    def the_same_events_give_the_same_standing(self) -> None:
        """The projection rebuilt from the events is the projection."""
        again: Standing | None = None
        for event in self.happenings:
            again = after(again, event, by_default=self.by_default, confirmed=self.confirmed)
        assert again == self.standing

    # How -----------------------------------------------------------------------------------------------

    def says(
        self,
        kind: ConsentEventKind,
        *,
        until: int | None = None,
        of_age_in: int | None = None,
        said: int | None = None,
        historical: bool = False,
    ) -> None:
        """Record an event as the ledger does, and tell the models."""
        self.seq += 1
        said = self.now if said is None else said
        assert said <= self.now
        live = not historical and (kind in NO or said == self.now)
        ends = None if until is None else self.now + until
        of_age_at = None if of_age_in is None else self.now + of_age_in
        counts = self.now if kind in NO and not historical else said
        notice = None if kind in NO else str(self.notice)
        event = Happening(self.seq, kind, said, counts, live, ends, of_age_at, notice)
        before = self.standing
        self.standing = after(before, event, by_default=self.by_default, confirmed=self.confirmed)
        if kind is not K.EXPIRE:
            self.facts.append(Fact(self.seq, kind, said, self.now, live, historical))
        self.happenings.append(event)
        self.tell_exact_model(kind, event if live else None)
        self.now += 1  # the ledger's time grows with every transaction

    def tell_exact_model(self, kind: ConsentEventKind, event: Happening | None) -> None:
        """Move the table's state on; an event that speaks of the past ends the table's use."""
        if event is None:
            self.exact = None  # from here on only the sentences are checked
        if self.exact is None or event is None:
            return
        shown = self.exact_state()
        stands = shown in {S.GIVEN, S.RENEWED} and self.words == self.notice
        until, age = event.until, event.of_age_at
        ends = min((at for at in (until, age) if at is not None), default=None)
        if kind in _NO:
            self.exact, self.ends = _NO[kind], None
        elif kind is K.RENEW and self.exact in REFUSING:
            pass  # a no is lifted by a new yes alone
        elif kind in {K.GIVE, K.RENEW} and self.confirmed and not stands:
            self.exact, self.ends, self.words, self.outdated = S.PENDING_CONFIRMATION, ends, self.notice, False
        elif kind is K.GIVE and self.confirmed:
            pass  # it stands already
        elif kind in {K.GIVE, K.RENEW}:
            self.exact = S.GIVEN if kind is K.GIVE else S.RENEWED
            self.ends, self.words, self.outdated = ends, self.notice, False
        elif kind is K.CONFIRM and self.exact is S.PENDING_CONFIRMATION:
            self.exact, self.outdated = S.GIVEN, False  # recording asks whether the notice is still in force
        elif kind in _LATER and not self.by_default:
            waiting = kind is K.DEFER and self.exact is S.PENDING_CONFIRMATION
            if self.exact in _OPEN or waiting:
                self.exact, self.ends = _LATER[kind], None
        elif kind is K.EXPIRE and self.exact in {S.GIVEN, S.RENEWED} and self.over():
            self.exact, self.ends = S.EXPIRED, None

    def unbeaten(self, yes: Fact, *, before: int = 1 << 62) -> bool:
        """Return whether none of the noes recorded before event *before* is newer than *yes*."""
        return not any(beats(no, yes) for no in self.facts if no.kind in NO and no.seq < before)

    def over(self) -> bool:
        """Return whether the last yes has ended by itself."""
        return self.ends is not None and self.ends <= self.now

    def exact_state(self) -> ConsentState:
        """What the table's state reads as now. Coming of age and expiry, which is which, is told by ``standing``."""
        assert self.exact is not None
        if self.exact not in {S.GIVEN, S.RENEWED}:
            return self.exact
        assert self.standing is not None
        if self.standing.until is not None and self.standing.until <= self.now:
            return S.EXPIRED
        return S.NEEDS_RECONSENT if self.over() or self.outdated else self.exact

    def record(self) -> ConsentRecord | None:
        """Return what a reader of the projection gets."""
        if self.standing is None:
            return None
        s = self.standing
        return ConsentRecord(
            CELL, s.state, s.seq, instant(s.since), at(s.until), s.notice_version, at(s.of_age_at),
            outdated=s.seq < self.asked_again,
        )  # fmt: skip

    def state(self) -> ConsentState:
        """Return what counts now."""
        return state_at(self.record(), self.purpose, instant(self.now))


def beats(no: Fact, yes: Fact) -> bool:
    """Return whether *no* is newer than *yes*, by what each may claim for itself."""
    if no.seq > yes.seq:
        return not no.historical or no.position >= yes.position
    return not yes.live and no.position >= yes.position


def instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def at(micros: int | None) -> datetime | None:
    return None if micros is None else instant(micros)


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
