"""What a statement looks like: whether its rows are people's, and its text without values."""

from __future__ import annotations

import re

from sqlglot import exp

from sekisho.domain.governed import NUMBER
from sekisho.query.names import Physical, Statement


def is_rowwise(statement: Statement) -> bool:
    """Return whether every output row is made of one row of each governed table, and nothing else."""
    tree = statement.tree
    if not isinstance(tree, exp.Select) or len(statement.scopes) != 1:
        return False
    if any(tree.args.get(key) for key in ("group", "having", "distinct", "qualify", "with_")):
        return False
    if tree.find(exp.AggFunc, exp.Window, exp.SetOperation) is not None:
        return False
    return len(statement.relations) == len(statement.scopes[0].sources)


_QUOTED_OR_LITERAL = re.compile(
    r""""(?:[^"]|"")*"|'(?:[^']|'')*'|(?<![\w$@])(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w)"""
)


def without_literals(sql: str) -> str:
    """Return the generated statement *sql*, where all names are quoted, with a mark in the place of each literal."""
    return _QUOTED_OR_LITERAL.sub(lambda found: found[0] if found[0][0] == '"' else "?", sql)


def only_shown(key: str, statement: Statement) -> bool:
    """Return whether *statement* reads rows of one table, whose *key* is nowhere but among the outputs, if at all.

    Then nothing in the store compares, sorts, joins or computes with whose row it is.
    """
    tree, definitions = statement.tree, statement.definitions
    if len(statement.relations) != 1:
        return False
    if any(tree.args.get(part) is not None for part in ("order", "limit", "offset", "joins", "laterals")):
        return False
    shown = {id(output.unalias() if isinstance(output, exp.Alias) else output) for output in tree.expressions}
    uses = [column for column in tree.find_all(exp.Column) if _may_be(definitions.get(id(column)), key)]
    return all(id(column) in shown for column in uses)


def _may_be(definition: object, key: str) -> bool:
    return not isinstance(definition, Physical) or definition.column.name == key


def has_number(select: exp.Select) -> bool:
    """Return whether a governed table carries the person number of its rows."""
    return any(projection.alias == NUMBER for projection in select.expressions)
