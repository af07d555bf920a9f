"""One part of a text, ``***`` for the rest: for a reader who recognises it, not for one who must not know.

A text that is not of the form shows nothing. What is kept of an address is its prefecture, and of a name its
initials, which are coarse; the last four digits and the domain of a mail address narrow down who it is. So the result
is still personal data.
"""

from __future__ import annotations

import re

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.domain.masks import Keep
from sekisho.domain.prefectures import PREFECTURES
from sekisho.transform.constant import HIDDEN

_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,253}")
_SEPARATORS = " ()+"
_LEAST_DIGITS, _MOST_DIGITS, _SHOWN_DIGITS = 8, 19, 4
_BEFORE_ADDRESS = "〒0123456789０１２３４５６７８９-‐－ー \u3000"
_LONGEST = max(map(len, PREFECTURES))


def partial(texts: pa.Array, keep: Keep) -> pa.Array:
    """Return the part *keep* of each of *texts*, nulls staying null."""
    texts = texts.cast(pa.string())
    shown = _KEPT[keep](texts)
    if texts.null_count:
        shown = pc.if_else(texts.is_valid(), shown, pa.scalar(None, pa.string()))
    return shown


def _first(texts: pa.Array) -> pa.Array:
    longer = pc.greater(pc.utf8_length(texts), 1)
    return _or_hidden(longer, pc.binary_join_element_wise(pc.utf8_slice_codeunits(texts, 0, 1), HIDDEN, ""))


def _domain(texts: pa.Array) -> pa.Array:
    parts = pl.Series(texts).str.splitn("@", 3).struct.unnest()
    local, domain, more = parts.get_columns()
    good = (local.str.len_bytes() > 0) & domain.is_not_null() & more.is_null()
    coded = _text(domain).dictionary_encode()
    said = [f"{HIDDEN}@{each}" if _DOMAIN.fullmatch(each) else HIDDEN for each in coded.dictionary.to_pylist()]
    return _or_hidden(good.to_arrow(), pa.array(said, pa.string()).take(coded.indices))


def _last4(texts: pa.Array) -> pa.Array:
    digits = pc.replace_substring(texts, "-", "")
    good = pc.ascii_is_decimal(digits)
    if not pc.all(good, skip_nulls=True, min_count=0).as_py():
        for separator in _SEPARATORS:
            digits = pc.replace_substring(digits, separator, "")
        good = pc.ascii_is_decimal(digits)
    length = pc.binary_length(digits)
    good = pc.and_(good, pc.and_(pc.greater_equal(length, _LEAST_DIGITS), pc.less_equal(length, _MOST_DIGITS)))
    safe = digits if pc.all(good, min_count=0).as_py() else pc.if_else(good, digits, pa.scalar("0000"))
    last = pc.binary_slice(safe.cast(pa.binary()), -_SHOWN_DIGITS).cast(pa.string())  # ASCII alone: quicker
    return _or_hidden(good, pc.binary_join_element_wise(HIDDEN, last, ""))


def _prefecture(texts: pa.Array) -> pa.Array:
    heads = pc.utf8_slice_codeunits(pc.utf8_ltrim(texts, characters=_BEFORE_ADDRESS), 0, _LONGEST)
    coded = heads.dictionary_encode()
    said = [_prefecture_of(head) for head in coded.dictionary.to_pylist()]
    return pa.array(said, pa.string()).take(coded.indices)


def _prefecture_of(head: str) -> str:
    return next((found for found in (head, head[:-1], head[:3]) if found in _KNOWN), HIDDEN)


_KNOWN = frozenset(PREFECTURES)


def _initials(texts: pa.Array) -> pa.Array:
    coded = texts.dictionary_encode()
    names = pl.Series(coded.dictionary).str.replace_all("\u3000", " ", literal=True).str.strip_chars(" ")
    first, rest = names.str.splitn(" ", 2).struct.unnest().get_columns()
    rest = rest.str.strip_chars(" ").fill_null("")
    alone = rest.str.len_bytes() == 0
    good = (first.str.len_chars() > 1) & (alone | (rest.str.len_chars() > 1))
    initials = [pc.binary_join_element_wise(_text(part.str.head(1)), ".", "") for part in (first, rest)]
    both = pc.binary_join_element_wise(*initials, "")
    said = _or_hidden(good.to_arrow(), pc.if_else(alone.to_arrow(), initials[0], both))
    return said.take(coded.indices)


def _text(series: pl.Series) -> pa.Array:
    return series.to_arrow().cast(pa.string())


def _or_hidden(good: pa.Array, shown: pa.Array) -> pa.Array:
    if not good.null_count and good.true_count == len(good):
        return shown
    return pc.if_else(pc.fill_null(good, False), shown, pa.scalar(HIDDEN))


_KEPT = {
    Keep.FIRST: _first,
    Keep.DOMAIN: _domain,
    Keep.LAST4: _last4,
    Keep.PREFECTURE: _prefecture,
    Keep.INITIALS: _initials,
}
