"""What a scan keeps of a column, how its review moves, and which class follows: pure rules.

Nothing here holds a value. Of the values that a scan saw there remain counts, shares, and one keyed hash.

A column that nobody governs yet (``class: unreviewed`` in ``sekisho.yaml``) has the most restricted class until a
review says another. A class that stands in ``sekisho.yaml`` is a floor: a review may restrict the column further,
and never open it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from sekisho.domain.classification import Proposal, ReviewState
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset

RESTRICTED = ColumnClass.DIRECT_IDENTIFIER
"""The class of what nobody has reviewed: without a category no purpose sees it, and no expression runs on it."""

STEADY = 0.1
"""Points by which the rate of values that match may move."""
SHIFTED = 0.25
"""Population stability index from which a distribution counts as another."""
SURE = 0.5
"""Confidence from which a proposal speaks against the declared class."""

_ENOUGH = 50  # values on both sides, below which a distribution says little
_LEAST_SHARE = 0.005  # an empty bucket counts as this much, so that no index is infinite
_RANKS = {
    ColumnClass.NONE: 0,
    ColumnClass.QUASI_IDENTIFIER: 1,
    ColumnClass.FREE_TEXT: 2,
    ColumnClass.LINKING_IDENTIFIER: 3,
    ColumnClass.SENSITIVE: 4,
    ColumnClass.DIRECT_IDENTIFIER: 5,
}


class Decision(StrEnum):
    """What a reviewer says of a proposal."""

    CONFIRM = "confirm"
    REJECT = "reject"
    OVERRIDE = "override"


class Drift(StrEnum):
    """Why a column has to be looked at (again)."""

    NEW_COLUMN = "new_column"
    NEW_FIELD = "new_field"  # inside a nested value
    TYPE = "type_changed"
    MATCH_RATE = "match_rate_moved"
    CHARSET = "charset_moved"
    LENGTH = "length_moved"
    KIND = "kind_changed"
    RULES = "rules_changed"
    STRICTER = "stricter_than_declared"


@dataclass(frozen=True, slots=True, order=True)
class ColumnPlace:
    """Where a column stands: store, table (or file pattern) and name; the name is a path inside nested values."""

    store: str
    relation: str
    name: str

    @property
    def top(self) -> str:
        """Name of the column that the path begins with."""
        return top_of(self.name)


def top_of(path: str) -> str:
    """Return the column that a path inside nested values begins with."""
    return path.split(".", 1)[0].removesuffix("[]")


@dataclass(frozen=True, slots=True)
class Profile:
    """What is kept of a sample.

    Attributes
    ----------
    type:
        The store's word for the type.
    rows, nulls, distinct:
        Rows sampled, nulls and distinct values among them.
    match_rate:
        Share of the distinct values that are of the proposed kind.
    charset, lengths:
        Shares of characters by script, and of values by length.
    signature:
        Keyed hash of the sample: tells that it was the same, and nothing else.
    rules:
        Version of the rules that judged it.
    """

    type: str
    rows: int = 0
    nulls: int = 0
    distinct: int = 0
    match_rate: float = 0.0
    charset: Mapping[str, float] = field(default_factory=dict)
    lengths: Mapping[str, float] = field(default_factory=dict)
    signature: str = ""
    rules: str = ""


@dataclass(frozen=True, slots=True)
class Scanned:
    """One column as a scan found it; without *proposal* its values could not be read."""

    place: ColumnPlace
    dataset: str | None
    declared: ColumnClass | None  # None: sekisho.yaml leaves it to the review, or does not have it
    governed: bool  # whether sekisho.yaml has it: what it has not, nobody can ask for
    profile: Profile
    proposal: Proposal | None
    comment: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Review:
    """What somebody decided about a column; *column_class* is what follows."""

    decision: Decision
    column_class: ColumnClass
    category: str | None
    by: str
    at: datetime
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """One column as the gateway knows it.

    ``baseline`` is what the last review saw, or the first scan: drift is measured from there, so that many small
    steps add up.
    """

    id: str
    scanned: Scanned
    state: ReviewState
    drift: tuple[Drift, ...]
    baseline: Profile
    reviewed_proposal: Proposal | None
    review: Review | None
    scanned_at: datetime

    @property
    def raised(self) -> bool:
        """Whether it seems to need a stricter class than it is declared with."""
        return Drift.STRICTER in self.drift


def is_stricter(one: ColumnClass, other: ColumnClass) -> bool:
    """Return whether *one* forbids something that *other* allows.

    A sensitive column and a direct identifier each forbid something that the other allows (ADR 38).
    """
    if {one, other} == {ColumnClass.SENSITIVE, ColumnClass.DIRECT_IDENTIFIER}:
        return True
    return _RANKS[one] > _RANKS[other]


def strictest(classes: Iterable[ColumnClass]) -> ColumnClass:
    """Return the class that forbids most."""
    return max(classes, key=_RANKS.__getitem__)


def stability_index(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Return the population stability index between two distributions given as shares."""
    total = 0.0
    for bucket in before.keys() | after.keys():
        was, now = max(before.get(bucket, 0.0), _LEAST_SHARE), max(after.get(bucket, 0.0), _LEAST_SHARE)
        total += (now - was) * math.log(now / was)
    return total


