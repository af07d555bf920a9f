"""What a recogniser finds: a stretch of text and what it is."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import NamedTuple


class Kind(StrEnum):
    """Kinds of personal data; the text is replaced by the kind in brackets (``[EMAIL]``), in any language."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CARD = "CARD"
    POSTAL_CODE = "POSTAL_CODE"
    ADDRESS = "ADDRESS"
    NAME = "NAME"
    BIRTH_DATE = "BIRTH_DATE"
    AGE = "AGE"
    MY_NUMBER = "MY_NUMBER"  # 個人番号
    RESIDENT_CODE = "RESIDENT_CODE"  # 住民票コード
    CORPORATE_NUMBER = "CORPORATE_NUMBER"  # 法人番号
    INVOICE_NUMBER = "INVOICE_NUMBER"  # 適格請求書発行事業者の登録番号
    DRIVERS_LICENCE = "DRIVERS_LICENCE"  # 運転免許証番号
    RESIDENCE_CARD = "RESIDENCE_CARD"  # 在留カード, 特別永住者証明書
    PASSPORT = "PASSPORT"  # 旅券
    INSURER_NUMBER = "INSURER_NUMBER"  # 保険者番号
    INSURED_NUMBER = "INSURED_NUMBER"  # 被保険者の記号・番号
    BENEFICIARY_NUMBER = "BENEFICIARY_NUMBER"  # 公費, 後期高齢者, 介護保険
    PENSION_NUMBER = "PENSION_NUMBER"  # 基礎年金番号
    EMPLOYMENT_INSURANCE = "EMPLOYMENT_INSURANCE"  # 雇用保険被保険者番号
    BANK_ACCOUNT = "BANK_ACCOUNT"  # 全銀
    POSTAL_ACCOUNT = "POSTAL_ACCOUNT"  # ゆうちょ 記号・番号
    IBAN = "IBAN"
    SWIFT = "SWIFT"
    IP = "IP"
    MAC = "MAC"
    URL = "URL"
    LINE_ID = "LINE_ID"
    DEVICE_ID = "DEVICE_ID"  # a UUID that nothing says more of
    ADVERTISING_ID = "ADVERTISING_ID"  # IDFA, GAID, IDFV
    COOKIE_ID = "COOKIE_ID"
    SESSION_ID = "SESSION_ID"
    NUMBER_PLATE = "NUMBER_PLATE"  # 自動車登録番号
    SECRET = "SECRET"  # noqa: S105 - the kind's name: JWT, key, password
    ORDER_NUMBER = "ORDER_NUMBER"
    ID_NUMBER = "ID_NUMBER"  # any other labelled number: customer, member, staff, patient
    SENSITIVE = "SENSITIVE"  # 要配慮個人情報: a flag for review, never masked word by word

    __hash__ = str.__hash__  # the one of enumerations is a call of Python's


class Span(NamedTuple):
    """A stretch of text: characters ``start`` to ``end`` (exclusive), its kind, and a score in 0 to 1."""

    start: int
    end: int
    kind: Kind
    score: float


span_of: Callable[[tuple[int, int, Kind, float]], Span] = partial(tuple.__new__, Span)
"""Return the span of its four parts: ``Span(…)`` is a call of Python's, and takes three times as long."""

OPAQUE = "\ufffc"
"""What stands for something masked: no letter, digit or space to any pattern (the object replacement character)."""
