"""One page on its way out: person numbers become pseudonyms, keys become tokens, texts are masked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.access import TransformKind
from sekisho.domain.governed import Output
from sekisho.transform.pseudonym import PersonPseudonyms
from sekisho.transform.text import MaskTexts, mask_column
from sekisho.transform.token import Tokens

_INT64 = pa.int64()


def numbers_of(column: pa.Array) -> NDArray[np.int64]:
    """Return a column of person numbers as int64, -1 for nobody."""
    if column.null_count:
        column = column.fill_null(-1)
    if column.type != _INT64:
        column = column.cast(_INT64)
    numbers: NDArray[np.int64] = column.to_numpy(zero_copy_only=False)
    return numbers


def transform_page(
    batch: pa.RecordBatch,
    outputs: tuple[Output, ...],
    pseudonyms: PersonPseudonyms,
    tokens: Callable[[str], Tokens],
    mask: MaskTexts,
) -> pa.RecordBatch:
    """Return the visible columns of *batch* as a requester may see them.

    Parameters
    ----------
    batch:
        Raw page: visible columns in the order of *outputs*, hidden person numbers after them.
    outputs:
        What each visible column is.
    pseudonyms, tokens:
        The keyed transforms of this requester and purpose; *tokens* by domain.
    mask:
        Masks free text.

    Raises
    ------
    ValueError
        When a column of keys does not hold keys: then nothing may leave.
    """
    columns: list[pa.Array] = []
    for position, output in enumerate(outputs):
        column = batch.column(position)
        if output.transform is TransformKind.PSEUDONYM:
            column = pseudonyms.encode(numbers_of(column))
        elif output.transform is TransformKind.TOKEN:
            if output.domain is None:
                raise ValueError("a token column without a domain")
            column = tokens(output.domain).encode(column.cast(pa.string()))
        elif output.transform is TransformKind.MASK_TEXT:
            column = mask_column(column.cast(pa.string()), mask)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=[output.name for output in outputs])


def is_heavy(batch: pa.RecordBatch, outputs: tuple[Output, ...]) -> bool:
    """Return whether transforming *batch* would hold up an event loop: texts, or thousands of keys."""
    if any(output.transform is TransformKind.MASK_TEXT for output in outputs):
        return bool(batch.num_rows)
    keyed = sum(output.transform in (TransformKind.PSEUDONYM, TransformKind.TOKEN) for output in outputs)
    return keyed * int(batch.num_rows) > 2_000