def drift_between(
    before: Profile, after: Profile, was: Proposal | None = None, now: Proposal | None = None
) -> tuple[Drift, ...]:
    """Return in what *after* differs from *before*, and what it is taken for (*now*) from what it *was*."""
    found = []
    other = was is not None and now is not None and (was.kind, was.column_class) != (now.kind, now.column_class)
    if after.type != before.type:
        found.append(Drift.TYPE)
    if before.signature and before.signature == after.signature and before.rules == after.rules:
        return tuple(found)  # the very same values
    if before.rules != after.rules:
        # Only what the new rules see otherwise: else every release would close every column.
        if other:
            found.append(Drift.RULES)
    elif other:
        found.append(Drift.KIND)
    if before.distinct and after.distinct:
        if before.rules == after.rules and not other and abs(after.match_rate - before.match_rate) > STEADY + 1e-9:
            found.append(Drift.MATCH_RATE)
        if min(before.distinct, after.distinct) >= _ENOUGH:
            if stability_index(before.charset, after.charset) > SHIFTED:
                found.append(Drift.CHARSET)
            if stability_index(before.lengths, after.lengths) > SHIFTED:
                found.append(Drift.LENGTH)
    elif after.distinct and Drift.KIND not in found:
        found.append(Drift.KIND)  # nobody has seen a value of it
    return tuple(found)


def after_scan(
    known: KnownColumn | None, column_id: str, found: Scanned, at: datetime, *, table_known: bool
) -> KnownColumn:
    """Return how the column stands after a scan found it.

    Parameters
    ----------
    known:
        How it stood before, ``None`` when it was never seen.
    column_id:
        Its id where it is new.
    found:
        What the scan found.
    at:
        When.
    table_known:
        Whether its table (or, of a path, its column) was scanned before: then a new one is drift.
    """
    raised = (Drift.STRICTER,) if _speaks_against(found) else ()
    if known is None:
        nested = found.place.name != found.place.top
        new = ((Drift.NEW_FIELD if nested else Drift.NEW_COLUMN),) if table_known else ()
        state = ReviewState.STALE if raised else ReviewState.PROPOSED
        return KnownColumn(column_id, found, state, new + raised, found.profile, None, None, at)
    if known.review is None:
        kept = tuple(reason for reason in known.drift if reason in {Drift.NEW_COLUMN, Drift.NEW_FIELD})
        moved = drift_between(known.scanned.profile, found.profile, known.scanned.proposal, found.proposal)
        state = ReviewState.STALE if raised else ReviewState.PROPOSED
        return replace(
            known,
            scanned=found,
            state=state,
            drift=_once(kept + moved + raised),
            baseline=found.profile,
            scanned_at=at,
        )
    moved = drift_between(known.baseline, found.profile, known.reviewed_proposal, found.proposal)
    if not moved or (known.reviewed_proposal is not None and found.proposal == known.reviewed_proposal):
        raised = ()  # the reviewer saw this proposal
    reasons = _once((known.drift if known.state is ReviewState.STALE else ()) + moved + raised)
    state = ReviewState.STALE if reasons else known.state
    return replace(known, scanned=found, state=state, drift=reasons, scanned_at=at)


