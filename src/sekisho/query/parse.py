"""Text to tree: exactly one read-only statement, made of nothing but what is on the allow-list.

sqlglot is a transpiler, not a validator: it parses ``WITH d AS (DELETE …) SELECT``, ``SELECT INTO`` and
``FOR UPDATE`` as a Select. So every node type, every argument of a structural node and every function
must be listed here. What is not listed is refused with the name of the construct; the text that
reaches a store is generated from the tree, never the requester's own.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sekisho.domain.terms import Dataset, StoreKind
from sekisho.errors import InvalidRequest, StatementRefused, UnknownDataset
from sekisho.query.desugar import write_out
from sekisho.query.dialects import DIALECTS, Dialect

JOINS = StoreKind.DUCKDB
"""The engine that joins what lies in several stores."""

MAX_STATEMENT_CHARACTERS = 50_000
MAX_NODES = 5_000
MAX_DEPTH = 80
_NAME = re.compile(r"[^\W\d]\w{0,127}")
# What tools write between quotes: "SUM(quantity)", "sum:quantity:ok", "% of total". Never a quote, a backslash or a
# character that opens a formula in a spreadsheet.
_LABEL = re.compile(r"[\w$%#(][\w $%&()*+,./:<=>?@\[\]{|}~#!^-]{0,127}")
_LABELS_OF_TOOLS = frozenset({"__timestamp"})  # Superset's time column
_PARAMETER = re.compile(r"p\d{1,4}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONSTRUCT = re.compile(r"(?<!^)(?=[A-Z])")

# Structural nodes and the arguments that they may carry; anything else set on them is refused.
_STRUCTURE: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(
        [
            "with_",
            "expressions",
            "from_",
            "joins",
            "where",
            "group",
            "having",
            "qualify",
            "order",
            "limit",
            "offset",
            "distinct",
        ]
    ),
    exp.Union: frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset"}),
    exp.Intersect: frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset"}),
    exp.Except: frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset"}),
    exp.Subquery: frozenset({"this", "alias"}),
    exp.With: frozenset({"expressions", "recursive"}),
    exp.CTE: frozenset({"this", "alias"}),
    exp.Lateral: frozenset({"this", "alias"}),
    exp.TableAlias: frozenset({"this", "columns"}),
    exp.From: frozenset({"this"}),
    exp.Table: frozenset({"this", "db", "catalog", "alias"}),  # a catalogue part is answered as unknown dataset
    exp.Values: frozenset({"expressions", "alias"}),
    exp.Tuple: frozenset({"expressions"}),
    exp.Join: frozenset({"this", "side", "kind", "on", "using", "method"}),
    exp.Where: frozenset({"this"}),
    exp.Group: frozenset({"expressions"}),
    exp.Rollup: frozenset({"expressions"}),
    exp.Cube: frozenset({"expressions"}),
    exp.GroupingSets: frozenset({"expressions"}),
    exp.Having: frozenset({"this"}),
    exp.Qualify: frozenset({"this"}),
    exp.Order: frozenset({"this", "expressions"}),
    exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
    exp.Limit: frozenset({"expression"}),
    exp.Offset: frozenset({"expression"}),
    exp.Distinct: frozenset({"expressions", "on"}),
    exp.Alias: frozenset({"this", "alias"}),
    exp.Column: frozenset({"this", "table", "db"}),
    exp.Identifier: frozenset({"this", "quoted"}),
    exp.Star: frozenset(),
    exp.Window: frozenset({"this", "partition_by", "order", "spec", "over"}),
    exp.WindowSpec: frozenset({"kind", "start", "start_side", "end", "end_side"}),
    exp.Filter: frozenset({"this", "expression"}),
    exp.In: frozenset({"this", "expressions", "query"}),
    exp.Exists: frozenset({"this"}),
    exp.All: frozenset({"this"}),
    exp.Any: frozenset({"this"}),
    exp.DataTypeParam: frozenset({"this"}),
    exp.Cast: frozenset({"this", "to"}),
    exp.TryCast: frozenset({"this", "to", "safe"}),
    exp.Interval: frozenset({"this", "unit"}),
    exp.Placeholder: frozenset({"this"}),
}
_SCALARS: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Case, exp.If, exp.DataType, exp.Var,
        exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
        exp.NullSafeEQ, exp.NullSafeNEQ, exp.Between, exp.Like, exp.ILike, exp.Escape,
        exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.DPipe,
    }
)  # fmt: skip
_TYPES = frozenset(
    [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INT",
        "BIGINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
        "TEXT",
        "VARCHAR",
        "CHAR",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMPNTZ",  # what sqlglot makes of TIMESTAMP
        "TIMESTAMPTZ",
        "TIME",
        "INTERVAL",
    ]
)
_SYMBOLS: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.DPipe: "||",
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "//", exp.Mod: "%", exp.Neg: "-",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM", exp.NullSafeNEQ: "IS DISTINCT FROM",
}  # fmt: skip
_HOLDERS = exp.Subquery | exp.CTE | exp.SetOperation | exp.Exists | exp.In | exp.All | exp.Any
_JOIN_KINDS = frozenset({"", "INNER", "CROSS", "OUTER"})
_JOIN_SIDES = frozenset({"", "LEFT", "RIGHT", "FULL"})


def fold(name: str) -> str:
    """Return *name* in lower case, ASCII letters alone: no other script folds into a catalogue name."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)


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
    faults: dict[StoreKind, StatementRefused] = {}
    engines = set(kinds.values()) | ({JOINS} if scanned or len(kinds) > 1 else set())
    for kind, dialect in DIALECTS.items():
        if kind not in engines:
            continue
        try:
            tree = _parse_one(sql, dialect)
            _check(tree, dialect)
            _fold_names(tree, dialect)
            stores = {dataset.store for dataset in _datasets(tree, visible)}
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


