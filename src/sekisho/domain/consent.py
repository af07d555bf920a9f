"""Consent: what happened (events) and what follows from it (states).

States are those of W3C DPV (consent status) and ISO/IEC TS 27560 as far as they fit a gateway.
``expired`` and ``needs_reconsent`` are derived when read, never decided by a timer.

The one rule of the ledger stands in :func:`after`: what a person's standing in one cell is once an event
is known. Everything else (the projection, its rebuilding, reads of the past, the bitmaps) calls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sekisho.domain.terms import Cell, LegalBasis, Purpose


class ConsentEventKind(StrEnum):
    """What a person, or somebody for them, did; the last four are written by the gateway alone."""

    REQUEST = "request"
    GIVE = "give"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    DEFER = "defer"
    RENEW = "renew"
    OBJECT = "object"
    CONFIRM = "confirm"
    REVOKE = "revoke"
    INVALIDATE = "invalidate"
    EXPIRE = "expire"
    LINK = "link"
    UNLINK = "unlink"
    PUBLISH = "publish"


class ConsentState(StrEnum):
    """Where one cell of one person's consent stands."""

    UNKNOWN = "unknown"
    REQUESTED = "requested"
    GIVEN = "given"
    RENEWED = "renewed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    DEFERRED = "deferred"
    PENDING_CONFIRMATION = "pending_confirmation"
    EXPIRED = "expired"
    NEEDS_RECONSENT = "needs_reconsent"
    OBJECTED = "objected"
    ACTIVE_BY_DEFAULT = "active_by_default"
    REVOKED = "revoked"
    INVALIDATED = "invalidated"


_AFTER = {
    ConsentEventKind.REQUEST: ConsentState.REQUESTED,
    ConsentEventKind.GIVE: ConsentState.GIVEN,
    ConsentEventKind.CONFIRM: ConsentState.GIVEN,
    ConsentEventKind.RENEW: ConsentState.RENEWED,
    ConsentEventKind.REFUSE: ConsentState.REFUSED,
    ConsentEventKind.WITHDRAW: ConsentState.WITHDRAWN,
    ConsentEventKind.DEFER: ConsentState.DEFERRED,
    ConsentEventKind.OBJECT: ConsentState.OBJECTED,
    ConsentEventKind.REVOKE: ConsentState.REVOKED,
    ConsentEventKind.INVALIDATE: ConsentState.INVALIDATED,
    ConsentEventKind.EXPIRE: ConsentState.EXPIRED,
}

YES = frozenset({ConsentEventKind.GIVE, ConsentEventKind.RENEW, ConsentEventKind.CONFIRM})
"""Events after which data may be used."""
NO = frozenset(
    {
        ConsentEventKind.REFUSE,
        ConsentEventKind.WITHDRAW,
        ConsentEventKind.OBJECT,
        ConsentEventKind.REVOKE,
        ConsentEventKind.INVALIDATE,
    }
)
"""Events that end or forbid a use; never turned away, whatever went before."""
SAID_BY_PEOPLE = frozenset(
    set(ConsentEventKind)
    - {ConsentEventKind.EXPIRE, ConsentEventKind.LINK, ConsentEventKind.UNLINK, ConsentEventKind.PUBLISH}
)
"""Events that a collection point may hand in."""

IN_FORCE = frozenset({ConsentState.GIVEN, ConsentState.RENEWED})
"""Stored states in which data may be used while ``valid_until`` lies ahead."""
REFUSING = frozenset(
    {
        ConsentState.REFUSED,
        ConsentState.WITHDRAWN,
        ConsentState.OBJECTED,
        ConsentState.REVOKED,
        ConsentState.INVALIDATED,
    }
)
"""States in which somebody said no; a yes that is older than that no does not lift it."""
_UNANSWERED = frozenset({ConsentState.REQUESTED, ConsentState.DEFERRED})
_OPEN = _UNANSWERED | {ConsentState.EXPIRED}


class ActorType(StrEnum):
    """Who acted. A no is taken from each of them; whose yes counts is a matter of the rules of law."""

    DATA_SUBJECT = "data_subject"
    GUARDIAN = "guardian"
    AGENT = "agent"
    OPERATOR = "operator"
    SYSTEM = "system"
    SIGNAL = "signal"


class Assurance(StrEnum):
    """How sure we were who it was, ascending."""

    NONE = "none"
    SELF_ASSERTED = "self_asserted"
    VERIFIED_CONTACT = "verified_contact"
    DOCUMENT = "document"
    ELECTRONIC_ID = "electronic_id"


class ConsentType(StrEnum):
    """How plainly it was said (W3C DPV; ISO/IEC TS 27560 event type)."""

    IMPLIED = "implied"
    EXPRESSED = "expressed"
    EXPLICIT = "explicit"


