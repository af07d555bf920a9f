"""Which policies read the time, and whether they say until when their answers hold: found in their text.

A decision is kept in memory until it says that it ends. A rule that reads the time and says nothing would be found
again long after it would have answered otherwise. So what may be kept depends on the policies: those that come with
the program are tested for it; of others nobody knows whether *every* answer that rests on the time names its end.
Text that could read the time in a way that is not understood here counts as reading it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Final

ENTRY: Final = "sekisho.access"
"""Package of the entry point, which gathers ``ends``."""


class Timing(StrEnum):
    """Which decisions of a set of policies may be kept."""

    KEPT = "kept"  # all, until the end that they say
    UNTIL = "until"  # those that say an end
    NEVER = "never"  # none: something reads the time, and its end reaches no answer


_HIDDEN: Final = re.compile(r'(\$?)("(?:[^"\\\n]|\\.)*"|`[^`]*`)|#[^\n]*')
_PACKAGE: Final = re.compile(r"^package\s+([\w.]+)", re.MULTILINE)
_ENDS: Final = re.compile(r"^(?:default\s+)?ends\b", re.MULTILINE)
_IMPORT: Final = re.compile(r"^import\s+data\.([\w.]+)[ \t]*$", re.MULTILINE)
_CLOCK: Final = re.compile(r"(?<![\w.])time\s*\.")
_INPUT: Final = re.compile(r'(?<![\w.])input\b(?!\s*(?:\.\s*(?!now\b)[A-Za-z_]|\[\s*""\s*\]))')
"""``input`` itself or its ``now``: everything but ``input.purpose``, or another name, spelled out."""
_GATHERED: Final = frozenset({"deny", "ends", "obligations", "row_filters"})
"""What others may read of a package that reads the time: its ``ends`` tell of these."""


def timing_of(modules: Collection[str], reviewed: frozenset[str]) -> Timing:
    """Return which decisions of policies with these texts may be kept; *reviewed* are those with the program."""
    named = {str(number): text for number, text in enumerate(modules)}
    reading = dict(reading_time(named))
    if not all(reading.values()):
        return Timing.NEVER
    return Timing.KEPT if all(named[name] in reviewed for name in reading) else Timing.UNTIL


def reading_time(modules: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """Yield which of *modules* (name to text) read the time, and whether the answer is told when that ends.

    It is told where the package has ``ends``, and the entry point imports the package and names its ``ends``.
    """
    codes = {name: _code(text) for name, text in modules.items()}
    packages = {name: _package(code) for name, code in codes.items()}
    entries = [code for name, code in codes.items() if packages[name] == ENTRY]
    ending = {packages[name] for name, code in codes.items() if _ENDS.search(code)}
    direct = {name for name, code in codes.items() if _INPUT.search(code) or _CLOCK.search(code)}
    timed = {packages[name] for name in direct}
    for name, code in codes.items():
        package = packages[name]
        if name in direct or any(_reaches_into(code, other) for other in timed - {package}):
            yield name, package in ending and any(_gathers(entry, package) for entry in entries)


def _gathers(entry: str, package: str) -> bool:
    short = package.rpartition(".")[2]
    return (
        package in _IMPORT.findall(entry) and re.search(rf"(?<![\w.]){re.escape(short)}\.ends\b", entry) is not None
    )


def _reaches_into(code: str, package: str) -> bool:
    """Return whether *code* reads more of *package* than what its ``ends`` tell of."""
    short = package.rpartition(".")[2]
    whole = re.escape(f"data.{package}")
    plain = re.escape(short) if package in _IMPORT.findall(code) else whole
    for found in re.finditer(rf"(?<![\w.])(?:{whole}|{plain})\b(?:\s*\.\s*(\w+))?", _IMPORT.sub("", code)):
        if found.group(1) not in _GATHERED:
            return True
    return False


def _package(code: str) -> str:
    found = _PACKAGE.search(code)
    return "" if found is None else found.group(1)


def _code(text: str) -> str:
    """Return *text* without comments and strings; ``"now"`` stays, and templates, in which expressions stand."""

    def shown(found: re.Match[str]) -> str:
        template, literal = found.group(1), found.group(2)
        if literal is None:
            return ""
        if template:
            return literal[1:-1]
        return '"now"' if _plain(literal) == "now" else '""'

    return _HIDDEN.sub(shown, text)


def _plain(literal: str) -> str:
    if literal.startswith("`"):
        return literal[1:-1]
    try:
        return str(json.loads(literal))
    except ValueError:
        return "now"  # not understood: it may be
