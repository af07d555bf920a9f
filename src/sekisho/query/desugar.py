"""What a statement may say in two ways is written in one, so that no rule after this meets the second.

On the tree as it was read, before anything is allowed or refused: ``OVER w`` becomes the window that ``w`` names,
``MATERIALIZED`` is dropped (it asks for speed, not for other rows), and a text that is joined from rows has them in
an order that does not depend on where they lie in the store.
"""

from __future__ import annotations

from sqlglot import exp

from sekisho.errors import StatementRefused


def write_out(tree: exp.Query) -> None:
    """Rewrite *tree* in place."""
    for select in list(tree.find_all(exp.Select)):
        _windows(select)
        group = select.args.get("group")
        if group is not None and group.args.get("all") is False:
            raise StatementRefused("GROUP BY DISTINCT is not on the allow-list.")  # the tree does not keep it
    for cte in tree.find_all(exp.CTE):
        cte.set("materialized", None)
    for joined in tree.find_all(exp.GroupConcat):
        _in_order(joined)


def positions_for_all(tree: exp.Query) -> None:
    """Write ``GROUP BY ALL`` as the numbers of the output columns without an aggregate; a star stays refused."""
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        if group is None or not group.args.get("all") or group.expressions or select.is_star:
            continue
        numbers = [n for n, shown in enumerate(select.expressions, start=1) if not _aggregates(shown, select)]
        select.set("group", exp.Group(expressions=[exp.Literal.number(n) for n in numbers]) if numbers else None)


def _aggregates(shown: exp.Expr, select: exp.Select) -> bool:
    return any(found.parent_select is select for found in shown.find_all(exp.AggFunc))


def _windows(select: exp.Select) -> None:
    """Put named windows where they are named. One that is never named stays, and is refused."""
    named: dict[str, exp.Expr] = {}
    for window in select.args.get("windows") or ():
        name = window.this.name.lower()
        if name in named or window.args.get("alias") is not None:
            raise StatementRefused("Each name of a WINDOW clause stands for one whole window.")
        named[name] = window
    if not named:
        return
    used: set[str] = set()
    for window in list(select.find_all(exp.Window)):
        alias = window.args.get("alias")
        if alias is None or window.parent_select is not select:
            continue
        meant = named.get(alias.name.lower())
        if meant is None or any(window.args.get(part) for part in ("partition_by", "order", "spec")):
            raise StatementRefused("OVER takes the name of a window of its own SELECT, or a window in parentheses.")
        used.add(alias.name.lower())
        window.set("alias", None)
        whole = meant.copy()
        for part in ("partition_by", "order", "spec"):
            window.set(part, whole.args.get(part))
    if used == set(named):
        select.set("windows", None)


def _in_order(joined: exp.GroupConcat) -> None:
    """End the order of STRING_AGG by the value itself: rows that tie are then the same text."""
    inner = joined.this
    order = inner if isinstance(inner, exp.Order) else exp.Order(this=inner, expressions=[])
    value = order.this.expressions[0] if isinstance(order.this, exp.Distinct) else order.this
    if not any(item.this == value for item in order.expressions):
        order.append("expressions", exp.Ordered(this=value.copy(), nulls_first=False))
    joined.set("this", order)


__all__ = ["positions_for_all", "write_out"]
