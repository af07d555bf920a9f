"""The section ``policy``: where policies are evaluated, and what is demanded of who evaluates them."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sekisho.settings.section import Section
from sekisho.settings.values import PolicyEngine, PolicySettings

_WORD: Final = re.compile(r"[!-~]{1,200}")  # no white space, ASCII
_EMBEDDED_MS: Final = 2_000  # inside the process nothing is lost; a question may only have to wait for a thread
_FOR_OPA: Final = ("url", "urls", "keyid", "authority", "certificate", "key")


def policy(root: Section, folder: Path) -> PolicySettings | None:
    """Return where policies are evaluated; embedded with the shipped policies when nothing is said."""
    section = root.section("policy")
    if section is None:
        return None if root.has("policy") else PolicySettings(PolicyEngine.EMBEDDED, timeout_ms=_EMBEDDED_MS)
    engine = section.choice("engine", PolicyEngine)
    bundle = None if section.is_word("bundle", "builtin") else section.path("bundle", folder)
    timeout_ms = section.whole("timeout_ms", 250 if engine is PolicyEngine.OPA else _EMBEDDED_MS, 10, 10_000)
    urls = _urls(section)
    if engine is PolicyEngine.OPA and not (section.has("url") or section.has("urls")):
        section.wrong("engine", "the engine `opa` needs a `url`", "add `url: http://127.0.0.1:8181`")
    if engine is PolicyEngine.EMBEDDED:
        for key in (each for each in _FOR_OPA if section.has(each)):
            section.wrong(key, f"`{key}` is for the engine `opa`", "leave it out, or write `engine: opa`")
    certificate, key_file = section.path("certificate", folder), section.path("key", folder)
    if section.has("certificate") != section.has("key"):
        section.wrong("policy", "`certificate` and `key` belong together", "write both, or none")
    if engine is None:
        return None
    return PolicySettings(
        engine,
        bundle,
        urls,
        timeout_ms,
        revision=_word(section, "revision"),
        keyid=_word(section, "keyid"),
        authority=section.path("authority", folder),
        certificate=certificate,
        key=key_file,
        shadow=_shadow(section, folder),
    )


def _shadow(section: Section, folder: Path) -> Path | str | None:
    """Return the folder, or the base address of an OPA server, that decides beside the policies in force."""
    text = section.text("shadow", 1000)
    if text is None or "://" not in text:
        return section.path("shadow", folder)
    return text.rstrip("/") if _is_address(section, "shadow", text) else None


def _urls(section: Section) -> tuple[str, ...]:
    one, several = section.text("url"), section.texts("urls")
    if section.has("url") and section.has("urls"):
        section.wrong("urls", "`url` and `urls` both name servers", "keep one of them")
    if section.has("urls") and not several:
        section.wrong("urls", "`urls` names no server", "write [https://opa-1.example, https://opa-2.example]")
    sound = []
    for key, url in [("url", one)] if one else [("urls", each) for each in several]:
        if _is_address(section, key, url):
            sound.append(url.rstrip("/"))
    return tuple(sound)


def _is_address(section: Section, key: str, url: str) -> bool:
    if not _is_base_url(url):
        section.wrong(
            key,
            f"`{key}` is not the base address of a server",
            "write unix:///path, http://host:port or https://host:port, without user, path or query",
        )
        return False
    if url.startswith("http:") and not _is_loopback(urlsplit(url).hostname or ""):
        section.wrong(
            key,
            "who stands between the gateway and this policy server can decide instead of it",
            "write https://host:port with `authority`, `certificate` and `key`, or unix:///path",
        )
        return False
    return True


def _word(section: Section, key: str) -> str | None:
    word = section.text(key, 200)
    if word is not None and _WORD.fullmatch(word) is None:
        section.wrong(key, f"`{key}` has white space or is not ASCII", "copy it from the policies' build")
        return None
    return word


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        if parts.query or parts.fragment or "%" in url:
            return False
        if parts.scheme == "unix":
            return not parts.netloc and len(parts.path) > 1
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.username is None
            and parts.path in {"", "/"}
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
