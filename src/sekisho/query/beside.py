"""What stands beside each other in a statement: what is compared, and what one value is chosen from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from sqlglot import exp

from sekisho.query.allowlist import construct
from sekisho.query.looks import operands, results
from sekisho.query.names import Definition, Derived, Statement

Part = exp.Expr | Definition
"""What stands there: an expression, or what a column of it denotes."""

_COMPARED = (
    exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is,
)  # fmt: skip
_ALIKE = (exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif, exp.Lag, exp.Lead, exp.Min, exp.Max)


def beside(statement: Statement) -> Iterator[tuple[tuple[Part, ...], str]]:
    """Yield the values of *statement* that stand beside each other, and the name of the construct."""
    for node in statement.tree.walk():
        kind: type = type(node)
        if _puts_beside(kind):
            yield from _in_node(node)
    for scope in statement.scopes:
        for merged in scope.merged.values():
            yield merged.parts, "JOIN USING"
    for _, outputs in statement.sets:
        for definition in outputs.values():
            if isinstance(definition, Derived):
                yield definition.expressions, "a set operation"


@cache
def _puts_beside(kind: type) -> bool:
    return issubclass(kind, (*_COMPARED, *_ALIKE, exp.Between, exp.In, exp.Case, exp.If))


def _in_node(node: exp.Expr) -> Iterator[tuple[tuple[Part, ...], str]]:
    """Yield what *node* itself puts beside each other."""
    if isinstance(node, _COMPARED):
        yield from _compared(node.this, node.expression, construct(node))
    elif isinstance(node, exp.Between):
        for key in ("low", "high"):
            yield from _compared(node.this, node.args[key], "BETWEEN")
    elif isinstance(node, exp.In):
        query = node.args.get("query")
        for item in node.expressions if query is None else (query,):
            yield from _compared(node.this, item, "IN")
    elif isinstance(node, exp.Case):
        for branch in node.args["ifs"]:
            if node.this is not None:
                yield from _compared(node.this, branch.this, "CASE")
        yield tuple(results(node)), "CASE"
    elif isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        yield tuple(results(node)), construct(node)
    elif isinstance(node, _ALIKE):
        yield tuple(operands(node)), construct(node)


def _compared(left: exp.Expr, right: exp.Expr, where: str) -> Iterator[tuple[tuple[Part, ...], str]]:
    left, right = bare(left), bare(right)
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        for one, other in zip(left.expressions, right.expressions, strict=False):
            yield from _compared(one, other, where)
    else:
        yield (left, right), where


def bare(node: exp.Expr) -> exp.Expr:
    """Return *node* without parentheses and without a name."""
    while isinstance(node, exp.Paren | exp.Alias):
        node = node.this
    return node
