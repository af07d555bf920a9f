"""The test run itself as a sink: what tests left on the terminal, in logs and in files is searched for people.

A test whose captured output has a value of somebody fails, whatever else it found. After the last test the files that
a workspace keeps beside its stores are searched, those of all processes of the run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

WORDS = re.compile(
    r"(?P<canary>kanari|金糸雀花鳥|canary-7f3a|内緒の山田)"
    r"|(?P<address>[a-z0-9._%+-]+@example\.(?:jp|com|net|org))"  # as the demonstration's people have them
    r"|(?P<number>\b0[789]0-\d{4}-\d{4}\b)"
    r"|(?P<token>\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{20,})"
)
"""Values of the worlds that tests share, and what looks like them."""

KEPT = re.compile(
    r"\.heads$|checkpoint|manifest\.(json|note)$|job\.json$|heads\.txt$|^audit\.\w+|^records\.ndjson$|\.log$|\.out$"
    r"|^progress$|^\d{3}$|consent\.seq$"
)
"""Files in which a gateway keeps its own records."""
_LARGEST = 1 << 20
_FAULTS = pytest.StashKey[dict[str, set[str]]]()


def kinds_in(text: str) -> set[str]:
    """Return what kinds of value stand in *text*, and how long they are: never the values."""
    return {f"{found.lastgroup} of {len(found.group())} characters" for found in WORDS.finditer(text)}


def kept_files(root: Path) -> Iterator[Path]:
    """Yield the files below *root* that may hold nothing of anybody."""
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name for name in folders if name not in {"stores", "outbox", ".git"} and not name.endswith("-current")
        ]
        yield from (Path(folder, name) for name in names if KEPT.search(name))


def faults_in(root: Path) -> dict[str, set[str]]:
    """Return what stands in files below *root* where it may not."""
    faults: dict[str, set[str]] = {}
    for path in kept_files(root):
        try:
            if path.stat().st_size > _LARGEST:
                continue
            found = kinds_in(path.read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
        if found:
            faults[str(path.relative_to(root))] = found
    return faults


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test in whose captured output a value stands; its last report has all of it."""
    report = yield
    if report.when == "teardown" and report.sections:
        found = {name: kinds for name, text in report.sections if (kinds := kinds_in(text))}
        if found:
            report.outcome, report.longrepr = "failed", f"{item.nodeid} left values of people: {found}"
            report.sections.clear()
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search what is left in the folders of all tests, once, in the process that began the run."""
    if hasattr(session.config, "workerinput"):
        return
    factory = getattr(session.config, "_tmp_path_factory", None)
    root = getattr(factory, "_basetemp", None)
    faults = {} if root is None else faults_in(root)
    if faults:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.stash[_FAULTS] = faults


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which files hold what they may not."""
    for place, kinds in config.stash.get(_FAULTS, {}).items():
        terminalreporter.write_line(f"FAILED {place} was left with values of people: {sorted(kinds)}", red=True)
