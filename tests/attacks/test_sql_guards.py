"""Each guard is needed: every recorded attack tells nothing as long as its guards stand, and leaks without them."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks import leaking
from tests.attacks import test_sql_store_guards as store_guards
from tests.attacks.leaking import Case
from tests.attacks.silent import SILENT
from tests.attacks.witness import Witness, embedded, in_postgres

CASES = leaking.read()
_MASK = "mask at the scan"
GROUPS = sorted({(case.engine, case.guards) for case in CASES})


@pytest.fixture(scope="module")
def witness(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    logger = logging.getLogger("sqlglot")
    logger.disabled = True  # it writes down what it cannot read, as the service never lets it
    with in_postgres() if request.param == "postgresql" else embedded(tmp_path_factory.mktemp("worlds")) as built:
        yield built
    logger.disabled = False


def _group(engine: str, guards: tuple[str, ...]) -> object:
    return pytest.param(
        "postgresql" if engine == "postgresql" else "embedded",
        (engine, guards),
        marks=[pytest.mark.long, *([pytest.mark.postgres] if engine == "postgresql" else [])],
        id=f"{engine}: {' + '.join(guards)}",
    )


@pytest.mark.parametrize(("witness", "group"), [_group(*group) for group in GROUPS], indirect=["witness"])
def test_attacks_leak_without_their_guards_alone(witness: Witness, group: tuple[str, tuple[str, ...]]) -> None:
    """With every guard in place nothing is told; without the named ones a value, a row, an order or a key is."""
    cases = [case for case in CASES if (case.engine, case.guards) == group]
    assert cases
    assert [case.sql for case in cases if not case.is_safe(witness)] == []
    assert [case.sql for case in cases if not case.leaks(witness)] == []


_OF_ONE_MASK = re.compile(r" \([a-z_]+\)$")


def counted() -> Counter[str]:
    """Return how many different cases there are for each set of guards.

    One construct counts once: on however many engines it was seen, and however the column is masked. What leaks only
    when the masks at the scan are gone, too, is not counted: without these everything leaks.
    """
    held = {
        (case.guards, _OF_ONE_MASK.sub("", case.construct))
        for case in CASES
        if case.guards == (_MASK,) or _MASK not in case.guards
    }
    second = {
        f"second oracle of {engine}": len(statements)
        for engine, statements in (
            ("DuckDB", store_guards.DUCKDB), ("SQLite", store_guards.SQLITE), ("PostgreSQL", store_guards.POSTGRES)
        )
    }  # fmt: skip
    return Counter(" + ".join(guards) for guards, _ in held) + Counter(second)


def test_there_are_more_than_three_hundred() -> None:
    """Each leaks when its guards are taken away: those of the record, and those that the stores' oracles stop."""
    assert counted().total() >= 300
    assert {case.engine for case in CASES} == set(leaking.ENGINES)


def test_chance_is_no_leak(tmp_path: Path) -> None:
    """An answer that differs from itself tells of nobody: a case of the record stands for something withheld."""
    with embedded(tmp_path) as witness:
        assert witness.peel("SELECT random() AS x FROM pos.order_lines").told.leak is None
        assert witness.peel("SELECT lower(query_text) AS x FROM web.events").told.leak


def test_guards_that_refuse_nothing_are_among_them() -> None:
    """What masks, filters, orders and hoists is seen to be needed, too."""
    alone = {case.guards[0] for case in CASES if len(case.guards) == 1}
    assert {
        "mask at the scan", "transform on the way out", "consent at the scan", "list of what may be hoisted",
        "order of tokens", "end of ties",
    } <= alone & SILENT.keys()  # fmt: skip


def test_a_case_is_recorded_once() -> None:
    """The record has no statement twice for one engine and set of guards."""
    times = Counter((case.engine, case.guards, case.construct) for case in CASES)
    assert max(times.values()) == 1


def test_the_record_is_of_this_program() -> None:
    """Every guard of the record is one that exists."""
    assert all(isinstance(case, Case) and case.guards[0] for case in CASES)
