"""Every column of a statement, bound to what it denotes in the way that the engine will bind it.

Where engines differ, or where a name could mean two things, the reference is refused or written out with
its alias: a name that we read in one way and the engine in another would pass a raw value as a clear one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from sqlglot import exp

from sekisho.domain.access import Use
from sekisho.errors import StatementRefused, UnknownColumn
from sekisho.query.names import Definition, Derived, Relation, Scope, Statement, group_items, is_made_up, physicals
from sekisho.query.parse import shown_name

Resolve = Callable[[exp.Expr, Scope | None, dict[str, Relation]], dict[str, Definition]]


class Columns:
    """Binds the columns of one statement.

    Parameters
    ----------
    statement:
        What is being resolved.
    query:
        Resolves a subquery, given the scope around it.
    lateral:
        Whether a select list may refer to the names of its own earlier columns (DuckDB; in SQLite such a
        name denotes a column of a statement around). There, a source's name is also a value: its whole row.
    standard:
        As ``Dialect.standard_names``.
    """

    def __init__(self, statement: Statement, query: Resolve, *, lateral: bool, standard: bool = False) -> None:
        self.statement = statement
        self.query = query
        self.lateral = lateral
        self.standard = standard
        self.made: set[Use] = set()

    # -- the select list ------------------------------------------------------------------------

    def expand_stars(self, node: exp.Select, scope: Scope) -> None:
        """Replace each star by its columns."""
        expanded: list[exp.Expr] = []
        for projection in node.expressions:
            if isinstance(projection, exp.Star):
                chosen = list(scope.sources.values())
            elif isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
                relation = scope.sources.get(projection.table)
                if relation is None or not _same_dataset(projection, relation):
                    raise UnknownColumn(f"There is no source {shown_name(projection.table)} to take * of.")
                if not (self.lateral or self.standard) and _is_merged_anew(node, relation, scope):
                    raise StatementRefused(
                        "SQLite reads * of a source beside outer JOIN USING as it likes; name columns."
                    )
                chosen = [relation]
            else:
                expanded.append(projection)
                continue
            if not chosen:
                raise StatementRefused("* needs a FROM clause.")
            whole = isinstance(projection, exp.Star)
            if whole and self.standard:
                expanded += [exp.column(*place) for place in _in_standard_order(node, chosen)]
                continue
            seen: set[str] = set()
            for relation in chosen:
                for name in relation.columns:
                    if whole and name in scope.merged:
                        if name in seen:
                            continue
                        seen.add(name)
                        expanded.append(exp.column(name))
                    else:
                        expanded.append(exp.column(name, table=relation.alias))
        node.set("expressions", expanded)

    def select_list(self, node: exp.Select, scope: Scope) -> None:
        """Bind the select list; afterwards the other clauses may refer to its names."""
        if not node.expressions:
            raise StatementRefused("SELECT names at least one column.")
        self.expand_stars(node, scope)
        times = Counter(projection.alias_or_name for projection in node.expressions)
        scope.repeated = frozenset(name for name, count in times.items() if name and count > 1)
        for projection in node.expressions:
            self.visit(projection, scope, set(), aliases=self.lateral)
            if isinstance(projection, exp.Alias):
                scope.aliases[projection.alias] = projection.this

    def outputs(self, node: exp.Select, scope: Scope) -> dict[str, Definition]:
        """Give every output column a name of its own and return what each denotes."""
        wanted = [
            projection.alias_or_name if isinstance(projection, exp.Alias | exp.Column) else ""
            for projection in node.expressions
        ]
        # Never a name by which the statement means something else: a reference to it must stay that column's.
        meant = scope.merged.keys() | set(wanted)
        outputs: dict[str, Definition] = {}
        named: list[exp.Expr] = []
        for position, (asked, projection) in enumerate(zip(wanted, node.expressions, strict=True), start=1):
            expression = projection.this if isinstance(projection, exp.Alias) else projection
            name = unique = asked or f"column{position}"
            n = 1
            while unique in outputs or (unique in meant and (n > 1 or not asked)):
                n += 1
                unique = f"{name}_{n}"
            definition = self.statement.definitions.get(id(expression))
            outputs[unique] = definition or Derived((expression,), made_up="" if asked else unique)
            named.append(exp.Alias(this=expression, alias=exp.to_identifier(unique, quoted=True)))
        node.set("expressions", named)
        return outputs

    # -- the other clauses ------------------------------------------------------------------------

    def condition(self, clause: exp.Expr, scope: Scope, uses: set[Use]) -> None:
        """Bind WHERE, HAVING or QUALIFY; the standard knows no output names there."""
        self.visit(clause, scope, uses, aliases=not self.standard)

    def group(self, group: exp.Expr, scope: Scope) -> None:
        """Bind GROUP BY: a name is a column of a source, or else an output column."""
        if not self.standard:
            self.visit(group, scope, {Use.GROUPED}, aliases=True)
            return
        for item in group_items(group):
            self.visit(item, scope, {Use.GROUPED}, aliases=isinstance(_bare(item), exp.Column))

    def order(self, order: exp.Expr, scope: Scope) -> None:
        """Bind ORDER BY: a name is an output column, or else a column of a source; so is one in parentheses."""
        for item in order.expressions:
            what = _bare(item.this)
            named = isinstance(what, exp.Column)
            self.visit(what, scope, {Use.ORDERED}, aliases=named or not self.standard, aliases_first=named)

    def on(self, join: exp.Join, scope: Scope, hidden: set[str]) -> None:
        """Bind the condition of *join*, which does not see the sources called *hidden*."""
        scope.hidden = frozenset(hidden)
        self.visit(join.args["on"], scope, {Use.JOINED})
        scope.hidden = frozenset()

    # -- expressions ----------------------------------------------------------------------------

    def visit(
        self,
        node: exp.Expr,
        scope: Scope,
        uses: set[Use],
        *,
        aliases: bool = False,
        aliases_first: bool = False,
    ) -> None:
        """Bind every column below *node*, each noted with the *uses* that surround it.

        *aliases* lets a name denote an output column of this SELECT where no source has it, *aliases_first*
        before its sources (ORDER BY).
        """
        if isinstance(node, exp.Query | exp.Subquery):
            self.query(node, scope, scope.ctes)
            return
        if isinstance(node, exp.Column):
            definition = self._find(node, scope, aliases=aliases, aliases_first=aliases_first)
            self.bind(node, definition)
            self.note(definition, uses or {Use.SHOWN})
            return
        inner = uses | _use_of(node)
        if isinstance(node, exp.In) and node.args.get("query") is not None:
            self.query(node.args["query"], scope, scope.ctes)
            self.visit(node.this, scope, inner, aliases=aliases)
            return
        if isinstance(node, exp.Window):
            for key, extra in (("this", set()), ("partition_by", {Use.GROUPED}), ("order", {Use.ORDERED})):
                value = node.args.get(key)
                for child in value if isinstance(value, list) else [value] if value is not None else []:
                    self.visit(child, scope, inner | extra, aliases=aliases)
            return
        for child in node.iter_expressions():
            self.visit(child, scope, inner, aliases=aliases)

    def _find(self, node: exp.Column, scope: Scope, *, aliases: bool, aliases_first: bool) -> Definition:
        name, table = node.name, node.table
        if isinstance(node.this, exp.Star):
            raise StatementRefused("* stands in the select list or in COUNT(*).")
        if not table and aliases_first and name in scope.aliases:
            return self._alias(node, name, scope)
        here: Scope | None = scope
        while here is not None:
            if table:
                relation = here.sources.get(table)
                if relation is not None and not _same_dataset(node, relation):
                    # The engine would take the nearer source of this name.
                    raise StatementRefused(f"{shown_name(table)} is an alias of something else here; rename it.")
                if relation is not None:
                    self._seen(relation, here)
                    return self._column(node, name, relation)
            else:
                found = [relation for relation in here.sources.values() if name in relation.columns]
                merged = here.merged.get(name)
                if any(is_made_up(name, relation.columns[name]) for relation in found):
                    # To the engine the column has no name, or one that it made up itself.
                    raise StatementRefused(f"{shown_name(name)} is a column without a name; give it one with AS.")
                if len(found) > (1 if merged is None else len(merged.parts)) or (merged and here is not scope):
                    raise StatementRefused(
                        f"Column {shown_name(name)} is in several sources; put the alias before it."
                    )
                for relation in found:
                    self._seen(relation, here)
                if found and name in _OF_ROWS and here is not scope:
                    raise StatementRefused(f"{shown_name(name)} may be the number of a row; put the alias before it.")
                if merged is not None:
                    node.set("this", exp.to_identifier(name, quoted=True))
                    return merged
                if found:
                    return self._column(node, name, found[0])
                if aliases and here is scope and name in scope.aliases:
                    if not aliases_first:
                        self._is_no_source(name, scope)
                        if name in _OF_ROWS:
                            raise StatementRefused(
                                f"{shown_name(name)} may be the number of a row; call it otherwise."
                            )
                    return self._alias(node, name, scope)
            here = here.parent
        raise UnknownColumn(f"There is no column {shown_name(name)} in the sources of this statement.")

    @staticmethod
    def _seen(relation: Relation, scope: Scope) -> None:
        if relation.alias in scope.hidden:
            # PostgreSQL would look for another source of this name in the statements around.
            raise StatementRefused(f"ON does not see {shown_name(relation.alias)}: it joins other sources.")

    def _is_no_source(self, name: str, scope: Scope) -> None:
        """Refuse a name that DuckDB would read as the whole row of a source, raw columns among it."""
        around: Scope | None = scope if self.lateral else None
        while around is not None:
            if name in around.sources:
                raise StatementRefused(f"{shown_name(name)} is an output column and a source; rename one of them.")
            around = around.parent

    def _alias(self, node: exp.Column, name: str, scope: Scope) -> Definition:
        if name in scope.repeated:
            raise StatementRefused(f"Several output columns are called {shown_name(name)}; give them other names.")
        # The engine resolves the name itself; its spelling is that of the select list.
        node.set("this", exp.to_identifier(name, quoted=True))
        return Derived((scope.aliases[name],))

    def _column(self, node: exp.Column, name: str, relation: Relation) -> Definition:
        if name not in relation.columns:
            raise UnknownColumn(f"There is no column {shown_name(name)} in {shown_name(relation.alias)}.")
        node.set("this", exp.to_identifier(name, quoted=True))
        node.set("table", exp.to_identifier(relation.alias, quoted=True))
        node.set("db", None)
        relation.used.add(name)
        return relation.columns[name]

    def bind(self, node: exp.Column, definition: Definition) -> None:
        """Remember what *node* denotes."""
        self.statement.definitions[id(node)] = definition
        self.statement.kept.append(node)

    def note(self, definition: Definition, uses: set[Use]) -> None:
        """Remember how the physical columns behind *definition* are used."""
        self.made |= uses
        for physical in physicals(definition, self.statement):
            dataset = physical.relation.dataset
            if dataset is not None:
                physical.relation.used.add(physical.column.name)
                self.statement.uses[dataset.name].setdefault(physical.column.name, set()).update(uses)


_COMPARISONS = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.Between, exp.In, exp.Is,
    exp.NullSafeEQ, exp.NullSafeNEQ,
)  # fmt: skip


# What SQLite takes for the number of a row, also of a subquery, before it looks for an output column.
_OF_ROWS = frozenset({"rowid", "_rowid_", "oid"})


def _use_of(node: exp.Expr) -> set[Use]:
    if isinstance(node, _COMPARISONS):
        return {Use.COMPARED}
    if isinstance(node, exp.AggFunc):
        return {Use.AGGREGATED}
    if isinstance(node, exp.Func | exp.Cast | exp.Binary | exp.Unary) and not isinstance(
        node, exp.Connector | exp.Paren | exp.Not | exp.Alias
    ):
        return {Use.PASSED}
    return set()


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _in_standard_order(node: exp.Select, sources: list[Relation]) -> list[tuple[str, ...]]:
    """Return the columns of ``*``, by name or by name and source: those of USING stand first, once."""
    columns: list[tuple[str, ...]] = [(name, sources[0].alias) for name in sources[0].columns]
    before: list[tuple[str, ...]] = []
    for join, relation in zip(node.args.get("joins") or [], sources[1:], strict=True):
        if is_comma(join):
            before, columns = before + columns, []
        merged = [name.name for name in join.args.get("using") or []]
        left = [place for place in columns if place[0] not in merged]
        right = [(name, relation.alias) for name in relation.columns if name not in merged]
        columns = [*((name,) for name in merged), *left, *right]
    return before + columns


def _is_merged_anew(node: exp.Select, relation: Relation, scope: Scope) -> bool:
    """Return whether SQLite may show a column of another source, merged by USING, as one of *relation*."""
    sources, joins = list(scope.sources), node.args.get("joins") or []
    own = sources.index(relation.alias)
    first = len(sources) - len(joins)
    merging = [
        place
        for place, join in enumerate(joins, start=first)
        if any(name.name in relation.columns for name in join.args.get("using") or ())
    ]
    sides = {str(join.args.get("side") or "").upper() for join in joins}
    return bool(merging) and (not sides.isdisjoint({"RIGHT", "FULL"}) or ("LEFT" in sides and 0 < own < max(merging)))


def is_comma(join: exp.Join) -> bool:
    """Return whether *join* is a comma: what stands before it is not joined with what follows."""
    return not any(join.args.get(part) for part in ("kind", "side", "on", "using", "method"))


def _same_dataset(node: exp.Column, relation: Relation) -> bool:
    return not node.args.get("db") or (
        relation.dataset is not None and relation.dataset.name == f"{node.args['db'].name}.{node.table}"
    )
