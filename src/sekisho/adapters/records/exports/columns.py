"""Records as a table: for spreadsheets (CSV) and for auditors' own SQL (Parquet).

Both have the same columns, in the same order; the last is the record itself, byte for byte, so that a row can be held
against the log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
import pyarrow as pa

from sekisho.domain.record import leaf_hash
from sekisho.domain.spreadsheets import FORMULA

Rows = Sequence[dict[str, Any]]

_MANY: Final = pa.list_(pa.string())
_TEXTS: Final = ("id", "kind", "requester", "purpose", "decision", "code", "legal_basis", "recipient", "action")
_LISTS: Final = ("reasons", "datasets", "stores")
_NUMBERS: Final = ("rows", "bytes", "page")


def _texts(name: str) -> Callable[[Rows], pa.Array]:
    return lambda rows: pa.array([v if type(v := r.get(name)) is str else None for r in rows], pa.string())


def _numbers(name: str) -> Callable[[Rows], pa.Array]:
    return lambda rows: pa.array([v if type(v := r.get(name)) is int else None for r in rows], pa.int64())


def _lists(name: str) -> Callable[[Rows], pa.Array]:
    def column(rows: Rows) -> pa.Array:
        values = [r.get(name) for r in rows]
        return pa.array([[str(each) for each in v] if type(v) is list else None for v in values], _MANY)

    return column


def _inner(name: str, inner: str, kind: type) -> Callable[[Rows], pa.Array]:
    """Return the column of what stands at *inner* below *name*."""

    def column(rows: Rows) -> pa.Array:
        values = [v.get(inner) if type(v := r.get(name)) is dict else None for r in rows]
        return pa.array([v if type(v) is kind else None for v in values], pa.int64() if kind is int else pa.string())

    return column


def _times(rows: Rows) -> pa.Array:
    return pa.array([datetime.fromisoformat(row["at"]) for row in rows], pa.timestamp("us", "UTC"))


def _consent_seqs(rows: Rows) -> pa.Array:
    values = [v.get("seq") if type(v := r.get("consent")) is dict else r.get("consent_seq") for r in rows]
    return pa.array([v if type(v) is int else None for v in values], pa.int64())


_COLUMNS: Final[dict[str, tuple[pa.DataType, Callable[[Rows], pa.Array]]]] = {
    "seq": (pa.int64(), _numbers("seq")),
    "at": (pa.timestamp("us", "UTC"), _times),
    **{name: (pa.string(), _texts(name)) for name in _TEXTS},
    **{name: (_MANY, _lists(name)) for name in _LISTS},
    **{name: (pa.int64(), _numbers(name)) for name in _NUMBERS},
    "parent_id": (pa.string(), _texts("parent_id")),
    "people": (pa.int64(), _inner("subjects", "n", int)),
    "people_digest": (pa.string(), _inner("subjects", "digest", str)),
    "policy_revision": (pa.string(), _inner("policy", "revision", str)),
    "consent_seq": (pa.int64(), _consent_seqs),
    "query_fingerprint": (pa.string(), _texts("query_fp")),
    "writer": (pa.string(), _texts("writer")),
    "wseq": (pa.int64(), _numbers("wseq")),
}

SCHEMA: Final = pa.schema(
    [
        *((name, kind) for name, (kind, _) in _COLUMNS.items()),
        ("leaf_hash", pa.binary(32)),
        ("record", pa.binary()),
    ]
)
"""Names and types of the columns."""


def record_batch(records: Sequence[bytes]) -> pa.RecordBatch:
    """Return *records* as rows of :data:`SCHEMA`."""
    rows = [orjson.loads(record) for record in records]
    columns = [build(rows) for _, build in _COLUMNS.values()]
    columns.append(pa.array([leaf_hash(record) for record in records], pa.binary(32)))
    columns.append(pa.array(records, pa.binary()))
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def csv_head() -> bytes:
    """Return the line with the names of the columns."""
    return (",".join(SCHEMA.names) + "\r\n").encode()


def csv_rows(records: Sequence[bytes]) -> bytes:
    """Return *records* as lines (RFC 4180); a text that a spreadsheet would run gets an apostrophe in front."""
    import polars as pl  # noqa: PLC0415 - a library of 30 MB that only this form needs

    frame = pl.from_arrow(record_batch(records))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a batch has columns
    frame = frame.with_columns(
        pl.col(pl.List(pl.String)).list.join(" "),
        pl.col("leaf_hash").bin.encode("hex"),
        pl.col("record").cast(pl.String),
        pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"),
    ).with_columns(pl.col(pl.String).str.replace(FORMULA, "'${0}"))
    return frame.write_csv(include_header=False, line_terminator="\r\n").encode()
