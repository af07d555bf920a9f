"""What a made-up person has in a column: one made-up person for each real one, purpose, requester and key epoch.

Who it is is drawn by a key from the person's number, so name, reading, address, phone and e-mail of one person belong
together in every dataset, and kana are the reading of the kanji. Several people may share a fake name (there are some
seven thousand): fakes are for showing, a pseudonym tells people apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sekisho.domain.masks import FakeOf
from sekisho.domain.prefectures import PREFECTURES
from sekisho.transform.draws import Draws
from sekisho.transform.fake_people import CITY, GIVEN_NAMES, MOBILE, POSTAL, SURNAMES, TOWNS

_KANJI, _KANA, _ROMAJI = range(3)


def faked(values: pa.Array, people: NDArray[np.int64], of: FakeOf, draws: Draws) -> pa.Array:
    """Return what the made-up person for each of *people* has; null for nobody, and where *values* has none."""
    if len(values) != len(people):
        raise ValueError("values and people are not of the same length")
    made = _MAKERS[of](*draws.words(people))
    shown = pc.and_(values.is_valid(), pa.array(people >= 0))
    return pc.if_else(shown, made, pa.scalar(None, pa.string()))


Words = NDArray[np.uint64]


def _below(word: Words, most: int, *, skip: int = 1) -> NDArray[np.int64]:
    """Return a number below *most* for each word, of the digits that *skip* leaves."""
    return (word // np.uint64(skip) % np.uint64(most)).astype(np.int64)


def _surname(word: Words) -> NDArray[np.int64]:
    return _below(word, len(SURNAMES))


def _given_name(word: Words) -> NDArray[np.int64]:
    return _below(word, len(GIVEN_NAMES), skip=len(SURNAMES))


@cache
def _list(which: str, part: int) -> pa.Array:
    entries = SURNAMES if which == "surnames" else GIVEN_NAMES
    return pa.array([entry[part] for entry in entries], pa.string())


def _surnames(part: int) -> Callable[[Words, Words], pa.Array]:
    return lambda word, _: _list("surnames", part).take(pa.array(_surname(word)))


def _given_names(part: int) -> Callable[[Words, Words], pa.Array]:
    return lambda word, _: _list("given names", part).take(pa.array(_given_name(word)))


@cache
def _full_names(part: int, given_first: bool) -> pa.Array:  # noqa: FBT001 - kept by its arguments
    names = [(s[part], g[part]) for s in SURNAMES for g in GIVEN_NAMES]
    return pa.array([f"{g} {s}" if given_first else f"{s} {g}" for s, g in names], pa.string())


def _names(part: int) -> Callable[[Words, Words], pa.Array]:
    def made(word: Words, _: Words) -> pa.Array:
        place = _surname(word) * len(GIVEN_NAMES) + _given_name(word)
        return _full_names(part, part == _ROMAJI).take(pa.array(place))

    return made


def _digits(numbers: NDArray[np.int64], width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


def _joined(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")


def _address(_: Words, word: Words) -> pa.Array:
    prefecture = pa.array(PREFECTURES).take(pa.array(_below(word, len(PREFECTURES))))
    town = pa.array(TOWNS).take(pa.array(_below(word, len(TOWNS), skip=1 << 10)))
    block, house, room = (
        pa.array(_below(word, most, skip=1 << shift) + 1).cast(pa.string())
        for most, shift in ((5, 20), (30, 30), (20, 40))
    )
    return _joined(prefecture, CITY, town, block, "-", house, "-", room)


def _postal_code(_: Words, word: Words) -> pa.Array:
    return _joined(POSTAL, _digits(_below(word, 10_000, skip=1 << 6), 4))


def _phone(_: Words, word: Words) -> pa.Array:
    start = pa.array(MOBILE).take(pa.array(_below(word, len(MOBILE), skip=1 << 8)))
    return _joined(
        start, _digits(_below(word, 1_000, skip=1 << 12), 3), "-", _digits(_below(word, 10_000, skip=1 << 26), 4)
    )


def _email(word: Words, other: Words) -> pa.Array:
    given = pc.ascii_lower(_list("given names", _ROMAJI)).take(pa.array(_given_name(word)))
    surname = pc.ascii_lower(_list("surnames", _ROMAJI)).take(pa.array(_surname(word)))
    return _joined(given, ".", surname, _digits(_below(other, 100_000, skip=1 << 16), 5), "@example.com")


_MAKERS: Mapping[FakeOf, Callable[[Words, Words], pa.Array]] = {
    FakeOf.NAME: _names(_KANJI),
    FakeOf.SURNAME: _surnames(_KANJI),
    FakeOf.GIVEN_NAME: _given_names(_KANJI),
    FakeOf.NAME_KANA: _names(_KANA),
    FakeOf.SURNAME_KANA: _surnames(_KANA),
    FakeOf.GIVEN_NAME_KANA: _given_names(_KANA),
    FakeOf.NAME_ROMAJI: _names(_ROMAJI),
    FakeOf.ADDRESS: _address,
    FakeOf.POSTAL_CODE: _postal_code,
    FakeOf.PHONE: _phone,
    FakeOf.EMAIL: _email,
}
