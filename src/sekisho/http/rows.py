"""Arrow batches as JSON values, NDJSON lines and CSV lines.

The rules are one for all three: instants are UTC (RFC 3339), a number that is not finite is null, bytes are base64.
A date or instant outside the years 1 to 9999 has its year with sign and six digits or more (``+010000-01-01``,
ISO 8601 as ECMAScript reads it); infinity is the last or the first of these years. A span of time is as ISO 8601 has
it, with a sign at each part. JSON numbers are doubles, so
decimals become doubles there; CSV keeps their digits.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.domain.spreadsheets import FORMULA, FORMULA_START

if TYPE_CHECKING:
    import polars as pl

# polars is loaded with the first page that needs it: twenty megabytes that a service of Arrow alone does without.
_INSTANT: Final = "%Y-%m-%dT%H:%M:%S%.fZ"
# Below this many rows building a polars frame costs more than plain lists (measured: 108 against 9 µs
# for one row, even at about a hundred).
_SMALL: Final = 64


_DAYS: Final = (-719_162, 2_932_896)  # 0001-01-01 and 9999-12-31
_INFINITE: Final = {"D": 2**31 - 1}  # as DuckDB has it, with either sign; of instants the largest integer
_A_DAY: Final = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def json_rows(batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
    """Return the rows as tuples that ``orjson`` writes (with naive instants being UTC)."""
    columns = [_plain(column) for column in batch.columns]
    if batch.num_rows <= _SMALL:
        return list(zip(*(column.to_pylist() for column in columns), strict=True))
    return _frame(columns, [str(i) for i in range(len(columns))]).rows()


def ndjson_lines(batch: pa.RecordBatch) -> bytes:
    """Return the rows as JSON objects, one a line. Repeated names get numbers."""
    import polars as pl  # noqa: PLC0415 - a library of 30 MB that only CSV and NDJSON need

    frame = _frame([_plain(column) for column in batch.columns], unique_names(batch.schema.names))
    return (
        frame.with_columns(pl.col(pl.Datetime).dt.strftime(_INSTANT)).write_ndjson().encode()
        if batch.num_rows
        else b""
    )


def csv_header(names: Sequence[str]) -> bytes:
    """Return the header line (RFC 4180)."""
    cells = [f"'{name}" if FORMULA_START.match(name) else name for name in names]
    return (",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\r\n").encode()


def csv_lines(batch: pa.RecordBatch) -> bytes:
    """Return the rows as CSV lines (RFC 4180), UTF-8; a missing value is empty, an empty text ``""``.

    A text that a spreadsheet would run gets an apostrophe in front; numbers stay numbers. To undo it, take one
    apostrophe off each cell of a text column that begins with one and would run without it: exact, because a text
    that began like that by itself got another in front.
    """
    from polars import selectors  # noqa: PLC0415

    if not batch.num_rows:
        return b""
    columns = [_plain(column, exact=True) for column in batch.columns]
    frame = _frame(columns, [str(i) for i in range(len(columns))])
    texts = [str(i) for i, column in enumerate(batch.columns) if not pa.types.is_temporal(column.type)]
    frame = frame.with_columns((selectors.by_name(texts) & selectors.string()).str.replace(FORMULA, "'${0}"))
    return frame.write_csv(include_header=False, line_terminator="\r\n", datetime_format=_INSTANT).encode()


def unique_names(names: Sequence[str]) -> list[str]:
    """Return *names* with repeated ones numbered."""
    taken = set(names)
    seen: set[str] = set()
    unique: list[str] = []
    for name in names:
        candidate, number = name, 2
        while candidate in seen or (candidate != name and candidate in taken):
            candidate, number = f"{name}_{number}", number + 1
        seen.add(candidate)
        unique.append(candidate)
    return unique


def _frame(columns: Sequence[pa.Array], names: Sequence[str]) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - a library of 30 MB that only CSV and NDJSON need

    frame = pl.from_arrow(pa.RecordBatch.from_arrays(columns, names=names))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a batch has columns
    return frame


def _plain(column: pa.Array, *, exact: bool = False) -> pa.Array:
    """Return *column* as one of the types that JSON and CSV know; *exact* keeps decimals."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.dictionary_decode(), exact=exact)
    if pa.types.is_floating(kind):
        finite = pc.is_finite(column)
        # Most columns hold finite numbers only; these pass without a copy.
        if pc.all(finite, skip_nulls=True).as_py() is False:
            column = pc.if_else(finite, column, pa.scalar(None, kind))
        return column
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            # Arrow keeps zoned instants in UTC, so this drops the label only.
            column = column.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit))
        far = None if kind.unit == "ns" else _far(column, kind.unit)  # nanoseconds end in the year 2262
        return column.cast(pa.timestamp("us"), safe=False) if far is None else far
    if pa.types.is_date32(kind):
        far = _far(column, "D")
        return column if far is None else far
    if pa.types.is_decimal(kind):
        return column if exact else _number(column)
    if pa.types.is_interval(kind):
        return _spans(column)
    if pa.types.is_duration(kind):
        return pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array(
            [None if v is None else base64.b64encode(v).decode("ascii") for v in column.to_pylist()], pa.string()
        )
    if pa.types.is_list(kind):
        lists = (None if each.values is None else _plain(each.values).to_pylist() for each in column)
        return pa.array([None if each is None else _nested(each) for each in lists], pa.string())
    if pa.types.is_nested(kind):
        return pa.array([None if v is None else _nested(v) for v in column.to_pylist()], pa.string())
    return column


