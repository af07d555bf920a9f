"""Small groups: a published table names no group of fewer than k people, nor lets one be subtracted.

Primary suppression drops the rows of groups with fewer than ``min_group`` people. That alone is not enough:
whoever knows a block's total (another view, the year's report) subtracts what is published and has the
rest. So the rest must itself be at least two groups and at least ``min_group`` people (complementary, or
secondary, suppression; see the Handbook on Statistical Disclosure Control, 4.2).

What this does not do, and must be done elsewhere or is open:

- It looks at one table. Two views cut differently over the same people can be subtracted from each
  other; that is why the views of a statistics purpose are a closed list with one release each.
- Blocks are the values of the first column, and the whole table. Totals over a later column
  (by country over all months) are not protected: that is the cell suppression problem, which needs an
  optimiser.
- A block with one small group and no other goes whole; whoever knows the block's total knows the group.
- People counted in two groups are counted twice when the rest is summed, so a rest of ``min_group`` may be
  fewer distinct people.
- A group that is absent tells that it is small or empty. A group above the threshold may still be
  uniform in what it says (l-diversity), and its numbers are exact (no noise).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def suppress_small_groups(table: pa.Table, people_column: str, min_group: int) -> pa.Table:
    """Return *table* without the rows that would say something about few people.

    Parameters
    ----------
    table:
        One row per group; the first column other than *people_column* names the block.
    people_column:
        Whole numbers: how many distinct data subjects the group has. Null counts as none.
    min_group:
        Groups of fewer people are dropped (k), at least 1.

    Returns
    -------
    The remaining rows, in their order, whole. Where rows of a block were dropped and they are one group,
    or fewer than *min_group* people together, the smallest remaining group of the block goes too; then the
    same for the table as a whole. Groups of nobody are dropped, and hide nothing: they are not
    counted among the two. Of equally small groups the first one goes.

    Raises
    ------
    ValueError
        When *people_column* is missing or not whole numbers, or *min_group* is below 1.
    """
    if min_group < 1:
        raise ValueError("the smallest group has at least one person")
    if people_column not in table.column_names:
        raise ValueError("the view has no column that counts its people")
    counted = table.column(people_column)
    if not pa.types.is_integer(counted.type):
        raise ValueError("the column that counts people holds whole numbers")
    rows = table.num_rows
    if rows == 0:
        return table
    people = np.maximum(pc.fill_null(counted.cast(pa.int64()), 0).to_numpy(), 0)
    dropped: NDArray[np.bool_] = people < min_group
    named = [name for name in table.column_names if name != people_column]
    whole = np.zeros(rows, dtype=np.int64)
    blocks = _block_numbers(table.column(named[0])) if named else whole
    _complement(dropped, people, blocks, min_group)
    # What the table as a whole takes may leave a single dropped group in its block.
    _complement(dropped, people, whole, min_group)
    _complement(dropped, people, blocks, min_group)
    return table.filter(pa.array(~dropped))


def _block_numbers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return, for each row, the number of its value from 0; null is a value of its own."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    coded = pa.concat_arrays(column.chunks).dictionary_encode(null_encoding="encode")
    numbers: NDArray[np.int64] = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def _complement(
    dropped: NDArray[np.bool_], people: NDArray[np.int64], blocks: NDArray[np.int64], min_group: int
) -> None:
    """Drop, in place, the smallest remaining group of each block whose dropped rest could be told.

    Shapes (rows,); ``blocks`` are numbered from 0. One group more is always enough: what remains has at
    least *min_group* people, so that the rest then is two groups and *min_group* people.
    """
    count = int(blocks.max()) + 1
    hidden = dropped & (people > 0)
    groups = np.bincount(blocks, weights=hidden, minlength=count)
    together = np.bincount(blocks, weights=np.where(hidden, people, 0), minlength=count)
    told = (groups > 0) & ((groups < 2) | (together < min_group))
    candidates = np.flatnonzero(told[blocks] & ~dropped)
    # By block, then size, then position: the first of each block is its smallest.
    ordered = candidates[np.lexsort((candidates, people[candidates], blocks[candidates]))]
    _, first = np.unique(blocks[ordered], return_index=True)
    dropped[ordered[first]] = True
