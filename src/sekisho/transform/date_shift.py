"""Dates moved by person: all dates of one person by the same number of days, so that intervals stay as they were.

The number lies between minus *days* and *days*, each as likely as the others, zero too: no day is known not to be the
true one. It depends on the person, the purpose, the requester and the key epoch, and on nothing else, so the dates of
one person in all datasets stay in step where their columns name the same *days*. What does not hide: weekdays and
seasons where *days* is small, and the order of one person's dates.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sekisho.transform.draws import Draws

_DAY = 86_400
_TEXT_DAY = 10  # characters of 2026-04-01
_FIRST, _LAST = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31


def shifted(dates: pa.Array, people: NDArray[np.int64], days: int, draws: Draws) -> pa.Array:
    """Return *dates* (dates, timestamps, or ISO 8601 texts), each moved by the days of its person.

    Null for nobody (a negative number), and for a text that is no date. Raises ``ValueError`` for another type.
    """
    if len(dates) != len(people):
        raise ValueError("dates and people are not of the same length")
    first, _ = draws.words(people)
    offset = (first % np.uint64(2 * days + 1)).astype(np.int64) - days
    moved_by = pa.array(offset, mask=people < 0)
    if pa.types.is_date(dates.type):
        moved = _moved(_numbers(dates), moved_by)
        return moved.cast(pa.int32()).cast(pa.date32())
    if pa.types.is_timestamp(dates.type):
        per_day = _DAY * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[dates.type.unit]
        count = dates.cast(pa.int64())
        whole, within = np.divmod(count.fill_null(0).to_numpy(zero_copy_only=False), per_day)
        most = 2**63 // per_day - 1  # days that the unit can count, either way
        moved = _moved(pa.array(whole, mask=count.is_null().to_numpy(zero_copy_only=False)), moved_by, most)
        return pc.add(pc.multiply(moved, per_day), pa.array(within)).cast(dates.type)
    if pa.types.is_string(dates.type) or pa.types.is_large_string(dates.type):
        return _texts(dates.cast(pa.string()), moved_by)
    raise ValueError("a shift moves dates")


def _texts(texts: pa.Array, moved_by: pa.Array) -> pa.Array:
    """Move the day of each text; what follows it (``T09:30:00``) stays."""
    good = pc.match_substring_regex(texts, r"^\d{4}-\d{2}-\d{2}([T ][0-9:.+Z-]*)?$")
    kept = pc.if_else(good, texts, pa.scalar(None, pa.string()))
    days = _days(pc.utf8_slice_codeunits(kept, 0, _TEXT_DAY))
    moved = _moved(days, moved_by)
    day = pc.strftime(moved.cast(pa.int32()).cast(pa.date32()), format="%Y-%m-%d")
    return pc.binary_join_element_wise(day, pc.utf8_slice_codeunits(kept, _TEXT_DAY), "")


def _numbers(dates: pa.Array) -> pa.Array:
    """Return days since 1970 of dates."""
    if pa.types.is_date64(dates.type):
        return pc.divide(dates.cast(pa.int64()), _DAY * 1_000)  # whole days, and more of them than a date32 has
    return dates.cast(pa.int32()).cast(pa.int64())


def _moved(days: pa.Array, moved_by: pa.Array, most: int = _LAST) -> pa.Array:
    """Return *days* (since 1970) moved; null for what is no day of anybody's, and what becomes none.

    The first and the last days of the calendar, and what lies beyond, say "never" or "unknown" (``9999-12-31``,
    ``infinity``): moved, they would tell by how much.
    """
    first, last = max(_FIRST, -most), min(_LAST, most)
    moved = pc.add(days, moved_by)
    real = pc.and_(pc.greater(days, first), pc.less(days, last - 1))  # 9999-12-31 begins a day before in some zones
    inside = pc.and_(pc.greater_equal(moved, first), pc.less_equal(moved, last))
    return pc.if_else(pc.and_(real, inside), moved, pa.scalar(None, pa.int64()))


def _days(texts: pa.Array) -> pa.Array:
    """Return days since 1970 of texts ``YYYY-MM-DD``, null for one that is no day of the calendar."""
    distinct = texts.dictionary_encode()
    found: list[int | None] = []
    for text in distinct.dictionary.to_pylist():
        try:
            found.append(int(np.datetime64(text, "D").astype(np.int64)))
        except ValueError:
            found.append(None)
    return pa.array(found, pa.int64()).take(distinct.indices)
