"""Our keyed transforms as operators of presidio-anonymizer, in the place of its ``hash`` and ``encrypt``.

Presidio's ``hash`` takes a random salt for each entity, so nothing can be joined, and is no HMAC; its ``encrypt`` is
AES-CBC without a MAC, which whoever holds a text can bend. These are the transforms of the gateway's own columns:

======================  ========================  ===============================================================
``sekisho_hmac``        ``key``                   HMAC-SHA-256, 32 hexadecimal digits: joins, nobody turns it back
``sekisho_token``       ``key``, ``domain``       AES-SIV: joins, and ``sekisho_detoken`` turns it back
======================  ========================  ===============================================================

A key of tokens has 64 bytes, one of hashes 32 at least. ``domain`` keeps tokens of unlike things apart.
"""

from __future__ import annotations

from typing import Any, Final

from presidio_anonymizer import AnonymizerEngine, DeanonymizeEngine
from presidio_anonymizer.entities import InvalidParamError
from presidio_anonymizer.operators import Operator, OperatorType

from sekisho.domain.keyed_hash import KeyedHash
from sekisho.transform.token import Tokens

_HEX_DIGITS: Final = 32
_HASH_KEY: Final = 32
_TOKEN_KEY: Final = 64


class KeyedHashOperator(Operator):
    """Replaces a value by its keyed hash."""

    def operate(self, text: str, params: dict[Any, Any] | None = None) -> str:
        """Return the hash of *text*; the kind of the value is part of what is hashed."""
        kind = str(_given(params).get("entity_type", ""))
        return KeyedHash(_given(params)["key"]).digest(f"{kind}\0{text}".encode()).hex()[:_HEX_DIGITS]

    def validate(self, params: dict[Any, Any] | None = None) -> None:
        """Refuse a key that is none."""
        _check(_given(params).get("key"), _HASH_KEY, None)

    def operator_name(self) -> str:
        """Return the name by which it is asked for."""
        return "sekisho_hmac"

    def operator_type(self) -> OperatorType:
        """Return that it masks."""
        return OperatorType.Anonymize


class TokenOperator(Operator):
    """Replaces a value by a token that its key turns back."""

    def operate(self, text: str, params: dict[Any, Any] | None = None) -> str:
        """Return the token of *text*."""
        return Tokens(_given(params)["key"], _given(params)["domain"]).encode_one(text)

    def validate(self, params: dict[Any, Any] | None = None) -> None:
        """Refuse a key or domain that is none."""
        _check(_given(params).get("key"), _TOKEN_KEY, _given(params).get("domain", ""))

    def operator_name(self) -> str:
        """Return the name by which it is asked for."""
        return "sekisho_token"

    def operator_type(self) -> OperatorType:
        """Return that it masks."""
        return OperatorType.Anonymize


class DetokenOperator(TokenOperator):
    """Turns a token back."""

    def operate(self, text: str, params: dict[Any, Any] | None = None) -> str:
        """Return the value of a token. Raises ``InvalidParamError`` for one of another key or domain."""
        value = Tokens(_given(params)["key"], _given(params)["domain"]).decode(text)
        if value is None:
            raise InvalidParamError("no token of this key and domain")
        return value

    def operator_name(self) -> str:
        """Return the name by which it is asked for."""
        return "sekisho_detoken"

    def operator_type(self) -> OperatorType:
        """Return that it unmasks."""
        return OperatorType.Deanonymize


def register(anonymizer: AnonymizerEngine, deanonymizer: DeanonymizeEngine | None = None) -> None:
    """Add ours to the engines."""
    anonymizer.add_anonymizer(KeyedHashOperator)
    anonymizer.add_anonymizer(TokenOperator)
    if deanonymizer is not None:
        deanonymizer.add_deanonymizer(DetokenOperator)


def _given(params: dict[Any, Any] | None) -> dict[Any, Any]:
    return params or {}


def _check(key: object, length: int, domain: object | None) -> None:
    if not isinstance(key, bytes) or len(key) < length:
        raise InvalidParamError(f"the key has {length} bytes")
    if domain is not None and (not isinstance(domain, str) or not domain):
        raise InvalidParamError("a token has a domain")
