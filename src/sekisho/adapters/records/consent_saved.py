"""The bits of a large ledger in a file, so that a worker that starts goes on where another stood.

Reading ten million people's decisions from the database takes half a minute. What a worker holds after it is a
position in the ledger, and the file is that position: its sequence, the event under it, and every cell's bits and
their ends. Who reads it catches up from there as a running worker does, by the same checks: the ledger must
still hold that event. So nothing in the file is trusted for its age, and a file that is missing, damaged, not
written by a holder of the key, or about other purposes is passed over: then the database is read.

It holds numbers of people, no identifiers. It stands outside the database, beside the saved heads.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from sekisho.adapters.records.consent_view import Column
from sekisho.adapters.records.database import Row
from sekisho.domain.terms import Cell
from sekisho.ports import KeyRing

_MAGIC: Final = b"sekisho consent bits 1\n"
_LENGTH: Final = struct.Struct("<Q")
NO_EVENT: Final[Row] = (None,) * 5
"""The mark of an empty ledger."""


@dataclass(slots=True)
class IndexState:
    """Everything that one reading of the ledger fills: the columns, how far they were read, and a mark.

    ``mark`` is the newest event applied: when the ledger shows another one under its sequence, it is not
    the ledger that was read.
    """

    columns: dict[Cell, Column]
    people: int = 0
    seq: int = 0
    mark: Row = field(default=NO_EVENT)

    def copy(self) -> IndexState:
        """Return what nothing changes any more."""
        columns = {cell: column.copy() for cell, column in self.columns.items()}
        return IndexState(columns, self.people, self.seq, self.mark)


class SavedBits:
    """The file ``consent.bits``.

    Parameters
    ----------
    folder:
        The folder of the saved heads of the audit log.
    keys:
        Key ring; the label is ``consent-bits``.
    """

    def __init__(self, folder: Path, keys: KeyRing) -> None:
        self._path = folder / "consent.bits"
        self._key = keys.derive("consent-bits")

    def read(self, by_default: Mapping[Cell, bool]) -> IndexState | None:
        """Return the position that was saved, where it is one over exactly the cells of *by_default*."""
        try:
            with self._path.open("rb") as file:
                return self._read(file, by_default)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def claimed(self) -> tuple[int, dict[Cell, bool]]:
        """Return which sequence and cells the file says that it is about, (0, {}) when there is none; not proved."""
        try:
            with self._path.open("rb") as file:
                facts = _Reader(file, self._key).facts()
                return int(facts["seq"]), facts["cells"]
        except (OSError, ValueError, KeyError, TypeError):
            return 0, {}

    def write(self, state: IndexState) -> None:
        """Save *state*, which nothing changes meanwhile; whole or not at all. Raises ``OSError``."""
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                writer = _Writer(file, self._key)
                cells = {cell: column.by_default for cell, column in state.columns.items()}
                writer.facts({"seq": state.seq, "people": state.people, "mark": list(state.mark), "cells": cells})
                for column in state.columns.values():
                    ends = list(column.all_ends())
                    writer.facts({"people": column.people, "ends": len(ends)})
                    writer.part(column.bits)
                    for times, numbers in ends:
                        writer.part(times)
                        writer.part(numbers)
                writer.end()
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        finally:
            fresh.unlink(missing_ok=True)

    def _read(self, file: BufferedReader, by_default: Mapping[Cell, bool]) -> IndexState | None:
        reader = _Reader(file, self._key)
        facts = reader.facts()
        if facts["cells"] != by_default:
            return None
        columns: dict[Cell, Column] = {}
        for cell, default in by_default.items():
            about = reader.facts()
            bits = reader.part(np.uint8)
            ends = [(reader.part(np.int64), reader.part(np.int32)) for _ in range(about["ends"])]
            columns[cell] = Column.resumed(bits, about["people"], ends, by_default=default)
        if not reader.proved():
            return None
        return IndexState(columns, facts["people"], facts["seq"], tuple(facts["mark"]))


class _Writer:
    """Parts, each behind its length, and at the end the keyed hash of them all."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        self._file, self._hash = file, hmac.new(key, digestmod=hashlib.sha256)
        self._put(_MAGIC)

    def facts(self, facts: Mapping[str, object]) -> None:
        self.part(np.frombuffer(orjson.dumps(facts), np.uint8))

    def part(self, values: NDArray[Any]) -> None:
        content = values.view(np.uint8)  # of one dimension, without gaps
        self._put(_LENGTH.pack(len(content)))
        self._put(content.data)

    def end(self) -> None:
        self._file.write(self._hash.digest())

    def _put(self, content: bytes | memoryview) -> None:
        self._hash.update(content)
        self._file.write(content)


class _Reader:
    """The other side of :class:`_Writer`; what it hands out counts only when it is :meth:`proved`."""

    def __init__(self, file: BufferedReader, key: bytes) -> None:
        self._file, self._hash = file, hmac.new(key, digestmod=hashlib.sha256)
        self._left = os.fstat(file.fileno()).st_size
        if self._take(len(_MAGIC)) != _MAGIC:
            raise ValueError("no saved bits")

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.part(np.uint8).tobytes())
        return found

    def part(self, kind: type[np.generic]) -> NDArray[Any]:
        (length,) = _LENGTH.unpack(self._take(_LENGTH.size))
        return np.frombuffer(self._take(length), kind)

    def proved(self) -> bool:
        """Return whether everything up to here was written so, by a holder of the key, and nothing follows."""
        digest = self._hash.digest()
        return hmac.compare_digest(self._file.read(), digest)

    def _take(self, length: int) -> bytearray:
        self._left -= length
        if self._left < 0:
            raise ValueError("the saved bits end too early")
        content = bytearray(length)
        if self._file.readinto(content) != length:
            raise ValueError("the saved bits end too early")
        self._hash.update(content)
        return content
