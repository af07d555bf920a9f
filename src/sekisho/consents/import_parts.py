"""Parts of a file that were checked, kept column by column until they are recorded.

A million lines are checked before the first is recorded. What they say is kept meanwhile, so that no line is read
and checked twice; beyond a bound the file is read again, which costs time and no memory.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.consents.asked_again import AskedAgain
from sekisho.consents.import_events import Checked, Claim, LineReader
from sekisho.consents.import_lines import ImportFormat, Line, lines_of
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import InvalidRequest, SekishoError
from sekisho.ports import Names
from sekisho.ports.imports import ImportedEvent

PART: Final = 5_000
"""Lines in one transaction: whoever withdraws meanwhile waits for no more than these."""

_TOLD: Final = 100  # faults that a report lists
_TURN: Final = 250  # lines after which others have their turn: a thread that computes gives way only after 5 ms
_PAUSE: Final = 0.000_05  # seconds
_KEPT: Final = 64 << 20  # bytes
_UNSAID: Final = -(2**63)
_NO_EVIDENCE: Final[Mapping[str, str]] = {}


@dataclass(slots=True)
class Trial:
    """What checking the lines has shown."""

    lines: int = 0
    fault_count: int = 0
    faults: list[dict[str, object]] = field(default_factory=list)

    def fault(self, line: int, fault: SekishoError) -> None:
        """Take note of what is wrong with *line*."""
        self.fault_count += 1
        if len(self.faults) < _TOLD:
            told: dict[str, object] = {"line": line, "code": fault.code, "detail": fault.detail}
            if fault.reasons:
                told["reasons"] = list(fault.reasons)
            self.faults.append(told)

    def add(self, part: Part) -> None:
        """Take note of what checking *part* has shown."""
        self.lines += part.lines
        self.fault_count += part.faults.fault_count
        self.faults += part.faults.faults[: _TOLD - len(self.faults)]


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines, up to line ``until``, and those of them that may be imported, in order and by column.

    Attributes
    ----------
    until:
        The last line.
    lines:
        How many of them hold an entry.
    faults:
        What is wrong with the others.
    people:
        Kind of identifier to the places of its lines and the identifiers.
    claims, claim_of:
        What the lines say, once each; and which of that each line says.
    occurred_at, valid_until:
        Microseconds since 1970-01-01 UTC, the least number where a line says nothing.
    evidence:
        Of the lines that have any, by place.
    """

    until: int
    lines: int
    faults: Trial
    people: Mapping[str, tuple[NDArray[np.intp], Names]] = field(repr=False)
    claims: Sequence[Claim]
    claim_of: NDArray[np.uint16]
    occurred_at: NDArray[np.int64]
    valid_until: NDArray[np.int64]
    evidence: Mapping[int, Mapping[str, str]] = field(repr=False)

    def __len__(self) -> int:
        """Return how many lines may be imported."""
        return len(self.claim_of)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes, evidence aside."""
        names = sum(values.nbytes if isinstance(values, pa.Array) else 0 for _, values in self.people.values())
        return int(names + self.claim_of.nbytes + self.occurred_at.nbytes + self.valid_until.nbytes)

    def events(self, numbers: NDArray[np.int64]) -> list[ImportedEvent]:
        """Return the events, the people's *numbers* given line by line."""
        alike = [claim.alike for claim in self.claims]
        evidence = self.evidence
        return [
            ImportedEvent(SubjectNumber(number), alike[claim], occurred_at, valid_until, proof)
            for number, claim, occurred_at, valid_until, proof in zip(
                numbers.tolist(),
                self.claim_of.tolist(),
                _said(self.occurred_at),
                _said(self.valid_until),
                [evidence.get(place, _NO_EVIDENCE) for place in range(len(self))]
                if evidence
                else [_NO_EVIDENCE] * len(self),
                strict=True,
            )
        ]


