"""How the outside names a person: ``TYPE:VALUE``, for example ``customer_id:17850``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from sekisho.domain.identifiers import trimmed
from sekisho.errors import InvalidRequest
from sekisho.ports import DataSubjectRef, Names

_MANY: Final = 1_000


def subject_ref(text: str) -> DataSubjectRef:
    """Return the reference that *text* spells. Raises ``InvalidRequest``, without the value."""
    identifier, colon, value = text.partition(":")
    if not colon or not identifier or not trimmed(value):
        raise InvalidRequest('A data subject is named "TYPE:VALUE", for example "customer_id:1".')
    return DataSubjectRef(identifier, value)


def by_kind(texts: Sequence[str]) -> dict[str, Names]:
    """Return the values that *texts* spell, by kind of identifier, in order. Raises ``InvalidRequest``.

    A list is mostly of one kind. Then its values are cut out of all texts together, and never become 100,000
    strings of their own.
    """
    if not texts:
        return {}
    kind = subject_ref(texts[0]).identifier
    values = _all_of(kind, texts) if len(texts) >= _MANY else None
    if values is not None:
        return {kind: values}
    kinds: dict[str, list[str]] = {}
    for text in texts:
        kind, _, value = text.partition(":")
        if not kind or not trimmed(value):
            subject_ref(text)  # says what is wrong
        kinds.setdefault(kind, []).append(value)
    return dict(kinds)


def _all_of(kind: str, texts: Sequence[str]) -> pa.LargeStringArray | None:
    """Return the values of *texts*, or ``None`` when some is of another kind, or has none."""
    start = f"{kind}:".encode()
    try:
        spelled = pa.array(texts, pa.large_string()).cast(pa.large_binary())
    except UnicodeEncodeError:  # half a surrogate pair
        return None
    sizes = pc.min_max(pc.binary_length(spelled)).as_py()
    if sizes["min"] <= len(start) or not pc.all(pc.starts_with(spelled, start)).as_py():
        return None
    return pc.binary_slice(spelled, len(start), sizes["max"]).cast(pa.large_string())
