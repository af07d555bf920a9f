"""PostgreSQL tables in their own server: names as the standard has them, parameters by number.

What a text means depends on the session: ``standard_conforming_strings`` must be on, ``search_path`` must hold
``pg_catalog`` first and no schema that anybody may write, ``TimeZone`` must be fixed. The adapter sees to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from sekisho.domain.masks import DatePart, Keep, TransformKind
from sekisho.domain.terms import ColumnType, Dataset, StoreKind
from sekisho.errors import StatementRefused
from sekisho.query.dialects.declared import AFTER_YEAR, DIGITS, FIRST, PREFECTURE, Spelling, initials, name_space
from sekisho.query.dialects.dialect import (
    AGGREGATES,
    MASKS,
    SCALAR_FUNCTIONS,
    WINDOW_FUNCTIONS,
    Comparisons,
    Dialect,
    check_size,
)

# Nothing here returns a set, repeats a text, reads the catalogue or the session, waits, draws lots, or runs a regular
# expression of the requester: the time that one takes has no bound that a statement shows.
_FUNCTIONS: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.LogicalAnd, exp.LogicalOr, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop,
        exp.Corr, exp.CovarPop, exp.CovarSamp, exp.WithinGroup, exp.PercentileCont, exp.PercentileDisc, exp.Mode,
        exp.RegrSlope, exp.RegrIntercept, exp.RegrR2, exp.RegrCount, exp.GroupConcat, exp.Grouping,
        exp.TimestampTrunc, exp.Extract, exp.Date, exp.AtTimeZone, exp.DateBin, exp.StrToDate,
        exp.Reverse, exp.Pad, exp.Log, exp.Cbrt, exp.Degrees, exp.Radians,
        exp.Trunc, exp.WidthBucket, exp.Initcap, exp.SplitPart, exp.StartsWith, exp.ConcatWs,
    }
)  # fmt: skip
_ANONYMOUS = frozenset({"age", "isfinite", "make_date"})

# A year that is no number, infinity, would end a statement in an error, also on a row that is withheld.
_MASKS = MASKS | {
    TransformKind.YEAR: "CASE WHEN ISFINITE(c) THEN CAST(EXTRACT(YEAR FROM c) AS INT) END",
    TransformKind.AGE_BAND: (
        "CASE WHEN ISFINITE(c) THEN CAST(EXTRACT(YEAR FROM CURRENT_DATE) - EXTRACT(YEAR FROM c) AS INT) / 10 * 10 END"
    ),
    # No user information, port, path or query: those can hold a person's name or token.
    TransformKind.HOST: (
        "CASE WHEN c IS NULL THEN NULL ELSE COALESCE(SUBSTRING(c FROM"
        " '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:@]+)(?::[0-9]*)?(?:[/?#]|$)'), '') END"
    ),
}
_BEGINS_WITH_YEAR = f"c ~ '^[0-9]{{4}}{AFTER_YEAR}'"
_TEXT_MASKS = {
    TransformKind.YEAR: f"CASE WHEN {_BEGINS_WITH_YEAR} THEN CAST(SUBSTRING(c, 1, 4) AS INT) END",
    TransformKind.AGE_BAND: (
        f"CASE WHEN {_BEGINS_WITH_YEAR}"
        " THEN (CAST(EXTRACT(YEAR FROM CURRENT_DATE) AS INT) - CAST(SUBSTRING(c, 1, 4) AS INT)) / 10 * 10 END"
    ),
}
_DATED = "CASE WHEN ISFINITE(c) AND EXTRACT(YEAR FROM c) BETWEEN 1 AND 9999 THEN "
_SPELLING = Spelling(
    whole="CAST(c AS BIGINT)",
    real="CAST(c AS DOUBLE PRECISION)",
    parts={
        Keep.FIRST: FIRST,
        Keep.DOMAIN: (
            "CASE WHEN c IS NULL THEN NULL WHEN c ~ '^[^@]+@[A-Za-z0-9.-]{1,253}$'"
            " THEN '***@' || SPLIT_PART(c, '@', 2) ELSE '***' END"
        ),
        Keep.LAST4: (
            f"CASE WHEN c IS NULL THEN NULL WHEN {DIGITS} ~ '^[0-9]{{8,19}}$'"
            f" THEN '***' || RIGHT({DIGITS}, 4) ELSE '***' END"
        ),
        Keep.PREFECTURE: PREFECTURE,
        Keep.INITIALS: initials(name_space("STRPOS")),
    },
    first_days={
        part: f"{_DATED}MAKE_DATE(CAST(EXTRACT(YEAR FROM c) AS INT), {month}, 1) END"
        for part, month in (
            (DatePart.YEAR, "1"),
            (DatePart.QUARTER, "CAST(EXTRACT(QUARTER FROM c) AS INT) * 3 - 2"),
            (DatePart.MONTH, "CAST(EXTRACT(MONTH FROM c) AS INT)"),
        )
    },
)

# Days and instants before Christ or after the year 9999 fail on their way out; infinity is the last and the first.
_ELSEWHERE = {
    ColumnType.DATE: "CASE WHEN c BETWEEN '0001-01-01' AND '9999-12-31' OR NOT ISFINITE(c) THEN c END",
    ColumnType.TIMESTAMP: (
        "CASE WHEN c BETWEEN '0001-01-01' AND '9999-12-31 23:59:59.999999' OR NOT ISFINITE(c) THEN c END"
    ),
}

COLUMN_TYPES: Mapping[ColumnType, frozenset[str]] = {
    ColumnType.STRING: frozenset({"text", "varchar", "bpchar"}),
    ColumnType.INTEGER: frozenset({"int2", "int4", "int8"}),
    ColumnType.DOUBLE: frozenset({"float4", "float8", "numeric"}),
    ColumnType.BOOLEAN: frozenset({"bool"}),
    ColumnType.DATE: frozenset({"date"}),
    ColumnType.TIMESTAMP: frozenset({"timestamp", "timestamptz"}),
}
"""The server's types that a column of the catalogue may have: those for which the judgements here hold."""

