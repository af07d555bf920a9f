"""The key ring: who wraps its secrets, and how long former pseudonyms are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sekisho.settings.customers import is_address
from sekisho.settings.section import Section
from sekisho.settings.values import KeyProvider, KeySettings

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_PATH: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}(/[A-Za-z0-9_.-]{1,100}){0,5}")
_OF_VAULT: Final = ("address", "transit_key", "token_file", "mount", "namespace", "authority")
_NEEDED: Final = {
    "address": "https://vault.shop.example:8200",
    "transit_key": "sekisho",
    "token_file": "/run/secrets/vault-token",
}
_MOST_EPOCHS: Final = 100


def key_ring(root: Section, folder: Path) -> KeySettings:
    """Return what ``keys`` says besides where the folder is. No message repeats an address."""
    section = root.section("keys")
    if section is None:
        return KeySettings()
    provider = section.choice("provider", KeyProvider) or KeyProvider.FILE
    grace = section.whole("grace_epochs", KeySettings().grace_epochs, 0, _MOST_EPOCHS)
    if provider is KeyProvider.FILE:
        for key in _OF_VAULT:
            if section.has(key):
                section.wrong(key, f"`{key}` is of a provider that wraps keys", "add `provider: vault`")
        return KeySettings(grace_epochs=grace)
    for key, example in _NEEDED.items():
        if not section.has(key):
            section.wrong("provider", f"the provider vault needs `{key}`", f"add `{key}: {example}`")
    address = section.text("address", 1000)
    if address is not None and not is_address(address, path=False):
        section.wrong(
            "address",
            "`address` is not where a provider is safely reached",
            "write https://host:port, without user, path or query; http is for 127.0.0.1 alone",
        )
    return KeySettings(
        provider=provider,
        address=None if address is None else address.rstrip("/"),
        transit_key=_word(section, "transit_key", _NAME),
        token_file=section.path("token_file", folder),
        mount=_word(section, "mount", _PATH) or KeySettings().mount,
        namespace=_word(section, "namespace", _PATH),
        authority=section.path("authority", folder),
        grace_epochs=grace,
    )


def _word(section: Section, key: str, form: re.Pattern[str]) -> str | None:
    word = section.text(key)
    if word is not None and form.fullmatch(word) is None:
        section.wrong(key, f"`{key}` is not a name of the provider", "use letters, digits, _ . and -")
        return None
    return word
