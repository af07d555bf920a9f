"""Our ledger and other designs of a consent store under the same load in one run: how fast, and how right.

Everybody takes decisions of the same people from 64 writers at once, on the same server, each commit on disk. Writers
share no person, so that it is known what each person said last, and what at any moment between. In turns, so that all
meet the same noise of the machine.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import numpy as np

from sekisho.adapters.clock import SystemClock
from sekisho.bootstrap import open_workspace
from sekisho.domain.consent import ConsentEventKind, ConsentState
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.ports import ConsentEventInput, ConsentLedger
from tests.benchmarks.consent.place import CUSTOMERS, Place, place, registered
from tests.benchmarks.consent.rows import Row, Tell
from tests.benchmarks.peers import Peer, peers

WRITERS = 64
_EACH = 50  # people of each writer
_TURNS = 3
_SECONDS = 4.0  # of each turn
_PAIRS = 1_000  # decisions that are handed in twice at the same time
_PURPOSE = "micro_segmentation"
_FIRST = CUSTOMERS + 1
_PEOPLE = range(_FIRST, _FIRST + WRITERS * _EACH)
_TWICE = range(_PEOPLE.stop, _PEOPLE.stop + _PAIRS)
_AT_ONCE = 16  # pairs
_NEAR = timedelta(milliseconds=2)  # some keep whole milliseconds
_CLOCK = SystemClock()


class Said(NamedTuple):
    """One decision that was acknowledged."""

    person: int
    begun: datetime
    done: datetime
    yes: bool


class Design(Protocol):
    """What is measured of each of them."""

    name: str

    async def load(self, turn: int) -> list[Said]:
        """Take decisions from 64 writers for some seconds; return what was acknowledged."""

    async def agreeing(self, people: Sequence[int]) -> set[int]:
        """Return who of *people* agrees now."""

    async def agreeing_at(self, people: Sequence[int], at: datetime) -> set[int] | None:
        """Return who of *people* agreed at *at*, or ``None`` when that cannot be asked."""

    async def twice(self) -> tuple[int, int]:
        """Hand in first decisions twice at the same time; return how many were kept twice, and how many refused."""

    async def notes(self, people: Sequence[int]) -> list[str]:
        """Return what else is to be said."""


class Ours:
    """The ledger at its port, as a design among others."""

    name = "Sekisho's ledger at its port"

    def __init__(self, ledger: ConsentLedger) -> None:
        self._ledger = ledger

    async def load(self, turn: int) -> list[Said]:
        """See :class:`Design`; writers are tasks of one event loop."""
        log: list[Said] = []
        end = time.monotonic() + _SECONDS

        async def write(writer: int) -> None:
            for person, yes in _decisions(writer, turn):
                if time.monotonic() >= end:
                    return
                begun = _CLOCK.now()
                await self._decide(person, yes=yes)
                log.append(Said(person, begun, _CLOCK.now(), yes))

        await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
        return log

    async def agreeing(self, people: Sequence[int]) -> set[int]:
        """See :class:`Design`."""
        view = await self._ledger.view((Cell(_PURPOSE),))
        allowed = view.allowed(np.array(people, np.int64))
        return {person for person, yes in zip(people, allowed.tolist(), strict=True) if yes}

    async def agreeing_at(self, people: Sequence[int], at: datetime) -> set[int]:
        """See :class:`Design`; by what was known at *at*, too."""
        numbers = [SubjectNumber(person) for person in people]
        _, records = await self._ledger.records_at(numbers, valid_at=at, known_at=at)
        held = [record.get(Cell(_PURPOSE)) for record in records]
        return {n for n, one in zip(people, held, strict=True) if one is not None and one.state is ConsentState.GIVEN}

    async def twice(self) -> tuple[int, int]:
        """See :class:`Design`."""
        for low in range(_TWICE.start, _TWICE.stop, _AT_ONCE):
            people = range(low, min(low + _AT_ONCE, _TWICE.stop))
            await asyncio.gather(*(self._decide(person, yes=True) for person in people for _ in "12"))
        return sum([len(await self._ledger.history(SubjectNumber(person))) > 1 for person in _TWICE]), 0

    async def notes(self, people: Sequence[int]) -> list[str]:
        """See :class:`Design`."""
        return ["a second delivery is an event of the same state; over HTTP an Idempotency-Key holds it back"]

    async def _decide(self, person: int, *, yes: bool) -> None:
        kind = ConsentEventKind.GIVE if yes else ConsentEventKind.WITHDRAW
        await self._ledger.record(
            [ConsentEventInput(SubjectNumber(person), _PURPOSE, (Cell(_PURPOSE),), kind, "web_form", "data_subject")]
        )


class Theirs:
    """Another design; its writers are threads with a connection each."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.name = peer.name

    async def load(self, turn: int) -> list[Said]:
        """See :class:`Design`."""
        return await asyncio.to_thread(self._load, turn)

    async def agreeing(self, people: Sequence[int]) -> set[int]:
        """See :class:`Design`."""
        return self._peer.agreeing(people)

    async def agreeing_at(self, people: Sequence[int], at: datetime) -> set[int] | None:
        """See :class:`Design`."""
        return self._peer.agreeing_at(people, at)

    async def twice(self) -> tuple[int, int]:
        """See :class:`Design`."""
        return await asyncio.to_thread(self._twice)

    async def notes(self, people: Sequence[int]) -> list[str]:
        """See :class:`Design`."""
        return self._peer.notes(people)

    def _load(self, turn: int) -> list[Said]:
        log: list[Said] = []
        ready = threading.Barrier(WRITERS)

        def write(writer: int) -> None:
            self._peer.agreeing([])  # connects
            ready.wait()
            end = time.monotonic() + _SECONDS
            for person, yes in _decisions(writer, turn):
                if time.monotonic() >= end:
                    return
                begun = _CLOCK.now()
                self._peer.decide(person, begun, yes=yes)
                log.append(Said(person, begun, _CLOCK.now(), yes))

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))
        return log

    def _twice(self) -> tuple[int, int]:
        refused: list[int] = []
        both = [threading.Barrier(2) for _ in range(_AT_ONCE)]
        said_at = _CLOCK.now()

        def write(half: int) -> None:
            pair = half // 2
            self._peer.agreeing([])
            for person in _TWICE[pair::_AT_ONCE]:
                both[pair].wait()
                try:
                    self._peer.decide(person, said_at, yes=True)
                except RuntimeError:
                    refused.append(person)

        with ThreadPoolExecutor(2 * _AT_ONCE) as pool:
            list(pool.map(write, range(2 * _AT_ONCE)))
        return sum(self._peer.kept(person) > 1 for person in _TWICE), len(refused)


