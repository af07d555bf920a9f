"""Numbers with keyed noise: the same noise for the same person and value, however often it is asked for.

Fresh noise would average out when a question is repeated. This noise is a function of the person, the value, the
column, the purpose, the requester and the key epoch: asking again shows it again, and so does asking for a part of
the rows. Who holds the answers of n purposes or epochs can average those n. It hides single values, not sums over
many people, from which independent noise averages out: it is no differential privacy, and no budget is kept of it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sekisho.domain.masks import Law
from sekisho.transform.draws import Draws

_UNIT = 2.0**-53


def noisy(numbers: pa.Array, people: NDArray[np.int64], scale: float, law: Law, draws: Draws) -> pa.Array:
    """Return *numbers* with noise, of their type: whole numbers stay whole. Null for nobody and for no number.

    *scale* is b of Laplace's law (standard deviation b√2), or the standard deviation of Gauss's. A whole number
    beyond 2^53 loses its last digits. Raises ``ValueError`` for another type.
    """
    kind = numbers.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise ValueError("noise is for numbers")
    if len(numbers) != len(people):
        raise ValueError("numbers and people are not of the same length")
    values = pc.fill_null(numbers.cast(pa.float64(), safe=False), np.nan).to_numpy(zero_copy_only=False)
    values = values + 0.0  # minus zero is zero
    first, second = draws.words(people, values.view(np.uint64))
    uniform = ((first >> np.uint64(11)).astype(np.float64) + 0.5) * _UNIT  # between 0 and 1, never either
    if law is Law.LAPLACE:
        centred = uniform - 0.5
        drawn = -np.sign(centred) * np.log1p(-2.0 * np.abs(centred))
    else:  # Box and Muller
        angle = (second >> np.uint64(11)).astype(np.float64) * (_UNIT * 2.0 * np.pi)
        drawn = np.sqrt(-2.0 * np.log(uniform)) * np.cos(angle)
    made = values + scale * drawn
    shown = np.isfinite(values) & (people >= 0)
    if pa.types.is_integer(kind):
        made = np.clip(np.rint(np.where(shown, made, 0.0)), -(2.0**62), 2.0**62).astype(np.int64)
        return pa.array(made, pa.int64(), mask=~shown)
    return pa.array(made, pa.float64(), mask=~shown)
