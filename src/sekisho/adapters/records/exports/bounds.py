"""Which sequences an export reaches over."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from sekisho.adapters.records.audit_search import kept_anchor, newest_seq, span
from sekisho.domain.audit_export import ExportOrder
from sekisho.domain.record import micros
from sekisho.errors import InvalidRequest


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

    Raises ``InvalidRequest`` when the records of the range were pruned.
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


def _gone(begin: int) -> InvalidRequest:
    return InvalidRequest(f"The records of this range were pruned: the log begins at record {begin}.")
