"""Which values a statement's expressions may touch, given how each column is masked.

Every expression has a *kind*:

* ``CLEAR``: a value that the requester may know, masks at the scan included;
* ``BLANK``: a constant in place of a value; it may be shown, and nothing can be learned from it, so
  comparing it would only give wrong answers;
* ``KEYED``: a raw key inside the store, of one token domain. It stands in equality positions only, both
  sides of one domain, literals being tokens; it becomes a pseudonym or token on the way out;
* ``SEALED``: a raw text, date or number that may only be an output column, masked on the way out.

Which transform leaves a column of which kind is said in :mod:`sekisho.domain.transforms`.

Whatever has no rule here takes CLEAR operands only, so an expression that nobody thought of is refused
as ``masked_column_use``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from sqlglot import exp

from sekisho.domain.masks import Hmac, TransformKind
from sekisho.domain.terms import ColumnType
from sekisho.domain.transforms import TRANSFORMS, Above
from sekisho.errors import MaskedColumnUse, StatementRefused
from sekisho.query.allowlist import construct
from sekisho.query.names import Definition, Derived, Merged, Physical, Statement, group_items

PERSON = "person"
"""Token domain of data-subject keys; a linking identifier's domain is prefixed by ``id:``."""

HASHED = "hmac:"
"""Prefix of the domain of a keyed hash, which nothing decodes."""


