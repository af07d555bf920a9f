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
from sekisho.query.names import Definition, Derived, Relation, Scope, Statement, physicals
from sekisho.query.parse import fold, shown_name

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
        name denotes a column of a statement around).
    """

    def __init__(self, statement: Statement, query: Resolve, *, lateral: bool) -> None:
        self.statement = statement
        self.query = query
        self.lateral = lateral

    # -- the select list ------------------------------------------------------------------------

    def expand_stars(self, node: exp.Select, scope: Scope) -> None:
        """Replace each star by its columns."""
        expanded: list[exp.Expr] = []
        for projection in node.expressions:
            if isinstance(projection, exp.Star):
                chosen = list(scope.sources.values())
            elif isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
                relation = scope.sources.get(fold(projection.table))
                if relation is None or not _same_dataset(projection, relation):
                    raise UnknownColumn(f"There is no source {shown_name(fold(projection.table))} to take * of.")
                chosen = [relation]
            else:
                expanded.append(projection)
                continue
            if not chosen:
                raise StatementRefused("* needs a FROM clause.")
            whole = isinstance(projection, exp.Star)
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
        times = Counter(fold(projection.alias_or_name) for projection in node.expressions)
        scope.repeated = frozenset(name for name, count in times.items() if name and count > 1)
        for projection in node.expressions:
            self.visit(projection, scope, set(), aliases=self.lateral)
            if isinstance(projection, exp.Alias):
                scope.aliases[fold(projection.alias)] = projection.this

    def outputs(self, node: exp.Select) -> dict[str, Definition]:
        """Give every output column a name of its own and return what each denotes."""
        wanted = [
            fold(projection.alias_or_name) if isinstance(projection, exp.Alias | exp.Column) else f"column{position}"
            for position, projection in enumerate(node.expressions, start=1)
        ]
        outputs: dict[str, Definition] = {}
        named: list[exp.Expr] = []
        for name, projection in zip(wanted, node.expressions, strict=True):
            expression = projection.this if isinstance(projection, exp.Alias) else projection
            unique, n = name, 1
            # Never a name that another column asks for: a reference to it must stay that column's.
            while unique in outputs or (n > 1 and unique in wanted):
                n += 1
                unique = f"{name}_{n}"
            outputs[unique] = self.statement.definitions.get(id(expression)) or Derived((expression,))
            named.append(exp.Alias(this=expression, alias=exp.to_identifier(unique, quoted=True)))
        node.set("expressions", named)
        return outputs

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
        name, table = fold(node.name), fold(node.table)
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
                    return self._column(node, name, relation)
            else:
                found = [relation for relation in here.sources.values() if name in relation.columns]
                merged = here.merged.get(name)
                if len(found) > (1 if merged is None else len(merged.parts)) or (merged and here is not scope):
                    raise StatementRefused(
                        f"Column {shown_name(name)} is in several sources; put the alias before it."
                    )
                if merged is not None:
                    node.set("this", exp.to_identifier(name, quoted=True))
                    return merged
                if found:
                    return self._column(node, name, found[0])
                if aliases and here is scope and name in scope.aliases:
                    return self._alias(node, name, scope)
            here = here.parent
        raise UnknownColumn(f"There is no column {shown_name(name)} in the sources of this statement.")

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
        for physical in physicals(definition, self.statement):
            dataset = physical.relation.dataset
            if dataset is not None:
                physical.relation.used.add(physical.column.name)
                self.statement.uses[dataset.name].setdefault(physical.column.name, set()).update(uses)


_COMPARISONS = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.Between, exp.In, exp.Is,
    exp.NullSafeEQ, exp.NullSafeNEQ,
)  # fmt: skip


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


def _same_dataset(node: exp.Column, relation: Relation) -> bool:
    return not node.args.get("db") or (
        relation.dataset is not None and relation.dataset.name == f"{fold(node.args['db'].name)}.{fold(node.table)}"
    )
