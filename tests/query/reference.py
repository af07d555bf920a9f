"""The reference: filter and mask the raw rows in Python first, then run the requester's own text on what is left.

It shares nothing with the rewriter but the engines, so that a difference is a fault of one of the two.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import duckdb
import numpy as np
import pyarrow as pa

from sekisho import pseudonymity
from sekisho.domain.access import TransformKind
from sekisho.domain.terms import ColumnType, Dataset, LegalBasis
from sekisho.errors import SekishoError
from tests.query.world import (
    ARROW,
    DATASETS,
    FORBIDDEN_NUMBERS,
    PURPOSES,
    FakeDetector,
    World,
    agrees,
    transform_of,
)

_CANARY = re.compile(r"NG[a-z0-9]|NG[.]e|MK")
_HOST = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:@]+)")


class Reference:
    """Masked copies of the world's tables for one purpose, in both engines."""

    errors: tuple[type[Exception], ...] = (duckdb.Error, sqlite3.Error)

    def __init__(self, world: World, purpose: str = "recommendation") -> None:
        self._world = world
        self._purpose = purpose
        self._duckdb = duckdb.connect(":memory:")
        self._sqlite = sqlite3.connect(":memory:")
        self._sqlite.execute("ATTACH ':memory:' AS crm")
        for dataset in DATASETS.values():
            if purpose in dataset.purposes:
                self._load(dataset)

    def close(self) -> None:
        """Close both engines."""
        self._duckdb.close()
        self._sqlite.close()

    def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """Run *sql* as it was written. Raises the engine's own error."""
        if "crm." in sql.lower() or '"crm"' in sql.lower():
            return [tuple(row) for row in self._sqlite.execute(sql, parameters)]
        return [tuple(row) for row in self._duckdb.execute(sql, list(parameters)).fetchall()]

    def masked(self, dataset: Dataset) -> list[dict[str, Any]]:
        """Return the rows of *dataset* that the purpose may see, as it may see them."""
        purpose = PURPOSES[self._purpose]
        consent = purpose.legal_basis is LegalBasis.CONSENT
        key = dataset.data_subject.column if dataset.data_subject else None
        rows = []
        for raw in self._world.rows[dataset.name]:
            place = raw["place"]
            if consent and not dataset.about_nobody and (place is None or not agrees(place, self._purpose)):
                continue
            rows.append(
                {
                    c.name: self._value(
                        transform_of(c, purpose, key=c.name == key), raw[c.name], place, c.domain, c.type
                    )
                    for c in dataset.columns
                }
            )
        return rows

    def _value(
        self, kind: TransformKind, value: Any, place: int | None, domain: str | None, column_type: ColumnType
    ) -> object:
        if kind is TransformKind.WITHHOLD:
            return None
        if kind is TransformKind.REDACT:
            return "***"
        if value is None or kind is TransformKind.CLEAR:
            return value
        if kind is TransformKind.PSEUDONYM:
            return None if place is None else self._world.pseudonym(place, purpose=self._purpose)
        if kind is TransformKind.TOKEN:
            return self._world.token(domain or "", value, purpose=self._purpose)
        if kind is TransformKind.MASK_TEXT:
            return FakeDetector().mask([value])[0]
        if kind is TransformKind.YEAR:
            return int(value[:4]) if isinstance(value, str) else value.year
        if kind is TransformKind.PREFIX3:
            return value[:3]
        if kind is TransformKind.HOST:
            found = _HOST.match(value)
            return found[1] if found else ""
        if kind is TransformKind.BROWSER:
            return next(
                (b for b in ("Edge", "Firefox", "Chrome", "Safari") if b[:3] in value and b in value), "other"
            )
        raise AssertionError(kind)

    def _load(self, dataset: Dataset) -> None:
        rows = self.masked(dataset)
        store, table = dataset.name.split(".")
        if store == "crm":
            names = [column.name for column in dataset.columns]
            kinds = {
                c.name: "INTEGER" if rows and isinstance(rows[0][c.name], int | bool) else "TEXT"
                for c in dataset.columns
            }
            self._sqlite.execute(f"CREATE TABLE crm.{table} ({', '.join(f'{n} {kinds[n]}' for n in names)})")
            marks = ", ".join("?" for _ in names)
            self._sqlite.executemany(
                f"INSERT INTO crm.{table} VALUES ({marks})", [[row[n] for n in names] for row in rows]
            )
            return
        columns = {}
        purpose = PURPOSES[self._purpose]
        for c in dataset.columns:
            key = dataset.data_subject is not None and dataset.data_subject.column == c.name
            kind = transform_of(c, purpose, key=key)
            kept = kind in {TransformKind.CLEAR, TransformKind.WITHHOLD}
            columns[c.name] = pa.array([row[c.name] for row in rows], ARROW[c.type] if kept else None)
            if columns[c.name].type == pa.null():
                columns[c.name] = columns[c.name].cast(pa.string())
        self._duckdb.execute(f"CREATE SCHEMA IF NOT EXISTS {store}")
        self._duckdb.register("incoming", pa.table(columns))
        self._duckdb.execute(f"CREATE TABLE {store}.{table} AS SELECT * FROM incoming")
        self._duckdb.unregister("incoming")


