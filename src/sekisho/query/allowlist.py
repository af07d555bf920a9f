"""What a statement may be made of: every node type, argument and function that is not listed here is refused.

What is refused is told by the name of the construct, never by its content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import NoneType

from sqlglot import exp

from sekisho.errors import StatementRefused
from sekisho.query.dialects import Dialect
from sekisho.query.dialects.written import written
from sekisho.query.names import fold

MAX_NODES = 5_000
MAX_DEPTH = 80
_NAME = re.compile(r"[^\W\d]\w{0,127}")
# What tools write between quotes: "SUM(quantity)", "sum:quantity:ok", "% of total". Never a quote, a backslash or a
# character that opens a formula in a spreadsheet.
_LABEL = re.compile(r"[\w$%#(][\w $%&()*+,./:<=>?@\[\]{|}~#!^-]{0,127}")
_LABELS_OF_TOOLS = frozenset({"__timestamp"})  # Superset's time column
_PARAMETER = re.compile(r"p\d{1,4}")
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
_HOLDERS = (exp.Subquery, exp.CTE, exp.SetOperation, exp.Exists, exp.In, exp.All, exp.Any, NoneType)
_JOINS = {
    "kind": frozenset({"", "INNER", "CROSS", "OUTER"}),
    "side": frozenset({"", "LEFT", "RIGHT", "FULL"}),
    "method": frozenset({"", "NATURAL"}),
}


def check(tree: exp.Query, dialect: Dialect) -> None:
    """Refuse every node, argument, type, function and name that is not on the allow-list."""
    count = 0
    stack: list[tuple[exp.Expr, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise StatementRefused("The statement is too large or too deeply nested.")
        _check_node(node, dialect)
        stack += [(child, depth + 1) for child in node.iter_expressions()]


def _check_node(node: exp.Expr, dialect: Dialect) -> None:
    kind = type(node)
    if kind in dialect.refused:
        raise StatementRefused(f"{construct(node)} is not on the allow-list.")
    check = dialect.checks.get(kind)
    if check is not None:
        check(node)
    allowed = _STRUCTURE.get(kind)
    if allowed is not None:
        extra = [key for key, value in node.args.items() if key not in allowed and value not in (None, False, [], "")]
        if extra:
            raise StatementRefused(
                f"{construct(node)} with {extra[0].strip('_').replace('_', ' ').upper()} is not on the allow-list."
            )
        form = _FORMS.get(kind)
        if form is not None:
            form(node)
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


def _check_name(node: exp.Expr) -> None:
    name = node.this
    # Star is an Identifier-like child in some positions; names with the gateway's prefix are its own.
    fits = _NAME.fullmatch(name) or (node.args.get("quoted") and _LABEL.fullmatch(name))
    if not fits or (name.startswith("__") and name not in _LABELS_OF_TOOLS):
        raise StatementRefused("A name holds characters that are not allowed, or starts with two underscores.")


def _check_join(node: exp.Expr) -> None:
    for key, allowed in _JOINS.items():
        if (node.args.get(key) or "").upper() not in allowed:
            raise StatementRefused(f"{node.args[key]} JOIN is not on the allow-list.")


def _check_cut(node: exp.Expr) -> None:
    if not isinstance(node.expression, exp.Literal | exp.Placeholder):
        raise StatementRefused("LIMIT and OFFSET take a number or a parameter.")


def _check_frame(node: exp.Expr) -> None:
    if any(isinstance(node.args.get(key), exp.Expr) and not _is_number(node.args[key]) for key in ("start", "end")):
        raise StatementRefused("The bounds of a window frame are whole numbers, UNBOUNDED or CURRENT ROW.")


def _check_query(node: exp.Expr) -> None:
    if not isinstance(node.parent, _HOLDERS):
        raise StatementRefused("A subquery stands in parentheses of its own.")


def _check_holder(node: exp.Expr) -> None:
    if not isinstance(node.this, exp.Query):
        raise StatementRefused(f"{type(node).__name__.upper()} takes a subquery.")


def _check_parameter(node: exp.Expr) -> None:
    if not _PARAMETER.fullmatch(str(node.this)):
        raise StatementRefused("Parameters are written as ? and given in order.")


def _check_ordered(node: exp.Expr) -> None:
    if isinstance(node.this, exp.Var):
        raise StatementRefused("ORDER BY ALL is not on the allow-list; name the columns.")


def _check_order(node: exp.Expr) -> None:
    if node.this is not None and not isinstance(node.parent, exp.GroupConcat):
        raise StatementRefused("An ORDER BY stands at the end of its SELECT.")


def _check_star(node: exp.Expr) -> None:
    """Refuse a star that resolution does not write out: the engine would, by every column there is, raw ones too.

    ``(*)`` is one to DuckDB.
    """
    counted = isinstance(node.parent, exp.Count) and node.arg_key == "this"
    listed = isinstance(node.parent, exp.Select) and node.arg_key == "expressions"
    if not (counted or listed or isinstance(node.parent, exp.Column)):
        raise StatementRefused("* stands in the select list or in COUNT(*).")


def _check_size_of_type(node: exp.Expr) -> None:
    if not _is_number(node.this):
        raise StatementRefused("The size of a type is a number.")


_FORMS: Mapping[type[exp.Expr], Callable[[exp.Expr], None]] = {
    exp.Identifier: _check_name,
    exp.Join: _check_join,
    exp.Limit: _check_cut,
    exp.Offset: _check_cut,
    exp.WindowSpec: _check_frame,
    exp.Select: _check_query,
    exp.Union: _check_query,
    exp.Intersect: _check_query,
    exp.Except: _check_query,
    exp.Exists: _check_holder,
    exp.All: _check_holder,
    exp.Any: _check_holder,
    exp.Lateral: _check_holder,
    exp.Placeholder: _check_parameter,
    exp.Ordered: _check_ordered,
    exp.Order: _check_order,
    exp.DataTypeParam: _check_size_of_type,
    exp.Star: _check_star,
}
"""What a structural node must look like besides its arguments."""


def _is_number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdigit()


def construct(node: exp.Expr) -> str:
    """Return the name of a node as an error shows it (``TABLE SAMPLE``), never its content."""
    if isinstance(node, exp.Anonymous):
        name = node.this if isinstance(node.this, str) else ""
        return f"function {fold(name)}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) else "a function"
    if isinstance(node, exp.Func) and not isinstance(node, exp.Connector | exp.Cast | exp.Case):
        name = fold(written(node))
        return f"function {name}" if name.isidentifier() else name
    return _SYMBOLS.get(type(node)) or _CONSTRUCT.sub(" ", type(node).__name__).upper()
