"""The kinds of columns: what policy makes of each, and what its values have to look like.

A kind says what the values are, its class what follows for policy. ``category`` is the word under which the
catalogue and the policies know the same thing.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from sekisho.domain.terms import ColumnClass

_DIRECT = ColumnClass.DIRECT_IDENTIFIER
_LINKING = ColumnClass.LINKING_IDENTIFIER
_QUASI = ColumnClass.QUASI_IDENTIFIER
_SENSITIVE = ColumnClass.SENSITIVE

NONE = "none"
"""Nothing about who somebody is."""
UNKNOWN = "unknown"
"""Nothing is known: to be treated as the most restricted class."""
FREE_TEXT = "free_text"
"""Sentences: anything may stand in them."""


class Shape(StrEnum):
    """How far a kind can be told by its values."""

    MARKED = "marked"  # the form alone is proof (an e-mail address)
    LOOSE = "loose"  # other things have the form too (seven digits)
    LISTED = "listed"  # one of a short list of words (prefectures)
    HEADED = "headed"  # no form: only names and comments tell


class ColumnKind(NamedTuple):
    """One kind of column.

    ``of_things``: the class when the table is about shops or goods and not about people, where it differs.
    ``types``: which of text ``s``, number ``n``, date ``d`` and boolean ``b`` the store may hold it as.
    """

    column_class: ColumnClass
    category: str | None
    shape: Shape
    types: str = "s"
    of_things: ColumnClass | None = None


_NOBODY = ColumnClass.NONE

KINDS: MappingProxyType[str, ColumnKind] = MappingProxyType(
    {
        # Names
        "name": ColumnKind(_DIRECT, "name", Shape.LOOSE),
        "family_name": ColumnKind(_DIRECT, "name", Shape.LOOSE),
        "given_name": ColumnKind(_DIRECT, "name", Shape.LOOSE),
        "name_kana": ColumnKind(_DIRECT, "name_kana", Shape.LOOSE),
        "user_name": ColumnKind(_DIRECT, "user_name", Shape.HEADED),
        # Ways to reach somebody
        "email": ColumnKind(_DIRECT, "email", Shape.MARKED),
        "phone": ColumnKind(_DIRECT, "phone", Shape.MARKED, "sn", of_things=_NOBODY),
        "address": ColumnKind(_DIRECT, "address", Shape.MARKED, of_things=_NOBODY),
        "line_id": ColumnKind(_DIRECT, "line_id", Shape.MARKED),
        "push_token": ColumnKind(_DIRECT, "push_token", Shape.LOOSE),
        # Numbers that the state or a trade gave somebody
        "my_number": ColumnKind(_DIRECT, "my_number", Shape.LOOSE, "sn"),
        "resident_code": ColumnKind(_DIRECT, "resident_code", Shape.HEADED, "sn"),
        "driver_licence": ColumnKind(_DIRECT, "driver_licence", Shape.LOOSE, "sn"),
        "passport": ColumnKind(_DIRECT, "passport", Shape.MARKED),
        "residence_card": ColumnKind(_DIRECT, "residence_card", Shape.MARKED),
        "pension_number": ColumnKind(_DIRECT, "pension_number", Shape.LOOSE, "sn"),
        "employment_insurance": ColumnKind(_DIRECT, "employment_insurance", Shape.LOOSE, "sn"),
        "insured_number": ColumnKind(_DIRECT, "insured_number", Shape.HEADED, "sn"),
        "insurer_number": ColumnKind(_QUASI, "insurer_number", Shape.LOOSE, "sn"),
        "card": ColumnKind(_DIRECT, "card", Shape.LOOSE, "sn"),
        "bank_account": ColumnKind(_DIRECT, "bank_account", Shape.LOOSE, "sn"),
        "invoice_number": ColumnKind(_DIRECT, "invoice_number", Shape.MARKED),
        "corporate_number": ColumnKind(_NOBODY, None, Shape.LOOSE, "sn"),
        "number_plate": ColumnKind(_DIRECT, "number_plate", Shape.MARKED),
        # Numbers that the controller, a device or a browser gave somebody
        "customer_id": ColumnKind(_DIRECT, "customer_id", Shape.HEADED, "sn"),
        "ip": ColumnKind(_DIRECT, "ip_address", Shape.LOOSE),
        "device_id": ColumnKind(_DIRECT, "device_id", Shape.LOOSE),
        "cookie_id": ColumnKind(_DIRECT, "cookie_id", Shape.MARKED),
        "hashed_id": ColumnKind(_DIRECT, "hashed_id", Shape.LOOSE),
        "biometric": ColumnKind(_DIRECT, "biometric", Shape.HEADED),
        "secret": ColumnKind(_DIRECT, "secret", Shape.MARKED),
        # Things of one person
        "order_number": ColumnKind(_LINKING, "order_number", Shape.HEADED, "sn"),
        "record_id": ColumnKind(_LINKING, "record_id", Shape.HEADED, "sn"),
        # What narrows down who it is
        "birth_date": ColumnKind(_QUASI, "birth_date", Shape.LOOSE, "sdn"),
        "age": ColumnKind(_QUASI, "age", Shape.HEADED, "sn"),
        "minor": ColumnKind(_QUASI, "minor", Shape.HEADED, "snb"),
        "gender": ColumnKind(_QUASI, "gender", Shape.LISTED, "snb"),
        "postal_code": ColumnKind(_QUASI, "postal_code", Shape.LOOSE, "sn", of_things=_NOBODY),
        "prefecture": ColumnKind(_QUASI, "prefecture", Shape.LISTED, "sn", of_things=_NOBODY),
        "city": ColumnKind(_QUASI, "city", Shape.LOOSE, "s", of_things=_NOBODY),
        "country": ColumnKind(_QUASI, "country", Shape.LISTED, "s", of_things=_NOBODY),
        "nationality": ColumnKind(_QUASI, "nationality", Shape.HEADED, "s"),
        "location": ColumnKind(_QUASI, "location", Shape.LOOSE, "sn", of_things=_NOBODY),
        "occupation": ColumnKind(_QUASI, "occupation", Shape.LISTED, "sn", of_things=_NOBODY),
        "employer": ColumnKind(_QUASI, "employer", Shape.LOOSE, "s"),
        "education": ColumnKind(_QUASI, "education", Shape.LISTED, "sn"),
        "marital_status": ColumnKind(_QUASI, "marital_status", Shape.LISTED, "snb"),
        "household": ColumnKind(_QUASI, "household", Shape.HEADED, "snb"),
        "member_rank": ColumnKind(_QUASI, "member_rank", Shape.LISTED, "sn"),
        "user_agent": ColumnKind(_QUASI, "user_agent", Shape.MARKED),
        "url": ColumnKind(_QUASI, "referrer", Shape.MARKED, of_things=_NOBODY),
        # What harms when known
        "income": ColumnKind(_SENSITIVE, "income", Shape.LISTED, "sn"),
        "credit": ColumnKind(_SENSITIVE, "credit", Shape.HEADED, "sn"),
        "health": ColumnKind(_SENSITIVE, "health", Shape.LISTED, "snb"),
        "creed": ColumnKind(_SENSITIVE, "creed", Shape.LISTED, "snb"),
        "race": ColumnKind(_SENSITIVE, "race", Shape.LISTED, "sn"),
        "criminal_record": ColumnKind(_SENSITIVE, "criminal_record", Shape.LISTED, "snb"),
        # The rest
        FREE_TEXT: ColumnKind(ColumnClass.FREE_TEXT, "comment", Shape.LOOSE),
        NONE: ColumnKind(_NOBODY, None, Shape.HEADED, "sndb"),
    }
)
"""Every kind that the classifier proposes, beside ``unknown``."""
