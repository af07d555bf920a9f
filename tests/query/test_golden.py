"""Statements and what becomes of them, as plain files: the first things to read in a review of the rewriter.

A file ``golden/<engine>.sql`` holds blocks of a comment, a statement, ``-->``, and the governed statement. After a
change that is meant, ``SEKISHO_GOLDEN=write pytest tests/query/test_golden.py`` writes them anew; read what changed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import sqlglot

from tests.query.planning import plan_of

FOLDER = Path(__file__).parent / "golden"
_BLOCK = re.compile(r"-- (?P<title>[^\n]+)\n(?P<sql>.+?)\n-->\n(?P<governed>.+?)\n(?:\n|\Z)", re.DOTALL)


def governed(engine: str, sql: str, title: str) -> str:
    """Return the governed statement, set in lines. A title that names a purpose in brackets asks for that."""
    purpose = re.search(r"\[(\w+)\]", title)
    text = plan_of(sql, purpose=purpose[1] if purpose else "recommendation").sql
    return sqlglot.parse_one(text, dialect=engine).sql(dialect=engine, pretty=True, identify=True)


def blocks(engine: str) -> list[tuple[str, str, str]]:
    """Return title, statement and expectation of each block of an engine's file."""
    text = (FOLDER / f"{engine}.sql").read_text(encoding="utf-8")
    return [(m["title"], m["sql"], m["governed"]) for m in _BLOCK.finditer(text)]


PAIRS = [(engine, *block) for engine in ("duckdb", "sqlite") for block in blocks(engine)]


@pytest.mark.parametrize(("engine", "title", "sql", "expected"), PAIRS, ids=[f"{e}: {t}" for e, t, _, _ in PAIRS])
def test_golden(engine: str, title: str, sql: str, expected: str) -> None:
    """The governed statement is, letter for letter, the one that was reviewed."""
    if os.environ.get("SEKISHO_GOLDEN") == "write":
        path = FOLDER / f"{engine}.sql"
        text = path.read_text(encoding="utf-8")
        path.write_text(
            text.replace(f"{sql}\n-->\n{expected}\n", f"{sql}\n-->\n{governed(engine, sql, title)}\n"),
            encoding="utf-8",
        )
    else:
        assert governed(engine, sql, title) == expected


def test_every_block_is_read() -> None:
    """No block is lost for a slip in its form."""
    for engine in ("duckdb", "sqlite"):
        text = (FOLDER / f"{engine}.sql").read_text(encoding="utf-8")
        assert len(blocks(engine)) == text.count("\n-->\n") >= 10
