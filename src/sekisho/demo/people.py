"""Made-up customers for the real customer ids: Japanese names with readings, addresses, contacts.

Everything is drawn from the lists in ``data/`` and a seed. E-mail addresses lie under domains reserved
for examples (RFC 2606; ``example.jp`` and ``example.co.jp`` by JPRS) and are unique over all copies.
"""

from __future__ import annotations

import csv
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

import numpy as np
import polars as pl
from numpy.typing import NDArray

CUSTOMER_COLUMNS = (
    "customer_id",
    "name",
    "name_kana",
    "email",
    "phone",
    "address",
    "line_id",
    "postal_code",
    "prefecture",
    "birth_date",
    "gender",
    "income_band",
    "member_rank",
    "signed_up_on",
)
"""Columns of ``crm.customers``, in catalogue order."""

COPY_OFFSET = 100_000
"""Distance between a customer id and its copy in a workspace of a larger scale."""

RARE_SHARE = 0.12
"""Share of people with a rare surname: more than in life, because software that handles names fails on them."""

_DOMAINS = ("example.co.jp", "example.jp", "example.com", "example.net", "example.org")
_DOMAIN_SHARES = (0.30, 0.25, 0.25, 0.12, 0.08)
_INCOME_BANDS = ("under_3m", "3m_to_5m", "5m_to_7m", "7m_to_10m", "over_10m", None)
_INCOME_SHARES = (0.22, 0.28, 0.20, 0.14, 0.07, 0.09)
_RANKS = ("bronze", "silver", "gold", "platinum")
_RANK_SHARES = (0.55, 0.83, 0.96)  # cumulative shares of customers by what they spent
_LANDLINES = ("03-3", "03-5", "06-6", "011-2", "022-2", "045-6", "052-9", "075-2", "082-2", "092-7")
_BUILDINGS = (
    "グランドハイツ",
    "コーポ桜",
    "メゾン青葉",
    "サンライズ",
    "第二山手マンション",
    "パークサイド",
    "ハイム緑",
)

_SYLLABLES = (
    "a i u e o ka ki ku ke ko sa shi su se so ta chi tsu te to na ni nu ne no ha hi fu he ho "
    "ma mi mu me mo ya yu yo ra ri ru re ro wa o n "
    "ga gi gu ge go za ji zu ze zo da ji zu de do ba bi bu be bo pa pi pu pe po vu"
)
_KANA = dict(
    zip(
        "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
        "ガギグゲゴザジズゼゾダヂヅデドバビブベボパピプペポヴ",
        _SYLLABLES.split(" "),
        strict=True,
    )
)
_IRREGULAR = {"イノウエ": "inoue", "マツウラ": "matsuura"}  # two vowels of two words
_SMALL = {"ャ": "ya", "ュ": "yu", "ョ": "yo"}


@dataclass(frozen=True, slots=True)
class Names:
    """Parallel lists of one kind of name part.

    Attributes
    ----------
    written, kana, romaji:
        Shape (n,), text.
    shares:
        Probability of each, summing to one.
    female:
        Whether a given name is a woman's; all false for surnames.
    """

    written: NDArray[np.object_]
    kana: NDArray[np.object_]
    romaji: NDArray[np.object_]
    shares: NDArray[np.float64]
    female: NDArray[np.bool_]


