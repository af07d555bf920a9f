"""SQLite files: the people tables stand in the connection's temporary database."""

from __future__ import annotations

from sqlglot import exp

from sekisho.domain.masks import DatePart, Keep, TransformKind
from sekisho.domain.terms import ColumnType, Dataset, StoreKind
from sekisho.query.dialects.declared import DIGITS, FIRST, PREFECTURE, Spelling, initials, name_space
from sekisho.query.dialects.dialect import AGGREGATES, MASKS, SCALAR_FUNCTIONS, WINDOW_FUNCTIONS, Dialect, Instants
from sekisho.query.dialects.sqlite_instants import COLUMN, OPERAND, canonical, day_from

_FUNCTIONS: frozenset[type[exp.Expr]] = frozenset({exp.CountIf, exp.Date, exp.TsOrDsToDate, exp.TsOrDsToTimestamp})

# A text that is no date has no year: a cast would make it the year 0. What may follow one is as in AFTER_YEAR.
_COMPACT = "c GLOB '[0-9][0-9][0-9][0-9][01][0-9][0-3][0-9]"
_YEAR = (
    "CAST(CASE WHEN c GLOB '[0-9][0-9][0-9][0-9]' OR c GLOB '[0-9][0-9][0-9][0-9][^0-9]*'"
    f" OR (({_COMPACT}' OR {_COMPACT}[^0-9]*') AND SUBSTRING(c, 5, 2) BETWEEN '01' AND '12')"
    " THEN SUBSTRING(c, 1, 4) END AS INT)"
)
_YEAR_OF_INSTANT = "CAST(SUBSTRING(c, 1, 4) AS INT)"


def _age_band(year: str) -> str:
    return f"CAST((CAST(STRFTIME('%Y', 'now') AS INT) - {year}) / 10 AS INT) * 10"


_MASKS = MASKS | {
    TransformKind.YEAR: _YEAR,
    TransformKind.AGE_BAND: _age_band(_YEAR),
    TransformKind.HOST: "SUBSTRING(c, 1, 0)",  # no URL column in a SQLite store yet: shows nothing
}
_DAY = "c GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]*' AND SUBSTRING(c, 6, 2) BETWEEN '01' AND '12'"
_AT = "INSTR(c, '@')"
_HOST_OF_MAIL = f"SUBSTRING(c, {_AT} + 1)"
_SPELLING = Spelling(
    number="(c + 0)",  # a column of texts would be compared by its letters
    whole="CAST(c AS INT)",
    real="CAST(c AS REAL)",
    parts={
        Keep.FIRST: FIRST,
        Keep.DOMAIN: (
            f"CASE WHEN c IS NULL THEN NULL WHEN {_AT} > 1 AND LENGTH({_HOST_OF_MAIL}) BETWEEN 1 AND 253"
            f" AND NOT {_HOST_OF_MAIL} GLOB '*[^A-Za-z0-9.-]*' THEN '***@' || {_HOST_OF_MAIL} ELSE '***' END"
        ),
        Keep.LAST4: (
            f"CASE WHEN c IS NULL THEN NULL WHEN LENGTH({DIGITS}) BETWEEN 8 AND 19 AND NOT {DIGITS} GLOB '*[^0-9]*'"
            f" THEN '***' || SUBSTRING({DIGITS}, -4) ELSE '***' END"
        ),
        Keep.PREFECTURE: PREFECTURE,
        Keep.INITIALS: initials(name_space("INSTR")),
    },
    first_days={  # dates are texts here
        DatePart.YEAR: f"CASE WHEN {_DAY} THEN SUBSTRING(c, 1, 4) || '-01-01' END",
        DatePart.QUARTER: (
            f"CASE WHEN {_DAY} THEN SUBSTRING(c, 1, 4) || CASE WHEN SUBSTRING(c, 6, 2) < '04' THEN '-01-01'"
            " WHEN SUBSTRING(c, 6, 2) < '07' THEN '-04-01' WHEN SUBSTRING(c, 6, 2) < '10' THEN '-07-01'"
            " ELSE '-10-01' END END"
        ),
        DatePart.MONTH: f"CASE WHEN {_DAY} THEN SUBSTRING(c, 1, 7) || '-01' END",
    },
)
_INSTANTS = Instants(
    COLUMN,
    OPERAND,
    canonical,
    day_from,
    masks={TransformKind.YEAR: _YEAR_OF_INSTANT, TransformKind.AGE_BAND: _age_band(_YEAR_OF_INSTANT)},
    first_days={
        DatePart.YEAR: "SUBSTRING(c, 1, 4) || '-01-01'",
        DatePart.QUARTER: (
            "SUBSTRING(c, 1, 4) || SUBSTRING('-01-01-04-01-07-01-10-01', (SUBSTRING(c, 6, 2) - 1) / 3 * 6 + 1, 6)"
        ),
        DatePart.MONTH: "SUBSTRING(c, 1, 7) || '-01'",
    },
)
_PRIME = 2_147_483_647  # 2^31 - 1: products of two residues stay below 2^63


def _physical(dataset: Dataset) -> tuple[str, str]:
    return "main", dataset.relation


def _is_no_text(column: exp.Expr) -> exp.Expr:
    """Numbers stand before all texts. As a negation it is no range of an index; TYPEOF takes four times as long."""
    return exp.Not(this=exp.GTE(this=column, expression=exp.Literal.string("")))


def _mix(key: exp.Expr, of: ColumnType, seeds: tuple[exp.Expr, exp.Expr, exp.Expr]) -> exp.Expr | None:
    """SQLite has no hash: two rounds of multiplication modulo a prime, the second by a residue of the first."""
    if of is not ColumnType.INTEGER:
        return None
    a, b, c = seeds
    first = _residue(exp.Mul(this=exp.Paren(this=exp.Add(this=key, expression=a)), expression=b))
    second = _residue(exp.Mul(this=first.copy(), expression=first.copy()))
    return _residue(exp.Add(this=exp.Mul(this=second, expression=c), expression=first))


def _residue(value: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.Mod(this=exp.Paren(this=value), expression=exp.Literal.number(_PRIME)))


SQLITE = Dialect(
    kind=StoreKind.SQLITE,
    sqlglot="sqlite",
    title="SQLite",
    functions=AGGREGATES | WINDOW_FUNCTIONS | SCALAR_FUNCTIONS | _FUNCTIONS,
    anonymous_functions=frozenset(
        {"ifnull", "iif", "date", "datetime", "time", "strftime", "julianday", "unixepoch", "instr"}
    ),
    masks=_MASKS,
    spelling=_SPELLING,
    instants=_INSTANTS,
    # sqlglot would write QUALIFY as a SELECT around, in which a name means an output column.
    refused=frozenset({exp.Qualify, exp.Lateral, exp.Rollup, exp.Cube, exp.GroupingSets, exp.All, exp.Any}),
    physical=_physical,
    people_schema="temp",
    is_number=_is_no_text,
    mix=_mix,
    # Days are texts there; of instants the scan takes the days around them.
    scanned_by=frozenset({ColumnType.STRING, ColumnType.INTEGER, ColumnType.DOUBLE, ColumnType.TIMESTAMP}),
    qualified_reads=False,
    fence_needs_limit=True,
    takes_first=True,
)
"""SQLite 3.40 and newer."""
