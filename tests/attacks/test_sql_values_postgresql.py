"""Whatever a withheld row of a PostgreSQL table holds, no mask fails on it, and no driver on its way out."""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import pytest
from tests.adapters.stores.servers import Server
from tests.attacks.shaped import KEY, Shaped, dataset

from sekisho.domain.masks import Bucket, DatePart, Hierarchy, Keep, Mask, Partial, TopBottom, Truncate
from sekisho.domain.terms import Column, ColumnClass, ColumnType

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

S, N, F, D, T = (
    ColumnType.STRING, ColumnType.INTEGER, ColumnType.DOUBLE, ColumnType.DATE, ColumnType.TIMESTAMP,
)  # fmt: skip
NONE, QUASI = ColumnClass.NONE, ColumnClass.QUASI_IDENTIFIER
REGION = Column("region", S, NONE)

# -- masks over whatever a column holds ----------------------------------------------------------------

TEXTS = ["", " ", "1990", "9999-99-99", "\u0664\u0664\u0664\u0664-01", "@", "a@", "@a.b", "a@b@c", "12345678901234567890", "東京都渋谷区", "　", "a　b", " a", "\\", "a\nb", "http://u:p@h:99999/", "x" * 40, "+81-90-1234-5678", "%", "://", "99999999999"]  # fmt: skip
WHOLE = ["-32768", "32767", "0", "-1"]
REAL = ["NaN", "0", "-0.0", "1e-30", "99999999"]
DAYS = ["infinity", "-infinity", "4713-01-02 BC", "0001-01-01", "9999-12-31", "10000-01-01", "0001-01-01 BC"]
GROUPS = Hierarchy("g", 1, {"1": "low", "a": "high"})
HELD: dict[str, tuple[ColumnType, list[str]]] = {
    "text": (S, TEXTS), "varchar(40)": (S, TEXTS), "char(40)": (S, TEXTS), "int2": (N, WHOLE),
    "int4": (N, [*WHOLE, "-2147483648", "2147483647"]), "int8": (N, [*WHOLE, "-9223372036854775808", "9223372036854775807"]),
    "float4": (F, [*REAL, "Infinity", "-Infinity", "3e38", "1e-45"]), "float8": (F, [*REAL, "Infinity", "-Infinity", "1.7e308", "5e-324", "1e15"]),
    "numeric": (F, [*REAL, "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "1e131071", "1e-16000"]), "numeric(12,3)": (F, REAL),
    "date": (D, [*DAYS, "5874897-12-31"]), "timestamp": (T, [*DAYS, "294276-12-31"]), "timestamptz": (T, [*DAYS, "294276-12-31"]),
}  # fmt: skip
MASKS: dict[ColumnType, list[str | Mask]] = {
    S: ["prefix3", "year", "age_band", "host", "browser", *map(Partial, Keep), GROUPS],
    N: [Bucket(7), Bucket(10**18), Bucket(50, 3), TopBottom(2, 9), TopBottom(None, 9), TopBottom(2, None), GROUPS],
    F: [Bucket(7), Bucket(50, 3), TopBottom(2, 9), TopBottom(None, 9), TopBottom(2, None), GROUPS],
    D: ["year", "age_band", *map(Truncate, DatePart), GROUPS],
    T: ["year", "age_band", *map(Truncate, DatePart), GROUPS],
}


@pytest.mark.parametrize("kind", HELD)
def test_no_mask_fails_on_what_a_withheld_row_holds(server: Server, kind: str) -> None:
    """The ends of every type stand in rows that are withheld: no mask over them says so by an error."""
    type_, values = HELD[kind]
    server.run(f"CREATE TABLE c (id bigint, x {kind}); INSERT INTO c VALUES (1, NULL)")
    for number, value in enumerate(values, start=2):
        server.run(f"INSERT INTO c SELECT $1::bigint, $2::text::{kind}", number, value)
    masks = MASKS[type_]
    columns = [
        Column("x", type_, QUASI, **({"generalise": mask} if isinstance(mask, str) else {"mask": mask}))
        for mask in masks
    ]
    asked = [dataset(f"c{n}", [KEY, column], relation="c") for n, column in enumerate(columns)]
    far = {"1": 1, "99999999999": 400}  # so far apart that keys are joined
    for people in ({str(n): n for n in range(1, 60)}, {str(n): n for n in range(1, 60)} | far):
        with Shaped(server, asked, people, {1}) as world:
            for n in range(len(masks)):
                assert world.tell(f"SELECT x FROM shop.c{n}") == [(None,)]
                assert (
                    world.tell(f"SELECT id, x FROM shop.c{n} WHERE x IS NULL", page_rows=70_000)
                    != "statement_refused"
                )
                assert world.tell(f"SELECT x, count(*) FROM shop.c{n} GROUP BY x") == [(None, 1)]


DAY, SEEN = Column("x", D, NONE), Column("x", T, NONE)
OUTSIDE = {
    "date": (DAY, ["4713-01-01 BC", "0001-01-01 BC", "10000-01-01", "5874897-12-31"]),
    "timestamp": (SEEN, ["4713-01-02 BC", "10000-01-01", "294276-12-31"]),
    "timestamptz": (SEEN, ["4713-01-02 BC", "0001-01-01 00:00+01", "10000-01-01", "9999-12-31 23:59-01"]),
    "numeric": (Column("x", F, NONE), ["NaN", "Infinity", "1e400", "1e131071", "1e-16000"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", OUTSIDE)
def test_no_withheld_row_fails_on_its_way_out(server: Server, kind: str) -> None:
    """Where rows of everybody leave a store that takes no writing, none holds what the answer could fail on."""
    column, values = OUTSIDE[kind]
    server.run(f"CREATE TABLE c (id bigint, x {kind}, region text); INSERT INTO c VALUES (1, NULL, 'x')")
    for value in values:
        server.run(f"INSERT INTO c SELECT 2, $1::text::{kind}, 'NG'", value)
    with Shaped(server, [dataset("c", [KEY, column, REGION])], {"1": 1, "2": 2}, {1}, writes=False) as world:
        for page_rows in (10_000, 70_000):
            assert world.tell("SELECT x, region FROM shop.c", page_rows=page_rows) == [(None, "x")]
            assert world.tell("SELECT x, region FROM shop.c WHERE region = 'NG'", page_rows=page_rows) == []
            assert world.tell("SELECT max(x), count(*) FROM shop.c", page_rows=page_rows) == [(None, 1)]


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamptz"])
def test_what_can_leave_leaves_as_it_is(server: Server, kind: str) -> None:
    """The first and the last day, and infinity, are told alike whether rows are joined here or there."""
    column, _ = OUTSIDE[kind]
    days = ["0001-01-01", "2020-02-29", "9999-12-31", "infinity", "-infinity"]
    server.run(f"CREATE TABLE c (id bigint, x {kind}, region text)")
    for place, day in enumerate(days):
        server.run(f"INSERT INTO c SELECT 1, $1::text::{kind}, $2::text", day, str(place))
    told = []
    for writes in (True, False):
        with Shaped(server, [dataset("c", [KEY, column, REGION])], {"1": 1}, {1}, writes=writes) as world:
            told.append(sorted(world.ask("SELECT region, x FROM shop.c").rows))
    assert told[0] == told[1]
    assert all(x is not None for _, x in told[0])
