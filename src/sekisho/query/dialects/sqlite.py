"""SQLite files: the people tables stand in the connection's temporary database."""

from __future__ import annotations

from sqlglot import exp

from sekisho.domain.access import TransformKind
from sekisho.domain.terms import ColumnType, Dataset, StoreKind
from sekisho.query.dialects.dialect import AGGREGATES, MASKS, SCALAR_FUNCTIONS, WINDOW_FUNCTIONS, Dialect

_FUNCTIONS: frozenset[type[exp.Expr]] = frozenset({exp.CountIf, exp.Date, exp.TsOrDsToDate, exp.TsOrDsToTimestamp})

_MASKS = MASKS | {
    TransformKind.YEAR: "CAST(SUBSTRING(c, 1, 4) AS INT)",
    TransformKind.AGE_BAND: (
        "CAST((CAST(STRFTIME('%Y', 'now') AS INT) - CAST(SUBSTRING(c, 1, 4) AS INT)) / 10 AS INT) * 10"
    ),
    TransformKind.HOST: "SUBSTRING(c, 1, 0)",  # no URL column in a SQLite store yet: shows nothing
}
_PRIME = 2_147_483_647  # 2^31 - 1: products of two residues stay below 2^63


def _physical(dataset: Dataset) -> tuple[str, str]:
    return "main", dataset.relation


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
    refused=frozenset({exp.Lateral, exp.Rollup, exp.Cube, exp.GroupingSets, exp.All, exp.Any}),
    physical=_physical,
    people_schema="temp",
    mix=_mix,
    scanned_by=frozenset({ColumnType.STRING, ColumnType.INTEGER, ColumnType.DOUBLE}),  # dates are texts there
    qualified_reads=False,
    fence_needs_limit=True,
)
"""SQLite 3.40 and newer."""
