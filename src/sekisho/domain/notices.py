"""What people are asked, as versioned facts: purposes and the notices that tell of them.

A published version never changes. A major change asks everybody again; a minor one (a slip of the pen)
keeps what was given.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sekisho.errors import InvalidRequest

SYSTEM = "system"
"""Who drafted what the gateway generated from ``sekisho.yaml``; such a notice follows the declaration."""
LOCALES = ("ja", "en")
"""Languages in which every notice stands; the first is what a reader of another language gets."""
CONTENT_TYPE = "text/plain; charset=utf-8"
"""Texts are shown as they are, line by line: nothing in them is markup."""
MOST_TEXT = 20_000
"""Characters of one text."""

_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Change(StrEnum):
    """How far a new version goes."""

    MAJOR = "major"
    MINOR = "minor"


class Status(StrEnum):
    """Where a version stands; only a published one was ever shown."""

    DRAFT = "draft"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Notice:
    """One version of one notice.

    Attributes
    ----------
    key, version:
        The version counts up over all notices that share a purpose, so that a version names one text.
    change:
        Whether publishing it asks people again.
    purposes:
        Names of the purposes it tells of.
    texts:
        Locale (``ja``, ``en``) to the text, UTF-8, as it is shown.
    published_at, published_seq:
        When it came into force, and the consent sequence of that; ``None`` for a draft.
    supersedes:
        The version of the same key before it.
    drafted_by, published_by:
        ``requester:NAME``, or :data:`SYSTEM`.
    """

    key: str
    version: int
    change: Change
    status: Status
    purposes: tuple[str, ...]
    texts: Mapping[str, str]
    published_at: datetime | None = None
    published_seq: int | None = None
    supersedes: int | None = None
    drafted_by: str = ""
    published_by: str | None = None

    def sha256(self, locale: str) -> str:
        """Return the SHA-256, in hexadecimal, of the bytes shown in *locale*."""
        return hashlib.sha256(self.texts[locale].encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PurposeVersion:
    """One version of what is declared about a purpose. ``facts`` are JSON values; see ``docs/consent/notices.md``."""

    purpose: str
    version: int
    change: Change
    status: Status
    facts: Mapping[str, object]
    sha256: str
    source: str
    published_at: datetime | None = None
    published_seq: int | None = None


def check_notice(key: str, purposes: tuple[str, ...], texts: Mapping[str, str]) -> None:
    """Raise ``InvalidRequest`` unless these can be a notice: a name, a purpose, a text in every language."""
    if _KEY.fullmatch(key) is None:
        raise InvalidRequest("key is a to z, 0 to 9 and _, a letter first, 63 characters at most.")
    if not purposes or len(set(purposes)) != len(purposes):
        raise InvalidRequest("purposes names each purpose that the notice tells of, once.")
    if not set(LOCALES) <= texts.keys() or not all(_LOCALE.fullmatch(locale) for locale in texts):
        raise InvalidRequest(
            f"texts holds a text for each of {', '.join(LOCALES)}; others are named like fr or pt-BR."
        )
    for text in texts.values():
        if not text.strip() or len(text) > MOST_TEXT or _CONTROL.search(text):
            raise InvalidRequest(f"A text has 1 to {MOST_TEXT:,} characters, and no control characters.")


def version_number(version: str) -> int | None:
    """Return the version that *version* spells, ``None`` when it spells none."""
    plain = version.isascii() and version.isdigit() and len(version) < 10 and version[:1] != "0"
    return int(version) if plain else None


def shown_locale(notice: Notice, wanted: str | None) -> str:
    """Return the language in which *notice* is shown to whoever wants *wanted*: that, its language, ja, or en."""
    tag = (wanted or "").lower()  # language tags have no case (RFC 5646, 2.1.1)
    for locale in (wanted, tag, tag.partition("-")[0], *LOCALES):
        if locale in notice.texts:
            return str(locale)
    return next(iter(notice.texts))
