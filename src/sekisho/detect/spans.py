"""What a recogniser finds: a stretch of text and what it is."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """Kinds of personal data; the text is replaced by the kind in brackets (``[EMAIL]``), in any language."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CARD = "CARD"
    POSTAL_CODE = "POSTAL_CODE"
    ADDRESS = "ADDRESS"
    NAME = "NAME"
    MY_NUMBER = "MY_NUMBER"  # 個人番号
    BIRTH_DATE = "BIRTH_DATE"
    IP = "IP"
    URL = "URL"
    LINE_ID = "LINE_ID"
    DEVICE_ID = "DEVICE_ID"  # MAC, advertising id, cookie id
    BANK_ACCOUNT = "BANK_ACCOUNT"
    ORDER_NUMBER = "ORDER_NUMBER"
    ID_NUMBER = "ID_NUMBER"  # customer, member, licence, passport, insured person


class Span(NamedTuple):
    """A stretch of text: characters ``start`` to ``end`` (exclusive), its kind, and a score in 0 to 1."""

    start: int
    end: int
    kind: Kind
    score: float
