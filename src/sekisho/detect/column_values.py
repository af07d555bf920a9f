"""What a sample of values looks like: forms, check digits, letters, how much of it is prose.

Each distinct value is read once by one joined pattern, which sorts it into a form; only forms that a kind can
have are handed to that kind's validator. No value leaves this module: what is returned are shares and counts.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sekisho.detect.column_matches import KANJI, matches_of

MOST_VALUES = 1_000
"""Distinct values that are read; of more, some from everywhere."""
_MOST_CHARS = 256  # of one value; the rest says what the beginning says

_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63", "-"))

# The first that fits a whole value is its form.
_FORMS: Mapping[str, str] = {
    "true_false": r"(?i:true|false|yes|no|y|n|t|f|on|off|有|無|あり|なし|有り|無し|はい|いいえ|済|未|○|×)",
    "epoch": r"1[4-9][0-9]{8}(?:[0-9]{3})?",
    "day": r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])",
    "digits": r"[0-9]+",
    "dialled": r"\+[0-9]{7,15}",
    "cookie": r"[0-9]{7,10}\.1[4-9][0-9]{8}"
    r"|GA1\.[0-9]{1,2}\.[0-9]{5,12}\.[0-9]{10}|fb\.[0-2]\.[0-9]{13}\.\S+|GS[12]\.[0-9]\.\S+",
    "decimal": r"[-+]?[¥$€]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?:円|%)?|[-+]?[0-9]+\.[0-9]+(?:%|e[-+]?[0-9]+)?"
    r"|-[0-9]+|[-+]?[¥$€]?[0-9]+(?:円|%)?",
    "stamp": r"[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?[T ]*[0-9]{1,2}(?::[0-9]{2}|時).{0,24}",
    "date": r"(?:西暦 ?)?[0-9]{4} ?[-/.年] ?[0-9]{1,2} ?[-/.月] ?[0-9]{1,2} ?日?"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}"
    r"|(?:令和|平成|昭和|大正|明治|[RHSTMrhstm]\.?) ?[0-9元〇一二三四五六七八九十]{1,3} ?[-/.年]"
    r" ?[0-9〇一二三四五六七八九十]{1,3} ?[-/.月] ?[0-9〇一二三四五六七八九十]{1,3}日?"
    r"|[0-9]{1,2}[ -][A-Za-z]{3,9}[ -,]+[0-9]{4}|[A-Z][a-z]{2,8} [0-9]{1,2}, ?[0-9]{4}|[0-9]{4}[-/年][0-9]{1,2}月?",
    "clock": r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?|[0-9]{1,2}時(?:[0-9]{1,2}分)?"
    r"|(?:0[1-9]|1[0-2])/[0-9]{2}",
    "email": r"[^\s@/]{1,64}@[^\s@/]{1,190}\.[A-Za-z]{2,24}",
    "url": r"(?i:https?|ftp)://\S+|www\.\S+",
    "agent": r"(?:Mozilla|Opera|Dalvik|okhttp|CFNetwork|[A-Za-z.]+/[0-9.]+ \().{3,}",
    "mac": r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}",
    "ip4": r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}",
    "ip6": r"(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]{3,45}",
    "version": r"v?[0-9]{1,4}(?:\.[0-9]{1,4}){1,4}(?:[-+][0-9A-Za-z.]{1,16})?",
    "groups": r"〒? ?\(?\+?[0-9]{1,6}\)?(?:[- .()/]{1,2}[0-9]{1,10}){1,5}\)?",
    "uuid": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "line_id": r"[UCR][0-9a-f]{32}",
    "hash": r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})(?<![0-9]{32})"
    r"|(?:[0-9A-F]{32}|[0-9A-F]{40}|[0-9A-F]{64})",
    "crypt": r"\$(?:2[aby]|argon2id?|5|6|scrypt|pbkdf2)[^\s]{10,}|eyJ[\w-]{8,}\.[\w.-]{8,}|AKIA[0-9A-Z]{16}"
    r"|sk_(?:live|test)_\w{8,}|pbkdf2_sha256\$.+",
    "masked": r"(?=[^*•]*[*•]{3})[0-9A-Za-z*•@. -]{4,64}",
    "invoice": r"T ?-?[0-9]{4}[0-9 -]{9,12}",
    "passport": r"[A-Z]{2} ?[0-9]{7}",
    "residence": r"[A-Z]{2} ?-?[0-9]{8} ?-?[A-Z]{2}",
    "iban": r"[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?",
    "plate": rf"[{KANJI}ぁ-んァ-ヶー]{{1,4}} ?[0-9][0-9A-Z]{{0,2}} ?[ぁ-んA-Z] ?"
    r"(?:[0-9]{1,2}-[0-9]{2}|[0-9・.]{1,4})",
    "point": r"\(?-?[0-9]{1,3}\.[0-9]{2,}[, ]+-?[0-9]{1,3}\.[0-9]{2,}\)?",
    "opaque": r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[0-9A-Za-z_:+/=-]{60,}",
    "code": r"(?=[^0-9]*[0-9])[0-9A-Za-z]{1,40}(?:[-_/:.#|+=~%&*!][0-9A-Za-z]{1,24}){0,5}|#[0-9]+",
    "kana": r"[ァ-ヶー]{1,12}(?:[ ・][ァ-ヶー]{1,12}){0,2}|[ぁ-んー]{1,12}(?: [ぁ-んー]{1,12})?",
    "kanji": rf"[{KANJI}]{{1,6}}(?: [{KANJI}ぁ-んァ-ヶー]{{1,6}})?|[{KANJI}]{{1,3}}[ぁ-んァ-ヶー]{{1,4}}"
    rf"|[{KANJI}]{{1,6}}(?:[ ・][{KANJI}]{{1,6}})? ?(?:様|さま|さん|殿)",
    "latin": r"[A-Z][A-Za-z'.-]{1,20}(?:,? [A-Z][A-Za-z'.-]{0,20}){1,3}"
    r"|[A-Z]{2,20}/[A-Z]{2,20}(?: ?(?:MR|MRS|MS|MISS|MSTR|DR))?",
    "word": r"[A-Za-z][A-Za-z'_.-]{0,30}",
}
_JOINED = re.compile("|".join(f"(?P<{form}>{pattern})" for form, pattern in _FORMS.items()))

_FIRM = re.compile(
    r"株式会社|有限会社|合同会社|\(株\)|\(有\)|財団|法人|組合|商店|工業|商事|[店院校局館社園部課所]$|病院|銀行|信用金庫|学校|大学|センター|ホテル|工場"
    r"|店舗|事務所|協会|ストア|ショップ|\b(?:Inc|Ltd|LLC|Corp|Co|GmbH|Store|Shop|Hotel|Bank|Center|Clinic|School|Hospital)\b"
)
_PARTICLES = re.compile("[はがをにでとのも][^ぁ-ん]|です|ます|した|して|ない|ください|たい|いる|れる")
_MARKS = re.compile("[。!?、…「」]|[.!?](?: |$)|, ")


@dataclass(frozen=True, slots=True)
class Profile:
    """Shares over the distinct values of a sample; nothing of the values themselves.

    Attributes
    ----------
    values:
        How many were read, empty ones left out.
    forms:
        Share of each form.
    matches:
        For each kind with a form, the share that has it.
    checks:
        For each kind with a check digit, how many values of its form were tried, and how many pass.
    letters:
        Share of characters: kanji, kana, latin, digit, other.
    prose:
        How much it reads like sentences, 0 to 1.
    length, spread:
        Mean length, and its standard deviation.
    entropy:
        Bits a character.
    firms:
        Share that names a shop, company or other institution.
    distinct_lengths:
        Number of lengths among them.
    """

    values: int = 0
    forms: Mapping[str, float] = field(default_factory=dict)
    matches: Mapping[str, float] = field(default_factory=dict)
    checks: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    letters: Mapping[str, float] = field(default_factory=dict)
    prose: float = 0.0
    length: float = 0.0
    spread: float = 0.0
    entropy: float = 0.0
    firms: float = 0.0
    distinct_lengths: int = 0


def profile(values: Sequence[str]) -> Profile:
    """Return the profile of *values*. Time is bounded however many and however long they are."""
    step = max(1, -(-len(values) // MOST_VALUES))
    chosen = [value for value in values[::step] if value and not value.isspace()]
    if not chosen:
        return Profile()
    lengths = [len(value) for value in chosen]
    texts = _folded(chosen)
    if not texts:
        return Profile()
    by_form: dict[str, list[str]] = {}
    for text in texts:
        match = _JOINED.fullmatch(text)
        by_form.setdefault((match and match.lastgroup) or "other", []).append(text)
    count = len(texts)
    mean = sum(lengths) / len(lengths)
    letters, entropy = _letters(texts)
    matches, checks = matches_of(by_form, count)
    return Profile(
        values=count,
        forms={form: len(found) / count for form, found in by_form.items()},
        matches=matches,
        checks=checks,
        letters=letters,
        prose=_prose(texts, mean),
        length=mean,
        spread=math.sqrt(sum((length - mean) ** 2 for length in lengths) / len(lengths)),
        entropy=entropy,
        firms=sum(_FIRM.search(text) is not None for text in texts) / count,
        distinct_lengths=len(set(lengths)),
    )


def _folded(values: Sequence[str]) -> list[str]:
    """Return the beginnings of *values* in one spelling: all in one go, offsets are not needed here."""
    joined = "\n".join(value[:_MOST_CHARS].replace("\n", " ").replace("\r", " ") for value in values)
    if not joined.isascii():
        joined = unicodedata.normalize("NFKC", _INVISIBLE.sub("", joined)).translate(_DASHES)
    return [text for line in joined.split("\n") if (text := line[:_MOST_CHARS].strip())]


def _letters(texts: list[str]) -> tuple[dict[str, float], float]:
    """Return the share of each sort of character, and the entropy of them all."""
    counts = Counter("".join(text[:64] for text in texts))
    total = sum(counts.values())
    sorts: Counter[str] = Counter()
    for char, number in counts.items():
        sorts[_sort(char)] += number
    entropy = -sum(number / total * math.log2(number / total) for number in counts.values())
    return {sort: number / total for sort, number in sorts.items()}, entropy


def _sort(char: str) -> str:
    if char.isascii():
        return "digit" if char.isdigit() else "latin" if char.isalpha() else "other"
    if "ぁ" <= char <= "ヿ":
        return "kana"
    return "kanji" if "\u3400" <= char <= "\u9fff" or char in "々〆" or "\uf900" <= char <= "\U0003ffff" else "other"


def _prose(texts: list[str], mean: float) -> float:
    """Return the share of values that read like sentences, less where values are very short."""
    if mean < 4:
        return 0.0
    read = 0.0
    for text in texts:
        marks = len(_MARKS.findall(text))
        if text.isascii():
            if text.isupper():
                continue  # labels of goods
            words = text.count(" ") + 1
            read += min(1.0, (words >= 4) * 0.5 + (words >= 7) * 0.3 + (marks > 0) * 0.3)
        else:
            read += min(1.0, (len(_PARTICLES.findall(text)) > 1) * 0.7 + (marks > 0) * 0.4 + (len(text) > 40) * 0.2)
    return read / len(texts)
