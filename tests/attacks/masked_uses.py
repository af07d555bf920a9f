"""Every construct that a statement may hold, put on a masked column: none may take it.

``text`` stands for a masked text (shown, and nothing else), ``blank`` for a column that is not shown, ``key`` for a
data-subject key, ``link`` for a linking identifier. A construct is on the allow-list, so the use alone is refused.
"""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import re

_EVERYWHERE = (
    "lower(text)", "upper(text)", "length(text)", "substr(text, 1, 6)", "trim(text)", "replace(text, 'MK', '')",
    "text || 'x'", "coalesce(text, 'x')", "nullif(text, 'x')", "text LIKE '%tea%'", "text > 'MKn'", "text >= 'MKn'", "text < 'MKn'",
    "text <= 'MKn'", "text BETWEEN 'M' AND 'MKnote 3'", "text = 'MKnote 11 likes tea'", "text <> 'MKnote 11 likes tea'",
    "text IN ('MKnote 11 likes tea')", "CASE WHEN text > 'MKnote 3' THEN 1 ELSE 0 END", "CASE text WHEN 'MKnote 11 likes tea' THEN 1 END",
    "NOT (text > 'MKn')", "text > 'MKn' AND num > 1", "text > 'MKn' OR num > 1", "CAST(text AS TEXT)", "min(text)", "max(text)",
    "count(text)", "count(DISTINCT text)", "sum(length(text))", "round(length(text))", "(SELECT max(text))",
    "key + 0", "key - 0", "key * 1", "key / 1", "key % 7", "-key", "abs(key)", "round(key)", "key > 20", "key >= 20", "key < 20", "key <= 20",
    "key BETWEEN 1 AND 20", "sum(key)", "avg(key)", "min(key)", "max(key)", "coalesce(key, 0)", "nullif(key, 5)", "CAST(key AS TEXT)",
    "CASE WHEN key > 20 THEN 1 ELSE 0 END", "length(key)", "key || ''", "key = num", "key IN (num)", "key = 5", "key <> 5", "key IN (5, 6)",
    "key = 1 + 4", "count(DISTINCT key + 0)", "link > 'MK'", "link || ''", "link LIKE '%7'", "max(link)", "lower(link)", "length(link)",
    "link = 'MK-' || '00007'", "link IN ('MK-00007', 'MK-T0016')",
    "first_value(text) OVER (ORDER BY num)", "last_value(text) OVER (ORDER BY num)", "lag(text) OVER (ORDER BY num)",
    "lead(text) OVER (ORDER BY num)", "lag(key) OVER (ORDER BY num)", "first_value(key) OVER (ORDER BY num)",
    "row_number() OVER (ORDER BY text)", "rank() OVER (ORDER BY text)", "dense_rank() OVER (ORDER BY text)",
    "percent_rank() OVER (ORDER BY text)", "cume_dist() OVER (ORDER BY text)", "ntile(3) OVER (ORDER BY text)",
    "rank() OVER (ORDER BY key)", "row_number() OVER (ORDER BY link)", "sum(num) OVER (ORDER BY text)", "sum(num) OVER (PARTITION BY text)",
    "count(*) OVER (PARTITION BY text)", "max(text) OVER ()", "sum(key) OVER ()",
    "count(*) FILTER (WHERE text > 'MKn')", "sum(num) FILTER (WHERE key > 20)",
)  # fmt: skip
_DUCKDB = (
    "left(text, 4)", "right(text, 4)", "starts_with(text, 'MKquery 0')", "contains(text, '01')", "regexp_matches(text, '01')",
    "regexp_extract(text, '0.')", "text ILIKE '%QUERY 01%'", "strlen(text)", "strpos(text, '1')", "concat(text, 'x')",
    "greatest(text, 'MKquery 05')", "least(text, 'MKquery 05')", "any_value(text)", "approx_count_distinct(text)", "quantile_disc(key, 0.5)",
    "median(key)", "stddev(key)", "stddev_pop(key)", "variance(key)", "var_pop(key)", "corr(key, num)", "greatest(key, 25)", "least(key, 25)",
    "sign(key - 20)", "sqrt(key)", "ln(key)", "exp(key)", "pow(key, 2)", "floor(key / 2)", "ceil(key / 2)", "key // 2", "any_value(key)",
    "TRY_CAST(text AS INT)", "text::varchar", "key::int", "count_if(text > 'MKquery 05')", "text IS DISTINCT FROM 'MKquery 001'",
    "text IS NOT DISTINCT FROM 'MKquery 001'", "approx_count_distinct(key + 0)", "percentile_disc(0.5) WITHIN GROUP (ORDER BY key)",
    "date_part('year', CAST(text AS DATE))", "strftime(CAST(text AS DATE), '%Y')", "year(text)", "date_add(DATE '2000-01-01', INTERVAL (key) DAY)",
    "date_trunc('month', DATE '2000-01-01' + CAST(key AS INT))", "date_diff('day', DATE '2000-01-01', DATE '2000-01-01' + CAST(key AS INT))",
    "text::date", "month(text::date)",
)  # fmt: skip
_SQLITE = (
    "instr(text, 'tea')", "ifnull(text, 1)", "iif(text > 'MKnote 3', 1, 0)", "CAST(text AS INT)", "text IS 'MKnote 11 likes tea'",
    "text IS NOT 'MKnote 11 likes tea'", "key IS 5", "ifnull(key, 0)", "iif(key > 20, 1, 0)", "max(key, 20)", "min(key, 20)", "sign(key - 20)",
    "date(key)", "datetime(key)", "julianday(key)", "strftime('%Y', key)", "ltrim(text, 'M')", "rtrim(text, 'a')",
)  # fmt: skip
_POSTGRES = (
    "left(text, 4)", "right(text, 4)", "starts_with(text, 'MKnote 1')", "split_part(text, ' ', 2)", "initcap(text)", "concat(text, 'x')",
    "concat_ws('-', text, 'x')", "strpos(text, 'tea')", "position('tea' IN text)", "text ILIKE '%TEA%'", "btrim(text, 'M')", "greatest(text, 'MKnote 2')",
    "least(text, 'MKnote 2')", "greatest(key, 25)", "width_bucket(key, 1, 50, 5)", "trunc(key / 2.0)", "bool_and(key > 20)", "bool_or(key > 20)",
    "stddev(key)", "stddev_pop(key)", "variance(key)", "var_pop(key)", "corr(key, num)", "covar_pop(key, num)", "covar_samp(key, num)",
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY key)", "percentile_disc(0.5) WITHIN GROUP (ORDER BY key)", "mode() WITHIN GROUP (ORDER BY text)",
    "text::varchar", "key::text", "text IS DISTINCT FROM 'MKnote 11 likes tea'", "text IS NOT DISTINCT FROM 'x'", "sign(key - 20)", "sqrt(key)",
    "ln(key)", "exp(key / 50.0)", "power(key, 2)", "floor(key / 2.0)", "ceil(key / 2.0)", "div(key, 2)", "mod(key, 7)",
    "make_date(2000, 1, 1 + key % 28)", "extract(day FROM DATE '2000-01-01' + key::int)", "date_trunc('month', DATE '2000-01-01' + key::int)",
    "to_char(DATE '2000-01-01' + key::int, 'DD')", "age(DATE '2000-01-01' + key::int)", "isfinite(DATE '2000-01-01' + key::int)",
    "text NOT LIKE '%tea%'", "text NOT IN ('MKnote 11 likes tea')", "text ~~ '%tea%'", "substring(text FROM 1 FOR 8)", "overlay(text PLACING 'x' FROM 1 FOR 2)",
)  # fmt: skip

