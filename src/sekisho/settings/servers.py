"""Stores in a server: their address, in which no password stands, and the way there."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from sekisho.domain.terms import Store, StoreKind
from sekisho.settings.section import Section

_SCHEMES = frozenset({"postgresql", "postgres"})
_OPTIONS = frozenset({"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs"})
_EXAMPLE = "postgresql://sekisho_crm@db.shop.example/crm?sslmode=verify-full"


def server_store(name: str, section: Section, folder: Path) -> Store | None:
    """Return the store in PostgreSQL that *section* declares. No message repeats any of its URL."""
    if section.has("location"):
        section.wrong("location", "a store in a server has no `location`", "write its `url`")
    if not section.has("url"):
        section.wrong("kind", "the kind `postgresql` needs a `url`", f"add `url: {_EXAMPLE}`")
    url = section.text("url", 1000)
    password_file = section.path("password_file", folder)
    if url is None or not _is_address(section, url):
        return None
    writes = section.flag("writes") if section.has("writes") else True
    return Store(name, StoreKind.POSTGRESQL, url, str(password_file) if password_file else None, writes)


def _is_address(section: Section, url: str) -> bool:
    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        local = _is_local(parts.hostname, options)
        whole = parts.scheme in _SCHEMES and bool(parts.username) and len(parts.path) > 1 and not parts.fragment
        whole = whole and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    if not whole:
        section.wrong("url", "`url` does not name a role and a database of PostgreSQL", f"write {_EXAMPLE}")
        return False
    if parts.password is not None or "password" in options:
        section.wrong("url", "a password stands in `url`", "put it into a file, and write `password_file`")
        return False
    if not options.keys() <= _OPTIONS:
        section.wrong(
            "url", "`url` has an option that is not allowed", f"leave all out but {', '.join(sorted(_OPTIONS))}"
        )
        return False
    if not local and "sslmode" not in options:
        section.wrong("url", "the way to the server is not protected", "add `?sslmode=verify-full`, or say another")
        return False
    return True


def _is_local(host: str | None, options: dict[str, list[str]]) -> bool:
    hosts = [host] if host else options.get("host", [])
    return all(each.startswith("/") or each == "localhost" or _is_loopback(each) for each in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
