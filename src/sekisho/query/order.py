"""Rows that a statement leaves unordered take an order that says nothing.

Where a statement cuts or numbers rows without ordering them all, the engine falls back on the order in which
rows lie in the store. That order is the same for every purpose: ``LIMIT 1 OFFSET 7`` asked for two purposes
would name the same person under two pseudonyms. So every cut, every sort and every numbering of a statement
that shows keys is ended by a keyed mix of the person number, whose seeds differ by requester and purpose.

Where an engine takes the first of several rows for a subquery that is used as a value, that is a cut, too.

A statement that compares a key with a pseudonym *names* a person, whether it shows the key or not: in which place
that person's row stands would tell as much. There, too, the answer itself takes an order, and what is nobody's in
particular (a group by country) is ended by its clear columns.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from sekisho.domain.terms import ColumnType
from sekisho.errors import StatementRefused
from sekisho.query.conjuncts import terms
from sekisho.query.dialects import Dialect
from sekisho.query.grouping import (
    CHOICES,
    check_aggregates,
    check_grouped,
    grouped_by,
    is_aggregated,
    own,
    settle_choice,
)
from sekisho.query.kinds import PERSON, Kind, Kinds, Sort
from sekisho.query.names import Definition, Derived, Scope, Statement

SEEDS = ("order0", "order1", "order2")
"""Names of the parameters that hold the seeds."""

# Ties change what these answer; rank and its kin treat rows with equal keys alike and need no tie-break.
_NUMBERING = (exp.RowNumber, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)


_OF_ROWS: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.From, "this"), (exp.Join, "this"), (exp.Lateral, "this"), (exp.CTE, "this"), (exp.SetOperation, "this"),
    (exp.SetOperation, "expression"), (exp.In, "query"), (exp.Exists, "this"), (exp.All, "this"), (exp.Any, "this"),
)  # fmt: skip
"""Where a subquery stands for all of its rows."""


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
        when the only keys are texts, of which SQLite makes no mix, or when a value would be of a row that the engine
        chooses.
    """
    shows = any(kinds.of_definition(definition).sort is Sort.KEYED for definition in statement.outputs.values())
    names = names_people(statement, kinds)
    if not shows and not names:
        return False
    tree = statement.tree
    # The answer itself: one that shows keys is put into the order of their tokens on the way out.
    unordered = not shows and tree.args.get("order") is None
    mixed = [
        _end_ties_of(
            scope,
            statement,
            kinds,
            mixes,
            names=names,
            unordered=unordered and scope.select is tree,
            first=dialect.takes_first and _is_value(scope.select),
        )
        for scope in statement.scopes
        for mixes in (_mixes(scope, statement, kinds, dialect, numbered),)
    ]
    for node, _ in statement.sets:
        if _cuts(node) or (node is tree and node.args.get("order") is not None):
            raise StatementRefused(
                "LIMIT and ORDER BY after a set operation would show keys in the order of the store; select from it"
                " as a subquery."
            )
        if dialect.takes_first and _is_value(node):
            _order_value(node, kinds.of_value(node))
    if isinstance(tree, exp.SetOperation) and unordered:
        _order(tree, _clear_outputs(statement, kinds))
    return any(mixed)


def _end_ties_of(
    scope: Scope,
    statement: Statement,
    kinds: Kinds,
    mixes: list[exp.Expr] | None,
    *,
    names: bool,
    unordered: bool,
    first: bool,
) -> bool:
    """End every order of *scope* by *mixes*, which end one of its rows; return whether they were needed.

    *names* is whether the statement names people, *unordered* whether the rows of *scope* are the answer and have no
    order, *first* whether its first row alone is taken.
    """
    select = scope.select
    check_aggregates(scope, statement)
    if is_aggregated(select):
        check_grouped(scope, statement, kinds)
    if mixes is None or select.args.get("group") is None:  # within a person's rows a choice tells of nobody else
        for choice in list(own(select, *CHOICES)):
            settle_choice(choice)
    cuts = _cuts(select) or first
    ordered = unordered or cuts or (select is statement.tree and select.args.get("order") is not None)
    windows = [w for w in _windows(select) if isinstance(w.this, _NUMBERING) or _counts_rows(w)]
    if mixes is None and not names:
        return False
    if select.args.get("distinct") is not None and ordered:
        if first and not _cuts(select):
            _order_value(select, kinds.of_value(select))
        elif not unordered or cuts:
            raise _refusal(" after DISTINCT; select from it as a subquery.")
        else:
            _order(select, _clear_outputs(statement, kinds))
        ordered = False
    if not (ordered or windows):
        return False
    if mixes == []:
        raise _refusal("; show the person's key too.")
    ends = _clear_ends(scope, statement, kinds) if mixes is None else mixes
    if ordered:
        _order(select, ends)
    for window in windows:
        order = window.args.get("order")
        items = [*(order.expressions if order else ()), *(end.copy() for end in ends)]
        window.set("order", exp.Order(expressions=items) if items else None)
    return mixes is not None


