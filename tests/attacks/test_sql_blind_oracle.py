"""A program that asks adaptively for six masked digits stays at chance, on every store; unguarded, it finds them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.attacks.blind import COLUMNS, DIGITS, NEVER, STRATEGIES, Oracle, masks_unguarded, rows_with_digits, victims
from tests.query.postgres import PostgresWorld, database
from tests.query.world import World

PLACES = victims(2)


@pytest.fixture(scope="module", params=["sqlite", "duckdb", pytest.param("postgresql", marks=pytest.mark.postgres)])
def oracle(request: pytest.FixtureRequest) -> Iterator[Oracle]:
    with ExitStack() as stack:
        if request.param == "postgresql":
            world: World = stack.enter_context(PostgresWorld(stack.enter_context(database()), rows_with_digits()))
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            world = stack.enter_context(World(Path(folder), rows_with_digits()))
        yield Oracle(world, request.param)


@pytest.mark.long
@pytest.mark.parametrize("column", COLUMNS)
def test_it_stays_at_chance(oracle: Oracle, column: str) -> None:
    """Over all strategies it finds nobody's number, and about one digit in ten, as by guessing."""
    found = [oracle.run(strategy, column, PLACES) for strategy in STRATEGIES]
    assert not any(each.whole for each in found)
    digits, of = sum(each.digits for each in found), sum(each.of for each in found)
    # 312 guesses at one in ten: 31 expected, standard deviation 5.3; the guesses are the same each time.
    assert digits < of / 10 + 4 * (of * 0.09) ** 0.5


@pytest.mark.long
@pytest.mark.parametrize("column", COLUMNS)
def test_without_the_masks_guards_it_finds_every_digit(oracle: Oracle, column: str) -> None:
    """Each strategy works, so that staying at chance says something."""
    statements = oracle.world.gateway.statements
    statements._known.clear()
    with masks_unguarded():
        found = {strategy: oracle.run(strategy, column, PLACES[:1]).digits for strategy in STRATEGIES}
    statements._known.clear()
    assert {strategy for strategy, digits in found.items() if digits < DIGITS} <= NEVER
