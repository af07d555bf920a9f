"""Which sequences an export reaches over.

Columns say where to look, and records what is true: whoever may write to the database could put a record into another
time by its column alone, and it would be missing from an export that proves itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson
import sqlalchemy as sa

from sekisho.adapters.records.audit_search import Span, kept_anchor, newest_seq, records_after, span
from sekisho.adapters.records.tables import audit_record
from sekisho.domain.audit_export import ExportOrder
from sekisho.domain.record import instant, micros
from sekisho.errors import InvalidRequest, TamperedLog

_BESIDE: Final = 2_000
"""Records on either side of a range that are asked for their own time: clocks of writers differ, and the neighbour
alone may truly lie outside."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A range of sequences, both ends included; empty when *last* is below *first*.

    ``ends`` says that it reaches the newest record there was when it was looked up.
    """

    first: int
    last: int
    ends: bool = False


def bounds_of(order: ExportOrder, given: Bounds | None, upto: int | None, connection: sa.Connection) -> Bounds:
    """Return the sequences to export: *given*, or those of the times of *order* as far as *upto*.

    Raises
    ------
    InvalidRequest
        When the records of the range were pruned.
    TamperedLog
        When a record beside the range says another time than its column.
    """
    anchor = kept_anchor(connection)
    begin = 1 if anchor is None else anchor.size + 1
    if given is not None:
        if given.first < begin:
            raise _gone(begin)
        return given
    low, high = (None if edge is None else micros(edge) for edge in (order.since, order.until))
    newest = newest_seq(connection)
    found = Bounds(begin, newest)
    if low is not None or high is not None:
        between = span(connection, low, high)
        for edge in _edges(connection, begin, (low, high), between):
            for row in records_after(connection, edge - _BESIDE - 1, edge + _BESIDE, 2 * _BESIDE + 1):
                require_time(row.seq, row.at, row.record)
        if between is None:
            if begin > 1 and high is not None and span(connection, None, high) is None:
                raise _gone(begin)  # all that is kept is younger
            return Bounds(1, 0)
        # From the beginning is from the first record, whatever its writer's clock said. What a pruning that broke
        # off left of its records is no part of the log any more.
        found = Bounds(begin if low is None else max(begin, between.first), between.last)
    last = found.last if upto is None else min(found.last, upto)
    if last < begin and begin > 1:
        raise _gone(begin)
    return Bounds(found.first, last, ends=order.until is None and last == newest)


def require_time(seq: int, at: int, record: bytes) -> None:
    """Check that the *record* of number *seq* says the time of its column, in microseconds since 1970-01-01 UTC.

    Raises ``TamperedLog``.
    """
    try:
        said = instant(orjson.loads(record)["at"])
    except (ValueError, KeyError, TypeError):
        said = None
    if said != at:
        raise TamperedLog(
            f"A column beside record {seq} says another time than the record; run `sekisho audit verify`."
        )


def _edges(
    connection: sa.Connection, begin: int, times: tuple[int | None, int | None], found: Span | None
) -> list[int]:
    """Return the records where the range that was *found* by the columns ends; where it would be, of none."""
    low, high = times
    if found is not None:
        return [seq for seq, time in ((found.first, low), (found.last, high)) if time is not None]
    if low is None:
        return [begin]
    before = sa.select(sa.func.max(audit_record.c.seq)).where(audit_record.c.at < low)
    return [connection.execute(before).scalar() or begin]


def _gone(begin: int) -> InvalidRequest:
    return InvalidRequest(f"The records of this range were pruned: the log begins at record {begin}.")
