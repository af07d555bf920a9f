"""Parameters as an engine takes them by number, and the types that they must have."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from sekisho.domain.terms import ColumnType
from sekisho.query.kinds import PERSON
from sekisho.query.names import Statement
from sekisho.query.plan import Slot


def key_type(domain: str | None, statement: Statement) -> ColumnType | None:
    """Return the type that the identifiers of a token domain have in the stores; it is one in the whole catalogue."""
    if domain is None or domain == PERSON:
        return None
    name = domain.removeprefix("id:")
    columns = (column for relation in statement.relations if relation.dataset for column in relation.dataset.columns)
    return next((column.type for column in columns if column.domain == name), None)


def number_parameters(tree: exp.Query, slots: Mapping[str, Slot]) -> None:
    """Write the parameters of *tree* as ``$1``, ``$2`` …, in the order of *slots*.

    The gateway's own numbers get their type; the type of any other follows from its place, as that of a literal does.
    """
    numbers = {name: number for number, name in enumerate(slots, start=1)}
    for node in list(tree.find_all(exp.Placeholder)):
        slot = slots[str(node.this)]
        parameter: exp.Expr = exp.Parameter(this=exp.Var(this=str(numbers[slot.name])))
        person = slot.domain == PERSON and slot.identifier is None
        if slot.seed or person or slot.key_type is ColumnType.INTEGER:
            parameter = exp.Cast(this=parameter, to=exp.DataType.build("BIGINT"))
        node.replace(parameter)
