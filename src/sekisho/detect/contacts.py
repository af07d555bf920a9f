"""Ways to reach somebody on the network: e-mail, URL, LINE."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho.detect.spans import Kind, Span

_LOCAL = r"0-9A-Za-z.!#$%&'*+/=?^_`{|}~-"
_EMAIL = re.compile(
    # Local part in ASCII, directly after kana too; or wholly outside ASCII (RFC 6531), where no edge shows.
    rf"(?:(?<![{_LOCAL}])[{_LOCAL}]+|[^\W0-9A-Za-z_]{{1,20}})"
    r"\s?(?:@|[\[({]\s?(?:at|AT|@|アット)\s?[\])}]|★|☆)\s?"
    # Labels are ASCII or, but for the last one, wholly outside ASCII: です after the address stays.
    r"(?:(?:[0-9A-Za-z-]{1,63}|[^\W0-9A-Za-z_]{1,30})\.){0,8}[0-9A-Za-z][0-9A-Za-z-]{0,62}"
)
_EMAIL_HINT = re.compile(r"[@★☆]|[\[({]\s?(?:at|AT|アット)\s?[\])}]")

_URL_CHARS = r"!#-;=?-Z\\^-z|~"  # printable ASCII without space, quotes, <> and brackets
_URL = re.compile(
    rf"(?i:https?|ftp)://[{_URL_CHARS}\[\]]+"
    rf"|(?<![0-9A-Za-z@.-])(?:www\.|line\.me/|lin\.ee/|bit\.ly/|t\.co/)[{_URL_CHARS}]+"
    rf"|(?<![0-9A-Za-z@.-])(?:[0-9A-Za-z-]{{1,63}}\.){{1,5}}[A-Za-z]{{2,24}}/[{_URL_CHARS}]+"
)

_LINE_KEY = re.compile(r"[UCR][0-9a-f]{32}(?![0-9A-Za-z])(?<![0-9A-Za-z].{33})")
# NFKC makes ＬＩＮＥ into LINE before this is read.
_LINE_ID = re.compile(
    r"(?<![A-Za-z])(?i:line)(?:の|\s)?(?:(?i:id)|アカウント|アイディー)\s?(?:は|が|:|=|\s|「|『|\(){0,3}@?"
    r"([0-9A-Za-z][0-9A-Za-z._-]{2,29})"
)
_LINE_COLON = re.compile(r"(?<![A-Za-z])(?i:line)\s?(?::|は)\s?@?([0-9A-Za-z][0-9A-Za-z._-]{3,29})")


def find_contacts(text: str) -> Iterator[Span]:
    """Yield e-mail addresses, URLs and LINE identifiers of folded *text*."""
    if _EMAIL_HINT.search(text):
        for match in _EMAIL.finditer(text):
            yield Span(*match.span(), Kind.EMAIL, 0.95)
    if "/" in text or "www." in text:
        for match in _URL.finditer(text):
            yield Span(*match.span(), Kind.URL, 0.9)
    for match in _LINE_KEY.finditer(text) if len(text) > 32 else ():
        yield Span(*match.span(), Kind.LINE_ID, 0.95)
    if "LINE" in text or "line" in text or "Line" in text:
        for pattern in (_LINE_ID, _LINE_COLON):
            for match in pattern.finditer(text):
                yield Span(*match.span(1), Kind.LINE_ID, 0.8)