def plain(value: object) -> object:
    """Return a value that compares across engines and drivers."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal | float):
        rounded = round(float(value), 6)
        return int(rounded) if rounded == int(rounded) else rounded
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value
    return value


def counted(rows: Any) -> Counter[tuple[object, ...]]:
    """Return rows as a multiset of comparable values."""
    return Counter(tuple(plain(value) for value in row) for row in rows)


def leaks(rows: Sequence[Sequence[object]]) -> list[object]:
    """Return values of *rows* that no requester of a consent purpose may ever see."""
    return [
        value
        for row in rows
        for value in row
        if (isinstance(value, str) and _CANARY.search(value) and not re.fullmatch(r"[A-Za-z0-9_-]{43}", value))
        or (isinstance(value, int | float) and not isinstance(value, bool) and int(value) in FORBIDDEN_NUMBERS)
    ]


_CODES = frozenset(
    {
        "statement_refused", "masked_column_use", "unknown_column", "unknown_dataset", "invalid_request",
        "access_denied",
    }
)  # fmt: skip


def outcome(world: World, sql: str, *parameters: object, purpose: str = "recommendation") -> tuple[object, ...]:
    """Return all that a requester learns: names and rows in their order, or the code and text of the refusal.

    Where chance would end the order of joined rows, they stand as the engine has them: so orders can be compared.
    """
    try:
        with patch.object(pseudonymity, "by_chance", lambda count: np.zeros(count, np.uint64)):
            answer = world.ask(sql, *parameters, purpose=purpose)
    except SekishoError as refusal:
        return ("refused", refusal.code, refusal.detail)
    return ("rows", answer.names, [tuple(plain(value) for value in row) for row in answer.rows])


@dataclass(frozen=True)
class Judge:
    """A world, its twin, and the reference: what a statement must withstand.

    Unless *ordered*, the order of rows does not count: where a statement leaves it open, PostgreSQL chooses it with
    the plan, by the sizes of tables. With *fails_alike* no expression may fail on one of the two worlds alone, also
    where the statement was generated; in which order tables are joined, and so what an expression beside a join is
    asked of, engines choose by what they count over whole columns, so this is demanded of one table alone. With
    *plans_alike* the engine does not know what withheld rows hold: order and failures count for every statement.
    """

    world: World
    twin: World
    reference: Reference
    ordered: bool = True
    fails_alike: bool = False
    plans_alike: bool = False

    def fill(self, sql: str) -> str:
        """Return *sql* with ``<p12>`` as the pseudonym of customer 12 and ``<invoice:X>`` as X's token."""
        sql = re.sub(r"<p(\d+)>", lambda m: self.world.pseudonym(int(m[1])), sql)
        return re.sub(r"<(invoice|ticket|event):([^>]+)>", lambda m: self.world.token(m[1], m[2]), sql)

    def refusal(self, sql: str, *parameters: object, exact: bool = True) -> str | None:
        """Return the code with which *sql* is refused, ``None`` when it is answered, and fail when it leaks.

        An answer holds no value that is to be withheld, has the rows of the reference, and is the same in the
        twin world. A refusal has a code of the contract and a text that is the same in the twin world.
        Unless *exact*, the order of rows does not count, nor whether an engine fails on rows that the requester
        may see: both depend on its plan, and that on the size of tables.
        """
        sql = self.fill(sql)
        got = outcome(self.world, sql, *parameters)
        other = outcome(self.twin, sql, *parameters)
        planned = not self.fails_alike or len(re.findall(r"(?<!DISTINCT )\b(?:FROM|JOIN|LATERAL)\b", sql)) > 1
        if self.plans_alike:
            assert got == other, "the answer depends on what is withheld or masked"
        elif not exact and planned and any("could not evaluate" in str(seen[-1]) for seen in (got, other)):
            pass
        elif not (exact and self.ordered) and got[0] == other[0] == "rows":
            assert counted(got[2]) == counted(other[2]), "the answer depends on what is withheld or masked"
        else:
            assert got[:2] == other[:2], f"the answer depends on what is withheld or masked: {got[:2]} or {other[:2]}"
            assert got == other, "the answer depends on what is withheld or masked"
        if got[0] == "refused":
            _, code, text = got
            assert code in _CODES
            assert not _CANARY.search(str(text))
            return str(code)
        rows = got[2]
        assert isinstance(rows, list)
        assert not leaks(rows)
        if re.search(r"(?i)\b(limit|offset|fetch)\b", sql) and not re.search(r"(?i)\border by\b", sql):
            return None  # which rows these are is up to the engine
        try:
            expected = self.reference.rows(sql, *parameters)
        except self.reference.errors:
            if exact:
                raise
            return None
        assert counted(rows) == counted(expected)
        return None

    def refuses(self, sql: str, *parameters: object) -> str:
        """Return the code with which *sql* is refused; fail when it is answered."""
        code = self.refusal(sql, *parameters)
        assert code is not None, "answered"
        return code

    def answers(self, sql: str, *parameters: object) -> None:
        """Fail unless *sql* is answered, as the reference answers it."""
        assert self.refusal(sql, *parameters) is None
