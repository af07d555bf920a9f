"""Rows that a statement leaves unordered take an order that says nothing.

Where a statement cuts or numbers rows without ordering them all, the engine falls back on the order in which
rows lie in the store. That order is the same for every purpose: ``LIMIT 1 OFFSET 7`` asked for two purposes
would name the same person under two pseudonyms. So every cut, every sort and every numbering of a statement
that shows keys is ended by a keyed mix of the person number, whose seeds differ by requester and purpose.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from sekisho.domain.terms import ColumnType
from sekisho.errors import StatementRefused
from sekisho.query.dialects import Dialect
from sekisho.query.kinds import PERSON, Kind, Kinds, Sort
from sekisho.query.names import Definition, Derived, Scope, Statement, group_items

SEEDS = ("order0", "order1", "order2")
"""Names of the parameters that hold the seeds."""

# Ties change what these answer; rank and its kin treat rows with equal keys alike and need no tie-break.
_NUMBERING = (exp.RowNumber, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)
_PRIME = 2_147_483_647  # 2^31 - 1: products of two residues stay below 2^63


def end_ties(statement: Statement, kinds: Kinds, dialect: Dialect, numbered: dict[int, str]) -> bool:
    """End every order of *statement* by the keyed mix; return whether the seeds are needed.

    Parameters
    ----------
    statement, kinds:
        The statement, after its tables were governed.
    numbered:
        Name of the hidden person-number column by identity of the governed relation that has one.

    Raises
    ------
    StatementRefused
        When rows are cut or ordered after DISTINCT or a set operation, where no engine lets a mix be the order,
        or when the only keys are texts, of which SQLite makes no mix.
    """
    if not any(kinds.of_definition(definition).sort is Sort.KEYED for definition in statement.outputs.values()):
        return False
    used = False
    for scope in statement.scopes:
        select = scope.select
        ordered = select is statement.tree and select.args.get("order") is not None
        windows = [w for w in _windows(select) if isinstance(w.this, _NUMBERING) or _counts_rows(w)]
        if not ordered and not _cuts(select) and not windows:
            continue
        mixes = _mixes(scope, statement, kinds, dialect, numbered)
        if mixes is None:
            continue
        distinct = select.args.get("distinct") is not None and (ordered or _cuts(select))
        if distinct or not mixes:
            raise StatementRefused(
                "LIMIT, ORDER BY and row numbers would show keys in the order of the store"
                + (" after DISTINCT; select from it as a subquery." if distinct else "; show the person's key too.")
            )
        if ordered or _cuts(select):
            select.order_by(*mixes, append=True, copy=False)
        for window in windows:
            order = window.args.get("order")
            ends = [mix.copy() for mix in mixes]
            window.set("order", exp.Order(expressions=[*(order.expressions if order else ()), *ends]))
        used = True
    for node, _ in statement.sets:
        if _cuts(node) or (node is statement.tree and node.args.get("order") is not None):
            raise StatementRefused(
                "LIMIT and ORDER BY after a set operation would show keys in the order of the store; select from it"
                " as a subquery."
            )
    return used


def drop_order_by_key(statement: Statement, kinds: Kinds) -> None:
    """Take ``ORDER BY key`` off a statement whose answer is put into the order of that key's tokens anyway."""
    tree = statement.tree
    order = tree.args.get("order")
    if not isinstance(tree, exp.Select) or order is None or len(order.expressions) != 1 or _cuts(tree):
        return
    (item,) = order.expressions
    definition = statement.definitions.get(id(item.this))
    shown_as = list(statement.outputs.values())
    if isinstance(item.this, exp.Literal) and item.this.is_int and 1 <= int(item.this.this) <= len(shown_as):
        definition = shown_as[int(item.this.this) - 1]
    keyed = [shown for shown in shown_as if kinds.of_definition(shown).sort is Sort.KEYED]
    if keyed and not item.args.get("desc") and _same(definition, keyed[0], statement):
        tree.set("order", None)


def _same(definition: Definition | None, shown: Definition, statement: Statement) -> bool:
    if isinstance(definition, Derived) and len(definition.expressions) == 1:  # an alias of the select list
        definition = statement.definitions.get(id(definition.expressions[0]), definition)
    return definition is shown


def _cuts(node: exp.Expr) -> bool:
    return node.args.get("limit") is not None or node.args.get("offset") is not None


def _windows(select: exp.Select) -> list[exp.Window]:
    return [window for window in select.find_all(exp.Window) if window.parent_select is select]


def _counts_rows(window: exp.Window) -> bool:
    spec = window.args.get("spec")
    return spec is not None and str(spec.args.get("kind") or "").upper() == "ROWS"


def _mixes(
    scope: Scope, statement: Statement, kinds: Kinds, dialect: Dialect, numbered: dict[int, str]
) -> list[exp.Expr] | None:
    """Return what ends an order of the rows of *scope*; ``None`` when its rows are nobody's in particular.

    These are the keys that it groups by, or else the person numbers of its tables and the keys of its subqueries.
    """
    select = scope.select
    group = select.args.get("group")
    if group is not None:
        keys = [_grouped(select, item, statement) for item in group_items(group)]
    elif any(a.parent_select is select and a.find_ancestor(exp.Window) is None for a in select.find_all(exp.AggFunc)):
        return None  # one row
    else:
        numbers = [
            (_column(numbered[id(relation)], relation.alias), Kind(Sort.KEYED, domain=PERSON))
            for relation in scope.sources.values()
            if id(relation) in numbered
        ]
        found = [*numbers, *_keys_of_subqueries(scope, kinds)]
        return _mixed(found, dialect) if found else None
    keyed = [(key.copy(), kinds.of(key)) for key in keys if isinstance(key, exp.Column)]
    keyed = [(key, kind) for key, kind in keyed if kind.sort is Sort.KEYED]
    return _mixed(keyed, dialect) if keyed else None


def _grouped(select: exp.Select, item: exp.Expr, statement: Statement) -> exp.Expr:
    """Return the expression that a GROUP BY item stands for: it may be the number or the name of an output column."""
    while True:
        definition = statement.definitions.get(id(item))
        if isinstance(item, exp.Paren | exp.Alias):
            item = item.this
        elif isinstance(item, exp.Literal) and str(item.this).isdigit():
            item = select.expressions[int(item.this) - 1]
        elif isinstance(item, exp.Column) and not item.table and isinstance(definition, Derived):
            shown = definition.expressions[0]
            if not isinstance(shown, exp.Expr):
                return item
            item = shown
        else:
            return item


def _keys_of_subqueries(scope: Scope, kinds: Kinds) -> list[tuple[exp.Expr, Kind]]:
    return [
        (_column(name, relation.alias), kind)
        for relation in scope.sources.values()
        if relation.dataset is None
        for name, definition in relation.columns.items()
        for kind in (kinds.of_definition(definition),)
        if kind.sort is Sort.KEYED
    ]


def _column(name: str, table: str) -> exp.Column:
    return exp.Column(this=exp.to_identifier(name, quoted=True), table=exp.to_identifier(table, quoted=True))


def _mixed(keys: Sequence[tuple[exp.Expr, Kind]], dialect: Dialect) -> list[exp.Expr]:
    """Return the keyed mixes of *keys*, of those of which the engine makes one."""
    found = []
    for key, kind in keys:
        a, b, c = (exp.Placeholder(this=name) for name in SEEDS)
        number = kind.domain == PERSON or kind.type is ColumnType.INTEGER
        mix = dialect.mix(key, ColumnType.INTEGER if number else ColumnType.STRING, (a, b, c))
        if mix is not None:
            found.append(mix)
    return found
