"""One engine's SQL, as data: functions allowed, masks as expressions, the fence, how names and parameters stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from sekisho.domain.masks import DatePart, Mask, Partial, TransformKind
from sekisho.domain.terms import ColumnType, Dataset, StoreKind
from sekisho.domain.transforms import TRANSFORMS, Runs
from sekisho.errors import StatementRefused
from sekisho.query.dialects.declared import Spelling, expression_of
from sekisho.query.dialects.written import keep_names
from sekisho.query.tokens import check_doublings, numbered

AGGREGATES: frozenset[type[exp.Expr]] = frozenset({exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max})
"""Aggregates that every engine has."""

WINDOW_FUNCTIONS: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile,
        exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue,
    }
)  # fmt: skip
"""Window functions that every engine has."""

SCALAR_FUNCTIONS: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least,
        exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sign, exp.Sqrt, exp.Ln, exp.Exp, exp.Pow,
        exp.Lower, exp.Upper, exp.Length, exp.Substring, exp.Trim, exp.Concat, exp.Replace,
        exp.StrPosition, exp.Left, exp.Right, exp.TimeToStr, exp.CurrentDate, exp.CurrentTimestamp,
    }
)  # fmt: skip
"""Functions that every engine has."""

MASKS: dict[TransformKind, str] = {
    TransformKind.PREFIX3: "SUBSTRING(c, 1, 3)",
    TransformKind.BROWSER: (
        "CASE WHEN c IS NULL THEN NULL WHEN c LIKE '%Edg%' THEN 'Edge' WHEN c LIKE '%Firefox%' THEN 'Firefox'"
        " WHEN c LIKE '%Chrome%' THEN 'Chrome' WHEN c LIKE '%Safari%' THEN 'Safari' ELSE 'other' END"
    ),
}
"""Masks that read the same in every engine, with ``c`` for the column. Every one yields NULL for NULL."""

_SQL_TYPES = {
    ColumnType.STRING: "TEXT",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.DOUBLE: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP",
}


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Which values an engine compares without casting a column, so that a comparison cannot fail on a row.

    Attributes
    ----------
    families:
        Family of each column type; values of one family are compared as they are. A type without a family is
        compared with nothing.
    number:
        Literals that fit numbers.
    literals_only:
        Families whose columns may be of several types in the store: they fit literals and parameters, which
        take the column's type, and not each other.
    reads:
        Of families that the engine reads from texts row by row: which texts it reads without fail, whatever type of
        the family the column has. Elsewhere a text is read, or is an error, before there is any row.
    """

    families: Mapping[ColumnType, str]
    number: re.Pattern[str]
    literals_only: frozenset[str] = frozenset()
    reads: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)


LOOSE = Comparisons(
    families={
        ColumnType.STRING: "string",
        ColumnType.INTEGER: "number",
        ColumnType.DOUBLE: "number",
        ColumnType.BOOLEAN: "boolean",
        ColumnType.DATE: "date",
        ColumnType.TIMESTAMP: "timestamp",  # apart: the earliest dates have no timestamp
    },
    # A longer decimal makes DuckDB cast the column to DECIMAL(38, s), where a large value does not fit.
    number=re.compile(r"\d{1,18}(\.\d{1,15})?"),
)
"""The comparisons of SQLite, and but for instants of DuckDB: both have one numeric family."""


@dataclass(frozen=True, slots=True)
class Instants:
    """How an engine tells instants that it keeps as texts: in one spelling, whose order is that of time.

    Attributes
    ----------
    column:
        The text of the instant that a column holds, with ``c`` for the column; NULL where it holds none.
    operand:
        The same for what is compared with one. It has ``c`` once, so that a subquery may stand there.
    value:
        The same for a literal or parameter; ``None`` where it tells none.
    day:
        The day so many days after that of such a text, as the columns spell days.
    masks, first_days:
        Masks of such a text, as ``Dialect.masks`` and ``Spelling.first_days`` are of a column.
    """

    column: str
    operand: str
    value: Callable[[str], str | None]
    day: Callable[[str, int], str]
    masks: Mapping[TransformKind, str]
    first_days: Mapping[DatePart, str]


_LONGEST = 1_000


def check_size(node: exp.Expr) -> None:
    """Refuse LPAD and RPAD to a length which the statement does not show, or beyond reason."""
    length = node.expression
    if not isinstance(length, exp.Literal) or length.is_string or not 0 <= float(str(length.this)) <= _LONGEST:
        raise StatementRefused(f"LPAD and RPAD take a length of at most {_LONGEST}, as a number.")


