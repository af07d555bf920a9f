"""Every table and column of a statement, bound to the catalogue.

Resolution rewrites names in place: each column becomes ``"alias"."column"`` with the catalogue's
spelling, each star its columns, each physical table a node that the rules replace. Nothing that
cannot be bound survives, so a whole-row or positional reference has nothing to refer to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from sekisho.domain.access import Use
from sekisho.domain.terms import Column, Dataset
from sekisho.errors import StatementRefused, UnknownColumn
from sekisho.query.parse import fold, shown_name


@dataclass(frozen=True, eq=False)
class Physical:
    """A column of a governed table, as one alias of the statement sees it."""

    relation: Relation
    column: Column


@dataclass(frozen=True, eq=False)
class Derived:
    """A column computed by the statement itself: an expression, or one per branch of a set operation."""

    expressions: tuple[exp.Expr, ...]


@dataclass(frozen=True, eq=False)
class Merged:
    """A column of JOIN … USING: the same value on both sides."""

    parts: tuple[Definition, ...]


Definition = Physical | Derived | Merged


@dataclass(eq=False)
class Relation:
    """Something in a FROM clause, and the columns it offers in order."""

    alias: str
    columns: dict[str, Definition]
    dataset: Dataset | None = None
    table: exp.Table | None = None
    used: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Scope:
    """One SELECT, its sources and what it may see of the SELECTs around it."""

    select: exp.Select
    parent: Scope | None
    ctes: dict[str, Relation]
    sources: dict[str, Relation] = field(default_factory=dict)
    merged: dict[str, Merged] = field(default_factory=dict)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)


@dataclass(eq=False)
class Statement:
    """A resolved statement.

    Attributes
    ----------
    tree:
        The statement with all names bound; owned by one rewriting, which changes it.
    relations:
        Every occurrence of a governed table.
    scopes:
        Every SELECT, outermost first in its own subtree order.
    definitions:
        What each column node denotes, by identity of the node.
    outputs:
        Name and definition of each output column of the whole statement.
    uses:
        How each column of each dataset is used.
    """

    tree: exp.Query
    relations: list[Relation] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    definitions: dict[int, Definition] = field(default_factory=dict)
    outputs: dict[str, Definition] = field(default_factory=dict)
    uses: dict[str, dict[str, set[Use]]] = field(default_factory=dict)
    kept: list[exp.Expr] = field(default_factory=list)


def resolve(tree: exp.Query, visible: dict[str, Dataset]) -> Statement:
    """Bind *tree* to the *visible* datasets.

    Raises
    ------
    UnknownColumn
        When a column is in none of the sources.
    StatementRefused
        When a name is ambiguous or a construct cannot be bound.
    """
    resolver = _Resolver(tree, visible)
    statement = resolver.statement
    statement.outputs = resolver.query(tree, None, {})
    if not statement.relations:
        raise StatementRefused("The statement reads no dataset.")
    return statement


def physicals(definition: Definition, statement: Statement) -> Iterator[Physical]:
    """Yield the physical columns from which *definition* is computed, repeats included."""
    if isinstance(definition, Physical):
        yield definition
    elif isinstance(definition, Merged):
        for part in definition.parts:
            yield from physicals(part, statement)
    else:
        for expression in definition.expressions:
            if isinstance(expression, Bound):
                yield from physicals(expression.definition, statement)
            for column in expression.find_all(exp.Column):
                inner = statement.definitions.get(id(column))
                if inner is not None and inner is not definition:
                    yield from physicals(inner, statement)


class _Resolver:
    def __init__(self, tree: exp.Query, visible: dict[str, Dataset]) -> None:
        self.statement = Statement(tree)
        self.visible = visible

    # -- queries ------------------------------------------------------------------------------

    def query(self, node: exp.Expr, parent: Scope | None, ctes: dict[str, Relation]) -> dict[str, Definition]:
        """Resolve a query expression and return its output columns."""
        if isinstance(node, exp.Subquery):
            return self.query(node.this, parent, ctes)
        if isinstance(node, exp.Select):
            ctes = self._with(node, parent, ctes)
            return self._select(node, parent, ctes)
        if isinstance(node, exp.SetOperation):
            ctes = self._with(node, parent, ctes)
            return self._set_operation(node, parent, ctes)
        raise StatementRefused("A subquery must be a SELECT.")

    def _with(self, node: exp.Query, parent: Scope | None, ctes: dict[str, Relation]) -> dict[str, Relation]:
        clause = node.args.get("with_")
        if clause is None:
            return ctes
        ctes = dict(ctes)
        for cte in clause.expressions:
            name = fold(cte.alias)
            body = cte.this
            columns = None
            if clause.args.get("recursive") and isinstance(body, exp.SetOperation):
                # The anchor names and types the columns; the recursive branch then sees them.
                anchor = self.query(body.left, parent, ctes)
                columns = self._renamed(anchor, cte.args["alias"])
                branch = self.query(body.right, parent, ctes | {name: Relation(name, columns)})
                if len(branch) != len(columns):
                    raise StatementRefused("Both branches of a recursive WITH need the same columns.")
                columns = {
                    key: Derived(_expressions(left) + _expressions(right))
                    for (key, left), right in zip(columns.items(), branch.values(), strict=True)
                }
            else:
                columns = self._renamed(self.query(body, parent, ctes), cte.args["alias"])
            ctes[name] = Relation(name, columns)
        return ctes

    def _set_operation(
        self, node: exp.SetOperation, parent: Scope | None, ctes: dict[str, Relation]
    ) -> dict[str, Definition]:
        left = self.query(node.left, parent, ctes)
        right = self.query(node.right, parent, ctes)
        if len(left) != len(right):
            raise StatementRefused("Both sides of a set operation need the same number of columns.")
        outputs: dict[str, Definition] = {
            name: Derived(_expressions(a) + _expressions(b))
            for (name, a), b in zip(left.items(), right.values(), strict=True)
        }
        order = node.args.get("order")
        for item in order.expressions if order else ():
            for column in item.find_all(exp.Column):
                definition = outputs.get(fold(column.name)) if not column.table else None
                if definition is None:
                    raise UnknownColumn("ORDER BY after a set operation takes names of its output columns.")
                column.set("this", exp.to_identifier(fold(column.name), quoted=True))
                self.bind(column, definition)
                self.note(definition, {Use.ORDERED})
        return outputs

    def _select(self, node: exp.Select, parent: Scope | None, ctes: dict[str, Relation]) -> dict[str, Definition]:
        scope = Scope(node, parent, ctes)
        self.statement.scopes.append(scope)
        source = node.args.get("from_")
        if source is not None:
            self._source(source.this, scope)
        joins = node.args.get("joins") or []
        for join in joins:
            self._source(join.this, scope)
            for name in join.args.get("using") or []:
                self._using(name, scope)
        self._expand_stars(node, scope)
        for projection in node.expressions:
            if isinstance(projection, exp.Alias):
                scope.aliases[fold(projection.alias)] = projection.this
        for projection in node.expressions:
            self._visit(projection, scope, set(), aliases=True)
        for join in joins:
            if join.args.get("on") is not None:
                self._visit(join.args["on"], scope, {Use.JOINED})
        for key, uses in (
            ("where", {Use.COMPARED}),
            ("group", {Use.GROUPED}),
            ("having", {Use.COMPARED}),
            ("qualify", {Use.COMPARED}),
        ):
            if node.args.get(key) is not None:
                self._visit(node.args[key], scope, uses, aliases=True)
        order = node.args.get("order")
        for item in order.expressions if order else ():
            self._visit(item, scope, {Use.ORDERED}, aliases=True, aliases_first=isinstance(item.this, exp.Column))
        return self._outputs(node)

    # -- sources ------------------------------------------------------------------------------

    def _source(self, node: exp.Expr, scope: Scope) -> None:
        if isinstance(node, exp.Table):
            relation = self._table(node, scope)
        elif isinstance(node, exp.Subquery):
            if not node.alias:
                raise StatementRefused("A subquery in FROM needs an alias.")
            columns = self._renamed(self.query(node.this, None, scope.ctes), node.args["alias"])
            relation = Relation(fold(node.alias), columns)
        elif isinstance(node, exp.Values):
            relation = self._values(node)
        else:
            raise StatementRefused("FROM takes datasets, subqueries and VALUES.")
        if relation.alias in scope.sources:
            raise StatementRefused(f"Two sources are called {shown_name(relation.alias)}; give them aliases.")
        scope.sources[relation.alias] = relation

    def _table(self, node: exp.Table, scope: Scope) -> Relation:
        alias = fold(node.alias or node.name)
        name = fold(node.name)
        if not node.db and name in scope.ctes:
            cte = scope.ctes[name]
            columns = self._renamed(dict(cte.columns), node.args.get("alias"))
            node.set("this", exp.to_identifier(name, quoted=True))
            node.set("alias", _alias(alias, columns if _column_names(node.args.get("alias")) else None))
            return Relation(alias, columns)
        dataset = self.visible.get(f"{fold(node.db)}.{name}")
        if dataset is None:  # a CTE's name used where it is out of scope
            raise StatementRefused(f"{shown_name(name)} is not defined here; name datasets as store.table.")
        if _column_names(node.args.get("alias")):
            raise StatementRefused("A dataset's columns are not renamed in FROM; use AS in the select list.")
        relation = Relation(alias, {}, dataset, node)
        relation.columns = {column.name: Physical(relation, column) for column in dataset.columns}
        self.statement.relations.append(relation)
        self.statement.uses.setdefault(dataset.name, {})
        return relation

    def _values(self, node: exp.Values) -> Relation:
        alias = node.args.get("alias")
        names = _column_names(alias)
        rows = node.expressions
        if not names or any(len(row.expressions) != len(names) for row in rows):
            raise StatementRefused("VALUES in FROM needs an alias that names its columns: AS v(a, b).")
        if node.find(exp.Column, exp.Query) is not None:
            raise StatementRefused("VALUES takes literals and parameters.")
        columns: dict[str, Definition] = {
            name: Derived(tuple(row.expressions[i] for row in rows)) for i, name in enumerate(names)
        }
        return Relation(fold(alias.name if alias is not None else ""), columns)

    def _using(self, name: exp.Identifier, scope: Scope) -> None:
        key = fold(name.name)
        parts = [r.columns[key] for r in scope.sources.values() if key in r.columns]
        if len(parts) < 2:
            raise UnknownColumn(f"USING names {shown_name(key)}, which is not a column of both sides.")
        name.set("this", key)
        for relation in scope.sources.values():
            if key in relation.columns:
                relation.used.add(key)
        scope.merged[key] = Merged(tuple(parts))
        self.note(scope.merged[key], {Use.JOINED})

    def _renamed(self, columns: dict[str, Definition], alias: exp.Expr | None) -> dict[str, Definition]:
        names = _column_names(alias)
        if not names:
            return columns
        if len(names) > len(columns) or len(set(names)) != len(names):
            raise StatementRefused("An alias names more columns than its query has.")
        rest = list(columns)[len(names) :]
        return dict(zip([*names, *rest], columns.values(), strict=True))

    # -- columns ------------------------------------------------------------------------------

    def _expand_stars(self, node: exp.Select, scope: Scope) -> None:
        expanded: list[exp.Expr] = []
        for projection in node.expressions:
            if isinstance(projection, exp.Star):
                chosen = list(scope.sources.values())
            elif isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
                relation = scope.sources.get(fold(projection.table))
                if relation is None:
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

    def _visit(
        self,
        node: exp.Expr,
        scope: Scope,
        uses: set[Use],
        *,
        aliases: bool = False,
        aliases_first: bool = False,
    ) -> None:
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
            self._visit(node.this, scope, inner, aliases=aliases)
            return
        if isinstance(node, exp.Window):
            for key, extra in (("this", set()), ("partition_by", {Use.GROUPED}), ("order", {Use.ORDERED})):
                value = node.args.get(key)
                for child in value if isinstance(value, list) else [value] if value is not None else []:
                    self._visit(child, scope, inner | extra, aliases=aliases)
            return
        for child in node.iter_expressions():
            self._visit(child, scope, inner, aliases=aliases)

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
                if relation is not None and _same_dataset(node, relation):
                    return self._column(node, name, relation)
            elif name in here.merged:
                node.set("this", exp.to_identifier(name, quoted=True))
                return here.merged[name]
            else:
                found = [relation for relation in here.sources.values() if name in relation.columns]
                if len(found) > 1:
                    raise StatementRefused(
                        f"Column {shown_name(name)} is in several sources; put the alias before it."
                    )
                if found:
                    return self._column(node, name, found[0])
                if aliases and here is scope and name in scope.aliases:
                    return self._alias(node, name, scope)
            here = here.parent
        raise UnknownColumn(f"There is no column {shown_name(name)} in the sources of this statement.")

    def _alias(self, node: exp.Column, name: str, scope: Scope) -> Definition:
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

    def _outputs(self, node: exp.Select) -> dict[str, Definition]:
        outputs: dict[str, Definition] = {}
        named: list[exp.Expr] = []
        for position, projection in enumerate(node.expressions, start=1):
            expression = projection.this if isinstance(projection, exp.Alias) else projection
            bare = isinstance(projection, exp.Alias | exp.Column)
            name = fold(projection.alias_or_name) if bare else f"column{position}"
            unique, n = name, 1
            while unique in outputs:
                n += 1
                unique = f"{name}_{n}"
            definition = self.statement.definitions.get(id(expression))
            outputs[unique] = definition or Derived((expression,))
            named.append(exp.Alias(this=expression, alias=exp.to_identifier(unique, quoted=True)))
        node.set("expressions", named)
        return outputs

    def bind(self, node: exp.Column, definition: Definition) -> None:
        """Remember what *node* denotes."""
        self.statement.definitions[id(node)] = definition
        self.statement.kept.append(node)  # an identity lives as long as its object

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


def _expressions(definition: Definition) -> tuple[exp.Expr, ...]:
    """Return expressions that stand for *definition*; a bound column is wrapped by what it denotes."""
    if isinstance(definition, Derived):
        return definition.expressions
    return (Bound(definition),)


class Bound(exp.Expression):
    """A leaf that carries a definition into a set operation's output."""

    def __init__(self, definition: Definition) -> None:
        super().__init__()
        self.definition = definition


def _column_names(alias: exp.Expr | None) -> list[str]:
    return [fold(column.name) for column in alias.args.get("columns") or []] if alias is not None else []


def _alias(name: str, columns: dict[str, Definition] | None) -> exp.TableAlias:
    return exp.TableAlias(
        this=exp.to_identifier(name, quoted=True),
        columns=[exp.to_identifier(column, quoted=True) for column in columns] if columns else None,
    )


def _same_dataset(node: exp.Column, relation: Relation) -> bool:
    return not node.args.get("db") or (
        relation.dataset is not None and relation.dataset.name == f"{fold(node.db)}.{fold(node.table)}"
    )