@dataclass(frozen=True, slots=True)
class Provenance:
    """By whom, on which words and how sure: everything about an event that names nobody.

    Attributes
    ----------
    actor_type, relation, assurance:
        Who acted, a guardian's or agent's relation to the person, how sure we were who it was.
    consent_type:
        How plainly it was said.
    notice_key, notice_sha256, locale, served_id:
        What was shown: key and SHA-256 (hex) of the text, its language, the id under which it was served.
    purpose_version:
        Version of the purpose's facts in force.
    legal_basis, rule_set:
        The ground, and the dated rules of law it was checked by (``appi@2022-04``), joined by a comma.
    collection_point:
        Requester that recorded it; ``None`` for the preference page.
    of_age_at:
        When the person comes of age, where a guardian acted: from then on the person must be asked.
    signal:
        ``gpc`` for Global Privacy Control.
    source, batch, line:
        System and import batch that it came from, and its line there.
    reason:
        Short code, for revoking and invalidating.
    undoes:
        Id of the event that this one is about (the link that an unlink ends).
    outdated_seq:
        Sequence of the newest yes that had become outdated when this one was said, where a yes has to be confirmed:
        such a yes stands no more, also on the same notice.
    """

    actor_type: ActorType = ActorType.DATA_SUBJECT
    relation: str | None = None
    assurance: Assurance = Assurance.NONE
    consent_type: ConsentType = ConsentType.EXPRESSED
    notice_key: str | None = None
    notice_sha256: str | None = None
    locale: str | None = None
    served_id: str | None = None
    purpose_version: int | None = None
    legal_basis: str | None = None
    rule_set: str | None = None
    collection_point: str | None = None
    of_age_at: datetime | None = None
    signal: str | None = None
    source: str | None = None
    batch: str | None = None
    line: int | None = None
    reason: str | None = None
    undoes: str | None = None
    outdated_seq: int | None = None


class Standing(NamedTuple):
    """The projection of one person's events for one cell. Times are microseconds since 1970-01-01 UTC.

    ``since`` is the position in time that a later-recorded, earlier-said yes is compared with. While a yes waits for
    its confirmation, or was put off, ``refused_seq`` and ``refused_since`` tell of the no that it has not lifted yet.
    """

    state: ConsentState
    seq: int
    since: int
    until: int | None = None
    of_age_at: int | None = None
    notice_version: str | None = None
    refused_seq: int | None = None
    refused_since: int | None = None

    def unlifted(self) -> Standing | None:
        """Return the no that counts still, ``None`` without one: this one, or that before a yes that only waits."""
        if self.state in REFUSING or self.refused_seq is None or self.refused_since is None:
            return self if self.state in REFUSING else None
        return Standing(ConsentState.REFUSED, self.refused_seq, self.refused_since)

    def holds_until(self) -> int | None:
        """Return when a yes ends by itself: its validity or the person's coming of age, the earlier."""
        if self.of_age_at is None or self.until is None:
            return self.until if self.of_age_at is None else self.of_age_at
        return min(self.until, self.of_age_at)


class Happening(NamedTuple):
    """One event as the rule needs it. Times are microseconds since 1970-01-01 UTC.

    Attributes
    ----------
    seq, kind:
        Place in the ledger and what happened.
    said_at:
        When it was said: the claim where there is one, never later than the recording.
    counts_at:
        Position from which a no counts besides: when it was recorded, for a no that came in live;
        ``said_at`` for imported history and for every yes.
    live:
        Whether it came in without a claim of an earlier time; such events count in order of sequence.
    undated:
        History that nobody knows the time of.
    outdated_seq:
        See :class:`Provenance`.
    """

    seq: int
    kind: ConsentEventKind
    said_at: int
    counts_at: int
    live: bool
    until: int | None = None
    of_age_at: int | None = None
    notice_version: str | None = None
    undated: bool = False
    outdated_seq: int | None = None


def after(
    standing: Standing | None, event: Happening, *, by_default: bool = False, confirmed: bool = False
) -> Standing | None:
    """Return the standing after *event*; the same object when it changes nothing.

    Parameters
    ----------
    standing:
        ``None`` when the person was never asked.
    by_default:
        Whether the purpose is active until somebody objects (legitimate interest, GDPR 21).
    confirmed:
        Whether a yes counts only once it is confirmed (double opt-in).

    A no always counts, unless it is history older than a yes that the ledger holds. A yes that says of
    itself that it is older than a no does not lift it; at the same instant the no wins. A yes out of history
    without its time counts only for who has given no answer yet.
    """
    kind = event.kind
    fresh = Standing(
        _AFTER.get(kind, ConsentState.UNKNOWN),
        event.seq,
        event.counts_at,
        event.until,
        event.of_age_at,
        event.notice_version,
    )
    if kind in NO:
        late = standing is not None and not event.live and event.counts_at < standing.since
        return standing if late else fresh._replace(until=None, of_age_at=_known_age(standing, event))
    if kind in YES:
        return _after_yes(standing, event, fresh, confirmed=confirmed)
    if kind in {ConsentEventKind.REQUEST, ConsentEventKind.DEFER}:
        pending = standing is not None and standing.state is ConsentState.PENDING_CONFIRMATION
        is_open = standing is None or standing.state in _OPEN or (pending and kind is ConsentEventKind.DEFER)
        if not is_open or by_default:
            return standing
        return _after_no(standing, fresh._replace(until=None, of_age_at=_known_age(standing, event)))
    if kind is ConsentEventKind.EXPIRE and standing is not None and standing.state in IN_FORCE:
        ends = standing.holds_until()
        if ends is not None and ends <= event.said_at:
            return standing._replace(state=ConsentState.EXPIRED, seq=event.seq)
    return standing


