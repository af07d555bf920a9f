"""What leaves the rewriter: one statement that a store may run, and how to read its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sekisho.domain.access import TransformKind
from sekisho.domain.terms import Cell, ColumnType, StoreKind

NUMBER = "__person"
"""Name of the hidden person-number column of a governed table; requesters cannot name it."""

COPIES = "colocated"
"""Schema of the copies of datasets that carry the person number of each row, in a column :data:`NUMBER`."""


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
        What still happens on the way out (``pseudonym``, ``token``, ``mask_text``), or what happened at
        the scan.
    domain:
        Token domain, for ``token``.
    """

    name: str
    type: ColumnType | None
    transform: TransformKind
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Projection:
    """A table of people beside the data: raw key and person number.

    ``cells`` are the cells all of which a listed person has in force; empty means everybody known.
    ``table`` is the name under which the statement joins it. Without ``keys`` the table holds person
    numbers alone, each once, for data that carries them.
    """

    table: str
    identifier: str
    cells: tuple[Cell, ...]
    keys: bool = True


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
