"""Dates cut off: the year as a number, an age in steps of ten, or the first day of the year, quarter or month.

A date outside the years 1 to 9999 (``infinity`` too) has none.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.domain.masks import DatePart

_MONTHS = {DatePart.YEAR: 12, DatePart.QUARTER: 3, DatePart.MONTH: 1}
_YEAR = r"^\d{4}([^0-9]|$|(0[1-9]|1[0-2])[0-3]\d([^0-9]|$))"  # a number of more digits begins with none
_DAY = r"^\d{4}-(0[1-9]|1[0-2])-[0-3]\d"
_FIRST, _LAST = np.datetime64("0001-01-01", "M"), np.datetime64("9999-12-31", "M")


def year(dates: pa.Array) -> pa.Array:
    """Return the year of each of *dates*: dates, timestamps, or texts that begin with one."""
    if pa.types.is_string(dates.type):
        good = pc.match_substring_regex(dates, _YEAR)
        digits = pc.if_else(good, pc.utf8_slice_codeunits(dates, 0, 4), pa.scalar(None, pa.string()))
        return digits.cast(pa.int64())
    return pc.year(dates)


def age_band(dates: pa.Array, today: date) -> pa.Array:
    """Return the age reached in the year of *today*, in steps of ten."""
    ages = pc.subtract(pa.scalar(today.year), year(dates))
    return pc.multiply(pc.divide(ages, 10), 10)


def truncated(dates: pa.Array, to: DatePart) -> pa.Array:
    """Return the first day of the part *to* of each of *dates*: as a date, or as a text where the dates are texts."""
    if pa.types.is_string(dates.type):
        good = pc.match_substring_regex(dates, _DAY)
        days = pc.if_else(good, pc.utf8_slice_codeunits(dates, 0, 7), pa.scalar(None, pa.string()))
        months = np.array(days.to_pylist(), dtype="datetime64[M]")
    else:
        days = dates if pa.types.is_date32(dates.type) else dates.cast(pa.timestamp("s"), safe=False)
        months = days.to_numpy(zero_copy_only=False).astype("datetime64[M]")
    step = _MONTHS[to]
    known = ~np.isnat(months) & (months >= _FIRST) & (months <= _LAST)
    firsts = (months.astype(np.int64) // step * step).astype("datetime64[M]").astype("datetime64[D]")
    made = pa.array(firsts, pa.date32(), mask=~known)
    return made.cast(pa.string()) if pa.types.is_string(dates.type) else made
