"""Which expressions can never tell a row's value by failing.

An engine may move an expression below a join, onto rows that the join would drop. That is harmless
when the expression cannot raise an error and has no side effect: comparisons of like types, logic,
NULL tests and plain aggregates. Everything else makes the governed tables fenced.
A comparison of unlike types is not leak-proof: DuckDB casts the column, and the error prints its value.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations

from sqlglot import exp

from sekisho.domain.access import TransformKind
from sekisho.domain.terms import ColumnType
from sekisho.domain.transforms import MASKED_TYPES
from sekisho.query.dialects.dialect import Comparisons
from sekisho.query.kinds import Kinds, Sort
from sekisho.query.names import Merged, Physical, Relation, Statement

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_TRUTHS = (
    *_COMPARISONS, exp.Between, exp.In, exp.Is, exp.Exists, exp.Connector, exp.Not, exp.Boolean, exp.Null,
)  # fmt: skip
_VALUES = (exp.Placeholder, exp.Literal, exp.Boolean, exp.Null)
_NULL_REJECTING = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_SAFE: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.Select, exp.Subquery, exp.From, exp.Table, exp.TableAlias, exp.Join, exp.Where, exp.Group, exp.Having,
        exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.Alias, exp.Column, exp.Identifier,
        exp.Star, exp.Literal, exp.Placeholder, exp.Null, exp.Boolean, exp.Paren,
        exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.With, exp.CTE, exp.Exists,
    }
)  # fmt: skip
# A string literal beside these is cast itself; the column is not.
_LITERAL_FITS = frozenset(frozenset((family, "text")) for family in ("date", "timestamp", "string", "key"))


def leak_proof(statement: Statement, kinds: Kinds, how: Comparisons) -> bool:
    """Return whether no expression of *statement* can tell a value by failing, where the engine compares *how*."""
    for node in statement.tree.walk():
        kind: type = type(node)
        if not _asks(kind):
            if kind not in _SAFE:
                return False
        elif isinstance(node, (*_COMPARISONS, exp.Between, exp.In)):
            if node.args.get("query") is not None or not _alike(_compared(node), statement, kinds, how):
                return False
        elif isinstance(node, exp.Is):
            if not isinstance(node.expression, exp.Null):
                return False
        elif isinstance(node, exp.Connector | exp.Not | exp.Where | exp.Having):
            if not all(_is_truth(child, statement, kinds, how) for child in node.iter_expressions()):
                return False
        elif isinstance(node, exp.Join) and node.args.get("on") is not None:
            if not _is_truth(node.args["on"], statement, kinds, how):
                return False
        elif kind not in _SAFE:
            return False
    return all(_merges_alike(merged, kinds, how) for scope in statement.scopes for merged in scope.merged.values())


@cache
def _asks(kind: type) -> bool:
    """Return whether what stands in a node of *kind* says if it can fail."""
    return issubclass(
        kind,
        (*_COMPARISONS, exp.Between, exp.In, exp.Is, exp.Connector, exp.Not, exp.Where, exp.Having, exp.Join),
    )


def _is_truth(node: exp.Expr, statement: Statement, kinds: Kinds, how: Comparisons) -> bool:
    """Return whether *node* is a truth value by itself: DuckDB casts anything else, and the error prints it."""
    node = _bare(node)
    if isinstance(node, exp.Column):
        return _family(node, statement, kinds, how) == "boolean"
    return isinstance(node, _TRUTHS)


def _merges_alike(merged: Merged, kinds: Kinds, how: Comparisons) -> bool:
    """Return whether JOIN … USING compares columns of one type."""
    families = set()
    for part in merged.parts:
        if not isinstance(part, Physical):
            return False
        kind = kinds.of_definition(part)
        keyed = kind.sort is Sort.KEYED
        families.add("key" if keyed else how.families.get(MASKED_TYPES.get(kind.transform, part.column.type)))
    return len(families) == 1 and None not in families and not families & how.literals_only


def hoistable(conjunct: exp.Expr, statement: Statement, kinds: Kinds, how: Comparisons) -> Relation | None:
    """Return the governed table into which *conjunct* may be copied, or ``None``.

    It must compare one clear column or key of one table with values of its type, and be false for NULL.
    """
    if isinstance(conjunct, exp.In):
        column, values = conjunct.this, conjunct.expressions
        if conjunct.args.get("query") is not None or not values:
            return None
    elif isinstance(conjunct, exp.Between):
        column, values = conjunct.this, [conjunct.args["low"], conjunct.args["high"]]
    elif isinstance(conjunct, _NULL_REJECTING):
        column, values = conjunct.left, [conjunct.right]
        if not isinstance(column, exp.Column):
            column, values = conjunct.right, [conjunct.left]
    else:
        return None
    if not isinstance(column, exp.Column) or not all(isinstance(v, exp.Literal | exp.Placeholder) for v in values):
        return None
    definition = statement.definitions.get(id(column))
    if not isinstance(definition, Physical):
        return None
    kind = kinds.of_definition(definition)
    if kind.sort is Sort.KEYED:
        return definition.relation if isinstance(conjunct, exp.EQ | exp.In) else None
    if kind.sort is not Sort.CLEAR or kind.transform is not TransformKind.CLEAR:
        return None  # inside, the column would be raw; outside it is the mask
    return definition.relation if _alike([column, *values], statement, kinds, how) else None


def comparable(node: exp.Expr, statement: Statement, kinds: Kinds) -> ColumnType | None:
    """Return the type that a parameter must have because a clear column is compared with it."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if not isinstance(parent, exp.Between | exp.In | exp.Binary):
        return None
    columns = [each for each in map(_bare, _compared(parent)) if isinstance(each, exp.Column)]
    return next((found for column in columns if (found := _column_type(column, statement, kinds))), None)


