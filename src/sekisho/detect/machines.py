"""Identifiers of machines and accounts of banks abroad: IP, MAC, UUID, cookies; IBAN, SWIFT."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from sekisho.detect.checks import iban_length, iban_valid
from sekisho.detect.spans import Kind, Span

_IPV4 = re.compile(r"[0-9][0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z])(?!\.[0-9])")
_NO_IPV4 = re.compile(
    r"(?:[0-9A-Za-z](?=\Z)|[0-9]\.(?=\Z)|(?:[Vv]er(?:sion)?\.?|[Vv]|バージョン|ファームウェア|ファーム|[Ff]irmware|第)[\s:]?)\Z"
)
_IP_WORDS = frozenset(("IP", "ip", "Ip"))
_IPV6 = re.compile(
    r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:[.][0-9]{1,3}){0,3}(?![0-9A-Za-z])"
)
_MAC = re.compile(
    r"[0-9A-Fa-f][0-9A-Fa-f]([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}(?![0-9A-Za-z]|[:-][0-9A-Fa-f])(?:(?<![0-9A-Za-z].{17})|(?<=MAC.{17}))(?<!(?<![0-9A-Za-z])[0-9A-Fa-f]{2}[:-].{17})"
)
_MAC_DOTS = re.compile(
    r"\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?!\.?[0-9A-Za-z])(?<=[0-9A-Fa-f]{4}.{10})(?<![0-9A-Za-z.].{14})"
)
_MAC_PLAIN = re.compile(
    r"(?<![A-Za-z])(?i:mac)(?:[ _-]?(?:アドレス|(?i:addr(?:ess)?)))?[\"\s:=は]{0,4}"
    r"(?P<value>[0-9A-Fa-f]{12})(?![0-9A-Za-z])"
)
_UUID = re.compile(
    r"[0-9A-Fa-f][0-9A-Fa-f]{7}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])(?<![0-9A-Za-z].{36})"
)
_ADVERTISING = re.compile("広告|(?i:idfa|idfv|gaid|aaid|adid|advertis|vendor)")
_COOKIE = re.compile(
    r"(?:GA1\.[0-9]{1,2}\.[0-9]{4,15}\.[0-9]{5,20}|GS[12]\.[0-9]\.[0-9A-Za-z.$_-]{8,120}"
    r"|fb\.[0-2]\.[0-9]{10,15}\.[0-9A-Za-z_-]{5,200})"
)
_IBAN = re.compile(r"[A-Z][A-Z][0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?(?![0-9A-Za-z])")
_COLONS = re.compile(":[0-9A-Fa-f]{0,4}:")  # stands in every address with colons
_SWIFT = re.compile(
    r"(?:SWIFT|Swift|swift|BIC|スイフト)(?:[ /-]?(?:コード|[Cc]ode|BIC|SWIFT|CODE))?[\s:はが=「(]{0,4}(?:is )?"
    r"(?P<code>[A-Z]{4}[A-Z]{2}[0-9A-Z]{2}(?:[0-9A-Z]{3})?)(?![0-9A-Za-z])"
)


def find_machines(text: str) -> list[Span]:
    """Return IP and MAC addresses, device and cookie identifiers of folded *text*."""
    spans: list[Span] = []
    dots = text.count(".")
    if dots > 2:
        spans += [
            Span(*match.span(), Kind.IP, score)
            for match in _IPV4.finditer(text)
            if (score := _ipv4(text, *match.span()))
        ]
    if dots > 1:
        if "GA1." in text or "fb." in text or "GS1." in text or "GS2." in text:
            spans += [Span(*match.span(), Kind.COOKIE_ID, 0.95) for match in _COOKIE.finditer(text)]
        spans += [Span(match.start() - 4, match.end(), Kind.MAC, 0.8) for match in _MAC_DOTS.finditer(text)]
    if ":" in text and _COLONS.search(text):
        spans += [Span(*match.span(), Kind.IP, 0.9) for match in _IPV6.finditer(text) if _is_ipv6(match.group())]
        spans += [Span(*match.span(), Kind.MAC, 0.95) for match in _MAC.finditer(text)]
    if text.count("-") > 3:
        spans += [Span(*match.span(), Kind.MAC, 0.9) for match in _MAC.finditer(text)]
        for match in _UUID.finditer(text):
            if set(match.group()) == {"0", "-"}:  # what a device answers that keeps its own to itself
                continue
            named = _ADVERTISING.search(text, max(0, match.start() - 30), match.start())
            kind = Kind.ADVERTISING_ID if named else Kind.DEVICE_ID
            spans.append(Span(*match.span(), kind, 0.95 if named else 0.8))
    return spans


def find_named(text: str) -> list[Span]:
    """Return MAC addresses of folded *text* that are twelve digits with the word before them."""
    if "MAC" in text or "mac" in text or "Mac" in text:
        return [Span(*match.span("value"), Kind.MAC, 0.85) for match in _MAC_PLAIN.finditer(text)]
    return []


def find_accounts(text: str) -> Iterator[Span]:
    """Yield the accounts of banks abroad (IBAN) in folded *text*."""
    for match in _IBAN.finditer(text):
        start, end = match.span()
        if start and text[start - 1].isascii() and text[start - 1].isalnum() and text[start - 4 : start] != "IBAN":
            continue
        # The words behind an account in capitals may look like its last groups.
        length = iban_length(match.group()[:2])
        for cut in range(end, start + 14, -1):
            account = text[start:cut].replace(" ", "")
            if len(account) == length and text[cut - 1] != " ":
                if iban_valid(account):
                    yield Span(start, cut, Kind.IBAN, 0.95)
                break


def find_bank_codes(text: str) -> list[Span]:
    """Return the SWIFT codes of banks in folded *text*, beside the word for them."""
    if "SWIFT" in text or "BIC" in text or "wift" in text or "スイフト" in text:
        return [Span(*match.span("code"), Kind.SWIFT, 0.85) for match in _SWIFT.finditer(text)]
    return []


def _ipv4(text: str, start: int, end: int) -> float:
    """Return how much four numbers are somebody's address: 0 for versions, loopback and the unspecified."""
    if start and text[start - 2 : start] not in _IP_WORDS and _NO_IPV4.search(text, max(0, start - 9), start):
        return 0.0
    parts = [int(part) for part in text[start:end].split(".")]
    if max(parts) > 255 or parts[0] in {0, 127} or parts == [255] * 4:
        return 0.0
    private = parts[0] == 10 or parts[:2] == [192, 168] or (parts[0] == 172 and 16 <= parts[1] <= 31)
    return 0.6 if private else 0.9


def _is_ipv6(text: str) -> bool:
    if text in {"::", "::1"}:  # an emphasis of colons more often than the unspecified address
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