def _order_value(query: exp.Query, kind: Kind) -> None:
    """Let the value that is taken of *query*, of *kind*, rest on the values alone."""
    if kind.sort not in (Sort.CLEAR, Sort.BLANK):
        raise StatementRefused(
            "A subquery used as a value would show a key in the order of the store after DISTINCT or a set operation;"
            " select from it as a subquery."
        )
    _order(query, [exp.Literal.number(1)])


def _order(query: exp.Query, ends: Sequence[exp.Expr]) -> None:
    if ends:
        query.order_by(*(end.copy() for end in ends), append=True, copy=False)


def _refusal(what: str) -> StatementRefused:
    return StatementRefused(f"LIMIT, ORDER BY and row numbers would show keys in the order of the store{what}")


def names_people(statement: Statement, kinds: Kinds) -> bool:
    """Return whether *statement*, once checked, compares keys with pseudonyms or tokens, and rows of others remain.

    Of one table's rows that are all of one person, or of one invoice, no order tells anything.
    """
    named = [node for node, domain in kinds.tokens.items() if domain]
    if not named or len(statement.scopes) > 1 or len(statement.relations) > 1:
        return bool(named)
    where = statement.scopes[0].select.args.get("where")
    return not any(
        isinstance(term, exp.EQ) and any(kinds.tokens.get(id(side)) for side in (term.left, term.right))
        for term in (terms(where.this) if where is not None else ())
    )


def numbers_rows(statement: Statement, kinds: Kinds) -> bool:
    """Return whether rows of *statement* may be put in an order of their people because it names some of them."""
    if not names_people(statement, kinds):
        return False
    rows = [scope.select for scope in statement.scopes if not is_aggregated(scope.select)]
    return any(select is statement.tree or _cuts(select) or _windows(select) for select in rows)


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


def _is_value(query: exp.Query) -> bool:
    """Return whether *query* is used as a value."""
    around = query.parent
    while isinstance(around, exp.Subquery) and isinstance(around.parent, exp.Subquery):
        around = around.parent
    if not isinstance(around, exp.Subquery):
        return False
    return not any(isinstance(around.parent, kind) and around.arg_key == key for kind, key in _OF_ROWS)


def _windows(select: exp.Select) -> list[exp.Window]:
    return list(own(select, exp.Window))


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
    if select.args.get("group") is not None:
        keys = grouped_by(select, statement)
    elif is_aggregated(select):
        return None  # one row
    else:
        numbers = [
            (_column(numbered[id(relation)], relation.alias), Kind(Sort.KEYED, domain=PERSON))
            for relation in scope.sources.values()
            if id(relation) in numbered
        ]
        found = [*numbers, *_of_subqueries(scope, kinds, Sort.KEYED)]
        return _mixed(found, dialect) if found else None
    keyed = [(key.copy(), kinds.of(key)) for key in keys if isinstance(key, exp.Column)]
    keyed = [(key, kind) for key, kind in keyed if kind.sort is Sort.KEYED]
    return _mixed(keyed, dialect) if keyed else None


def _clear_ends(scope: Scope, statement: Statement, kinds: Kinds) -> list[exp.Expr]:
    """Return what tells rows of nobody in particular apart: what they are grouped by, or the clear columns read."""
    select = scope.select
    if select.args.get("group") is not None:
        return [item.copy() for item in grouped_by(select, statement) if kinds.of(item).sort is Sort.CLEAR]
    if is_aggregated(select):
        return []
    if _of_subqueries(scope, kinds, Sort.SEALED):
        raise StatementRefused("Masked texts would be shown in the order of the store; show the person's key too.")
    of_nobody = [
        _column(name, relation.alias)
        for relation in scope.sources.values()
        if relation.dataset is not None
        for name in relation.columns
        if name in relation.used and kinds.of_definition(relation.columns[name]).sort is Sort.CLEAR
    ]
    return [*of_nobody, *(column for column, _ in _of_subqueries(scope, kinds, Sort.CLEAR))]


def _clear_outputs(statement: Statement, kinds: Kinds) -> list[exp.Expr]:
    """Return the places of the clear output columns."""
    clear = (kinds.of_definition(definition).sort is Sort.CLEAR for definition in statement.outputs.values())
    return [exp.Literal.number(place) for place, shown in enumerate(clear, start=1) if shown]


def _of_subqueries(scope: Scope, kinds: Kinds, sort: Sort) -> list[tuple[exp.Expr, Kind]]:
    return [
        (_column(name, relation.alias), kind)
        for relation in scope.sources.values()
        if relation.dataset is None
        for name, definition in relation.columns.items()
        for kind in (kinds.of_definition(definition),)
        if kind.sort is sort
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