def _checked(reader: LineReader, lines: Iterator[Line]) -> Part | None:
    """Return the next lines, checked; ``None`` behind the last."""
    good: list[Checked] = []
    faults = Trial()
    until = count = 0
    read, keep = reader.read, good.append
    for until, said in islice(lines, PART):
        count += 1
        if count % _TURN == 0:
            time.sleep(_PAUSE)
        if isinstance(said, InvalidRequest):
            faults.fault(until, said)
            continue
        try:
            keep(read(said))
        except SekishoError as fault:
            faults.fault(until, fault)
    return _part(until, count, faults, good) if count else None


def _part(until: int, lines: int, faults: Trial, good: Sequence[Checked]) -> Part:
    kinds, values, said, occurred_at, ends, proofs = zip(*good, strict=True) if good else ((),) * 6
    people: dict[str, tuple[NDArray[np.intp], Names]] = {}
    places: dict[str, list[int]] = {kind: [] for kind in dict.fromkeys(kinds)}
    if len(places) == 1:
        people[kinds[0]] = np.arange(len(good)), _names(values)
    else:
        for place, kind in enumerate(kinds):
            places[kind].append(place)
        people = {kind: (np.array(those), _names([values[n] for n in those])) for kind, those in places.items()}
    claims = {id(claim): claim for claim in said}
    number_of = {key: number for number, key in enumerate(claims)}
    return Part(
        until,
        lines,
        faults,
        people,
        tuple(claims.values()),
        np.array([number_of[key] for key in map(id, said)], np.uint16),
        _times(occurred_at),
        _times(ends),
        {place: proof for place, proof in enumerate(proofs) if proof} if any(proofs) else {},
    )


def _names(values: Sequence[str]) -> Names:
    try:
        return pa.array(values, pa.large_string())
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
        return list(values)


def _times(said: Sequence[int | None]) -> NDArray[np.int64]:
    times = [_UNSAID if one is None else one for one in said] if None in said else said
    return np.array(times, np.int64)


def _said(times: NDArray[np.int64]) -> list[int | None]:
    said: list[int | None] = times.tolist()
    return [None if one == _UNSAID else one for one in said] if len(times) and times.min() == _UNSAID else said


class KeptParts:
    """Parts of one file, checked and not yet recorded.

    Parameters
    ----------
    after:
        The line behind which the first begins.
    asked_again, asked_again_seq:
        When people were asked again, as the lines were checked with.
    """

    def __init__(self, after: int, asked_again: AskedAgain, asked_again_seq: int) -> None:
        self._after = after
        self._asked_again = asked_again
        self._asked_again_seq = asked_again_seq
        self._parts: list[Part] = []
        self._room = _KEPT

    def keep(self, part: Part) -> None:
        """Keep *part*, the next one, as long as there is room; evidence is too large to be kept."""
        self._room -= part.nbytes
        if part.evidence or self._room < 0:
            self._room = -1  # nor any that follows: they are read again from here on
            return
        self._parts.append(part)

    def take(self, after: int, asked_again: AskedAgain, asked_again_seq: int) -> list[Part]:
        """Return the parts, once; none where they begin elsewhere, or what they were checked with has changed."""
        parts, self._parts = self._parts, []
        same = asked_again == self._asked_again and asked_again_seq == self._asked_again_seq
        return parts if same and after == self._after else []


class PartReader:
    """The parts of one file from a line on: those that were kept, then those that are read and checked now.

    Parameters
    ----------
    reader:
        Checks the lines.
    source, file_format:
        The file, at whatever position.
    after:
        The line behind which the first part begins.
    kept:
        Parts that begin there.
    """

    def __init__(
        self, reader: LineReader, source: BinaryIO, file_format: ImportFormat, after: int, kept: Sequence[Part] = ()
    ) -> None:
        self._reader = reader
        self._source = source
        self._format = file_format
        self._after = after
        self._kept = deque(kept)
        self._lines: Iterator[Line] | None = None

    def next(self) -> Part | None:
        """Return the next part, ``None`` behind the last. Computes, and reads the file."""
        if self._kept:
            part = self._kept.popleft()
            self._after = part.until
            return part
        if self._lines is None:
            self._source.seek(0)
            self._lines = lines_of(self._source, self._format, after=self._after)
        return _checked(self._reader, self._lines)
