"""Which kinds the values of a sample match: forms handed to validators, lists, names by the dictionary."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from sekisho.detect.checks import article_number_valid
from sekisho.detect.column_listings import AGE_BAND, CRIME, HEALTH, INCOME_BAND, LISTINGS
from sekisho.detect.column_people import name_shares
from sekisho.detect.spans import Kind
from sekisho.detect.values import VALIDATORS, Match

KANJI = "々〆ヶ\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Character class of kanji, with the marks that stand among them in names."""
_MOST_CHECKED = 300  # values handed to validators
_MOST_NAMES = 200  # values looked up as names

Shares = defaultdict[str, float]

# Which kinds a validator is asked for, by form and (for bare digits) number of digits.
_ASKED: Mapping[str, tuple[Kind, ...]] = {
    "email": (Kind.EMAIL,),
    "dialled": (Kind.PHONE,),
    "ip4": (Kind.IP,),
    "ip6": (Kind.IP,),
    "invoice": (Kind.INVOICE_NUMBER,),
    "iban": (Kind.IBAN,),
    "plate": (Kind.NUMBER_PLATE,),
    "day": (Kind.BIRTH_DATE,),
    "date": (Kind.BIRTH_DATE,),
    "stamp": (Kind.BIRTH_DATE,),
    "groups": (
        Kind.PHONE, Kind.POSTAL_CODE, Kind.MY_NUMBER, Kind.CARD, Kind.DRIVERS_LICENCE, Kind.PENSION_NUMBER,
        Kind.EMPLOYMENT_INSURANCE, Kind.BANK_ACCOUNT, Kind.POSTAL_ACCOUNT,
    ),
}  # fmt: skip
_BY_LENGTH: Mapping[int, tuple[Kind, ...]] = {
    6: (Kind.INSURER_NUMBER,),
    7: (Kind.POSTAL_CODE, Kind.BANK_ACCOUNT),
    8: (Kind.INSURER_NUMBER,),
    10: (Kind.PHONE, Kind.PENSION_NUMBER),
    11: (Kind.PHONE, Kind.RESIDENT_CODE, Kind.EMPLOYMENT_INSURANCE),
    12: (Kind.MY_NUMBER, Kind.DRIVERS_LICENCE, Kind.PHONE),
    13: (Kind.CORPORATE_NUMBER, Kind.CARD),
    14: (Kind.CARD, Kind.BANK_ACCOUNT),
    15: (Kind.CARD,),
    16: (Kind.CARD,),
}
# A check digit says nothing for these alone: their tables are part of the form.
_TABLES = frozenset({Kind.PHONE, Kind.IP, Kind.BIRTH_DATE, Kind.POSTAL_CODE, Kind.IBAN})

_HOUSE = re.compile(
    rf"(?:[{KANJI}ぁ-んァ-ヶー]{{1,20}} ?(?:[0-9]{{1,5}}|[一二三四五六七八九十]{{1,3}})(?:丁目|番地?|号|-| |の|条|$)"
    r"|[0-9]{1,5}(?:-[0-9]{1,4}){1,3},? ?[A-Z]|.{2,20}(?:ビル|マンション|ハイツ|コーポ|アパート|荘))"
)
_PLACE = re.compile(rf"(?:[{KANJI}]{{2,3}}[都道府県])? ?[{KANJI}ぁ-んァ-ヶー]{{1,10}}[市区町村郡]")
_TOWN = re.compile(rf"(?:[{KANJI}]{{2,3}}[都道府県])?(?:[{KANJI}ぁ-んァ-ヶー]{{1,8}}[市区町村郡]){{1,2}}")
_ROOM = re.compile(
    r".{0,30}?(?:ビル|マンション|ハイツ|コーポ|アパート|荘|レジデンス|タワー|ハウス|棟|寮|メゾン|パーク)"
    r"[^0-9]{0,12}[0-9A-Z-]{0,5}(?:号室|号|階|F)?"
)
_ENGLISH_ADDRESS = re.compile(
    r"[0-9]{1,6}[A-Za-z]? (?:[\w'.]+ ){1,4}"
    r"(?:St|Street|Ave|Avenue|Rd|Road|Ln|Lane|Dr|Drive|Blvd|Way|Court|Ct|Pl|Place|Square|Sq)\b"
    r"|[0-9]{1,4}(?:-[0-9]{1,4}){1,3},? [A-Z][A-Za-z-]+,? [A-Z][a-z]+-(?:ku|shi|cho|machi|mura|gun)"
    r"|[0-9]{1,6} [A-Z][\w'. ]{3,40},? .*[A-Z]{2} [0-9]{5}"
    r"|[A-Z][a-z]+-(?:ku|shi|cho|machi),? .*(?:Tokyo|Osaka|Japan)",
)


