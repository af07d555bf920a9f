"""Conditions of a WHERE that stand alone, and what they say inside a governed table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlglot import exp

from sekisho.domain.access import TransformKind
from sekisho.domain.terms import ColumnType
from sekisho.errors import StatementRefused
from sekisho.query.consent import column_of
from sekisho.query.draft import Draft
from sekisho.query.kinds import PERSON, Sort
from sekisho.query.leakproof import hoistable
from sekisho.query.names import Definition, Physical, Relation
from sekisho.query.plan import Slot


def conjuncts(draft: Draft) -> Iterator[tuple[exp.Expr, Relation]]:
    """Yield each conjunct of a WHERE that may be copied into a governed table, with that table."""
    for scope in draft.statement.scopes:
        where = scope.select.args.get("where")
        for conjunct in terms(where.this) if where is not None else ():
            relation = hoistable(conjunct, draft.statement, draft.kinds, draft.dialect.comparisons)
            if relation is not None and any(relation is source for source in scope.sources.values()):
                yield conjunct, relation


def reads_one(select: exp.Select) -> bool:
    """Return whether *select* reads one table and joins nothing to it."""
    return not select.args.get("joins") and not select.args.get("laterals")


def is_clear(conjunct: exp.Expr, draft: Draft) -> bool:
    """Return whether the column of *conjunct* is the same inside its governed table and outside."""
    definition = draft.statement.definitions[id(next(iter(conjunct.find_all(exp.Column))))]
    kind = draft.kinds.of_definition(definition)
    return kind.sort is Sort.CLEAR and kind.transform is TransformKind.CLEAR and not _respelled(definition, draft)


def _respelled(definition: Definition, draft: Draft) -> bool:
    """Return whether a column is an instant that its governed table tells in another spelling than the store's."""
    instant = isinstance(definition, Physical) and definition.column.type is ColumnType.TIMESTAMP
    return instant and draft.dialect.instants is not None


def drop(conjunct: exp.Expr, select: exp.Select) -> None:
    """Take *conjunct* out of the WHERE of *select*."""
    left = [each for each in terms(select.args["where"].this) if each is not conjunct]
    select.set("where", exp.Where(this=all_of(left)) if left else None)


def terms(node: exp.Expr) -> list[exp.Expr]:
    """Return the conditions that must all hold where *node* holds."""
    if isinstance(node, exp.And):
        return terms(node.left) + terms(node.right)
    if isinstance(node, exp.Paren):
        return terms(node.this)
    return [node]


def all_of(conditions: Sequence[exp.Expr]) -> exp.Expr:
    """Return the condition that all of *conditions* hold. A subquery, which is a value, stands in parentheses."""
    return exp.and_(*(exp.Paren(this=c) if isinstance(c, exp.Subquery) else c for c in conditions), copy=False)


def inside(conjunct: exp.Expr, relation: Relation, draft: Draft) -> list[exp.Expr]:
    """Return what *conjunct* says, in the words of the physical table."""
    copy = conjunct.copy()
    column = next(iter(copy.find_all(exp.Column)))
    name = column.name
    original = next(iter(conjunct.find_all(exp.Column)))
    definition = draft.statement.definitions[id(original)]
    kind = draft.kinds.of_definition(definition)
    if kind.sort is Sort.KEYED and kind.domain == PERSON and relation.dataset and relation.dataset.data_subject:
        key = relation.dataset.data_subject
        key_column = relation.dataset.column(key.column)
        by_number = copy
        column.replace(draft.number(relation.dataset))
        by_key = conjunct.copy()
        next(iter(by_key.find_all(exp.Column))).replace(column_of(key.column, "t"))
        for placeholder in list(by_key.find_all(exp.Placeholder)):
            slot = draft.slots[str(placeholder.this)]
            raw = Slot(
                f"v{len(draft.slots)}", slot.given, slot.literal, PERSON, key.identifier,
                key_column.type if key_column else None,
            )  # fmt: skip
            draft.slots[raw.name] = raw
            placeholder.replace(exp.Placeholder(this=raw.name))
        return [by_number, by_key]
    if _respelled(definition, draft):
        return list(_days(conjunct, column_of(name, "t"), draft))
    column.replace(column_of(name, "t"))
    return [copy]


def _days(conjunct: exp.Expr, column: exp.Expr, draft: Draft) -> Iterator[exp.Expr]:
    """Yield what *conjunct* says of the days of instants, which the texts of the store begin with.

    The day of an instant in UTC and the one that its text begins with are no farther apart than a day, so this holds
    for all rows for which *conjunct* does, and an index on the texts serves it.
    """
    if isinstance(conjunct, exp.In):
        ranges = [exp.and_(*_bounds(column, item, item, draft), copy=False) for item in conjunct.expressions]
        yield exp.Paren(this=exp.or_(*ranges, copy=False))
    elif isinstance(conjunct, exp.Between):
        yield from _bounds(column, conjunct.args["low"], conjunct.args["high"], draft)
    elif isinstance(conjunct, exp.Binary):
        left = isinstance(conjunct.left, exp.Column)
        value = conjunct.right if left else conjunct.left
        rises = isinstance(conjunct, exp.GT | exp.GTE) is left
        equal = isinstance(conjunct, exp.EQ)
        yield from _bounds(column, value if equal or rises else None, value if equal or not rises else None, draft)


def _bounds(column: exp.Expr, low: exp.Expr | None, high: exp.Expr | None, draft: Draft) -> Iterator[exp.Expr]:
    if low is not None:
        yield exp.GTE(this=column.copy(), expression=_day(low, -1, draft))
    if high is not None:
        yield exp.LT(this=column.copy(), expression=_day(high, 2, draft))


def _day(value: exp.Expr, days: int, draft: Draft) -> exp.Expr:
    """Return the day that lies *days* after that of the instant *value*."""
    words = draft.dialect.instants
    if isinstance(value, exp.Literal):
        told = words.value(str(value.this)) if words is not None else None
        if words is None or told is None:
            raise StatementRefused("What an instant is compared with tells none.")
        return exp.Literal.string(words.day(told, days))
    slot = replace(draft.slots[str(value.this)], name=f"v{len(draft.slots)}", days=days)
    draft.slots[slot.name] = slot
    return exp.Placeholder(this=slot.name)
