"""The text of a statement without its values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from sekisho.query.dialects import DIALECTS, Dialect
from sekisho.query.form import without_literals


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        (
            """SELECT "it's 5" FROM "a""b'7" WHERE "c" = 'x''y "z" 3'""",
            """SELECT "it's 5" FROM "a""b'7" WHERE "c" = ?""",
        ),
        ("SELECT $12 + 3, SHA256('4')", "SELECT $12 + ?, SHA256(?)"),
        ('CAST(1.5e-3 AS DECIMAL(10, 2)), "t1"."c2"', 'CAST(? AS DECIMAL(?, ?)), "t1"."c2"'),
        ("SELECT :p0, -7, .5, 8., INTERVAL '1 DAY'", "SELECT :p0, -?, ?, ?, INTERVAL ?"),
        ('"x"[1:2] LIMIT 10', '"x"[?:?] LIMIT ?'),
    ],
)
def test_literals_are_marked_and_names_stay(sql: str, shown: str) -> None:
    """Texts and numbers give way to a mark; quoted names, functions and parameters stand as they are."""
    assert without_literals(sql) == shown


@given(st.sampled_from(list(DIALECTS.values())), st.text(max_size=12), st.text(max_size=12), st.integers(0))
def test_no_literal_of_any_engine_is_told(dialect: Dialect, text: str, name: str, number: int) -> None:
    """Whatever quotes, backslashes and line ends a text and a name hold, one text without values is that of all."""

    def told(value: str, whole: int) -> str:
        column = exp.Column(this=exp.to_identifier(name or "c", quoted=True))
        both = exp.and_(
            exp.EQ(this=column, expression=exp.Literal.string(value)),
            exp.GT(this=column.copy(), expression=exp.Literal.number(whole)),
        )
        return without_literals(dialect.generate(exp.select("*").from_("t").where(both)))

    assert told(text, number) == told("plain", 1)
