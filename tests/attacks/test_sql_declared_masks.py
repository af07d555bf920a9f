"""Masks that columns declare: no expression of a requester meets the raw value, on any engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from tests.query.masked import MaskedShop, MaskedWorld, masked_twins
from tests.query.postgres import database
from tests.query.reference import counted, outcome
from tests.query.retailer import agrees
from tests.query.rows import ROWS
from tests.query.shop import shop
from tests.query.world import World

from sekisho.errors import SekishoError

REFUSED = {
    # By the person of each row: shown, and nothing else.
    "date shifted": [
        "SELECT points FROM crm.customers WHERE birth_date = '1970-01-01'",
        "SELECT points FROM crm.customers WHERE birth_date > '1970-01-01'",
        "SELECT points FROM crm.customers WHERE birth_date BETWEEN '1970-01-01' AND '1980-01-01'",
        "SELECT points FROM crm.customers ORDER BY birth_date",
        "SELECT birth_date FROM crm.customers ORDER BY 1",
        "SELECT min(birth_date) FROM crm.customers",
        "SELECT count(DISTINCT birth_date) FROM crm.customers",
        "SELECT DISTINCT birth_date FROM crm.customers",
        "SELECT birth_date, count(*) FROM crm.customers GROUP BY birth_date",
        "SELECT CAST(birth_date AS TEXT) FROM crm.customers",
        "SELECT CASE WHEN birth_date < '1970-01-01' THEN 1 ELSE 0 END FROM crm.customers",
        "SELECT coalesce(birth_date, '1970-01-01') FROM crm.customers",
        "SELECT a.points FROM crm.customers a JOIN crm.customers b ON a.birth_date = b.birth_date",
        "SELECT row_number() OVER (ORDER BY birth_date) FROM crm.customers",
        "SELECT rank() OVER (ORDER BY invoiced_at) FROM pos.order_lines",
        "SELECT points FROM crm.customers WHERE birth_date IN (SELECT birth_date FROM crm.customers)",
        # Of whose row it is nothing is known here.
        "SELECT birth_date FROM (SELECT * FROM crm.customers LIMIT 5) c",
        "WITH c AS (SELECT birth_date FROM crm.customers) SELECT birth_date FROM c",
        "SELECT birth_date FROM crm.customers UNION ALL SELECT birth_date FROM crm.customers",
        "SELECT (SELECT max(birth_date) FROM crm.customers) AS x, points FROM crm.customers",
    ],
    "number with noise": [
        "SELECT minutes + 0 AS m FROM crm.tickets",
        "SELECT sum(minutes) AS m FROM crm.tickets",
        "SELECT avg(unit_price) AS p FROM pos.order_lines",
        "SELECT unit_price * quantity AS p FROM pos.order_lines",
        "SELECT quantity FROM pos.order_lines WHERE unit_price > 3",
        "SELECT quantity FROM pos.order_lines WHERE unit_price IN (0.5, 1.5)",
        "SELECT quantity FROM pos.order_lines ORDER BY unit_price",
        "SELECT CASE WHEN minutes > 3 THEN 1 END AS x FROM crm.tickets",
        "SELECT minutes FROM (SELECT minutes FROM crm.tickets) t",
    ],
    "fake": [
        "SELECT name || '' AS n FROM crm.customers",
        "SELECT points FROM crm.customers WHERE name LIKE 'MKname1%'",
        "SELECT points FROM crm.customers WHERE name = 'MKname12'",
        "SELECT upper(name) AS n FROM crm.customers",
        "SELECT name, count(*) AS n FROM crm.customers GROUP BY name",
        "SELECT name FROM crm.customers ORDER BY name",
    ],
    "keyed hash": [
        "SELECT points FROM crm.customers WHERE email = 'MKmail12@example.org'",
        "SELECT points FROM crm.customers WHERE email IN ('MKmail12@example.org')",
        "SELECT points FROM crm.customers WHERE email > 'MKmail1'",
        "SELECT points FROM crm.customers WHERE email LIKE '%@example.org'",
        "SELECT lower(email) AS e FROM crm.customers",
        "SELECT length(email) AS e FROM crm.customers",
        "SELECT min(email) AS e FROM crm.customers",
        "SELECT row_number() OVER (ORDER BY email) AS e FROM crm.customers",
        "SELECT CASE email WHEN 'MKmail12@example.org' THEN 1 END AS x FROM crm.customers",
        "SELECT points FROM crm.customers WHERE email = member_rank",
        "SELECT points FROM crm.customers c JOIN crm.tickets t ON c.email = t.ticket_id",
        "SELECT category FROM web.events WHERE user_agent = cookie_id",  # of another domain
        "SELECT email FROM crm.customers UNION ALL SELECT member_rank FROM crm.customers",
    ],
    "constant": [
        "SELECT points FROM crm.customers WHERE postal_code = '000-0000'",
        "SELECT points FROM crm.customers WHERE postal_code IS NULL",
        "SELECT postal_code, count(*) AS n FROM crm.customers GROUP BY postal_code",
        "SELECT points FROM crm.customers ORDER BY postal_code",
    ],
}
ANSWERED = [
    # Above a mask of the scan anything may be done: it works on the mask.
    "SELECT points, count(*) AS n FROM crm.customers GROUP BY points",
    "SELECT count(*) AS n FROM crm.customers WHERE points = 50",
    "SELECT count(*) AS n FROM crm.customers WHERE points IN (10, 20, 30, 40, 60, 70)",  # no bucket begins there
    "SELECT count(*) AS n FROM crm.customers WHERE points BETWEEN 51 AND 99",
    "SELECT sum(points) AS s, max(points) AS m FROM crm.customers",
    "SELECT prefecture, count(*) AS n FROM crm.customers GROUP BY prefecture",
    "SELECT count(*) AS n FROM crm.customers WHERE prefecture = '東京都'",
    "SELECT signed_up_on, count(*) AS n FROM crm.customers GROUP BY signed_up_on",
    "SELECT count(*) AS n FROM crm.customers WHERE signed_up_on = '2012-03-01'",
    "SELECT member_rank, count(*) AS n FROM crm.customers GROUP BY member_rank",
    "SELECT count(*) AS n FROM crm.customers WHERE member_rank = 'gold'",
    "SELECT quantity, count(*) AS n FROM pos.order_lines GROUP BY quantity",
    "SELECT count(*) AS n FROM pos.order_lines WHERE quantity > 9 OR quantity < 2",
    "SELECT sum(quantity) AS s FROM pos.order_lines",
    # A keyed hash is joined, grouped and counted.
    "SELECT count(DISTINCT email) AS n FROM crm.customers",
    "SELECT email, count(*) AS n FROM crm.customers GROUP BY email",
    "SELECT count(*) AS n FROM crm.customers WHERE email IS NULL",
    "SELECT cookie_id, count(*) AS n FROM web.events GROUP BY cookie_id",
    "SELECT a.points FROM crm.customers a JOIN crm.customers b ON a.email = b.email",
    "SELECT DISTINCT user_agent FROM web.events",
    # What is masked by person is shown in rows of people, also of a join, and as null or not.
    "SELECT customer_id, birth_date, name, points FROM crm.customers",
    "SELECT t.minutes, c.birth_date, c.name FROM crm.customers c JOIN crm.tickets t ON t.customer_id = c.customer_id",
    "SELECT invoice, invoiced_at, unit_price FROM pos.order_lines",
    "SELECT count(*) AS n FROM crm.customers WHERE birth_date IS NULL",
    "SELECT postal_code, name AS called, birth_date AS born FROM crm.customers WHERE points >= 50",
]
RAW = re.compile(r"MKname|MKmail|MKcookie|MKagent|@example\.org")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    """Return the masked world of files and SQLite, and its twin."""
    with (
        MaskedWorld(tmp_path_factory.mktemp("masked")) as world,
        MaskedWorld(tmp_path_factory.mktemp("masked-twin"), masked_twins()) as twin,
    ):
        yield world, twin


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[World, World]]:
    """Return the masked world of PostgreSQL, and its twin."""
    with database() as one, database() as other, MaskedShop(one) as world, MaskedShop(other, masked_twins()) as twin:
        yield world, twin


def _refuses(worlds: tuple[World, World], sql: str) -> None:
    world, twin = worlds
    got = outcome(world, sql)
    assert got[0] == "refused", "answered"
    assert got[1] in {"masked_column_use", "statement_refused"}
    assert got == outcome(twin, sql)
    assert not RAW.search(str(got))


def _answers_alike(worlds: tuple[World, World], sql: str) -> None:
    world, twin = worlds
    got, other = outcome(world, sql), outcome(twin, sql)
    assert got[0] == "rows", got
    assert not RAW.search(str(got))
    if not re.search(r"minutes|unit_price", sql):  # noise is a function of the value, which differs in the twin
        assert got[:2] == other[:2]
        assert isinstance(got[2], list)
        assert isinstance(other[2], list)
        assert counted(got[2]) == counted(other[2])


_CASES = [(kind, sql) for kind, statements in REFUSED.items() for sql in statements]
_IDS = [f"{kind}: {sql[:60]}" for kind, sql in _CASES]


@pytest.mark.parametrize(("kind", "sql"), _CASES, ids=_IDS)
def test_a_declared_mask_takes_no_other_use(files: tuple[World, World], kind: str, sql: str) -> None:
    """What is masked on the way out is refused wherever its raw value would be met."""
    _refuses(files, sql)


@pytest.mark.parametrize("sql", ANSWERED)
def test_a_declared_mask_is_all_that_is_met(files: tuple[World, World], sql: str) -> None:
    """Answers are those of the masks: a twin with other raw values under the same masks answers alike."""
    _answers_alike(files, sql)


@pytest.mark.postgres
@pytest.mark.parametrize(("kind", "sql"), _CASES, ids=_IDS)
def test_postgresql_takes_no_other_use(server: tuple[World, World], kind: str, sql: str) -> None:
    """The same of PostgreSQL."""
    _refuses(server, shop(sql))


@pytest.mark.postgres
@pytest.mark.parametrize("sql", ANSWERED)
def test_postgresql_meets_the_mask_alone(server: tuple[World, World], sql: str) -> None:
    """The same of PostgreSQL."""
    _answers_alike(server, shop(sql))


def _raw(column: str, dataset: str = "crm.customers") -> list[object]:
    return [
        row[column] for row in ROWS[dataset] if row["place"] is not None and agrees(row["place"], "recommendation")
    ]


@pytest.mark.parametrize("engine", ["files", pytest.param("server", marks=pytest.mark.postgres)])
def test_dates_of_a_person_move_together(engine: str, request: pytest.FixtureRequest) -> None:
    """Through the gateway each person's dates move by the same days, at most as many as are declared."""
    world = request.getfixturevalue(engine)[0]
    spell = shop if engine == "server" else str
    rows = world.ask(spell("SELECT customer_id, birth_date FROM crm.customers")).rows
    moved = {}
    raw = {world.pseudonym(row["place"]): row["birth_date"] for row in ROWS["crm.customers"] if row["place"] >= 0}
    for pseudonym, shown in rows:
        if raw[pseudonym] is not None:
            moved[pseudonym] = (_day(shown) - _day(raw[pseudonym])).days
    assert set(map(abs, moved.values())) <= set(range(21))
    assert len(set(moved.values())) > 5
    lines = world.ask(spell("SELECT customer_id, invoiced_at FROM pos.order_lines")).rows
    truth: dict[object, list[str]] = {}
    for row in ROWS["pos.order_lines"]:
        if row["place"] is not None:
            truth.setdefault(world.pseudonym(row["place"]), []).append(row["invoiced_at"].isoformat()[:19])
    for pseudonym, shown in lines:
        back = (_time(shown) - timedelta(days=moved.get(pseudonym, 0))).isoformat()[:19]
        if pseudonym in moved:
            assert back in truth[pseudonym]