def after_review(known: KnownColumn, review: Review) -> KnownColumn:
    """Return how the column stands after *review*: drift is measured anew from what is known now."""
    states = {
        Decision.CONFIRM: ReviewState.CONFIRMED,
        Decision.REJECT: ReviewState.REJECTED,
        Decision.OVERRIDE: ReviewState.OVERRIDDEN,
    }
    return replace(
        known,
        state=states[review.decision],
        drift=(),
        baseline=known.scanned.profile,
        reviewed_proposal=known.scanned.proposal,
        review=review,
    )


def after_new_field(known: KnownColumn) -> KnownColumn:
    """Return how a column stands in whose nested values a field was found that no review has seen."""
    if known.review is None:
        return known
    return replace(known, state=ReviewState.STALE, drift=_once((*known.drift, Drift.NEW_FIELD)))


def in_force(dataset: Dataset, known: Mapping[str, KnownColumn], *, enforce: bool) -> Dataset:
    """Return *dataset* as reviews leave it; *known* are its columns and paths by name.

    With *enforce* what a scan found to need a stricter class is restricted until somebody has looked at it.
    """
    paths: dict[str, list[KnownColumn]] = {}
    for name, column in known.items():
        paths.setdefault(top_of(name), []).append(column)
    key = None if dataset.data_subject is None else dataset.data_subject.column
    columns = tuple(
        column
        if column.name == key
        else _column_in_force(dataset, column, paths.get(column.name, ()), enforce=enforce)
        for column in dataset.columns
    )
    return dataset if columns == dataset.columns else replace(dataset, columns=columns)


def _column_in_force(dataset: Dataset, declared: Column, known: Iterable[KnownColumn], *, enforce: bool) -> Column:
    found = list(known)
    reviews = {each.scanned.place.name: each.review for each in found if each.review is not None}
    if declared.unreviewed:
        top = reviews.get(declared.name)
        if top is None or any(each.state is ReviewState.STALE for each in found):
            return declared  # what has drifted since is as if nobody had reviewed it
        # Who confirms what the whole seems to be says nothing of fields inside that nobody has looked at.
        confirmed = top.decision is Decision.CONFIRM
        below = [each.scanned.proposal for each in found if each.review is None and confirmed]
        if any(proposal is None for proposal in below):
            return declared
        classes = [review.column_class for review in reviews.values()]
        classes += [proposal.column_class for proposal in below if proposal is not None]
        column_class = strictest(classes)
        return _as_class(dataset, declared, column_class, top.category if column_class is top.column_class else None)
    if enforce and any(each.raised for each in found):
        return _as_class(dataset, declared, RESTRICTED, None)
    # A review that has gone stale goes on restricting: it never opened anything here.
    classes = [review.column_class for review in reviews.values()]
    stricter = [each for each in classes if is_stricter(each, declared.column_class)]
    if not stricter:
        return declared
    return _as_class(dataset, declared, strictest([declared.column_class, *stricter]), None)


def _as_class(dataset: Dataset, declared: Column, column_class: ColumnClass, category: str | None) -> Column:
    """Return the column under another class, with what that class needs to be safe."""
    generalise = domain = None
    if column_class is ColumnClass.QUASI_IDENTIFIER:
        generalise = declared.generalise or _generalisation(declared.type, category)
        if generalise is None:  # it would be shown as it is
            column_class, category = RESTRICTED, None
    elif column_class is ColumnClass.LINKING_IDENTIFIER:
        domain = declared.domain or f"{dataset.name.replace('.', '_')}_{declared.name}"[:63]
    return replace(
        declared,
        column_class=column_class,
        category=category,
        generalise=generalise,
        domain=domain,
        # A mask belongs to the class that it was declared with: under a stricter one it may show too much.
        mask=declared.mask if column_class is declared.column_class else None,
        unreviewed=False,
    )


def _generalisation(kind: ColumnType, category: str | None) -> str | None:
    if kind in {ColumnType.DATE, ColumnType.TIMESTAMP}:
        return "year"
    return "prefix3" if category == "postal_code" and kind is ColumnType.STRING else None


def _speaks_against(found: Scanned) -> bool:
    proposal = found.proposal
    if proposal is None or found.declared is None or proposal.confidence < SURE:
        return False
    return is_stricter(proposal.column_class, found.declared)


def _once(reasons: Iterable[Drift]) -> tuple[Drift, ...]:
    return tuple(dict.fromkeys(reasons))
