"""The second opinion of PostgreSQL: what its own plan of a governed statement reads and calls.

The text that the rewriter made is read by the server's parser, which shares no code with ours. Its plan
(``EXPLAIN (VERBOSE, FORMAT JSON)``) must read no relation and no column beyond the plan that was decided about,
and call no function that no statement may call.

Columns are looked for where a plan computes: in conditions, in keys, and in the outputs of what projects. A scan
below a join may hand over whole rows of its table, of which nothing above takes more than it names; one below an
Append hands over what it computes. Functions are looked for everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sekisho.errors import StatementRefused

_SCANS = frozenset(
    {
        "Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Bitmap Index Scan", "Tid Scan",
        "Tid Range Scan",
    }
)  # fmt: skip
_PROJECTING = frozenset(
    {"Nested Loop", "Merge Join", "Hash Join", "Result", "Group", "Aggregate", "WindowAgg", "Subquery Scan"}
)
_OTHER = frozenset(
    {
        "CTE Scan", "WorkTable Scan", "Values Scan", "Append", "Merge Append", "Recursive Union", "BitmapAnd",
        "BitmapOr", "Hash", "Materialize", "Memoize", "Sort", "Incremental Sort", "Unique", "SetOp", "Gather",
        "Gather Merge", "Limit",
    }
)  # fmt: skip
_NODES = _SCANS | _PROJECTING | _OTHER
# Texts of a node that name things instead of computing them.
_NAMES = frozenset(
    {
        "Node Type", "Strategy", "Partial Mode", "Parent Relationship", "Join Type", "Relation Name", "Schema",
        "Alias", "Index Name", "CTE Name", "Subplan Name", "Scan Direction", "Command", "Cache Mode",
    }
)  # fmt: skip

FUNCTIONS = frozenset(
    {
        "count", "sum", "avg", "min", "max", "bool_and", "bool_or", "stddev", "stddev_samp", "stddev_pop", "variance",
        "var_samp", "var_pop", "corr", "covar_pop", "covar_samp", "percentile_cont", "percentile_disc", "mode",
        "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value",
        "last_value", "nth_value", "string_agg", "grouping", "regr_slope", "regr_intercept", "regr_r2", "regr_count",
        "reverse", "lpad", "rpad", "log", "cbrt", "degrees", "radians", "date_bin", "to_date",
        "coalesce", "nullif", "greatest", "least", "abs", "round", "floor", "ceil", "ceiling", "sign",
        "sqrt", "ln", "exp", "pow", "power", "mod", "div", "trunc", "width_bucket", "lower", "upper", "initcap",
        "length", "substring", "substr", "trim", "btrim", "ltrim", "rtrim", "concat", "concat_ws", "replace",
        "strpos", "position", "left", "right", "split_part", "starts_with", "like_escape", "to_char", "date",
        "date_trunc", "date_part", "extract", "age", "isfinite", "make_date", "timezone", "hashint8extended",
        "hashtextextended", "get_bit", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "bpchar",
        "varchar", "bool", "timestamp", "timestamptz", "time", "interval",
    }
)  # fmt: skip
"""Functions of ``pg_catalog`` that a governed statement may call, as the server writes them."""

_WORD = r'(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$]*)'
_ZONE = r"(?:\ with(?:out)?\ time\ zone)"
_MORE = r"(?:\ (?:varying|precision|to|day|hour|minute|second|year|month))*"
_TOKEN = re.compile(
    rf"""
    (?P<text>[Ee]?'(?:[^'\\]|''|\\.)*')
    | (?P<cast>::\s*(?:{_WORD}\.)?{_WORD}{_MORE}{_ZONE}?(?:\([0-9,\ ]*\))?{_ZONE}?(?:\[\])*)
    | (?P<name>{_WORD}(?:\.(?:{_WORD}|\*))*)(?P<call>\()?
    """,
    re.VERBOSE,
)
_WORDS = frozenset(
    {
        "and", "or", "not", "null", "is", "true", "false", "unknown", "case", "when", "then", "else", "end",
        "distinct", "from", "any", "all", "order", "by", "over", "partition", "rows", "range", "groups", "between",
        "unbounded",
        "preceding", "following", "current", "row", "filter", "where", "within", "group", "asc", "desc", "nulls",
        "first", "last", "using", "collate", "partial", "for", "interval", "date", "timestamp", "at", "time", "zone",
        "in", "both", "leading", "trailing",
    }
)  # fmt: skip
"""Words of an output that name nothing."""
_FIELD = re.compile(r"\bEXTRACT\(\w+ FROM\b")
_PART = re.compile(r'"((?:[^"]|"")+)"|([^."]+)')


def check(
    explained: Mapping[str, Any],
    reads: Collection[tuple[str, str]],
    beneath: Collection[str] = (),
    twice: Collection[str] = (),
    calls: Collection[tuple[str, ...]] = (),
) -> None:
    """Refuse a statement whose plan reads or calls more than was decided about.

    Parameters
    ----------
    explained:
        One plan of ``EXPLAIN (VERBOSE, FORMAT JSON)``: an object with a ``Plan``.
    reads:
        The pairs of ``schema.table`` and column that were decided about.
    beneath:
        Relations, as ``schema.table``, that stand behind those: partitions, and tables of views. Their columns
        bear other names and are not compared.
    twice:
        Relations that were decided about and stand behind another of them as well. Which of the two a scan is for
        cannot be told, so that what it hands over is not compared.
    calls:
        Functions that the views among all these call, see :func:`calls_of`.

    Raises
    ------
    StatementRefused
        When the plan names another relation, another column or another function, or does anything but read.
    """
    columns: dict[str, set[str]] = {}
    for table, column in reads:
        columns.setdefault(table, set()).add(column)
    nodes = list(_nodes(explained["Plan"]))
    tables: dict[str, str] = {}
    for node in nodes:
        if node["Node Type"] not in _NODES:
            raise StatementRefused("The statement does more than read tables.")
        if "Relation Name" in node:
            table = f"{node['Schema']}.{node['Relation Name']}"
            if table not in columns and table not in beneath:
                raise StatementRefused("The statement reads more than was decided about.")
            tables[node["Alias"]] = table
    anything = set().union(*columns.values()) if columns else set()
    # The server writes no alias before the outputs of a plan that has one table.
    bare = [item for node in nodes for text in _outputs(node) for item in _names(_FIELD.sub("extract(", text))]
    alone = bool(tables) and not any(len(name) > 1 for name, _ in bare)
    if alone and any(not call and name[0] not in anything and name[0].lower() not in _WORDS for name, call in bare):
        raise StatementRefused("The statement reads more than was decided about.")
    for node in nodes:
        # What hands over whole rows computes nothing; where it calls a function, those are no longer whole rows.
        for name, is_call in (named for text in _outputs(node) for named in _names(text)):
            if is_call:
                _check_call(name, calls)
        for text in _expressions(node, twice):
            for name, is_call in _names(text):
                if is_call:
                    _check_call(name, calls)
                elif len(name) == 2 and name[0] in tables:
                    table = tables[name[0]]
                    # A table of which no column may be read is only counted.
                    if table in columns and name[1] not in columns[table]:
                        raise StatementRefused("The statement reads more than was decided about.")
                elif len(name) == 2 and beneath and name[1] not in anything and name[0] not in _derived(nodes):
                    raise StatementRefused("The statement reads more than was decided about.")


def calls_of(definition: str) -> set[tuple[str, ...]]:
    """Return the functions that a view calls, each in the parts of its name, by the server's text of it."""
    return {name for name, is_call in _names(definition) if is_call}


def _check_call(name: tuple[str, ...], calls: Collection[tuple[str, ...]]) -> None:
    if name in calls:
        return
    if name[:-1] not in {(), ("pg_catalog",)} or name[-1].lower() not in FUNCTIONS:
        raise StatementRefused("The statement calls a function that no statement may call.")


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    stack = [plan]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.get("Plans", ()))