COMPARED = ("=", "<>", "<", "<=", ">", ">=")
"""The operators that the server marks leak-proof between types of one family (``pg_proc.proleakproof``)."""

COMPARISONS = Comparisons(
    # No family for doubles: the column may be numeric, whose comparisons the server does not call leak-proof.
    families={
        ColumnType.STRING: "string",
        ColumnType.INTEGER: "integer",
        ColumnType.BOOLEAN: "boolean",
        ColumnType.DATE: "date",
        ColumnType.TIMESTAMP: "timestamp",
    },
    number=re.compile(r"\d{1,18}"),  # a decimal would make the column numeric
    literals_only=frozenset({"timestamp"}),  # with and without a time zone are compared by a cast
)
"""What PostgreSQL compares by a leak-proof operator; a test asks the server for each pair of types."""

_BYTES_IN_NAME = 63
_NUMERIC = (exp.Length, exp.StrPosition)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Paren, exp.Neg)
_WHOLE = frozenset({"SMALLINT", "INT", "BIGINT"})
_QUOTED_FIELD = re.compile(r'"[^"]*%[^"]*"')


def _physical(dataset: Dataset) -> tuple[str, str]:
    schema, _, table = dataset.relation.rpartition(".")
    return schema or "public", table


def _mix(key: exp.Expr, of: ColumnType, seeds: tuple[exp.Expr, exp.Expr, exp.Expr]) -> exp.Expr:
    a, b, c = seeds  # below 2^30 each: 62 bits of seed
    high = exp.Mul(this=a, expression=exp.Literal.number(2**32))
    low = exp.Mul(this=b, expression=exp.Literal.number(2))
    seed = exp.BitwiseXor(this=exp.Paren(this=exp.Add(this=high, expression=low)), expression=c)
    if of is ColumnType.INTEGER:
        return exp.Anonymous(this="HASHINT8EXTENDED", expressions=[key, seed])
    text = exp.Cast(this=key, to=exp.DataType.build("TEXT", dialect="postgres"))
    return exp.Anonymous(this="HASHTEXTEXTENDED", expressions=[text, seed])


def _settle(tree: exp.Query) -> None:
    """Write FETCH FIRST as LIMIT, drop LIMIT ALL, and name the columns that PostgreSQL names after a column."""
    for node in list(tree.find_all(exp.Query, exp.Initcap)):
        if isinstance(node, exp.Initcap):
            node.set("expression", None)  # sqlglot names the separators that PostgreSQL has
            continue
        limit = node.args.get("limit")
        if isinstance(limit, exp.Fetch):
            options = limit.args.get("limit_options")
            if options is None or not (options.args.get("percent") or options.args.get("with_ties")):
                node.set("limit", exp.Limit(expression=limit.args.get("count") or exp.Literal.number(1)))
        elif (
            isinstance(limit, exp.Limit) and isinstance(limit.expression, exp.Var) and limit.expression.name == "ALL"
        ):
            node.set("limit", None)
        if isinstance(node, exp.Select):
            for projection in list(node.expressions):
                name = _name_of(projection)
                if name is not None and not isinstance(projection, exp.Column):
                    # A cast of a column bears the column's name, and ORDER BY means it by that.
                    projection.replace(exp.Alias(this=projection.copy(), alias=name.copy()))


