"""How a governed table keeps the rows of those who may not be read out: one condition at its scan.

Which shape is cheapest was measured for each engine; ADR 20 has the table.
"""

from __future__ import annotations

import hashlib

from sqlglot import exp

from sekisho.domain.governed import Projection, Shape
from sekisho.domain.terms import Cell, ColumnType
from sekisho.errors import StatementRefused
from sekisho.query.dialects import Dialect
from sekisho.query.plan import Slot

_PREFIXES = {Shape.KEYS: "p", Shape.NUMBERS: "n", Shape.BITS: "b", Shape.HANDED: "h", Shape.ROWS: "r"}


def projection_of(
    identifier: str, cells: tuple[Cell, ...], shape: Shape, dataset: str = "", *, copied: bool = False
) -> Projection:
    """Return the people whose *identifier* is known and who agree to all *cells*, in one shape.

    *dataset* is the one whose rows are marked, *copied* whether those of its copy are; for rows only.
    """
    if shape is Shape.ROWS:
        digest = hashlib.sha256("\n".join((dataset, str(copied), identifier, *cells)).encode()).hexdigest()[:12]
        return Projection(f"{_PREFIXES[shape]}_{digest}", identifier, cells, shape, dataset, copied)
    of = "" if shape is Shape.NUMBERS else identifier
    digest = hashlib.sha256("\n".join((of, *cells)).encode()).hexdigest()[:12]
    return Projection(f"{_PREFIXES[shape]}_{digest}", identifier, cells, shape)


def restrict(
    select: exp.Select,
    people: Projection,
    key: exp.Column,
    number: exp.Expr,
    dialect: Dialect,
    *,
    key_type: ColumnType | None,
    optional: bool,
) -> list[Slot]:
    """Let through *select* the rows of *people* alone; return the parameters that the store puts in.

    Parameters
    ----------
    select:
        The scan of a governed table.
    people:
        Who may be read.
    key, number:
        Raw key and person number of a row.
    dialect:
        Of the engine.
    key_type:
        Type of the raw key in the catalogue.
    optional:
        Whether rows of nobody pass as well.
    """
    if people.shape is Shape.ROWS:
        return []  # the view that is read in the place of the files holds no other rows
    if people.travels:
        low, high, bits = (
            Slot(name, None, of_store=kind)
            for name, kind in zip(people.bits, ("BIGINT", "BIGINT", "BYTEA"), strict=True)
        )
        select.where(_bit_is_set(key, low, high, bits, dialect), copy=False)
        return [low, high, bits]
    matches: exp.Expr = (
        exp.EQ(this=column_of("k", "g"), expression=key)
        if people.keys
        else exp.EQ(this=column_of("n", "g"), expression=number.copy())
    )
    if people.keys and key_type is ColumnType.INTEGER and dialect.is_number is not None:
        # Else the text 017850 would be 17850, who is somebody else.
        matches = exp.and_(matches, dialect.is_number(key.copy()), copy=False)
    join = exp.Join(
        this=exp.Table(
            this=exp.to_identifier(people.table, quoted=True),
            db=exp.to_identifier(dialect.people_schema, quoted=True),
            alias=exp.TableAlias(this=exp.to_identifier("g", quoted=True)),
        ),
        on=matches,
        side="LEFT" if optional else None,
    )
    select.set("joins", [join])
    if not people.cells or not dialect.consent_travels:
        return []
    gone = Slot(people.withdrawn, None, of_store="BIGINT[]")
    select.where(exp.NEQ(this=column_of("n", "g"), expression=exp.All(this=exp.Paren(this=_value(gone)))), copy=False)
    return [gone]


def _bit_is_set(key: exp.Column, low: Slot, high: Slot, bits: Slot, dialect: Dialect) -> exp.Expr:
    """Return the condition that the bit of *key* is set; a key that has no bit is nobody's."""
    if dialect.bit is None:
        raise StatementRefused(f"{dialect.title} takes no bits of keys.")
    bit = dialect.bit(_value(bits), exp.Sub(this=key.copy(), expression=_value(low)))
    has_bit = exp.Between(this=key, low=_value(low), high=_value(high))
    # CASE, because the function fails on a place that is not there, and conditions have no order.
    return exp.Case(
        ifs=[exp.If(this=has_bit, true=exp.EQ(this=bit, expression=exp.Literal.number(1)))],
        default=exp.Boolean(this=False),
    )


def _value(slot: Slot) -> exp.Placeholder:
    return exp.Placeholder(this=slot.name)


def column_of(name: str, table: str) -> exp.Column:
    """Return the column *name* of the table called *table*."""
    return exp.Column(this=exp.to_identifier(name, quoted=True), table=exp.to_identifier(table, quoted=True))
