"""Ways to reach somebody on the network: e-mail, URL, LINE."""

from __future__ import annotations

import re

from sekisho.detect.spans import Kind, Span

_LOCAL = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.!#$%&'*+/=?^_`{|}~-"  # RFC 5322, atext
_MOST_LOCAL = 256  # characters looked at before the mark; mail servers take 64
_QUOTED = re.compile(r'"[^"\n\ufffc]{1,64}"\Z')  # "taro yamada"@… (RFC 5322, quoted-string)
_MOST_QUOTED = 66
_AT = re.compile(r"@|[★☆]|[\[({]\s?(?:at|AT|@|アット)\s?[\])}]")
_DOMAIN = re.compile(
    # Labels are ASCII or, but for the last one, wholly outside ASCII: です after the address stays.
    r"\s?(?:(?:[0-9A-Za-z-]{1,63}|[^\W0-9A-Za-z_]{1,30})\.){0,8}[0-9A-Za-z][0-9A-Za-z-]{0,62}"
)
_NAME_ALONE = re.compile("[A-Za-z][0-9A-Za-z-]{2}")  # hanako@docomo, but not 3個@100円
_KEY = re.compile("(?i:(?:e-?)?mail|to|from|cc|bcc|user|login|account|id|addr|address)=")

_URL_CHARS = r"!#-;=?-Z\\^-z|~"  # printable ASCII without space, quotes, <> and brackets
_URL = re.compile(
    rf"(?i:https?|ftp)://(?:(?:[\w-]{{1,63}}\.){{1,5}}[A-Za-z]{{2,24}}(?=[/?#:]))?[{_URL_CHARS}\[\]]+"
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


def find_contacts(text: str) -> list[Span]:
    """Return e-mail addresses, URLs and LINE identifiers of folded *text*."""
    spans = _emails(text) if "@" in text or "★" in text or "☆" in text or _spelled_out(text) else []
    if "/" in text or "www." in text:
        for match in _URL.finditer(text):
            url = match.group()
            url = url if "(" in url else url.partition(")")[0]
            spans.append(Span(match.start(), match.start() + len(url.rstrip(".,;:!?'")), Kind.URL, 0.9))
    if len(text) > 32:
        spans += [Span(*match.span(), Kind.LINE_ID, 0.95) for match in _LINE_KEY.finditer(text)]
    if "LINE" in text or "line" in text or "Line" in text:
        for pattern in (_LINE_ID, _LINE_COLON):
            spans += [Span(*match.span(1), Kind.LINE_ID, 0.8) for match in pattern.finditer(text)]
    return spans


def _spelled_out(text: str) -> bool:
    """Return whether a mark may stand in *text* as a word in brackets."""
    bracketed = "(" in text or "[" in text or "{" in text
    return bracketed and ("at" in text or "AT" in text or "アット" in text)


def _emails(text: str) -> list[Span]:
    """Return e-mail addresses: the mark is found, then what stands on both sides of it."""
    spans: list[Span] = []
    for mark in _AT.finditer(text):
        domain = _DOMAIN.match(text, mark.end())
        if domain is None or not ("." in domain.group() or _NAME_ALONE.match(domain.group())):
            continue
        at = mark.start()
        at -= text[at - 1 : at].isspace()
        low = max(0, at - _MOST_LOCAL)
        window = text[low:at]
        start = low + len(window.rstrip(_LOCAL))
        quoted = None
        if text[mark.start() - 1 : mark.start()] == '"':
            quoted = _QUOTED.search(text, max(0, mark.start() - _MOST_QUOTED), mark.start())
        if quoted:
            spans.append(Span(quoted.start(), domain.end(), Kind.EMAIL, 0.95))
            continue
        if start < at:
            key = _KEY.match(text, start, at)
            start = key.end() if key else start
            start += len(text[start:at]) - len(text[start:at].lstrip("./=?&'#-"))
        else:  # wholly outside ASCII (RFC 6531), where no edge shows
            while start > 0 and at - start < 20 and text[start - 1].isalnum():
                start -= 1
        if start < at:
            spans.append(Span(start, domain.end(), Kind.EMAIL, 0.95))
    return spans
