"""Statements whose names collide: whatever a name means to the engine, nothing masked or withheld shows.

``SEKISHO_FUZZ=3000`` asks so many of every engine (``make fuzz``); else a hundred or so.
"""

# ruff: noqa: T201 - the share is what this test tells

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from sekisho.domain.terms import StoreKind
from tests.query.ground import ENGINES
from tests.query.scopes import scoped
from tests.query.words import Scoped, Worlds, worlds

SEED = int(os.environ.get("SEKISHO_FUZZ_SEED", "20261123"))
EXAMPLES = int(os.environ.get("SEKISHO_FUZZ", "100"))
SHARE = 0.40
"""Of the statements at least so many are answered, or little is shown."""

CONSTRUCTS = {
    "USING": r"USING \(", "NATURAL": r"NATURAL", "WITH": r"WITH ", "recursion": r"RECURSIVE", "grouping": r"GROUP BY",
    "HAVING": r"HAVING", "stars": r"SELECT (\S+\.)?\* FROM", "set operations": r"UNION|INTERSECT|EXCEPT",
    "windows": r"OVER \(", "scalar subqueries": r"\(SELECT (max|min)", "EXISTS": r"EXISTS \(", "cuts": r"LIMIT",
    "made-up names": r"column1",
}  # fmt: skip
MORE = {"LATERAL": r"LATERAL", "VALUES": r"VALUES", "ROLLUP": r"ROLLUP"}


@pytest.fixture(scope="module", params=ENGINES, ids=lambda engine: engine.value)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    logger = logging.getLogger("sqlglot")
    logger.disabled = True  # it writes down what it cannot read, as the service never lets it
    with worlds(request.param, tmp_path_factory.mktemp(request.param.value)) as made:
        yield made
    logger.disabled = False


def ask(built: Worlds, examples: int, saw: Callable[[str, str | None], None], *phases: Phase) -> None:
    """Ask *examples* statements; what each came to goes to *saw*."""

    @seed(SEED)
    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=phases,
        print_blob=False,
    )  # fmt: skip
    @given(statement=scoped(built.world.engine))
    def one(statement: Scoped) -> None:
        saw(statement.sql, None)
        saw(statement.sql, built.told(statement)[0] or "answered")

    one()


@pytest.mark.slow
@pytest.mark.postgres
def test_no_name_means_what_is_masked(built: Worlds) -> None:
    """Worlds that differ in what the requester may not see give one answer, with the rows of masked tables."""
    told: Counter[str] = Counter()
    answered: Counter[str] = Counter()

    def saw(sql: str, what: str | None) -> None:
        told.update([what] if what else [])
        if what == "answered":
            answered.update(name for name, found in (CONSTRUCTS | MORE).items() if re.search(found, sql))

    ask(built, EXAMPLES, saw, Phase.generate, Phase.shrink)
    engine, total = built.world.engine, sum(told.values())
    print(f"\n{engine.value}: {told['answered'] / total:.1%} of {total} answered; {dict(told)}; {dict(answered)}")
    assert told["answered"] >= SHARE * total
    if total >= 1000:
        assert set(CONSTRUCTS if engine is StoreKind.SQLITE else CONSTRUCTS | MORE) <= set(answered)