def _parse_one(sql: str, dialect: Dialect) -> exp.Query:
    try:
        trees = sqlglot.parse(_numbered(sql, dialect), dialect=dialect.sqlglot)
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
            name.set("this", fold(str(name.this)))


def _numbered(sql: str, dialect: Dialect) -> str:
    """Return the text with each ``?`` replaced by a named parameter: the tree does not keep their order."""
    marks = [
        token.start
        for token in sqlglot.Dialect.get_or_raise(dialect.sqlglot).tokenize(sql)
        if token.token_type.name in {"PLACEHOLDER", "QDCOLON"}  # the second is a mark and its cast: ``?::``
    ]
    for number, start in reversed(list(enumerate(marks))):
        sql = f"{sql[:start]}{dialect.parameter_sign}p{number}{sql[start + 1 :]}"
    return sql


def construct(node: exp.Expr) -> str:
    """Return the name of a node as an error shows it (``TABLE SAMPLE``), never its content."""
    if isinstance(node, exp.Anonymous):
        name = node.this if isinstance(node.this, str) else ""
        return f"function {fold(name)}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) else "a function"
    if isinstance(node, exp.Func) and not isinstance(node, exp.Connector | exp.Cast | exp.Case):
        return f"function {fold(node.sql_name())}"
    return _SYMBOLS.get(type(node)) or _CONSTRUCT.sub(" ", type(node).__name__).upper()


def _datasets(tree: exp.Query, visible: dict[str, Dataset]) -> list[Dataset]:
    """Return the datasets behind the tables of *tree*; CTE names are left to resolution."""
    names = {cte.alias for cte in tree.find_all(exp.CTE)}
    found: list[Dataset] = []
    for table in tree.find_all(exp.Table):
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


