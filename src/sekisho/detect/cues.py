"""Context words: what stands beside a number says what it is.

One pass over a text finds them all. Japanese words are alternatives that begin with literals, so that the
regular expression engine skips what cannot begin one; words in Latin letters are looked up one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import partial
from string import ascii_letters
from typing import NamedTuple

from sekisho.detect.spans import Kind

NEAR = 30
"""Characters around a value in which a context word counts."""


LONGEST = 10
"""Characters of a context word that begins before those."""


class Aside(StrEnum):
    """What a word says of the number beside it, other than whose it is."""

    PRODUCT = "product"  # an article, a version, a lot: nobody's
    AMOUNT = "amount"  # a price, a count

    __hash__ = str.__hash__  # the one of enumerations is a call of Python's


class Cue(NamedTuple):
    """A context word in a text: where it stands, and what it speaks of."""

    start: int
    end: int
    about: Kind | Aside


_cue: Callable[[tuple[int, int, Kind | Aside]], Cue] = partial(tuple.__new__, Cue)  # see spans.span_of

_TABLE: Mapping[Kind | Aside, str] = {
    Kind.MY_NUMBER: "マイナンバー 個人番号 通知カード mynumber individual",
    Kind.RESIDENT_CODE: "住民票コード 住民票番号",
    Kind.CORPORATE_NUMBER: "法人番号 corporate",
    Kind.INVOICE_NUMBER: "登録番号 インボイス 適格請求書 事業者番号",
    Kind.DRIVERS_LICENCE: "運転免許 免許証 免許番号 免許 licence license licences licenses",
    Kind.RESIDENCE_CARD: "在留カード 在留 特別永住者 residence",
    Kind.PASSPORT: "パスポート 旅券 passport",
    Kind.INSURER_NUMBER: "保険者番号 保険者 insurer",
    Kind.INSURED_NUMBER: (
        "被保険者 保険証 健康保険 健保 資格確認書 記号・番号 記号番号 枝番 組合員証 insured insurance"
    ),
    Kind.BENEFICIARY_NUMBER: (
        "受給者 負担者番号 公費 医療証 後期高齢 介護保険 介護被保険者 介護保険被保険者 kaigo beneficiary"
    ),
    Kind.PENSION_NUMBER: "基礎年金番号 年金番号 年金手帳 年金証書 年金 pension",
    Kind.EMPLOYMENT_INSURANCE: "雇用保険 雇用保険被保険者 離職票 employment",
    Kind.BANK_ACCOUNT: (
        "口座番号 口座 普通預金 普通 当座預金 当座 貯蓄預金 銀行 支店 信用金庫 信金 信用組合 農協 振込先 "
        "振り込み先 account acct bank"
    ),
    Kind.POSTAL_ACCOUNT: "ゆうちょ 郵便貯金 郵貯 振替口座 郵便振替",
    Kind.PHONE: (
        "電話番号 電話 でんわ 携帯番号 携帯 ケータイ スマホ 連絡先 ファックス ファクス フリーダイヤル "
        "内線 tel phone telephone mobile cell call fax ph keitai denwa"
    ),
    Kind.CARD: (
        "クレジットカード クレジット カード番号 クレカ カード デビット card cards visa jcb amex mastercard "
        "diners credit debit pan"
    ),
    Kind.POSTAL_CODE: "〒 郵便番号 郵便 zip zipcode postal postcode",
    Kind.ORDER_NUMBER: (
        "注文 受注 オーダー 伝票 受付 予約 問い合わせ番号 問合せ番号 お問い合せ番号 問い合わせ 問合せ "
        "追跡 送り状 配送 請求書 請求 領収書 領収 納品書 納品 チケット 管理番号 管理 整理番号 整理 "
        "決済番号 取引番号 order invoice tracking booking reservation ticket case reference ref receipt "
        "shipment orders ordernumber orderid"
    ),
    Kind.ID_NUMBER: (
        "会員証 会員カード 会員 顧客 お客様 お客さま お客 客 契約者 契約番号 契約 社員 職員 従業員 学籍 学生 受験 "
        "患者 カルテ 診察券 ポイントカード メンバーズカード メンバー ユーザー ユーザ 利用者 申込番号 申込 "
        "証券番号 製造番号 シリアル customer member membership user policy serial ssn employee staff "
        "patient customerid userid memberid uid client"
    ),
    Aside.PRODUCT: (
        "品番 型番 商品コード 商品番号 商品 製品番号 製品コード 製品 部品番号 部品 図面番号 図面 型式 機種 "
        "バーコード モデル バージョン ロット 書籍 sku jan ean upc isbn asin model product item part version lot ver "
        "barcode gtin"
    ),
    Aside.AMOUNT: (
        "価格 金額 合計 小計 総額 代金 料金 送料 数量 個数 在庫 残高 売上 定価 税込 税抜 値段 "
        "ポイント残高 price total amount qty quantity stock subtotal cost paid jpy usd eur yen"
    ),
}  # + stands for a space within a word

WORDS: Mapping[Kind | Aside, tuple[str, ...]] = {
    about: tuple(word.replace("+", " ") for word in words.split()) for about, words in _TABLE.items()
}
"""Context words by what they speak of; those in Latin letters in lower case."""

_JAPANESE = {word: about for about, words in WORDS.items() for word in words if not word.isascii()}
_LATIN = {
    spelt: about
    for about, words in WORDS.items()
    for word in words
    if word.isascii()
    for spelt in (word, word.capitalize(), word.upper())
}
# Keys as programs spell them: userId, accountNumber, PostalCode.
_LATIN |= {
    spelt + ending: about
    for spelt, about in _LATIN.items()
    if not spelt.isupper() and isinstance(about, Kind)
    for ending in ("Id", "ID", "No", "Number", "Code", "Symbol")
}


def _alternatives(words: Iterable[str]) -> str:
    """Return a pattern of *words*, the longest first, by their first character: one choice where there were many."""
    endings: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        endings.setdefault(word[0], []).append(word[1:])
    return "|".join(f"{first}(?:{'|'.join(rest)})" if any(rest) else first for first, rest in endings.items())


_JAPANESE_WORD = re.compile(_alternatives(_JAPANESE))
_LATIN_WORD = re.compile("[A-Za-z][A-Za-z]+")  # account_number: a key is read by its words
_LONGEST_CARD = max(map(len, WORDS[Kind.CARD]))
_SHORTEST_LATIN = min(map(len, _LATIN))
_TELLING = frozenset((*_LATIN, "number", "Number", "NUMBER"))  # my number: a number by itself says nothing
_LETTERS = frozenset(ascii_letters)
_MY = frozenset(("my ", "my_"))


def last_cue(text: str, start: int, end: int, near: int) -> Cue | None:
    """Return the last context word of ``text[start:end]`` that ends within *near* characters of *end*."""
    window = text[start:end]
    best = None
    rest = 0
    if not window.isascii() and (japanese := _JAPANESE_WORD.findall(window)):
        word = japanese[-1]
        at = window.rindex(word)
        if len(window) - at - len(word) <= near:
            rest = at + len(word)
            best = _cue((start + at, start + rest, _JAPANESE[word]))
    if len(window) - rest < _SHORTEST_LATIN:
        return best
    for word in reversed(_LATIN_WORD.findall(window, rest)):
        if word not in _TELLING:
            continue
        at = window.rindex(word)
        while window[at - 1 : at] in _LETTERS or window[at + len(word) : at + len(word) + 1] in _LETTERS:
            at = window.rindex(word, 0, at + len(word) - 1)
        about = _LATIN.get(word)
        if about is None and window[max(0, at - 3) : at].lower() in _MY:
            about = Kind.MY_NUMBER
        if about is not None:
            at += start
            return _cue((at, at + len(word), about)) if end - at - len(word) <= near else best
    return best


def first_cue(text: str, start: int, end: int) -> Cue | None:
    """Return the first context word that begins in ``text[start:end]``."""
    window = text[start : end + _LONGEST_CARD]
    best = None
    if not window.isascii():
        match = _JAPANESE_WORD.search(window)
        if match and start + match.start() < end:
            best = Cue(start + match.start(), start + match.end(), _JAPANESE[match.group()])
    for match in _LATIN_WORD.finditer(window):
        if start + match.start() >= (best.start if best else end):
            break
        about = _LATIN.get(match.group())
        if about is not None:
            return Cue(start + match.start(), start + match.end(), about)
    return best


def is_cue(word: str) -> bool:
    """Return whether *word*, in Latin letters, is a context word."""
    return word.lower() in _LATIN
