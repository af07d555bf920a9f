"""The five forms of an answer, and which one a request asks for.

| media type | page | leaves |
|---|---|---|
| ``application/json`` | 10,000 rows | one page; ``next_cursor`` names the one that follows |
| ``application/x-ndjson`` | 10,000 rows | page by page, last line ``{"complete": …}`` |
| ``text/csv`` | 10,000 rows | whole |
| ``application/vnd.apache.arrow.stream`` | 32,768 rows | page by page, last batch's metadata ``complete`` |
| ``application/vnd.apache.parquet`` | 65,536 rows | whole |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

import orjson
import pyarrow as pa

from sekisho.domain.access import TransformKind
from sekisho.domain.governed import Output
from sekisho.domain.terms import ColumnType
from sekisho.errors import InvalidRequest
from sekisho.http.rows import csv_header, csv_lines, json_rows, ndjson_lines, without_spans
from sekisho.http.services import Release
from sekisho.release import ReleasedPage

ROWS_PER_PAGE: Final = 10_000
ROWS_PER_BATCH: Final = 32_768  # several pages are in memory at once: one is sent, one made, one read
ROWS_PER_GROUP: Final = 65_536

_SPREAD: Final = frozenset({TransformKind.PSEUDONYM, TransformKind.TOKEN, TransformKind.HMAC})


class Encoder(Protocol):
    """Turns the pages of one answer into bytes, in order."""

    def page(self, page: ReleasedPage) -> bytes:
        """Return what this page adds; the first page brings the head of the format, the last its end."""


@dataclass(frozen=True, slots=True)
class Format:
    """One form of an answer.

    Attributes
    ----------
    name:
        Short name, for metrics and the command line.
    media_type:
        What ``Accept`` calls it.
    page_rows:
        Rows of a page.
    encoder:
        Makes the encoder of one answer; ``None`` for JSON, which is one page.
    whole:
        Whether an answer of several pages leaves only when all of it is there.
    charset:
        Appended to the media type of text.
    """

    name: str
    media_type: str
    page_rows: int
    encoder: Callable[[Release], Encoder] | None
    whole: bool = False
    charset: str = ""

    @property
    def content_type(self) -> str:
        """The ``Content-Type`` of the answer."""
        return self.media_type + self.charset


class _Ndjson:
    """Objects, one a line, and a closing line."""

    def __init__(self, release: Release) -> None:
        self._id = release.id
        self._rows = 0

    def page(self, page: ReleasedPage) -> bytes:
        self._rows += page.batch.num_rows
        lines = ndjson_lines(page.batch)
        if not page.last:
            return lines
        end = {"complete": page.complete, "rows": self._rows, "id": self._id, "audit_seq": page.audit_seq}
        return lines + orjson.dumps(end) + b"\n"


class _Csv:
    """Lines below a header."""

    def __init__(self, release: Release) -> None:
        self._head = csv_header([output.name for output in release.columns])

    def page(self, page: ReleasedPage) -> bytes:
        head, self._head = self._head, b""
        return head + csv_lines(page.batch)


class _Collected:
    """A file that keeps what is written until it is taken."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes | pa.Buffer] = []
        self._written = 0

    def write(self, data: object) -> int:
        # A column of Arrow comes as a buffer that stays as it is: one copy of it, when all is taken, is enough.
        part = data if isinstance(data, pa.Buffer) else bytes(cast("bytes", data))
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def close(self) -> None:
        """The owner closes."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


class _Arrow:
    """The Arrow IPC streaming format; the last batch says whether the answer is complete."""

    def __init__(self, release: Release) -> None:
        self._file = _Collected()
        self._schema = release.schema
        self._writer = pa.ipc.new_stream(self._file, release.schema)

    def page(self, page: ReleasedPage) -> bytes:
        batch = _conform(page.batch, self._schema)
        if page.last:
            complete = "true" if page.complete else "false"
            self._writer.write_batch(batch, custom_metadata={"complete": complete})
            self._writer.close()
        else:
            self._writer.write_batch(batch)
        return self._file.take()


class _Parquet:
    """An Apache Parquet file, one row group a page."""

    def __init__(self, release: Release) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415 - some megabytes that other forms do without

        self._file = _Collected()
        self._schema = release.schema
        # Tokens and pseudonyms hardly repeat: a dictionary of them would be made, found too large and thrown away.
        repeated = [output.name for output in release.columns if output.transform not in _SPREAD]
        # zstd at its default level: half the size of snappy for the same time on text columns.
        told = without_spans(pa.RecordBatch.from_pylist([], release.schema)).schema
        self._writer = pq.ParquetWriter(self._file, told, compression="zstd", use_dictionary=repeated)

    def page(self, page: ReleasedPage) -> bytes:
        if page.batch.num_rows:
            self._writer.write_batch(without_spans(_conform(page.batch, self._schema)))
        if page.last:
            self._writer.close()
        return self._file.take()


def _conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return *batch* under *schema*: a page without rows may have come with looser types."""
    return batch if batch.schema.equals(schema) else batch.cast(schema)


