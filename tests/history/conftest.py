"""The worlds, built once."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.history.worlds import World, build_world

WANTED = int(os.environ.get("SEKISHO_TEST_MUTATIONS", "250"))
"""Changed histories of one run; ``make mutations`` makes 10,000."""


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory, newest: Callable[[str], str]) -> tuple[World, ...]:
    """Four logs: a short and a long one, one of another tenant, one that began anew under the same key."""
    folder, empty = tmp_path_factory.mktemp("worlds"), newest("sqlite")
    short = build_world(empty, folder, "short", 1, 6)
    return (
        short,
        build_world(empty, folder, "long", 2, 66),
        build_world(empty, folder, "tenant", 3, 6),
        build_world(empty, folder, "again", 4, 6, folder / "short" / "keys"),
    )


@pytest.fixture(scope="session")
def counted() -> Iterator[Counter[str]]:
    """How many changes of each kind were made and found."""
    found: Counter[str] = Counter()
    yield found
    if WANTED > 1_000 and found:
        lines = [f"{count:7,}  {name}\n" for name, count in found.items()]
        sys.stdout.write(f"\n{''.join(lines)}{found.total():7,}  histories verified\n")
