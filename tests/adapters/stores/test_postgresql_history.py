"""Yes and no through the gateway, its data in PostgreSQL: every answer is of the moment it was asked for."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sekisho.adapters.stores.postgresql import PostgresStore, people
from sekisho.errors import ConsentUnavailable
from sekisho.gateway import Gateway
from sekisho.ports import PeopleKeys
from sekisho.query.statements import Statements
from sekisho.release import Ask
from tests.adapters.stores.servers import Server, database
from tests.query.doubles import FakePeople
from tests.query.world import DATASETS, PEOPLE, REQUESTERS, World, number_of

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

CELL = "recommendation"
MINUTES = "SELECT minutes FROM crm.tickets"
COUNTED = {
    "bits": "SELECT count(*) AS n, sum(minutes) AS m FROM crm.tickets",
    "bits, fenced": "SELECT count(*) AS n, sum(abs(minutes)) AS m FROM crm.tickets WHERE abs(minutes) >= 0",
    "bits, keys inside": "SELECT count(customer_id) AS n, sum(minutes) AS m FROM crm.tickets",
    "keys": "SELECT count(customer_id) AS n, sum(minutes) AS m FROM crm.tickets",
    "keys, fenced": "SELECT count(customer_id) AS n, sum(abs(minutes)) AS m FROM crm.tickets WHERE abs(minutes) >= 0",
}


@dataclass
class House:
    """Two workers in front of one database, and the truth about it."""

    world: World
    server: Server
    workers: list[Gateway]

    def run(self, awaited: Any) -> Any:
        """Run on the world's event loop."""
        return self.world._runner.run(awaited)

    def gateway(self, worker: int, shape: str = "bits") -> Gateway:
        """Return a worker's gateway; for other shapes than bits, one that is offered none."""
        offered = self.workers[worker]
        return offered if shape.startswith("bits") else replace(offered, key_bits=())

    def rows(self, worker: int, sql: str, shape: str = "bits", **options: Any) -> list[tuple[object, ...]]:
        """Return the rows of an answer."""
        gateway = self.gateway(worker, shape)

        async def read() -> list[tuple[object, ...]]:
            release = await gateway.query(REQUESTERS["recommender"], Ask(CELL, sql, ()), **options)
            return [
                row async for page in release.pages() for row in zip(*page.batch.to_pydict().values(), strict=True)
            ]

        found: list[tuple[object, ...]] = self.run(read())
        return found

    def truth(self) -> list[int]:
        """Return the minutes of all tickets of those who agree."""
        agree = self.world.consents.members[CELL]
        rows = self.world.rows["crm.tickets"]
        return [row["minutes"] for row in rows if row["place"] is not None and number_of(row["place"]) in agree]


class Registered(FakePeople):
    """A registry that nobody joins: its identifiers stay one object."""

    held: PeopleKeys | None = None

    async def keys(self, identifier: str, ground: object = None) -> PeopleKeys:
        """Return all of them."""
        self.held = self.held or await super().keys(identifier)
        return self.held


async def _settled(store: PostgresStore) -> None:
    while tasks := list(store._settling):
        await asyncio.wait(tasks)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The retailer's tickets in PostgreSQL."""
    crm = [dataset for dataset in DATASETS.values() if dataset.store == "crm"]
    with World(tmp_path) as world, database() as server:
        for dataset in crm:
            server.load(dataset, world.rows[dataset.name])
        server.bootstrap(crm)
        declared = replace(world.catalogue, stores={**world.catalogue.stores, "crm": server.store()})
        stores = [PostgresStore(server.store(), DATASETS, timeout=20) for _ in range(2)]
        made = House(
            world,
            server,
            [
                replace(
                    world.gateway,
                    catalogue=declared,
                    people=Registered(world.people.known),
                    stores={**world.gateway.stores, "crm": each},
                    key_bits=(each,),
                )
                for each in stores
            ],
        )
        yield made
        for each in stores:
            made.run(_settled(each))
            each.close()


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_is_of_the_moment_it_was_asked_for(
    house: House, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever shape, worker and order of yes and no: an answer holds the rows of those who agree, all and alone."""
    monkeypatch.setattr(people, "OVERLAY", 4)
    monkeypatch.setattr(people, "SOON", 2)
    dice, ledger = random.Random(seed), house.world.consents
    everybody = [number_of(place) for place in range(PEOPLE)]
    for _ in range(40):
        for number in dice.sample(everybody, dice.choice((0, 1, 1, 2, 8))):
            act = ledger.withdraw if dice.random() < 0.7 else ledger.give
            act(CELL, number)
        truth = house.truth()
        shape = dice.choice([*COUNTED, "rows"])
        worker = dice.randrange(2)
        if shape == "rows":
            found = house.rows(worker, MINUTES, page_rows=dice.choice((3, 10_000)))
            assert Counter(row[0] for row in found) == Counter(truth)
        else:
            assert house.rows(worker, COUNTED[shape], shape) == [(len(truth), sum(truth) if truth else None)], shape
    plans = {shape: house.run(_explained(house.gateway(0, shape), sql)) for shape, sql in COUNTED.items()}
    for shape, sql in plans.items():
        assert ("GET_BIT" in sql) is shape.startswith("bits")
        assert ("OFFSET" in sql) is shape.endswith("fenced")


async def _explained(gateway: Gateway, sql: str) -> str:
    return str((await gateway.explain(REQUESTERS["recommender"], Ask(CELL, sql, ())))["sql"])


def test_who_withdraws_while_an_answer_is_read_is_in_no_later_page(house: House) -> None:
    """The snapshot is older than the withdrawal, and the recheck of each page is not."""
    house.rows(0, MINUTES)

    async def read() -> tuple[int, int]:
        release = await house.workers[0].query(REQUESTERS["recommender"], Ask(CELL, MINUTES, ()), page_rows=3)
        pages = release.pages()
        first = (await anext(pages)).batch.num_rows
        for place in range(PEOPLE):
            house.world.consents.withdraw(CELL, number_of(place))
        return first, sum([page.batch.num_rows async for page in pages])

    first, rest = house.run(read())
    assert first == 3
    assert rest <= 3  # one page may have been on its way


@pytest.mark.parametrize("shape", COUNTED)
def test_who_withdraws_under_an_aggregate_is_not_in_it(
    house: House, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An aggregate over which consent changed is computed once more, and no more often."""
    ledger = house.world.consents
    fetch = PostgresStore.fetch
    times = []

    def meddled(store: PostgresStore, *given: Any, **named: Any) -> Any:
        async def pages() -> Any:
            async for batch in fetch(store, *given, **named):
                times.append(1)
                if len(times) <= most:
                    ledger.withdraw(CELL, max(ledger.members[CELL]))
                yield batch

        return pages()

    monkeypatch.setattr(PostgresStore, "fetch", meddled)
    most = 1
    (row,) = house.rows(0, COUNTED[shape], shape)
    truth = house.truth()
    assert row == (len(truth), sum(truth))
    assert len(times) == 2
    most = 100
    with pytest.raises(ConsentUnavailable):
        house.rows(1, COUNTED[shape], shape)


def test_the_same_statement_serves_both_shapes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """When keys spread too far for bits, the next plan joins the people table, and answers the same."""
    sql = COUNTED["bits"]
    before = house.rows(0, sql)

    async def none(*_: object, **__: object) -> frozenset[str]:
        return frozenset()

    monkeypatch.setattr(PostgresStore, "by_bits", none)
    assert house.rows(0, sql) == before
    assert "GET_BIT" not in house.run(_explained(house.workers[0], sql))
    assert isinstance(house.workers[0].statements, Statements)
