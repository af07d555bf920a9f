"""Names, readings and the lists behind them."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.demo.people import given_names, latin_names, profiles, read_list, romaji, surnames
from sekisho.demo.stores import buyers, order_lines

FEW = buyers(order_lines(20))
KATAKANA = re.compile(r"[ァ-ヴー・=＝]+")


@pytest.fixture(scope="module")
def known():
    return buyers(order_lines())


@pytest.fixture(scope="module")
def people(known):
    return profiles(known, copy=0, seed=1)


def test_the_lists_are_as_long_as_promised():
    """There are 250 surnames, 80 of them rare, 200 given names and every prefecture."""
    rows = read_list("surnames.csv")
    assert len(rows) >= 250
    assert sum(row["rare"] == "1" for row in rows) >= 80
    assert len(given_names().written) >= 200
    assert len({row["prefecture"] for row in read_list("places.csv")}) == 47


def test_every_name_has_a_reading_in_katakana():
    """Readings hold katakana only, and none is missing."""
    for names in (surnames(), given_names(), latin_names("given"), latin_names("surname")):
        assert all(KATAKANA.fullmatch(kana) for kana in names.kana)
        assert all(re.fullmatch("[a-z]+", word) for word in names.romaji)
        assert names.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("kana", "expected"),
    [
        ("サトウ", "sato"),
        ("シュンスケ", "shunsuke"),
        ("キョウゴク", "kyogoku"),
        ("ハットリ", "hattori"),
        ("オオノ", "ono"),
        ("ホッチ", "hotchi"),
        ("ジュン", "jun"),
        ("イノウエ", "inoue"),
    ],
)
def test_readings_become_latin_letters_as_in_passports(kana, expected):
    """Long vowels are dropped, a small tsu doubles, a small ya joins."""
    assert romaji(kana) == expected


def test_there_is_one_profile_per_real_customer(known, people):
    """4,339 customers, 4,339 profiles, the same ids."""
    assert people.height == 4_339
    assert people["customer_id"].equals(known["customer_id"])


def test_contacts_are_unique_and_lead_nowhere(known, people):
    """No two people share an e-mail address, not even over copies, and all domains are reserved ones."""
    copies = pl.concat([people, profiles(known, copy=1, seed=1), profiles(known, copy=12, seed=1)])
    assert copies["email"].is_unique().all()
    assert copies["email"].str.contains(r"^[a-z0-9._-]+@example\.(com|net|org|jp|co\.jp)$").all()
    assert copies["customer_id"].is_unique().all()


def test_fields_have_the_format_their_column_promises(people):
    """Postal codes, telephone numbers, LINE ids and readings look as they do in Japan."""
    assert people["postal_code"].str.contains(r"^\d{3}-\d{4}$").all()
    assert people["line_id"].drop_nulls().str.contains(r"^U[0-9a-f]{32}$").all()
    digits = people["phone"].drop_nulls().str.replace_all(r"\+81-", "0").str.replace_all("-", "")
    assert digits.str.contains(r"^0\d{9,10}$").all()
    assert people["name_kana"].str.contains(r"^[ァ-ヴー・= ]+$").all()


def test_rare_and_latin_names_turn_up(people):
    """Some surnames are rare ones and some names are Latin, most are neither."""
    rare = {row["surname"] for row in read_list("surnames.csv") if row["rare"] == "1"}
    assert 0.08 < people["surname"].is_in(rare).mean() < 0.16
    assert 0.02 < people["latin"].mean() < 0.10


@given(st.integers(0, 2**31), st.integers(0, 30))
def test_profiles_follow_from_seed_and_copy(seed, copy):
    """The same seed and copy give the same people, whenever they are drawn."""
    assert profiles(FEW, copy=copy, seed=seed).equals(profiles(FEW, copy=copy, seed=seed))
