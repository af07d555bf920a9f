"""Turns records into the bytes of a form, group by group, so that memory does not grow with the export."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import pyarrow as pa

from sekisho.domain.audit_export import ExportFormat

_SLICE: Final = 250  # records turned into lines at once: what is hashed and written is still in the cache
_COLUMNS: Final = 2_000  # records turned into columns at once
_ROW_GROUP: Final = 32_768  # rows of a Parquet row group, at most
_ROW_GROUP_BYTES: Final = 16 << 20  # and bytes of records


class HashedFile:
    """A new file, written from its beginning to its end, and the SHA-256 of what was written.

    Parameters
    ----------
    path:
        Must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._hash = hashlib.sha256()
        self.size = 0
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, data: bytes | pa.Buffer) -> int:
        """Write *data* after what was written; return its length."""
        self._hash.update(data)
        self._file.write(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._file.flush()

    def tell(self) -> int:
        """Return how much was written."""
        return self.size

    def close(self) -> None:
        """Close the file."""
        self.closed = True
        self._file.close()

    def readable(self) -> bool:
        """Return ``False``."""
        return False

    def writable(self) -> bool:
        """Return ``True``."""
        return True

    def seekable(self) -> bool:
        """Return ``False``."""
        return False

    def hexdigest(self) -> str:
        """Return the SHA-256 of what was written."""
        return self._hash.hexdigest()


class Form(Protocol):
    """Writes events of one form."""

    def add(self, records: Sequence[bytes]) -> None:
        """Write an event for each of *records*."""

    def end(self) -> None:
        """Write what comes at the end."""


class _Lines:
    """A form of lines that know nothing of one another."""

    def __init__(
        self, file: HashedFile, head: bytes, lines: Callable[[Sequence[bytes]], bytes], at_once: int = _SLICE
    ) -> None:
        self._file, self._lines, self._at_once = file, lines, at_once
        if head:
            file.write(head)

    def add(self, records: Sequence[bytes]) -> None:
        for at in range(0, len(records), self._at_once):
            self._file.write(self._lines(records[at : at + self._at_once]))

    def end(self) -> None:
        self._file.flush()


class _Parquet:
    """An Apache Parquet file; row groups are gathered, so that they are worth compressing."""

    def __init__(self, file: HashedFile) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415 - some megabytes that other forms do without

        from sekisho.adapters.records.exports.columns import SCHEMA, record_batch  # noqa: PLC0415 - likewise

        self._batch = record_batch
        self._writer = pq.ParquetWriter(file, SCHEMA, compression="zstd")
        self._waiting: list[bytes] = []
        self._bytes = 0

    def add(self, records: Sequence[bytes]) -> None:
        self._waiting.extend(records)
        self._bytes += sum(map(len, records))
        if len(self._waiting) >= _ROW_GROUP or self._bytes >= _ROW_GROUP_BYTES:
            self._flush()

    def end(self) -> None:
        if self._waiting:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_batch(self._batch(self._waiting))
        self._waiting, self._bytes = [], 0


def begin(form: ExportFormat, file: HashedFile) -> Form:
    """Return what writes *form* to *file*."""
    if form is ExportFormat.PARQUET:
        return _Parquet(file)
    if form is ExportFormat.CSV:
        from sekisho.adapters.records.exports.columns import csv_head, csv_rows  # noqa: PLC0415 - only who needs it

        return _Lines(file, csv_head(), csv_rows, _COLUMNS)
    if form is ExportFormat.OCSF:
        from sekisho.adapters.records.exports.ocsf import ocsf_lines  # noqa: PLC0415 - likewise

        return _Lines(file, b"", ocsf_lines)
    if form is ExportFormat.CEF:
        from sekisho.adapters.records.exports.cef import cef_lines  # noqa: PLC0415 - likewise

        return _Lines(file, b"", cef_lines)
    return _Lines(file, b"", _verbatim)


def _verbatim(records: Sequence[bytes]) -> bytes:
    return b"".join([record + b"\n" for record in records])
