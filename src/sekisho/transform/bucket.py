"""Numbers as the lower bound of their range: ranges of one width, or those that bounds begin.

A number too large for the arithmetic of the stores (below -9·10^18; a double beyond 10^15, or no number) has none.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.masks import Bucket
from sekisho.transform.top_bottom import numbers_of

_LOWEST = -9_000_000_000_000_000_000
_SMALLEST, _LARGEST = 1e-300, 1e15


def bucketed(numbers: pa.Array, mask: Bucket) -> pa.Array:
    """Return the lower bound of the range of each of *numbers*, in their type, nulls staying null."""
    values, missing = numbers_of(numbers)
    if mask.bounds:
        bounds = np.array(mask.bounds, values.dtype)
        places = np.searchsorted(bounds, values, side="right") - 1
        return pa.array(bounds[np.maximum(places, 0)], mask=missing)
    lower, known = _whole(values, mask) if values.dtype == np.int64 else _real(values, mask)
    return pa.array(lower, mask=missing | ~known)


def _whole(values: NDArray[np.int64], mask: Bucket) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    known = values >= _LOWEST
    safe = values if known.all() else np.where(known, values, 0)
    start = mask.start % mask.width
    return safe - (safe % mask.width + (mask.width - start)) % mask.width, known


def _real(values: NDArray[np.float64], mask: Bucket) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    known = np.abs(values) <= _LARGEST
    safe = np.where(known & (np.abs(values) >= _SMALLEST), values, 0.0)
    start = mask.start % mask.width
    return np.floor((safe - start) / mask.width) * mask.width + start, known