def read_list(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV list shipped in ``data/``."""
    text = files("sekisho.demo").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def romaji(kana: str) -> str:
    """Return a katakana reading in Latin letters, in the plain Hepburn style of passports (no long vowels)."""
    if kana in _IRREGULAR:
        return _IRREGULAR[kana]
    out: list[str] = []
    for letter in kana:
        if letter in _SMALL:
            # キャ = ki + ya -> kya, シャ = shi + ya -> sha
            stem = out.pop()[:-1]
            glide = _SMALL[letter]
            out.append(stem + (glide[1:] if stem in {"sh", "ch", "j"} else glide))
        else:
            out.append("*" if letter == "ッ" else _KANA[letter])
    text = "".join(out)
    for at in range(len(text) - 1, -1, -1):
        if text[at] == "*":  # a small tsu doubles the next consonant; before ch it is a t
            text = text[:at] + ("t" if text[at + 1] == "c" else text[at + 1]) + text[at + 1 :]
    return text.replace("ou", "o").replace("oo", "o").replace("uu", "u")


def _plain(name: str) -> str:
    """Return a Latin name as a mailbox spells it: lower-case letters of ASCII."""
    folded = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("ø", "o"))
    return "".join(letter for letter in folded.lower() if letter.isascii() and letter.isalpha())


def _names(rows: list[dict[str, str]], column: str, weights: list[float], *, latin: bool) -> Names:
    written = [row[column] for row in rows]
    total = np.array(weights, dtype=np.float64)
    return Names(
        written=np.array(written, dtype=object),
        kana=np.array([row["kana"] for row in rows], dtype=object),
        romaji=np.array([_plain(n) for n in written] if latin else [romaji(row["kana"]) for row in rows], object),
        shares=total / total.sum(),
        female=np.array([row.get("gender") == "female" for row in rows]),
    )


@cache
def surnames() -> Names:
    """Return the Japanese surnames; common ones by frequency, rare ones as :data:`RARE_SHARE` of all."""
    rows = read_list("surnames.csv")
    weights = np.array([float(row["weight"]) for row in rows])
    rare = np.array([row["rare"] == "1" for row in rows])
    # Rare names are drawn evenly: each must turn up now and then.
    shares = np.where(rare, RARE_SHARE / rare.sum(), (1 - RARE_SHARE) * weights / weights[~rare].sum())
    return _names(rows, "surname", shares.tolist(), latin=False)


@cache
def given_names() -> Names:
    """Return the Japanese given names, evenly weighted."""
    rows = read_list("given_names.csv")
    return _names(rows, "given_name", [1.0] * len(rows), latin=False)


@cache
def latin_names(part: str) -> Names:
    """Return Latin names; *part* is ``given`` or ``surname``."""
    rows = [row for row in read_list("latin_names.csv") if row["part"] == part]
    return _names(rows, "name", [1.0] * len(rows), latin=True)


def profiles(buyers: pl.DataFrame, *, copy: int, seed: int) -> pl.DataFrame:
    """Return one made-up profile per customer.

    Parameters
    ----------
    buyers:
        One row per customer, ascending: ``customer_id``, ``abroad`` (orders from outside the United Kingdom),
        ``spent`` (pounds), ``first_bought`` (date).
    copy:
        Number of the copy, 0 for the real ids; ids are shifted by ``copy * COPY_OFFSET``.
    seed:
        Seed of the workspace.

    Returns
    -------
    polars.DataFrame
        :data:`CUSTOMER_COLUMNS` and, for the texts of tickets, ``surname``, ``romaji`` (name in Latin letters),
        ``city`` and ``latin`` (whether the name is written so).
    """
    rng = np.random.default_rng([seed, copy, 1])
    count = buyers.height
    # About two in three customers from abroad keep a Latin name; the others are Japanese at home.
    latin = buyers["abroad"].to_numpy() & (rng.random(count) < 0.65)
    surname, given = _draw_names(rng, latin)
    places = read_list("places.csv")
    weights = np.array([float(row["weight"]) for row in places])
    place = rng.choice(len(places), count, p=weights / weights.sum())
    born = _birth_dates(rng, count)
    female = given["female"].to_numpy()
    gender = np.where(rng.random(count) < 0.03, "unanswered", np.where(female, "female", "male"))
    spent_rank = buyers["spent"].rank("ordinal").to_numpy() / count
    signed_up = [
        day - timedelta(days=int(before))
        for day, before in zip(buyers["first_bought"], rng.integers(0, 700, count), strict=True)
    ]
    no_line, no_phone = rng.random(count) < 0.3, rng.random(count) < 0.03
    line_ids = hex_words(rng, count, 32)
    phones = _phones(rng, count)
    space = np.where(latin, " ", "・")
    first, last = given["written"].to_list(), surname["written"].to_list()
    first_kana, last_kana = given["kana"].to_list(), surname["kana"].to_list()
    return pl.DataFrame(
        {
            "customer_id": buyers["customer_id"] + copy * COPY_OFFSET,
            "name": [
                f"{f} {s}" if is_latin else f"{s} {f}" for f, s, is_latin in zip(first, last, latin, strict=True)
            ],
            "name_kana": [
                f"{f}・{s}" if mark == " " else f"{s} {f}"
                for f, s, mark in zip(first_kana, last_kana, space, strict=True)
            ],
            "email": _emails(rng, given["romaji"], surname["romaji"], born, copy),
            "phone": [None if none else phone for phone, none in zip(phones, no_phone, strict=True)],
            "address": _addresses(rng, places, place),
            "line_id": [None if none else f"U{word}" for word, none in zip(line_ids, no_line, strict=True)],
            "postal_code": [
                f"{places[p]['postal_prefix']}-{rest:04d}"
                for p, rest in zip(place, rng.integers(1, 100, count), strict=True)
            ],
            "prefecture": [places[p]["prefecture"] for p in place],
            "birth_date": born,
            "gender": gender,
            "income_band": [_INCOME_BANDS[i] for i in rng.choice(len(_INCOME_BANDS), count, p=_INCOME_SHARES)],
            "member_rank": [_RANKS[i] for i in np.searchsorted(_RANK_SHARES, spent_rank)],
            "signed_up_on": signed_up,
            "surname": last,
            "romaji": [
                f"{f} {s}" if is_latin else f"{fr.title()} {sr.title()}"
                for f, s, fr, sr, is_latin in zip(first, last, given["romaji"], surname["romaji"], latin, strict=True)
            ],
            "city": [places[p]["city"] for p in place],
            "latin": latin,
        }
    )


def _draw_names(rng: np.random.Generator, latin: NDArray[np.bool_]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return surnames and given names (``written``, ``kana``, ``romaji``, ``female``), shape (n,) each."""
    drawn = []
    for japanese, foreign in (
        (surnames(), latin_names("surname")),
        (given_names(), latin_names("given")),
    ):
        ours = rng.choice(len(japanese.shares), len(latin), p=japanese.shares)
        theirs = rng.choice(len(foreign.shares), len(latin), p=foreign.shares)
        drawn.append(
            pl.DataFrame(
                {
                    field: np.where(latin, getattr(foreign, field)[theirs], getattr(japanese, field)[ours]).tolist()
                    for field in ("written", "kana", "romaji", "female")
                }
            )
        )
    return drawn[0], drawn[1]


def _birth_dates(rng: np.random.Generator, count: int) -> list[date]:
    """Return birth dates of people 18 to 88 years old at the end of 2011, most of them around forty."""
    ages = np.clip(rng.normal(43, 14, count), 18.1, 88)
    days = np.rint(ages * 365.25).astype(int)
    return [date(2011, 12, 9) - timedelta(days=int(day)) for day in days]


def _phones(rng: np.random.Generator, count: int) -> list[str]:
    kinds = rng.choice(5, count, p=(0.55, 0.2, 0.07, 0.03, 0.15))
    middle, last = rng.integers(1000, 10_000, count), rng.integers(0, 10_000, count)
    styles = rng.random(count)
    lines = rng.integers(0, len(_LANDLINES), count)
    phones = []
    for kind, mid, end, style, line in zip(kinds, middle, last, styles, lines, strict=True):
        if kind == 4:
            # A landline has ten digits: area code and exchange share six.
            start = _LANDLINES[line]
            digits = str(mid)[: 7 - len(start)]
            phone = f"{start}{digits}-{end:04d}"
        else:
            phone = f"{('090', '080', '070', '050')[kind]}-{mid}-{end:04d}"
        if style < 0.08:
            phone = phone.replace("-", "")
        elif style < 0.1:
            phone = f"+81-{phone[1:]}"
        phones.append(phone)
    return phones


def _addresses(rng: np.random.Generator, places: list[dict[str, str]], place: NDArray[np.int64]) -> list[str]:
    count = len(place)
    numbers = np.stack([rng.integers(1, high, count) for high in (7, 28, 22)], axis=1)
    styles, rooms = rng.random(count), rng.integers(1, 9, count) * 100 + rng.integers(1, 12, count)
    buildings = rng.integers(0, len(_BUILDINGS), count)
    addresses = []
    for p, (block, lot, house), style, room, building in zip(place, numbers, styles, rooms, buildings, strict=True):
        row = places[p]
        text = f"{row['prefecture']}{row['city']}{row['town']}"
        text += f"{block}丁目{lot}番{house}号" if style < 0.3 else f"{block}-{lot}-{house}"
        if style > 0.55:
            text += f" {_BUILDINGS[building]}{room}" + ("号室" if style > 0.8 else "")
        addresses.append(text)
    return addresses


def _emails(rng: np.random.Generator, given: pl.Series, surname: pl.Series, born: list[date], copy: int) -> pl.Series:
    """Return addresses, unique within the copy; copies differ by their number in the local part."""
    shapes = rng.choice(4, len(born), p=(0.4, 0.25, 0.2, 0.15))
    domains = rng.choice(len(_DOMAINS), len(born), p=_DOMAIN_SHARES)
    locals_ = []
    for first, last, day, shape in zip(given, surname, born, shapes, strict=True):
        locals_.append(
            (f"{first}.{last}", f"{last}_{first}", f"{first[0]}.{last}{day:%y}", f"{first}{day:%m%d}")[shape]
        )
    frame = pl.DataFrame({"local": locals_, "domain": [_DOMAINS[d] for d in domains]})
    # Namesakes get "-1", "-2" …: no local part above holds a hyphen, so the numbered ones are new.
    nth = pl.int_range(pl.len()).over("local", "domain")
    return frame.select(
        pl.concat_str(
            pl.col("local"),
            pl.lit(f"-c{copy}" if copy else ""),
            pl.when(nth > 0).then(pl.concat_str(pl.lit("-"), nth.cast(pl.String))).otherwise(pl.lit("")),
            pl.lit("@"),
            pl.col("domain"),
        ).alias("email")
    )["email"]


def hex_words(rng: np.random.Generator, count: int, length: int) -> list[str]:
    """Return *count* random words of *length* lower-case hexadecimal digits (an even number)."""
    text = rng.bytes(count * length // 2).hex()
    return [text[at : at + length] for at in range(0, count * length, length)]
