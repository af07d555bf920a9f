"""Rows of large answers come with their keys, and leave the store's adapter with person numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from sekisho.adapters.stores.postgresql import PostgresStore
from sekisho.domain.access import TransformKind
from sekisho.domain.governed import GovernedQuery, Output, Projection, Shape
from sekisho.domain.terms import Cell
from sekisho.errors import ConsentUnavailable, StatementRefused
from tests.adapters.stores.servers import Server, database
from tests.adapters.stores.worker import VISITS, Registry, Worker, plain, statement

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

HANDED = Projection("h_0123456789ab", "customer_id", (Cell("recommendation"),), Shape.HANDED)
WHOSE = statement(
    'SELECT "v"."c" AS "c", "v"."place" AS "place" FROM (SELECT "t"."customer_id"'
    ' AS "c", "t"."place" AS "place", "t"."customer_id" AS "__person" FROM "public"."visits" AS "t"'
    ' WHERE CASE WHEN "t"."customer_id" BETWEEN CAST($1 AS BIGINT) AND CAST($2 AS BIGINT)'
    ' THEN GET_BIT((SELECT CAST($3 AS BYTEA)), "t"."customer_id" - CAST($1 AS BIGINT)) = 1 ELSE FALSE END) AS "v"',
    (Output("c", None, TransformKind.PSEUDONYM), plain("place")),
    hidden=1,
    parameters=dict.fromkeys(HANDED.bits),
    projections=(HANDED,),
)
UNSHOWN = replace(
    WHOSE, sql=WHOSE.sql.replace('"v"."c" AS "c", "v"."place" AS "place"', '"v"."place" AS "place", "v"."__person"'),
    outputs=WHOSE.outputs[1:],
)  # fmt: skip
PEOPLE = [7, 3, 9, 1, 4]  # of the customers 100, 101 and so on
PAGES = [10_000, 65_536]  # of the one driver, and of the other


class Reversed(Registry):
    """Customers whose numbers are not in the order of their keys."""

    async def keys(self, identifier: str, ground: object = None) -> Any:
        """Return the keys from 100 on, in the order of the people."""
        held = await super().keys(identifier)
        return held if self.first else replace(held, values=[str(100 + place) for place in range(len(self.numbers))])


@pytest.fixture
def server() -> Iterator[Server]:
    """A database with many visits of five customers, and of nobody who is known."""
    with database() as made:
        made.run(
            "CREATE TABLE visits (customer_id bigint, place text);"
            "INSERT INTO visits SELECT 100 + i % 5, 'shop ' || i % 5 FROM generate_series(0, 29999) AS s(i);"
            "INSERT INTO visits VALUES (NULL, 'nobody'), (5000, 'unknown'), (99, 'b'), (-9223372036854775808, 'x');"
            "ANALYZE visits"
        )
        made.bootstrap([VISITS])
        yield made


@pytest.fixture
async def worker(server: Server) -> AsyncIterator[Worker]:
    """One worker."""
    made = Worker(
        PostgresStore(server.store(), {VISITS.name: VISITS}, connections=4, timeout=30), Reversed(PEOPLE, first=0)
    )
    yield made
    made.store.close()


async def rows(worker: Worker, view: Any, page_rows: int, asked: GovernedQuery = WHOSE) -> set[tuple[object, ...]]:
    """Return the distinct rows of an answer."""
    pages = await worker.batches(view, worker.trust(asked), page_rows)
    return {row for page in pages for row in zip(*(column.to_pylist() for column in page.columns), strict=True)}


@pytest.mark.parametrize("page_rows", PAGES)
async def test_keys_become_the_numbers_of_those_who_agree(worker: Worker, server: Server, page_rows: int) -> None:
    """Each row has the number of its person in every keyed column, and behind all; who does not agree has no row."""
    everybody = {(number, f"shop {place}", number) for place, number in enumerate(PEOPLE)}
    assert await rows(worker, worker.view(1, PEOPLE), page_rows) == everybody
    assert await rows(worker, worker.view(2, {9, 4}), page_rows) == {(9, "shop 2", 9), (4, "shop 4", 4)}
    assert await rows(worker, worker.view(3, ()), page_rows) == set()


@pytest.mark.parametrize("page_rows", PAGES)
async def test_a_key_that_is_not_shown_comes_as_the_hidden_column(worker: Worker, page_rows: int) -> None:
    """Where no column shows whose row it is, the statement carries the key, and the number stands behind the row."""
    everybody = {(f"shop {place}", number) for place, number in enumerate(PEOPLE)}
    assert await rows(worker, worker.view(1, PEOPLE), page_rows, UNSHOWN) == everybody
    assert await rows(worker, worker.view(2, {9}), page_rows, UNSHOWN) == {("shop 2", 9)}


async def test_a_statement_that_lacks_its_person_is_refused(worker: Worker) -> None:
    """An answer without the hidden column that it should carry releases nothing."""
    lacking = replace(UNSHOWN, sql=UNSHOWN.sql.replace(', "v"."__person"', "", 1))
    with pytest.raises(StatementRefused):
        await rows(worker, worker.view(1, PEOPLE), 65_536, lacking)


@pytest.mark.parametrize("page_rows", PAGES)
async def test_a_key_of_nobody_ends_the_answer(worker: Worker, page_rows: int) -> None:
    """A key that comes although nobody has it releases nothing: no key is ever taken for a number."""
    query = replace(WHOSE, sql=WHOSE.sql.replace("ELSE FALSE", "ELSE TRUE"))
    with pytest.raises(ConsentUnavailable, match="ask again"):
        await worker.batches(worker.view(1, PEOPLE), worker.trust(query), page_rows)


@pytest.mark.parametrize("page_rows", PAGES)
async def test_keys_that_cannot_be_found_are_not_shown(
    worker: Worker, page_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the numbers of keys nothing leaves."""

    async def none(*_: object) -> None:
        return None

    monkeypatch.setattr(worker.store._bits, "numbers", none)
    with pytest.raises(ConsentUnavailable):
        await worker.batches(worker.view(1, PEOPLE), worker.trust(WHOSE), page_rows)