class Sort(Enum):
    """The four sorts of value."""

    CLEAR = "clear"
    BLANK = "blank"
    KEYED = "keyed"
    SEALED = "sealed"


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort, with the transform it comes from, its token domain, the column to name in an error, and its type."""

    sort: Sort
    transform: TransformKind = TransformKind.CLEAR
    domain: str | None = None
    column: str = ""
    type: ColumnType | None = None


CLEAR = Kind(Sort.CLEAR)
_SORTS = {
    Above.ANYTHING: Sort.CLEAR,
    Above.EQUALITY: Sort.KEYED,
    Above.SHOWN: Sort.SEALED,
    Above.NOTHING: Sort.BLANK,
}
_EQUALITY = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ)

Transforms = Mapping[str, Mapping[str, TransformKind]]


@dataclass(eq=False)
class Kinds:
    """The kinds of one statement under one permit's transforms.

    :meth:`check` walks the whole statement once; ``tokens`` then maps each literal or parameter node
    that stands against a keyed column to that column's domain.
    """

    statement: Statement
    transforms: Transforms

    def __post_init__(self) -> None:
        self.tokens: dict[int, str] = {}
        self._memo: dict[int, Kind] = {}

    # -- what a name denotes --------------------------------------------------------------------

    def of_definition(self, definition: Definition) -> Kind:
        """Return the kind of a column definition."""
        known = self._memo.get(id(definition))
        if known is not None:
            return known
        self._memo[id(definition)] = CLEAR  # a recursive WITH meets itself; its anchor decides
        kind = self._of_definition(definition)
        self._memo[id(definition)] = kind
        return kind

    def _of_definition(self, definition: Definition) -> Kind:
        if isinstance(definition, Physical):
            return self._physical(definition)
        if isinstance(definition, Merged):
            return _same([self.of_definition(part) for part in definition.parts], "JOIN USING")
        # A branch that says NULL stands beside every kind: ``SELECT customer_id … UNION ALL SELECT NULL …``.
        said = [
            e for e in definition.expressions if not (isinstance(e, exp.Expr) and _is_null(e))
        ] or definition.expressions
        kinds = [self.of(expression) for expression in said]
        kind = _same(kinds, "a set operation")
        if definition.anchor is not None:
            # The recursive branch sees its own rows as what the anchor says: a NULL there would be a key in the next.
            _same([self.of_definition(definition.anchor), kind], "a recursive WITH")
        if len(definition.expressions) > 1 and kind.sort is Sort.SEALED:
            raise _refusal(kind, "a set operation")
        return kind

    def _physical(self, physical: Physical) -> Kind:
        dataset = physical.relation.dataset
        if dataset is None:  # physical columns belong to datasets; anything else is a fault of resolution
            raise StatementRefused("A column could not be bound.")
        name = physical.column.name
        transform = self.transforms[dataset.name][name]
        label = f"{dataset.name}.{name}"
        sort = _SORTS[TRANSFORMS[transform].above]
        if sort is not Sort.KEYED:
            return Kind(sort, transform, None, label)
        if transform is TransformKind.PSEUDONYM:
            return Kind(sort, transform, PERSON, label)
        if transform is TransformKind.HMAC:
            declared = physical.column.mask
            domain = declared.domain if isinstance(declared, Hmac) and declared.domain else label
            return Kind(sort, transform, f"{HASHED}{domain}", label, physical.column.type)
        if physical.column.domain is None:
            return Kind(Sort.BLANK, TransformKind.REDACT, None, label)
        return Kind(sort, transform, f"id:{physical.column.domain}", label, physical.column.type)

    # -- expressions ----------------------------------------------------------------------------

    def of(self, node: exp.Expr | Physical | Merged) -> Kind:
        """Return the kind of an expression, or of what stands for one. Raises ``MaskedColumnUse``."""
        if isinstance(node, Physical | Merged):
            return self.of_definition(node)
        if isinstance(node, exp.Column):
            return self.of_definition(self.statement.definitions[id(node)])
        if isinstance(node, exp.Alias | exp.Paren):
            return self.of(node.this)
        if isinstance(node, _EQUALITY):
            return self._equality(node.left, node.right, node)
        if isinstance(node, exp.In):
            return self._in(node)
        if isinstance(node, exp.Is):
            kind = self.of(node.this)
            if kind.sort is Sort.BLANK:  # a masked text shows whether it is null, a blank does not
                raise _refusal(kind, "IS NULL")
            if kind.sort is not Sort.CLEAR and not _is_null(node.expression):
                raise _refusal(kind, "IS TRUE")  # to an engine whose truths are numbers it tells the zeros
            return CLEAR
        if isinstance(node, exp.Star):
            # What a star stands for is written out before; one that is left would be raw columns.
            raise StatementRefused("* stands in the select list or in COUNT(*).")
        if isinstance(node, exp.Count):
            return self._count(node)
        if isinstance(node, exp.Grouping):  # takes what is grouped by, and says by which of it
            for item in node.expressions:
                self.of(item)
            return CLEAR
        if isinstance(node, exp.All | exp.Any):
            return self.of_value(node.this)
        if isinstance(node, exp.Window):
            return self._window(node)
        if isinstance(node, exp.Subquery):
            return self.of_value(node.this)
        if isinstance(node, exp.Exists | exp.Query):
            return CLEAR  # its own clauses are checked as a scope
        for child in node.iter_expressions():
            self._clear(child, node)
        return CLEAR

    def _clear(self, child: exp.Expr, parent: exp.Expr) -> None:
        kind = self.of(child)
        if kind.sort is not Sort.CLEAR:
            raise _refusal(kind, construct(parent))

    def _equality(self, left: exp.Expr, right: exp.Expr, node: exp.Expr) -> Kind:
        a, b = self.of(left), self.of(right)
        for kind, other_kind, other in ((a, b, right), (b, a, left)):
            if kind.sort is Sort.CLEAR:
                continue
            if kind.sort is not Sort.KEYED:
                raise _refusal(kind, construct(node))
            if other_kind.sort is Sort.KEYED:
                if other_kind.domain != kind.domain:
                    raise _refusal(kind, f"{construct(node)} with another kind of key")
            elif _is_value(other):
                if kind.transform is TransformKind.HMAC:
                    raise _refusal(kind, f"{construct(node)} with a value: a keyed hash is never turned back")
                self.tokens[id(_bare(other))] = kind.domain or ""
            elif not _is_null(other):
                raise _refusal(kind, f"{construct(node)} with something that is not a key or a token")
        return CLEAR

    def _in(self, node: exp.In) -> Kind:
        query = node.args.get("query")
        kind = self.of(node.this)
        if query is not None:
            inner = self.of_value(query.this if isinstance(query, exp.Subquery) else query)
            if kind.sort is Sort.CLEAR and inner.sort is Sort.CLEAR:
                return CLEAR
            if kind.sort is Sort.KEYED and inner.sort is Sort.KEYED and kind.domain == inner.domain:
                return CLEAR
            raise _refusal(kind if kind.sort is not Sort.CLEAR else inner, "IN")
        for item in node.expressions:
            self._equality(node.this, item, node)
        return CLEAR

    def _count(self, node: exp.Count) -> Kind:
        argument = node.this
        counted = argument.expressions if isinstance(argument, exp.Distinct) else [argument, *node.expressions]
        for item in counted:
            if isinstance(item, exp.Star):
                continue
            kind = self.of(item)
            if kind.sort in (Sort.BLANK, Sort.SEALED):
                raise _refusal(kind, "COUNT")
        return CLEAR

    def _window(self, node: exp.Window) -> Kind:
        for item in node.args.get("partition_by") or []:
            kind = self.of(item)
            if kind.sort in (Sort.BLANK, Sort.SEALED):
                raise _refusal(kind, "PARTITION BY")
        order = node.args.get("order")
        for item in order.expressions if order else ():
            self._clear(item.this, item)
        self._clear(node.this, node)
        return CLEAR

    def of_value(self, query: exp.Expr) -> Kind:
        """Return the kind of the single column of a subquery used as a value."""
        while isinstance(query, exp.Subquery):
            query = query.this
        if isinstance(query, exp.SetOperation):
            return _same([self.of_value(query.left), self.of_value(query.right)], "a set operation")
        if not isinstance(query, exp.Select) or len(query.expressions) != 1:
            raise StatementRefused("A subquery used as a value has exactly one column.")
        return self.of(query.expressions[0])

    # -- the whole statement --------------------------------------------------------------------

    def check(self) -> list[Kind]:
        """Check every clause of every SELECT and return the kinds of the statement's outputs."""
        for scope in self.statement.scopes:
            self._check_select(scope.select)
        for scope in self.statement.scopes:
            # Also columns that nobody names: later rules ask for them, when the tree is no longer as it was written.
            for relation in scope.sources.values():
                if relation.dataset is None:
                    for definition in relation.columns.values():
                        self.of_definition(definition)
        for node, outputs in self.statement.sets:
            # Every column, also those that nobody reads: that a row is there or not already tells.
            kinds = [self.of_definition(definition) for definition in outputs.values()]
            order = node.args.get("order")
            for item in order.expressions if order else ():
                number = _position(item.this, len(kinds), "ORDER BY")
                kind = self.of(item.this) if number is None else kinds[number]
                if kind.sort is not Sort.CLEAR:
                    raise _refusal(kind, "ORDER BY")
        return [self.of_definition(definition) for definition in self.statement.outputs.values()]

    def _check_select(self, select: exp.Select) -> None:
        distinct = select.args.get("distinct") is not None
        for projection in select.expressions:
            kind = self.of(projection)
            if distinct and kind.sort is Sort.SEALED:
                raise _refusal(kind, "DISTINCT")
        for join in select.args.get("joins") or []:
            if join.args.get("on") is not None:
                self._clear(join.args["on"], join)
            for name in join.args.get("using") or []:
                kind = self._using(select, name.name)
                if kind.sort in (Sort.BLANK, Sort.SEALED):
                    raise _refusal(kind, "JOIN USING")
        for key in ("where", "having", "qualify"):
            clause = select.args.get(key)
            if clause is not None:
                self._clear(clause.this, clause)
        group = select.args.get("group")
        grouped = [self._item(select, item, "GROUP BY") for item in group_items(group)]
        in_sets = group is not None and len(grouped) != len(group.expressions)
        told_apart = not in_sets and any(kind.sort in (Sort.CLEAR, Sort.KEYED) for kind in grouped)
        for kind in grouped:
            # Beside a key a blank changes no group (``GROUP BY customer_id, name``); alone it would make one of all.
            if kind.sort is Sort.SEALED or (kind.sort is Sort.BLANK and not told_apart):
                raise _refusal(kind, "GROUP BY")
        order = select.args.get("order")
        for item in order.expressions if order else ():
            kind = self._item(select, item.this, "ORDER BY")
            if kind.sort is not Sort.CLEAR:
                raise _refusal(kind, "ORDER BY")

    def _using(self, select: exp.Select, name: str) -> Kind:
        scope = next(s for s in self.statement.scopes if s.select is select)
        return self.of_definition(scope.merged[name])

    def _item(self, select: exp.Select, item: exp.Expr, clause: str) -> Kind:
        """Return the kind of a GROUP BY or ORDER BY item, which may be the number of an output column."""
        number = _position(item, len(select.expressions), clause)
        return self.of(item if number is None else select.expressions[number])


