"""What statements of colliding names (tests/query/scopes.py) found: names that the engine binds to something else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.attacks.test_sql_order import RAW, agreement
from tests.query.reference import Judge
from tests.query.words import Scoped, Worlds, worlds
from tests.query.world import World

from sekisho.domain.terms import StoreKind


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with worlds(StoreKind.SQLITE, tmp_path_factory.mktemp("words")) as built:
        yield built


@pytest.fixture(
    scope="module",
    params=[
        StoreKind.SQLITE, StoreKind.DUCKDB, pytest.param(StoreKind.POSTGRESQL, marks=pytest.mark.postgres),
    ],
    ids=lambda engine: engine.value,
)  # fmt: skip
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with worlds(request.param, tmp_path_factory.mktemp(request.param.value)) as made:
        yield made


_NAMELESS = "(SELECT max(x), note FROM shop.t GROUP BY note)"
OF_NO_NAME = [
    f"SELECT column1 FROM shop.points AS column1 CROSS JOIN {_NAMELESS} AS n",
    f"SELECT n.note FROM {_NAMELESS} AS n WHERE column1 > 'b'",
    f"SELECT 1 FROM shop.points CROSS JOIN {_NAMELESS} AS n WHERE EXISTS (SELECT 1 FROM shop.t WHERE column1 = 'a')",
    f"SELECT n.note FROM {_NAMELESS} AS n JOIN (SELECT x AS column1 FROM shop.points) p USING (column1)",
    "SELECT max(x) FROM shop.t UNION SELECT max(x) FROM shop.points ORDER BY column1",
    f"SELECT count(*) FROM {_NAMELESS} AS a NATURAL JOIN {_NAMELESS} AS b",
]
"""What has no name is called ``column1`` in an answer; to engines that is something else, or nothing."""

OF_SOME_NAME = [
    f"SELECT * FROM {_NAMELESS} AS n",
    f"SELECT n.* FROM {_NAMELESS} AS n",
    f"WITH n(most, word) AS {_NAMELESS} SELECT most FROM n WHERE most > 'b'",
    f"SELECT count(*) FROM {_NAMELESS} AS a JOIN {_NAMELESS} AS b USING (note)",
    "SELECT column1 FROM (SELECT max(x) AS column1 FROM shop.t) AS n",
]


_GROUPED = "(SELECT max(x) AS x, count(*) AS n FROM shop.t)"
MERGED = [
    f"SELECT a.* FROM shop.points a RIGHT JOIN {_GROUPED} b USING (x)",
    f"SELECT a.* FROM shop.points a NATURAL RIGHT JOIN {_GROUPED} b",
    f"SELECT a.* FROM shop.points a FULL JOIN {_GROUPED} b USING (x)",
    "SELECT b.* FROM shop.t a LEFT JOIN shop.points b USING (x) LEFT JOIN shop.points c USING (x)",
]
"""SQLite shows the merged column as one of ``a``, where the catalogue's column of ``a`` is null."""

MERGED_ALIKE = [
    "SELECT a.* FROM shop.t a LEFT JOIN shop.note b USING (id)",
    "SELECT b.* FROM shop.t a LEFT JOIN shop.note b USING (id)",
    "SELECT a.*, b.* FROM shop.t a JOIN shop.note b USING (id) JOIN shop.points c ON c.x = a.note",
    "SELECT * FROM shop.t a FULL JOIN shop.note b USING (id)",
]

OF_ROWS_AROUND = [
    f"SELECT n.{name} FROM (SELECT x AS {name} FROM shop.points) n WHERE EXISTS"
    f" (SELECT 1 FROM shop.points p WHERE {name} IS NOT NULL)"
    for name in ("rowid", "oid", "_rowid_")
]


@pytest.mark.parametrize("sql", MERGED)
def test_columns_of_one_source_beside_outer_using(lite: Worlds, sql: str) -> None:
    """``t.*`` beside an outer JOIN USING, of which SQLite makes a column of another source, is refused."""
    assert lite.told(Scoped(sql))[0] == "statement_refused"


