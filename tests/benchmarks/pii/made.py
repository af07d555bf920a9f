"""Made-up values with true check digits, and texts that hold them: seeded, of nobody.

There are two sets of templates. The first (``SEEN``) was looked at text by text while the recognisers were
written; the second (``HELD_OUT``) was written afterwards, and the recognisers were not changed after it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sekisho.detect import checks
from sekisho.detect.spans import Kind

_WIDE = str.maketrans("0123456789-", "０１２３４５６７８９－")


class Made(NamedTuple):
    """A text, and what stands where in it."""

    text: str
    values: tuple[tuple[int, int, Kind], ...]


def digits(dice: random.Random, count: int) -> str:
    """Return *count* random digits."""
    return "".join(dice.choices("0123456789", k=count))


def _until(make: Callable[[], str], valid: Callable[[str], bool]) -> str:
    while not valid(value := make()):
        pass
    return value


def _my_number(dice: random.Random) -> str:
    number = _until(lambda: digits(dice, 12), checks.my_number_valid)
    return dice.choice(
        (number, f"{number[:4]}-{number[4:8]}-{number[8:]}", f"{number[:4]} {number[4:8]} {number[8:]}")
    )


def _licence(dice: random.Random) -> str:
    return _until(
        lambda: dice.choice(("10", "30", "44", "54", "62", "80", "90")) + digits(dice, 10), checks.licence_valid
    )


def _card(dice: random.Random) -> str:
    head, length = dice.choice(
        (("4", 16), ("51", 16), ("2221", 16), ("3530", 16), ("34", 15), ("37", 15), ("36", 14), ("6011", 16))
    )
    number = _until(lambda: head + digits(dice, length - len(head)), checks.card_number_valid)
    mark = dice.choice(("", "", "-", " "))
    if length == 16:
        return mark.join(number[at : at + 4] for at in range(0, 16, 4))
    return mark.join((number[:4], number[4:10], number[10:]))


def _phone(dice: random.Random) -> str:
    head, middle = dice.choice(
        (("090", 4), ("080", 4), ("070", 4), ("060", 4), ("050", 4), ("03", 4), ("06", 4), ("045", 3), ("0466", 2))
    )
    first = dice.choice("123456789") + digits(dice, middle - 1)
    form = dice.randrange(8)
    if form == 0:
        return f"{head}{first}{digits(dice, 4)}"
    if form == 1:
        return f"{head}({first}){digits(dice, 4)}"
    if form == 2:
        return f"+81-{head[1:]}-{first}-{digits(dice, 4)}"
    return dice.choice(("-", "-", "−", "ー", " ")).join((head, first, digits(dice, 4)))


def _iban(dice: random.Random) -> str:
    body = "DE", digits(dice, 18)
    check = 98 - int(body[1] + "131400") % 97
    return f"{body[0]}{check:02d}{body[1]}"


def _birth(dice: random.Random) -> str:
    year, month, day = dice.randint(1940, 2010), dice.randint(1, 12), dice.randint(1, 28)
    era = f"昭和{year - 1925}年" if year < 1989 else f"平成{year - 1988}年"
    return dice.choice(
        (
            f"{year}年{month}月{day}日",
            f"{year}/{month:02d}/{day:02d}",
            f"{year}-{month:02d}-{day:02d}",
            f"{era}{month}月{day}日",
            f"{'SH'[year >= 1989]}{year - (1925 if year < 1989 else 1988)}.{month}.{day}",
        )
    )


def _email(dice: random.Random) -> str:
    name = "".join(dice.choices("abcdefghijklmnopqrstuvwxyz0123456789._-", k=dice.randint(3, 12))).strip("._-") or "a"
    return f"{name}@{dice.choice(('example.com', 'example.co.jp', 'mail.example.ne.jp', 'example.org'))}"


def _letters(dice: random.Random, count: int) -> str:
    return "".join(dice.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=count))


MAKERS: Mapping[Kind, Callable[[random.Random], str]] = {
    Kind.MY_NUMBER: _my_number,
    Kind.CORPORATE_NUMBER: lambda dice: _until(lambda: digits(dice, 13), checks.corporate_number_valid),
    Kind.INVOICE_NUMBER: lambda dice: "T" + _until(lambda: digits(dice, 13), checks.corporate_number_valid),
    Kind.DRIVERS_LICENCE: _licence,
    Kind.INSURER_NUMBER: lambda dice: _until(lambda: digits(dice, 8), checks.insurer_valid),
    Kind.CARD: _card,
    Kind.IBAN: _iban,
    Kind.PHONE: _phone,
    Kind.BIRTH_DATE: _birth,
    Kind.EMAIL: _email,
    Kind.IP: lambda dice: ".".join(str(dice.randint(11, 120)) for _ in range(4)),
    Kind.MAC: lambda dice: ":".join(f"{dice.randrange(256):02X}" for _ in range(6)),
    Kind.POSTAL_CODE: lambda dice: f"{dice.randint(1, 998):03d}-{digits(dice, 4)}",
    Kind.RESIDENT_CODE: lambda dice: _until(lambda: digits(dice, 11), checks.resident_code_valid),
    Kind.RESIDENCE_CARD: lambda dice: _letters(dice, 2) + digits(dice, 8) + _letters(dice, 2),
    Kind.PASSPORT: lambda dice: dice.choice("TM") + _letters(dice, 1) + digits(dice, 7),
    Kind.PENSION_NUMBER: lambda dice: f"{digits(dice, 4)}-{digits(dice, 6)}",
    Kind.EMPLOYMENT_INSURANCE: lambda dice: f"{digits(dice, 4)}-{digits(dice, 6)}-{digits(dice, 1)}",
    Kind.BANK_ACCOUNT: lambda dice: digits(dice, 7),
}
"""For each kind, a function that makes a value of it."""

VALIDATED = (
    Kind.MY_NUMBER, Kind.CORPORATE_NUMBER, Kind.INVOICE_NUMBER, Kind.DRIVERS_LICENCE, Kind.INSURER_NUMBER, Kind.CARD,
    Kind.IBAN,
    Kind.PHONE, Kind.BIRTH_DATE, Kind.EMAIL, Kind.IP, Kind.MAC,
)  # fmt: skip
"""Kinds with a check digit or a table: their numbers are validated."""

_LABELS: Mapping[Kind, tuple[str, ...]] = {
    Kind.MY_NUMBER: ("マイナンバー", "個人番号"),
    Kind.CORPORATE_NUMBER: ("法人番号",),
    Kind.INVOICE_NUMBER: ("登録番号", "インボイス番号"),
    Kind.DRIVERS_LICENCE: ("免許証番号", "運転免許証の番号"),
    Kind.INSURER_NUMBER: ("保険者番号",),
    Kind.CARD: ("カード番号", "カード", "クレジットカード"),
    Kind.IBAN: ("IBAN", "口座(IBAN)"),
    Kind.PHONE: ("電話番号", "携帯", "連絡先", "TEL"),
    Kind.BIRTH_DATE: ("生年月日", "誕生日"),
    Kind.EMAIL: ("メール", "メールアドレス", "連絡先"),
    Kind.IP: ("IP", "接続元IP", "アクセス元"),
    Kind.MAC: ("MACアドレス", "端末のMAC"),
    Kind.POSTAL_CODE: ("郵便番号", "〒"),
    Kind.RESIDENT_CODE: ("住民票コード",),
    Kind.RESIDENCE_CARD: ("在留カード番号", "在留カード"),
    Kind.PASSPORT: ("パスポート番号", "旅券番号"),
    Kind.PENSION_NUMBER: ("基礎年金番号", "年金番号"),
    Kind.EMPLOYMENT_INSURANCE: ("雇用保険被保険者番号", "雇用保険番号"),
    Kind.BANK_ACCOUNT: ("口座番号", "普通預金"),
}
_LABELS_EN: Mapping[Kind, tuple[str, ...]] = {
    Kind.MY_NUMBER: ("My Number", "individual number"),
    Kind.CORPORATE_NUMBER: ("corporate number",),
    Kind.INVOICE_NUMBER: ("registration number",),
    Kind.DRIVERS_LICENCE: ("driver's licence", "license number"),
    Kind.INSURER_NUMBER: ("insurer number",),
    Kind.CARD: ("card number", "credit card"),
    Kind.IBAN: ("IBAN",),
    Kind.PHONE: ("phone number", "mobile"),
    Kind.BIRTH_DATE: ("date of birth", "DOB"),
    Kind.EMAIL: ("e-mail", "email address"),
    Kind.IP: ("IP address",),
    Kind.MAC: ("MAC address",),
    Kind.POSTAL_CODE: ("postal code",),
    Kind.RESIDENT_CODE: (),
    Kind.RESIDENCE_CARD: ("residence card",),
    Kind.PASSPORT: ("passport number", "passport"),
    Kind.PENSION_NUMBER: ("pension number",),
    Kind.EMPLOYMENT_INSURANCE: ("employment insurance number",),
    Kind.BANK_ACCOUNT: ("account number", "bank account"),
}

SEEN = (
    "{label}は{value}です。",
    "{label}：{value}",
    "お世話になっております。{label}{value}で登録しています。{noise}",
    "{noise}なお、{label}は{value}になります。",
    "{label}「{value}」を確認してください。",
    "{label} {value}、{noise}",
    "My {en} is {value}. {noise_en}",
    "{noise_en} {en}: {value}",
    "先ほど申し上げた{label}ですが、正しくは{value}でした。{noise}",
    "{noise}{label}({value})を本日変更しました",
    "【本人確認】{label}＝{value}／確認済",
    "{noise}\n{label}：{value}\n以上です。",
    "{label}が{value}に変わりましたので、{noise}",
    "念のため{label}も書いておきます、{value}。",
    "登録の{label}を{value}へ直してください。{noise}",
    "・{label}→{value}",
    "控え: {label} / {value} / {noise}",
    "{noise_en} Please update my {en} to {value} as soon as you can.",
    "Customer gave {en} {value}; {noise_en}",
    "{en} = {value}\n{noise_en}",
    "【お客様情報】{noise} {label}: {value} （変更前）",
    "{label}を間違えて登録していました。正→{value}",
    "{noise}それと{label}なんですけど{value}です、よろしくお願いします",
    "{value}（{label}）で検索しても出てきません。{noise}",
    "Q. {label}は？ A. {value} {noise}",
    "{label}\n{value}\n{noise}",
    "以前の{label}、{value}は使えません。{noise}",
    "件名：{label}の訂正　本文：{value}に訂正願います。{noise}",
    "{noise}{label}の欄に{value}と入力したらエラーになりました。",
    "<{label}>{value}</{label}>",
    '{{"{label}": "{value}", "memo": "{noise}"}}',
    "Hi, {noise_en} For reference my {en} is {value}, thanks!",
    "{en} on file: {value}. {noise_en}",
    "Is {value} the right {en}? {noise_en}",
)
HELD_OUT = (
    "さっきの{label}の件、{value}で合ってますか？{noise}",
    "{noise}　{label}　{value}　（本人申告）",
    "{label}…{value}\t{noise}",
    "{noise}問い合わせ者の{label}:{value},担当:佐藤",
    "{label}[{value}] {noise}",
    "新しい{label}です。{value} {noise}",
    "折返し希望。{label}＝「{value}」。{noise}",
    "{label}も{value}に直しましたが反映されず、{noise}",
    "※{label} {value}※ {noise}",
    "id=123; {label}={value}; note={noise}",
    "{value}が私の{label}です。{noise}",
    "1. {label}：{value}\n2. {noise}",
    "{noise_en} The {en} we have is {value}; is that still right?",
    "{en}: {value}\n\n{noise_en}",
    "please remove my {en} ({value}) from the account. {noise_en}",
)
_NOISE = (
    "注文は2026-11-{d:02d}、金額は{p:,}円です。",
    "{n}個注文しましたが、{m}個しか届きません。",
    "サイズは{n}cm、品番は8{m}123Aです。",
    "11月{d}日の{m}時ごろに届きました。",
    "JANコード4901234567894の商品です。",
    "返品は{d}日以内、送料{p}円とのことでした。",
    "評価は5点中{m}点、{n}%引きでした。",
    "バージョン{m}.{n}.1で試しました。",
    "SKU 0{n}-1234-5678 の在庫は{p}点でしょうか。",
    "合計{p:,}円(税込)でした。",
)
_NOISE_EN = (
    "I paid {p} yen on 2026-11-{d:02d}.",
    "We ordered {n} units and got {m}.",
    "The item 8{m}123A is {n} cm wide.",
    "It arrived on {d} November at {m}:30.",
    "Version {m}.{n}.1 crashes.",
    "Product code 4901234567894, qty {p}.",
    "SKU 012-345-6789 is out of stock.",
    "Total: ${p}.00, {n}% off.",
)


def _noise(dice: random.Random, sentences: tuple[str, ...]) -> str:
    return dice.choice(sentences).format(
        d=dice.randint(1, 28), p=dice.randint(100, 99_999), n=dice.randint(2, 90), m=dice.randint(2, 9)
    )


def made(count: int, templates: tuple[str, ...], *, seed: int) -> list[Made]:
    """Return *count* texts of *templates*, each with one value of each kind in turn."""
    dice = random.Random(seed)
    kinds = list(MAKERS)
    texts = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        template = dice.choice(templates)
        if "{en}" in template and not _LABELS_EN[kind]:
            template = templates[0]
        value = MAKERS[kind](dice)
        wide = "{en}" not in template and kind not in {Kind.EMAIL, Kind.IP, Kind.MAC} and dice.random() < 0.1
        if wide:
            value = value.translate(_WIDE)
        shown = template.format(
            label=dice.choice(_LABELS[kind]),
            en=dice.choice(_LABELS_EN[kind] or ("",)),
            value="\0",
            noise=_noise(dice, _NOISE),
            noise_en=_noise(dice, _NOISE_EN),
        )
        start = shown.index("\0")
        texts.append(Made(shown.replace("\0", value), ((start, start + len(value), kind),)))
    return texts


def blameless(count: int, *, seed: int) -> list[str]:
    """Return *count* texts of prices, quantities, dates of orders, products: of nobody."""
    dice = random.Random(seed)
    return [_noise(dice, dice.choice((_NOISE, _NOISE_EN))) + _noise(dice, _NOISE) for _ in range(count)]
