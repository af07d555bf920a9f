"""The key ring and who wraps its secrets: a folder of files, or a provider beside it."""

from __future__ import annotations

from sekisho.adapters.keyring.opening import create_keys, open_keys, wrap_keys, wrappings_of
from sekisho.adapters.keyring.ring import FileKeyRing
from sekisho.adapters.keyring.wrapping import RingWrapping

__all__ = ["FileKeyRing", "RingWrapping", "create_keys", "open_keys", "wrap_keys", "wrappings_of"]
