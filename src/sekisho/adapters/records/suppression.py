"""The suppression list: what erased people had said no to, kept so that the no outlives who said it.

Erasing deletes how somebody is named. Were the same identifier named again, by an import, a desk or a store's rows,
a new person would stand there to whom nobody ever objected. So the list keeps, of an erased person who stood at a
no, a keyed hash of each identifier, the cells refused, and the day: no number and no value. The hash has a key of its
own, so that the list cannot be joined with the registry. Whoever is named again starts with those noes, and the
entry goes: the ledger has them now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, bindparam, delete, select, text

from sekisho.adapters.records.consent_rows import instant
from sekisho.adapters.records.consent_tables import consent_state, suppression
from sekisho.adapters.records.people_lookup import HASH_BYTES, LookupHash
from sekisho.domain.consent import NO, REFUSING, ActorType, ConsentState, Provenance, state_after
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.errors import ConsentUnavailable
from sekisho.ports import ConsentEventInput, KeyRing

RecordsNoes = Callable[[Connection, Sequence[ConsentEventInput]], None]
"""Appends events to the ledger inside the caller's transaction."""

REASON: Final = "suppressed"
"""Code for why, in the provenance of an event that comes from this list."""

_DAY: Final = 86_400_000_000  # microseconds
_CHUNK = 5_000  # hashes in one IN list; SQLite takes 32,766 parameters
_SYSTEM = Provenance(actor_type=ActorType.SYSTEM, reason=REASON)
_KIND = {state_after(kind): kind for kind in NO}
_ANY = select(suppression.c.hash).limit(1)
_FOUND = select(suppression).where(suppression.c.hash.in_(bindparam("hashes", expanding=True)))
_GONE = delete(suppression).where(suppression.c.hash.in_(bindparam("hashes", expanding=True)))
_KEPT = text(
    "INSERT INTO suppression (hash, day, refused) VALUES (:hash, :day, :refused)"
    " ON CONFLICT (hash) DO UPDATE SET day = excluded.day, refused = excluded.refused"
)


class SuppressionList:
    """The list in the gateway's own database. Both methods run inside the caller's transaction.

    Parameters
    ----------
    keys:
        Key ring; the label is ``people-suppression``.
    record:
        Where the noes of somebody named again are recorded; without it such a person cannot be registered.
    """

    def __init__(self, keys: KeyRing, record: RecordsNoes | None) -> None:
        self._hash = LookupHash(keys.derive("people-suppression"))
        self._record = record

    def keep(self, connection: Connection, number: int, named: Sequence[tuple[str, str]], now: int) -> None:
        """Keep what *number*, who is being erased and was *named* so (kind, value), had said no to.

        The ledger must be locked by then, so that no no comes in after this look at it.
        """
        refused: dict[str, list[str]] = {}
        for cell, own, linked in connection.execute(
            select(consent_state.c.cell, consent_state.c.state, consent_state.c.linked)
            .where(consent_state.c.number == number)
            .order_by(consent_state.c.cell)
        ):
            no = next((state for state in (own, linked) if state in REFUSING), None)
            if no is not None:
                refused.setdefault(no, []).append(cell)
        if refused and named:
            kept = {"day": now // _DAY, "refused": orjson.dumps(refused).decode()}
            hashes = sorted(self._hash.one(kind, value) for kind, value in named)
            connection.execute(_KEPT, [{"hash": each, **kept} for each in hashes])

    def say_again(self, connection: Connection, identifier: str, named: Sequence[tuple[int, str]], now: int) -> None:
        """Record, for each person of *named* (number, value of one kind), the noes kept under that value.

        They count from the end of the day of the erasure: what the person said later stands, and nothing older.

        Raises ``ConsentUnavailable`` when there are noes, and no ledger to record them in.
        """
        if not named or connection.execute(_ANY).first() is None:
            return
        raw = self._hash.many(identifier, [value for _, value in named]).tobytes()
        people = {raw[at * HASH_BYTES : (at + 1) * HASH_BYTES]: number for at, (number, _) in enumerate(named)}
        found: list[Any] = []
        for start in range(0, len(people), _CHUNK):
            found += connection.execute(_FOUND, {"hashes": list(people)[start : start + _CHUNK]}).all()
        if not found:
            return
        if self._record is None:
            raise ConsentUnavailable("Who was erased is named again, and what they refused cannot be recorded here.")
        events = [
            event
            for kept, day, refused in found
            for event in _noes(people[bytes(kept)], refused, min((day + 1) * _DAY, now))
        ]
        self._record(connection, sorted(events, key=lambda event: event.number))
        for start in range(0, len(found), _CHUNK):
            connection.execute(_GONE, {"hashes": [bytes(row[0]) for row in found[start : start + _CHUNK]]})


def _noes(number: int, refused: str, at: int) -> list[ConsentEventInput]:
    cells: dict[tuple[ConsentState, str], list[Cell]] = {}
    for state, names in orjson.loads(refused).items():
        for cell in names:
            cells.setdefault((ConsentState(state), cell.partition("/")[0]), []).append(Cell(cell))
    said: datetime | None = instant(at)
    return [
        ConsentEventInput(
            SubjectNumber(number),
            purpose,
            tuple(of_purpose),
            _KIND[state],
            method="system",
            actor="system",
            occurred_at=said,
            provenance=_SYSTEM,
            historical=True,
        )
        for (state, purpose), of_purpose in cells.items()
    ]
