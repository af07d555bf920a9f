"""Support tickets and survey answers: free text in Japanese and English that holds personal data.

Names, telephone numbers, addresses and e-mail addresses are those of the customer's profile, written the
way people write them: glued to Japanese characters, full-width, without hyphens. Card numbers are test
numbers published by payment processors; all of them pass the Luhn check (ISO/IEC 7812-1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from sekisho.demo.behaviour import END_OF_DATA
from sekisho.demo.stores import texts, write_sqlite

TICKET_COLUMNS = (
    "ticket_id",
    "customer_id",
    "channel",
    "language",
    "opened_at",
    "subject",
    "body",
    "resolved",
)
"""Columns of ``support.tickets``, in catalogue order."""

TEST_CARDS = (
    "4111111111111111",
    "4242424242424242",
    "4012888888881881",
    "5555555555554444",
    "5105105105105100",
    "3530111333300000",
    "3566002020360505",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
)
"""Published test numbers: Visa, Mastercard, JCB, American Express, Discover."""

TICKETS_PER_CUSTOMER = 1.4
ANSWERS_PER_CUSTOMER = 0.7

_CHANNELS = ("phone", "email", "chat", "store")
_CHANNEL_SHARES = (0.27, 0.43, 0.24, 0.06)
_FULL_WIDTH = str.maketrans("0123456789-", "０１２３４５６７８９－")
_YEAR_SECONDS = 373 * 86_400


class Writers:
    """The people of one copy as authors of texts.

    Parameters
    ----------
    people:
        The copy's profiles.
    invoices:
        For each profile the invoice numbers of its customer.
    items:
        Descriptions of things sold.
    """

    def __init__(self, people: pl.DataFrame, invoices: Sequence[Sequence[str]], items: Sequence[str]) -> None:
        self._people = people.to_dicts()
        self._invoices = invoices
        self._items = items
        self._abroad: list[str] = texts()["addresses_en"]

    def language(self, person: int, chance: float) -> str:
        """Return the language that a person writes, *chance* being uniform in [0, 1)."""
        return "en" if chance < (0.8 if self._people[person]["latin"] else 0.18) else "ja"

    def customer(self, person: int) -> int:
        """Return the customer id of a person."""
        number: int = self._people[person]["customer_id"]
        return number

    def fields(self, person: int, dice: Sequence[int]) -> Mapping[str, str]:
        """Return what a template may name, as *person* writes it today.

        Parameters
        ----------
        dice:
            Eight random integers in [0, 1000).
        """
        own = self._people[person]
        other = self._people[(person + 1 + dice[0]) % len(self._people)]
        born = own["birth_date"]
        phone = own["phone"] or "03-3000-0000"
        if dice[1] < 150:
            phone = phone.replace("-", "")
        elif dice[1] < 220:
            phone = phone.translate(_FULL_WIDTH)
        email = own["email"]
        card = TEST_CARDS[dice[2] % len(TEST_CARDS)]
        if dice[2] >= 500 and len(card) == 16:
            mark = "-" if dice[2] >= 750 else " "
            card = mark.join(card[at : at + 4] for at in range(0, 16, 4))
        name = own["name"] if dice[3] < 600 or own["latin"] else own["name"].replace(" ", "")
        showa = born.year - 1925
        written = f"{born.year}年{born.month}月{born.day}日"
        if 1926 < born.year < 1989 and dice[4] < 300:
            written = f"昭和{showa}年{born.month}月{born.day}日"
        invoices = self._invoices[person]
        return {
            "name": name,
            "kana": own["name_kana"],
            "surname": own["surname"],
            "latin": own["romaji"],
            "other": other["name"].replace(" ", "") if not other["latin"] else other["name"],
            "other_en": other["romaji"],
            "phone": phone,
            "email": email,
            "email2": f"{email.split('@', 1)[0]}{born:%y}@example.com",
            "postal": own["postal_code"],
            "address": own["address"],
            "address_en": self._abroad[dice[5] % len(self._abroad)],
            "city": own["city"],
            "city_en": self._abroad[dice[5] % len(self._abroad)].rsplit(", ", 1)[1],
            "order": invoices[dice[6] % len(invoices)],
            "card": card,
            "item": self._items[(dice[7] * 1000 + dice[6]) % len(self._items)],
            "birth": written,
            "birth_en": f"{born.day} {born:%B} {born.year}",
        }


def tickets(writers: Writers, count: int, *, copy: int, seed: int) -> pl.DataFrame:
    """Return support tickets, ascending by time, with the columns of :data:`TICKET_COLUMNS`.

    Parameters
    ----------
    count:
        Number of people in *writers*; there are :data:`TICKETS_PER_CUSTOMER` tickets for each.
    """
    rng = np.random.default_rng([seed, copy, 4])
    total = max(200, round(count * TICKETS_PER_CUSTOMER))
    who = rng.integers(0, count, total).tolist()
    languages, openings = rng.random(total).tolist(), np.sort(rng.integers(0, _YEAR_SECONDS, total)).tolist()
    dice, choices = rng.integers(0, 1_000, (total, 8)).tolist(), rng.integers(0, 840, (total, 3)).tolist()
    channels = rng.choice(len(_CHANNELS), total, p=_CHANNEL_SHARES).tolist()
    resolved = rng.random(total)
    start = END_OF_DATA - timedelta(seconds=_YEAR_SECONDS)
    rows = []
    for at in range(total):
        language = writers.language(who[at], languages[at])
        templates = texts()["tickets"][language]
        template = templates[choices[at][0] % len(templates)]
        fields = writers.fields(who[at], dice[at])
        opener, closer = texts()["openers"][language], texts()["closers"][language]
        body = template["body"].format_map(fields)
        if not template["record"]:  # what staff wrote down begins and ends as it is
            end = closer[choices[at][2] % len(closer)]
            stop = "。" if language == "ja" and end and body[-1] not in "。？" else ""
            body = opener[choices[at][1] % len(opener)] + body + stop + end
        opened: datetime = start + timedelta(seconds=openings[at])
        # What is a week old has mostly been answered.
        done = resolved[at] < (0.93 if openings[at] < _YEAR_SECONDS - 7 * 86_400 else 0.4)
        rows.append(
            (
                f"T{copy:02d}-{at:06d}",
                writers.customer(who[at]),
                _CHANNELS[channels[at]],
                language,
                opened.isoformat(timespec="seconds"),
                template["subject"],
                body,
                int(done),
            )
        )
    return pl.DataFrame(rows, schema=list(TICKET_COLUMNS), orient="row")


def write_tickets(path: Path, frames: Iterable[pl.DataFrame]) -> None:
    """Write ``support.tickets``; ``opened_at`` is ISO text and ``resolved`` 0 or 1, as SQLite keeps them."""
    columns = (
        "ticket_id TEXT PRIMARY KEY, customer_id INTEGER NOT NULL, channel TEXT, language TEXT, "
        "opened_at TEXT, subject TEXT, body TEXT, resolved INTEGER"
    )
    write_sqlite(
        path,
        (
            f"CREATE TABLE tickets ({columns})",
            "CREATE INDEX tickets_customer ON tickets (customer_id)",
        ),
        "INSERT INTO tickets VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        frames,
    )


def answers(writers: Writers, count: int, *, copy: int, seed: int) -> pl.DataFrame:
    """Return survey answers of some customers, ascending by day, in catalogue order of ``survey.answers``.

    ``nps`` is 0 to 10; ``asked_on`` an ISO date; ``comment`` is missing where nothing was written.
    """
    rng = np.random.default_rng([seed, copy, 5])
    total = max(50, round(count * ANSWERS_PER_CUSTOMER))
    who = rng.integers(0, count, total).tolist()
    days = np.sort(rng.integers(0, 373, total))[::-1].tolist()
    languages, choices = rng.random(total).tolist(), rng.integers(0, 1_000, total).tolist()
    dice = rng.integers(0, 1_000, (total, 8)).tolist()
    shares = np.array([2, 1, 2, 3, 4, 9, 10, 17, 23, 16, 13], dtype=np.float64)
    nps = rng.choice(11, total, p=shares / shares.sum()).tolist()
    rows = []
    for at in range(total):
        comments = texts()["survey"][writers.language(who[at], languages[at])]
        comment = comments[choices[at] % len(comments)].format_map(writers.fields(who[at], dice[at]))
        asked = (END_OF_DATA - timedelta(days=days[at])).date()
        rows.append((f"S{copy:02d}-{at:06d}", writers.customer(who[at]), asked.isoformat(), nps[at], comment or None))
    columns = ["answer_id", "customer_id", "asked_on", "nps", "comment"]
    return pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
