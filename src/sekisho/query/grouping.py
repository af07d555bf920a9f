"""What a SELECT groups by, and values that an engine would take from a row of its own choice.

SQLite shows a column that is neither grouped nor aggregated as it is in one row of the group, often the last it read;
DuckDB's ``ARG_MAX`` and ``MODE`` break ties by which row came first. That row is the same for every purpose: beside
a key, it would name the same person under two pseudonyms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from sqlglot import exp

from sekisho.errors import StatementRefused
from sekisho.query.conjuncts import all_of
from sekisho.query.kinds import Kinds, Sort
from sekisho.query.names import Definition, Derived, Merged, Scope, Statement, group_items

CHOICES = (exp.ArgMax, exp.ArgMin, exp.Mode)
"""Aggregates that show the value of one row among equals."""

_AROUND = (exp.Filter, exp.WithinGroup)

_Node = TypeVar("_Node", bound=exp.Expr)


def is_aggregated(select: exp.Select) -> bool:
    """Return whether rows of *select* stand for groups of rows."""
    if select.args.get("group") is not None or select.args.get("having") is not None:
        return True
    return any(_aggregates(found) for found in own(select, exp.AggFunc))


def own(select: exp.Select, *kinds: type[_Node]) -> Iterator[_Node]:
    """Yield the nodes of *kinds* that *select* itself evaluates: not those of its sources, nor of subqueries.

    The governed tables among the sources are the most of a statement.
    """
    for name, clause in select.args.items():
        if name in ("from_", "with_"):
            continue
        for part in clause if isinstance(clause, list) else (clause,):
            of_it = part.args.get("on") if isinstance(part, exp.Join) else part
            if isinstance(of_it, exp.Expr):
                yield from (node for node in of_it.find_all(*kinds) if node.parent_select is select)


def check_aggregates(scope: Scope, statement: Statement) -> None:
    """Refuse an aggregate of columns that are all of a statement around.

    It makes one row of those there, by the standard and in SQLite, which then chooses of which row a column beside it
    is. Raises ``StatementRefused``.
    """
    if scope.parent is None:
        return
    own = [column for relation in scope.sources.values() for column in relation.columns.values()]
    own += scope.merged.values()

    def is_own(column: exp.Column) -> bool:
        definition = statement.definitions.get(id(column))
        if isinstance(definition, Derived) and not column.table:  # an output column
            shown = [each for each in definition.expressions if isinstance(each, exp.Expr)]
            return any(map(is_own, (inner for each in shown for inner in each.find_all(exp.Column))))
        return _among(definition, own)

    for found in scope.select.find_all(exp.AggFunc):
        if found.parent_select is not scope.select:
            continue
        whole: exp.Expr = found
        while isinstance(whole.parent, _AROUND):
            whole = whole.parent
        columns = list(whole.find_all(exp.Column))
        if columns and not any(map(is_own, columns)):
            raise StatementRefused("An aggregate in a subquery takes a column of that subquery's own sources.")


def grouped_by(select: exp.Select, statement: Statement) -> list[exp.Expr]:
    """Return the expressions that *select* groups by, written out."""
    return [_meant(select, item, statement) for item in group_items(select.args.get("group"))]


def check_grouped(scope: Scope, statement: Statement, kinds: Kinds) -> None:
    """Refuse a column whose value the engine would take from a row of its choice.

    Beside a key that is grouped by, the row is one of the same person: there a column that is no key may be. Raises
    ``StatementRefused``.
    """
    select = scope.select
    items = [_bare(item) for item in grouped_by(select, statement)]
    definitions = [statement.definitions.get(id(item)) for item in items]
    known = [definition for definition in definitions if definition is not None]
    known += [part for definition in known if isinstance(definition, Merged) for part in definition.parts]
    by_key = any(kinds.of_definition(definition).sort is Sort.KEYED for definition in known)
    own = [column for relation in scope.sources.values() for column in relation.columns.values()]
    own += scope.merged.values()
    clauses = (*select.expressions, *(select.args.get(key) for key in ("having", "order", "qualify")))
    for clause in clauses:
        for column in _single(clause, items) if clause is not None else ():
            definition = statement.definitions.get(id(column))
            if definition is None or not _among(definition, own) or _among(definition, known):
                continue
            if not by_key or kinds.of_definition(definition).sort is Sort.KEYED:
                raise StatementRefused(
                    "A column is neither grouped by nor aggregated, so that the store would choose its row; group by"
                    " it, or take MIN or MAX."
                )


def settle_choice(choice: exp.Expr) -> None:
    """Let *choice* among equals rest on their values, not on which row came first."""
    if isinstance(choice, exp.Mode):
        if isinstance(choice.this, exp.Expr) and not isinstance(choice.this, exp.Order):
            item = exp.Ordered(this=choice.this.copy(), nulls_first=False)
            choice.set("this", exp.Order(this=choice.this, expressions=[item]))
        return
    by = choice.expression
    if by is None:
        return
    there = exp.Not(this=exp.Is(this=exp.Paren(this=by.copy()), expression=exp.Null()))  # a pair is never null
    choice.set("expression", exp.Tuple(expressions=[by, choice.this.copy()]))
    if isinstance(choice.parent, exp.Filter):
        where = choice.parent.expression
        where.set("this", all_of((where.this, there)))
    else:
        around = exp.Filter()
        choice.replace(around)
        around.set("this", choice)
        around.set("expression", exp.Where(this=there))


def _aggregates(found: exp.AggFunc) -> bool:
    """Return whether *found* makes one value of many rows: a window function makes one for each."""
    node: exp.Expr = found
    while isinstance(node.parent, _AROUND) and node.arg_key == "this":
        node = node.parent
    return not (isinstance(node.parent, exp.Window) and node.arg_key == "this")


def _single(node: exp.Expr, items: list[exp.Expr]) -> Iterator[exp.Column]:
    """Yield the columns of which *node* takes a single value: outside of aggregates and of what is grouped by."""
    if any(node is item or node == item for item in items):
        return
    if isinstance(node, exp.AggFunc) and _aggregates(node):
        return
    if isinstance(node, _AROUND) and isinstance(node.this, exp.AggFunc) and _aggregates(node.this):
        return
    if isinstance(node, exp.Column):
        yield node
    for child in node.iter_expressions():
        yield from _single(child, items)


def _among(definition: Definition | None, others: list[Definition]) -> bool:
    return any(definition is other for other in others)


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _meant(select: exp.Select, item: exp.Expr, statement: Statement) -> exp.Expr:
    """Return the expression that a GROUP BY item stands for: it may be the number or the name of an output column."""
    while True:
        definition = statement.definitions.get(id(item))
        if isinstance(item, exp.Paren | exp.Alias):
            item = item.this
        elif isinstance(item, exp.Literal) and not item.is_string and str(item.this).isdigit():
            item = select.expressions[int(item.this) - 1]
        elif isinstance(item, exp.Column) and not item.table and isinstance(definition, Derived):
            shown = definition.expressions[0]
            if not isinstance(shown, exp.Expr):
                return item
            item = shown
        else:
            return item
