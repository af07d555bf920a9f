"""Record batches on disk, sealed: what waits there is raw, and nobody reads it without the key.

Each batch is an Arrow stream of its own, or the one message of its columns where the schema is known, and encrypted
with AES-256-GCM. The number of a batch is its nonce, so a
key seals the batches of one file and of no other, and a batch that was moved or changed does not open.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_TAG = 16


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch lies: its number, offset and length in bytes, what it takes in memory, and if it is bare.

    A bare one is the one message of its columns; the others have their schema beside them.
    """

    number: int
    offset: int
    length: int
    rows: int
    bytes: int
    bare: bool = False


class Sealed:
    """Batches in a file, written at its end and read anywhere.

    Parameters
    ----------
    file:
        Open for what is asked of it, unbuffered.
    key:
        32 secret bytes that seal this file alone.
    schema:
        Of most batches, for who writes and reads them by one object: then it does not stand beside each.
    """

    def __init__(self, file: IO[bytes], key: bytes, schema: pa.Schema | None = None) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError("a sealing key has 32 bytes")
        self._file = file
        self._cipher = AESGCM(key)
        self._written = 0
        # Dictionaries are messages of their own.
        self._schema = None if schema is None or any(map(pa.types.is_dictionary, schema.types)) else schema
        self._using = threading.Lock()  # a file that is closed while a thread writes could be another by then
        self.size = 0

    def write(self, batch: pa.RecordBatch) -> Place:
        """Append *batch* and return where it lies. Raises ``OSError``."""
        if self._schema is not None and batch.schema.equals(self._schema):
            content = memoryview(batch.serialize()).cast("B")
            return replace(self.write_bytes(content, batch.num_rows, batch.nbytes), bare=True)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return self.write_bytes(memoryview(sink.getvalue()).cast("B"), batch.num_rows, batch.nbytes)

    def write_bytes(self, content: bytes | memoryview, rows: int = 0, size: int = 0) -> Place:
        """Append *content*, sealed. Raises ``OSError``."""
        number = self._written
        sealed = self._cipher.encrypt(number.to_bytes(12, "big"), content, None)
        place = Place(number, self.size, len(sealed), rows, size)
        view = memoryview(sealed)
        with self._using:
            while view:
                written = os.pwrite(self._descriptor(), view, place.offset + len(sealed) - len(view))
                view = view[written:]
        self._written, self.size = number + 1, self.size + len(sealed)
        return place

    def read(self, place: Place) -> pa.RecordBatch:
        """Return the batch at *place*. Raises ``OSError`` where it is not what was written."""
        content = self._content(place)
        if place.bare:
            return pa.ipc.read_record_batch(content, self._schema)
        with pa.ipc.open_stream(content) as reader:
            return reader.read_next_batch()

    def read_bytes(self, place: Place) -> bytes:
        """Return the content at *place*. Raises ``OSError`` where it is not what was written."""
        content: bytes = self._content(place).to_pybytes()
        return content

    def _content(self, place: Place) -> pa.Buffer:
        with self._using:
            sealed = os.pread(self._descriptor(), place.length, place.offset)
        try:
            content = pa.allocate_buffer(max(0, len(sealed) - _TAG))
            self._cipher.decrypt_into(place.number.to_bytes(12, "big"), sealed, None, memoryview(content).cast("B"))
        except (InvalidTag, ValueError):
            raise OSError("a sealed batch does not open") from None
        return content

    def close(self) -> None:
        """Close the file."""
        with self._using:
            self._file.close()

    def _descriptor(self) -> int:
        if self._file.closed:
            raise OSError("the file is closed")
        return self._file.fileno()


def spill(folder: Path | None, schema: pa.Schema | None = None) -> Sealed:
    """Return an empty file without a name in *folder*, under a key that is kept nowhere; *schema* as in `Sealed`."""
    file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by its owner
    return Sealed(file, secrets.token_bytes(_KEY_BYTES), schema)