def _as_written(tree: exp.Query) -> None:
    """Leave the statement as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
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
        Names of functions without a node of their own. Never an aggregate: it would not be seen as one.
    refused:
        Nodes that sqlglot reads and the engine does not have.
    masks:
        Mask templates with ``c`` for the column.
    text_masks:
        Those that differ for a column of text.
    spelling:
        What masks with parameters need.
    comparisons:
        What compares without a cast.
    instants:
        How instants are told that the engine keeps as texts; ``None`` where it has a type for them.
    elsewhere:
        Of a column ``c``, by its type, the values that every engine and driver holds; NULL for the others. No entry
        where there are no others.
    physical:
        Schema and table of a dataset.
    people_schema:
        Schema of the people tables.
    mix:
        The expression whose order over keys looks random without the seeds; ``None`` when the engine has none for
        this type of key. It takes the key, its type (a person's is a number), and the seeds.
    settle:
        Rewrites what the engine says in a second way into the first, on the tree as it was read.
    checks:
        Refuses nodes that this engine alone would let through, by their type.
    scanned_by:
        Types of columns that a scan for DuckDB may compare with a value: this engine reads the value as DuckDB does.
    lateral_aliases:
        Whether a select list may refer to the names of its own earlier columns.
    standard_names:
        Whether names are those of the SQL standard, as PostgreSQL reads them: quoted names keep their case, an output
        column's name stands only as a whole item of ORDER BY or GROUP BY, ``*`` over JOIN … USING starts with the
        merged columns.
    joins_stores:
        Whether a statement may read several stores of this engine.
    qualified_reads:
        Whether the second oracle sees tables with their schema.
    qualified_people:
        Whether it sees the people tables with theirs.
    numbered_parameters:
        Whether parameters are ``$1``, ``$2`` … in the order of the slots.
    fence_needs_limit:
        Whether OFFSET must follow a LIMIT.
    fence_offset:
        The zero that OFFSET takes.
    plans_by_values:
        Whether the planner estimates by what single rows hold, so that a plan may tell of them.
    consent_travels:
        Whether a statement brings who may be read as parameters: those who withdrew since a people table was
        written, or bits in place of the table.
    marks_rows:
        Whether the store can put a mark beside each row of a dataset, in place of a people table.
    is_number:
        The condition that a column which is declared as numbers holds one and no text that reads like one; ``None``
        where a column keeps to its type.
    bit:
        The expression of one of the bits that travel with a statement: it takes the bits, as a parameter, and the
        place; ``None`` where no bits travel.
    takes_first:
        Whether a subquery that is used as a value may have several rows, of which the engine takes the first.
    backslash_escapes:
        Whether a LIKE pattern that ends in a backslash fails on the rows that match so far.
    parameter_sign:
        What stands before the name of a parameter, as a token.
    """

    kind: StoreKind
    sqlglot: str
    title: str
    functions: frozenset[type[exp.Expr]]
    anonymous_functions: frozenset[str]
    masks: Mapping[TransformKind, str]
    spelling: Spelling
    physical: Callable[[Dataset], tuple[str, str]]
    people_schema: str
    mix: Callable[[exp.Expr, ColumnType, tuple[exp.Expr, exp.Expr, exp.Expr]], exp.Expr | None]
    text_masks: Mapping[TransformKind, str] = field(default_factory=dict)
    comparisons: Comparisons = LOOSE
    instants: Instants | None = None
    elsewhere: Mapping[ColumnType, str] = field(default_factory=dict)
    refused: frozenset[type[exp.Expr]] = frozenset()
    settle: Callable[[exp.Query], None] = _as_written
    checks: Mapping[type[exp.Expr], Callable[[exp.Expr], None]] = field(default_factory=dict)
    scanned_by: frozenset[ColumnType] = frozenset()
    lateral_aliases: bool = False
    standard_names: bool = False
    joins_stores: bool = False
    qualified_reads: bool = True
    qualified_people: bool = False
    numbered_parameters: bool = False
    fence_needs_limit: bool = False
    fence_offset: exp.Expr = field(default_factory=partial(exp.Literal.number, 0))
    plans_by_values: bool = False
    consent_travels: bool = False
    marks_rows: bool = False
    is_number: Callable[[exp.Expr], exp.Expr] | None = None
    bit: Callable[[exp.Expr, exp.Expr], exp.Expr] | None = None
    takes_first: bool = False
    backslash_escapes: bool = False
    parameter_sign: TokenType = TokenType.COLON

    def mask(
        self, kind: TransformKind, column: exp.Expr, column_type: ColumnType, mask: Mask | None = None
    ) -> exp.Expr:
        """Return the expression that stands for *column* at the scan under *kind*, with the parameters of *mask*.

        What is computed on the way out returns the column as it is told clear. Of an instant a mask sees what a
        clear column tells. Raises ``StatementRefused`` for a transform that has no expression here.
        """
        if kind is TransformKind.WITHHOLD:
            return exp.Cast(this=exp.Null(), to=data_type(_SQL_TYPES[column_type], self.sqlglot))
        if kind is TransformKind.REDACT:
            if column_type is ColumnType.STRING:
                return exp.Literal.string("***")
            return exp.Cast(this=exp.Null(), to=data_type(_SQL_TYPES[column_type], self.sqlglot))
        told = self.instant(column) if column_type is ColumnType.TIMESTAMP else column
        if kind is TransformKind.CLEAR or TRANSFORMS[kind].runs is Runs.GATEWAY:
            return told
        tree = self._masked(kind, column_type, mask)
        if tree is None:
            raise StatementRefused(f"A column cannot be masked ({kind.value}) in {self.title}.")
        return _filled(tree, told)

    def instant(self, column: exp.Expr) -> exp.Expr:
        """Return the instant that *column* holds, as the engine tells instants."""
        if self.instants is None:
            return column
        return _filled(_template(self.instants.column, self.sqlglot).copy(), column)

    def held_elsewhere(self, column: exp.Expr, column_type: ColumnType) -> exp.Expr:
        """Return what of *column* can leave the engine on every row; NULL elsewhere."""
        template = self.elsewhere.get(column_type)
        return column if template is None else _filled(_template(template, self.sqlglot).copy(), column)

    def _masked(self, kind: TransformKind, column_type: ColumnType, mask: Mask | None) -> exp.Expr | None:
        if kind is TransformKind.PARTIAL and mask is None:
            mask = Partial()
        spelling, template = self.spelling, self.masks.get(kind)
        if column_type is ColumnType.STRING:
            template = self.text_masks.get(kind, template)
        elif column_type is ColumnType.TIMESTAMP and self.instants is not None:
            spelling = replace(spelling, first_days=self.instants.first_days)
            template = self.instants.masks.get(kind, template)
        if mask is not None and mask.kind is kind:
            return expression_of(mask, column_type, spelling, self.sqlglot)
        return None if template is None else _template(template, self.sqlglot).copy()

    def fence(self, select: exp.Select) -> exp.Select:
        """Keep the engine from moving a requester's expression into *select*.

        Without it the planners of DuckDB, SQLite and PostgreSQL ran casts on rows of people without consent, and
        the error printed the value. ``OFFSET 0`` (SQLite: ``LIMIT -1 OFFSET 0``) is a barrier to all three.
        """
        if self.fence_needs_limit:
            select.set("limit", exp.Limit(expression=exp.Neg(this=exp.Literal.number(1))))
        select.set("offset", exp.Offset(expression=self.fence_offset.copy()))
        return select

    def conceal(self, select: exp.Select) -> exp.Query:
        """Return what is fenced *select*, and hides from the planner what its columns hold.

        PostgreSQL looks a column's statistics up through subqueries, OFFSET 0 or not, but through no set operation
        (``examine_simple_variable`` in its selfuncs.c). What is added here has no rows.
        """
        nothing = exp.Select(expressions=[exp.Null() for _ in select.expressions])
        nothing.set("where", exp.Where(this=exp.Boolean(this=False)))
        both = exp.Union(this=select, expression=nothing, distinct=False)
        both.set("offset", exp.Offset(expression=self.fence_offset.copy()))
        return both

    def reads(self, schema: str, table: str) -> str:
        """Return the name under which the second oracle sees a table."""
        return f"{schema}.{table}" if self.qualified_reads else table

    def counted(self, tree: exp.Expr) -> set[tuple[str, str]]:
        """Return the WITH queries that a second oracle without schemas sees as tables whose rows are counted."""
        return set() if self.qualified_reads else {(cte.alias, "") for cte in tree.find_all(exp.CTE)}

    def people_name(self, table: str) -> str:
        """Return the name under which the second oracle sees a people table."""
        return f"{self.people_schema}.{table}" if self.qualified_people else table

    def parse(self, sql: str) -> list[exp.Expr | None]:
        """Return the tree of each statement in *sql*, with each ``?`` as a named parameter: ``p0``, ``p1`` and so on.

        Raises ``SqlglotError``, ``RecursionError`` or ``StatementRefused``.
        """
        dialect = _sqlglot(self.sqlglot)
        tokens = list(numbered(dialect.tokenize(sql), self.parameter_sign))
        check_doublings(tokens, dialect.parser_class.TYPE_TOKENS)
        trees = dialect.parser().parse(tokens, sql)
        for tree in trees:
            if tree is not None:
                keep_names(tree, sql)
        return trees

    def generate(self, tree: exp.Expr) -> str:
        """Return the text of *tree*, which is used up: all names quoted, no comments.

        Raises ``StatementRefused`` where sqlglot has doubts.
        """
        try:
            return _sqlglot(self.sqlglot).generate(
                tree, copy=False, identify=True, comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE
            )
        except SqlglotError:
            raise StatementRefused(f"The statement holds something that {self.title} does not know.") from None


def data_type(name: str, dialect: str) -> exp.DataType:
    """Return the type that *dialect* calls *name*."""
    return _data_type(name, dialect).copy()


def _filled(tree: exp.Expr, column: exp.Expr) -> exp.Expr:
    for node in list(tree.find_all(exp.Column)):
        node.replace(column.copy())
    return tree


# sqlglot would look up a dialect, and parse the name of a type, each time anew.
@cache
def _sqlglot(dialect: str) -> sqlglot.Dialect:
    return sqlglot.Dialect.get_or_raise(dialect)


@cache
def _data_type(name: str, dialect: str) -> exp.DataType:
    return exp.DataType.build(name, dialect=dialect)


@cache
def _template(template: str, dialect: str) -> exp.Expr:
    return sqlglot.parse_one(template, dialect=dialect)
