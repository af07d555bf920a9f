"""A blind oracle: a program that asks again and again, and looks at all that it is told, to find six digits.

It knows a pseudonym of each person. For each digit it asks one question for each of the ten values, and takes the
value at which what it sees changes: rows, their number, their order, whether there is a refusal and what it says, or
how long the answer takes. Where nothing differs it guesses. Found digits go into the next question.
"""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.attacks.guards import lifted, sites_in
from tests.attacks.silent import without
from tests.query.reference import plain
from tests.query.world import PEOPLE, ROWS, Rows, World, agrees

from sekisho.errors import SekishoError
from sekisho.query import kinds

DIGITS = 6
COLUMNS = ("note", "email")
"""A text that is masked on the way out, and a column that is not shown."""

_ME = "customer_id = '{p}'"
_STRATEGIES = {
    "comparison": "SELECT count(*) AS n FROM {t} WHERE " + _ME + " AND {c} >= '{known}{d}'",
    "comparison shown": "SELECT {c} >= '{known}{d}' AS x FROM {t} WHERE " + _ME,
    "BETWEEN": "SELECT count(*) AS n FROM {t} WHERE " + _ME + " AND {c} BETWEEN '{known}{d}' AND '{known}{d}~'",
    "LIKE": "SELECT count(*) AS n FROM {t} WHERE " + _ME + " AND {c} LIKE '{known}{d}%'",
    "NOT LIKE": "SELECT {n} FROM {t} WHERE " + _ME + " AND {c} NOT LIKE '{known}{d}%'",
    "SUBSTR": "SELECT count(*) AS n FROM {t} WHERE " + _ME + " AND substr({c}, {at}, 1) = '{d}'",
    "SUBSTR shown": "SELECT substr({c}, {at}, 1) = '{d}' AS x FROM {t} WHERE " + _ME,
    "REPLACE": "SELECT length(replace(substr({c}, {at}, 1), '{d}', '')) AS x FROM {t} WHERE " + _ME,
    "IN": "SELECT count(*) AS n FROM {t} WHERE " + _ME + " AND substr({c}, 1, {at}) IN ('{known}{d}', 'x')",
    "CASE": "SELECT sum(CASE WHEN {c} >= '{known}{d}' THEN 1 ELSE 0 END) AS n FROM {t} WHERE " + _ME,
    "MAX in HAVING": "SELECT count(*) AS n FROM {t} WHERE " + _ME + " GROUP BY {n} HAVING max({c}) >= '{known}{d}'",
    "MIN": "SELECT min({c}) >= '{known}{d}' AS x FROM {t} WHERE " + _ME,
    "GROUP BY": "SELECT {c} >= '{known}{d}' AS x, count(*) AS n FROM {t} WHERE " + _ME + " GROUP BY {c} >= '{known}{d}'",
    "order": "SELECT q.w FROM (SELECT {c} || '0' AS x, 'hers' AS w FROM {t} WHERE " + _ME + " UNION ALL SELECT '{known}{d}', 'mine' FROM {t} WHERE " + _ME + ") q ORDER BY q.x",
    "rank": "SELECT q.w, rank() OVER (ORDER BY q.x) AS r FROM (SELECT {c} || '0' AS x, 'hers' AS w FROM {t} WHERE " + _ME + " UNION ALL SELECT '{known}{d}', 'mine' FROM {t} WHERE " + _ME + ") q",
    "join": "SELECT count(*) AS n FROM {t} a JOIN (SELECT '{known}{d}' AS e) v ON substr(a.{c}, 1, {at}) = v.e WHERE a." + _ME,
    "EXISTS": "SELECT count(*) AS n FROM {t} a WHERE a." + _ME + " AND EXISTS (SELECT 1 FROM {t} b WHERE b." + _ME + " AND b.{c} >= '{known}{d}')",
    "scalar subquery": "SELECT count(*) AS n FROM {t} WHERE " + _ME + " AND (SELECT max(b.{c}) FROM {t} b WHERE b." + _ME + ") >= '{known}{d}'",
    "INTERSECT": "SELECT count(*) AS n FROM (SELECT substr({c}, 1, {at}) AS x FROM {t} WHERE " + _ME + " INTERSECT SELECT '{known}{d}' FROM {t}) q",
    "EXCEPT": "SELECT count(*) AS n FROM (SELECT substr({c}, 1, {at}) AS x FROM {t} WHERE " + _ME + " EXCEPT SELECT '{known}{d}' FROM {t}) q",
    "DISTINCT": "SELECT count(DISTINCT q.x) AS n FROM (SELECT substr({c}, 1, {at}) AS x FROM {t} WHERE " + _ME + " UNION ALL SELECT '{known}{d}' FROM {t}) q",
    "FILTER": "SELECT count(*) FILTER (WHERE {c} >= '{known}{d}') AS n FROM {t} WHERE " + _ME,
    "LIMIT": "SELECT {n} FROM {t} WHERE " + _ME + " LIMIT (SELECT count(*) FROM {t} WHERE " + _ME + " AND {c} >= '{known}{d}')",
    "error": "SELECT {error} AS x FROM {t} WHERE " + _ME,
    "arithmetic": "SELECT CAST({c} AS {int}) - {known_number} >= {step} AS x FROM {t} WHERE " + _ME,
    "time": "SELECT count(*) AS n FROM {t} a, {t} b, {t} c WHERE EXISTS (SELECT 1 FROM {t} d WHERE d." + _ME + " AND d.{c} LIKE '{known}{d}%')",
}  # fmt: skip
NEVER = frozenset({"LIMIT"})
"""Strategies that an allow-list stops besides: without the masks' guards alone they find nothing either."""

