"""DuckDB over files: each dataset is a view, all stores are seen together."""

from __future__ import annotations

from sqlglot import TokenType, exp

from sekisho.domain.access import TransformKind
from sekisho.domain.terms import ColumnType, Dataset, StoreKind
from sekisho.query.desugar import positions_for_all
from sekisho.query.dialects.dialect import (
    AGGREGATES,
    MASKS,
    SCALAR_FUNCTIONS,
    WINDOW_FUNCTIONS,
    Dialect,
    check_size,
)

_FUNCTIONS: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.CountIf, exp.Date, exp.TsOrDsToDate, exp.TsOrDsToTimestamp,
        exp.DateTrunc, exp.TimestampTrunc, exp.Extract, exp.DateDiff, exp.DateAdd, exp.DateSub,
        exp.Year, exp.Month, exp.Day, exp.DayOfWeek, exp.Quarter, exp.Week,
        exp.Median, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop, exp.Quantile,
        exp.PercentileCont, exp.PercentileDisc,
        exp.AnyValue, exp.ApproxDistinct, exp.Corr,
        exp.ArgMax, exp.ArgMin, exp.LogicalAnd, exp.LogicalOr, exp.CovarPop, exp.CovarSamp, exp.RegrSlope,
        exp.RegrIntercept, exp.RegrR2, exp.RegrCount, exp.Mode, exp.WithinGroup, exp.GroupConcat, exp.Grouping,
        exp.Hour, exp.Minute, exp.Second, exp.DayOfWeekIso, exp.DayOfMonth, exp.DayOfYear, exp.WeekOfYear,
        exp.Dayname,
        exp.Monthname, exp.LastDay, exp.DateFromParts, exp.TimeToUnix,
        exp.Trunc, exp.Log, exp.ConcatWs, exp.SplitPart, exp.Reverse, exp.Pad,
        exp.RegexpLike, exp.RegexpExtract, exp.StartsWith, exp.Contains,
    }
)  # fmt: skip

_MASKS = MASKS | {
    TransformKind.YEAR: "CAST(YEAR(c) AS INT)",
    TransformKind.AGE_BAND: "CAST(DATE_DIFF('year', c, CURRENT_DATE) // 10 * 10 AS INT)",
    # No user information, port, path or query: those can hold a person's name or token.
    TransformKind.HOST: "REGEXP_EXTRACT(c, '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:@]+)', 1)",
}


def _physical(dataset: Dataset) -> tuple[str, str]:
    """Return the view over the files, which the adapter makes."""
    schema, _, table = dataset.name.partition(".")
    return schema, table


def _mix(key: exp.Expr, _of: ColumnType, seeds: tuple[exp.Expr, exp.Expr, exp.Expr]) -> exp.Expr:
    return exp.Anonymous(this="HASH", expressions=[key, *seeds])


DUCKDB = Dialect(
    kind=StoreKind.DUCKDB,
    sqlglot="duckdb",
    title="DuckDB",
    functions=AGGREGATES | WINDOW_FUNCTIONS | SCALAR_FUNCTIONS | _FUNCTIONS,
    anonymous_functions=frozenset({"date_part", "strlen"}),
    masks=_MASKS,
    physical=_physical,
    people_schema="people",
    mix=_mix,
    settle=positions_for_all,
    checks={exp.Pad: check_size},
    lateral_aliases=True,
    joins_stores=True,
    marks_rows=True,
    parameter_sign=TokenType.PARAMETER,
)
"""DuckDB 2."""
