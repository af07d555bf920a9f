"""The same statement with one thing different: without a column, or with a column shown and nothing else.

Made to be asked again, never to be run: whoever is told that a change would help, is told so because the changed
statement went through every step that the first one did not pass. What cannot be changed in a simple way is not
changed at all.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from sekisho.errors import StatementRefused
from sekisho.query.conjuncts import all_of
from sekisho.query.dialects import Dialect
from sekisho.query.names import Statement, physicals

_LISTS = ("order", "group")
_CONDITIONS = ("where", "having", "qualify")


Variant = Callable[[Statement, Dialect, str, str], str | None]
"""Takes a resolved statement, which it uses up, its dialect, a dataset and a column of it; returns another text."""


def without(statement: Statement, dialect: Dialect, dataset: str, column: str) -> str | None:
    """Return the statement without anything that needs *column* of *dataset*; ``None`` where nothing is left."""
    for scope in statement.scopes:
        shown = [item for item in scope.select.expressions if not _needs(item, statement, dataset, column)]
        if not shown:
            return None
        scope.select.set("expressions", shown)
        if not _drop(scope.select, statement, dataset, column):
            return None
    return _text(statement, dialect, dataset, column)


def only_shown(statement: Statement, dialect: Dialect, dataset: str, column: str) -> str | None:
    """Return the statement with *column* of *dataset* among the outputs as it is, and nowhere else.

    Only a single SELECT that neither groups nor aggregates is changed; of every other, ``None``.
    """
    select = statement.tree
    if not isinstance(select, exp.Select) or len(statement.scopes) != 1:
        return None
    if select.args.get("group") or select.args.get("distinct") or select.find(exp.AggFunc, exp.Window) is not None:
        return None
    needed = [node for node in select.find_all(exp.Column) if _is(node, statement, dataset, column)]
    if not needed:
        return None
    kept = [item for item in select.expressions if not _needs(item, statement, dataset, column)]
    select.set("expressions", [*kept, needed[0].copy()])
    if not _drop(select, statement, dataset, column):
        return None
    return _text(statement, dialect, dataset, column)


def _drop(select: exp.Select, statement: Statement, dataset: str, column: str) -> bool:
    """Take the column out of conditions and lists of *select*; return whether nothing else was in the way."""
    for key in _CONDITIONS:
        clause = select.args.get(key)
        if clause is not None:
            terms = [t for t in _terms(clause.this) if not _needs(t, statement, dataset, column)]
            select.set(key, type(clause)(this=all_of(terms)) if terms else None)
    for key in _LISTS:
        clause = select.args.get(key)
        if clause is None:
            continue
        items = [item for item in clause.expressions if not _needs(item, statement, dataset, column)]
        if any(isinstance(item.this if isinstance(item, exp.Ordered) else item, exp.Literal) for item in items):
            return False  # a position, which another output may have now
        clause.set("expressions", items)
        if not items:
            select.set(key, None)
    joins = select.args.get("joins") or []
    return not any(_needs(join.args["on"], statement, dataset, column) for join in joins if join.args.get("on"))


def _terms(condition: exp.Expr) -> list[exp.Expr]:
    """Return the conditions that all must hold."""
    while isinstance(condition, exp.Paren):
        condition = condition.this
    if isinstance(condition, exp.And):
        return [*_terms(condition.left), *_terms(condition.right)]
    return [condition]


def _needs(node: exp.Expr, statement: Statement, dataset: str, column: str) -> bool:
    return any(_is(each, statement, dataset, column) for each in node.find_all(exp.Column))


def _is(node: exp.Expr, statement: Statement, dataset: str, column: str) -> bool:
    definition = statement.definitions.get(id(node))
    if definition is None:
        return False
    return any(
        p.column.name == column and p.relation.dataset is not None and p.relation.dataset.name == dataset
        for p in physicals(definition, statement)
    )


def _text(statement: Statement, dialect: Dialect, dataset: str, column: str) -> str | None:
    tree = statement.tree
    if _needs(tree, statement, dataset, column):
        return None
    for node in list(tree.find_all(exp.Placeholder)):
        node.replace(exp.Placeholder())  # read as the n-th ? again, whatever it was called
    try:
        return dialect.generate(tree)
    except StatementRefused:
        return None
