"""PostgreSQL stores: a large answer takes another driver, and is the same answer."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pyarrow as pa
import pytest

from sekisho.adapters.stores.postgresql import bulk
from sekisho.domain.governed import GovernedQuery
from sekisho.errors import StatementRefused, StoreUnavailable
from tests.adapters.stores.servers import Server
from tests.adapters.stores.worker import Worker, plain, statement

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

EXPORT = 65_536  # rows of a page of an export
COLUMNS = (
    "(i % 9000)::smallint AS a",
    "i::int AS b",
    "i::bigint AS c", "(i / 7.0)::real AS d", "i / 7.0::float8 AS e",
    "(i / 8.0)::numeric(10, 3) AS f", "i::numeric AS g", "'関所 ' || i AS h", "i::varchar(9) AS j", "i::char(7) AS k",
    "i % 2 = 0 AS l",
    "DATE '2011-12-09' + i AS m", "TIMESTAMP '2011-12-09 08:26:00.123456' + i * interval '1 s' AS n",
    "TIMESTAMPTZ '2011-12-09 08:26:00+09' + i * interval '1 s' AS o", "int4send(i) AS p",
    "CASE i % 3 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' ELSE '2011-12-09' END::timestamp AS q",
    "CASE i % 3 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' ELSE '2011-12-09' END::date AS r",
    "CASE WHEN i % 2 = 0 THEN i END AS s", "CASE i % 3 WHEN 0 THEN 'NaN' WHEN 1 THEN 'infinity' END::float8 AS t",
    "NULL::text AS u", "(i + 9000000000000000000)::numeric * 4 AS v",
)  # fmt: skip


def export(select: str, *parameters: object, rows: int = 20_000) -> GovernedQuery:
    """Return a statement whose answer has *rows* rows."""
    outputs = tuple(plain(column.rpartition(" AS ")[2]) for column in select.split("; "))
    sql = f"SELECT {select.replace('; ', ', ')} FROM generate_series(1, {rows}) AS s(i)"
    return statement(
        sql + (" WHERE i > $1" if parameters else ""), outputs, hidden=0, projections=(),
        parameters={f"v{place}": value for place, value in enumerate(parameters)},
    )  # fmt: skip


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Snapshots in which a second connection read."""
    snapshots: list[str] = []
    declare = bulk.Bulk.declare

    async def declared(self, snapshot, sql, values, types) -> None:
        snapshots.append(snapshot)
        await declare(self, snapshot, sql, values, types)

    monkeypatch.setattr(bulk.Bulk, "declare", declared)
    return snapshots


async def test_both_drivers_read_the_same(worker: Worker, taken: list[str]) -> None:
    """Values, types and missing values of every kind are the same, whichever way they came."""
    query = worker.trust(export("; ".join(COLUMNS), 5, rows=40_000))
    by_one = pa.Table.from_batches(await worker.batches(None, query, page_rows=10_000))
    assert not taken
    by_other = pa.Table.from_batches(await worker.batches(None, query, page_rows=EXPORT))
    assert len(taken) == 1
    assert by_other.schema.equals(by_one.schema)
    assert by_other.num_rows == 39_995
    for name in by_one.schema.names:
        one, other = by_one.column(name), by_other.column(name)
        if name == "t":  # no NaN equals another
            one, other = one.cast(pa.string()), other.cast(pa.string())
        assert other.equals(one), name


@pytest.mark.parametrize("rows", [20, 20_000], ids=["one driver", "the other"])
@pytest.mark.parametrize(
    "value",
    ["DATE '10000-01-01'", "DATE '0044-03-15 BC'", "TIMESTAMP '10000-01-01'", "TIMESTAMPTZ '0044-03-15 12:00+00 BC'"],
)
async def test_days_beyond_the_calendar_are_refused(worker: Worker, taken: list[str], value: str, rows: int) -> None:
    """A day that the drivers cannot count ends in a refusal with a code, whichever driver reads it."""
    query = worker.trust(export(f"CASE WHEN i = {rows - 1} THEN {value} END AS a", rows=rows))
    with pytest.raises(StatementRefused):
        await worker.batches(None, query, page_rows=EXPORT)
    assert bool(taken) is (rows > 1_000)


@pytest.mark.parametrize("value", ["'a b'::tsvector", "'1'::xid8", "'<a/>'::xml", "'0/1'::pg_lsn"])
async def test_types_that_are_not_released_are_refused(worker: Worker, value: str) -> None:
    """A type of the server's own that no column of a catalogue has does not leave as its text."""
    with pytest.raises(StatementRefused, match="not released"):
        await worker.batches(None, worker.trust(export(f"{value} AS a", rows=3)), page_rows=EXPORT)