_WORD = re.compile(r"(?<!AS )(?<!::)\b(text|key|num|link)\b")

_CLAUSES = (
    "SELECT num FROM {t} WHERE {e}", "SELECT count(*) AS n FROM {t} WHERE num > 1 AND {e}", "SELECT num FROM {t} ORDER BY {e}",
    "SELECT count(*) AS n, num FROM {t} GROUP BY num HAVING max({e}) IS NOT NULL", "SELECT {e} AS x, count(*) AS n FROM {t} GROUP BY {e}",
    "SELECT DISTINCT {e} AS x FROM {t}", "SELECT a.num FROM {t} a WHERE EXISTS (SELECT 1 FROM {t} WHERE {e})",
    "SELECT num FROM {t} WHERE num IN (SELECT {e} FROM {t})", "SELECT {e} AS x FROM {t} UNION ALL SELECT num FROM {t}",
    "SELECT q.x FROM (SELECT {e} AS x FROM {t}) q", "WITH q AS (SELECT {e} AS x FROM {t}) SELECT x FROM q",
)  # fmt: skip

_TABLES: dict[str, list[dict[str, str | None]]] = {
    "sqlite": [
        {"t": "crm.customers", "text": "note", "key": "customer_id", "num": "points", "link": None},
        {"t": "crm.tickets", "text": "body", "key": "customer_id", "num": "minutes", "link": "ticket_id"},
    ],
    "duckdb": [
        {"t": "web.events", "text": "query_text", "key": "customer_id", "num": "length(event_type)", "link": "invoice"},
        {"t": "pos.order_lines", "text": None, "key": "customer_id", "num": "quantity", "link": "invoice"},
    ],
    "postgresql": [
        {"t": "shop.customers", "text": "note", "key": "customer_id", "num": "points", "link": None},
        {"t": "shop.order_lines", "text": None, "key": "customer_id", "num": "quantity", "link": "invoice"},
    ],
}  # fmt: skip
OF_ENGINE = {"sqlite": _SQLITE, "duckdb": _DUCKDB, "postgresql": _POSTGRES}


def statements(engine: str) -> list[str]:
    """Return each construct in the select list, and a comparison in every clause."""
    found = []
    for table in _TABLES[engine]:
        for expression in (*_EVERYWHERE, *OF_ENGINE[engine]):
            written = _written(expression, table)
            if written is not None:
                beside = f"{table['num']} AS m, " if "OVER" in expression else ""  # a rank says something of a row
                found.append(f"SELECT {beside}{written} AS x FROM {table['t']}")
        for clause in _CLAUSES:
            for expression in ("text > 'MKn'", "key > 20", "text", "key + 0"):
                written = _written(clause.format(t=table["t"], e=expression), table)
                if written is not None:
                    found.append(written)
    return found


def _written(expression: str, table: dict[str, str | None]) -> str | None:
    """Return *expression* about *table*, or ``None`` where that has no such column."""
    words = set(_WORD.findall(expression))
    if any(table[word] is None for word in words):
        return None
    return _WORD.sub(lambda found: str(table[found[1]]), expression)
