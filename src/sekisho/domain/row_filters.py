"""Which rows of a dataset a permit reaches: a small tree of comparisons over catalogue columns, never SQL text.

As JSON: ``{"column", "op", "value"}`` with ``op`` one of ``eq ne lt le gt ge in``, ``{"column", "op": "is_null"}``,
``{"and": […]}``, ``{"or": […]}`` and ``{"not": …}``. A value has the type of its column; of a date or timestamp it
may also be ``{"ago": {"years": 18}}`` or ``{"ago": {"days": 730}}``, so long before the statement runs. The logic is
that of SQL: a row for which a filter is neither true nor false does not pass, and neither does its negation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sekisho.domain.read_json import as_list, as_mapping, as_string
from sekisho.domain.terms import Column, ColumnType, Dataset

Literal = str | int | float | bool

_OPS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "in"})
_MOST_NODES = 256
_DEEPEST = 8
_MOST_AGO = {"years": 150, "days": 36_500}


@dataclass(frozen=True, slots=True)
class Ago:
    """So long before the statement runs, in whole years and days."""

    years: int = 0
    days: int = 0

    def before(self, now: datetime) -> datetime:
        """Return the instant so long before *now*, of the same zone; 29 February becomes the 28th."""
        year = now.year - self.years
        leap = now.month == 2 and now.day == 29 and (year % 4 != 0 or (year % 100 == 0 and year % 400 != 0))
        return now.replace(year=year, day=28 if leap else now.day) - timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``column op value``; for ``in`` the value is a tuple of literals, of which none is passed by no row."""

    column: str
    op: str
    value: Literal | Ago | tuple[Literal, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class IsNull:
    """The column has no value."""

    column: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[RowFilter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part at least holds."""

    parts: tuple[RowFilter, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """The part is false; where it is unknown, so is this."""

    part: RowFilter


RowFilter = Comparison | IsNull | AllOf | AnyOf | Negated


def columns_of(part: RowFilter) -> Iterator[str]:
    """Yield the columns that a filter reads."""
    match part:
        case Comparison(column=column) | IsNull(column=column):
            yield column
        case Negated(part=inner):
            yield from columns_of(inner)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for each in parts:
                yield from columns_of(each)


def filters_from_json(value: object, dataset: Dataset) -> tuple[RowFilter, ...]:
    """Read the filters of one dataset, all of which hold.

    Raises ``ValueError`` for whatever is not one over columns of *dataset* with values of their types.
    """
    reader = _Reader(dataset)
    return tuple(reader.read(item, 1) for item in as_list(value, "row_filters"))


def filter_json(part: RowFilter) -> dict[str, object]:
    """Return a filter as the policy writes it."""
    match part:
        case Comparison(column, op, value):
            if isinstance(value, Ago):
                ago = {unit: n for unit, n in (("years", value.years), ("days", value.days)) if n}
                return {"column": column, "op": op, "value": {"ago": ago}}
            return {"column": column, "op": op, "value": list(value) if isinstance(value, tuple) else value}
        case IsNull(column):
            return {"column": column, "op": "is_null"}
        case AllOf(parts):
            return {"and": [filter_json(each) for each in parts]}
        case AnyOf(parts):
            return {"or": [filter_json(each) for each in parts]}
        case Negated(inner):
            return {"not": filter_json(inner)}


class _Reader:
    """Reads the filters of one dataset; they are bounded, because a plan is made of them."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._left = _MOST_NODES

    def read(self, value: object, depth: int) -> RowFilter:
        self._spend(1, depth)
        item = as_mapping(value, "row filter")
        match tuple(item):
            case ("and",):
                return AllOf(self._parts(item["and"], depth))
            case ("or",):
                return AnyOf(self._parts(item["or"], depth))
            case ("not",):
                return Negated(self.read(item["not"], depth + 1))
        return self._comparison(item)

    def _spend(self, nodes: int, depth: int = 0) -> None:
        self._left -= nodes
        if self._left < 0 or depth > _DEEPEST:
            raise ValueError("row filters that are too large")

    def _parts(self, value: object, depth: int) -> tuple[RowFilter, ...]:
        parts = tuple(self.read(item, depth + 1) for item in as_list(value, "row filter"))
        if not parts:
            raise ValueError("a row filter without parts says nothing")
        return parts

    def _comparison(self, item: dict[str, object]) -> RowFilter:
        column = self._dataset.column(as_string(item.get("column"), "column"))
        op = as_string(item.get("op"), "op")
        if column is None:
            raise ValueError("a row filter over a column that is not in the catalogue")
        if op == "is_null" and set(item) == {"column", "op"}:
            return IsNull(column.name)
        if set(item) != {"column", "op", "value"} or op not in _OPS:
            raise ValueError("a row filter that is not {column, op, value}")
        if column.type is ColumnType.BOOLEAN and op not in {"eq", "ne"}:
            raise ValueError("truth values are equal or not")
        if op == "in":
            values = as_list(item["value"], "value")
            self._spend(len(values))
            return Comparison(column.name, op, tuple(_literal(each, column) for each in values))
        if isinstance(item["value"], dict):
            return Comparison(column.name, op, _ago(item["value"], column))
        return Comparison(column.name, op, _literal(item["value"], column))


def _ago(value: dict[str, object], column: Column) -> Ago:
    span = as_mapping(value.get("ago"), "ago")
    if set(value) != {"ago"} or not span or not set(span) <= set(_MOST_AGO):
        raise ValueError("a value that is not {ago: {years, days}}")
    if column.type not in {ColumnType.DATE, ColumnType.TIMESTAMP}:
        raise ValueError("ago is for dates and timestamps")
    numbers: dict[str, int] = {}
    for unit, number in span.items():
        if type(number) is not int or not 0 <= number <= _MOST_AGO[unit]:
            raise ValueError("ago is in whole years and days")
        numbers[unit] = number
    return Ago(**numbers)


def _literal(value: object, column: Column) -> Literal:
    if isinstance(value, bool):
        if column.type is ColumnType.BOOLEAN:
            return value
    elif isinstance(value, int):
        if column.type in {ColumnType.INTEGER, ColumnType.DOUBLE} and abs(value) <= 2**53 - 1:
            return value
    elif isinstance(value, float):
        if column.type is ColumnType.DOUBLE and math.isfinite(value):
            return value
        if column.type is ColumnType.INTEGER and value.is_integer() and abs(value) <= 2**53 - 1:
            return int(value)  # an engine of policies may write whole numbers so
    elif isinstance(value, str):
        match column.type:
            case ColumnType.STRING:
                return value
            case ColumnType.DATE:
                return date.fromisoformat(value).isoformat()
            case ColumnType.TIMESTAMP:
                return instant_text(datetime.fromisoformat(value))
    raise ValueError("a row filter's value has not the type of its column")


def instant_text(instant: datetime) -> str:
    """Return *instant* as stores hold timestamps: in UTC, without a zone; one without a zone is taken as it is."""
    plain = instant if instant.tzinfo is None else instant.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(" ")
