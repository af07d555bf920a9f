"""What is kept of a sample: counts and shares, and a keyed hash of the whole. No value is among it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from sekisho.detect.columns import ColumnSample
from sekisho.domain.classification import Proposal
from sekisho.domain.keyed_hash import KeyedHash
from sekisho.domain.scans import Profile

_LENGTHS = (0, 2, 4, 8, 12, 16, 32, 64, 128, 512)
_SIGNATURE_BYTES = 16
_PLACES = 4


def profile_of(sample: ColumnSample, proposal: Proposal | None, *, rules: str, key: KeyedHash) -> Profile:
    """Return the profile of *sample*, taken for *proposal* by the *rules* of that version.

    Without *key* the signature says nothing of the values, however few there are.
    """
    return Profile(
        type=sample.type,
        rows=sample.rows,
        nulls=sample.nulls,
        distinct=sample.distinct,
        match_rate=round(0.0 if proposal is None else proposal.factors.get("match_rate", 0.0), _PLACES),
        charset=_charset(sample.values),
        lengths=_lengths(sample.values),
        signature=_signature(sample.values, key),
        rules=rules,
    )


def _charset(values: Iterable[str]) -> dict[str, float]:
    # Each character once, however often it stands there: there are few different ones.
    counts: Counter[str] = Counter()
    for value in values:
        counts.update(value)
    scripts: Counter[str] = Counter()
    for character, count in counts.items():
        scripts[_script(character)] += count
    return _shares(scripts)


def _script(character: str) -> str:
    if character.isascii():
        if character.isdigit():
            return "digit"
        if character.isalpha():
            return "latin"
        return "space" if character.isspace() else "symbol"
    name = unicodedata.name(character, "")
    for word, script in (("CJK", "kanji"), ("HIRAGANA", "hiragana"), ("KATAKANA", "katakana")):
        if name.startswith(word) or (script == "katakana" and word in name):
            return script
    if character.isdigit():
        return "digit"
    return "letter" if character.isalpha() else "other"


def _lengths(values: Iterable[str]) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for value in values:
        size = len(value)
        counts[next((str(most) for most in _LENGTHS if size <= most), "more")] += 1
    return _shares(counts)


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: round(count / total, _PLACES) for name, count in sorted(counts.items())} if total else {}


def _signature(values: Iterable[str], key: KeyedHash) -> str:
    message = "\0".join(sorted(values)).encode("utf-8", "surrogatepass")
    return key.digest(message)[:_SIGNATURE_BYTES].hex() if message else ""
