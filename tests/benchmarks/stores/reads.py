"""Small and selective reads, aggregates, and the first query after many withdrawals."""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.benchmarks.cases import Pair, Row
from tests.benchmarks.client import Server
from tests.benchmarks.stores.place import PEOPLE, PURPOSE, ROWS, Place
from tests.benchmarks.stores.servers import Servers, question, seconds, table

POINT = (
    "SELECT customer_id, member_rank, prefecture, birth_date, signed_up_on FROM shop.customers WHERE customer_id = ?"
)
HUNDRED = (
    "SELECT customer_id, member_rank, prefecture, birth_date, signed_up_on FROM shop.customers WHERE signed_up_on = ?"
)
SELECTIVE = (
    "SELECT country, COUNT(*) AS n, SUM(quantity) AS items FROM shop.order_lines"
    " WHERE ordered_at >= ? AND ordered_at < ? GROUP BY country ORDER BY n DESC"
)
PLAIN = "SELECT country, COUNT(*) AS n, SUM(quantity) AS items FROM {} GROUP BY country ORDER BY n DESC"
COMPUTED = "SELECT UPPER(country) AS place, COUNT(*) AS n, SUM(quantity * unit_price) AS sales FROM {} GROUP BY 1"
_WITHDRAWN = 500
_ROUNDS = 5


def point(both: Servers) -> Iterator[Row]:
    """Read one person by key, and about a hundred by an indexed day."""
    key = question("SELECT customer_id FROM shop.customers WHERE customer_id IS NOT NULL LIMIT 1")
    pseudonym, raw = (table(server, key)[0][0].as_py() for server in (both.governed, both.plain))
    one = both.in_turns(question(POINT, pseudonym), question(POINT, raw), 1000, warm=200)
    yield one.added("point read by key, PostgreSQL, p50", 1.0, "audit durable")
    day = question(HUNDRED, "2000-01-15")
    rows = table(both.governed, day).num_rows
    cut = day | {"sql": f"{HUNDRED} LIMIT {rows}"}
    hundred = both.in_turns(day, cut, 500, warm=50)
    yield hundred.row(f"the same, {rows} rows by an index, p50", 1.5, "not a target of its own")


def period(share: float) -> tuple[str, str]:
    """Return the bounds of *share* of all order lines, from the middle on."""
    begin = ROWS // 2 * 10
    return at(begin), at(begin + int(ROWS * share) * 10)


def at(second: int) -> str:
    """Return the instant *second* seconds after the first order line; there is one every ten seconds."""
    return (datetime(2020, 1, 1) + timedelta(seconds=second)).isoformat(sep=" ")  # noqa: DTZ001


def selective(both: Servers) -> Iterator[Row]:
    """Aggregate one row of a hundred, by an index."""
    body = question(SELECTIVE, *period(0.01))
    yield both.in_turns(body, body, 40, warm=5).row("selective query (1 %), PostgreSQL", 1.3)


def aggregate(both: Servers) -> Iterator[Row]:
    """Aggregate all of PostgreSQL's rows, and all of the file's, which stays as it is."""
    for measure, statement, target, fenced in (
        ("leak-proof expressions", PLAIN, 1.2, False),
        ("fenced", COMPUTED, 2.0, True),
    ):
        sql = statement.format("shop.order_lines")
        note = "" if both.fenced(sql) is fenced else "NOT fenced as expected"
        yield _whole(both, sql, 9).row(f"full aggregate, PostgreSQL: {measure}", target, note)
    before = both.place.parquet()
    shutil.rmtree(both.place.folder / "var" / "colocated", ignore_errors=True)
    sql = PLAIN.format("files.order_lines")
    untouched = _whole(both, sql, 15)
    _sync(both.place, "files.order_lines")
    colocated = _whole(both, sql, 15)
    if both.place.parquet() != before:
        raise RuntimeError("the source file changed")
    yield colocated.row("full aggregate, Parquet: co-located mask", 1.3, "after sekisho stores sync")
    yield untouched.row("full aggregate, Parquet: source files untouched", 2.0, "SHA-256 the same")


def _whole(both: Servers, sql: str, times: int) -> Pair:
    return both.in_turns(question(sql), question(sql), times)


def _sync(place: Place, name: str) -> None:
    command = [sys.executable, "-m", "sekisho", "stores", "sync", "--workspace", str(place.folder), name]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def overlay(both: Servers) -> Iterator[Row]:
    """Let people withdraw, and compare the first query after it with the one just before."""
    desk = _token(both.place, "desk")
    # Three of four agree: those whose number is no multiple of four. Each round takes other people, all over.
    people = (number for number in itertools.count(PEOPLE - 1, -max(1, PEOPLE // 9001)) if number % 4)
    for measure, sql in (
        ("PostgreSQL", PLAIN.format("shop.order_lines")),
        ("Parquet", PLAIN.format("files.order_lines")),
    ):
        body = question(sql)
        seconds(both.governed, body)
        pair, third = Pair([], []), []
        for _ in range(_ROUNDS):
            pair.theirs.append(seconds(both.governed, body))
            for number in itertools.islice(people, _WITHDRAWN):
                _withdraw(both.governed, desk, number % PEOPLE)
            pair.ours.append(seconds(both.governed, body))
            third.append(seconds(both.governed, body))
        note = f"then {statistics.median(third) * 1e3:,.0f} ms"
        yield pair.row(f"first query after {_WITHDRAWN} withdrawals, {measure}", 1.5, note)


def _token(place: Place, requester: str) -> str:
    command = [sys.executable, "-m", "sekisho", "token", "--workspace", str(place.folder), "--requester", requester]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _withdraw(server: Server, token: str, number: int) -> None:
    said = {"data_subject": f"customer_id:{number}", "purpose": PURPOSE, "event": "withdraw", "method": "api"}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    server.connection.request("POST", "/v1/consents/events", json.dumps(said), headers)
    response = server.connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {answer[:300]!r}")
