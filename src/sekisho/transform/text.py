"""Free text on its way out: masked as a whole column, and closed when anything goes wrong.

The masking itself is a callable (a detector's ``mask``), handed in by the caller. What is decided here
is what happens around it: each distinct text is masked once, and a text that could not be masked
(too long, the detector failed, the time is up, a nonsensical answer) leaves as a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic as _monotonic

import pyarrow as pa

from sekisho.transform.spans import MAX_TEXT_BYTES, REDACTED

__all__ = ["MAX_TEXT_BYTES", "REDACTED", "MaskTexts", "mask_column"]

_CHUNK_TEXTS = 256
_CHUNK_BYTES = 256 * 1024

MaskTexts = Callable[[Sequence[str | None]], list[str | None]]
"""Takes texts, returns as many, with personal data replaced."""


def mask_column(
    array: pa.Array,
    mask: MaskTexts,
    *,
    budget_seconds: float = 20.0,
    monotonic: Callable[[], float] = _monotonic,
) -> pa.Array:
    """Return *array* with personal data masked in each text.

    Parameters
    ----------
    array:
        Strings (plain, large or dictionary). Nulls stay null.
    mask:
        Masks texts; called with at most 256 texts, or 256 KiB, at a time, never with a null.
    budget_seconds:
        Time for the whole column. It is looked at between calls: once it is spent, every text that is
        not masked yet is replaced by :data:`REDACTED`. One call is bounded by its size, not by a timer.
    monotonic:
        Clock in seconds.

    Returns
    -------
    A string array of the same length. Where *mask* raised, the texts of that call are tried one by one,
    so that one text that breaks the detector costs no other its content.

    Raises
    ------
    ValueError
        For a column that does not hold strings.
    """
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise ValueError("free text is a column of strings")
    coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    texts: list[str | None] = coded.dictionary.cast(pa.string()).to_pylist()
    # Everything is closed until a mask opens it.
    masked: list[str | None] = [None if text is None else REDACTED for text in texts]
    deadline = monotonic() + budget_seconds
    for positions in _chunks(texts):
        if monotonic() >= deadline:
            break
        chunk = [texts[position] for position in positions]
        answers = _masked(mask, chunk)
        if answers is None:
            answers = []
            for text in chunk:
                alone = _masked(mask, [text]) if monotonic() < deadline else None
                answers.append(REDACTED if alone is None else alone[0])
        for position, answer in zip(positions, answers, strict=True):
            masked[position] = answer
    return pa.array(masked, pa.string()).take(coded.indices)


def _chunks(texts: Sequence[str | None]) -> list[list[int]]:
    """Return the positions of the texts to be masked, in groups bounded by number and size."""
    groups: list[list[int]] = []
    size = 0
    for position, text in enumerate(texts):
        if not text:
            continue
        length = len(text) if text.isascii() else len(text.encode())
        if length > MAX_TEXT_BYTES:
            continue
        if not groups or len(groups[-1]) >= _CHUNK_TEXTS or size + length > _CHUNK_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(position)
        size += length
    return groups


def _masked(mask: MaskTexts, chunk: list[str | None]) -> list[str] | None:
    """Return the masked texts, or ``None`` when *mask* failed or did not answer text for text."""
    try:
        answers = mask(chunk)
    except Exception:  # noqa: BLE001 - whatever went wrong: closed, and its message may hold the text
        return None
    if len(answers) != len(chunk):
        return None
    return [answer if isinstance(answer, str) else REDACTED for answer in answers]
