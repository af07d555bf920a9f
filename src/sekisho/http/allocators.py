"""Which allocators the libraries of a serving process use; to be said before they are loaded."""

from __future__ import annotations

import os
from typing import Final

ALLOCATORS: Final = {
    # Else what Arrow's own writers needed for a page would stay with each thread, where nobody gives it back.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    # DuckDB's own allocator keeps what is free for ten seconds, and longer while nobody asks it for memory.
    "DUCKDB_JE_MALLOC_CONF": "background_thread:true,dirty_decay_ms:100,muzzy_decay_ms:0",
}
"""Variables of the environment."""


def choose_allocators() -> None:
    """Say it; what the environment says already holds."""
    for name, value in ALLOCATORS.items():
        os.environ.setdefault(name, value)
