"""Made-up consent histories: given, refused, withdrawn, expired, never asked.

Each purpose has its own share of people with consent in force, and each data category of a purpose with
several cells too: some allow recommendations from what they bought, but not from what they looked at.
People are consistent: who trusts the shop with one use tends to trust it with others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell

IN_FORCE_SHARES: Mapping[str, float] = {
    "recommendation": 0.86,
    "micro_segmentation": 0.76,
    "lifecycle_email": 0.80,
    "realtime_web": 0.74,
    "targeted_advertising": 0.67,
    "personalised_video": 0.72,
    "social_advertising": 0.64,
    "churn_prediction": 0.78,
    "emotion_analysis": 0.61,
    "ab_measurement": 0.85,
}
"""Share of people whose consent is in force, by purpose; with several cells, in at least one of them."""

CATEGORY_SHARES: Mapping[str, float] = {"purchase": 0.98, "profile": 0.94, "behaviour": 0.86, "intent": 0.80}
"""Share of a purpose's people in force who agree to a data category too. The rarer, the stricter: who allows
``intent`` allows all the others."""

LEGITIMATE_INTEREST: frozenset[str] = frozenset({"ab_measurement"})
"""Purposes active by default: most people have no event, some objected (GDPR 21)."""

_DEFAULT_SHARE = 0.75
_NEVER_ASKED, _REFUSED, _WITHDRAWN, _EXPIRED = 0.32, 0.30, 0.23, 0.15  # of those without consent in force
_TRUST = 0.6  # how much of a decision is the person's, and not the purpose's
_METHODS = ("web_form", "call_centre", "paper", "api")
_METHOD_SHARES = (0.78, 0.09, 0.08, 0.05)
_FIRST_DAY = datetime(2010, 12, 1, tzinfo=UTC)
_DAYS = 372


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """Something that a person decided, as an import hands it to the ledger.

    Attributes
    ----------
    customer_id:
        Whose decision.
    purpose, cells:
        What it is about.
    kind:
        ``give``, ``refuse``, ``withdraw`` or ``object``.
    method:
        How it came in: ``web_form``, ``call_centre``, ``paper``, ``api``, ``signal``.
    occurred_at:
        When, in UTC; between the first and the last day of the order lines.
    valid_until:
        When a yes ends, or ``None`` when it does not. Years ahead, or in 2011 and 2012 for what has expired.
    notice_version:
        Which notice was shown.
    """

    customer_id: int
    purpose: str
    cells: tuple[Cell, ...]
    kind: ConsentEventKind
    method: str
    occurred_at: datetime
    valid_until: datetime | None
    notice_version: str


def consent_history(
    customer_ids: Sequence[int] | NDArray[np.int64],
    *,
    seed: int,
    cells_by_purpose: Mapping[str, tuple[Cell, ...]],
    notice_version: str = "1",
    legitimate_interest: Collection[str] = LEGITIMATE_INTEREST,
) -> list[HistoryEvent]:
    """Return everybody's decisions, ascending by time.

    Parameters
    ----------
    customer_ids:
        Whose; each once.
    seed:
        The same seed and ids give the same events, whatever the order of the ids and of the purposes.
    cells_by_purpose:
        The purposes that people are asked about, each with all its cells.
    notice_version:
        Version of the notice that was in force.
    legitimate_interest:
        Purposes that are active until somebody objects.
    """
    ids = np.sort(np.asarray(customer_ids, dtype=np.int64))
    trust = np.random.default_rng([seed, 10]).standard_normal(len(ids))
    events: list[HistoryEvent] = []
    for purpose in sorted(cells_by_purpose):
        # A purpose draws from a stream of its own name: another purpose more changes nobody's decisions.
        rng = np.random.default_rng([seed, 11, *purpose.encode()])
        cells = tuple(cells_by_purpose[purpose])
        if purpose in legitimate_interest:
            events.extend(_objections(rng, ids, trust, purpose, cells, notice_version))
        else:
            events.extend(_decisions(rng, ids, trust, purpose, cells, notice_version))
    events.sort(key=lambda event: event.occurred_at)
    return events


def _ranks(rng: np.random.Generator, trust: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each person how ready he or she is to agree, uniform in (0, 1); small is ready."""
    mood = _TRUST * trust + np.sqrt(1 - _TRUST**2) * rng.standard_normal(len(trust))
    normal = NormalDist()
    return np.array([normal.cdf(-value) for value in mood])