def _derived(nodes: Collection[Mapping[str, Any]]) -> set[str]:
    """Return the aliases of what is computed: subqueries, WITH, VALUES."""
    return {node["Alias"] for node in nodes if "Alias" in node and "Relation Name" not in node}


def _outputs(node: Mapping[str, Any]) -> list[str]:
    """Return the texts of the outputs of *node*."""
    return [item for item in node.get("Output", ()) if isinstance(item, str)]


def _expressions(node: Mapping[str, Any], twice: Collection[str]) -> Iterator[str]:
    """Yield the texts of what *node* computes."""
    handed_over = node.get("Parent Relationship") in {"Outer", "Inner"} or (
        node.get("Parent Relationship") == "Member" and f"{node.get('Schema')}.{node.get('Relation Name')}" in twice
    )
    for key, value in node.items():
        if key in _NAMES or (key == "Output" and handed_over and node["Node Type"] not in _PROJECTING):
            continue
        if isinstance(value, str):
            yield value
        elif isinstance(value, list) and key != "Plans":
            yield from _texts(value)


def _texts(value: object) -> Iterator[str]:
    """Yield every text below *value*: the keys of grouping sets are lists of lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))


def _names(text: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield the names in a text of the server, each in its parts, and whether it is called."""
    for token in _TOKEN.finditer(text):
        if token["name"]:
            parts = tuple(quoted.replace('""', '"') or bare for quoted, bare in _PART.findall(token["name"]))
            yield parts, token["call"] is not None