@pytest.mark.parametrize("sql", MERGED_ALIKE)
def test_columns_of_one_source_where_all_read_them_alike(lite: Worlds, sql: str) -> None:
    """``t.*`` beside JOIN USING is answered where it means the columns of ``t``."""
    assert lite.told(Scoped(sql))[0] is None


@pytest.mark.parametrize("sql", OF_ROWS_AROUND)
def test_the_number_of_a_row_is_no_column_around(lite: Worlds, sql: str) -> None:
    """``rowid`` in a subquery is to SQLite that of its own source, never a column of the statement around."""
    assert lite.told(Scoped(sql))[0] == "statement_refused"
    assert lite.told(Scoped(sql.replace("p WHERE ", "p WHERE n.")))[0] is None


@pytest.mark.parametrize("sql", OF_NO_NAME)
def test_what_has_no_name_is_not_named(built: Worlds, sql: str) -> None:
    """A bare name never means a column to which the gateway alone gave it."""
    assert built.told(Scoped(sql))[0] in {"statement_refused", "unknown_column"}


@pytest.mark.parametrize("sql", OF_SOME_NAME)
def test_what_has_no_name_is_shown(built: Worlds, sql: str) -> None:
    """Columns without a name are shown by a star and named by WITH."""
    assert built.told(Scoped(sql))[0] is None


PAIRS = [
    "SELECT a.customer_id AS a, b.customer_id AS b FROM {t} a CROSS JOIN {t} b",
    "SELECT a.customer_id AS a, b.customer_id AS b FROM {t} a, {t} b GROUP BY a.customer_id, b.customer_id",
    "SELECT DISTINCT a.customer_id AS a, b.customer_id AS b FROM {t} a JOIN {t} b ON a.customer_id <> b.customer_id",
    "WITH s AS (SELECT customer_id FROM {t}) SELECT a.customer_id AS a, b.customer_id AS b FROM s a CROSS JOIN s b",
    "SELECT s.a, s.b FROM (SELECT a.customer_id AS a, b.customer_id AS b FROM {t} a CROSS JOIN {t} b) s",
]
"""Everybody beside everybody: under each first person the others stand in some order."""


def _others(world: World, sql: str, purpose: str) -> list[int]:
    """Return the people beside the first person of an answer, in its order."""
    answer = world.ask(sql, purpose=purpose)
    decode = world.keyed(purpose=purpose).pseudonyms.decode
    beside = [b for a, b in zip(answer.column("a"), answer.column("b"), strict=True) if a == answer.rows[0][0]]
    numbers = [decode(str(token)) for token in beside if token is not None]
    return list(dict.fromkeys(number for number in numbers if number is not None))


@pytest.mark.parametrize("table", ["crm.customers", "pos.order_lines"])
@pytest.mark.parametrize("sql", PAIRS)
def test_the_second_key_of_a_row_does_not_follow_the_store(judge: Judge, sql: str, table: str) -> None:
    """Where two people stand in one row, two purposes cannot be aligned by the order of the second ones."""
    one, two = (_others(judge.world, sql.format(t=table), of) for of in ("recommendation", "advertising"))
    for first, second in ((one, two), (one, RAW), (one, sorted(RAW)), (two, RAW)):
        assert abs(agreement(first, second)) < 0.5


@pytest.mark.parametrize("table", ["crm.customers", "pos.order_lines"])
def test_rows_beside_one_key_stand_by_chance(judge: Judge, table: str) -> None:
    """What is joined with one person has no order that an engine gave it: that may be one of masked texts."""
    sql = f"SELECT a.customer_id AS a, b.points AS p FROM {table} a CROSS JOIN crm.customers b"
    first, *others = (judge.world.ask(sql).rows for _ in range(4))
    assert all(sorted(map(str, rows)) == sorted(map(str, first)) for rows in others)
    assert all([row[0] for row in rows] == [row[0] for row in first] for rows in others)
    assert any(rows != first for rows in others)
