"""The built stores: the real lines, nobody's lines, repeatability, and questions with real answers."""

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from datetime import date
from importlib.resources import files

import duckdb
import pyarrow.parquet as pq
import pytest

from sekisho.demo.behaviour import WEB_SCHEMA
from sekisho.demo.builder import build_stores, customer_ids, facts_of
from sekisho.demo.people import CUSTOMER_COLUMNS
from sekisho.demo.stores import POS_SCHEMA, ROW_GROUP, order_lines
from sekisho.demo.tickets import TEST_CARDS, TICKET_COLUMNS

MISSING, LINES, CUSTOMERS = 133_358, 531_282, 4_339


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    build_stores(folder)
    return folder


def rows(path, statement):
    """Return what SQLite answers."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def ask(statement, path):
    """Return what DuckDB answers about one file."""
    with closing(duckdb.connect()) as connection:
        return connection.execute(statement, [str(path)]).fetchall()


def hashes(folder):
    """Return the SHA-256 of every file below *folder*."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def luhn(number):
    """Return whether *number* passes the check of ISO/IEC 7812-1."""
    digits = [int(digit) for digit in reversed(number)]
    return sum(d if at % 2 == 0 else sum(divmod(2 * d, 10)) for at, d in enumerate(digits)) % 10 == 0


def test_all_real_lines_are_there_and_nobodys_stay_nobodys(workspace):
    """531,282 lines, 133,358 of them with no customer at all: missing, not zero."""
    facts = facts_of(workspace)
    assert (facts.lines, facts.lines_without_customer, facts.customers) == (LINES, MISSING, CUSTOMERS)
    assert facts.last_day == date(2011, 12, 9)
    lines = workspace / "stores" / "pos" / "order_lines.parquet"
    assert ask("SELECT count(*) FROM read_parquet($1) WHERE customer_id <= 0", lines) == [(0,)]


def test_the_lines_are_those_of_the_source(workspace):
    """Nothing but names and the missing customer differs from the shipped file."""
    source = str(files("sekisho.demo").joinpath("data", "online_retail_2010_2011.parquet"))
    built = workspace / "stores" / "pos" / "order_lines.parquet"
    difference = ask(
        "SELECT count(*) FROM (SELECT Invoice, StockCode, Description, Quantity, InvoiceDate, Price, "
        f"nullif(CustomerID, 0), Country FROM read_parquet('{source}') EXCEPT ALL FROM read_parquet($1))",
        built,
    )
    assert difference == [(0,)]


def test_columns_are_those_of_the_catalogue(workspace):
    """Every store holds its columns in catalogue order."""
    stores = workspace / "stores"
    assert pq.read_schema(stores / "pos" / "order_lines.parquet").equals(POS_SCHEMA)
    assert pq.read_schema(stores / "web" / "events.parquet").equals(WEB_SCHEMA)
    assert tuple(r[1] for r in rows(stores / "crm.db", "PRAGMA table_info(customers)")) == CUSTOMER_COLUMNS
    assert tuple(r[1] for r in rows(stores / "support.db", "PRAGMA table_info(tickets)")) == TICKET_COLUMNS
    with (stores / "app" / "events.jsonl").open(encoding="utf-8") as lines:
        assert list(json.loads(next(lines))) == [
            "event_id",
            "customer_id",
            "device_id",
            "push_token",
            "event_type",
            "screen",
            "app_version",
            "occurred_at",
        ]
    with (stores / "survey" / "answers.jsonl").open(encoding="utf-8") as lines:
        assert list(json.loads(next(lines))) == ["answer_id", "customer_id", "asked_on", "nps", "comment"]


