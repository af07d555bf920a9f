"""Row filters of a permit as conditions at the scan of a governed table, below its fence.

Their values are parameters: no value of a policy stands in SQL text, nor in what ``:explain`` shows. A column that
cannot be read as what the catalogue says of it makes the condition unknown, and the row does not pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from sekisho.domain.row_filters import Ago, AllOf, AnyOf, Comparison, IsNull, Literal, Negated, RowFilter
from sekisho.domain.terms import Column, ColumnType, Dataset, StoreKind
from sekisho.errors import StatementRefused
from sekisho.query.consent import column_of
from sekisho.query.plan import Slot

if TYPE_CHECKING:
    from sekisho.query.draft import Draft

_OPERATORS: Mapping[str, type[exp.Binary]] = {
    "eq": exp.EQ, "ne": exp.NEQ, "lt": exp.LT, "le": exp.LTE, "gt": exp.GT, "ge": exp.GTE,
}  # fmt: skip
_TIMES = {ColumnType.DATE: "DATE", ColumnType.TIMESTAMP: "TIMESTAMP"}


def filtered(condition: RowFilter, dataset: Dataset, draft: Draft) -> exp.Expr:
    """Return *condition* over the physical columns of *dataset*; its values become slots of *draft*."""
    match condition:
        case AllOf(parts):
            return exp.Paren(this=exp.and_(*(filtered(part, dataset, draft) for part in parts), copy=False))
        case AnyOf(parts):
            return exp.Paren(this=exp.or_(*(filtered(part, dataset, draft) for part in parts), copy=False))
        case Negated(part):
            return exp.Not(this=exp.Paren(this=filtered(part, dataset, draft)))
        case IsNull(name):
            return exp.Is(this=_read(_column(name, dataset), draft), expression=exp.Null())
        case Comparison(name, op, value):
            column = _column(name, dataset)
            left = _read(column, draft)
            if not isinstance(value, tuple):
                return _OPERATORS[op](this=left, expression=_value(value, column, draft))
            values = [_value(each, column, draft) for each in value]
            return exp.In(this=left, expressions=values) if values else exp.Boolean(this=False)


def _column(name: str, dataset: Dataset) -> Column:
    column = dataset.column(name)
    if column is None:
        raise StatementRefused("The policy filters rows by a column that is not in the catalogue.")
    return column


def _read(column: Column, draft: Draft) -> exp.Expr:
    """Return the column as a value of its declared type, NULL where it is none."""
    read: exp.Expr = column_of(column.name, "t")
    time = _TIMES.get(column.type)
    if time is None:
        return read
    if column.type is ColumnType.TIMESTAMP and draft.dialect.instants is not None:
        return draft.dialect.instant(read)
    if draft.dialect.kind is StoreKind.SQLITE:  # which has no type for days, and no one way to write them
        return exp.Anonymous(this="JULIANDAY", expressions=[read])
    if draft.dialect.kind is StoreKind.DUCKDB:  # files say themselves what their columns are
        return exp.TryCast(this=read, to=exp.DataType.build(time))
    return read


def _value(value: Literal | Ago, column: Column, draft: Draft) -> exp.Expr:
    name = f"v{len(draft.slots)}"
    words = draft.dialect.instants if column.type is ColumnType.TIMESTAMP else None
    if isinstance(value, Ago):
        draft.slots[name] = Slot(name, None, ago=value, expects=column.type, instant=words)
    else:
        draft.slots[name] = Slot(name, None, value, instant=words)
    placeholder: exp.Expr = exp.Placeholder(this=name)
    time = _TIMES.get(column.type)
    if time is not None and words is None and draft.dialect.kind is StoreKind.SQLITE:
        return exp.Anonymous(this="JULIANDAY", expressions=[placeholder])
    if time is not None and draft.dialect.kind is StoreKind.DUCKDB:
        return exp.Cast(this=placeholder, to=exp.DataType.build(time))
    return placeholder
