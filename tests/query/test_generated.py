"""Statements that nobody thought of: each is refused, or answered as over tables filtered and masked first.

``SEKISHO_FUZZ=20000`` asks so many of every engine (``make fuzz``); else a few hundred.
"""

# ruff: noqa: T201 - the share is what this test tells

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from sekisho.domain.terms import StoreKind
from tests.query.grammar import statements
from tests.query.ground import ENGINES, ground
from tests.query.reference import Judge
from tests.query.rows import ROWS, same_size_twins, twin_rows
from tests.query.shop import SHOP, shop_rows

SEED = 20261122
EXAMPLES = int(os.environ.get("SEKISHO_FUZZ", "300"))
SHARE = 0.70
"""Of the statements of the grammar, at least so many are answered."""

CONSTRUCTS = {
    "joins": r" JOIN ", "outer joins": r"LEFT|RIGHT|FULL", "USING": r"USING", "WITH": r"WITH (w1|customers|events)",
    "recursion": r"RECURSIVE", "correlated": r"EXISTS \(SELECT 1", "set operations": r"UNION|INTERSECT|EXCEPT",
    "windows": r"OVER", "grouping": r"GROUP BY", "DISTINCT": r"SELECT DISTINCT", "LIMIT": r"LIMIT",
    "stars": r"\.\* FROM",
    "quoted names": r'"', "tokens": r"'<", "FILTER": r"FILTER",
}  # fmt: skip
MORE = {"grouping sets": r"ROLLUP|CUBE|GROUPING SETS", "lateral": r"LATERAL", "DISTINCT ON": r"DISTINCT ON"}


PLACES = {engine.value: (engine, False) for engine in ENGINES} | {"small": (StoreKind.POSTGRESQL, True)}
"""Engines, and whether their tables are believed to have few rows."""


@pytest.fixture(scope="module", params=PLACES)
def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[StoreKind, Judge]]:
    engine, small = PLACES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    twins = shop_rows(same_size_twins() if small else twin_rows())
    with ground(engine, SHOP, shop_rows(ROWS), folder, twins, small=small) as judge:
        yield engine, replace(judge, fails_alike=True)


@pytest.mark.slow
@pytest.mark.postgres
def test_generated_statements_show_nothing_but_the_masks(stores: tuple[StoreKind, Judge]) -> None:
    """Same rows as the reference or a refusal, never more; the twin world shows no difference; most are answered."""
    engine, judge = stores
    seen: Counter[str] = Counter()
    answered: Counter[str] = Counter()

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink), print_blob=False,
    )  # fmt: skip
    @given(sql=statements(engine))
    def ask(sql: str) -> None:
        refused = judge.refusal(sql, exact=False)
        seen[refused or "answered"] += 1
        if refused is None:
            answered.update(name for name, found in (CONSTRUCTS | MORE).items() if re.search(found, sql))

    ask()
    total = sum(seen.values())
    print(f"\n{engine.value}: {seen['answered'] / total:.1%} of {total} answered; {dict(seen)}; {dict(answered)}")
    assert seen["answered"] >= SHARE * total
    assert seen["masked_column_use"] > 0
    expected = CONSTRUCTS if engine is StoreKind.SQLITE else CONSTRUCTS | MORE
    assert set(expected) <= set(answered)
