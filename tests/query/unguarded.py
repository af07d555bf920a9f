"""Guards against names that engines read in their own way, each of which can be taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import ModuleType
from unittest import mock

from sqlglot import exp

from sekisho.domain.access import Use
from sekisho.domain.terms import StoreKind
from sekisho.query import allowlist, columns, kinds
from sekisho.query.columns import Columns
from sekisho.query.names import Definition, Derived, Scope, group_items
from tests.attacks.guards import lifted, sites_in

SQLITE, DUCKDB, POSTGRESQL = StoreKind.SQLITE, StoreKind.DUCKDB, StoreKind.POSTGRESQL

Guard = Callable[[], AbstractContextManager[object]]


def _refusal(module: ModuleType, function: str, words: str = "") -> Guard:
    """Return what takes away the refusals of *function*, those that say *words*."""
    found = [site for site in sites_in(module) if site.function == function and words in site.text]
    assert found, (function, words)
    return lambda: lifted(found)


@contextmanager
def _each(guards: tuple[Guard, ...]) -> Iterator[None]:
    with ExitStack() as stack:
        for guard in guards:
            stack.enter_context(guard())
        yield


def _both(*guards: Guard) -> Guard:
    return lambda: _each(guards)


def _outputs(self: Columns, node: exp.Select, scope: Scope) -> dict[str, Definition]:
    """Name output columns by their place, whatever else is called so."""
    del scope
    outputs: dict[str, Definition] = {}
    named: list[exp.Expr] = []
    for place, shown in enumerate(node.expressions, start=1):
        expression = shown.this if isinstance(shown, exp.Alias) else shown
        name = (shown.alias_or_name if isinstance(shown, exp.Alias | exp.Column) else "") or f"column{place}"
        while name in outputs:
            name += "_2"
        outputs[name] = self.statement.definitions.get(id(expression)) or Derived((expression,))
        named.append(exp.Alias(this=expression, alias=exp.to_identifier(name, quoted=True)))
    node.set("expressions", named)
    return outputs


def _order(self: Columns, order: exp.Expr, scope: Scope) -> None:
    """Look in the sources for what ORDER BY names, before the output columns."""
    for item in order.expressions:
        self.visit(item.this, scope, {Use.ORDERED}, aliases=True)


def _group(self: Columns, group: exp.Expr, scope: Scope) -> None:
    """Look among the output columns for what GROUP BY names, before the sources."""
    for item in group_items(group):
        self.visit(item, scope, {Use.GROUPED}, aliases=True, aliases_first=True)


UNGUARDED: dict[str, tuple[tuple[StoreKind, ...], Guard]] = {
    "stars in parentheses": (
        (DUCKDB,),
        _both(_refusal(allowlist, "_check_star"), _refusal(kinds, "Kinds.of", "select list")),
    ),
    "names that the gateway makes up": (
        (SQLITE, DUCKDB),
        lambda: mock.patch.object(Columns, "outputs", _outputs),
    ),
    "whole rows": ((DUCKDB,), _refusal(columns, "Columns._is_no_source")),
    "ORDER BY in parentheses": (
        (SQLITE, POSTGRESQL),
        lambda: mock.patch.object(columns, "_bare", lambda node: node),
    ),
    "names in ORDER BY": ((SQLITE, POSTGRESQL), lambda: mock.patch.object(Columns, "order", _order)),
    "names in GROUP BY": ((SQLITE, DUCKDB), lambda: mock.patch.object(Columns, "group", _group)),
    "columns without a name": ((DUCKDB,), lambda: mock.patch.object(columns, "is_made_up", return_value=False)),
    "operands that are masked": ((SQLITE, POSTGRESQL), _refusal(kinds, "Kinds._clear")),
    "sides of set operations": ((SQLITE,), _refusal(kinds, "_same")),
}
"""What is taken away, and on which engines the first statements of the generator show that it is missing."""