def measure(tell: Tell, *, keep: bool) -> None:
    """Measure ours and the others in turns, then ask everybody who agreed."""
    with place("beside", _people, keep=keep) as made:
        asyncio.run(_measure(made, tell))


def _people(made: Place) -> None:
    registered(made, _TWICE.stop - _FIRST)


async def _measure(made: Place, tell: Tell) -> None:
    async with open_workspace(made.folder) as workspace:
        designs: list[Design] = [Ours(workspace.ledger), *(Theirs(peer) for peer in peers(made.url))]
        turns: dict[str, list[list[Said]]] = {design.name: [] for design in designs}
        for turn in range(_TURNS):
            for design in designs:
                turns[design.name].append(await design.load(turn))
        for design in designs:
            for row in await _rows(design, turns[design.name]):
                tell(row)


async def _rows(design: Design, turns: list[list[Said]]) -> list[Row]:
    """Return what was found of *design*: its speed, and what it gets wrong."""
    rates = [len(log) / (max(said.done for said in log) - log[0].begun).total_seconds() for log in turns]
    said, people = [said for log in turns for said in log], list(_PEOPLE)
    at = turns[-1][len(turns[-1]) // 2].done
    last, then = _settled(said, None), _settled(said, at)
    now, past = await design.agreeing(people), await design.agreeing_at(list(then), at)
    notes = await design.notes(people)
    kept, refused = await design.twice()
    speed = f"{statistics.median(rates):,.0f} /s ({min(rates):,.0f} to {max(rates):,.0f})"
    once = f"{kept:,} of {_PAIRS:,} kept twice" + (f", {refused:,} refused" if refused else "")
    return [
        Row(f"{design.name}: decisions, {WRITERS} writers", speed),
        Row("  who agrees now", _wrong(now, last)),
        Row("  who agreed at a moment before", "cannot be asked" if past is None else _wrong(past, then)),
        Row("  a first decision handed in twice at once", once),
        *(Row("  note", note) for note in notes),
    ]


def _wrong(found: set[int], right: dict[int, bool]) -> str:
    wrong = sum((person in found) != yes for person, yes in right.items())
    return f"wrong for {wrong:,} of {len(right):,}"


def _settled(log: Sequence[Said], at: datetime | None) -> dict[int, bool]:
    """Return what each person had said last at *at*; who was saying something just then is left out."""
    found: dict[int, bool] = {}
    unclear: set[int] = set()
    for said in sorted(log, key=lambda said: said.done):
        if at is None or said.done <= at:
            found[said.person] = said.yes
        elif said.begun <= at + _NEAR:
            unclear.add(said.person)
    return {person: yes for person, yes in found.items() if person not in unclear}


def _decisions(writer: int, turn: int) -> Iterator[tuple[int, bool]]:
    """Yield person and decision without end, each person in turn: nobody decides twice within a millisecond."""
    chance = random.Random(f"{turn} {writer}")
    for person in itertools.cycle(range(_FIRST + writer * _EACH, _FIRST + (writer + 1) * _EACH)):
        yield person, chance.random() < 0.5
