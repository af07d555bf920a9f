"""Top and bottom coding: rare large and small numbers, by which people are known, become the highest and lowest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def numbers_of(numbers: pa.Array) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return *numbers* as 64-bit integers or doubles, and where there is none. Raises ``ValueError`` for others."""
    if pa.types.is_integer(numbers.type):
        kind: pa.DataType = pa.int64()
    elif pa.types.is_floating(numbers.type) or pa.types.is_decimal(numbers.type):
        kind = pa.float64()
    else:
        raise ValueError("ranges are for numbers")
    missing = np.zeros(len(numbers), np.bool_)
    if numbers.null_count:
        missing = numbers.is_null().to_numpy(zero_copy_only=False)
        numbers = pc.fill_null(numbers, pa.scalar(0).cast(numbers.type))
    return numbers.cast(kind).to_numpy(zero_copy_only=False), missing


def coded(numbers: pa.Array, bottom: int | None, top: int | None) -> pa.Array:
    """Return *numbers*, *top* for those above it and *bottom* for those below it; no number at all is above."""
    values, missing = numbers_of(numbers)
    if top is not None:
        values = np.where((values > top) | np.isnan(values), np.array(top, values.dtype), values)
    if bottom is not None:
        values = np.where(values < bottom, np.array(bottom, values.dtype), values)
    return pa.array(values, mask=missing)
