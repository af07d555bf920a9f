"""The ordered feed of consent changes: every event to who may see all, one's own purposes to everybody else.

The feed is the ledger's own sequence, read page by page: events are numbered in the order in which they were
committed, so that what was read once has no gap and nothing appears later below it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from sekisho.consents.parts import Parts
from sekisho.consents.watch import Watch
from sekisho.domain.consent import NO, ConsentEventKind
from sekisho.domain.consent_rules import sees_all
from sekisho.domain.record import timestamp
from sekisho.domain.releases import ReleaseRecord, newest_by_release
from sekisho.domain.terms import Requester, SubjectNumber
from sekisho.errors import AccessDenied, ConsentUnavailable, RateLimited
from sekisho.ports import RecordedConsentEvent
from sekisho.ports.feeds import ReleaseIndex

MAX_ITEMS = 1_000
"""Most items of one page."""
MAX_RELEASES = 100
"""Most releases that one event names, the newest; ``releases_left_out`` counts the others."""

MAX_STREAMS = 16
"""Most streams of one requester in one process."""

_SCANNED = 10_000  # events that one page looks through for a reader of few purposes
_GATEWAYS_OWN = frozenset({ConsentEventKind.LINK, ConsentEventKind.UNLINK})
# Retention is looked up where it was promised, in each record; this only bounds the search.
_LOOK_BACK_DAYS = 366


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Part of the feed: its items, and the sequence read up to, which also an empty page moves on."""

    items: list[dict[str, object]] = field(repr=False)
    next_after_seq: int


def may_follow(requester: Requester) -> bool:
    """Return whether *requester* reads the feed: who sees all, and services with a purpose; no auditor."""
    return sees_all(requester) or (bool(requester.purposes) and "auditor" not in requester.roles)


def require_follower(requester: Requester) -> None:
    """Raise ``AccessDenied`` unless *requester* reads the feed."""
    if not may_follow(requester):
        raise AccessDenied("Changes of consent are for services with a purpose and for who collects consent.")


