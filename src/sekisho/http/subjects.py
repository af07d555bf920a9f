"""How the outside names a person: ``TYPE:VALUE``, for example ``customer_id:17850``."""

from __future__ import annotations

from sekisho.errors import InvalidRequest
from sekisho.ports import DataSubjectRef


def subject_ref(text: str) -> DataSubjectRef:
    """Return the reference that *text* spells. Raises ``InvalidRequest``, without the value."""
    identifier, colon, value = text.partition(":")
    if not colon or not identifier or not value.strip():
        raise InvalidRequest('A data subject is named "TYPE:VALUE", for example "customer_id:1".')
    return DataSubjectRef(identifier, value)
