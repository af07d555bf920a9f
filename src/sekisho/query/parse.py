"""Text to tree: exactly one read-only statement, made of nothing but what is on the allow-list.

sqlglot is a transpiler, not a validator: it parses ``WITH d AS (DELETE …) SELECT``, ``SELECT INTO`` and
``FOR UPDATE`` as a Select. So what it read is held against a list (``allowlist.py``); the text that
reaches a store is generated from the tree, never the requester's own.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from contextlib import suppress

from sqlglot import exp
from sqlglot.errors import SqlglotError

from sekisho.domain.terms import Dataset, StoreKind
from sekisho.errors import InvalidRequest, StatementRefused, UnknownDataset
from sekisho.query.allowlist import check, construct
from sekisho.query.desugar import write_out
from sekisho.query.dialects import DIALECTS, Dialect
from sekisho.query.names import fold

JOINS = StoreKind.DUCKDB
"""The engine that joins what lies in several stores."""

MAX_STATEMENT_CHARACTERS = 50_000
_WORD = re.compile(r"[^\W\d]\w*")
_SURROGATE = re.compile("[\ud800-\udfff]")


def shown_name(name: str) -> str:
    """Return an identifier of the requester as an error may show it; never a text that could be a value."""
    return f"'{name}'" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,63}", name) else "(a name outside the catalogue)"


def parse(
    sql: str, visible: dict[str, Dataset], kinds: dict[str, StoreKind], scanned: AbstractSet[str] = frozenset()
) -> tuple[exp.Query, Dialect]:
    """Read one statement in the dialect of the stores that it names; where no engine of theirs joins them, DuckDB's.

    Parameters
    ----------
    sql:
        The requester's text.
    visible:
        Datasets that the requester may see, by ``store.table``.
    kinds:
        Engine of each store.
    scanned:
        Stores whose statements DuckDB runs, whatever their engine.

    Returns
    -------
    The tree, holding allow-listed constructs only, and the dialect it was read in.

    Raises
    ------
    InvalidRequest
        When the text is empty or too long.
    StatementRefused
        When it is not one read-only statement of allow-listed constructs.
    UnknownDataset
        When it names a table that is neither a visible dataset nor a common table expression.
    """
    if not sql.strip():
        raise InvalidRequest("The statement is empty.")
    if len(sql) > MAX_STATEMENT_CHARACTERS:
        raise InvalidRequest(f"The statement is longer than {MAX_STATEMENT_CHARACTERS} characters.")
    if "\x00" in sql or _SURROGATE.search(sql):
        raise StatementRefused("The statement holds a NUL character or half a surrogate pair.")
    # No reading can name a store whose name is no word of the text. Where the words leave one engine alone, its
    # reading is the one, if there is one; what else there is to say of a text is found out by trying all.
    words = set(_WORD.findall(fold(sql)))
    likely = engine_of(words & kinds.keys(), kinds, scanned)
    with suppress(StatementRefused, UnknownDataset):
        if likely is not JOINS:
            tree, stores = _read(sql, DIALECTS[likely], visible)
            if engine_of(stores, kinds, scanned) is likely:
                return tree, DIALECTS[likely]
    faults: dict[StoreKind, StatementRefused] = {}
    engines = set(kinds.values()) | ({JOINS} if scanned or len(kinds) > 1 else set())
    for kind, dialect in DIALECTS.items():
        if kind not in engines:
            continue
        try:
            tree, stores = _read(sql, dialect, visible)
        except StatementRefused as fault:
            faults[kind] = fault
            continue
        if not stores:
            raise StatementRefused("The statement reads no dataset.")
        if engine_of(stores, kinds, scanned) is kind:
            return tree, dialect
    # The fault that helps is that of the engine whose stores the text names.
    stores = {d.store for d in visible.values() if re.search(rf'\b{re.escape(d.store)}"?\s*\.', sql, re.IGNORECASE)}
    wanted = engine_of(stores, kinds, scanned)
    if wanted is JOINS and wanted in faults and any(kinds[store] is not JOINS for store in stores):
        raise StatementRefused(f"{faults[wanted].detail} Over these stores, statements are DuckDB SQL.")
    for kind in (wanted, *faults):
        if kind in faults:
            raise faults[kind]
    raise StatementRefused("The statement cannot be read in the dialect of its stores.")


def engine_of(stores: AbstractSet[str], kinds: dict[str, StoreKind], scanned: AbstractSet[str]) -> StoreKind:
    """Return the engine that runs a statement over *stores*: their own where one reads them all, else DuckDB."""
    engines = {kinds[store] for store in stores}
    if len(engines) == 1 and not stores & scanned:
        (engine,) = engines
        if len(stores) == 1 or DIALECTS[engine].joins_stores:
            return engine
    return JOINS


def _read(sql: str, dialect: Dialect, visible: dict[str, Dataset]) -> tuple[exp.Query, set[str]]:
    """Return the tree of *sql* in *dialect*, and the stores that it names there."""
    tree = _parse_one(sql, dialect)
    check(tree, dialect)
    _fold_names(tree, dialect)
    return tree, {dataset.store for dataset in _datasets(tree, visible)}


def _parse_one(sql: str, dialect: Dialect) -> exp.Query:
    try:
        trees = dialect.parse(sql)
    except (SqlglotError, RecursionError):
        # The parser's own error quotes the statement.
        raise StatementRefused(f"The statement cannot be read as {dialect.title} SQL; check its syntax.") from None
    # A comment after the semicolon makes an empty node of its own.
    found = [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]
    if len(found) != 1:
        raise StatementRefused("Send exactly one statement.")
    tree = found[0]
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise StatementRefused(f"Only SELECT statements are read; found {construct(tree)}.")
    write_out(tree)
    dialect.settle(tree)
    return tree


def _fold_names(tree: exp.Query, dialect: Dialect) -> None:
    """Give every name the case in which the engine compares it; afterwards names are compared letter by letter."""
    for name in tree.find_all(exp.Identifier):
        if not (dialect.standard_names and name.args.get("quoted")):
            written = str(name.this)
            folded = fold(written)
            if folded != written:
                name.set("this", folded)


def _datasets(tree: exp.Query, visible: dict[str, Dataset]) -> list[Dataset]:
    """Return the datasets behind the tables of *tree*; CTE names are left to resolution."""
    named = list(tree.find_all(exp.CTE, exp.Table))
    names = {cte.alias for cte in named if isinstance(cte, exp.CTE)}
    found: list[Dataset] = []
    for table in named:
        if not isinstance(table, exp.Table):
            continue
        if not isinstance(table.this, exp.Identifier):
            raise StatementRefused(f"Tables are named, not computed; found {construct(table.this)}.")
        if not table.db and table.name in names:
            continue
        full = f"{table.db}.{table.name}" if table.db else table.name
        dataset = None if table.catalog else visible.get(full)
        if dataset is None:
            raise UnknownDataset(
                f"There is no dataset {shown_name(full)} for you; name datasets as store.table (GET /v1/datasets)."
            )
        found.append(dataset)
    return found
