"""What goes by a key or by the person of a row: dates, noise, fakes and hashes."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.domain.governed import Output
from sekisho.domain.masks import DateShift, Fake, FakeOf, Law, Noise, TransformKind
from sekisho.domain.terms import ColumnType
from sekisho.http.rows import json_rows
from sekisho.transform.date_shift import shifted
from sekisho.transform.draws import Draws
from sekisho.transform.fake import faked
from sekisho.transform.fake_people import CITY, GIVEN_NAMES, SURNAMES
from sekisho.transform.keyed_hash import Hashes
from sekisho.transform.noise import noisy
from sekisho.transform.page import transform_page
from sekisho.transform.pseudonym import PersonPseudonyms
from sekisho.transform.token import Tokens

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
DRAWS = Draws(KEY)
PEOPLE = np.arange(5_000, dtype=np.int64)


class OneKey:
    """The keyed transforms under one key."""

    pseudonyms = PersonPseudonyms(KEY)

    def tokens(self, domain: str) -> Tokens:
        """Return tokens."""
        return Tokens(bytes(range(64)), domain)

    def hashes(self, domain: str) -> Hashes:
        """Return hashes."""
        return Hashes(KEY + domain.encode())

    def draws(self, what: str) -> Draws:
        """Return draws."""
        del what
        return DRAWS


dates = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), dates), max_size=40), st.integers(1, 3_650))
def test_intervals_of_a_person_are_kept(rows: list[tuple[int, dt.date]], days: int) -> None:
    """All dates of a person move by the same number of days, within the bound: as dates, timestamps and texts."""
    people = np.array([person for person, _ in rows], np.int64)
    given_dates = pa.array([day for _, day in rows], pa.date32())
    moved = shifted(given_dates, people, days, DRAWS)
    assert moved.type == pa.date32()
    by_person: dict[int, set[int]] = {}
    for (person, day), new in zip(rows, moved.to_pylist(), strict=True):
        by_person.setdefault(person, set()).add((new - day).days)
    assert all(len(each) == 1 and abs(min(each)) <= days for each in by_person.values())
    for unit in ("s", "us", "ns"):
        stamps = given_dates.cast(pa.timestamp(unit, "UTC"))
        assert shifted(stamps, people, days, DRAWS).cast(pa.date32()).equals(moved)
    texts = given_dates.cast(pa.string())
    assert shifted(texts, people, days, DRAWS).equals(moved.cast(pa.string()))
    later = pa.array([f"{day}T09:30:00" for _, day in rows], pa.string())
    assert shifted(later, people, days, DRAWS).to_pylist() == [f"{day}T09:30:00" for day in moved.to_pylist()]


def test_a_shift_is_any_of_its_days() -> None:
    """Every number of days within the bound is drawn, zero and both ends too."""
    day = pa.array([dt.date(2026, 4, 1)] * len(PEOPLE))
    moved = shifted(day, PEOPLE, 7, DRAWS).to_pylist()
    assert {(new - dt.date(2026, 4, 1)).days for new in moved} == set(range(-7, 8))


def test_what_is_no_date_shows_nothing() -> None:
    """A text that is no date, and a date of nobody, is null; another type of column is refused."""
    odd = pa.array(["unknown", "2026-02-30", "2026-4-1", "MKsecret 2026-04-01", "2026-04-01 MKsecret", None, ""])
    assert shifted(odd, np.zeros(7, np.int64), 5, DRAWS).to_pylist() == [None] * 7
    day = pa.array([dt.date(2026, 4, 1), None])
    assert shifted(day, np.array([-1, 4]), 5, DRAWS).to_pylist() == [None, None]
    with pytest.raises(ValueError, match="moves dates"):
        shifted(pa.array([1]), np.array([1]), 5, DRAWS)


@pytest.mark.parametrize("days", [0, 4])
def test_what_leaves_the_calendar_shows_nothing(days: int) -> None:
    """A date beyond the years 1 to 9999 after its shift is null, and so is one that only says "never"."""
    ends = [dt.date(1, 1, 1), dt.date(1, 1, 2), dt.date(9999, 12, 29), dt.date(9999, 12, 31), dt.date(2026, 4, 1)]
    people = np.repeat(PEOPLE[:60], len(ends))
    given_dates = pa.array(ends * 60, pa.date32())
    moved = shifted(given_dates, people, days, DRAWS)
    told = moved.to_pylist()
    assert set(told[0::5]) == set(told[3::5]) == {None}
    assert told[4::5].count(None) == 0
    assert ((None in told[1::5]), (None in told[2::5])) == (days > 0, days > 0)
    assert shifted(given_dates.cast(pa.string()), people, days, DRAWS).equals(moved.cast(pa.string()))
    assert shifted(given_dates.cast(pa.date64()), people, days, DRAWS).equals(moved)
    for unit in ("s", "ms", "us"):
        stamps = shifted(given_dates.cast(pa.timestamp(unit)), people, days, DRAWS)
        assert stamps.cast(pa.date32()).equals(moved)
        assert [row[0] for row in json_rows(pa.record_batch({"c": stamps}))] == stamps.to_pylist()


def test_an_infinite_date_shows_nothing() -> None:
    """The ends of what a store can count stand for infinity: nothing wraps around."""
    people = np.repeat(PEOPLE[:20], 2)
    for kind, most in (
        (pa.date32(), 2**31 - 1), *((pa.timestamp(unit), 2**63 - 1) for unit in ("s", "ms", "us", "ns")),
    ):  # fmt: skip
        width = pa.int32() if kind == pa.date32() else pa.int64()
        ends = pa.array([most, -most] * 20, width).cast(kind)
        assert shifted(ends, people, 3_650, DRAWS).null_count == 40


@pytest.mark.parametrize("law", list(Law), ids=str)
def test_noise_has_its_law(law: Law) -> None:
    """Noise has mean zero and the spread that was declared, and is the same when asked again."""
    values = pa.array(np.full(len(PEOPLE), 100.0))
    made = noisy(values, PEOPLE, 10.0, law, DRAWS).to_numpy() - 100.0
    spread = 10.0 * (2**0.5 if law is Law.LAPLACE else 1.0)
    assert abs(made.mean()) < 4 * spread / len(PEOPLE) ** 0.5
    assert 0.9 * spread < made.std() < 1.1 * spread
    assert noisy(values, PEOPLE, 10.0, law, DRAWS).to_numpy().tolist() == (made + 100.0).tolist()


def test_noise_goes_by_person_and_value() -> None:
    """One person and value always have one noise; another person, value or key has another."""
    one = noisy(pa.array([5, 5, 5, 6, None]), np.array([1, 1, 2, 1, 1]), 1_000, Law.LAPLACE, DRAWS)
    assert one.type == pa.int64()
    first, second, third, fourth, missing = one.to_pylist()
    assert first == second
    assert len({first, third, fourth}) == 3
    assert missing is None
    assert noisy(pa.array([5]), np.array([1]), 1_000, Law.LAPLACE, Draws(OTHER)).to_pylist() != [first]
    odd = noisy(
        pa.array([1.5, float("nan"), float("inf"), -0.0, 0.0]), np.array([-1, 1, 1, 1, 1]), 5, Law.GAUSSIAN, DRAWS
    )
    nobody, no_number, endless, minus, plus = odd.to_pylist()
    assert (nobody, no_number, endless) == (None, None, None)
    assert minus == plus


def fake(of: FakeOf, key: bytes = KEY) -> list[str]:
    """Return the fakes of many people."""
    values = pa.array(["MKraw"] * len(PEOPLE))
    return list(faked(values, PEOPLE, of, Draws(key)).to_pylist())


def test_fakes_of_a_person_belong_together() -> None:
    """Kana are the reading of the kanji, romaji too, and parts are parts of the whole."""
    surnames = {(kanji, kana) for kanji, kana, _ in SURNAMES}
    given_names = {(kanji, kana) for kanji, kana, _ in GIVEN_NAMES}
    for name, kana, romaji, mail in zip(
        *map(fake, (FakeOf.NAME, FakeOf.NAME_KANA, FakeOf.NAME_ROMAJI, FakeOf.EMAIL)), strict=True
    ):
        (surname, given_name), (first, last) = name.split(" "), kana.split(" ")
        assert (surname, first) in surnames
        assert (given_name, last) in given_names
        assert mail.startswith(romaji.lower().replace(" ", "."))
    for whole, surname, given_name in (
        (FakeOf.NAME, FakeOf.SURNAME, FakeOf.GIVEN_NAME),
        (FakeOf.NAME_KANA, FakeOf.SURNAME_KANA, FakeOf.GIVEN_NAME_KANA),
    ):
        assert fake(whole) == [f"{s} {g}" for s, g in zip(fake(surname), fake(given_name), strict=True)]


SHAPES = {
    FakeOf.NAME_KANA: r"[ァ-ヶー]+ [ァ-ヶー]+",
    FakeOf.NAME_ROMAJI: r"[A-Z][a-z]+ [A-Z][a-z]+",
    FakeOf.PHONE: r"0[789]0-0\d{3}-\d{4}",
    FakeOf.POSTAL_CODE: r"000-\d{4}",
    FakeOf.EMAIL: r"[a-z]+\.[a-z]+\d{5}@example\.com",
    FakeOf.ADDRESS: rf".{{2,3}}[都道府県]{CITY}[^\d]+[1-5]-\d{{1,2}}-\d{{1,2}}",
}


@pytest.mark.parametrize("of", list(FakeOf), ids=str)
def test_a_fake_reaches_nobody(of: FakeOf) -> None:
    """Numbers, places and addresses are of those that nobody is given; many people have many fakes."""
    made = fake(of)
    assert made == fake(of)
    assert all(re.fullmatch(SHAPES.get(of, r"[^\x00-\x7f ]+( [^\x00-\x7f ]+)?"), each) for each in made)
    assert len(set(made)) > 50
    assert sum(one == two for one, two in zip(made, fake(of, OTHER), strict=True)) < len(made) / 20


def test_there_is_one_reading_for_each_spelling() -> None:
    """No kanji stands twice in the lists."""
    for entries in (SURNAMES, GIVEN_NAMES):
        assert len({kanji for kanji, _, _ in entries}) == len(entries) > 60


def test_nobody_has_no_fake() -> None:
    """A null stays null, and so does what belongs to nobody."""
    assert faked(pa.array(["a", None, "b"]), np.array([1, 1, -1]), FakeOf.NAME, DRAWS).null_count == 2


@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=30))
def test_equal_texts_have_equal_hashes(texts: list[str | None]) -> None:
    """A hash tells equal texts and nothing else; nulls stay null; its order is that of the hashes."""
    column = pa.array(texts, pa.string())
    made = Hashes(KEY).encode(column)
    pairs = set(zip(texts, made.to_pylist(), strict=True))
    assert len(pairs) == len(set(texts)) == len({digest for _, digest in pairs})
    assert all(digest is None if text is None else re.fullmatch("[0-9a-f]{32}", digest) for text, digest in pairs)
    order = np.argsort(Hashes(KEY).keys(column), kind="stable")
    by_key = [made[place].as_py() for place in order.tolist()]
    assert by_key == sorted(by_key, key=lambda digest: (digest is None, digest or ""))
    assert not {d for d in made.to_pylist() if d} & {d for d in Hashes(OTHER).encode(column).to_pylist() if d}


def page(column: pa.Array, output: Output) -> pa.RecordBatch:
    """Return *column* on its way out, of three people."""
    batch = pa.record_batch([column, pa.array([1, 2, None], pa.int64())], names=["c", "__person_0"])
    return transform_page(batch, (output,), OneKey(), list)


def test_a_page_masks_by_the_person_of_the_row() -> None:
    """What goes by person is null for nobody, and without the person of the row nothing leaves."""
    day = pa.array([dt.date(2026, 4, 1)] * 3)
    shift = Output("c", ColumnType.DATE, TransformKind.DATE_SHIFT, "d.c", DateShift(5), 0)
    assert page(day, shift).column(0).null_count == 1
    name = Output("c", ColumnType.STRING, TransformKind.FAKE, "d.c", Fake(FakeOf.NAME), 0)
    assert page(pa.array(["MKraw"] * 3), name).column(0).null_count == 1
    noise = Output("c", ColumnType.INTEGER, TransformKind.NOISE, "d.c", Noise(5), 0)
    assert page(pa.array([1, 2, 3]), noise).column(0).null_count == 1
    for missing in (
        Output("c", ColumnType.DATE, TransformKind.DATE_SHIFT, "d.c", DateShift(5)),
        Output("c", ColumnType.DATE, TransformKind.DATE_SHIFT, "d.c", None, 0),
        Output("c", ColumnType.DATE, TransformKind.DATE_SHIFT, "d.c", Noise(5), 0),
        Output("c", ColumnType.STRING, TransformKind.HMAC),
        Output("c", ColumnType.STRING, TransformKind.TOKEN),
    ):
        with pytest.raises(ValueError, match="without"):
            page(day, missing)


def test_keys_are_not_shown() -> None:
    """What holds a key shows none of it."""
    assert (repr(Draws(KEY)), repr(Hashes(KEY))) == ("Draws()", "Hashes()")
    with pytest.raises(ValueError, match="16 or 32"):
        Draws(b"short")
    with pytest.raises(ValueError, match="16 bytes"):
        Hashes(b"short")