def _check(tree: exp.Query, dialect: Dialect) -> None:
    """Refuse every node, argument, type, function and name that is not on the allow-list."""
    count = 0
    stack: list[tuple[exp.Expr, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise StatementRefused("The statement is too large or too deeply nested.")
        _check_node(node, dialect)
        stack.extend((child, depth + 1) for child in node.iter_expressions())


def _check_node(node: exp.Expr, dialect: Dialect) -> None:
    kind = type(node)
    if kind in dialect.refused:
        raise StatementRefused(f"{construct(node)} is not on the allow-list.")
    dialect.check(node)
    allowed = _STRUCTURE.get(kind)
    if allowed is not None:
        extra = [key for key, value in node.args.items() if value not in (None, False, [], "") and key not in allowed]
        if extra:
            raise StatementRefused(
                f"{construct(node)} with {extra[0].strip('_').replace('_', ' ').upper()} is not on the allow-list."
            )
        _check_structure(node)
    elif kind is exp.Anonymous:
        if fold(str(node.this)) not in dialect.anonymous_functions:
            raise StatementRefused(f"The {construct(node)} is not on the allow-list.")
    elif kind is exp.Var:
        if not re.fullmatch(r"[A-Za-z_]{1,32}", node.name):
            raise StatementRefused("A unit or keyword is not on the allow-list.")
    elif kind is exp.DataType:
        if node.this.value not in _TYPES or node.args.get("nested"):
            raise StatementRefused("Casts go to plain scalar types only.")
    elif kind is exp.Is:
        if not isinstance(node.expression, exp.Null | exp.Boolean):
            raise StatementRefused("IS takes NULL, TRUE and FALSE.")
    elif kind not in _SCALARS and kind not in dialect.functions:
        raise StatementRefused(f"{construct(node)} is not on the allow-list.")


def _check_structure(node: exp.Expr) -> None:
    if isinstance(node, exp.Identifier):
        name = node.this
        # Star is an Identifier-like child in some positions; names with the gateway's prefix are its own.
        fits = _NAME.fullmatch(name) or (node.args.get("quoted") and _LABEL.fullmatch(name))
        if not fits or (name.startswith("__") and name not in _LABELS_OF_TOOLS):
            raise StatementRefused("A name holds characters that are not allowed, or starts with two underscores.")
    elif isinstance(node, exp.Join):
        if (node.args.get("kind") or "").upper() not in _JOIN_KINDS:
            raise StatementRefused(f"{node.args['kind']} JOIN is not on the allow-list.")
        if (node.args.get("side") or "").upper() not in _JOIN_SIDES:
            raise StatementRefused(f"{node.args['side']} JOIN is not on the allow-list.")
        if (node.args.get("method") or "").upper() not in {"", "NATURAL"}:
            raise StatementRefused(f"{node.args['method']} JOIN is not on the allow-list.")
    elif isinstance(node, exp.Limit | exp.Offset):
        if not isinstance(node.expression, exp.Literal | exp.Placeholder):
            raise StatementRefused("LIMIT and OFFSET take a number or a parameter.")
    elif isinstance(node, exp.WindowSpec):
        if any(
            isinstance(node.args.get(key), exp.Expr) and not _is_number(node.args[key]) for key in ("start", "end")
        ):
            raise StatementRefused("The bounds of a window frame are whole numbers, UNBOUNDED or CURRENT ROW.")
    elif isinstance(node, exp.Select | exp.SetOperation):
        if not isinstance(node.parent, _HOLDERS | None):
            raise StatementRefused("A subquery stands in parentheses of its own.")
    elif isinstance(node, exp.Exists | exp.All | exp.Any | exp.Lateral):
        if not isinstance(node.this, exp.Query):
            raise StatementRefused(f"{type(node).__name__.upper()} takes a subquery.")
    elif isinstance(node, exp.Placeholder) and not _PARAMETER.fullmatch(str(node.this)):
        raise StatementRefused("Parameters are written as ? and given in order.")
    elif isinstance(node, exp.Ordered) and isinstance(node.this, exp.Var):
        raise StatementRefused("ORDER BY ALL is not on the allow-list; name the columns.")
    elif isinstance(node, exp.Order) and node.this is not None and not isinstance(node.parent, exp.GroupConcat):
        raise StatementRefused("An ORDER BY stands at the end of its SELECT.")
    elif isinstance(node, exp.DataTypeParam) and not _is_number(node.this):
        raise StatementRefused("The size of a type is a number.")


def _is_number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdigit()
