"""ORDER BY and LIMIT that stand on DISTINCT or a set operation are lifted into a SELECT around it.

There an order can be ended by a mix of keys (see ``order.py``), which no engine accepts on DISTINCT itself.
``SELECT DISTINCT a FROM t LIMIT 2`` becomes ``SELECT * FROM (SELECT DISTINCT a FROM t) AS "__rows" LIMIT 2``: the
same rows may be chosen, in the same order.
"""

from __future__ import annotations

from sqlglot import exp

_LIFTED = ("order", "limit", "offset")


def lift(tree: exp.Query) -> exp.Query:
    """Return *tree* with what can be lifted lifted; an ORDER BY of something else than outputs stays where it is."""
    for node in list(tree.find_all(exp.Query)):
        stands_on = isinstance(node, exp.SetOperation) or (
            isinstance(node, exp.Select) and node.args.get("distinct") is not None
        )
        cuts = node.args.get("limit") is not None or node.args.get("offset") is not None
        if not stands_on or not (cuts or (node is tree and node.args.get("order") is not None)):
            continue
        outer = _around(node)
        if outer is None:
            continue
        if node is tree:
            tree = outer
        else:
            node.replace(outer)
        _into(outer, node)
    return tree


def _around(node: exp.Query) -> exp.Select | None:
    """Return an empty SELECT with what *node* is ordered and cut by, by position; ``None`` where that is unclear."""
    first: exp.Expr = node
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    if not isinstance(first, exp.Select) or any(p.is_star for p in first.expressions):
        names: list[str] | None = None
    else:
        names = [p.alias_or_name if isinstance(p, exp.Alias | exp.Column) else "" for p in first.expressions]
    order = node.args.get("order")
    items: list[exp.Expr] = []
    for item in order.expressions if order else ():
        position = _position(item.this, first, names)
        if position is None:
            return None
        # By name where it is one of a kind, so that the policy hears which column orders.
        name = names[position - 1] if names and position <= len(names) else ""
        what = exp.column(name) if name and names and names.count(name) == 1 else exp.Literal.number(position)
        items.append(exp.Ordered(this=what, desc=item.args.get("desc"), nulls_first=item.args.get("nulls_first")))
    outer = exp.Select(expressions=[exp.Star()])
    if items:
        outer.set("order", exp.Order(expressions=items))
    for part in ("limit", "offset", "with_"):
        outer.set(part, node.args.get(part))
    return outer


def _position(item: exp.Expr, first: exp.Expr, names: list[str] | None) -> int | None:
    if isinstance(item, exp.Literal) and str(item.this).isdigit():
        return int(item.this)
    if names is None or not isinstance(first, exp.Select):
        return None
    if isinstance(item, exp.Column) and not item.table and names.count(item.name) == 1:
        return names.index(item.name) + 1
    for position, projection in enumerate(first.expressions, start=1):
        if (projection.this if isinstance(projection, exp.Alias) else projection) == item:
            return position
    return None


def _into(outer: exp.Select, node: exp.Query) -> None:
    for part in (*_LIFTED, "with_"):
        node.set(part, None)
    rows = exp.TableAlias(this=exp.to_identifier("__rows", quoted=True))
    outer.set("from_", exp.From(this=exp.Subquery(this=node, alias=rows)))
