"""What is said about one person alone, sealed under that person's own key.

The key is random, made when first needed, and stands in ``data_subject.sealing_key`` wrapped by the gateway's
(AES-SIV, bound to the person's number). Erasing somebody deletes it: what was sealed cannot be opened any
more, in no copy made later, while its bytes and whatever was hashed over them stay as they were.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from sqlalchemy import Connection

from sekisho.errors import ConsentUnavailable
from sekisho.ports import KeyRing

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = b"\x01"  # AES-256-GCM: this byte, nonce, ciphertext and tag
_KEYS = {
    "postgresql": "SELECT number, sealing_key, erased_at FROM data_subject WHERE number = ANY(%s::bigint[])",
    "sqlite": "SELECT number, sealing_key, erased_at FROM data_subject"
    " WHERE number IN (SELECT value FROM json_each(?))",
}
_KEEP = {
    "postgresql": "UPDATE data_subject d SET sealing_key = new.sealing_key"
    " FROM unnest(%s::bigint[], %s::bytea[]) AS new (number, sealing_key)"
    " WHERE d.number = new.number AND d.sealing_key IS NULL AND d.erased_at IS NULL",
    "sqlite": "UPDATE data_subject SET sealing_key = ?"
    " WHERE number = ? AND sealing_key IS NULL AND erased_at IS NULL",
}


class PersonSeals:
    """Seals and opens under people's own keys.

    Parameters
    ----------
    keys:
        Key ring; the label is ``person-seal``.

    The methods are for code that runs in a transaction of ``Database.run`` (``open``: also ``read``).
    """

    def __init__(self, keys: KeyRing) -> None:
        self._wrap = AESSIV(keys.derive("person-seal", 64))

    def seal(self, connection: Connection, contents: Mapping[int, bytes]) -> dict[int, bytes]:
        """Return each of *contents* sealed, by person number; who was erased, or is unknown, is left out."""
        keys = self._keys(connection, list(contents))
        return {
            number: _sealed(keys[number], number, content) for number, content in contents.items() if number in keys
        }

    def seal_each(self, connection: Connection, contents: Sequence[tuple[int, bytes]]) -> list[bytes | None]:
        """Return each of *contents* (person number, bytes) sealed, ``None`` for who was erased or is unknown."""
        keys = self._keys(connection, list(dict.fromkeys(number for number, _ in contents)))
        return [_sealed(keys[number], number, content) if number in keys else None for number, content in contents]

    def open(self, connection: Connection, number: int, sealed: bytes) -> bytes | None:
        """Return what was sealed for person *number*, ``None`` once that person was erased.

        Raises ``ConsentUnavailable`` when it is not what was sealed for this person.
        """
        held = self._held(connection, [number]).get(number)
        if held is None:
            return None
        layout, nonce, content = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return AESGCM(held).decrypt(nonce, content, layout + _bound(number))
        except (InvalidTag, ValueError):
            raise ConsentUnavailable("What was kept about this person cannot be opened.") from None

    def _keys(self, connection: Connection, numbers: list[int]) -> dict[int, bytes]:
        """Return the keys of *numbers*, made where there was none; the erased get none again."""
        if not numbers:
            return {}
        missing: list[int] = []
        found = self._held(connection, numbers, missing)
        if not missing:
            return found
        made = [(self._wrap.encrypt(os.urandom(_KEY_BYTES), [_bound(number)]), number) for number in sorted(missing)]
        if connection.dialect.name == "postgresql":
            _driver(connection).execute(_KEEP["postgresql"], ([row[1] for row in made], [row[0] for row in made]))
        else:
            connection.exec_driver_sql(_KEEP["sqlite"], made)
        # Read back: another transaction may have been first, and then its key is the one that stands.
        return found | self._held(connection, missing)

    def _held(
        self, connection: Connection, numbers: Sequence[int], missing: list[int] | None = None
    ) -> dict[int, bytes]:
        """Return the keys that stand; add to *missing* who has none and was not erased."""
        found: dict[int, bytes] = {}
        if connection.dialect.name == "postgresql":
            rows = _driver(connection).execute(_KEYS["postgresql"], (list(numbers),)).fetchall()
        else:
            rows = connection.exec_driver_sql(_KEYS["sqlite"], (orjson.dumps(list(numbers)).decode(),)).all()
        for number, wrapped, erased_at in rows:
            if erased_at is not None:
                continue
            if wrapped is not None:
                found[number] = self._unwrapped(number, bytes(wrapped))
            elif missing is not None:
                missing.append(number)
        return found

    def _unwrapped(self, number: int, wrapped: bytes) -> bytes:
        try:
            return self._wrap.decrypt(wrapped, [_bound(number)])
        except InvalidTag:
            raise ConsentUnavailable("The key of a person's evidence cannot be opened.") from None


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _bound(number: int) -> bytes:
    return str(number).encode()


def _sealed(key: bytes, number: int, content: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return _FORMAT + nonce + AESGCM(key).encrypt(nonce, content, _FORMAT + _bound(number))
