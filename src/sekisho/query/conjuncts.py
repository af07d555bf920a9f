"""Conditions of a WHERE that stand alone, and what they say inside a governed table."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from sekisho.domain.access import TransformKind
from sekisho.query.consent import column_of
from sekisho.query.draft import Draft
from sekisho.query.kinds import PERSON, Sort
from sekisho.query.leakproof import hoistable
from sekisho.query.names import Relation
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
    return kind.sort is Sort.CLEAR and kind.transform is TransformKind.CLEAR


def drop(conjunct: exp.Expr, select: exp.Select) -> None:
    """Take *conjunct* out of the WHERE of *select*."""
    left = [each for each in terms(select.args["where"].this) if each is not conjunct]
    select.set("where", exp.Where(this=exp.and_(*left, copy=False)) if left else None)


def terms(node: exp.Expr) -> list[exp.Expr]:
    """Return the conditions that must all hold where *node* holds."""
    if isinstance(node, exp.And):
        return terms(node.left) + terms(node.right)
    if isinstance(node, exp.Paren):
        return terms(node.this)
    return [node]


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
    column.replace(column_of(name, "t"))
    return [copy]
