"""Ways to reach somebody on the network: e-mail, URL, LINE."""

from __future__ import annotations

import re

from sekisho.detect.spans import Kind, Span, span_of

_EMAIL = Kind.EMAIL  # looked up by its name it costs more than the span
_LOCAL = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.!#$%&'*+/=?^_`{|}~-"  # RFC 5322, atext
_MOST_LOCAL = 256  # characters looked at before the mark; mail servers take 64
_QUOTED = re.compile(r'"[^"\n\ufffc]{1,64}"\Z')  # "taro yamada"@… (RFC 5322, quoted-string)
_MOST_QUOTED = 66
_AT = re.compile(r"[@★☆\[({](?:(?<=[@★☆])|(?<=[\[({])\s?(?:at|AT|@|アット)\s?[\])}])")
_DOMAIN = re.compile(
    # Labels are ASCII or, but for the last one, wholly outside ASCII: です after the address stays.
    r"\s?(?:(?:[0-9A-Za-z-]{1,63}|[^\W0-9A-Za-z_]{1,30})\.){0,8}[0-9A-Za-z][0-9A-Za-z-]{0,62}"
)
# As it is said and noted: hanako.k at example.jp, hanako アット example.jp.
_SAID = re.compile(
    r" at (?=(?:[0-9A-Za-z-]{1,63}\.){1,4}[A-Za-z]{2,24}(?![0-9A-Za-z]))"
    r"| ?アット(?:マーク)? ?(?=[0-9A-Za-z-]{1,63}\.)"
)
_NO_WORD = frozenset("0123456789._-")  # of what stands before "at": a word otherwise
_NAME_ALONE = re.compile("[A-Za-z][0-9A-Za-z-]{2}")  # hanako@docomo, but not 3個@100円
_USER = re.compile(r"://[^\s/:@]{1,64}:\Z")
_MOST_USER = 68
_KEY = re.compile("(?i:(?:e-?)?mail|to|from|cc|bcc|user|login|account|id|addr|address)=")

_URL_CHARS = r"!#-;=?-Z\\^-z|~"  # printable ASCII without space, quotes, <> and brackets
_URL = re.compile(
    rf"(?i:https?|ftp)://(?:(?:[\w-]{{1,63}}\.){{1,5}}[A-Za-z]{{2,24}}(?=[/?#:]))?[{_URL_CHARS}\[\]]+"
    rf"|(?<![0-9A-Za-z@.-])(?:www\.|line\.me/|lin\.ee/|bit\.ly/|t\.co/)[{_URL_CHARS}]+"
    rf"|(?<![0-9A-Za-z@.-])(?:[0-9A-Za-z-]{{1,63}}\.){{1,5}}[A-Za-z]{{2,24}}/[{_URL_CHARS}]+"
)

_HEX = frozenset("0123456789abcdef")
_LINE_KEY = re.compile(r"[UCR][0-9a-f]{32}(?![0-9A-Za-z])(?<![0-9A-Za-z].{33})")
# NFKC makes ＬＩＮＥ into LINE before this is read.
_LINE_ID = re.compile(
    r"(?:(?<![A-Za-z])(?i:line)|(?<![ァ-ヴー])ライン)(?:の|\s)?(?:(?i:id)|アカウント|アイディー)\s?(?:は|が|:|=|\s|「|『|\(){0,3}@?"
    r"([0-9A-Za-z][0-9A-Za-z._-]{2,29})"
)
_LINE_COLON = re.compile(r"(?<![A-Za-z])(?i:line)\s?(?::|は)\s?@?([0-9A-Za-z][0-9A-Za-z._-]{3,29})")


_LINE_SAID = re.compile(
    r"(?<![ァ-ヴー\u4e00-\u9fff])ライン\s?(?::|は)\s?@?(?=[a-z._-]{1,19}[0-9._-])([a-z][0-9a-z._-]{3,19})(?![0-9A-Za-z])"
)
# LINE(hana_7): in brackets with a digit or a mark, which LINE(公式) and LINE(iOS) lack.
_LINE_IN_BRACKETS = re.compile(
    r"(?:(?<![A-Za-z])(?i:line)|(?<![ァ-ヴー])ライン)\s?\(\s?@?(?=[a-z._-]{0,19}[0-9._-])([0-9a-z][0-9a-z._-]{3,19})\s?\)"
)


def find_emails(text: str) -> list[Span]:
    """Return the e-mail addresses of folded *text*."""
    return _emails(text) if "@" in text or "★" in text or "☆" in text or _spelled_out(text) else []


def find_said(text: str) -> list[Span]:
    """Return e-mail addresses of folded *text* whose mark is a word: what stands before is no word of a sentence."""
    spans: list[Span] = []
    if " at " not in text and "アット" not in text:
        return spans
    for mark in _SAID.finditer(text):
        window = text[max(0, mark.start() - _MOST_LOCAL) : mark.start()]
        local = window[len(window.rstrip(_LOCAL)) :].lstrip("./=?&'#-")
        domain = _DOMAIN.match(text, mark.end())
        if local and domain and not (mark.group() == " at " and _NO_WORD.isdisjoint(local)):
            spans.append(Span(mark.start() - len(local), domain.end(), Kind.EMAIL, 0.8))
    return spans


def find_urls(text: str) -> list[Span]:
    """Return the URLs of folded *text*."""
    spans: list[Span] = []
    if "/" in text or "www." in text:
        for match in _URL.finditer(text):
            url = match.group()
            url = url if "(" in url else url.partition(")")[0]
            spans.append(Span(match.start(), match.start() + len(url.rstrip(".,;:!?'")), Kind.URL, 0.9))
    return spans


def find_line(text: str) -> list[Span]:
    """Return the identifiers of LINE in folded *text*."""
    spans: list[Span] = []
    # Thirty-two characters in a row hold every thirty-second.
    if len(text) > 32 and not _HEX.isdisjoint(text[::32]):
        spans += [Span(*match.span(), Kind.LINE_ID, 0.95) for match in _LINE_KEY.finditer(text)]
    if "LINE" in text or "line" in text or "Line" in text or "ライン" in text:
        for pattern in (_LINE_ID, _LINE_COLON, _LINE_SAID, _LINE_IN_BRACKETS):
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
        at = mark.start()
        # A domain without a point follows directly: "Twitter @hanako_y" is no address.
        if domain is None or not (
            "." in domain.group() or (_NAME_ALONE.match(domain.group()) and not text[at - 1 : at].isspace())
        ):
            continue
        if text[at - 1 : at] == '"':
            quoted = _QUOTED.search(text, max(0, at - _MOST_QUOTED), at)
            if quoted:
                spans.append(Span(quoted.start(), domain.end(), Kind.EMAIL, 0.95))
                continue
        at -= text[at - 1 : at].isspace()
        window = text[max(0, at - _MOST_LOCAL) : at]
        local = window[len(window.rstrip(_LOCAL)) :]
        if local:
            if "=" in local and (key := _KEY.match(local)):
                local = local[key.end() :]
            start = at - len(local.lstrip("./=?&'#-"))
            if text[start - 1 : start] == ":" and _USER.search(text, max(0, start - _MOST_USER), start):
                continue  # app:password@host is a secret
        else:  # wholly outside ASCII (RFC 6531), where no edge shows
            start = at
            while start > 0 and at - start < 20 and text[start - 1].isalnum():
                start -= 1
        if start < at:
            spans.append(span_of((start, domain.end(), _EMAIL, 0.95)))
    return spans