def _compared(node: exp.Expr) -> list[exp.Expr]:
    """Return what *node* compares, wherever in it a column stands."""
    found = [node.this, *(node.args.get(key) for key in ("expression", "low", "high")), *node.expressions]
    return [each for each in found if isinstance(each, exp.Expr)]


def _alike(nodes: list[exp.Expr], statement: Statement, kinds: Kinds, how: Comparisons) -> bool:
    """Return whether none of *nodes* is cast on a row when they are compared: engines give all of them one type."""
    families = [_family(node, statement, kinds, how) for node in nodes]
    if None in families or any(families.count(family) > 1 for family in how.literals_only):
        return False
    readers = [how.reads[family] for family in families if family is not None and family in how.reads]
    texts = [str(node.this) for node in map(_bare, nodes) if isinstance(node, exp.Literal) and node.is_string]
    if not all(reads(text) for reads in readers for text in texts):
        return False
    if how.reads and "parameter" in families and all(isinstance(node, _VALUES) for node in map(_bare, nodes)):
        return False  # where no column says of which type it must be
    # The type of a parameter is checked when it is bound.
    pairs = combinations({family for family in families if family not in ("parameter", "null")}, 2)
    return all(frozenset(pair) in _LITERAL_FITS for pair in pairs)


def _family(node: exp.Expr, statement: Statement, kinds: Kinds, how: Comparisons) -> str | None:
    node = _bare(node)
    if isinstance(node, exp.Literal):
        if node.is_string:
            return "text"
        return how.families[ColumnType.INTEGER] if how.number.fullmatch(str(node.this)) else None
    if isinstance(node, exp.Placeholder):
        return "parameter"
    if isinstance(node, exp.Null):
        return "null"
    if isinstance(node, exp.Boolean):
        return "boolean"
    if isinstance(node, exp.Count):
        return how.families[ColumnType.INTEGER]
    if isinstance(node, exp.Sum | exp.Avg):
        return how.families.get(ColumnType.DOUBLE)
    if isinstance(node, exp.Column):
        definition = statement.definitions.get(id(node))
        if definition is not None and kinds.of_definition(definition).sort is Sort.KEYED:
            return "key"
        column_type = _column_type(node, statement, kinds)
        return how.families.get(column_type) if column_type else None
    return None


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _column_type(node: exp.Column, statement: Statement, kinds: Kinds) -> ColumnType | None:
    definition = statement.definitions.get(id(node))
    if not isinstance(definition, Physical):
        return None
    kind = kinds.of_definition(definition)
    if kind.sort is not Sort.CLEAR:
        return None
    return MASKED_TYPES.get(kind.transform, definition.column.type)
