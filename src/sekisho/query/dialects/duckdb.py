"""DuckDB over files: each dataset is a view, all stores are seen together."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import TokenType, exp

from sekisho.domain.masks import DatePart, Keep, TransformKind
from sekisho.domain.terms import ColumnType, Dataset, StoreKind
from sekisho.query.desugar import positions_for_all
from sekisho.query.dialects.declared import AFTER_YEAR, DIGITS, FIRST, PREFECTURE, Spelling, initials, name_space
from sekisho.query.dialects.dialect import (
    AGGREGATES,
    LOOSE,
    MASKS,
    SCALAR_FUNCTIONS,
    WINDOW_FUNCTIONS,
    Dialect,
    check_size,
)
from sekisho.query.dialects.sqlite_instants import canonical

_TOLD = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)?)?", re.ASCII)
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
    TransformKind.AGE_BAND: "CAST((YEAR(CURRENT_DATE) - YEAR(c)) // 10 * 10 AS INT)",
    # No user information, port, path or query: those can hold a person's name or token.
    TransformKind.HOST: (
        "REGEXP_EXTRACT(c, '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:@]+)(?::[0-9]*)?(?:[/?#]|$)', 1)"
    ),
}
_YEAR_OF_TEXT = f"TRY_CAST(REGEXP_EXTRACT(c, '^([0-9]{{4}}){AFTER_YEAR}', 1) AS INT)"
_TEXT_MASKS = {
    TransformKind.YEAR: _YEAR_OF_TEXT,
    TransformKind.AGE_BAND: f"CAST((CAST(YEAR(CURRENT_DATE) AS INT) - {_YEAR_OF_TEXT}) // 10 * 10 AS INT)",
}
_SPELLING = Spelling(
    whole="TRY_CAST(c AS BIGINT)",
    real="TRY_CAST(c AS DOUBLE)",
    parts={
        Keep.FIRST: FIRST,
        Keep.DOMAIN: (
            "CASE WHEN c IS NULL THEN NULL WHEN REGEXP_FULL_MATCH(c, '[^@]+@[A-Za-z0-9.-]{1,253}')"
            " THEN '***@' || SPLIT_PART(c, '@', 2) ELSE '***' END"
        ),
        Keep.LAST4: (
            f"CASE WHEN c IS NULL THEN NULL WHEN REGEXP_FULL_MATCH({DIGITS}, '[0-9]{{8,19}}')"
            f" THEN '***' || RIGHT({DIGITS}, 4) ELSE '***' END"
        ),
        Keep.PREFECTURE: PREFECTURE,
        Keep.INITIALS: initials(name_space("STRPOS")),
    },
    first_days={
        part: f"CASE WHEN ISFINITE(c) AND YEAR(c) BETWEEN 1 AND 9999 THEN MAKE_DATE(YEAR(c), {month}, 1) END"
        for part, month in (
            (DatePart.YEAR, "1"),
            (DatePart.QUARTER, "QUARTER(c) * 3 - 2"),
            (DatePart.MONTH, "MONTH(c)"),
        )
    },
)


def _physical(dataset: Dataset) -> tuple[str, str]:
    """Return the view over the files, which the adapter makes."""
    schema, _, table = dataset.name.partition(".")
    return schema, table


def _mix(key: exp.Expr, _of: ColumnType, seeds: tuple[exp.Expr, exp.Expr, exp.Expr]) -> exp.Expr:
    return exp.Anonymous(this="HASH", expressions=[key, *seeds])


def _bit(bits: exp.Expr, place: exp.Expr) -> exp.Expr:
    types = (exp.DataType.build(name, dialect="duckdb") for name in ("BIT", "INT"))
    return exp.Anonymous(
        this="GET_BIT",
        expressions=[exp.Cast(this=this, to=to) for this, to in zip((bits, place), types, strict=True)],
    )


def _reads_day(text: str) -> bool:
    return _TOLD.fullmatch(text) is not None and canonical(text) is not None


def _reads_instant(text: str) -> bool:
    return _reads_day(text) and "1678" <= text[:4] <= "2261"  # what instants with nanoseconds reach


DUCKDB = Dialect(
    kind=StoreKind.DUCKDB,
    sqlglot="duckdb",
    title="DuckDB",
    functions=AGGREGATES | WINDOW_FUNCTIONS | SCALAR_FUNCTIONS | _FUNCTIONS,
    anonymous_functions=frozenset({"date_part", "strlen"}),
    masks=_MASKS,
    text_masks=_TEXT_MASKS,
    spelling=_SPELLING,
    physical=_physical,
    people_schema="people",
    mix=_mix,
    # Instants of several resolutions are compared by a cast; what cannot be cast fails on the first row that comes so
    # far. A literal does, too.
    comparisons=replace(
        LOOSE,
        literals_only=frozenset({"timestamp"}),
        reads={"date": _reads_day, "timestamp": _reads_instant},
    ),
    settle=positions_for_all,
    checks={exp.Pad: check_size},
    lateral_aliases=True,
    joins_stores=True,
    marks_rows=True,
    bit=_bit,
    parameter_sign=TokenType.PARAMETER,
)
"""DuckDB 2."""
