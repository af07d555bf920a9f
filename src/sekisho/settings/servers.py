"""Stores in a server: their address, in which no password stands, and the way there."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from sekisho.domain.terms import Store, StoreKind
from sekisho.settings.section import Section

_SCHEMES = frozenset({"postgresql", "postgres"})
_OPTIONS = frozenset({"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs"})
_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
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
    password = str(password_file) if password_file else None
    return Store(name, StoreKind.POSTGRESQL, url, password, writes, _unprotected(url))


def _unprotected(url: str) -> str:
    """Return *url* without how the way to the server is protected."""
    parts = urlsplit(url)
    options = [(name, value) for name, value in parse_qsl(parts.query) if not name.startswith("ssl")]
    return parts._replace(query=urlencode(options)).geturl()


def _is_address(section: Section, url: str) -> bool:
    fault = address_fault(url)
    if fault is not None:
        section.wrong("url", *fault)
    return fault is None


def address_fault(url: str, what: str = "`url`") -> tuple[str, str] | None:
    """Return what is wrong with the address of a database and how to mend it, or ``None``.

    The sentences call it *what*, and repeat nothing of it.
    """
    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        local = _is_local(parts.hostname, options)
        whole = parts.scheme in _SCHEMES and bool(parts.username) and len(parts.path) > 1 and not parts.fragment
        whole = whole and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    if not whole:
        return f"{what} does not name a role and a database of PostgreSQL", f"write {_EXAMPLE}"
    if parts.password is not None or "password" in options:
        return f"a password stands in {what}", "put it into a file, and write `password_file`"
    if not options.keys() <= _OPTIONS:
        return f"{what} has an option that is not allowed", f"leave all out but {', '.join(sorted(_OPTIONS))}"
    if any(len(values) > 1 for values in options.values()):
        return f"{what} says an option twice", "keep one"  # two readers of the address may take different ones
    if options.get("sslmode", ["require"])[0] not in _MODES:
        return f"{what} has no such sslmode", "write verify-full"
    if not local and "sslmode" not in options:
        return "the way to the server is not protected", "add `?sslmode=verify-full`, or say another"
    for option in ("sslrootcert", "sslcert", "sslkey"):
        if not options.get(option, ["/"])[0].startswith("/"):
            # Every process has a working directory of its own.
            return f"{what} names a file of certificates by a relative path", "write the whole path"
    return None


def _is_local(host: str | None, options: dict[str, list[str]]) -> bool:
    hosts = [host] if host else options.get("host", [])
    return all(each.startswith("/") or each == "localhost" or _is_loopback(each) for each in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
