"""Files of consent events, line by line: NDJSON, and CSV with a header.

What is wrong with a line is told without a word of what it says.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any, BinaryIO, Final, TypeAlias

import orjson

from sekisho.errors import InvalidRequest

Line: TypeAlias = tuple[int, Mapping[str, Any] | InvalidRequest]
"""Number of the (last) line of an entry in the file, counted from 1, and what it says or what is wrong with it."""

MAX_LINE: Final = 131_072
"""Longest line, in bytes; evidence of 16 parts of 4,096 characters fits."""
FIELDS: Final = frozenset(
    {
        "data_subject", "purpose", "event", "method", "notice_version", "locale", "served_id", "actor", "age",
        "of_age_at", "consent_type", "reason", "occurred_at", "valid_until", "evidence", "scope",
    }
)  # fmt: skip
"""Fields of an event, as ``POST /v1/consents/events`` takes them."""
REQUIRED: Final = ("data_subject", "purpose", "event", "method")
"""Fields without which a line says nothing."""
_NESTED: Final = frozenset({"scope", "evidence", "actor"})
_BOM: Final = codecs.BOM_UTF8


class ImportFormat(StrEnum):
    """How a file of events is written."""

    NDJSON = "ndjson"
    CSV = "csv"


def lines_of(source: BinaryIO, file_format: ImportFormat, *, after: int = 0) -> Iterator[Line]:
    """Yield every entry of *source* below line *after*.

    Parameters
    ----------
    source:
        The file, at its beginning. CSV has been found to be UTF-8 already.
    file_format:
        How it is written. A CSV names nested fields with a dot (``scope.data_category``, ``evidence.form``,
        ``actor.type``), or holds them as JSON; an empty cell stands for a field left out.
    after:
        Lines that are done.

    Raises
    ------
    InvalidRequest
        When the header of a CSV cannot be used.
    """
    return _ndjson(source, after) if file_format is ImportFormat.NDJSON else _csv(source, after)


def require_text(pieces: Iterator[bytes]) -> None:
    """Raise ``InvalidRequest`` when *pieces* of a file are not UTF-8 together."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in pieces:
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise InvalidRequest("The file is not UTF-8; save it as CSV UTF-8.") from None


def _ndjson(source: BinaryIO, after: int) -> Iterator[Line]:
    skipped = sum(1 for _ in islice(source, after))
    for number, raw in enumerate(source, skipped + 1):
        text = raw.removeprefix(_BOM) if number == 1 else raw
        if len(text) > MAX_LINE:
            yield number, InvalidRequest(f"The line is longer than {MAX_LINE} bytes.")
            continue
        try:
            said = orjson.loads(text)
        except orjson.JSONDecodeError:
            if text.strip():
                yield number, InvalidRequest("The line is not one JSON object.")
            continue
        yield number, said if isinstance(said, dict) else InvalidRequest("The line is not one JSON object.")


def _csv(source: BinaryIO, after: int) -> Iterator[Line]:
    text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
    try:
        yield from _rows(csv.reader(text, strict=True), after)
    finally:
        text.detach()  # the file belongs to the caller, and would be closed with the wrapper


def _rows(reader: Any, after: int) -> Iterator[Line]:
    header = _next(reader)
    if header is None:
        return
    if isinstance(header, InvalidRequest):
        raise InvalidRequest("The header of the CSV cannot be read.")
    place = _columns(header)
    while (row := _next(reader)) is not None:
        if reader.line_num <= after:
            continue
        if isinstance(row, InvalidRequest):
            yield reader.line_num, row
        elif row and len(row) != len(header):
            yield reader.line_num, InvalidRequest("The line has another number of cells than the header.")
        elif any(row):
            try:
                yield reader.line_num, place(row)
            except InvalidRequest as fault:
                yield reader.line_num, fault


def _next(reader: Any) -> list[str] | InvalidRequest | None:
    try:
        row: list[str] | None = next(reader, None)
    except csv.Error:
        return InvalidRequest("The line is not CSV (RFC 4180): check its quotes, and that no cell is too long.")
    return row


def _columns(header: Sequence[str]) -> Callable[[Sequence[str]], dict[str, Any]]:
    """Return what turns the cells of a row into an entry. A header is never quoted: it may be a line of data."""
    names: list[tuple[str, str]] = []
    for column, name in enumerate(header, 1):
        field, dot, part = name.strip().partition(".")
        if field not in FIELDS or (dot and (field not in _NESTED or not part)):
            raise InvalidRequest(f"Column {column} of the header is not a field of an event.")
        names.append((field, part))
    if len(set(names)) < len(names):
        raise InvalidRequest("Two columns of the header are the same field.")
    missing = [name for name in REQUIRED if (name, "") not in names]
    if missing:
        raise InvalidRequest(f"The header lacks {', '.join(missing)}.")
    plain = [(place, field) for place, (field, part) in enumerate(names) if not part]
    nested = [(place, field, part) for place, (field, part) in enumerate(names) if part]
    structured = [(place, field) for place, field in plain if field in _NESTED or field == "age"]

    def placed(row: Sequence[str]) -> dict[str, Any]:
        said: dict[str, Any] = {field: row[place] for place, field in plain if row[place]}
        for place, field in structured:
            if row[place]:
                said[field] = _structure(field, row[place])
        for place, field, part in nested:
            if row[place]:
                inside = said.setdefault(field, {})
                if not isinstance(inside, dict):
                    raise InvalidRequest(f"{field} is given twice.")
                inside[part] = row[place]
        return said

    return placed


def _structure(field: str, cell: str) -> Any:
    if field == "actor" and not cell.startswith("{"):
        return cell
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        raise InvalidRequest(f"{field} is not JSON.") from None
