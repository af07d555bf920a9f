"""Arrow batches from the driver's rows, and the driver's arguments from the gateway's parameters.

An answer's types are those that the server says its columns have, so that every page has the same schema.
Instants are in UTC and without a zone, as in every store. A numeric that the catalogue declares is a double, as it
says. A computed one is exact where it is whole, as sums and counts of integers are, and a double where it is not:
the server does not say which, so the first page does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from sekisho.domain.governed import GovernedQuery
from sekisho.errors import StatementRefused

_WHOLE = re.compile(r"-?\d{1,38}")
_ARROW = {
    **dict.fromkeys(("int2", "int4", "int8"), pa.int64()),
    **dict.fromkeys(("float4", "float8", "numeric"), pa.float64()),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "char", "unknown"), pa.string()),
    **dict.fromkeys(("uuid", "interval", "time", "timetz", "inet", "cidr", "macaddr", "json", "jsonb"), pa.string()),
    **dict.fromkeys(("timestamp", "timestamptz"), pa.timestamp("us")),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "bytea": pa.binary(),
}


def schema_of(query: GovernedQuery, attributes: Sequence[Any]) -> pa.Schema:
    """Return the schema of an answer whose columns the server describes by *attributes*.

    Raises ``StatementRefused`` for a type that has no form outside of PostgreSQL.
    """
    if len(attributes) != len(query.outputs) + query.carried:
        raise StatementRefused("PostgreSQL answers with other columns than those that were decided about.")
    fields = []
    for attribute in attributes:
        kind = attribute.type
        arrow = _ARROW.get(kind.name) if kind.schema == "pg_catalog" else None
        if arrow is None and kind.schema != "pg_catalog" and kind.kind == "scalar":
            arrow = pa.string()  # an enumeration; anything else is no text and is refused with its first value
        if arrow is None:
            raise StatementRefused("A column of the answer has a type that is not released; cast it to text.")
        fields.append(pa.field(attribute.name, arrow))
    return pa.schema(fields)


def numerics(query: GovernedQuery, attributes: Sequence[Any]) -> list[int]:
    """Return which columns are computed numerics, whose type the first page decides."""
    return [
        position
        for position, (attribute, output) in enumerate(zip(attributes, query.outputs, strict=False))
        if attribute.type.name == "numeric" and attribute.type.schema == "pg_catalog" and output.type is None
    ]


def decided(schema: pa.Schema, computed: Sequence[int], columns: Sequence[Sequence[object]]) -> pa.Schema:
    """Return *schema* with the type of each of the *computed* numerics, by the *columns* of the first page.

    The texts of PostgreSQL keep their scale: one that comes without a point is a whole number by its type.
    """
    for position in computed:
        known = [value for value in columns[position] if value is not None]
        if known and all(_WHOLE.fullmatch(str(value)) for value in known):
            schema = schema.set(position, schema.field(position).with_type(pa.decimal128(38, 0)))
    return schema


def batch_of(rows: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    """Return the driver's *rows* as one batch. Raises ``StatementRefused`` where a value is not of its type."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    try:
        return pa.record_batch(
            [_array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema
        )
    except (pa.ArrowException, OverflowError, TypeError):
        raise StatementRefused("A column of the answer has a type that is not released; cast it to text.") from None


def _array(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    if pa.types.is_floating(kind):
        values = [float(value) if isinstance(value, Decimal) else value for value in values]
    return pa.array(values, kind)


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None)


def _zoned(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


_READ: Mapping[str, Callable[[str], object]] = {
    "date": lambda text: datetime.fromisoformat(text).date() if len(text) > len("2011-01-01") else _day(text),
    "timestamp": _instant,
    "timestamptz": _zoned,
}


def _day(text: str) -> date:
    return date.fromisoformat(text)


def arguments(values: Mapping[str, object], types: Sequence[Any]) -> list[object]:
    """Return the values of ``$1``, ``$2`` … as the driver wants them for the server's *types*.

    Raises ``ValueError`` for a date or an instant that is none.
    """
    return [
        _READ[kind.name](value) if isinstance(value, str) and kind.name in _READ else value
        for value, kind in zip(values.values(), types, strict=True)
    ]


def plain(row: Sequence[object]) -> tuple[object, ...]:
    """Return a row whose instants are in UTC and naive, and whose numerics are doubles."""
    return tuple(_plain(value) for value in row)


def _plain(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return float(value) if isinstance(value, Decimal) else value