def _known_age(standing: Standing | None, event: Happening) -> int | None:
    """Return when the person comes of age: whoever says no, or later, must not become an adult by it."""
    return event.of_age_at if event.of_age_at is not None or standing is None else standing.of_age_at


def _after_no(standing: Standing | None, fresh: Standing) -> Standing:
    """Return *fresh*, which is no answer yet, with the no that stands before it."""
    no = None if standing is None else standing.unlifted()
    return fresh if no is None else fresh._replace(refused_seq=no.seq, refused_since=no.since)


def _after_yes(standing: Standing | None, event: Happening, fresh: Standing, *, confirmed: bool) -> Standing | None:
    if event.undated and standing is not None and (standing.state not in _UNANSWERED or standing.unlifted()):
        return standing  # it may be older than whatever was decided since
    if standing is not None and not event.live:
        refused = standing.state in REFUSING
        if event.said_at < standing.since or (refused and event.said_at == standing.since):
            return standing
        child = standing.of_age_at is not None and standing.of_age_at > event.said_at
        if child and event.of_age_at is None:
            return standing  # history that knows nothing of a guardian decides nothing for a child
    if event.kind is ConsentEventKind.RENEW and standing is not None and standing.state in REFUSING:
        return standing  # a no is lifted by a new yes, not by renewing the old one
    pending = standing is not None and standing.state is ConsentState.PENDING_CONFIRMATION
    if event.kind is ConsentEventKind.CONFIRM:
        if standing is None or not pending:
            return standing  # there was nothing to confirm
        # A confirmation out of history brings no yes past a notice that was published after that yes.
        seq = event.seq if event.live else standing.seq
        given = standing._replace(state=ConsentState.GIVEN, seq=seq, since=event.counts_at)
        return given._replace(refused_seq=None, refused_since=None)
    if not confirmed:
        return fresh
    if standing is None or not _stands(standing, event):
        return _after_no(standing, fresh._replace(state=ConsentState.PENDING_CONFIRMATION))
    # What was confirmed on the same words and has not ended is renewed; a second give adds nothing to it.
    return fresh if event.kind is ConsentEventKind.RENEW else standing


def _stands(standing: Standing, event: Happening) -> bool:
    """Return whether what was confirmed is in force when *event* happens, on the same notice and the same facts."""
    ends = standing.holds_until()
    in_force = standing.state in IN_FORCE and (ends is None or ends > event.said_at)
    outdated = event.outdated_seq is not None and standing.seq <= event.outdated_seq
    return in_force and not outdated and standing.notice_version == event.notice_version


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One person's standing in one cell, as readers get it.

    Attributes
    ----------
    state:
        ``None`` when the person was never asked.
    seq, since, valid_until, notice_version, of_age_at:
        See :class:`Standing`.
    outdated:
        Whether a major notice was published after the yes.
    linked, linked_until:
        What counts instead while identifiers are linked (most restrictive wins), and until when.
    """

    cell: Cell
    state: ConsentState | None
    seq: int
    since: datetime | None
    valid_until: datetime | None
    notice_version: str | None
    of_age_at: datetime | None = None
    outdated: bool = False
    linked: ConsentState | None = None
    linked_until: datetime | None = None


def state_after(event: ConsentEventKind) -> ConsentState:
    """Return the state that *event* leads to where nothing stands against it."""
    return _AFTER[event]


def state_at(record: ConsentRecord | None, purpose: Purpose, now: datetime) -> ConsentState:
    """Return the state that counts at *now* (UTC): expiry, coming of age and defaults are derived here.

    Purposes that stand on legitimate interest are active until the person objects (GDPR 21).
    """
    state = None if record is None else record.linked or record.state
    if record is None or state is None:
        if purpose.legal_basis is LegalBasis.LEGITIMATE_INTEREST:
            return ConsentState.ACTIVE_BY_DEFAULT
        return ConsentState.UNKNOWN
    if state not in IN_FORCE:
        return state
    until = record.valid_until if record.linked is None else record.linked_until
    if until is not None and until <= now:
        return ConsentState.EXPIRED
    of_age_at = record.of_age_at if record.linked is None else None  # `linked_until` knows of it
    if record.outdated or (of_age_at is not None and of_age_at <= now):
        return ConsentState.NEEDS_RECONSENT
    return state


def is_in_force(state: ConsentState) -> bool:
    """Return whether data may be used in *state*."""
    return state in IN_FORCE or state is ConsentState.ACTIVE_BY_DEFAULT
