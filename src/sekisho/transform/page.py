"""One page on its way out: person numbers become pseudonyms, keys tokens; texts, dates and numbers are masked."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.governed import Output
from sekisho.domain.masks import DateShift, Fake, Noise, TransformKind
from sekisho.domain.transforms import TRANSFORMS, Runs
from sekisho.transform.date_shift import shifted
from sekisho.transform.draws import Draws
from sekisho.transform.fake import faked
from sekisho.transform.keyed_hash import Hashes
from sekisho.transform.noise import noisy
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


class Keyed(Protocol):
    """The keyed transforms of one requester and purpose."""

    @property
    def pseudonyms(self) -> PersonPseudonyms:
        """Pseudonyms of people."""

    def tokens(self, domain: str) -> Tokens:
        """Return the tokens of one domain of linking identifiers."""

    def hashes(self, domain: str) -> Hashes:
        """Return the keyed hashes of one domain."""

    def draws(self, what: str) -> Draws:
        """Return the draws by person for *what*."""


def transform_page(
    batch: pa.RecordBatch, outputs: tuple[Output, ...], keyed: Keyed, mask: MaskTexts
) -> pa.RecordBatch:
    """Return the visible columns of *batch* as a requester may see them.

    Parameters
    ----------
    batch:
        Raw page: visible columns in the order of *outputs*, hidden person numbers after them.
    outputs:
        What each visible column is.
    keyed:
        The keyed transforms of this requester and purpose.
    mask:
        Masks free text.

    Raises
    ------
    ValueError
        When a column of keys does not hold keys, or a transform lacks what it needs: then nothing may leave.
    """
    columns = [
        _transformed(batch.column(position), output, batch, len(outputs), keyed, mask)
        if TRANSFORMS[output.transform].runs is Runs.GATEWAY
        else batch.column(position)
        for position, output in enumerate(outputs)
    ]
    return pa.RecordBatch.from_arrays(columns, names=[output.name for output in outputs])


def _transformed(
    column: pa.Array, output: Output, batch: pa.RecordBatch, visible: int, keyed: Keyed, mask: MaskTexts
) -> pa.Array:
    match output.transform:
        case TransformKind.PSEUDONYM:
            return keyed.pseudonyms.encode(numbers_of(column))
        case TransformKind.TOKEN if output.domain is not None:
            whole = pa.types.is_integer(column.type)
            return keyed.tokens(output.domain).encode(column if whole else column.cast(pa.string()))
        case TransformKind.HMAC if output.domain is not None:
            return keyed.hashes(output.domain).encode(column.cast(pa.string()))
        case TransformKind.MASK_TEXT:
            return mask_column(column.cast(pa.string()), mask)
    if output.mask is None or output.mask.kind is not output.transform or output.person is None:
        raise ValueError("a transform without its parameters, its domain or the people of the rows")
    people = numbers_of(batch.column(visible + output.person))
    match output.mask:
        case Fake(of):
            return faked(column.cast(pa.string()), people, of, keyed.draws("fake"))
        case DateShift(days):
            return shifted(column, people, days, keyed.draws("date_shift"))
        case Noise(scale, law):
            return noisy(column, people, scale, law, keyed.draws(f"noise/{output.domain}"))
    raise ValueError("a transform that is not known here")


_HEAVY = frozenset(
    kind for kind, each in TRANSFORMS.items() if each.runs is Runs.GATEWAY and kind is not TransformKind.MASK_TEXT
)


def is_heavy(batch: pa.RecordBatch, outputs: tuple[Output, ...]) -> bool:
    """Return whether transforming *batch* would hold up an event loop: texts, or thousands of keys."""
    if any(output.transform is TransformKind.MASK_TEXT for output in outputs):
        return bool(batch.num_rows)
    return sum(output.transform in _HEAVY for output in outputs) * int(batch.num_rows) > 2_000
