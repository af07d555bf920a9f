"""The generator of colliding names finds something: without a guard one of its first statements turns red."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from random import Random

import pytest

from sekisho.domain.terms import StoreKind
from sekisho.errors import SekishoError
from tests.query.scopes import made
from tests.query.unguarded import UNGUARDED, Guard
from tests.query.words import Scoped, Worlds, worlds

WITHIN = 3000
"""Among so many statements each guard is missed."""

_MEANT = "an answer|a refusal|the order of rows"


@pytest.fixture(scope="module")
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with worlds(request.param, tmp_path_factory.mktemp(request.param.value)) as made_here:
        yield made_here


@cache
def _statements(engine: StoreKind) -> list[Scoped]:
    return [made(Random(place), engine) for place in range(WITHIN)]


@cache
def _guarded(built: Worlds) -> list[str]:
    return [_planned(built, asked) for asked in _statements(built.world.engine)]


def _planned(built: Worlds, asked: Scoped) -> str:
    """Return what would be run, or why nothing; statements of which no guard changes this need not be asked."""
    _forget(built)
    try:
        return built.world.plan(re.sub(r"<p\d+>", "0" * 32, asked.sql)).sql
    except SekishoError as refusal:
        return f"{refusal.code} {refusal.detail}"
    except Exception as fault:  # noqa: BLE001 - the program was taken apart: anything may follow
        return type(fault).__name__


def _forget(built: Worlds) -> None:
    for each in (built.world, built.masked, built.keyed):
        each.gateway.statements._known.clear()


def first_found(built: Worlds, guard: Guard) -> int | None:
    """Return which statement is the first to show that *guard* is missing, from 0; ``None`` if none does."""
    guarded = _guarded(built)
    with guard():
        for place, asked in enumerate(_statements(built.world.engine)):
            if _planned(built, asked) == guarded[place]:
                continue
            _forget(built)
            try:
                built.told(asked)
            except AssertionError as found:
                assert re.match(_MEANT, str(found))  # noqa: PT017 - which of the oracles it was
                return place
            except Exception:  # noqa: BLE001 - the program was taken apart: anything may follow
                continue
    return None


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.parametrize(
    ("built", "name"),
    [
        pytest.param(engine, name, id=f"{engine.value}: {name}")
        for name, (engines, _) in UNGUARDED.items()
        for engine in engines
    ],
    indirect=["built"],
)
def test_a_missing_guard_is_found(built: Worlds, name: str) -> None:
    """Without the guard two worlds, or the reference, tell it apart within the stated number of statements."""
    found = first_found(built, UNGUARDED[name][1])
    _forget(built)
    assert found is not None
