"""Instants of an engine that keeps them as texts are compared as instants.

The governed tables tell each instant in one spelling (``dialects.sqlite_instants``). Here what stands beside one is
brought to that spelling, too: literals when the statement is planned, parameters when they are bound, anything else
in the statement itself. A day means its first instant, as on engines that have types for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlglot
from sqlglot import exp

from sekisho.domain.access import TransformKind
from sekisho.domain.terms import ColumnType
from sekisho.errors import StatementRefused
from sekisho.query.beside import Part, bare, beside
from sekisho.query.dialects.dialect import Dialect, Instants
from sekisho.query.draft import Draft
from sekisho.query.looks import SAME, Family, Looks, Transforms, cast_family, operands, results
from sekisho.query.names import Derived, Merged, Physical, Statement

_DAY = 10  # characters of 2026-11-02


def compare_instants(draft: Draft) -> Draft:
    """Bring what stands beside an instant to the spelling of instants. Raises ``StatementRefused``."""
    words = draft.dialect.instants
    if words is not None and _reads_instants(draft.statement, draft.permit.transforms):
        _Rewriting(draft, words).run()
    return draft


def _reads_instants(statement: Statement, transforms: Transforms) -> bool:
    return any(
        column.type is ColumnType.TIMESTAMP and transforms[relation.dataset.name][column.name] is TransformKind.CLEAR
        for relation in statement.relations
        if relation.dataset is not None
        for column in relation.dataset.columns
        if column.name in relation.used
    )


class _Rewriting:
    """One statement's rewriting: all is found on the statement as it was written, then changed."""

    def __init__(self, draft: Draft, words: Instants) -> None:
        self._draft = draft
        self._statement = draft.statement
        self._words = words
        self._looks = Looks(draft.statement, draft.permit.transforms)
        self._known: dict[int, bool] = {}
        self._literals: dict[int, tuple[exp.Expr, str]] = {}
        self._others: dict[int, exp.Expr] = {}

    def run(self) -> None:
        statement = self._statement
        for parts, where in beside(statement):
            self._alike(parts, where)
        for node, outputs in statement.sets:
            for place in range(len(outputs)):
                self._columns([select.expressions[place] for select in _branches(node)])
        casts = [node for node in statement.tree.find_all(exp.Cast) if _to_instant(node) and self._tells(node.this)]
        definitions = statement.outputs.values()
        self._draft.instants = frozenset(n for n, each in enumerate(definitions) if self._tells(each))
        for written, value in self._literals.values():
            self._put(written, exp.Literal.string(value))
        for other in self._others.values():
            self._put(other, other)
        for cast in casts:
            cast.replace(cast.this)
            statement.kept.append(cast)

    # -- which they are -------------------------------------------------------------------------

    def _tells(self, part: Part) -> bool:
        """Return whether *part* is an instant in its spelling, or a choice of which one is."""
        if isinstance(part, Physical):
            dataset = part.relation.dataset
            return (
                dataset is not None
                and part.column.type is ColumnType.TIMESTAMP
                and self._draft.permit.transforms[dataset.name][part.column.name] is TransformKind.CLEAR
            )
        if isinstance(part, Merged):
            return any(map(self._tells, part.parts))
        if isinstance(part, Derived):
            if id(part) not in self._known:
                self._known[id(part)] = False  # a recursive WITH meets itself
                self._known[id(part)] = any(map(self._tells, part.expressions))
            return self._known[id(part)]
        return self._expression(part)

    def _expression(self, node: exp.Expr) -> bool:
        if isinstance(node, exp.Column):
            definition = self._statement.definitions.get(id(node))
            return definition is not None and self._tells(definition)
        if isinstance(node, exp.Query):
            return any(self._tells(select.expressions[0]) for select in _branches(node))
        if isinstance(node, exp.Case | exp.If):
            return any(map(self._tells, results(node)))
        if isinstance(node, exp.Cast):
            return _to_instant(node) and self._tells(node.this)
        return isinstance(node, SAME) and any(map(self._tells, operands(node)))

    # -- what stands beside them ----------------------------------------------------------------

    def _alike(self, parts: Iterable[Part], where: str) -> None:
        told = [(part, self._tells(part)) for part in parts]
        if not any(tells for _, tells in told):
            return
        for part, tells in told:
            if tells:
                continue
            if isinstance(part, exp.Expr):
                self._operand(part, where)
            elif where == "JOIN USING":
                raise StatementRefused("JOIN USING takes an instant beside an instant; write ON.")

    def _columns(self, shown: list[exp.Expr]) -> None:
        """Bring the same column of each branch of a set operation to one spelling."""
        if any(map(self._tells, shown)):
            for each in shown:
                if not self._tells(each):
                    self._operand(each, "a set operation")

    def _operand(self, part: exp.Expr, where: str) -> None:
        node = bare(part)
        if isinstance(node, exp.Query) and where == "IN":
            for select in _branches(node):
                self._operand(select.expressions[0], where)
        elif isinstance(node, exp.Placeholder):
            self._draft.compared.add(id(node))
        elif isinstance(node, exp.Literal):
            self._literals[id(node)] = (node, self._value(node, where))
        elif isinstance(node, exp.Cast) and cast_family(node) is Family.DATE and isinstance(node.this, exp.Literal):
            value = self._value(node.this, where)
            day = not _to_instant(node)
            self._literals[id(node)] = (node, self._words.value(value[:_DAY]) or value if day else value)
        elif isinstance(node, exp.Boolean) or self._is_another(node):
            raise _no_instant(where)
        elif not isinstance(node, exp.Null):
            self._others[id(node)] = node

    def _is_another(self, node: exp.Expr) -> bool:
        """Return whether *node* shows a column of another kind of values: no engine with types takes it there."""
        look = self._looks.of(node)
        return look is not None and bool(look.column) and look.family is not Family.DATE

    def _value(self, node: exp.Expr, where: str) -> str:
        value = self._words.value(str(node.this)) if node.args.get("is_string") else None
        if value is None:
            raise _no_instant(where)
        return value

    def _put(self, node: exp.Expr, value: exp.Expr) -> None:
        """Put *value* in the place of *node*, told as instants are; a column of a SELECT keeps its name."""
        place = exp.Null()
        name = node.name if isinstance(node.parent, exp.Select) and isinstance(node, exp.Column) else ""
        node.replace(place)
        self._statement.kept.append(node)
        if value is node:
            value = _template(self._words.operand, self._draft.dialect).copy()
            next(value.find_all(exp.Column)).replace(node)
        place.replace(exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True)) if name else value)


def _template(text: str, dialect: Dialect) -> exp.Expr:
    return sqlglot.parse_one(text, dialect=dialect.sqlglot)


def _to_instant(node: exp.Expr) -> bool:
    return isinstance(node, exp.Cast) and str(node.to.this.value).startswith("TIMESTAMP")


def _branches(node: exp.Expr) -> Iterator[exp.Select]:
    """Yield each SELECT whose rows those of *node* are."""
    while isinstance(node, exp.Subquery):
        node = node.this
    if isinstance(node, exp.SetOperation):
        yield from _branches(node.left)
        yield from _branches(node.right)
    elif isinstance(node, exp.Select):
        yield node


def _no_instant(where: str) -> StatementRefused:
    return StatementRefused(
        f"What stands beside an instant in {where} tells none; write it as '2026-11-02T10:00:00Z' or '2026-11-02'."
    )
