"""What a column holds, from its name, its type and a sample of its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sekisho.domain.classification import Proposal


@dataclass(frozen=True, slots=True)
class ColumnSample:
    """What the classifier is told of one column. The values live as long as the call; nothing keeps them.

    Attributes
    ----------
    dataset, name:
        Where it stands; *name* is the path inside a nested value (``contact.email``, ``tags[]``).
    type:
        The store's word for the type.
    siblings:
        Names of the other columns of the dataset.
    values:
        Distinct values of the sample as text, no nulls, at most some thousand.
    rows, nulls, distinct:
        Rows sampled, nulls and distinct values among them.
    comment:
        The store's comment on the column, if any.
    """

    dataset: str
    name: str
    type: str
    siblings: tuple[str, ...]
    values: Sequence[str] = field(repr=False)
    rows: int
    nulls: int
    distinct: int
    comment: str | None = None


def classify(sample: ColumnSample) -> Proposal:
    """Return what the column seems to hold."""
    raise NotImplementedError
