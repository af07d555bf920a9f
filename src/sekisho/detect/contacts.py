"""Addresses of the network: e-mail, URL, IP, MAC, LINE, advertising and cookie identifiers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from sekisho.detect.checks import iban_valid
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

_IPV4 = re.compile(r"(?<![0-9A-Za-z])(?<![0-9]\.)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z])(?!\.[0-9])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?![0-9A-Za-z])")
_MAC = re.compile(r"(?<![0-9A-Za-z:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![0-9A-Za-z])")
_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
_COOKIE = re.compile(r"(?<![0-9A-Za-z])(?:GA1\.[0-9]{1,2}|fb\.1)\.[0-9]{5,15}\.[0-9]{5,20}")

_LINE_KEY = re.compile(r"(?<![0-9A-Za-z])[UCR][0-9a-f]{32}(?![0-9A-Za-z])")
# NFKC makes ＬＩＮＥ into LINE before this is read.
_LINE_ID = re.compile(
    r"(?<![A-Za-z])(?i:line)(?:の|\s)?(?:(?i:id)|アカウント|アイディー)\s?(?:は|が|:|=|\s|「|『|\(){0,3}@?"
    r"([0-9A-Za-z][0-9A-Za-z._-]{2,29})"
)
_LINE_COLON = re.compile(r"(?<![A-Za-z])(?i:line)\s?(?::|は)\s?@?([0-9A-Za-z][0-9A-Za-z._-]{3,29})")

_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?(?![0-9A-Za-z])")


def find_contacts(text: str) -> Iterator[Span]:
    """Yield the network addresses of folded *text*."""
    if _EMAIL_HINT.search(text):
        for match in _EMAIL.finditer(text):
            yield Span(*match.span(), Kind.EMAIL, 0.95)
    if "/" in text or "www." in text:
        for match in _URL.finditer(text):
            yield Span(*match.span(), Kind.URL, 0.9)
    if "LINE" in text or "line" in text or "Line" in text:
        for pattern in (_LINE_ID, _LINE_COLON):
            for match in pattern.finditer(text):
                yield Span(*match.span(1), Kind.LINE_ID, 0.8)


def find_addresses_of_machines(text: str) -> Iterator[Span]:
    """Yield IP and MAC addresses, device, cookie and bank identifiers of folded *text*, which has digits."""
    if "." in text:
        for match in _IPV4.finditer(text):
            if all(int(part) <= 255 for part in match.group().split(".")):
                yield Span(*match.span(), Kind.IP, 0.9)
        for match in _COOKIE.finditer(text):
            yield Span(*match.span(), Kind.DEVICE_ID, 0.9)
    if ":" in text:
        for match in _IPV6.finditer(text):
            if _is_ipv6(match.group()):
                yield Span(*match.span(), Kind.IP, 0.9)
    if ":" in text or "-" in text:
        for match in _MAC.finditer(text):
            yield Span(*match.span(), Kind.DEVICE_ID, 0.9)
        for match in _UUID.finditer(text):
            yield Span(*match.span(), Kind.DEVICE_ID, 0.8)
    for match in _LINE_KEY.finditer(text):
        yield Span(*match.span(), Kind.LINE_ID, 0.95)
    for match in _IBAN.finditer(text):
        if iban_valid(match.group().replace(" ", "")):
            yield Span(*match.span(), Kind.BANK_ACCOUNT, 0.95)


def _is_ipv6(text: str) -> bool:
    if text == "::":  # an emphasis of colons more often than the unspecified address
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
