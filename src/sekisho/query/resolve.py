"""Every table and column of a statement, bound to the catalogue.

Resolution rewrites names in place: each column becomes ``"alias"."column"`` with the catalogue's
spelling, each star its columns, each physical table a node that the rules replace. Nothing that
cannot be bound survives, so a whole-row or positional reference has nothing to refer to; and what this
module did not reach, because it stands where no rule expects a name, is refused.
"""

from __future__ import annotations

from sqlglot import exp

from sekisho.domain.access import Use
from sekisho.domain.terms import Dataset
from sekisho.errors import StatementRefused, UnknownColumn
from sekisho.query.columns import Columns, is_comma
from sekisho.query.names import (
    Definition,
    Derived,
    Merged,
    Physical,
    Relation,
    Scope,
    Statement,
    expressions_of,
    is_made_up,
)
from sekisho.query.parse import shown_name


def resolve(
    tree: exp.Query, visible: dict[str, Dataset], *, lateral: bool = False, standard: bool = False
) -> Statement:
    """Bind *tree*, whose names are folded, to the *visible* datasets.

    *lateral* is ``Dialect.lateral_aliases``, *standard* is ``Dialect.standard_names``.

    Raises
    ------
    UnknownColumn
        When a column is in none of the sources.
    StatementRefused
        When a name is ambiguous or a construct cannot be bound.
    """
    names = [cte.alias for cte in tree.find_all(exp.CTE)]
    if len(set(names)) != len(names):
        # SQLite lets a WITH refer to what stands later in it, DuckDB to what stands around it.
        raise StatementRefused("Two common table expressions have one name; give each its own.")
    resolver = _Resolver(tree, visible, lateral=lateral, standard=standard)
    statement = resolver.statement
    statement.outputs = resolver.query(tree, None, {})
    bound = statement.tables | statement.definitions.keys()
    if any(id(node) not in bound for node in tree.find_all(exp.Table, exp.Column)):
        raise StatementRefused("A table or column stands where none can be bound.")
    return statement


