"""Faults, collected: whoever writes a workspace file learns of all of them in one run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sekisho.errors import WorkspaceError

_MOST = 100  # a file with more faults than this is another kind of file


class Faults:
    """The faults of one file, each with its line, what is wrong, and the remedy."""

    def __init__(self) -> None:
        self._found: set[tuple[int, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, line: int, wrong: str, remedy: str) -> None:
        """Note that on *line* (from 1) something is *wrong*, and what would put it right."""
        self._found.add((line, f"{wrong}; {remedy}"))

    def raise_if_any(self) -> None:
        """Raise one ``WorkspaceError`` with a line for each fault, in the order of the file."""
        if not self._found:
            return
        lines = [f"line {line}: {text}" for line, text in sorted(self._found)]
        if len(lines) > _MOST:
            lines = [*lines[:_MOST], f"and {len(lines) - _MOST} more; mend these first"]
        raise WorkspaceError("\n".join(lines))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown *word*: the likeliest of *known*, or all of them when they are few."""
    names = sorted(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    if not names:
        return "none is declared yet"
    if len(names) > 20:
        return f"choose one of the {len(names)} that are declared"
    return f"choose one of {', '.join(names)}"


def shown(word: object) -> str:
    """Return a word of the file for a message: short, on one line, whatever stands in it."""
    text = ascii(word)[1:-1] if isinstance(word, str) and not word.isprintable() else str(word)
    return f"`{text[:60]}…`" if len(text) > 60 else f"`{text}`"
