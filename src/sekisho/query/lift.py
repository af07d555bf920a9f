"""ORDER BY and LIMIT that stand on DISTINCT or a set operation are lifted into a SELECT around it.

There an order can be ended by a mix of keys (see ``order.py``), which no engine accepts on DISTINCT itself.
``SELECT DISTINCT a FROM t LIMIT 2`` becomes ``SELECT * FROM (SELECT DISTINCT a FROM t) AS "__rows" LIMIT 2``: the
same rows may be chosen, in the same order.
"""

from __future__ import annotations

from sqlglot import exp

from sekisho.errors import StatementRefused

_LIFTED = ("order", "limit", "offset")


def lift(tree: exp.Query) -> exp.Query:
    """Return *tree* with what can be lifted lifted; an ORDER BY of something else than outputs stays where it is."""
    for select in list(tree.find_all(exp.Select)):
        if select.args.get("distinct") is not None and select.args["distinct"].args.get("on") is not None:
            first = _first_rows(select)
            if select is not tree and not _cuts(first):
                first.set("order", None)  # it chose the rows; a subquery's own order says nothing
            if select is tree:
                tree = first
            else:
                select.replace(first)
            inner = first.args["from_"].this
            inner.set("this", select)
    for node in list(tree.find_all(exp.Query)):
        stands_on = isinstance(node, exp.SetOperation) or (
            isinstance(node, exp.Select) and node.args.get("distinct") is not None
        )
        cuts = _cuts(node)
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


def _cuts(node: exp.Query) -> bool:
    return node.args.get("limit") is not None or node.args.get("offset") is not None


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
    if isinstance(item, exp.Literal) and not item.is_string and str(item.this).isdigit():
        return int(item.this)
    if names is None or not isinstance(first, exp.Select):
        return None
    if isinstance(item, exp.Column) and not item.table and names.count(item.name) == 1:
        return names.index(item.name) + 1
    for position, projection in enumerate(first.expressions, start=1):
        if (projection.this if isinstance(projection, exp.Alias) else projection) == item:
            return position
    return None


def _first_rows(select: exp.Select) -> exp.Select:
    """Return a SELECT of the first row for each value of DISTINCT ON; *select*, changed, belongs into its FROM.

    ``SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, c`` becomes ``SELECT a, b FROM (SELECT a, b, ROW_NUMBER() OVER
    (PARTITION BY a ORDER BY c) AS "__nth" FROM t) AS "__rows" WHERE "__nth" = 1 ORDER BY a``.
    """
    if any(p.is_star for p in select.expressions):
        raise StatementRefused("DISTINCT ON names its columns; * does not stand beside it.")
    shown = [p.alias_or_name or f"column{n}" for n, p in enumerate(select.expressions, start=1)]
    if len(set(shown)) != len(shown):
        raise StatementRefused("DISTINCT ON needs a name of its own for each column.")

    def meant(item: exp.Expr) -> exp.Expr:
        position = _position(item, select, shown)
        if position is None:
            return item
        if not 1 <= position <= len(shown):
            raise StatementRefused("A column number in DISTINCT ON is out of range.")
        projection: exp.Expr = select.expressions[position - 1].unalias()
        return projection

    on = select.args["distinct"].args["on"]
    keys = [meant(item) for item in (on.expressions if isinstance(on, exp.Tuple) else [on.unnest()])]
    order = select.args.get("order")
    items = list(order.expressions) if order is not None else []
    leading = next((n for n, item in enumerate(items) if meant(item.this) not in keys), len(items))
    if len({meant(item.this) for item in items[:leading]}) == len(set(keys)):
        items = items[:leading]  # each row has a place by these alone
    outer = exp.Select(expressions=[exp.column(exp.to_identifier(name, quoted=True)) for name in shown])
    outer_items = []
    for item in items:
        places = [n for n, p in enumerate(select.expressions) if p.unalias() == meant(item.this)]
        if not places:
            raise StatementRefused("ORDER BY beside DISTINCT ON takes what DISTINCT ON names, or output columns.")
        named = exp.column(exp.to_identifier(shown[places[0]], quoted=True))
        outer_items.append(
            exp.Ordered(this=named, desc=item.args.get("desc"), nulls_first=item.args.get("nulls_first"))
        )
    if outer_items:
        outer.set("order", exp.Order(expressions=outer_items))
    for part in ("limit", "offset", "with_"):
        outer.set(part, select.args.get(part))
    within = [
        item.copy() for item in (order.expressions if order is not None else ()) if meant(item.this) not in keys
    ]
    for item in within:
        item.set("this", meant(item.this).copy())
    number = exp.Window(
        this=exp.RowNumber(),
        partition_by=[key.copy() for key in keys],
        order=exp.Order(expressions=within) if within else None,
        over="OVER",
    )
    for part in ("distinct", "order", "limit", "offset", "with_"):
        select.set(part, None)
    named_columns = [
        exp.Alias(this=p.unalias(), alias=exp.to_identifier(name, quoted=True))
        for p, name in zip(select.expressions, shown, strict=True)
    ]
    nth = exp.to_identifier("__nth", quoted=True)
    select.set("expressions", [*named_columns, exp.Alias(this=number, alias=nth)])
    rows = exp.TableAlias(this=exp.to_identifier("__rows", quoted=True))
    outer.set("from_", exp.From(this=exp.Subquery(alias=rows)))
    outer.set("where", exp.Where(this=exp.EQ(this=exp.column(nth.copy()), expression=exp.Literal.number(1))))
    return outer


def _into(outer: exp.Select, node: exp.Query) -> None:
    for part in (*_LIFTED, "with_"):
        node.set(part, None)
    rows = exp.TableAlias(this=exp.to_identifier("__rows", quoted=True))
    outer.set("from_", exp.From(this=exp.Subquery(this=node, alias=rows)))
