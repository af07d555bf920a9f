"""Blanks: null, ``***`` or a constant of the catalogue in place of every value, and of none.

They say nothing, not even whether there was a value.
"""

from __future__ import annotations

import pyarrow as pa

HIDDEN = "***"
"""What stands for a text, or for a part of one, that is not shown."""


def withheld(values: pa.Array) -> pa.Array:
    """Return as many nulls of the same type."""
    return pa.nulls(len(values), values.type)


def redacted(values: pa.Array) -> pa.Array:
    """Return :data:`HIDDEN` for each value of a text column, else null."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return constant(values, HIDDEN)
    return withheld(values)


def constant(values: pa.Array, value: str | int) -> pa.Array:
    """Return *value* for each of *values*, in their type."""
    return pa.repeat(pa.scalar(value, values.type), len(values))