def _objections(
    rng: np.random.Generator,
    ids: NDArray[np.int64],
    trust: NDArray[np.float64],
    purpose: str,
    cells: tuple[Cell, ...],
    notice: str,
) -> Iterator[HistoryEvent]:
    objecting = np.flatnonzero(_ranks(rng, trust) > IN_FORCE_SHARES.get(purpose, _DEFAULT_SHARE))
    moments = _moments(rng, len(objecting))
    signals = rng.random(len(objecting)) < 0.4  # a browser may object by itself
    for person, moment, signal in zip(ids[objecting].tolist(), moments, signals.tolist(), strict=True):
        method = "signal" if signal else "web_form"
        yield HistoryEvent(person, purpose, cells, ConsentEventKind.OBJECT, method, moment, None, notice)


def _decisions(
    rng: np.random.Generator,
    ids: NDArray[np.int64],
    trust: NDArray[np.float64],
    purpose: str,
    cells: tuple[Cell, ...],
    notice: str,
) -> Iterator[HistoryEvent]:
    share, count = IN_FORCE_SHARES.get(purpose, _DEFAULT_SHARE), len(ids)
    ranks = _ranks(rng, trust)
    bounds = share + (1 - share) * np.cumsum([_EXPIRED, _WITHDRAWN, _NEVER_ASKED])
    # 0 in force, 1 expired, 2 withdrawn, 3 never asked, 4 refused
    outcomes = np.searchsorted(np.concatenate([[share], bounds]), ranks).tolist()
    strictness = rng.random(count).tolist()
    methods = rng.choice(len(_METHODS), count, p=_METHOD_SHARES).tolist()
    moments = _moments(rng, count)
    later, chances = rng.random(count).tolist(), rng.random((count, 2)).tolist()
    years, months = rng.integers(0, 3, count).tolist(), rng.integers(1, 13, count).tolist()
    wanted = [CATEGORY_SHARES.get(cell.rpartition("=")[2], 1.0) if len(cells) > 1 else 1.0 for cell in cells]
    limit = max(wanted)  # who is in force agrees to one cell at least
    for at, person in enumerate(ids.tolist()):
        outcome, method, moment = outcomes[at], _METHODS[methods[at]], moments[at]
        if outcome == 3:
            continue

        def event(
            about: tuple[Cell, ...],
            kind: ConsentEventKind,
            when: datetime,
            until: datetime | None = None,
            *,
            how: str = method,
            whose: int = person,
        ) -> HistoryEvent:
            return HistoryEvent(whose, purpose, about, kind, how, when, until, notice)

        if outcome == 4:
            yield event(cells, ConsentEventKind.REFUSE, moment)
            continue
        if outcome == 1:
            # Agreed for three months in the shop's own year: over long ago.
            yield event(cells, ConsentEventKind.GIVE, moment, moment + timedelta(days=90))
            continue
        end = _FIRST_DAY + timedelta(days=_DAYS)
        # Withdrawing is done on the preference page or by a call, some time after giving.
        taken_back = moment + (end - moment) * later[at]
        how = "call_centre" if chances[at][1] < 0.2 else "web_form"
        if outcome == 2:
            yield event(cells, ConsentEventKind.GIVE, moment)
            yield event(cells, ConsentEventKind.WITHDRAW, taken_back, how=how)
            continue
        agreed = tuple(
            cell for cell, part in zip(cells, wanted, strict=True) if strictness[at] <= part or part == limit
        )
        others = tuple(cell for cell in cells if cell not in agreed)
        until = datetime(2031 + years[at], months[at], 1, tzinfo=UTC) if chances[at][0] < 0.4 else None
        if others and chances[at][1] < 0.3:
            # Agreed to everything at first, and narrowed it down.
            yield event(cells, ConsentEventKind.GIVE, moment, until)
            yield event(others, ConsentEventKind.WITHDRAW, taken_back, how=how)
            continue
        yield event(agreed, ConsentEventKind.GIVE, moment, until)
        if others and chances[at][1] < 0.6:
            yield event(others, ConsentEventKind.REFUSE, moment)


def _moments(rng: np.random.Generator, count: int) -> list[datetime]:
    seconds = rng.integers(0, _DAYS * 86_400, count).tolist()
    return [_FIRST_DAY + timedelta(seconds=second) for second in seconds]
