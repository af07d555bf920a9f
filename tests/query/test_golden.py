"""Statements and what becomes of them, as plain files: the first things to read in a review of the rewriter.

The folder ``joined`` holds statements over several stores: under each stand the scans, in the words of their stores.
A file ``golden/<engine>/<name>.sql`` holds a comment, a statement, ``-->``, and the governed statement or refusal.
A comment with a purpose in brackets asks for that; one with ``{copies}`` or ``{bits}`` has the store offer them; one
that says "with masks" reads columns that declare them.
After a change that is meant, ``SEKISHO_GOLDEN=write pytest tests/query/test_golden.py`` writes them anew; read what
changed.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
import sqlglot

from sekisho.domain.terms import Catalogue, Store, StoreKind
from sekisho.errors import SekishoError
from sekisho.query.dialects import DIALECTS
from sekisho.query.plan import Plan
from tests.query.masked import masked_catalogue, masked_shop
from tests.query.planning import plan_of
from tests.query.shop import SHOP, shop_catalogue
from tests.query.world import catalogue

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("*/*.sql"))
_FILE = re.compile(r"(?:-- [^\n]+\n)+(?P<sql>.+?)\n-->\n(?P<governed>.*)\Z", re.DOTALL)
AT_LEAST = {"duckdb": 18, "sqlite": 12, "postgresql": 45, "joined": 12}


def governed(engine: str, sql: str, title: str) -> str:
    """Return the governed statement, set in lines, with the scans that it reads; or the refusal."""
    purpose, shape = re.search(r"\[(\w+)\]", title), re.search(r"\{(\w+)\}", title)
    catalogues = {"postgresql": shop_catalogue, "joined": all_stores}
    if "with masks" in title:
        catalogues = {"postgresql": masked_shop, "duckdb": masked_files, "sqlite": masked_files}
    declared = catalogues.get(engine, lambda: catalogue(Path("/nowhere")))()
    try:
        asked = purpose[1] if purpose else "recommendation"
        plan = plan_of(sql, purpose=asked, declared=declared, shape=shape[1] if shape else "")
    except SekishoError as refusal:
        return f"-- {refusal.code}: {refusal.detail}\n"
    said = _lines(plan)
    for scan in plan.scans:
        said += f"-- {scan.table}: {scan.plan.stores[0]}, {scan.plan.engine}\n{_lines(scan.plan)}"
    return said


def _lines(plan: Plan) -> str:
    dialect = DIALECTS[plan.engine].sqlglot
    return sqlglot.parse_one(plan.sql, dialect=dialect).sql(dialect=dialect, pretty=True, identify=True) + "\n"


def masked_files() -> Catalogue:
    """Return the catalogue of files and of SQLite whose columns declare masks."""
    return masked_catalogue(Path("/nowhere"))


def all_stores() -> Catalogue:
    """Return the catalogue of the files and of SQLite, with PostgreSQL as ``shop``, and read-only as ``desk``."""
    files = catalogue(Path("/nowhere"))
    desk = {
        name.replace("shop.", "desk."): replace(dataset, name=name.replace("shop.", "desk."), store="desk")
        for name, dataset in SHOP.items()
    }
    servers = {name: Store(name, StoreKind.POSTGRESQL, "", writes=name == "shop") for name in ("shop", "desk")}
    return replace(files, stores={**files.stores, **servers}, datasets={**files.datasets, **SHOP, **desk})


def statement_of(path: Path) -> str:
    """Return the statement of a file."""
    found = _FILE.fullmatch(path.read_text(encoding="utf-8"))
    assert found is not None
    return found["sql"]


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
