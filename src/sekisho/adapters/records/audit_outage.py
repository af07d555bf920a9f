"""What the audit log could not record while it was away, and the record that says so once it is back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sekisho.domain.record import timestamp
from sekisho.ports import Clock


@dataclass(slots=True)
class _Outage:
    since: datetime
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Gap:
    """An outage as a gap record tells it: from when until when, and how many records of each kind."""

    since: datetime
    until: datetime
    refused: Counter[str]

    def fields(self) -> dict[str, object]:
        """Return what the record says."""
        return {
            "since": timestamp(self.since), "until": timestamp(self.until), "refused": dict(self.refused),
        }  # fmt: skip


class Outages:
    """Counts what the log refuses; from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._outage: _Outage | None = None

    def refuse(self, kinds: Iterable[str]) -> None:
        """Count records of these *kinds* that were refused; from the first on the log is away."""
        with self._lock:
            if self._outage is None:
                self._outage = _Outage(self._clock.now())
            self._outage.refused.update(kinds)

    def gap(self) -> Gap | None:
        """Return what the log could not record so far, or ``None`` when there is nothing to say."""
        with self._lock:
            if self._outage is None:
                return None
            return Gap(self._outage.since, self._clock.now(), Counter(self._outage.refused))

    def told(self, gap: Gap) -> None:
        """Forget what the record of *gap* says; what was refused meanwhile begins a new outage."""
        with self._lock:
            if self._outage is not None:
                later = self._outage.refused - gap.refused
                self._outage = _Outage(gap.until, later) if later else None
