"""What leaves the rewriter: one statement that a store may run, and how to read its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from sekisho.domain.masks import Mask, TransformKind
from sekisho.domain.record import MAX_SUBJECT_REFS
from sekisho.domain.terms import Cell, ColumnType, StoreKind

NUMBER = "__person"
"""Name of the hidden person-number column of a governed table; requesters cannot name it."""

COPIES = "colocated"
"""Schema of the copies of datasets that carry the person number of each row, in a column :data:`NUMBER`."""

MARKED = "temp"
"""Schema of the views of files whose rows are marked (:attr:`Shape.ROWS`): a connection's own."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output column.

    Attributes
    ----------
    name:
        As the requester named it.
    type:
        Value type after the transform, where the catalogue knows it.
    transform:
        What still happens on the way out (``pseudonym``, ``token``, ``mask_text`` …), or what happened at
        the scan.
    domain:
        Token domain, for ``token`` and ``hmac``; the column, for what is masked by person.
    mask:
        The parameters, of what happens on the way out.
    person:
        Which of the hidden columns holds the person of the value, where that matters.
    """

    name: str
    type: ColumnType | None
    transform: TransformKind
    domain: str | None = None
    mask: Mask | None = None
    person: int | None = None


class Shape(Enum):
    """How a statement learns who may be read.

    ``KEYS``: a table of raw key and person number, joined by the key. ``NUMBERS``: a table of person numbers alone,
    each once, for data that carries them. ``BITS``: no table; one bit for each whole number that a raw key may be,
    which travels with the statement; each person has one key then, which may stand for the number inside it.
    ``HANDED``: the same bits, and the store's adapter finds the person numbers of the rows by their keys, which stand
    in the columns of person numbers until then; a key that is shown comes once (:attr:`GovernedQuery.carried`).
    ``ROWS``: no key either; the files, or their copy, row by row beside a mark for each row, in a view that the
    statement reads in their place.
    """

    KEYS = "keys"
    NUMBERS = "numbers"
    BITS = "bits"
    HANDED = "handed"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Projection:
    """The people of a statement, beside the data.

    ``cells`` are the cells all of which a listed person has in force; empty means everybody known.
    ``table`` is the name under which the statement joins it; for bits, which have no table, a name like it.
    ``dataset`` is the one whose rows are marked, and ``copied`` whether those of its copy are; for rows only.
    """

    table: str
    identifier: str
    cells: tuple[Cell, ...]
    shape: Shape = Shape.KEYS
    dataset: str = ""
    copied: bool = False

    @property
    def keys(self) -> bool:
        """Whether the raw key of each person stands in the table."""
        return self.shape is Shape.KEYS

    @property
    def travels(self) -> bool:
        """Whether there is no table: who may be read travels with the statement, as bits."""
        return self.shape in (Shape.BITS, Shape.HANDED)

    @property
    def withdrawn(self) -> str:
        """Name of the parameter that holds the numbers of those who withdrew since the table was written."""
        return f"gone_{self.table}"

    @property
    def bits(self) -> tuple[str, str, str]:
        """Names of the parameters that hold the lowest key, the highest, and the bits of all between them."""
        return f"low_{self.table}", f"high_{self.table}", f"bits_{self.table}"


@dataclass(frozen=True, slots=True)
class GovernedQuery:
    """A statement after governance.

    Attributes
    ----------
    engine:
        The engine that runs it.
    stores:
        The stores it reads, sorted.
    sql:
        Generated from the tree, in the engine's dialect, with named parameters.
    parameters:
        Value of each parameter by name. They never appear in logs or errors.
    outputs:
        Visible output columns, in order.
    hidden:
        How many hidden person-number columns follow the visible ones.
    rowwise:
        Whether each output row belongs to the persons in its hidden columns (else: aggregated).
    projections:
        People tables that must stand beside the data.
    reads:
        Physical ``(table, column)`` pairs that the engine may read, for the second oracle.
    order_by_token:
        Whether rows must be put into the order of their tokens before release.
    fingerprint:
        SHA-256 of the statement with its literals hidden, for the audit record.
    scans:
        What other stores must read first: the statement finds it in temporary tables.
    cut:
        Whether the statement itself ends with LIMIT or OFFSET.
    joined:
        Whether a row may be made of several, so that its first key says too little of where it stands.
    """

    engine: StoreKind
    stores: tuple[str, ...]
    sql: str = field(repr=False)
    parameters: Mapping[str, object] = field(repr=False)
    outputs: tuple[Output, ...]
    hidden: int
    rowwise: bool
    projections: tuple[Projection, ...]
    reads: frozenset[tuple[str, str]]
    order_by_token: bool
    fingerprint: str
    scans: tuple[Scan, ...] = ()
    cut: bool = False
    joined: bool = False

    @property
    def carried(self) -> int:
        """How many hidden columns the statement itself answers with.

        None where rows hand over their keys and show them: the store repeats what stands there.
        """
        handed = any(projection.shape is Shape.HANDED for projection in self.projections)
        return 0 if handed and self._shown else self.hidden

    def page_of(self, rows: int) -> int:
        """Return how many of *rows* a page holds, so that its record can keep the reference of everybody it is about.

        A row of several tables, or with several pseudonyms, is about as many people.
        """
        return max(1, min(rows, MAX_SUBJECT_REFS // max(1, self.hidden, self._shown)))

    @property
    def _shown(self) -> int:
        """How many output columns show a pseudonym."""
        return sum(output.transform is TransformKind.PSEUDONYM for output in self.outputs)


@dataclass(frozen=True, slots=True)
class Scan:
    """What one store reads for a statement that another engine runs.

    Attributes
    ----------
    table:
        Name of the temporary table that holds its rows.
    types:
        Type of each of its columns, in order; the person number, if it is carried, is the last column.
    query:
        The governed statement of the store.
    """

    table: str
    types: tuple[tuple[str, ColumnType], ...]
    query: GovernedQuery
