"""The output columns of a governed statement, and what each needs to be masked on the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from sekisho.domain.governed import Output
from sekisho.domain.masks import TransformKind
from sekisho.domain.terms import ColumnType
from sekisho.domain.transforms import MASKED_TYPES, TRANSFORMS
from sekisho.errors import MaskedColumnUse
from sekisho.query.form import has_number
from sekisho.query.kinds import PERSON, Sort
from sekisho.query.names import Definition, Derived, Physical, Statement

if TYPE_CHECKING:
    from sekisho.query.draft import Draft


def outputs_of(draft: Draft) -> tuple[Output, ...]:
    """Return the output columns of *draft*. Raises ``MaskedColumnUse`` for one that could not be masked so."""
    outputs = []
    shown = zip(draft.statement.outputs.items(), draft.output_kinds, strict=True)
    for place, ((name, definition), kind) in enumerate(shown):
        column_type = MASKED_TYPES.get(kind.transform)
        if column_type is None and isinstance(definition, Physical):
            column_type = definition.column.type
        if kind.transform is TransformKind.CLEAR and isinstance(definition, Derived):
            column_type = ColumnType.TIMESTAMP if place in draft.instants else None
        domain = kind.domain.removeprefix("id:") if kind.domain and kind.domain != PERSON else None
        mask, person = None, None
        if kind.sort is Sort.SEALED and kind.transform is not TransformKind.MASK_TEXT:
            physical = _physical_of(definition, draft.statement)
            domain = kind.column  # noise of two columns is unrelated
            mask, column_type = physical.column.mask, column_type or physical.column.type
            person = _place_of(physical, draft) if TRANSFORMS[kind.transform].by_person else None
        outputs.append(Output(name, column_type, kind.transform, domain, mask, person))
    return tuple(outputs)


def _physical_of(definition: Definition, statement: Statement) -> Physical:
    """Return the column that an output shows and does nothing else with. Raises ``MaskedColumnUse``."""
    while isinstance(definition, Derived) and len(definition.expressions) == 1:
        shown = definition.expressions[0]
        while isinstance(shown, exp.Alias | exp.Paren):
            shown = shown.this
        if isinstance(shown, exp.Column):
            definition = statement.definitions[id(shown)]
        elif isinstance(shown, Physical):
            definition = shown
        else:
            break
    if not isinstance(definition, Physical):
        raise MaskedColumnUse("A masked column may only be an output column of its own.")
    return definition


def _place_of(physical: Physical, draft: Draft) -> int:
    """Return which of the hidden columns holds the person of the rows of *physical*. Raises ``MaskedColumnUse``."""
    carried = [r for r in draft.statement.relations if has_number(draft.governed[id(r)])] if draft.hidden else []
    for place, relation in enumerate(carried):
        if relation is physical.relation:
            return place
    raise MaskedColumnUse(
        f"{physical.column.name} is masked by the person of each row: show it in rows of people, without grouping,"
        " DISTINCT, set operations or subqueries."
    )
