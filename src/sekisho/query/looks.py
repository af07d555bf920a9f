"""What an expression looks like: a number, a text, a date; and of which masked column.

Engines differ in what they make of unlike types. PostgreSQL refuses to compare a number with a text, DuckDB turns
one into the other, and to SQLite every number stands below every text: a comparison that means the raw value is
answered there as if it were a question about the mask. So :mod:`sekisho.query.shown` judges by the looks found here.

A look is ``None`` where nothing is known for sure; nothing is judged by that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlglot import exp

from sekisho.domain.masks import TransformKind
from sekisho.domain.terms import ColumnType
from sekisho.domain.transforms import MASKED_TYPES, TRANSFORMS, Above, said
from sekisho.errors import MaskedColumnUse
from sekisho.query.names import Definition, Derived, Merged, Physical, Statement, fold


class Family(StrEnum):
    """Values that every engine compares with each other."""

    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    BOOLEAN = "boolean"
    INTERVAL = "interval"


_FAMILIES = {
    ColumnType.STRING: Family.TEXT,
    ColumnType.INTEGER: Family.NUMBER,
    ColumnType.DOUBLE: Family.NUMBER,
    ColumnType.BOOLEAN: Family.BOOLEAN,
    ColumnType.DATE: Family.DATE,
    ColumnType.TIMESTAMP: Family.DATE,
}
_NOUNS = {
    ColumnType.STRING: "a text between quotes",
    ColumnType.INTEGER: "a whole number",
    ColumnType.DOUBLE: "a number",
    ColumnType.DATE: "a date ('YYYY-MM-DD')",
    ColumnType.TIMESTAMP: "a date ('YYYY-MM-DD')",
}
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,15})?")
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)([T ]00:00(:00(\.0+)?)?(Z|\+00(:?00)?)?)?")


@dataclass(frozen=True, slots=True)
class Look:
    """What an expression shows.

    Attributes
    ----------
    family:
        How it compares.
    column:
        The column that it shows, as ``dataset.column``; empty for anything else.
    transform:
        How that is masked.
    says:
        What the mask does, in words.
    type:
        Type of what the mask gives.
    raw:
        Type of the column.
    """

    family: Family
    column: str = ""
    transform: TransformKind = TransformKind.CLEAR
    says: str = ""
    type: ColumnType = ColumnType.STRING
    raw: ColumnType = ColumnType.STRING

    @property
    def masked(self) -> bool:
        """Whether it shows a mask."""
        return self.transform is not TransformKind.CLEAR

    @property
    def other(self) -> bool:
        """Whether the mask gives another type than the column has."""
        return self.masked and self.family is not _FAMILIES[self.raw]

    def read(self, value: object, where: str) -> str | int | float:
        """Return *value*, a literal or parameter, as every engine reads it beside this mask.

        Raises ``MaskedColumnUse``, with *where* as the construct, for a value that the mask cannot be compared with.
        """
        if self.family is Family.TEXT and isinstance(value, str):
            return value
        if self.family is Family.NUMBER and isinstance(value, str | int | float) and not isinstance(value, bool):
            if not isinstance(value, str):
                return value
            if _WHOLE.fullmatch(value):
                return int(value)
            if self.type is ColumnType.DOUBLE and _NUMBER.fullmatch(value):
                return float(value)
        if self.family is Family.DATE and isinstance(value, str):
            found = _DAY.fullmatch(value)
            if found is not None and _is_day(found[1]):
                return found[1]
        raise self.refusal(where)

    def refusal(self, where: str) -> MaskedColumnUse:
        """Return the refusal of a use that this mask cannot answer."""
        return MaskedColumnUse(
            f"{self.column} is masked ({self.transform.value}) and cannot be used in {where} like that."
            f" It shows {self.says}: use it as {_NOUNS[self.type]}."
        )


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


Transforms = Mapping[str, Mapping[str, TransformKind]]

SAME = (
    exp.Alias, exp.Paren, exp.Min, exp.Max, exp.AnyValue, exp.Mode, exp.Median, exp.Quantile, exp.PercentileDisc,
    exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead, exp.ArgMax, exp.ArgMin, exp.Coalesce,
    exp.Greatest, exp.Least, exp.Nullif, exp.Window, exp.Filter, exp.Distinct, exp.Ordered, exp.All, exp.Any,
)  # fmt: skip
"""What shows one of its operands."""

ARITHMETIC: tuple[type[exp.Expr], ...] = (
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg,
)  # fmt: skip
"""Operators on numbers; dates and intervals take some of them."""

OF_NUMBERS: tuple[type[exp.Expr], ...] = (
    exp.Sum, exp.Avg, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop, exp.Corr,
    exp.CovarPop, exp.CovarSamp, exp.RegrSlope, exp.RegrIntercept, exp.RegrR2, exp.Abs, exp.Round, exp.Floor,
    exp.Ceil, exp.Sign, exp.Sqrt, exp.Cbrt, exp.Ln, exp.Exp, exp.Pow, exp.Log, exp.Trunc, exp.PercentileCont,
    exp.Degrees, exp.Radians,
)  # fmt: skip
"""Functions of numbers that give a number."""

OF_DATES: Mapping[type[exp.Expr], tuple[Family, tuple[str, ...]]] = {
    **dict.fromkeys(
        (
            exp.Date, exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TimestampTrunc, exp.DateTrunc, exp.LastDay,
            exp.DateAdd, exp.DateSub, exp.AtTimeZone,
        ),
        (Family.DATE, ("this",)),
    ),
    **dict.fromkeys(
        (
            exp.Year, exp.Quarter, exp.Month, exp.Week, exp.WeekOfYear, exp.Day, exp.DayOfMonth, exp.DayOfWeek,
            exp.DayOfWeekIso, exp.DayOfYear, exp.Hour, exp.Minute, exp.Second, exp.TimeToUnix,
        ),
        (Family.NUMBER, ("this",)),
    ),
    exp.Extract: (Family.NUMBER, ("expression",)),
    exp.DateDiff: (Family.NUMBER, ("this", "expression")),
    **dict.fromkeys((exp.TimeToStr, exp.Dayname, exp.Monthname), (Family.TEXT, ("this",))),
}  # fmt: skip
"""Functions of dates: what they give, and which arguments are dates."""

OF_TEXTS: Mapping[type[exp.Expr], Family] = {
    **dict.fromkeys(
        (
            exp.Lower, exp.Upper, exp.Substring, exp.Trim, exp.Replace, exp.Left, exp.Right, exp.SplitPart,
            exp.Reverse, exp.Initcap, exp.RegexpExtract, exp.Pad,
        ),
        Family.TEXT,
    ),
    **dict.fromkeys((exp.Length, exp.StrPosition), Family.NUMBER),
    **dict.fromkeys((exp.Like, exp.ILike, exp.RegexpLike, exp.StartsWith, exp.Contains), Family.BOOLEAN),
}  # fmt: skip
"""Functions whose first argument is a text, and what they give."""

NAMED: Mapping[str, tuple[Family, Family, tuple[int, ...]]] = {
    **dict.fromkeys(("date", "datetime", "time"), (Family.DATE, Family.DATE, (0,))),
    **dict.fromkeys(("julianday", "unixepoch"), (Family.NUMBER, Family.DATE, (0,))),
    "strftime": (Family.TEXT, Family.DATE, (1,)),
    "date_part": (Family.NUMBER, Family.DATE, (1,)),
    "age": (Family.INTERVAL, Family.DATE, (0, 1)),
    "isfinite": (Family.BOOLEAN, Family.DATE, (0,)),
    "instr": (Family.NUMBER, Family.TEXT, (0,)),
    "strlen": (Family.NUMBER, Family.TEXT, (0,)),
}
"""Functions without a node of their own: what they give, what they take, and as which arguments."""

_TYPES = {
    **dict.fromkeys(("DATE", "TIMESTAMP", "TIMESTAMPNTZ", "TIMESTAMPTZ"), Family.DATE),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"), Family.NUMBER),
    **dict.fromkeys(("TEXT", "VARCHAR", "CHAR"), Family.TEXT),
    "BOOLEAN": Family.BOOLEAN,
    "INTERVAL": Family.INTERVAL,
}
_GIVES: tuple[tuple[tuple[type[exp.Expr], ...], Family], ...] = (
    ((exp.CurrentDate, exp.CurrentTimestamp, exp.DateFromParts), Family.DATE),
    ((exp.DPipe, exp.Concat, exp.ConcatWs, exp.GroupConcat), Family.TEXT),
    ((exp.Count, exp.CountIf, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.ApproxDistinct), Family.NUMBER),
    ((exp.Boolean, exp.Predicate, exp.Connector, exp.Not, exp.LogicalAnd, exp.LogicalOr), Family.BOOLEAN),
    ((exp.Interval,), Family.INTERVAL),
)


def cast_family(node: exp.Cast) -> Family | None:
    """Return what a cast gives."""
    return _TYPES.get(str(node.to.this.value))


class Looks:
    """The looks of one statement's expressions under one permit's transforms."""

    def __init__(self, statement: Statement, transforms: Transforms) -> None:
        self._statement = statement
        self._transforms = transforms
        self._known: dict[int, Look | None] = {}

    def of(self, node: exp.Expr | Definition) -> Look | None:
        """Return what *node* shows, ``None`` where that is not known."""
        if isinstance(node, Physical):
            return self._physical(node)
        if isinstance(node, Merged):
            return self._first(node.parts)
        if isinstance(node, Derived):
            if id(node) not in self._known:
                self._known[id(node)] = None  # a recursive WITH meets itself
                self._known[id(node)] = self._first(node.expressions)
            return self._known[id(node)]
        if isinstance(node, exp.Column):
            definition = self._statement.definitions.get(id(node))
            return None if definition is None else self.of(definition)
        return self._expression(node)

    def _physical(self, physical: Physical) -> Look | None:
        dataset, column = physical.relation.dataset, physical.column
        if dataset is None:
            return None
        kind = self._transforms[dataset.name][column.name]
        if TRANSFORMS[kind].above is not Above.ANYTHING:
            return None  # what may be done with it is said by its kind
        shown = MASKED_TYPES.get(kind, column.type)
        label = f"{dataset.name}.{column.name}"
        return Look(_FAMILIES[shown], label, kind, said(kind, None, "en"), shown, column.type)

    def _first(self, parts: Iterable[exp.Expr | Definition]) -> Look | None:
        """Return the look of what is masked among *parts*, else of the first that is known."""
        looks = [look for look in map(self.of, parts) if look is not None]
        return next((look for look in looks if look.masked), looks[0] if looks else None)

    def _expression(self, node: exp.Expr) -> Look | None:
        if isinstance(node, exp.Literal):
            return Look(Family.TEXT if node.is_string else Family.NUMBER)
        if isinstance(node, exp.Cast):
            family = cast_family(node)
            return None if family is None else Look(family)
        if isinstance(node, exp.Query):
            return self._query(node)
        if isinstance(node, exp.Case | exp.If):
            return self._first(results(node))
        if isinstance(node, exp.WithinGroup):
            return self.of(node.expression.expressions[0].this) if node.expression else None
        if isinstance(node, SAME):
            return self._first(operands(node))
        if isinstance(node, (*ARITHMETIC, *OF_NUMBERS)):
            return self._computed(node)
        family = _given(node)
        return None if family is None else Look(family)

    def _query(self, node: exp.Query) -> Look | None:
        while isinstance(node, exp.Subquery):
            node = node.this
        if isinstance(node, exp.SetOperation):
            return self._first((node.left, node.right))
        return self.of(node.expressions[0]) if len(node.expressions) == 1 else None

    def _computed(self, node: exp.Expr) -> Look | None:
        looks = [look for child in operands(node) if (look := self.of(child)) is not None]
        if any(look.family in {Family.DATE, Family.INTERVAL} for look in looks):
            return None
        return next((look for look in looks if look.masked and look.family is Family.NUMBER), Look(Family.NUMBER))


def _given(node: exp.Expr) -> Family | None:
    if isinstance(node, exp.Anonymous):
        return NAMED[fold(str(node.this))][0] if fold(str(node.this)) in NAMED else None
    if type(node) in OF_DATES:
        return OF_DATES[type(node)][0]
    if type(node) in OF_TEXTS:
        return OF_TEXTS[type(node)]
    return next((family for types, family in _GIVES if isinstance(node, types)), None)


def operands(node: exp.Expr) -> list[exp.Expr]:
    """Return what *node* shows one of, or computes with."""
    if isinstance(node, exp.Window | exp.Filter | exp.ArgMax | exp.ArgMin | exp.Quantile | exp.NthValue):
        return [node.this]
    if isinstance(node, exp.Lag | exp.Lead):
        return [each for each in (node.this, node.args.get("default")) if each is not None]
    if isinstance(node, exp.Round | exp.Trunc):
        return [node.this]
    found = [node.args.get("this"), node.args.get("expression"), *node.expressions]
    return [each for each in found if isinstance(each, exp.Expr)]


def results(node: exp.Expr) -> list[exp.Expr]:
    """Return what a CASE or IIF may give."""
    branches = [branch.args.get("true") for branch in node.args.get("ifs") or ()] or [node.args.get("true")]
    found = [*branches, node.args.get("default"), node.args.get("false")]
    return [each for each in found if isinstance(each, exp.Expr)]