JSON: Final = Format("json", "application/json", ROWS_PER_PAGE, None)
NDJSON: Final = Format("ndjson", "application/x-ndjson", ROWS_PER_PAGE, _Ndjson)
CSV: Final = Format("csv", "text/csv", ROWS_PER_PAGE, _Csv, whole=True, charset="; charset=utf-8; header=present")
ARROW: Final = Format("arrow", "application/vnd.apache.arrow.stream", ROWS_PER_BATCH, _Arrow)
PARQUET: Final = Format("parquet", "application/vnd.apache.parquet", ROWS_PER_GROUP, _Parquet, whole=True)
FORMATS: Final = (JSON, NDJSON, CSV, ARROW, PARQUET)
"""All forms, the preferred one first."""


def negotiate(accept: str | None) -> Format:
    """Return the form that an ``Accept`` header asks for (RFC 9110, 12.5.1); without one, JSON.

    The highest weight wins, then what is named over what a range covers, then the order of :data:`FORMATS`.
    Raises ``InvalidRequest`` when none fits.
    """
    if accept is None or accept in {"", "*/*", "application/json"}:
        return JSON
    weights = weights_of(accept)
    best, best_rank = None, (0.0, 0)
    for form in FORMATS:
        kind = form.media_type.partition("/")[0]
        ranges = ("*/*", f"{kind}/*", form.media_type)
        named = max((place for place, one in enumerate(ranges) if one in weights), default=0)
        rank = (weights.get(ranges[named], 0.0), named)
        if rank[0] > 0 and rank > best_rank:
            best, best_rank = form, rank
    if best is None:
        known = ", ".join(form.media_type for form in FORMATS)
        raise InvalidRequest(f"None of the media types in Accept is known here; these are: {known}.")
    return best


def weights_of(accept: str) -> dict[str, float]:
    """Return what ``Accept`` or ``Accept-Language`` names, with its weight; a weight that cannot be read is 0."""
    weights: dict[str, float] = {}
    for item in accept[:4096].split(","):
        media_range, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = _quality(value.strip())
        weights[media_range] = max(weight, weights.get(media_range, 0.0))
    return weights


def language_of(accept_language: str | None, languages: Sequence[str]) -> str:
    """Return which of *languages* an ``Accept-Language`` header likes best, the first of equals."""
    weights: dict[str, float] = {}
    for name, weight in weights_of(accept_language or "").items():
        language = name.partition("-")[0]
        weights[language] = max(weight, weights.get(language, 0.0))
    return max(languages, key=lambda language: weights.get(language, 0.0))


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0.0 <= value <= 1.0 else 0.0


def json_document(release: Release, page: ReleasedPage) -> bytes:
    """Return the JSON answer of one page. *page* not being the last makes it incomplete; a cursor goes on."""
    document: dict[str, object] = {
        "columns": [_column(output, release.schema, i) for i, output in enumerate(release.columns)],
        "rows": json_rows(page.batch),
        "release": {
            "id": release.id,
            "audit_seq": page.audit_seq,
            "policy_revision": release.policy_revision,
            "consent_seq": release.consent_seq,
            "rows": page.batch.num_rows,
            "complete": page.last and page.complete,
        },
    }
    if page.cursor is not None:
        document["next_cursor"] = page.cursor
    return orjson.dumps(document, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)


def _column(output: Output, schema: pa.Schema, index: int) -> dict[str, str]:
    kind = output.type or _word(schema.field(index).type)
    return {"name": output.name, "type": kind.value, "transform": output.transform.value}


def _word(kind: pa.DataType) -> ColumnType:
    """Return the catalogue's word for an Arrow type, as JSON shows its values."""
    if pa.types.is_boolean(kind):
        return ColumnType.BOOLEAN
    if pa.types.is_integer(kind):
        return ColumnType.INTEGER
    if pa.types.is_decimal(kind):
        return ColumnType.INTEGER if kind.scale == 0 else ColumnType.DOUBLE
    if pa.types.is_floating(kind):
        return ColumnType.DOUBLE
    if pa.types.is_date(kind):
        return ColumnType.DATE
    if pa.types.is_timestamp(kind):
        return ColumnType.TIMESTAMP
    return ColumnType.STRING
