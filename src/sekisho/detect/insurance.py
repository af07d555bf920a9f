"""Symbol and number (記号・番号): the insured of health insurance, accounts at Japan Post Bank."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho.detect.spans import Kind, Span

_GLUE = r"[\sは:が=、「()]{0,4}"
_PAIR = re.compile(
    rf"記号{_GLUE}(?P<symbol>(?!-)[^\s、。:,/番記号・()]{{1,12}}?)[\s、,/・」)(\-]{{0,3}}(?:の\s?)?"
    rf"番号{_GLUE}(?P<number>[0-9]{{1,10}})"
)
_JOINED = re.compile(
    rf"記号[・･/、及びと -]{{0,3}}番号{_GLUE}(?P<joined>[0-9A-Za-z々〆\u3040-\u9fff]{{0,8}}?-?[0-9]{{1,10}}"
    r"(?:[-・ の/]{1,2}[0-9]{1,10}){0,3})"
)
_BRANCH = re.compile(rf"枝番号?{_GLUE}(?P<branch>[0-9]{{1,2}})(?![0-9])")
_POSTAL = re.compile("ゆうちょ|郵便貯金|郵貯|振替|郵便局")
_OWN_FORM = re.compile("[01][0-9]{3}0[- ][0-9]{0,7}1")  # 記号 and 番号 of Japan Post Bank
_GOODS = re.compile("商品|製品|部品|品番|型番")
_ACCOUNT = re.compile(
    r"(?:ゆうちょ|郵便貯金|郵貯|振替|郵便局)[^0-9\n。]{0,20}"
    r"(?P<account>[01][0-9]{4}(?:[- ]| - )(?:[0-9][- ])?[0-9]{1,8})(?![0-9])"
)


def find_symbols(text: str) -> Iterator[Span]:
    """Yield the pairs of symbol and number, and branch numbers, of folded *text*."""
    if "記号" in text:
        for match in _PAIR.finditer(text):
            if _GOODS.search(text, max(0, match.start() - 6), match.start()):
                continue  # an article's
            kind = _kind(text, match.start(), match["symbol"], match["number"])
            yield Span(*match.span("symbol"), kind, 0.85)
            yield Span(*match.span("number"), kind, 0.85)
        for match in _JOINED.finditer(text):
            near = _POSTAL.search(text, max(0, match.start() - 30), match.start())
            postal = near or _OWN_FORM.fullmatch(match["joined"])
            yield Span(*match.span("joined"), Kind.POSTAL_ACCOUNT if postal else Kind.INSURED_NUMBER, 0.8)
    if "枝番" in text:
        for match in _BRANCH.finditer(text):
            yield Span(*match.span("branch"), Kind.INSURED_NUMBER, 0.7)
    if "ゆうちょ" in text or "郵" in text or "振替" in text:
        for match in _ACCOUNT.finditer(text):
            yield Span(*match.span("account"), Kind.POSTAL_ACCOUNT, 0.9)


def _kind(text: str, start: int, symbol: str, number: str) -> Kind:
    """Return whose pair it is: Japan Post Bank's symbols have five digits, of which the last is 0."""
    postal = _POSTAL.search(text, max(0, start - 30), start) is not None
    own_form = len(symbol) == 5 and symbol.isdigit() and symbol[0] in "01" and (number[-1] == "1" or symbol[0] == "0")
    return Kind.POSTAL_ACCOUNT if postal or (own_form and symbol[4] == "0") else Kind.INSURED_NUMBER
