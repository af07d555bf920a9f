"""The key ring as ``keys:`` of the workspace says."""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.adapters.keyring.ring import FileKeyRing
from sekisho.adapters.keyring.vault import VaultWrapping
from sekisho.adapters.keyring.wrapping import RingWrapping
from sekisho.errors import WorkspaceError
from sekisho.ports import KeyWrapping
from sekisho.settings import KeyProvider, Settings


def open_keys(settings: Settings) -> FileKeyRing:
    """Return the ring of the workspace. Raises ``WorkspaceError``, ``KeysUnavailable``."""
    return FileKeyRing(settings.keys_folder, _provider(settings))


def create_keys(settings: Settings) -> None:
    """Make the workspace's first keys. Raises ``WorkspaceError``, ``KeysUnavailable``."""
    FileKeyRing.create(settings.keys_folder, wrapping=_provider(settings))


def wrap_keys(settings: Settings) -> FileKeyRing:
    """Wrap the secrets of the workspace by its provider, once more where they are. Raises as :func:`open_keys`."""
    wrapping = _provider(settings)
    if wrapping is None:
        raise WorkspaceError("the provider of `keys` is file, which wraps no secrets; write `provider: vault` first")
    return FileKeyRing.wrap(settings.keys_folder, wrapping)


def wrappings_of(settings: Settings, ring: FileKeyRing) -> Mapping[str, KeyWrapping]:
    """Return who can unwrap data keys, by name; the first wraps new ones."""
    provider, own = _provider(settings), RingWrapping(ring)
    return {own.provider: own} if provider is None else {provider.provider: provider, own.provider: own}


def _provider(settings: Settings) -> KeyWrapping | None:
    keys = settings.keys
    if keys.provider is KeyProvider.FILE:
        return None
    if keys.address is None or keys.transit_key is None or keys.token_file is None:  # pragma: no cover - settings
        raise WorkspaceError("the provider vault of `keys` needs address, transit_key and token_file")
    return VaultWrapping(
        keys.address,
        keys.transit_key,
        keys.token_file,
        mount=keys.mount,
        namespace=keys.namespace,
        authority=keys.authority,
    )