def test_row_groups_are_small_enough_to_skip(workspace):
    """Parquet files are compressed and cut into groups of at most 122,880 rows."""
    meta = pq.ParquetFile(workspace / "stores" / "pos" / "order_lines.parquet").metadata
    assert meta.num_row_groups == -(-LINES // ROW_GROUP)
    assert meta.row_group(0).column(0).compression == "ZSTD"


def test_every_customer_of_a_store_has_a_profile(workspace):
    """No store names a person whom the CRM does not know."""
    stores = workspace / "stores"
    known = {r[0] for r in rows(stores / "crm.db", "SELECT customer_id FROM customers")}
    assert known == set(customer_ids().tolist())
    for reader, path in (
        ("read_parquet", "web/events.parquet"),
        ("read_json_auto", "app/events.jsonl"),
        ("read_json_auto", "survey/answers.jsonl"),
    ):
        found = ask(f"SELECT DISTINCT customer_id FROM {reader}($1) WHERE customer_id IS NOT NULL", stores / path)
        assert {r[0] for r in found} <= known
    assert {r[0] for r in rows(stores / "support.db", "SELECT DISTINCT customer_id FROM tickets")} <= known


def test_event_identifiers_are_unique(workspace):
    """A linking identifier names one row, hence one person."""
    for reader, column, path in (
        ("read_parquet", "event_id", "web/events.parquet"),
        ("read_json_auto", "event_id", "app/events.jsonl"),
        ("read_json_auto", "answer_id", "survey/answers.jsonl"),
    ):
        answer = ask(f"SELECT count(*) - count(DISTINCT {column}) FROM {reader}($1)", workspace / "stores" / path)
        assert answer == [(0,)]


def test_a_quarter_of_the_web_is_nobodys(workspace):
    """Visitors who are not signed in have a cookie and no customer."""
    facts = facts_of(workspace)
    assert 300_000 < facts.web_events < 500_000
    assert 0.18 < facts.web_events_without_customer / facts.web_events < 0.30
    web = workspace / "stores" / "web" / "events.parquet"
    assert ask("SELECT count(*) FROM read_parquet($1) WHERE cookie_id IS NULL", web) == [(0,)]


def test_the_micro_segment_has_people_in_it(workspace):
    """Viewed a category twice in the last 30 days without buying from it: true of many, not of most."""
    answer = ask(
        "SELECT count(DISTINCT customer_id) FROM (SELECT customer_id, category FROM read_parquet($1) "
        "WHERE customer_id IS NOT NULL AND occurred_at > TIMESTAMP '2011-11-09 12:50' GROUP BY ALL "
        "HAVING count(*) FILTER (event_type = 'view') >= 2 "
        "AND count(*) FILTER (event_type = 'purchase') = 0)",
        workspace / "stores" / "web" / "events.parquet",
    )
    assert 1_000 < answer[0][0] < 3_000


def test_web_purchases_are_real_ones(workspace):
    """Each purchase event is an order line of that customer at that moment."""
    stores = workspace / "stores"
    unreal = ask(
        "SELECT count(*) FROM (SELECT customer_id, stock_code, occurred_at FROM read_parquet($1) "
        "WHERE event_type = 'purchase') AS web ANTI JOIN (SELECT customer_id, stock_code, "
        f"min(invoiced_at) OVER (PARTITION BY invoice) AS at FROM read_parquet('{stores}/pos/*.parquet')) AS pos "
        "ON web.customer_id = pos.customer_id AND web.stock_code = pos.stock_code "
        "AND web.occurred_at BETWEEN pos.at AND pos.at + INTERVAL 1 HOUR",
        stores / "web" / "events.parquet",
    )
    assert unreal == [(0,)]


def test_categories_are_coarse_and_many(workspace):
    """At least ten categories, none of which holds a third of the events."""
    shares = [
        r[0]
        for r in ask(
            "SELECT count(*) / sum(count(*)) OVER () FROM read_parquet($1) GROUP BY category",
            workspace / "stores" / "web" / "events.parquet",
        )
    ]
    assert len(shares) >= 10
    assert max(shares) < 1 / 3


def test_card_numbers_in_tickets_pass_the_luhn_check(workspace):
    """Every card number in a ticket is a published test number, and so passes."""
    bodies = [r[0] for r in rows(workspace / "stores" / "support.db", "SELECT body FROM tickets")]
    runs = [re.sub(r"[ -]", "", run) for b in bodies for run in re.findall(r"\d(?:[ -]?\d){13,15}", b)]
    assert len(runs) > 300
    assert {number[:4] for number in runs} >= {"4111", "3530"}
    assert all(luhn(number) and number in TEST_CARDS for number in runs)


def test_tickets_hold_personal_data_glued_to_japanese(workspace):
    """Names, e-mail addresses, telephone numbers and postal codes stand between kana and kanji."""
    found = rows(
        workspace / "stores" / "support.db", "SELECT language, body, subject, resolved, opened_at FROM tickets"
    )
    japanese = "\n".join(body for language, body, *_ in found if language == "ja")
    assert len(found) > 5_500
    assert len(re.findall(r"[ぁ-ヶ一-龠][a-z0-9._-]+@example\.[a-z.]+[ぁ-ヶ一-龠]", japanese)) > 100
    assert len(re.findall(r"[ぁ-ヶ一-龠][0-9０-９]{2,4}[-－]", japanese)) > 300
    assert len(re.findall(r"〒\d{3}-\d{4}", japanese)) > 100
    assert len({subject for _, _, subject, *_ in found}) >= 50
    assert {resolved for *_, resolved, _ in found} == {0, 1}
    assert not [body for _, body, *_ in found if "{" in body]


def test_two_builds_are_equal(tmp_path):
    """The same seed gives the same bytes, another seed other people."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        build_stores(tmp_path / name, seed=seed, scale=2, customers=60)
    first, second, other = (hashes(tmp_path / name) for name in "abc")
    assert first == second
    assert {name for name in first if first[name] != other[name]} == {
        "stores/crm.db",
        "stores/support.db",
        "stores/web/events.parquet",
        "stores/app/events.jsonl",
        "stores/survey/answers.jsonl",
    }


def test_a_larger_scale_repeats_the_lines_for_other_people(tmp_path):
    """Copies have their own customers and invoices; nobody's lines stay nobody's."""
    one = build_stores(tmp_path / "one", customers=40)
    three = build_stores(tmp_path / "three", scale=3, customers=40)
    assert three.lines == 3 * one.lines
    assert three.lines_without_customer == 3 * one.lines_without_customer > 0
    assert three.customers == 3 * one.customers == 120
    assert three.invoices == 3 * one.invoices
    path = tmp_path / "three" / "stores" / "pos" / "order_lines.parquet"
    shared = ask(
        "SELECT count(*) FROM (SELECT invoice FROM read_parquet($1) GROUP BY invoice "
        "HAVING count(DISTINCT customer_id) > 1)",
        path,
    )
    assert shared == [(0,)]
    assert ask("SELECT count(*) FROM read_parquet($1) WHERE invoice LIKE '%-2'", path)[0][0] == one.lines


def test_progress_rises_to_the_end(tmp_path):
    """Whoever watches sees the share done grow from zero to one."""
    seen = []
    build_stores(tmp_path, customers=5, progress=lambda what, done: seen.append((what, done)))
    shares = [done for _, done in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_an_interrupted_build_leaves_the_old_store(tmp_path):
    """A store is replaced when its new file is whole, and not before."""
    build_stores(tmp_path, customers=5)
    before = hashes(tmp_path)

    def stop(what, _done):
        if what == "support tickets":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_stores(tmp_path, customers=5, seed=3, progress=stop)
    after = hashes(tmp_path)
    assert after["stores/support.db"] == before["stores/support.db"]
    assert after.keys() == before.keys()


def test_a_scale_below_one_is_refused(tmp_path):
    """There is no workspace of nobody."""
    with pytest.raises(ValueError, match="at least 1"):
        build_stores(tmp_path, scale=0)


def test_the_attribution_goes_with_the_data(workspace):
    """CC BY asks for it."""
    text = (workspace / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "Chen, D. (2012)" in text
    assert "CC BY 4.0" in text


def test_a_limited_build_keeps_some_of_nobodys_lines():
    """Tests on few people still meet lines without a customer."""
    lines = order_lines(3)
    assert lines["customer_id"].drop_nulls().n_unique() == 3
    assert lines["customer_id"].null_count() == 1_000
