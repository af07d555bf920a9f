"""Statements and what becomes of them, as plain files: the first things to read in a review of the rewriter.

A file ``golden/<engine>/<name>.sql`` holds a comment, a statement, ``-->``, and the governed statement or refusal.
A comment that ends with a purpose in brackets asks for that. After a change that is meant,
``SEKISHO_GOLDEN=write pytest tests/query/test_golden.py`` writes them anew; read what changed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import sqlglot

from sekisho.domain.terms import Catalogue, StoreKind
from sekisho.errors import SekishoError
from sekisho.query.dialects import DIALECTS
from tests.query.planning import plan_of
from tests.query.shop import shop_catalogue
from tests.query.world import catalogue

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("*/*.sql"))
_FILE = re.compile(r"(?:-- [^\n]+\n)+(?P<sql>.+?)\n-->\n(?P<governed>.*)\Z", re.DOTALL)
AT_LEAST = {"duckdb": 16, "sqlite": 12, "postgresql": 40}


def governed(engine: str, sql: str, title: str) -> str:
    """Return the governed statement, set in lines, or the refusal."""
    purpose = re.search(r"\[(\w+)\]", title)
    declared: Catalogue = shop_catalogue() if engine == "postgresql" else catalogue(Path("/nowhere"))
    try:
        plan = plan_of(sql, purpose=purpose[1] if purpose else "recommendation", declared=declared)
    except SekishoError as refusal:
        return f"-- {refusal.code}: {refusal.detail}\n"
    dialect = DIALECTS[StoreKind(engine)].sqlglot
    return sqlglot.parse_one(plan.sql, dialect=dialect).sql(dialect=dialect, pretty=True, identify=True) + "\n"


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.stem}" for path in FILES])
def test_golden(path: Path) -> None:
    """The governed statement is, letter for letter, the one that was reviewed."""
    text = path.read_text(encoding="utf-8")
    found = _FILE.fullmatch(text)
    assert found is not None
    now = governed(path.parent.name, found["sql"], text.split("\n", 1)[0])
    if os.environ.get("SEKISHO_GOLDEN") == "write":
        path.write_text(text[: found.start("governed")] + now, encoding="utf-8")
    else:
        assert now == found["governed"]


def test_no_pair_is_lost() -> None:
    """Every engine has its pairs."""
    for engine, at_least in AT_LEAST.items():
        assert len(list((FOLDER / engine).glob("*.sql"))) >= at_least
