"""The sections about the gateway itself: controller, database, policy, identity."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sekisho.domain.law import rule_set
from sekisho.domain.limits import Place
from sekisho.settings.conditions import country
from sekisho.settings.faults import shown
from sekisho.settings.keys import ALGORITHMS
from sekisho.settings.section import Section
from sekisho.settings.values import Controller, IdentitySettings, ScanSettings

_LAW = ("appi@2022-04",)
_MOST_DAYS = 36_500
_MOST_HOURS = 8_784
_DATABASE = "sqlite:///var/sekisho.db"
_TOKEN_WORD = re.compile(r"[\x21-\x7e]{1,256}")  # iss and aud are StringOrURI; white space is a slip


def controller(root: Section) -> Controller | None:
    """Return the controller."""
    section = root.section("controller")
    if section is None:
        return None
    name, contact = section.text("name"), section.text("contact")
    place = Place(country(section, "country") or Place().country, _time_zone(section))
    return Controller(name, contact, place) if name and contact else None


def _time_zone(section: Section) -> str:
    """Return the zone by whose days rules count."""
    name = section.text("time_zone") or Place().time_zone
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if section.has("time_zone"):
            section.wrong("time_zone", f"{shown(name)} is no time zone", "write one such as Asia/Tokyo or UTC")
    return name


def law(root: Section) -> tuple[str, ...]:
    """Return the names of the rules of law that consent is checked by; the Japanese ones when nothing is said."""
    names = root.texts("law")
    for name in names:
        try:
            rule_set(name)
        except ValueError as error:
            root.wrong("law", f"{shown(name)} is no set of rules", str(error))
    if root.has("law") and not names:
        root.wrong("law", "`law` names no set of rules", "write [appi@2022-04], or leave it out")
    return names or _LAW


def database_url(root: Section, folder: Path) -> tuple[str | None, Path | None]:
    """Return the SQLAlchemy URL of the gateway's own database, and its file when it is SQLite.

    A URL may hold a password, so that no message repeats any of it.
    """
    section = root.section("database")
    if section is None:
        if root.has("database"):
            return None, None
        return _sqlite_url(root, "database", _DATABASE, folder)
    text = section.text("url", 1000)
    if text is None:
        return None, None
    scheme = text.partition(":")[0]
    if scheme == "sqlite":
        return _sqlite_url(section, "url", text, folder)
    if scheme in {"postgresql", "postgresql+psycopg"}:
        try:
            parts = urlsplit(text)
            usable = len(parts.path) > 1 and (parts.port is None or parts.port > 0) and not parts.fragment
        except ValueError:
            usable = False
        if usable:
            return _with_password(section, "postgresql+psycopg:" + text.partition(":")[2], folder), None
        section.wrong("url", "`url` names no database", "write postgresql://user@host:5432/database")
        return None, None
    section.wrong(
        "url",
        "`url` is of no database that can hold the records",
        "write sqlite:///var/sekisho.db or postgresql://user@host/database",
    )
    return None, None


def _with_password(section: Section, url: str, folder: Path) -> str | None:
    """Return *url* with what stands in the ``password_file``, where there is one."""
    file = section.path("password_file", folder)
    if file is None:
        return url
    parts = urlsplit(url)
    role, at, place = parts.netloc.rpartition("@")
    if not role or ":" in role:
        section.wrong(
            "password_file", "`url` names no role, or has a password itself", "write postgresql://user@host/…"
        )
        return None
    try:
        password = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError):
        password = ""
    if not password:
        section.wrong(
            "password_file", "`password_file` holds no password that can be read", "put it there, mode 0600"
        )
        return None
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}{at}{place}"))


def _sqlite_url(section: Section, key: str, text: str, folder: Path) -> tuple[str | None, Path | None]:
    location = text.removeprefix("sqlite:///")
    if location == text or location in {"", ":memory:"} or "?" in location:
        section.wrong(key, "`url` names no database file", "write sqlite:///var/sekisho.db")
        return None, None
    place = section.place(key, location, folder)
    return (None, None) if place is None else (f"sqlite:///{place}", place)


def audit_keep_days(root: Section) -> int | None:
    """Return after how many days audit records may be pruned, ``None`` when nothing is said: never."""
    section = root.section("audit")
    return None if section is None else section.whole("keep_days", 0, 1, _MOST_DAYS) or None


def scan(root: Section) -> ScanSettings:
    """Return when stores are scanned; never by themselves when nothing is said."""
    section = root.section("scan")
    if section is None:
        return ScanSettings()
    hours = section.whole("every_hours", 0, 1, _MOST_HOURS) or None
    return ScanSettings(hours, section.flag("enforce"), named=True)


def folder_of(root: Section, key: str, inner: str, default: str, folder: Path) -> Path | None:
    """Return the folder that *inner* of the section *key* names, or the default."""
    section = root.section(key)
    if section is None:
        return None if root.has(key) else (folder / default).resolve()
    return section.path(inner, folder, default)


def identity(root: Section, folder: Path) -> IdentitySettings | None:
    """Return which tokens are accepted."""
    section = root.section("identity")
    if section is None:
        return None
    words = {key: section.text(key) for key in ("issuer", "audience", "customer_audience")}
    for key, word in words.items():
        if word is not None and _TOKEN_WORD.fullmatch(word) is None:
            section.wrong(key, f"`{key}` has white space, is too long or not ASCII", "copy it from the issuer")
    issuer, audience = words["issuer"], words["audience"]
    customers = words["customer_audience"] or f"{audience}:customers"
    if audience is not None and customers == audience:
        section.wrong(
            "customer_audience",
            "requesters and customers have one audience",
            "give customers another, so that no token passes as the other kind",
        )
    embedded = not section.has("jwks") or section.is_word("jwks", "embedded")
    jwks = None if embedded else section.path("jwks", folder)
    algorithms = section.names("algorithms", ALGORITHMS, "algorithm")
    if section.has("algorithms") and not algorithms:
        section.wrong("algorithms", "`algorithms` accepts none", f"choose from {', '.join(ALGORITHMS)}")
    algorithms = algorithms or ("EdDSA",)
    if embedded and "EdDSA" not in algorithms:
        section.wrong("algorithms", "the embedded issuer signs with EdDSA", "add EdDSA to the list")
    if issuer is None or audience is None:
        return None
    return IdentitySettings(issuer, audience, customers, jwks, algorithms)