def _position(item: exp.Expr, columns: int, clause: str) -> int | None:
    """Return the index of the output column that *item* numbers, ``None`` for an expression.

    Engines see a number also behind parentheses and signs, so any other constant is refused.
    """
    bare = _bare(item)
    if isinstance(bare, exp.Literal) and not bare.is_string and str(bare.this).isdigit():
        if not 1 <= int(bare.this) <= columns:
            raise StatementRefused(f"A column number in {clause} is out of range.")
        return int(bare.this) - 1
    if bare.find(exp.Column, exp.AggFunc) is None:
        raise StatementRefused(f"{clause} takes columns, their numbers, and expressions of columns.")
    return None


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _is_value(node: exp.Expr) -> bool:
    bare = _bare(node)
    return isinstance(bare, exp.Placeholder) or (isinstance(bare, exp.Literal) and bare.is_string)


def _is_null(node: exp.Expr) -> bool:
    return isinstance(_bare(node), exp.Null)


def _same(kinds: list[Kind], where: str) -> Kind:
    first = kinds[0]
    for kind in kinds[1:]:
        if (kind.sort, kind.domain) != (first.sort, first.domain) or (
            kind.sort in (Sort.BLANK, Sort.SEALED) and kind.transform is not first.transform
        ):
            raise _refusal(kind if kind.sort is not Sort.CLEAR else first, where)
    return first


def _refusal(kind: Kind, where: str) -> MaskedColumnUse:
    hints = {
        Sort.BLANK: "Its value is not shown for this purpose, so nothing can be compared or computed with it.",
        Sort.SEALED: "It may only be an output column of its own.",
        Sort.KEYED: (
            "A pseudonym may be compared for equality with a key of the same kind or with a pseudonym received for"
            " this purpose, joined, grouped and counted; answers without ORDER BY are ordered by pseudonym."
        ),
        Sort.CLEAR: "The other side is masked.",
    }
    return MaskedColumnUse(
        f"{kind.column or 'A masked column'} is masked ({kind.transform.value}) and cannot be used in {where}."
        f" {hints[kind.sort]}"
    )


__all__ = ["CLEAR", "PERSON", "Derived", "Kind", "Kinds", "Sort", "Transforms"]