def matches_of(by_form: Mapping[str, list[str]], count: int) -> tuple[dict[str, float], dict[str, tuple[int, int]]]:
    """Return the share of each kind among *count* values sorted *by_form*, and check digits tried and passed."""
    shares: Shares = defaultdict(float)
    checks: dict[str, tuple[int, int]] = {}
    asked: dict[Kind, list[str]] = {}
    for form, texts in by_form.items():
        for kind in _ASKED.get(form, ()):
            asked.setdefault(kind, []).extend(texts)
    by_length: dict[int, list[str]] = {}
    for text in by_form.get("digits", ()):
        by_length.setdefault(len(text), []).append(text)
    for length, texts in by_length.items():
        for kind in _BY_LENGTH.get(length, ()):
            asked.setdefault(kind, []).extend(texts)
    years: list[int] = []
    for kind, texts in asked.items():
        share, tried, passed = _judged(kind, texts, years)
        shares[kind.lower()] = share * len(texts) / count
        if kind not in _TABLES and tried:
            checks[kind.lower()] = (tried, passed)
    _by_form_alone(shares, by_form, count)
    shares["birth_date"] *= _like_births(years)
    shares["ip"] *= _like_hosts(by_form.get("ip4", []))
    words = [
        text for form in ("kanji", "kana", "latin", "word", "other", "true_false") for text in by_form.get(form, ())
    ]
    _addresses(
        shares, [*words, *by_form.get("groups", ()), *by_form.get("plate", ()), *by_form.get("code", ())], count
    )
    _listed(
        shares, [*words, *(text for form in ("code", "decimal", "groups") for text in by_form.get(form, ()))], count
    )
    if words:
        family, given, full, kana = name_shares(words[:: -(-len(words) // _MOST_NAMES)])
        for what, share in (("family_name", family), ("given_name", given), ("name", full), ("name_kana", kana)):
            shares[what] = share * len(words) / count
    goods = by_length.get(13, []) + by_length.get(8, [])
    if goods:
        checks["goods"] = (len(goods), sum(article_number_valid(text) for text in goods))
    return {kind: min(1.0, share) for kind, share in shares.items() if share > 0.0}, checks


def _judged(kind: Kind, texts: list[str], years: list[int]) -> tuple[float, int, int]:
    """Return the share of *texts* that have the form of *kind*, how many can be checked, and how many pass."""
    some = texts[:: -(-len(texts) // _MOST_CHECKED)]
    found: list[Match] = [match for text in some if (match := VALIDATORS[kind](text)) is not None]
    if kind is Kind.BIRTH_DATE:
        years += [int(match.detail) for match in found if match.detail]
    passed = sum(match.checked is True for match in found)
    if kind is Kind.PHONE and 3 * passed >= len(found):
        passed = len(found)  # of made-up or outdated numbers, many are in blocks that nobody was given
    tried = sum(match.checked is not None for match in found)
    return (passed if kind in _TABLES else len(found)) / len(some), tried, passed


def _by_form_alone(shares: Shares, by_form: Mapping[str, list[str]], count: int) -> None:
    for form, kind in (
        ("passport", "passport"), ("residence", "residence_card"), ("line_id", "line_id"), ("mac", "mac"),
        ("cookie", "cookie_id"), ("url", "url"), ("agent", "user_agent"), ("hash", "hashed_id"), ("uuid", "uuid"),
        ("crypt", "secret"), ("opaque", "push_token"), ("point", "location"),
    ):  # fmt: skip
        if form in by_form:
            shares[kind] = max(shares[kind], len(by_form[form]) / count)
    decimals = [text for text in by_form.get("decimal", ()) if re.fullmatch(r"-?[0-9]{1,3}\.[0-9]{3,}", text)]
    if decimals:
        degrees = [abs(float(text)) for text in decimals]
        if max(degrees) <= 180 and (min(degrees) > 20):
            shares["location"] = max(shares["location"], 0.8 * len(decimals) / count)


def _like_births(years: list[int]) -> float:
    """Return how much *years* spread like years of birth, and not like those of orders or updates."""
    if not years:
        return 0.0
    ordered = sorted(years)
    low, middle, high = (ordered[int(len(ordered) * share)] for share in (0.05, 0.5, 0.95))
    if middle > 2018 or high < 1920:
        return 0.05
    if len(years) < 5:
        return 0.5 if middle < 2008 else 0.2
    return max(0.1, min(1.0, (high - low) / 20))


def _like_hosts(texts: list[str]) -> float:
    """Return how much dotted numbers look like addresses of machines, and not like versions."""
    if not texts:
        return 1.0
    large = sum(any(int(part) > 40 for part in text.split(".")) for text in texts)
    return 1.0 if large >= 0.5 * len(texts) else 0.2


def _addresses(shares: Shares, texts: list[str], count: int) -> None:
    full = partial = towns = 0
    for text in texts:
        if len(text) < 2:
            continue
        if _ENGLISH_ADDRESS.search(text):
            full += 1
        elif (place := _PLACE.match(text)) and (place.end() == len(text) and _TOWN.fullmatch(text)):
            towns += len(text) <= 14
        elif place and len(text) > place.end() and _HOUSE.search(text):
            full += 1
        elif _ROOM.fullmatch(text) or (_HOUSE.match(text) and re.search(r"[0-9](?:-[0-9]+)+|丁目|番地", text)):
            partial += 1
    shares["address"] = (full + 0.6 * partial) / count
    shares["city"] = towns / count


_CODED = re.compile(r"^[0-9a-z]{1,3} ?[:.]+ ?")  # 1:男


def _listed(shares: Shares, texts: list[str], count: int) -> None:
    """Add the shares of values that stand in a list or hold its words: prefectures, genders, diseases."""
    plain = {_CODED.sub("", text.casefold()) for text in texts if len(text) <= 40}
    for kind, words in LISTINGS.items():
        if found := len(plain & words):
            shares[kind] = max(shares[kind], found / count)
    some = texts[:: -(-len(texts) // _MOST_CHECKED)] if texts else []
    for kind, pattern in (("health", HEALTH), ("criminal_record", CRIME)):
        if found := sum(pattern.search(text) is not None for text in some if len(text) <= 40):
            shares[kind] = found / len(some) * len(texts) / count
    for kind, pattern in (("income", INCOME_BAND), ("age", AGE_BAND)):
        if found := sum(pattern.fullmatch(text) is not None and not text.isdigit() for text in some):
            shares[kind] = max(shares[kind], found / len(some) * len(texts) / count)
