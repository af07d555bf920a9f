"""The section about free text."""

from __future__ import annotations

import pytest

from tests.settings.conftest import GOOD


def test_detect(workspace):
    """The operator's recognisers keep their lines; what is left out has a default."""
    text = (
        "detect:\n  recognizers:\n    - shop.staff:ids\n    - badges:made\n"
        "  processes: 3\n  memory_mb: 256\n  cache_mb: 8\n"
    )
    detect = workspace.load(GOOD + text).detect
    line = GOOD.count("\n") + 3

    assert detect.recognizers == (("shop.staff:ids", line), ("badges:made", line + 1))
    assert (detect.processes, detect.memory, detect.cache) == (3, 256 << 20, 8 << 20)
    assert (workspace.load().detect.recognizers, workspace.load().detect.processes) == ((), None)


@pytest.mark.parametrize(
    "target",
    ["shop.staff", "shop.staff:", ":ids", "shop staff:ids", "/srv/staff.py:ids", "os:system('x')", "1a:b", "a:b.c"],
)
def test_a_recogniser_is_named_by_module_and_factory(workspace, target):
    """What names no factory in a module is told with its own line."""
    found = workspace.faults(GOOD + f'detect:\n  recognizers:\n    - fine:made\n    - "{target}"\n')

    assert len(found) == 1
    assert found[0].startswith(f"line {GOOD.count(chr(10)) + 4}: ")
    assert "package.module:factory" in found[0]


@pytest.mark.parametrize("line", ["processes: 0", "processes: many", "memory_mb: 1", "cache_mb: -1", "threads: 1"])
def test_numbers_of_detect(workspace, line):
    """What is no number in its bounds, or no key, is a fault."""
    assert len(workspace.faults(GOOD + f"detect: {{{line}}}\n")) == 1
