"""How the outside names a person: ``TYPE:VALUE``, for example ``customer_id:17850``."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho.errors import InvalidRequest
from sekisho.ports import DataSubjectRef


def subject_ref(text: str) -> DataSubjectRef:
    """Return the reference that *text* spells. Raises ``InvalidRequest``, without the value."""
    identifier, colon, value = text.partition(":")
    if not colon or not identifier or not value.strip():
        raise InvalidRequest('A data subject is named "TYPE:VALUE", for example "customer_id:1".')
    return DataSubjectRef(identifier, value)


def by_kind(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return the values that *texts* spell, by kind of identifier, in order. Raises ``InvalidRequest``.

    A list is mostly of one kind, which is found without looking at each of 100,000 texts in turn.
    """
    if not texts:
        return {}
    kind = subject_ref(texts[0]).identifier
    joined = "\n".join(texts)
    start = f"{kind}:"
    if joined.count(f"\n{start}") == joined.count("\n") == len(texts) - 1:
        return {kind: [text.removeprefix(start) for text in texts]}
    kinds: dict[str, list[str]] = {}
    for text in texts:
        kind, _, value = text.partition(":")
        if not kind or not value.strip():
            subject_ref(text)  # says what is wrong
        kinds.setdefault(kind, []).append(value)
    return kinds