class _Resolver:
    def __init__(self, tree: exp.Query, visible: dict[str, Dataset], *, lateral: bool, standard: bool) -> None:
        self.statement = Statement(tree)
        self.visible = visible
        self.columns = Columns(self.statement, self.query, lateral=lateral, standard=standard)

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
            name = cte.alias
            body = cte.this
            columns = None
            if clause.args.get("recursive") and isinstance(body, exp.SetOperation):
                # The anchor names and types the columns; the recursive branch then sees them.
                anchor = self.query(body.left, parent, ctes)
                columns = self._renamed(anchor, cte.args["alias"])
                branch, uses = self._recursive(body.right, parent, ctes | {name: Relation(name, columns)})
                if len(branch) != len(columns):
                    raise StatementRefused("Both branches of a recursive WITH need the same columns.")
                columns = {
                    key: Derived(expressions_of(left) + expressions_of(right), anchor=left)
                    for (key, left), right in zip(columns.items(), branch.values(), strict=True)
                }
                for definition in branch.values():  # what the branch does with its own rows
                    self.columns.note(definition, uses)
                self.statement.sets.append((body, columns))
            else:
                columns = self._renamed(self.query(body, parent, ctes), cte.args["alias"])
            ctes[name] = Relation(name, columns)
        return ctes

    def _recursive(
        self, node: exp.Expr, parent: Scope | None, ctes: dict[str, Relation]
    ) -> tuple[dict[str, Definition], set[Use]]:
        """Resolve a recursive branch; return its columns, and all uses that it makes of any."""
        around, self.columns.made = self.columns.made, set()
        branch = self.query(node, parent, ctes)
        uses, self.columns.made = self.columns.made, around | self.columns.made
        return branch, uses

    def _set_operation(
        self, node: exp.SetOperation, parent: Scope | None, ctes: dict[str, Relation]
    ) -> dict[str, Definition]:
        left = self.query(node.left, parent, ctes)
        right = self.query(node.right, parent, ctes)
        if len(left) != len(right):
            raise StatementRefused("Both sides of a set operation need the same number of columns.")
        outputs: dict[str, Definition] = {
            name: Derived(expressions_of(a) + expressions_of(b), made_up=name if is_made_up(name, a) else "")
            for (name, a), b in zip(left.items(), right.values(), strict=True)
        }
        order = node.args.get("order")
        for item in order.expressions if order else ():
            for column in item.find_all(exp.Column):
                definition = outputs.get(column.name) if not column.table else None
                if definition is None or is_made_up(column.name, definition):
                    raise UnknownColumn("ORDER BY after a set operation takes names of its output columns.")
                column.set("this", exp.to_identifier(column.name, quoted=True))
                self.columns.bind(column, definition)
                self.columns.note(definition, {Use.ORDERED})
        self.statement.sets.append((node, outputs))
        return outputs

    def _select(self, node: exp.Select, parent: Scope | None, ctes: dict[str, Relation]) -> dict[str, Definition]:
        scope = Scope(node, parent, ctes)
        self.statement.scopes.append(scope)
        source = node.args.get("from_")
        if source is not None:
            self._source(source.this, scope)
        joins = node.args.get("joins") or []
        for join in joins:
            before = list(scope.sources.values())
            self._source(join.this, scope)
            if join.args.get("method"):
                self._natural(join, before, scope)
            for name in join.args.get("using") or []:
                self._using(name, scope)
        self.columns.select_list(node, scope)
        self._conditions_of_joins(joins, scope)
        for key in ("where", "having", "qualify"):
            if node.args.get(key) is not None:
                self.columns.condition(node.args[key], scope, {Use.COMPARED})
        if node.args.get("group") is not None:
            self.columns.group(node.args["group"], scope)
        if node.args.get("order") is not None:
            self.columns.order(node.args["order"], scope)
        return self.columns.outputs(node, scope)

    def _conditions_of_joins(self, joins: list[exp.Join], scope: Scope) -> None:
        """Bind each ON, which sees what it joins: from the last comma to its own source."""
        aliases = list(scope.sources)
        start = 0
        for place, join in enumerate(joins, start=len(aliases) - len(joins)):
            if is_comma(join):
                start = place
            if join.args.get("on") is not None:
                self.columns.on(join, scope, set(aliases[:start] + aliases[place + 1 :]))

    # -- sources ------------------------------------------------------------------------------

    def _source(self, node: exp.Expr, scope: Scope) -> None:
        if isinstance(node, exp.Table):
            relation = self._table(node, scope)
        elif isinstance(node, exp.Subquery):
            if not node.alias:
                raise StatementRefused("A subquery in FROM needs an alias.")
            columns = self._renamed(self.query(node.this, None, scope.ctes), node.args["alias"])
            relation = Relation(node.alias, columns)
        elif isinstance(node, exp.Lateral):
            relation = self._lateral(node, scope)
        elif isinstance(node, exp.Values):
            relation = self._values(node)
        else:
            raise StatementRefused("FROM takes datasets, subqueries and VALUES.")
        if self.columns.lateral and relation.alias == "alias":
            # To DuckDB alias.x is the output column x, before it is a column of a source of that name.
            raise StatementRefused("No source is called alias here; give it another name.")
        if relation.alias in scope.sources:
            raise StatementRefused(f"Two sources are called {shown_name(relation.alias)}; give them aliases.")
        scope.sources[relation.alias] = relation

    def _table(self, node: exp.Table, scope: Scope) -> Relation:
        alias = node.alias or node.name
        name = node.name
        if not node.db and name in scope.ctes:
            cte = scope.ctes[name]
            self._reached(node)
            columns = self._renamed(dict(cte.columns), node.args.get("alias"))
            node.set("this", exp.to_identifier(name, quoted=True))
            node.set("alias", _alias(alias, columns if _column_names(node.args.get("alias")) else None))
            return Relation(alias, columns)
        dataset = self.visible.get(f"{node.db}.{name}")
        if dataset is None:  # a CTE's name used where it is out of scope
            raise StatementRefused(f"{shown_name(name)} is not defined here; name datasets as store.table.")
        if _column_names(node.args.get("alias")):
            raise StatementRefused("A dataset's columns are not renamed in FROM; use AS in the select list.")
        relation = Relation(alias, {}, dataset, node)
        relation.columns = {column.name: Physical(relation, column) for column in dataset.columns}
        self.statement.relations.append(relation)
        self._reached(node)
        self.statement.uses.setdefault(dataset.name, {})
        return relation

    def _reached(self, node: exp.Table) -> None:
        self.statement.tables.add(id(node))
        self.statement.kept.append(node)

    def _values(self, node: exp.Values) -> Relation:
        alias = node.args.get("alias")
        names = _column_names(alias)
        rows = node.expressions
        if not names or len(set(names)) != len(names) or any(len(row.expressions) != len(names) for row in rows):
            raise StatementRefused("VALUES in FROM needs an alias that names each of its columns: AS v(a, b).")
        if node.find(exp.Column, exp.Query) is not None:
            raise StatementRefused("VALUES takes literals and parameters.")
        columns: dict[str, Definition] = {
            name: Derived(tuple(row.expressions[i] for row in rows)) for i, name in enumerate(names)
        }
        return Relation(alias.name if alias is not None else "", columns)

    def _lateral(self, node: exp.Lateral, scope: Scope) -> Relation:
        """Bind a subquery that sees the sources before it."""
        if not node.alias:
            raise StatementRefused("A subquery in FROM needs an alias.")
        around = scope.parent
        while around is not None:
            if around.sources:  # which of two sources of one name it sees is for the engine to say
                raise StatementRefused("LATERAL does not stand in a subquery that sees a statement around it.")
            around = around.parent
        return Relation(node.alias, self._renamed(self.query(node.this, scope, scope.ctes), node.args["alias"]))

    @staticmethod
    def _natural(join: exp.Join, before: list[Relation], scope: Scope) -> None:
        """Write NATURAL as USING, with the columns that the catalogue has on both sides."""
        joined = list(scope.sources.values())[-1]
        if any(is_made_up(*column) for relation in (*before, joined) for column in relation.columns.items()):
            # The engine may have a name for it, by which it joins.
            raise StatementRefused("NATURAL JOIN finds a column without a name; give it one with AS, or use USING.")
        names = list(dict.fromkeys(n for relation in before for n in relation.columns if n in joined.columns))
        for name in names:
            merged = scope.merged.get(name)
            if sum(name in relation.columns for relation in before) > (len(merged.parts) if merged else 1):
                raise StatementRefused(f"NATURAL JOIN finds {shown_name(name)} in several sources; use USING.")
        if not names or any(is_comma(j) for j in scope.select.args["joins"]):
            raise StatementRefused("NATURAL JOIN finds no column to join by; use USING or ON.")
        join.set("method", None)
        join.set("using", [exp.to_identifier(name, quoted=True) for name in names])

    def _using(self, name: exp.Identifier, scope: Scope) -> None:
        key = name.name
        parts = [r.columns[key] for r in scope.sources.values() if key in r.columns]
        if len(parts) < 2 or any(is_made_up(key, part) for part in parts):
            raise UnknownColumn(f"USING names {shown_name(key)}, which is not a column of both sides.")
        name.set("this", key)
        for relation in scope.sources.values():
            if key in relation.columns:
                relation.used.add(key)
        scope.merged[key] = Merged(tuple(parts))
        self.columns.note(scope.merged[key], {Use.JOINED})

    def _renamed(self, columns: dict[str, Definition], alias: exp.Expr | None) -> dict[str, Definition]:
        names = _column_names(alias)
        if not names:
            return columns
        if len(names) > len(columns):
            raise StatementRefused("An alias names more columns than its query has.")
        names += list(columns)[len(names) :]
        if len(set(names)) != len(names):
            raise StatementRefused("Two columns of an alias have one name; give each its own.")
        return dict(zip(names, columns.values(), strict=True))


def _column_names(alias: exp.Expr | None) -> list[str]:
    return [column.name for column in alias.args.get("columns") or []] if alias is not None else []


def _alias(name: str, columns: dict[str, Definition] | None) -> exp.TableAlias:
    return exp.TableAlias(
        this=exp.to_identifier(name, quoted=True),
        columns=[exp.to_identifier(column, quoted=True) for column in columns] if columns else None,
    )