_ALONE = frozenset(
    {
        "BETWEEN", "LIKE", "NOT LIKE", "SUBSTR", "SUBSTR shown", "REPLACE", "IN", "join", "INTERSECT", "EXCEPT", "DISTINCT",
        "time",
    }
)  # fmt: skip
"""Strategies that see one digit unlike the others; the others see a step, and ask for ``:``, which follows 9, too."""
_ERRORS = {
    "sqlite": "abs(CASE WHEN {c} >= '{known}{d}' THEN -9223372036854775807 - 1 ELSE 1 END)",
    "postgresql": "1 / CASE WHEN {c} >= '{known}{d}' THEN 0 ELSE 1 END",
    "duckdb": "CAST(CASE WHEN {c} >= '{known}{d}' THEN 'x' ELSE '1' END AS INT)",
}
_TABLES = {
    "sqlite": {"t": "crm.customers", "n": "points", "note": "note", "email": "email"},
    "postgresql": {"t": "shop.customers", "n": "points", "note": "note", "email": "email"},
    "duckdb": {"t": "web.events", "n": "event_type", "note": "query_text", "email": "cookie_id"},
}


def secret(place: int, column: str) -> str:
    """Return the digits of a person."""
    return f"{random.Random(f'{place} {column}').randrange(10**DIGITS):0{DIGITS}d}"


def rows_with_digits() -> Rows:
    """Return the world's rows; the masked columns hold six digits."""
    customers = [row | {c: secret(row["place"], c) for c in COLUMNS} for row in ROWS["crm.customers"]]
    events = [
        row | {"query_text": secret(row["place"], "note"), "cookie_id": secret(row["place"], "email")}
        if row["place"] is not None
        else row
        for row in ROWS["web.events"]
    ]
    return ROWS | {"crm.customers": customers, "web.events": events}


def victims(number: int) -> list[int]:
    """Return people who agreed, so that statements do see their rows."""
    return [place for place in range(PEOPLE) if agrees(place, "recommendation")][:number]


@dataclass(frozen=True)
class Found:
    """What one strategy found about one column."""

    whole: int
    digits: int
    of: int


@dataclass(frozen=True)
class Oracle:
    """The program, in front of one engine."""

    world: World
    engine: str

    def run(self, strategy: str, column: str, places: list[int]) -> Found:
        """Look for the digits of everybody at *places*."""
        guesses = random.Random(f"{self.engine} {strategy} {column}")
        whole = right = 0
        for place in places:
            known = ""
            for at in range(1, DIGITS + 1):
                seen = [self._look(strategy, column, place, known, at, digit) for digit in range(11)]
                known += str(_chosen(strategy, seen, guesses))
            right += sum(a == b for a, b in zip(known, secret(place, column), strict=True))
            whole += known == secret(place, column)
        return Found(whole, right, DIGITS * len(places))

    def _look(self, strategy: str, column: str, place: int, known: str, at: int, digit: int) -> tuple[str, float]:
        table = _TABLES[self.engine]
        given = {
            "t": table["t"], "n": table["n"], "c": table[column], "p": self.world.pseudonym(place), "known": known, "at": at, "d": digit if digit < 10 else ":",
            "int": "INT", "known_number": int(known or 0) * 10 ** (DIGITS - at + 1), "step": digit * 10 ** (DIGITS - at),
        }  # fmt: skip
        template = _STRATEGIES[strategy]
        if strategy == "error":
            given["error"] = _ERRORS[self.engine].format(**given)
        began = time.process_time()
        try:
            answer = self.world.ask(template.format(**given))
        except SekishoError as refusal:
            told = f"refused {refusal.code} {refusal.detail}"
        else:
            told = repr([tuple(plain(value) for value in row) for row in answer.rows])
        return told, time.process_time() - began


def _chosen(strategy: str, seen: list[tuple[str, float]], guesses: random.Random) -> int:
    """Return the digit that what was seen points to: the one that is unlike the others, or the last before a change."""
    told = [each for each, _ in seen]
    if strategy in _ALONE:
        odd = [digit for digit in range(10) if told.count(told[digit]) == 1]
        if len(odd) == 1:
            return odd[0]
        if strategy == "time":
            return max(range(10), key=lambda digit: seen[digit][1])
    else:
        changes = [digit for digit in range(1, 11) if told[digit] != told[digit - 1]]
        if len(changes) == 1:
            return changes[0] - 1
    return guesses.randrange(10)


@contextmanager
def masks_unguarded() -> Iterator[None]:
    """Take away every refusal of a masked use, the tokens, and the masks at the scan."""
    with lifted(sites_in(kinds)), without("mask at the scan", "tokens"):
        yield


STRATEGIES = tuple(_STRATEGIES)