async def test_pages_are_full_and_come_as_they_are_asked_for(worker: Worker, taken: list[str]) -> None:
    """The server's cursor is read page by page; the last page holds the rest."""
    query = worker.trust(export("i AS a", rows=150_000))
    sizes = [batch.num_rows for batch in await worker.batches(None, query, page_rows=EXPORT)]
    assert sizes == [EXPORT, EXPORT, 150_000 - 2 * EXPORT]
    assert taken


@pytest.mark.parametrize("select", ["gen_random_uuid() AS a", "i * interval '1 s' AS a"])
async def test_what_the_other_driver_reads_otherwise_takes_the_first(
    worker: Worker, taken: list[str], select: str
) -> None:
    """Types that would come in another form are read the slower way."""
    (batch,) = await worker.batches(None, worker.trust(export(select)), page_rows=EXPORT)
    assert batch.schema.field("a").type == pa.string()
    assert not taken


async def test_a_small_answer_needs_no_second_connection(worker: Worker, taken: list[str]) -> None:
    """Where the server expects few rows, opening a connection would cost more than it saves."""
    await worker.batches(None, worker.trust(export("i AS a", rows=100)), page_rows=EXPORT)
    assert not taken


async def test_the_second_connection_reads_what_the_first_was_checked_against(
    worker: Worker, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that changes between the two connections is read as it was at the first."""
    await asyncio.to_thread(
        server.run,
        "CREATE TABLE moving AS SELECT i FROM generate_series(1, 20000) AS s(i);"
        " GRANT SELECT ON moving TO PUBLIC; ANALYZE moving",
    )
    connect = bulk.Bulk.connect

    async def late(*args) -> bulk.Bulk:
        await asyncio.to_thread(server.run, "DELETE FROM moving WHERE i > 5")
        made: bulk.Bulk = await connect(*args)
        return made

    monkeypatch.setattr(bulk.Bulk, "connect", late)
    query = statement("SELECT i AS a FROM public.moving", (plain("a"),), hidden=0, projections=())
    (batch,) = await worker.batches(None, worker.trust(query), page_rows=EXPORT)
    assert batch.num_rows == 20_000


async def test_an_error_of_the_server_holds_no_value(worker: Worker) -> None:
    """What the second connection raises is our own error, and the first connection is used again."""
    query = worker.trust(export("('NGsecret' || i)::text AS a; 1 / (i - 70000) AS b", rows=80_000))
    with pytest.raises(StatementRefused) as caught:
        await worker.batches(None, query, page_rows=EXPORT)
    assert "NGsecret" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_a_setting_that_is_not_accepted_keeps_rows_back(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second connection is used only when the server says that its settings are what was asked for."""
    monkeypatch.setattr(bulk, "_READ_BACK", "SELECT name, 'other' FROM pg_catalog.pg_settings")
    with pytest.raises(StoreUnavailable):
        await worker.batches(None, worker.trust(export("i AS a")), page_rows=EXPORT)


async def test_who_stops_reading_stops_the_server(worker: Worker, server: Server) -> None:
    """A statement of which nobody wants more does not go on."""
    query = worker.trust(export("i AS a; pg_sleep(CASE WHEN i > 70000 THEN 0.05 ELSE 0 END)::text AS b", rows=90_000))
    pages = worker.store.fetch(query, None, worker.registry, page_rows=EXPORT)  # type: ignore[arg-type]
    await anext(pages)
    reading = asyncio.ensure_future(anext(pages))
    running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'FETCH%'"
    while not (await asyncio.to_thread(server.run, running))[0][0]:  # noqa: ASYNC110 - it begins in the server
        await asyncio.sleep(0.02)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    for _ in range(200):
        if not (await asyncio.to_thread(server.run, running))[0][0]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the statement runs on")


@pytest.mark.parametrize("page_rows", [10_000, EXPORT], ids=["one driver", "the other"])
async def test_sums_of_integers_are_exact(worker: Worker, page_rows: int) -> None:
    """The sum of 64-bit integers is a whole number of up to 38 digits, and an average is a double."""
    query = worker.trust(
        export("sum(9007199254740993 + i)  OVER (ORDER BY i) AS a; avg(i) OVER (ORDER BY i) AS b", rows=12_000)
    )
    batch = (await worker.batches(None, query, page_rows=page_rows))[0]
    assert batch.schema.types == [pa.decimal128(38, 0), pa.float64()]
    assert batch.column(0)[1].as_py() == Decimal(2 * 9007199254740993 + 3)
    assert batch.column(1)[1].as_py() == 1.5
