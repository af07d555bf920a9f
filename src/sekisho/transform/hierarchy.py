"""Values by what they belong to in a hierarchy that the operator wrote; ``*`` for what does not stand there."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

OTHER = "*"


def generalised(values: pa.Array, groups: Mapping[str, str]) -> pa.Array:
    """Return the group of each of *values*, read as texts, nulls staying null."""
    texts = values.cast(pa.string()).dictionary_encode()
    said = [groups.get(text, OTHER) for text in texts.dictionary.to_pylist()]
    return pa.array(said, pa.string()).take(texts.indices)
