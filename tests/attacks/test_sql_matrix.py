"""The matrix of ``matrix.py`` at few rows: no cell leaks, and without the fence cells of every engine do.

``make matrix`` runs it at five million rows, where planners choose other plans.
"""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest
from tests.attacks.matrix import REMOVED, Crowd, allow_lists_lifted, crowd
from tests.attacks.matrix_cases import EXPRESSIONS

from sekisho.domain.terms import StoreKind

ROWS = {StoreKind.DUCKDB: 200_000, StoreKind.SQLITE: 4_000, StoreKind.POSTGRESQL: 2_000}

# Without the fence each of these runs on withheld rows already at few rows.
LEAKING = {StoreKind.DUCKDB: 15, StoreKind.SQLITE: 10, StoreKind.POSTGRESQL: 25}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(kind, marks=[pytest.mark.postgres, pytest.mark.enable_socket])
        if kind is StoreKind.POSTGRESQL
        else kind
        for kind in EXPRESSIONS
    ],
    ids=[kind.value for kind in EXPRESSIONS],
)
def built(request: pytest.FixtureRequest) -> Iterator[Crowd]:
    with crowd(request.param, ROWS[request.param]) as made, allow_lists_lifted():
        yield made


@pytest.mark.long
def test_no_expression_meets_a_withheld_row(built: Crowd) -> None:
    """Every shape of consent with every expression is answered, also those that no allow-list takes today."""
    seen = built.run(("WHERE",), EXPRESSIONS[built.kind])
    assert (seen.leaked, seen.odd) == ([], [])
    assert seen.answered


@pytest.mark.long
@pytest.mark.parametrize("guard", REMOVED)
def test_without_the_fence_they_do(built: Crowd, guard: str) -> None:
    """The matrix can fail: most expressions do meet withheld rows when nothing is fenced."""
    target, name, instead = REMOVED[guard]
    with mock.patch.object(target, name, instead):
        seen = built.run(("WHERE", "join"), EXPRESSIONS[built.kind])
    for gateway in built.gateways.values():
        gateway.statements._known.clear()
    assert len({expression for _, _, expression in seen.leaked}) >= LEAKING[built.kind]
