"""Whom the audit log's references name: the way back, for those who may know."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sekisho.consents.parts import Parts
from sekisho.domain.record import REF_BYTES
from sekisho.ports import PeopleKeys

_STEP = 100_000  # references made at once, in a thread


@dataclass(frozen=True)
class _Kind:
    """The references of everybody who is known by one kind of identifier, in ascending order."""

    version: int
    keys: PeopleKeys
    halves: NDArray[np.uint64] = field(repr=False)  # the first eight bytes of each reference
    refs: NDArray[np.void] = field(repr=False)
    places: NDArray[np.intp] = field(repr=False)


class Referenced:
    """Finds people by their references, whole records of them at once.

    A reference is a keyed hash of a number, so that it is found among those of all people; they are made once and
    kept as 32 bytes a person for as long as nobody is added.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._kinds: dict[str, _Kind] = {}
        self._lock = asyncio.Lock()

    async def named(self, refs: bytes, identifiers: Sequence[str]) -> list[str | None]:
        """Return ``TYPE:VALUE`` of each reference, by the first of *identifiers* that the person has.

        ``None`` for somebody who is not known any more.
        """
        wanted = np.frombuffer(refs, dtype=f"V{REF_BYTES}")
        found: list[str | None] = [None] * len(wanted)
        left = np.arange(len(wanted))
        for identifier in identifiers:
            if not left.size:
                break
            kind = await self._kind(identifier)
            places = _found_in(kind, wanted[left])
            values = kind.keys.values.take(places[places >= 0]).to_pylist()
            for place, value in zip(left[places >= 0].tolist(), values, strict=True):
                found[place] = f"{identifier}:{value}"
            left = left[places < 0]
        return found

    async def _kind(self, identifier: str) -> _Kind:
        async with self._lock:
            keys = await self._parts.people.keys(identifier)
            known = self._kinds.get(identifier)
            if known is None or known.version != keys.version or len(known.keys.values) != len(keys.values):
                known = self._kinds[identifier] = await asyncio.to_thread(self._made, keys)
            return known

    def _made(self, keys: PeopleKeys) -> _Kind:
        made = b"".join(
            bytes.fromhex("".join(self._parts.references(keys.numbers[start : start + _STEP].tolist())))
            for start in range(0, len(keys.numbers), _STEP)
        )
        refs = np.frombuffer(made, dtype=f"V{REF_BYTES}")
        halves = _halves(refs)
        order = np.argsort(halves, kind="stable")
        return _Kind(keys.version, keys, halves[order], refs[order], order)


def _halves(refs: NDArray[np.void]) -> NDArray[np.uint64]:
    return np.frombuffer(refs.tobytes(), dtype=">u8")[::2].astype(np.uint64)


def _found_in(kind: _Kind, wanted: NDArray[np.void]) -> NDArray[np.intp]:
    """Return where each wanted reference's person stands among the keys, -1 for nobody."""
    places = np.full(len(wanted), -1, np.intp)
    if not kind.refs.size:
        return places
    at = np.searchsorted(kind.halves, _halves(wanted))
    inside = at < kind.refs.size
    same = np.zeros(len(wanted), np.bool_)
    same[inside] = kind.refs[at[inside]] == wanted[inside]
    places[same] = kind.places[at[same]]
    return places