def _day(value: object) -> date:
    return date.fromisoformat(str(value)[:10])


def _time(value: object) -> datetime:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def test_two_requesters_and_purposes_are_told_unrelated_things(files: tuple[World, World]) -> None:
    """Hashes, fakes, shifts and noise of one person differ by requester and by purpose."""
    world = files[0]
    sql = "SELECT email, name, birth_date, points FROM crm.customers"
    one = world.ask(sql).rows
    again = world.ask(sql).rows
    other = world.ask(sql, requester="other").rows
    assert one == again
    assert not {row[0] for row in one} & {row[0] for row in other}
    for place in (1, 2):  # whatever the order: their pseudonyms order the answers
        assert sorted(str(row[place]) for row in one) != sorted(str(row[place]) for row in other)


@pytest.mark.parametrize("engine", ["files", pytest.param("server", marks=pytest.mark.postgres)])
def test_a_join_masks_each_side_by_its_own_person(engine: str, request: pytest.FixtureRequest) -> None:
    """Where a row is made of two people's rows, each column goes by the person that it is about."""
    world = request.getfixturevalue(engine)[0]
    spell = shop if engine == "server" else str
    alone = world.ask(spell("SELECT customer_id, birth_date, name FROM crm.customers")).rows
    both = world.ask(
        spell(
            "SELECT a.customer_id, a.birth_date, b.name, b.customer_id AS other, b.birth_date AS born,"
            " a.name AS called FROM crm.customers a JOIN crm.customers b ON a.prefecture = b.prefecture"
        )
    ).rows
    dates, names = {row[0]: row[1] for row in alone}, {row[0]: row[2] for row in alone}
    assert len(both) > 2 * len(alone)
    for one, date_of_one, name_of_other, other, date_of_other, name_of_one in both:
        assert (dates[one], dates[other]) == (date_of_one, date_of_other)
        assert (names[one], names[other]) == (name_of_one, name_of_other)


