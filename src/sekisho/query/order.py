"""Rows that a statement leaves unordered take an order that says nothing.

Where a statement cuts or numbers rows without ordering them all, the engine falls back on the order in which
rows lie in the store. That order is the same for every purpose: ``LIMIT 1 OFFSET 7`` asked for two purposes
would name the same person under two pseudonyms. So every cut, every sort and every numbering of a statement
that shows keys is ended by a keyed mix of the person number, whose seeds differ by requester and purpose.
"""

from __future__ import annotations

from sqlglot import exp

from sekisho.domain.terms import StoreKind
from sekisho.errors import StatementRefused
from sekisho.query.dialects import Dialect
from sekisho.query.kinds import Kinds, Sort
from sekisho.query.names import Physical, Scope, Statement

SEEDS = ("order0", "order1", "order2")
"""Names of the parameters that hold the seeds."""

# Ties change what these answer; rank and its kin treat rows with equal keys alike and need no tie-break.
_NUMBERING = (exp.RowNumber, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)
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
        When rows are cut after DISTINCT or a set operation, where no engine lets a mix be the order.
    """
    if not any(kinds.of_definition(definition).sort is Sort.KEYED for definition in statement.outputs.values()):
        return False
    used = False
    for scope in statement.scopes:
        mixes = _mixes(scope, kinds, dialect, numbered)
        select = scope.select
        if mixes and (select.args.get("order") is not None or _cuts(select)):
            if select.args.get("distinct") is not None:
                if _cuts(select):
                    raise StatementRefused(
                        "LIMIT after SELECT DISTINCT would cut keys in the order of the store; put the DISTINCT into"
                        " a subquery, or group."
                    )
            else:
                select.order_by(*mixes, append=True, copy=False)
                used = True
        for window in _windows(select):
            order = window.args.get("order")
            expressions = [*(order.expressions if order else ()), *_scan_mixes(scope, dialect, numbered)]
            if expressions and (isinstance(window.this, _NUMBERING) or _counts_rows(window)):
                window.set("order", exp.Order(expressions=expressions))
                used = True
    for node in statement.tree.find_all(exp.SetOperation):
        if _cuts(node):
            raise StatementRefused(
                "LIMIT after a set operation would cut keys in the order of the store; select from it as a subquery."
            )
    return used


def _cuts(node: exp.Expr) -> bool:
    return node.args.get("limit") is not None or node.args.get("offset") is not None


def _windows(select: exp.Select) -> list[exp.Window]:
    return [window for window in select.find_all(exp.Window) if window.parent_select is select]


def _counts_rows(window: exp.Window) -> bool:
    spec = window.args.get("spec")
    return spec is not None and str(spec.args.get("kind") or "").upper() == "ROWS"


def _mixes(scope: Scope, kinds: Kinds, dialect: Dialect, numbered: dict[int, str]) -> list[exp.Expr]:
    """Return what ends the order of a SELECT: person numbers of its tables, or the keys that it groups by."""
    select = scope.select
    if select.args.get("group") is None and select.find(exp.AggFunc) is None:
        return _scan_mixes(scope, dialect, numbered) + _key_mixes(scope, kinds, dialect)
    group = select.args.get("group")
    keys = [_named(select, item) for item in (group.expressions if group else ())]
    return [
        _mix(key.copy(), dialect)
        for key in keys
        if isinstance(key, exp.Column) and kinds.of(key).sort is Sort.KEYED and _is_number(key, kinds, dialect)
    ]


def _named(select: exp.Select, item: exp.Expr) -> exp.Expr:
    """Return the expression that a GROUP BY item stands for, which may be the number of an output column."""
    if isinstance(item, exp.Literal) and str(item.this).isdigit():
        item = select.expressions[int(item.this) - 1]
    return item.this if isinstance(item, exp.Alias) else item


def _scan_mixes(scope: Scope, dialect: Dialect, numbered: dict[int, str]) -> list[exp.Expr]:
    if scope.select.args.get("group") is not None:
        return []
    return [
        _mix(
            exp.Column(
                this=exp.to_identifier(numbered[id(relation)], quoted=True),
                table=exp.to_identifier(relation.alias, quoted=True),
            ),
            dialect,
        )
        for relation in scope.sources.values()
        if id(relation) in numbered
    ]


def _key_mixes(scope: Scope, kinds: Kinds, dialect: Dialect) -> list[exp.Expr]:
    """Return mixes of the keys that come out of subqueries; governed tables have their person number."""
    found: list[exp.Expr] = []
    for relation in scope.sources.values():
        if relation.dataset is not None:
            continue
        for name, definition in relation.columns.items():
            if isinstance(definition, Physical) and definition.relation.dataset is None:
                continue
            kind = kinds.of_definition(definition)
            if kind.sort is Sort.KEYED and (dialect.kind is StoreKind.DUCKDB or kind.domain == "person"):
                column = exp.Column(
                    this=exp.to_identifier(name, quoted=True), table=exp.to_identifier(relation.alias, quoted=True)
                )
                found.append(_mix(column, dialect))
    return found


def _is_number(key: exp.Column, kinds: Kinds, dialect: Dialect) -> bool:
    return dialect.kind is StoreKind.DUCKDB or kinds.of(key).domain == "person"


def _mix(value: exp.Expr, dialect: Dialect) -> exp.Expr:
    """Return an expression whose order over keys looks random without the seeds."""
    a, b, c = (exp.Placeholder(this=name) for name in SEEDS)
    if dialect.kind is StoreKind.DUCKDB:
        return exp.Anonymous(this="HASH", expressions=[value, a, b, c])
    # SQLite has no hash: two rounds of multiplication modulo a prime, the second by a residue of the first.
    first = _residue(exp.Mul(this=exp.Paren(this=exp.Add(this=value, expression=a)), expression=b))
    second = _residue(exp.Mul(this=first.copy(), expression=first.copy()))
    return _residue(exp.Add(this=exp.Mul(this=second, expression=c), expression=first))


def _residue(value: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.Mod(this=exp.Paren(this=value), expression=exp.Literal.number(_PRIME)))
