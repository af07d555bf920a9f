"""What the steps of answers take, and what share of it is governance.

Times are those of real runs, kept by requester: nobody is told of what others asked. What a requester is told is a
rounded share, over several runs of its own; it could take the times of those itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """The steps of one answer, as ``gateway.py`` numbers them."""

    PARSE = "parse"  # (2)
    DECIDE = "decide"  # (3)
    CONSENT = "consent"  # (4)
    PLAN = "plan"  # (5)
    FETCH = "fetch"  # (6)
    TRANSFORM = "transform"  # (7)
    RECHECK = "recheck"  # (8)
    RECORD = "record"  # (8)


GOVERNANCE = frozenset(Step) - {Step.PARSE, Step.FETCH}
"""The steps that an answer without governance would not take."""

_REMEMBERED = 2_048
_WEIGHT = 0.2  # of the newest run, once there are so many
_TELLING = 0.05  # shares are told in steps of so much
_QUICK_S = 0.05


class Laps:
    """The seconds of one answer's steps: each lap ends a step and starts the next, so that nothing counts twice."""

    __slots__ = ("_at", "_clock", "seconds")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self.seconds: dict[Step, float] = {}

    def lap(self, step: Step) -> None:
        """Count what passed since the last lap as *step*."""
        now = self._clock()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._at
        self._at = now

    def resume(self) -> None:
        """Start anew after a time that was the reader's."""
        self._at = self._clock()


_STEPS = tuple(Step)


@dataclass(slots=True)
class _Average:
    """Moving averages of one statement: plain at first, then with more weight on what is new."""

    runs: int = 0
    seconds: Mapping[Step, float] | None = None

    def take(self, seconds: Mapping[Step, float]) -> None:
        self.runs += 1
        weight = max(_WEIGHT, 1 / self.runs)
        held = self.seconds or {}
        self.seconds = {
            step: held.get(step, 0.0) + weight * (seconds.get(step, 0.0) - held.get(step, 0.0)) for step in _STEPS
        }


Key = tuple[str, str, str]
"""Requester, purpose, and the fingerprint of a governed statement (its literals are hidden in it)."""


class Costs:
    """What complete answers took in this process, by requester, purpose and statement."""

    def __init__(self) -> None:
        self._known: OrderedDict[Key, _Average] = OrderedDict()
        self._watcher: Callable[[Step, float], None] | None = None

    def watch(self, watcher: Callable[[Step, float], None]) -> None:
        """Tell *watcher* the seconds of each step of each complete answer."""
        self._watcher = watcher

    def take(self, key: Key, laps: Laps) -> None:
        """Take over what a complete answer took."""
        average = self._known.get(key)
        if average is None:
            average = self._known[key] = _Average()
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        average.take(laps.seconds)
        if self._watcher is not None:
            for step, seconds in laps.seconds.items():
                self._watcher(step, seconds)

    def quick(self, key: Key) -> bool:
        """Return whether the store was quick to answer the statement lately: to ask it twice costs little."""
        average = self._known.get(key)
        return average is not None and average.seconds is not None and average.seconds[Step.FETCH] <= _QUICK_S

    def of(self, key: Key) -> dict[str, object] | None:
        """Return the rounded shares of the time of answers; ``None`` when there was none.

        ``store`` is the share spent on waiting for the stores, ``governance`` that of decision, consent, plan,
        transforms, recheck and record. What a store spends on the people tables is the store's.
        """
        average = self._known.get(key)
        if average is None or average.seconds is None:
            return None
        whole = sum(average.seconds.values()) or 1.0
        steps = {step.value: _told(seconds / whole) for step, seconds in average.seconds.items()}
        governance = sum(average.seconds[step] for step in GOVERNANCE)
        return {
            "governance": _told(governance / whole),
            "store": _told(average.seconds[Step.FETCH] / whole),
            "steps": steps,
            "runs": average.runs,
        }


def _told(share: float) -> float:
    return round(round(share / _TELLING) * _TELLING, 2)