def _name_of(projection: exp.Expr) -> exp.Expr | None:
    if isinstance(projection, exp.Paren | exp.Cast):
        return _name_of(projection.this)
    if isinstance(projection, exp.Column) and isinstance(projection.this, exp.Identifier):
        return projection.this
    return None


# What only PostgreSQL reads in another way than it looks, and patterns that fail on some rows.


def _check_name(node: exp.Expr) -> None:
    if len(str(node.this).encode()) > _BYTES_IN_NAME:
        raise StatementRefused("A name is longer than 63 bytes: PostgreSQL would cut it off.")


def _check_escape(node: exp.Expr) -> None:
    if not isinstance(node.this, exp.Like | exp.ILike) or not _is_one_character(node.expression):
        raise StatementRefused("ESCAPE takes one character.")


def _check_substring(node: exp.Expr) -> None:
    if not all(_is_whole(node.args[key]) for key in ("start", "length") if node.args.get(key) is not None):
        raise StatementRefused("SUBSTRING takes whole numbers here (a text is a pattern); cast to INT.")


def _check_format(node: exp.Expr) -> None:
    form = node.args.get("format")
    if not isinstance(form, exp.Literal) or _QUOTED_FIELD.search(str(form.this)):
        raise StatementRefused("TO_CHAR takes a literal format without field names in quotes.")


def _check_pattern(node: exp.Expr) -> None:
    """A pattern that ends in its escape character fails on rows that match so far, and on those alone.

    The planner tries a pattern on the statistics of a column, which know the rows of everybody, whatever fence
    stands between. So no pattern may fail on any row.
    """
    pattern = node.expression
    escape = node.parent.expression if isinstance(node.parent, exp.Escape) else None
    if isinstance(pattern, exp.Placeholder) and escape is None:
        return  # looked at when it is bound
    while isinstance(pattern, exp.DPipe | exp.Paren):
        pattern = pattern.expression if isinstance(pattern, exp.DPipe) else pattern.this
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        raise StatementRefused("A LIKE pattern is a literal or a parameter, or ends with a literal (|| '%').")
    text = str(pattern.this)
    whole = pattern is node.expression
    if not (text or whole) or text.endswith(("\\", str(escape.this) if escape is not None else "\\")):
        raise StatementRefused("A LIKE pattern does not end with its escape character.")


def _is_one_character(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_string and len(str(node.this)) == 1


def _is_whole(node: exp.Expr) -> bool:
    if isinstance(node, exp.Literal):
        return not node.is_string and str(node.this).isdigit()
    if isinstance(node, exp.Cast):
        return str(node.to.this.value) in _WHOLE
    if isinstance(node, _ARITHMETIC):
        return all(_is_whole(child) for child in node.iter_expressions())
    return isinstance(node, _NUMERIC)


def _bit(bits: exp.Expr, place: exp.Expr) -> exp.Expr:
    # Read by a subquery of its own, once: a value inside the condition goes to each further process of the server
    # as text within the plan, byte by byte, which took longer than the condition itself.
    once = exp.Subquery(this=exp.Select(expressions=[bits]))
    return exp.Anonymous(this="GET_BIT", expressions=[once, place])


POSTGRESQL = Dialect(
    kind=StoreKind.POSTGRESQL,
    sqlglot="postgres",
    title="PostgreSQL",
    functions=AGGREGATES | WINDOW_FUNCTIONS | SCALAR_FUNCTIONS | _FUNCTIONS,
    anonymous_functions=_ANONYMOUS,
    refused=frozenset({exp.TryCast, exp.Qualify}),
    masks=_MASKS,
    spelling=_SPELLING,
    text_masks=_TEXT_MASKS,
    comparisons=COMPARISONS,
    elsewhere=_ELSEWHERE,
    physical=_physical,
    people_schema="sekisho",
    mix=_mix,
    scanned_by=frozenset({ColumnType.STRING, ColumnType.INTEGER, ColumnType.DATE, ColumnType.TIMESTAMP}),
    settle=_settle,
    checks={
        exp.Pad: check_size,
        exp.Identifier: _check_name,
        exp.Like: _check_pattern,
        exp.ILike: _check_pattern,
        exp.Escape: _check_escape,
        exp.Substring: _check_substring,
        exp.TimeToStr: _check_format,
    },
    standard_names=True,
    qualified_people=True,
    numbered_parameters=True,
    backslash_escapes=True,
    # A number is read as int4 and cast: an expression, on which the planner gives up parallel plans below the fence.
    # A text is read as int8 at once.
    fence_offset=exp.Literal.string("0"),
    plans_by_values=True,
    consent_travels=True,
    bit=_bit,
)
"""PostgreSQL 14 and newer."""
