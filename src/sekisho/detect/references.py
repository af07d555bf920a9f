"""Numbers that are somebody's by the word before them: order, customer, licence, account; birth dates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho.detect.spans import Kind, Span

_ORDER_WORD = (
    r"注文|受注|オーダー|伝票|受付|予約|問い?合わ?せ|追跡|送り状|配送|請求書?|領収書?|納品書?|チケット|管理|整理"
    r"|(?<![A-Za-z])(?i:order|invoice|tracking|booking|reservation|ticket|case|reference|ref|receipt|shipment)"
)
_BANK_WORD = r"口座|普通預金|当座|普通(?=\s?[0-9])|(?<![A-Za-z])(?i:bank account|account|acct)"
_ID_WORD = (
    r"会員|顧客|お客[様さ]ま?|契約者?|免許証?|旅券|パスポート|年金|保険証?|被保険者|受給者|社員|学籍|患者|カルテ|在留カード|住民票"
    r"|ポイントカード|メンバー|ユーザー?"
    r"|(?<![A-Za-z])(?i:customer|member(?:ship)?|user|passport|licen[cs]e|policy|serial|driver'?s licen[cs]e|ssn)"
)
_REFERENCE = re.compile(
    rf"(?:(?P<order>{_ORDER_WORD})|(?P<bank>{_BANK_WORD})|(?P<id>{_ID_WORD}))"
    r"(?P<named>\s?(?:番号|コード|(?i:id|no|number|num|code|reference)(?![a-z])|#))?[.:#]?"
    r"\s?(?:は|が|を|の|is|was|「|『|\(|\[|\*|=|:|#){0,3}\s?"
    # The reference holds a digit; letters before it are few, so that no word is taken for one.
    r"(?P<code>[A-Za-z]{0,6}[-_]?[0-9][0-9A-Za-z]*(?:[-_][0-9A-Za-z]+)*)"
)
_SHAPED = re.compile(
    r"(?<![0-9A-Za-z-])(?:"
    r"(?P<id>[A-Z]{2}[0-9]{7}|[A-Z]{2}[0-9]{8}[A-Z]{2})"  # passport; residence card (在留カード)
    r"|(?P<order>[A-Z]{2,6}[-_][0-9][0-9A-Z]*(?:[-_][0-9A-Z]+)*|#[0-9]{4,}|[A-Z]{1,4}[0-9]{6,})"
    r")(?![0-9A-Za-z])"
)

# A bare number of six digits or more that is no amount: an order, a customer, an account.
_BARE = re.compile(
    r"(?<![0-9A-Za-z])(?<![.,¥$£€-])[0-9]{6,}(?![0-9A-Za-z]|[.,-][0-9]|\s?(?:円|個|件|人|枚|ポイント|%))"
)

_DATE = (
    r"(?:(?:19|20)[0-9]{2}\s?[-/.年]\s?[0-9]{1,2}\s?[-/.月]\s?[0-9]{1,2}\s?日?"
    r"|(?:19|20)[0-9]{2}年(?:[0-9]{1,2}月)?"
    r"|(?:令和|平成|昭和|大正|明治|[RHSTM])\s?(?:元|[0-9]{1,2})\s?[-/.年]\s?[0-9]{1,2}\s?[-/.月]\s?[0-9]{1,2}\s?日?"
    r"|[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ](?:19|20)?[0-9]{2}"
    r"|(?:19|20)[0-9]{6}"
    r"|[0-9]{1,2}(?:st|nd|rd|th)? [A-Z][a-z]{2,8},? (?:19|20)[0-9]{2}"
    r"|[A-Z][a-z]{2,8} [0-9]{1,2}(?:st|nd|rd|th)?,? (?:19|20)[0-9]{2}"
    r"|[0-9]{1,2}月\s?[0-9]{1,2}日)"
)
_BIRTH_BEFORE = re.compile(
    rf"(?:生年月日|誕生日|生まれ|(?<![A-Za-z])(?i:date of birth|birth ?date|birthday|dob|born(?: on| in)?))"
    rf"[\s:はがも(、,is]{{0,5}}(?P<date>{_DATE})"
)
_BIRTH_AFTER = re.compile(rf"(?<![0-9])(?P<date>{_DATE})\s?(?:生(?!産)|うまれ)")


def find_references(text: str) -> Iterator[Span]:
    """Yield references and birth dates of folded *text*, which has digits."""
    for match in _REFERENCE.finditer(text):
        start, end = match.span("code")
        # "order 12 items" is not a reference: without the word "number" it takes five characters.
        if end - start >= (3 if match["named"] else 5):
            kind = Kind.ORDER_NUMBER if match["order"] else Kind.BANK_ACCOUNT if match["bank"] else Kind.ID_NUMBER
            yield Span(start, end, kind, 0.6)
    for match in _SHAPED.finditer(text):
        yield Span(*match.span(), Kind.ID_NUMBER if match["id"] else Kind.ORDER_NUMBER, 0.5)
    for match in _BARE.finditer(text):
        yield Span(*match.span(), Kind.ORDER_NUMBER, 0.3)
    if "生" in text or "irth" in text or "orn" in text or "DOB" in text or "うまれ" in text or "dob" in text:
        for pattern in (_BIRTH_BEFORE, _BIRTH_AFTER):
            for match in pattern.finditer(text):
                yield Span(*match.span("date"), Kind.BIRTH_DATE, 0.8)
