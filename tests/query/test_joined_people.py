"""One person under different kinds of identifier in different stores: joined by the person, never by the key."""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.sqlite import SqliteStore
from sekisho.domain.terms import (
    Catalogue,
    Column,
    ColumnClass,
    ColumnType,
    Dataset,
    DataSubjectKey,
    LegalBasis,
    Purpose,
    Requester,
    Store,
    StoreKind,
)
from sekisho.errors import MaskedColumnUse
from sekisho.gateway import Gateway
from sekisho.release import Ask
from tests.fakes import FakeAuditLog, FakeClock
from tests.query.doubles import ClassPolicy, FakeConsentLedger, FakeDetector, FakeKeys, FakePeople, FakeViews

PURPOSE = Purpose("recommendation", LegalBasis.CONSENT)
REQUESTER = Requester("shop", frozenset({"recommendation"}))
FOR = frozenset({"recommendation"})


def _dataset(name: str, key: str, kind: ColumnType, *columns: Column) -> Dataset:
    store, table = name.split(".")
    person = Column(key, kind, ColumnClass.DIRECT_IDENTIFIER)
    return Dataset(name, store, table, (person, *columns), DataSubjectKey(key, key), None, FOR)


CUSTOMERS = _dataset(
    "crm.customers", "customer_id", ColumnType.INTEGER, Column("points", ColumnType.INTEGER, ColumnClass.NONE)
)
TICKETS = _dataset(
    "support.tickets", "email", ColumnType.STRING, Column("minutes", ColumnType.INTEGER, ColumnClass.NONE),
    Column("invoice", ColumnType.STRING, ColumnClass.LINKING_IDENTIFIER, domain="invoice"),
)  # fmt: skip


class Desk:
    """A gateway over two SQLite stores, and the loop to ask it on."""

    def __init__(self, folder: Path) -> None:
        with sqlite3.connect(folder / "crm.db") as db:
            db.execute("CREATE TABLE customers (customer_id INTEGER, points INTEGER)")
            db.executemany("INSERT INTO customers VALUES (?, ?)", [(100 + n, n) for n in range(6)])
        db.close()
        with sqlite3.connect(folder / "support.db") as db:
            db.execute("CREATE TABLE tickets (email TEXT, minutes INTEGER, invoice TEXT)")
            rows = [(f"p{n}@shop.example", 10 * n, f"I{n}") for n in range(6)] + [("nobody@shop.example", 999, "I9")]
            db.executemany("INSERT INTO tickets VALUES (?, ?, ?)", rows)
        db.close()
        stores = {name: Store(name, StoreKind.SQLITE, str(folder / f"{name}.db")) for name in ("crm", "support")}
        datasets = {dataset.name: dataset for dataset in (CUSTOMERS, TICKETS)}
        self.others = {name: SqliteStore(store, datasets) for name, store in stores.items()}
        self.duckdb = DuckDbStores({}, datasets, others=self.others)
        self.consents = FakeConsentLedger({"recommendation": {1, 2, 3, 4, 5, 15}})
        # The person with customer number 100 + n is number n + 1, and so is p<n>@…; but for the last, who is two.
        people = FakePeople(
            {
                "customer_id": {str(100 + n): n + 1 for n in range(6)},
                "email": {f"p{n}@shop.example": n + 1 for n in range(5)} | {"p5@shop.example": 15},
            }
        )
        catalogue = Catalogue(stores, datasets, {PURPOSE.name: PURPOSE}, {REQUESTER.name: REQUESTER}, {}, "c1")
        self.gateway = Gateway(
            catalogue, ClassPolicy(), self.consents, people, self.others | {"duckdb": self.duckdb}, FakeKeys(),
            FakeDetector(), FakeAuditLog(), FakeClock(), FakeViews(),
        )  # fmt: skip
        self.runner = asyncio.Runner()

    def close(self) -> None:
        """Close everything."""
        self.runner.close()
        self.duckdb.close()
        for store in self.others.values():
            store.close()

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of an answer."""

        async def ask() -> list[tuple[object, ...]]:
            release = await self.gateway.query(REQUESTER, Ask("recommendation", sql, (), None))
            return [
                row
                async for page in release.pages()
                for row in zip(*(column.to_pylist() for column in page.batch.columns), strict=True)
            ]

        return self.runner.run(ask())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


JOIN = "FROM crm.customers c JOIN support.tickets t ON c.customer_id = t.email"


def test_identifiers_of_one_person_match(desk: Desk) -> None:
    """A customer number and an address meet where they belong to one person who agrees, and nowhere else."""
    assert sorted(desk.ask(f"SELECT c.points, t.minutes {JOIN}")) == [(n, 10 * n) for n in range(5)]
    desk.consents.withdraw("recommendation", 3)
    assert sorted(desk.ask(f"SELECT c.points, t.minutes {JOIN}")) == [(n, 10 * n) for n in (0, 1, 3, 4)]


def test_both_sides_show_one_pseudonym(desk: Desk) -> None:
    """Who is one person is one pseudonym, whatever the store calls them; neither key is in the answer."""
    rows = desk.ask(f"SELECT c.customer_id, t.email {JOIN}")
    assert len(rows) == 5
    assert all(one == other for one, other in rows)
    assert not any("@" in str(value) or str(value).isdigit() for row in rows for value in row)


def test_who_is_known_as_two_is_two(desk: Desk) -> None:
    """A number and an address under two person numbers do not meet: a mere link is shown to nobody."""
    pseudonyms = {row[0] for row in desk.ask("SELECT email FROM support.tickets WHERE minutes = 50")}
    assert len(pseudonyms) == 1
    assert not pseudonyms & {row[0] for row in desk.ask("SELECT customer_id FROM crm.customers")}
    assert not desk.ask(f"SELECT 1 AS x {JOIN} WHERE t.minutes = 50")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT c.customer_id FROM crm.customers c UNION SELECT t.email FROM support.tickets t",
        "SELECT points FROM crm.customers WHERE customer_id IN (SELECT email FROM support.tickets)",
        "WITH x AS (SELECT customer_id AS k FROM crm.customers UNION ALL SELECT email FROM support.tickets) SELECT count(DISTINCT k) FROM x",
    ],
    ids=["union", "in", "counted"],
)
def test_persons_are_compared_everywhere(desk: Desk, sql: str) -> None:
    """Set operations, IN and DISTINCT count persons, not identifiers."""
    rows = desk.ask(sql)
    if "count" in sql:
        assert rows == [(6,)]  # five who are one in both stores, and one who is another there
    else:
        assert len(rows) == (6 if "UNION" in sql else 5)


def test_other_domains_stay_apart(desk: Desk) -> None:
    """A person is compared with no invoice."""
    with pytest.raises(MaskedColumnUse):
        desk.ask("SELECT c.points FROM crm.customers c JOIN support.tickets t ON c.customer_id = t.invoice")


def test_a_pseudonym_narrows_both_scans(desk: Desk) -> None:
    """What one store showed is found in the other by that store's own key."""
    (pseudonym,) = {row[0] for row in desk.ask(f"SELECT c.customer_id {JOIN} WHERE t.minutes = 20")}
    sql = f"SELECT c.points, t.minutes {JOIN} WHERE c.customer_id = '{pseudonym}' AND t.email = '{pseudonym}'"
    assert desk.ask(sql) == [(2, 20)]
