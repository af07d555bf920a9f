"""Values that become parameters, parameters as an engine takes them by number, and the types that they must have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from sekisho.domain.terms import ColumnType
from sekisho.query.dialects.dialect import data_type
from sekisho.query.kinds import PERSON
from sekisho.query.leakproof import comparable
from sekisho.query.names import Statement
from sekisho.query.plan import Slot

if TYPE_CHECKING:
    from sekisho.query.draft import Draft


def bind_values(draft: Draft) -> Draft:
    """Turn parameters, and literals compared with keys, into named slots."""
    for node in list(draft.statement.tree.find_all(exp.Placeholder, exp.Literal)):
        domain = draft.kinds.tokens.get(id(node))
        given = int(str(node.this)[1:]) if isinstance(node, exp.Placeholder) else None
        if given is not None:
            draft.given = max(draft.given, given + 1)
        elif domain is None:
            continue
        literal = None if given is not None else node.this
        expects = comparable(node, draft.statement, draft.kinds) if given is not None and domain is None else None
        name = f"v{len(draft.slots)}"
        how = draft.dialect.comparisons
        draft.slots[name] = Slot(
            name, given, literal, domain, key_type=key_type(domain, draft.statement), expects=expects,
            reads=how.reads.get(how.families.get(expects, "")) if expects is not None else None,
            pattern=draft.dialect.backslash_escapes and isinstance(node.parent, exp.Like | exp.ILike),
            shown=draft.looks.get(id(node)), instant=draft.dialect.instants if id(node) in draft.compared else None,
        )  # fmt: skip
        placeholder = exp.Placeholder(this=name)
        draft.kinds.tokens[id(placeholder)] = domain or ""
        node.replace(placeholder)
        draft.statement.kept.append(node)
        draft.statement.kept.append(placeholder)
    return draft


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
        if slot.of_store is not None:
            parameter = exp.Cast(this=parameter, to=data_type(slot.of_store, "postgres"))
        elif slot.seed or person or slot.key_type is ColumnType.INTEGER:
            parameter = exp.Cast(this=parameter, to=data_type("BIGINT", "postgres"))
        node.replace(parameter)
