"""What the names of a statement denote: columns, sources, scopes, and the resolved statement."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from sekisho.domain.access import Use
from sekisho.domain.terms import Column, Dataset

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def fold(name: str) -> str:
    """Return *name* in lower case, ASCII letters alone: no other script folds into a catalogue name."""
    return name.translate(_LOWER)


@dataclass(frozen=True, eq=False)
class Physical:
    """A column of a governed table, as one alias of the statement sees it."""

    relation: Relation
    column: Column


@dataclass(frozen=True, eq=False)
class Derived:
    """A column computed by the statement itself: an expression, or one per branch of a set operation.

    A branch that shows a bound column stands there as what the column denotes. *anchor* is what the column of a
    recursive WITH denotes inside its recursive branch. *made_up* is the name that it got here, where it had none.
    """

    expressions: tuple[exp.Expr | Physical | Merged, ...]
    anchor: Definition | None = None
    made_up: str = ""


@dataclass(frozen=True, eq=False)
class Merged:
    """A column of JOIN … USING: the same value on both sides."""

    parts: tuple[Definition, ...]


Definition = Physical | Derived | Merged


@dataclass(eq=False)
class Relation:
    """Something in a FROM clause, and the columns it offers in order."""

    alias: str
    columns: dict[str, Definition]
    dataset: Dataset | None = None
    table: exp.Table | None = None
    used: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Scope:
    """One SELECT, its sources and what it may see of the SELECTs around it.

    Attributes
    ----------
    merged:
        Columns of JOIN … USING, by name.
    aliases:
        Output columns that may be referred to by name, as far as they have been read.
    repeated:
        Names that several output columns bear: which one a reference means is for the engine to say,
        so none is allowed.
    hidden:
        Sources that the condition just being read does not see, by alias: an ON sees those that it joins.
    """

    select: exp.Select
    parent: Scope | None
    ctes: dict[str, Relation]
    sources: dict[str, Relation] = field(default_factory=dict)
    merged: dict[str, Merged] = field(default_factory=dict)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()


@dataclass(eq=False)
class Statement:
    """A resolved statement.

    Attributes
    ----------
    tree:
        The statement with all names bound; owned by one rewriting, which changes it.
    relations:
        Every occurrence of a governed table.
    scopes:
        Every SELECT, outermost first in its own subtree order.
    sets:
        Every set operation with its output columns.
    definitions:
        What each column node denotes, by identity of the node.
    tables:
        Identities of the table nodes that were bound.
    outputs:
        Name and definition of each output column of the whole statement.
    uses:
        How each column of each dataset is used.
    kept:
        Nodes whose identity is remembered: an identity lives as long as its object.
    """

    tree: exp.Query
    relations: list[Relation] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    sets: list[tuple[exp.SetOperation, dict[str, Definition]]] = field(default_factory=list)
    definitions: dict[int, Definition] = field(default_factory=dict)
    tables: set[int] = field(default_factory=set)
    outputs: dict[str, Definition] = field(default_factory=dict)
    uses: dict[str, dict[str, set[Use]]] = field(default_factory=dict)
    kept: list[exp.Expr] = field(default_factory=list)


def expressions_of(definition: Definition) -> tuple[exp.Expr | Physical | Merged, ...]:
    """Return what stands for *definition* in the output of a set operation."""
    return definition.expressions if isinstance(definition, Derived) else (definition,)


def is_made_up(name: str, definition: Definition) -> bool:
    """Return whether *name* is one that the engine does not know: the column has none, or another there."""
    return isinstance(definition, Derived) and bool(name) and definition.made_up == name


def physicals(definition: Definition, statement: Statement) -> Iterator[Physical]:
    """Yield the physical columns from which *definition* is computed, repeats included."""
    if isinstance(definition, Physical):
        yield definition
    elif isinstance(definition, Merged):
        for part in definition.parts:
            yield from physicals(part, statement)
    else:
        for expression in definition.expressions:
            if isinstance(expression, Physical | Merged):
                yield from physicals(expression, statement)
                continue
            for column in expression.find_all(exp.Column):
                inner = statement.definitions.get(id(column))
                if inner is not None and inner is not definition:
                    yield from physicals(inner, statement)


def group_items(group: exp.Expr | None) -> Iterator[exp.Expr]:
    """Yield what a GROUP BY names, also inside ROLLUP, CUBE and GROUPING SETS."""
    for item in group.expressions if group is not None else ():
        if isinstance(item, exp.Rollup | exp.Cube | exp.GroupingSets):
            yield from _set_items(item)
        else:
            yield item


def _set_items(item: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(item, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple):
        for inner in item.expressions:
            yield from _set_items(inner)
    else:
        yield item


__all__ = [
    "Definition", "Derived", "Merged", "Physical", "Relation", "Scope", "Statement", "expressions_of",
    "fold", "group_items", "is_made_up", "physicals",
]  # fmt: skip
