"""What the matrix asks: expressions that fail on the rows of people who did not agree, and where they stand."""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

from sekisho.domain.terms import StoreKind

FINE = {"side": "in", "text": "5", "whole": 5, "part": 1.0, "day": "2001-01-01", "doc": '{"a": 1}'}
BAD = {"side": "out", "text": "NGx", "whole": 2**62, "part": -1.0, "day": "NGdate", "doc": "NG{"}

EXPRESSIONS: dict[StoreKind, dict[str, str]] = {
    StoreKind.DUCKDB: {
        "cast to number": "CAST(o.text AS INT) = 5",
        "cast of an arithmetic": "CAST(o.whole - 3 AS TINYINT) = 2",
        "narrowing cast": "CAST(o.whole AS TINYINT) = 5",
        "cast to date": "CAST(o.day AS DATE) > DATE '2000-01-01'",
        "cast to boolean": "CAST(substr(o.day, 4, 1) AS BOOLEAN)",
        "cast of a substring": "CAST(substr(o.text, 1, 2) AS INT) = 5",
        "cast inside CASE": "CASE WHEN o.flag THEN CAST(o.text AS INT) ELSE 5 END = 5",
        "cast inside COALESCE": "coalesce(CAST(o.text AS INT), 5) = 5",
        "multiplication": "o.whole * 1000000 > 0",
        "addition": "o.whole + 9223372036854775000 > 0 OR o.whole = 5",
        "division": "(o.whole * 2) // 1 > 0 AND o.whole * 4 / 2 > 0",
        "square root": "sqrt(o.part) > 0",
        "logarithm": "ln(o.part) >= 0",
        "compared with a number": "o.text = 5",
        "listed with numbers": "o.text IN (5, 6)",
        "a text as truth": "NOT substr(o.day, 4, 1) OR true",
        "a long decimal": "o.whole > 0.0000000000000000000000000000000000001",
        "date function": "date_trunc('month', CAST(o.day AS DATE)) > DATE '2000-01-01'",
        "json": "json_extract_string(CAST(o.doc AS JSON), '$.a') = '1'",
        "json function": "json_array_length(o.doc) >= 0 OR true",
        "regular expression": "regexp_matches(o.day, CASE WHEN o.text = '5' THEN '2' ELSE '(' END)",
        "array index": "string_split(o.day, '-')[CAST(o.text AS INT) - 4] = '2001'",
        "repetition": "length(repeat(o.text, CAST(o.whole AS INT))) > 0",
        "substring of negative length": "substring(o.text, 1, CAST(o.part AS INT) * CAST(o.text AS INT)) <> ''",
        "strptime": "strptime(o.day, '%Y-%m-%d') > TIMESTAMP '2000-01-01'",
        "error()": "CASE WHEN o.text = '5' THEN true ELSE error(o.text) END",
    },
    StoreKind.SQLITE: {
        "absolute value": "abs(CASE WHEN o.whole > 9 THEN -9223372036854775807 - 1 ELSE o.whole END) = 5",
        "absolute value of a sum": "abs(o.whole * -2) > 0",
        "absolute value inside CASE": "CASE WHEN abs(o.whole * -2) > 1 THEN 1 ELSE 0 END = 1",
        "absolute value inside COALESCE": "coalesce(abs(o.whole * -2), 1) = 10",
        "absolute value after a comparison": "o.flag IN (0, 1) AND abs(o.whole * -2) > 5",
        "negation": "-abs(o.whole * -2) < 0",
        "json": "json_extract(o.doc, '$.a') = 1",
        "json function": "json_array_length(o.doc) >= 0",
        "json inside CASE": "CASE WHEN o.flag IN (0, 1) THEN json_type(o.doc) ELSE '' END <> ''",
        "json path": "json_extract('[1]', CASE WHEN o.text = '5' THEN '$' ELSE o.text END) IS NOT NULL",
        "pattern too complex": "o.day LIKE CASE WHEN o.text = '5' THEN '2%' ELSE replace(hex(zeroblob(30000)), '00', 'a%') END",
        "too large a text": "length(zeroblob(CASE WHEN o.text = '5' THEN 1 ELSE o.whole END)) > 0",
        "sum that overflows": "abs(o.whole + o.whole) > 0 AND abs(-o.whole - o.whole) > 0",
    },
    StoreKind.POSTGRESQL: {
        "cast to number": "CAST(o.text AS INT) = 5",
        "cast with arithmetic": "o.text::int + 1 > 0",
        "narrowing cast": "CAST(o.whole AS SMALLINT) = 5",
        "cast to date": "CAST(o.day AS DATE) > DATE '2000-01-01'",
        "cast to boolean": "('0' || o.text)::numeric > 0",
        "cast of a substring": "CAST(left(o.text, 2) AS INT) = 5",
        "cast inside CASE": "CASE WHEN o.flag THEN CAST(o.text AS INT) ELSE 5 END = 5",
        "cast inside COALESCE": "coalesce(CAST(o.text AS INT), 5) = 5",
        "multiplication": "o.whole * 1000000000 > 0",
        "addition": "o.whole + 9223372036854775000 > 0",
        "division by zero": "1 / (o.part + 1) > 0",
        "remainder by zero": "o.whole % (o.part + 1)::int >= 0",
        "square root": "sqrt(o.part) > 0",
        "logarithm": "ln(o.part) IS NOT NULL",
        "power": "power(o.part, 0.5) > 0",
        "date function": "date_trunc('month', CAST(o.day AS DATE)) > DATE '2000-01-01'",
        "interval": "DATE '2000-01-01' + (o.text || ' days')::interval > DATE '1999-01-01'",
        "to_char": "to_char(o.day::date, 'YYYY') > ''",
        "substring of negative length": "substring(o.text, 1, o.part::int) = '5'",
        "split_part at zero": "split_part(o.day, '-', (o.part + 1)::int) <> 'x'",
        "width_bucket": "width_bucket(1.0, 0, o.part + 1, 3) > 0",
        "regular expression": "o.day ~ CASE WHEN o.text = '5' THEN '2' ELSE '(' END",
        "regexp function": "regexp_replace(o.day, CASE WHEN o.text = '5' THEN '2' ELSE '(' END, '') <> ''",
        "json": "(o.doc::json) ->> 'a' = '1'",
        "jsonb": "(o.doc::jsonb) ->> 'a' = '1'",
        "json function": "json_array_length(('[' || o.doc || ']')::json) = 1",
        "xml": "xml_is_well_formed(o.doc) OR o.text::int = 5",
        "array index": "(ARRAY[1, 2, 3, 4, 5])[o.whole::int] = 5",
        "array from text": "('{' || o.text || '}')::int[] IS NOT NULL",
        "repetition": "length(repeat(o.text, o.whole::int)) > 0",
        "chr": "chr(o.whole::int) IS NOT NULL",
        "network address": "('10.0.0.' || o.text)::inet IS NOT NULL",
        "row comparison": "(o.text, 1) IN (('5', 1)) AND o.text::int = 5",
        "factorial": "factorial(o.part::bigint) > 0",
    },
}

STATEMENTS = {
    "WHERE": "SELECT count(*) AS n FROM x.lines o WHERE {}",
    "aggregate": "SELECT sum(CASE WHEN {} THEN 1 ELSE 0 END) AS n FROM x.lines o",
    "subquery": "SELECT count(*) AS n FROM (SELECT * FROM x.lines) o WHERE {} AND o.flag IN (true, false)",
    "join": "SELECT count(*) AS n FROM x.lines o JOIN (SELECT '5' AS text) s USING (text) WHERE {}",
}