def without_spans(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return *batch* with spans of time as texts: Parquet has no type for them."""
    if not any(map(pa.types.is_interval, batch.schema.types)):
        return batch
    columns = [_spans(column) if pa.types.is_interval(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _spans(column: pa.Array) -> pa.Array:
    return pa.array([None if span is None else _span(*span) for span in column.to_pylist()], pa.string())


def _span(months: int, days: int, nanoseconds: int) -> str:
    """Return a span of time (ISO 8601), each part with a sign of its own: ``P1Y2M-3DT1H2M3.5S``."""
    years, months = _parts(months, 12)
    minutes, nanoseconds = _parts(nanoseconds, 60_000_000_000)
    hours, minutes = _parts(minutes, 60)
    whole, rest = _parts(nanoseconds, 1_000_000_000)
    seconds = f"{'-' if nanoseconds < 0 else ''}{abs(whole)}.{abs(rest):09d}".rstrip("0").rstrip(".")
    day = "".join(f"{n}{unit}" for n, unit in ((years, "Y"), (months, "M"), (days, "D")) if n)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M")) if n)
    clock += f"{seconds}S" if nanoseconds or not (day or clock) else ""
    return f"P{day}" + (f"T{clock}" if clock else "")


def _parts(number: int, size: int) -> tuple[int, int]:
    """Return how often *size* is in *number*, and the rest, both with its sign."""
    often, rest = divmod(abs(number), size)
    return (-often, -rest) if number < 0 else (often, rest)


def _far(column: pa.Array, unit: str) -> pa.Array | None:
    """Return days (``D``) or instants (``s``, ``ms``, ``us``) as texts; ``None`` where four digits do for all."""
    raw = column.cast(pa.int32() if unit == "D" else pa.int64())
    first, end = (day * _A_DAY.get(unit, 1) for day in (_DAYS[0], _DAYS[1] + 1))
    bounds = pc.min_max(raw).as_py()
    if bounds["min"] is None or (bounds["min"] >= first and bounds["max"] < end):
        return None
    infinite = _INFINITE.get(unit, 2**63 - 1)
    return pa.array(
        [
            None
            if value is None
            else _spelled(end - 1 if value == infinite else first if -value == infinite else value, unit)
            for value in raw.to_pylist()
        ],
        pa.string(),
    )


def _spelled(value: int, unit: str) -> str:
    """Return the day or instant that is *value* units after 1970 (ISO 8601; an instant ends in ``Z``)."""
    text = str(np.int64(value).astype(f"datetime64[{unit}]"))
    day, _, clock = text.partition("T")
    year, month, day_of_month = day.rsplit("-", 2)
    if not (len(year) == len("2011") and year.isdigit() and year != "0000"):
        year = f"{int(year):+07d}"
    fraction = clock.partition(".")[2]
    clock = clock if fraction.strip("0") else clock.partition(".")[0]
    return f"{year}-{month}-{day_of_month}" + (f"T{clock}Z" if clock else "")


def _number(column: pa.Array) -> pa.Array:
    """Return whole decimals as 64-bit integers where they fit (sums of integers), others as doubles."""
    if column.type.scale == 0:
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            pass
    return column.cast(pa.float64())


def _nested(value: object) -> str:
    return orjson.dumps(
        value, default=str, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
    ).decode()
