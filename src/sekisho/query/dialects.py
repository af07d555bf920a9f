"""What differs between engines: functions allowed, masks as expressions, the fence.

Adding a store means adding one :class:`Dialect` here and one adapter, and passing the contract suite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sekisho.domain.access import TransformKind
from sekisho.domain.terms import ColumnType, StoreKind
from sekisho.errors import StatementRefused

_AGGREGATES: frozenset[type[exp.Expr]] = frozenset({exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.CountIf})
_WINDOW_FUNCTIONS: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile,
        exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
    }
)  # fmt: skip
_SCALAR_FUNCTIONS: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least,
        exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sign, exp.Sqrt, exp.Ln, exp.Exp, exp.Pow,
        exp.Lower, exp.Upper, exp.Length, exp.Substring, exp.Trim, exp.Concat, exp.Replace,
        exp.StrPosition, exp.Left, exp.Right,
        exp.Date, exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TimeToStr, exp.CurrentDate, exp.CurrentTimestamp,
    }
)  # fmt: skip
_DUCKDB_FUNCTIONS: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.DateTrunc, exp.TimestampTrunc, exp.Extract, exp.DateDiff, exp.DateAdd, exp.DateSub,
        exp.Year, exp.Month, exp.Day, exp.DayOfWeek, exp.Quarter, exp.Week,
        exp.Median, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop, exp.Quantile,
        exp.PercentileCont, exp.PercentileDisc,
        exp.AnyValue, exp.ApproxDistinct, exp.Corr,
        exp.RegexpLike, exp.RegexpExtract, exp.StartsWith, exp.Contains,
    }
)  # fmt: skip

# What a mask of each kind is, with ``c`` for the column. Every one yields NULL for NULL.
_DUCKDB_MASKS = {
    TransformKind.YEAR: "CAST(YEAR(c) AS INT)",
    TransformKind.AGE_BAND: "CAST(DATE_DIFF('year', c, CURRENT_DATE) // 10 * 10 AS INT)",
    TransformKind.PREFIX3: "SUBSTRING(c, 1, 3)",
    TransformKind.PARTIAL: "SUBSTRING(c, 1, 1) || '***'",
    # No user information, port, path or query: those can hold a person's name or token.
    TransformKind.HOST: "REGEXP_EXTRACT(c, '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:@]+)', 1)",
    TransformKind.BROWSER: (
        "CASE WHEN c IS NULL THEN NULL WHEN c LIKE '%Edg%' THEN 'Edge' WHEN c LIKE '%Firefox%' THEN 'Firefox'"
        " WHEN c LIKE '%Chrome%' THEN 'Chrome' WHEN c LIKE '%Safari%' THEN 'Safari' ELSE 'other' END"
    ),
}
_SQLITE_MASKS = _DUCKDB_MASKS | {
    TransformKind.YEAR: "CAST(SUBSTRING(c, 1, 4) AS INT)",
    TransformKind.AGE_BAND: (
        "CAST((CAST(STRFTIME('%Y', 'now') AS INT) - CAST(SUBSTRING(c, 1, 4) AS INT)) / 10 AS INT) * 10"
    ),
    TransformKind.HOST: "SUBSTRING(c, 1, 0)",  # no URL column in a SQLite store yet: shows nothing
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One engine's SQL.

    Attributes
    ----------
    kind:
        The engine.
    sqlglot:
        Name of the dialect in sqlglot.
    title:
        Name for people.
    functions:
        Function nodes that a statement may hold.
    anonymous_functions:
        Names of functions without a node of their own.
    masks:
        Mask templates with ``c`` for the column.
    lateral_aliases:
        Whether a select list may refer to the names of its own earlier columns.
    """

    kind: StoreKind
    sqlglot: str
    title: str
    functions: frozenset[type[exp.Expr]]
    anonymous_functions: frozenset[str]
    masks: Mapping[TransformKind, str]
    lateral_aliases: bool

    def mask(self, kind: TransformKind, column: exp.Expr, column_type: ColumnType) -> exp.Expr:
        """Return the expression that stands for *column* at the scan under *kind*.

        Keyed and text transforms return the column itself: they are computed on the way out.
        """
        if kind is TransformKind.WITHHOLD:
            return exp.Cast(this=exp.Null(), to=exp.DataType.build(_SQL_TYPES[column_type], dialect=self.sqlglot))
        if kind is TransformKind.REDACT:
            if column_type is ColumnType.STRING:
                return exp.Literal.string("***")
            return exp.Cast(this=exp.Null(), to=exp.DataType.build(_SQL_TYPES[column_type], dialect=self.sqlglot))
        template = self.masks.get(kind)
        if template is None:
            return column
        tree = _template(template, self.sqlglot).copy()
        for node in list(tree.find_all(exp.Column)):
            node.replace(column.copy())
        return tree

    def fence(self, select: exp.Select) -> exp.Select:
        """Keep the engine from moving a requester's expression into *select*.

        Without it the planners of DuckDB and SQLite ran casts on rows of people without consent, and the
        error printed the value. ``OFFSET 0`` (SQLite: ``LIMIT -1 OFFSET 0``) is a barrier to both.
        """
        if self.kind is StoreKind.SQLITE:
            select.set("limit", exp.Limit(expression=exp.Neg(this=exp.Literal.number(1))))
        select.set("offset", exp.Offset(expression=exp.Literal.number(0)))
        return select

    def generate(self, tree: exp.Expr) -> str:
        """Return the text of *tree*: all names quoted, no comments.

        Raises ``StatementRefused`` where sqlglot has doubts.
        """
        try:
            return tree.sql(
                dialect=self.sqlglot, identify=True, comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE
            )
        except SqlglotError:
            raise StatementRefused(f"The statement holds something that {self.title} does not know.") from None


_SQL_TYPES = {
    ColumnType.STRING: "TEXT",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.DOUBLE: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP",
}

MASKED_TYPES = {
    TransformKind.YEAR: ColumnType.INTEGER,
    TransformKind.AGE_BAND: ColumnType.INTEGER,
    TransformKind.PREFIX3: ColumnType.STRING,
    TransformKind.PARTIAL: ColumnType.STRING,
    TransformKind.HOST: ColumnType.STRING,
    TransformKind.BROWSER: ColumnType.STRING,
    TransformKind.PSEUDONYM: ColumnType.STRING,
    TransformKind.TOKEN: ColumnType.STRING,
    TransformKind.MASK_TEXT: ColumnType.STRING,
}
"""Types that a transform changes; the others keep the column's."""


@cache
def _template(template: str, dialect: str) -> exp.Expr:
    return sqlglot.parse_one(template, dialect=dialect)


DIALECTS: Mapping[StoreKind, Dialect] = {
    StoreKind.DUCKDB: Dialect(
        kind=StoreKind.DUCKDB,
        sqlglot="duckdb",
        title="DuckDB",
        functions=_AGGREGATES | _WINDOW_FUNCTIONS | _SCALAR_FUNCTIONS | _DUCKDB_FUNCTIONS,
        anonymous_functions=frozenset({"date_part", "strlen"}),
        masks=_DUCKDB_MASKS,
        lateral_aliases=True,
    ),
    StoreKind.SQLITE: Dialect(
        kind=StoreKind.SQLITE,
        sqlglot="sqlite",
        title="SQLite",
        functions=_AGGREGATES | _WINDOW_FUNCTIONS | _SCALAR_FUNCTIONS,
        anonymous_functions=frozenset({"ifnull", "iif", "julianday", "datetime", "instr"}),
        masks=_SQLITE_MASKS,
        lateral_aliases=False,
    ),
}