def test_a_hash_is_compared_with_no_value(files: tuple[World, World]) -> None:
    """Not even with a hash that was received: nothing says which values have which."""
    received = files[0].ask("SELECT email FROM crm.customers").rows[0][0]
    for given in (f"'{received}'", "'MKmail12@example.org'"):
        with pytest.raises(SekishoError, match="never turned back"):
            files[0].ask(f"SELECT points FROM crm.customers WHERE email = {given}")


def test_noise_does_not_average_out(files: tuple[World, World]) -> None:
    """The same question shows the same noise, whatever else is asked beside it."""
    world = files[0]
    first = world.ask("SELECT ticket_id, minutes FROM crm.tickets ORDER BY opened_at").rows
    part = world.ask("SELECT ticket_id, channel, minutes FROM crm.tickets WHERE resolved").rows
    known: dict[object, object] = {ticket: minutes for ticket, minutes in first}  # noqa: C416 - of two columns
    assert all(known[ticket] == minutes for ticket, _, minutes in part)
    raw = {row["ticket_id"]: row["minutes"] for row in ROWS["crm.tickets"]}
    assert sum(known[world.token("ticket", t)] != m for t, m in raw.items() if world.token("ticket", t) in known) > 20


def test_a_refusal_names_what_may_be_done(files: tuple[World, World]) -> None:
    """A refused use of a column that goes by person says how it may be shown."""
    with pytest.raises(SekishoError, match="show it in rows of people"):
        files[0].ask("SELECT birth_date FROM (SELECT * FROM crm.customers LIMIT 5) c")
