"""In which dialect a text is read, and that sqlglot's compiled modules read and write as its own do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from sqlglot import exp
from sqlglot.tokens import SQLGLOTC_INSTALLED

from sekisho.domain.terms import StoreKind
from sekisho.errors import SekishoError, StatementRefused
from sekisho.query import parse
from sekisho.query.dialects import Dialect
from tests.query.planning import plan_of
from tests.query.test_golden import FILES, all_stores, statement_of

ALL = all_stores()
_OTHERS = (
    'SELECT points FROM "shop"."customers"',
    'SELECT points FROM shop."Customers"',
    "SELECT points FROM shop /* where */ . customers",
    "SELECT points FROM shop /* where */ . customers WHERE",
    "SELECT points FROM [crm].[customers]",
    "SELECT points FROM `crm`.customers",
    "SELECT points AS pos FROM shop.customers",
    "SELECT points FROM shop.customers AS crm",
    "SELECT points FROM shop.customers WHERE member_rank = 'crm'",
    "SELECT points FROM crm.customers -- not shop.customers",
    "SELECT points FROM SHOP.customers WHERE points > ? LIMIT ?",
    "SELECT ?::int AS n, points FROM shop.customers WHERE points = ?::int",
    "SELECT points FROM shop.nothing",
    'SELECT points FROM shop."Nothing"',
    "SELECT points FROM nothing.customers",
    "SELECT nothing FROM shop.customers",
    "SELECT points FROM shop.customers JOIN crm.nothing USING (customer_id)",
    "SELECT points FROM shop.customers TABLESAMPLE SYSTEM (10)",
    "SELECT COLUMNS(*) FROM shop.customers",
    "SELECT pg_sleep(1) FROM shop.customers",
    "SELECT points FROM shop.customers WHERE",
    "SELECT points FROM shop.customers; SELECT points FROM shop.customers",
    "DELETE FROM shop.customers",
    "SELECT 'shop.customers'",
    "SELECT 1",
    "SELECT points FROM crm.customers, desk.customers",
    "SELECT points FROM desk.customers",
    "SELECT points FROM pos.customers",
    "SELECT quantity FROM pos.order_lines WHERE stock_code GLOB 'a*'",
    "SELECT points FROM crm.customers WHERE points BETWEEN SYMMETRIC 1 AND 2",
)


def _answer(sql: str) -> object:
    """Return the plan of *sql* over the stores of all engines, or its refusal."""
    try:
        return plan_of(sql, declared=ALL)
    except SekishoError as refusal:
        return type(refusal), refusal.detail


@pytest.mark.parametrize("sql", [*(statement_of(path) for path in FILES), *_OTHERS])
def test_what_is_tried_first_decides_nothing(sql: str) -> None:
    """A text has the answer, or the refusal, that it would have if every dialect were tried in turn."""
    with mock.patch.object(parse, "_WORD", mock.Mock(findall=lambda _text: [])):
        in_turn = _answer(sql)
    assert _answer(sql) == in_turn


@pytest.mark.parametrize(
    ("sql", "tried"),
    [
        ("SELECT points FROM shop.customers", [StoreKind.POSTGRESQL]),
        ("SELECT points FROM crm.customers", [StoreKind.SQLITE]),
        ("SELECT quantity FROM pos.order_lines", [StoreKind.DUCKDB]),
        ("SELECT 1 FROM shop.customers JOIN pos.order_lines USING (customer_id)", [StoreKind.DUCKDB]),
    ],
)
def test_a_text_is_read_in_one_dialect(sql: str, tried: list[StoreKind]) -> None:
    """A text that can be read in the dialect of the stores it names is read in no other."""
    read = Dialect.parse
    with mock.patch.object(Dialect, "parse", autospec=True, side_effect=read) as parsed:
        plan_of(sql, declared=ALL)
    assert [call.args[0].kind for call in parsed.call_args_list] == tried


@pytest.mark.parametrize("store", ["pos", "crm", "shop"])
def test_marks_are_numbered_as_they_stand_in_the_text(store: str) -> None:
    """Each ``?`` takes its value by its place in the text, wherever the tree holds it; a cast stays with it."""
    names = {name: dataset.store for name, dataset in ALL.datasets.items()}
    table = next(name for name, of in names.items() if of == store)
    kinds = {each.name: each.kind for each in ALL.stores.values()}
    sql = f"SELECT 1 + ?, CAST(? AS INT), ?::INT FROM {table} WHERE 1 BETWEEN ? AND ? GROUP BY 1 HAVING 1 = ? LIMIT ?"
    tree, _ = parse.parse(sql, dict(ALL.datasets), kinds)
    first, second, third = tree.expressions
    where, limit = tree.args["where"].this, tree.args["limit"].expression
    assert isinstance(third, exp.Cast)
    nodes = [first.expression, second.this, third.this, where.args["low"], where.args["high"]]
    assert [node.name for node in (*nodes, tree.args["having"].this.expression, limit)] == [f"p{n}" for n in range(7)]


def test_joins_with_conditions_are_not_counted() -> None:
    """What makes a parser try again is refused; many joins with a condition each, and calls in a row, are not."""
    joins = "".join(f" JOIN shop.customers c{n} ON c{n}.customer_id = c{n - 1}.customer_id" for n in range(1, 30))
    assert plan_of(f"SELECT 1 FROM shop.customers c0{joins}", declared=ALL)
    days = ", ".join(f"date(date(signed_up_on)) AS d{n}" for n in range(20))
    assert plan_of(f"SELECT {days} FROM shop.customers", declared=ALL)
    with pytest.raises(StatementRefused, match="too deeply nested"):
        plan_of("SELECT 1 FROM shop.customers" + " NATURAL JOIN shop.tickets" * 11, declared=ALL)


_PURE = """
import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, PathFinder, SourceFileLoader

class Sources(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] != "sqlglot" or path is None:
            return None
        finders = (FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)) for folder in path)
        return next(filter(None, (finder.find_spec(name) for finder in finders)), None)

sys.meta_path.insert(0, Sources)
from sqlglot import exp
from sqlglot.tokens import SQLGLOTC_INSTALLED
assert not SQLGLOTC_INSTALLED
from tests.query.test_golden import FILES, test_golden
for path in FILES:
    test_golden(path)
print(len(FILES))
"""


@pytest.mark.skipif(not SQLGLOTC_INSTALLED, reason="sqlglot's compiled modules are not installed here")
def test_compiled_or_not_the_text_is_the_same() -> None:
    """Where sqlglot has no compiled modules, every reviewed statement is governed in the same words."""
    ran = subprocess.run(
        [sys.executable, "-c", _PURE], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert (ran.stdout.strip(), ran.stderr) == (str(len(FILES)), "")