class Feed:
    """Reads the feed for a requester.

    Parameters
    ----------
    parts:
        The ports.
    releases:
        Finds the releases that a person's data were in.
    watch:
        Shared look at the newest sequence; one of its own when left out.
    """

    def __init__(self, parts: Parts, releases: ReleaseIndex, *, watch: Watch | None = None) -> None:
        self._parts = parts
        self._releases = releases
        self.watch = watch if watch is not None else Watch(parts.ledger.last_seq)
        longest = max((p.retention_days or 0 for p in parts.catalogue.purposes.values()), default=0)
        self._streams: Counter[str] = Counter()
        self._look_back = timedelta(days=max(_LOOK_BACK_DAYS, 2 * longest))

    async def page(self, requester: Requester, after_seq: int, limit: int) -> FeedPage:
        """Return up to *limit* items above *after_seq*, in order.

        Who sees all gets every event, without a gap. Another service gets the events of its own purposes,
        about people under the pseudonyms that it receives for each; ``next_after_seq`` goes on past the
        others, so that it comes forward and learns nothing of them but that there were some.

        Raises
        ------
        AccessDenied
            For who does not read the feed.
        ConsentUnavailable
            When the ledger does not answer, has a gap, or has not reached *after_seq*: an older ledger was
            restored, and its next events are not those that follow on what this reader has had.
        """
        require_follower(requester)
        limit = max(1, min(limit, MAX_ITEMS))
        everything = sees_all(requester)
        found: list[RecordedConsentEvent] = []
        position = after_seq
        while len(found) < limit and position - after_seq < _SCANNED:
            asked = limit if everything else MAX_ITEMS
            events = await self._parts.ledger.changes(position, asked)
            if not events:
                break
            for event in events:
                if event.seq != position + 1:
                    raise ConsentUnavailable("The consent ledger has a gap; nothing behind it is told.")
                if everything or _is_for(requester, event) or _reaches(requester, event):
                    found.append(event)
                position = event.seq
                if len(found) == limit:
                    break
            if len(events) < asked:
                break
        if position == after_seq and after_seq > await self._parts.ledger.last_seq():
            raise ConsentUnavailable("The consent ledger has not reached after_seq; an older one was restored.")
        items = await self.items(requester, found, identified=everything)
        if not everything:
            items += self._reached(requester, found)
            items.sort(key=lambda item: int(str(item["seq"])))
        return FeedPage(items, position)

    def _reached(self, requester: Requester, events: Sequence[RecordedConsentEvent]) -> list[dict[str, object]]:
        """Return what events about others did to people of this requester, because their identifiers are linked.

        A service is told that somebody may or may not be used from here on, not that there is a link.
        """
        items: list[dict[str, object]] = []
        for event in events:
            people: dict[tuple[int, str, bool], list[str]] = {}
            for number, cell, bit in _effects(requester, event):
                people.setdefault((number, cell.partition("/")[0], bool(bit)), []).append(cell)
            for (number, purpose, allowed), cells in people.items():
                told = replace(event, number=SubjectNumber(number), purpose=purpose)
                items.append(
                    {
                        "seq": event.seq,
                        "id": event.id,
                        "data_subject": self._pseudonyms(requester, [told])[0],
                        "purpose": purpose,
                        "cells": cells,
                        "event": "change",
                        "allowed": allowed,
                        "recorded_at": timestamp(event.recorded_at),
                    }
                )
        return items

    async def follow(
        self, requester: Requester, after_seq: int, heartbeat_s: float
    ) -> AsyncGenerator[FeedPage, None]:
        """Yield pages above *after_seq* as events come; an empty one when nothing came for *heartbeat_s* seconds.

        A page is read when the one before it was taken: a reader that is slow holds nothing here, and between
        two pages no connection of the database. Ends when the feed is stopped. Raises as :meth:`page`.
        """
        while not self.watch.stopped:
            page = await self.page(requester, after_seq, MAX_ITEMS)
            if page.items or page.next_after_seq != after_seq:
                after_seq = page.next_after_seq
                yield page
            elif not await self.watch.beyond(after_seq, heartbeat_s):
                yield FeedPage([], after_seq)

    def admit(self, requester: Requester) -> Callable[[], None]:
        """Count a stream of *requester*; return what is to be called when it ends.

        Raises ``RateLimited`` for one too many: streams of one reader must not take the places of all others.
        """
        if self._streams[requester.name] >= MAX_STREAMS:
            raise RateLimited(f"A requester has at most {MAX_STREAMS} streams at once in one process; end one first.")
        self._streams[requester.name] += 1

        def ended() -> None:
            self._streams[requester.name] -= 1

        return ended

    def stop(self) -> None:
        """End every :meth:`follow`."""
        self.watch.stop()

    async def items(
        self, requester: Requester, events: Sequence[RecordedConsentEvent], *, identified: bool
    ) -> list[dict[str, object]]:
        """Return what *requester* reads of *events*: those that it may not see are left out.

        *identified* names people by an identifier of theirs (for who sees all); else by pseudonym.
        """
        if not sees_all(requester):
            identified = False
            events = [event for event in events if _is_for(requester, event)]
        if self._parts.pseudonyms is not None:
            await self._parts.pseudonyms.refresh()
        people = await self._identified(events) if identified else self._pseudonyms(requester, events)
        touched = await self._touched(requester, events)
        items = []
        for event, person in zip(events, people, strict=True):
            item: dict[str, object] = {
                "seq": event.seq,
                "id": event.id,
                "data_subject": person,
                "purpose": event.purpose or None,
                "cells": list(event.cells),
                "event": event.kind.value,
                "recorded_at": timestamp(event.recorded_at),
            }
            if (scope := self._scope(event)) is not None:
                item["scope"] = scope
            if event.kind in NO:
                releases = touched.get(event.seq, [])
                item["releases"] = [_release(release) for release in releases[:MAX_RELEASES]]
                if len(releases) > MAX_RELEASES:
                    item["releases_left_out"] = len(releases) - MAX_RELEASES
            items.append(item)
        return items

    def _scope(self, event: RecordedConsentEvent) -> dict[str, str] | None:
        """Return the scope of an event about one cell of several, else ``None``: ``cells`` says it all."""
        purpose = self._parts.catalogue.purposes.get(event.purpose)
        if len(event.cells) != 1 or (purpose is not None and event.cells == purpose.all_cells()):
            return None
        dimension, equals, value = event.cells[0].partition("/")[2].partition("=")
        return {dimension: value} if equals else None

    async def _identified(self, events: Sequence[RecordedConsentEvent]) -> list[str | None]:
        numbers = sorted({event.number for event in events if event.number})
        found = await self._parts.people.identifiers_of_many(numbers)
        first = {n: f"{refs[0].identifier}:{refs[0].value}" for n, refs in found.items() if refs}
        return [first.get(event.number) for event in events]  # none: forgotten, or about everybody

    def _pseudonyms(self, requester: Requester, events: Sequence[RecordedConsentEvent]) -> list[str | None]:
        names: list[str | None] = [None] * len(events)
        if self._parts.pseudonyms is None:
            return names
        purposes: dict[str, list[int]] = {}
        for place, event in enumerate(events):
            if event.number and event.purpose:  # a link or an unlink is for no purpose
                purposes.setdefault(event.purpose, []).append(place)
        for purpose, places in purposes.items():
            numbers = np.array([events[place].number for place in places], np.int64)
            named = self._parts.pseudonyms.pseudonyms_of(requester, purpose, numbers)
            for place, name in zip(places, named, strict=True):
                names[place] = f"pseudonym:{name}"
        return names

    async def _touched(
        self, requester: Requester, events: Sequence[RecordedConsentEvent]
    ) -> dict[int, list[ReleaseRecord]]:
        """Return the releases that each no of *events* reaches back to, newest first, by its sequence."""
        refusals = [event for event in events if event.kind in NO and event.number]
        if not refusals:
            return {}
        now = self._parts.clock.now()
        references = {number: self._parts.reference(number) for number in {event.number for event in refusals}}
        found = await self._releases.releases_of(
            references.values(),
            since=now - self._look_back,
            requester=None if sees_all(requester) else requester.name,
        )
        return {
            event.seq: newest_by_release(
                record
                for record in found.get(references[event.number], ())
                if record.touched_by(event.purpose, event.cells, event.seq, event.recorded_at, now)
            )
            for event in refusals
        }


def _is_for(requester: Requester, event: RecordedConsentEvent) -> bool:
    """Return whether a service that does not see all may read *event*."""
    return event.purpose in requester.purposes and event.kind not in _GATEWAYS_OWN


def _effects(requester: Requester, event: RecordedConsentEvent) -> list[tuple[int, str, int]]:
    """Return what *event* did to people other than its own, for purposes of *requester*: number, cell, 1 or 0."""
    text = event.kept.get("effects")
    if not isinstance(text, str):
        return []
    return [
        (number, cell, bit)
        for number, cell, bit, _ in json.loads(text)
        if cell.partition("/")[0] in requester.purposes and (number != event.number or event.kind in _GATEWAYS_OWN)
    ]


def _reaches(requester: Requester, event: RecordedConsentEvent) -> bool:
    return bool(_effects(requester, event))


def _release(record: ReleaseRecord) -> dict[str, object]:
    return {
        "release_id": record.release_id,
        "requester": record.requester,
        "purpose": record.purpose,
        "released_at": timestamp(record.released_at),
        "keep_until": timestamp(record.keep_until),
    }
