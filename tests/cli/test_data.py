"""Commands that hand data out: query, views, token."""

import io
import json

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.identity import EmbeddedKeys, JwtIdentity
from sekisho.adapters.keyring import FileKeyRing
from sekisho.cli import main
from sekisho.settings import load

SQL = "SELECT customer_id, country FROM pos.order_lines"


def asked(folder, *more, requester="recommender", purpose="recommendation"):
    """Return the arguments of a query."""
    return ["query", "-w", str(folder), "-r", requester, "-p", purpose, *more]


def test_rows_come_as_lines_of_json_off_a_terminal(run, built):
    """NDJSON is what a pipe gets, with a last line that says that it is complete."""
    ran = run(*asked(built, "SELECT country, COUNT(*) AS lines FROM pos.order_lines GROUP BY country"))
    *rows, end = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 0
    assert rows
    assert all(set(row) == {"country", "lines"} for row in rows)
    assert end["complete"] is True


def test_json_holds_columns_rows_and_the_release(run, built):
    """JSON is the answer of the HTTP contract."""
    found = json.loads(run(*asked(built, "--format", "json", SQL)).out)
    assert [column["transform"] for column in found["columns"]] == ["pseudonym", "clear"]
    assert found["release"]["rows"] == len(found["rows"]) > 0


def test_max_rows_limits_the_answer(run, built):
    """`--max-rows` cuts, and the answer says that it is not complete."""
    end = json.loads(run(*asked(built, "--max-rows", 3, SQL)).out.splitlines()[-1])
    assert (end["rows"], end["complete"]) == (3, False)


def test_csv_begins_with_a_header(run, built):
    """CSV has the names first."""
    assert run(*asked(built, "-f", "csv", SQL)).out.startswith('"customer_id","country"')


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_arrow_and_parquet_are_bytes(capsysbinary, built, form):
    """The binary forms can be read back, and hold pseudonyms."""
    with pytest.raises(SystemExit) as ended:
        main(asked(built, "-f", form, SQL))
    content = capsysbinary.readouterr().out
    table = pa.ipc.open_stream(content).read_all() if form == "arrow" else pq.read_table(io.BytesIO(content))
    assert ended.value.code in {0, None}
    assert table.num_rows > 100
    assert all(len(name) == 32 for name in table.column("customer_id").to_pylist())


def test_a_table_shows_what_was_masked(run, built):
    """The table names the masks on standard error, beside the release."""
    ran = run(*asked(built, "-f", "table", "--max-rows", 2, SQL))
    assert len(ran.out.splitlines()) == 3
    assert "2 rows, not all. Release " in ran.err
    assert "customer_id: pseudonym" in ran.err


def test_another_purpose_is_refused(run, built):
    """A purpose that the requester does not hold: code and sentence, no row, exit 1."""
    ran = run(*asked(built, SQL, purpose="targeted_advertising"))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("purpose_not_registered: ")


def test_an_unknown_requester_is_told_who_there_is(run, built):
    """A requester that is not registered gets the names that are."""
    ran = run(*asked(built, SQL, requester="nobody"))
    assert ran.code == 2
    assert "recommender" in ran.err


def test_views_are_listed_and_read(run, built):
    """The closed list, and one release of it."""
    listed = json.loads(run("views", "list", "-w", built, "--json").out)
    read = run("views", "read", "rfm_cells", "-w", built, "-r", "analyst")
    assert [view["name"] for view in listed] == ["sales_by_month_country", "rfm_cells", "channel_kpis"]
    assert all(json.loads(line)["people"] >= 10 for line in read.out.splitlines()[:-1])
    assert run("views", "read", "rfm_cells", "-w", built, "-r", "recommender").code == 1
    assert run("views", "read", "other", "-w", built, "-r", "analyst").err.startswith("not_found: ")


def test_tokens_stand_alone_on_standard_output(run, built):
    """A token is one line, and the service accepts it as who it names."""
    settings = load(built)
    keys = FileKeyRing(settings.keys_folder)
    identity = JwtIdentity(
        settings.identity, EmbeddedKeys(keys.token_public_key()), settings.catalogue.requesters, SystemClock()
    )
    service = run("token", "-w", built, "--requester", "recommender")
    customer = run("token", "-w", built, "--data-subject", "customer_id:12347")
    assert service.out.count("\n") == customer.out.count("\n") == 1
    assert identity.requester(service.out.strip()).name == "recommender"
    assert identity.data_subject(customer.out.strip()).value == "12347"
    assert run("token", "-w", built, "-r", "recommendr").err.startswith("not_found: ")
    assert run("token", "-w", built, "-r", "recommender", "--ttl", 0).code == 2


def test_values_are_given_apart_from_the_statement(run, built):
    """`--parameter` fills each `?`: numbers as JSON, everything else as text."""
    sql = "SELECT quantity, country FROM pos.order_lines WHERE quantity > ? AND country = ?"
    ran = run(*asked(built, "--parameter", 3, "--parameter", "United Kingdom", sql))
    *rows, end = [json.loads(line) for line in ran.out.splitlines()]
    assert end["complete"]
    assert rows
    assert all(row["quantity"] > 3 and row["country"] == "United Kingdom" for row in rows)


@pytest.mark.parametrize("name", ["out.parquet", "out.arrow", "out.csv", "out.ndjson", "out.json", "out"])
def test_an_answer_is_written_to_a_file(run, built, tmp_path, name):
    """The ending of `--output` names the form; nothing of the answer is on standard output."""
    path = tmp_path / name
    ran = run(*asked(built, "-o", path, SQL))
    assert (ran.code, ran.out) == (0, "")
    assert path.stat().st_size > 100
    if name == "out.parquet":
        assert pq.read_table(path).column_names == ["customer_id", "country"]
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_a_refused_answer_leaves_the_file_as_it_was(run, built, tmp_path):
    """Nothing is written where nothing was released, and the command fails."""
    path = tmp_path / "out.csv"
    path.write_text("before")
    assert run(*asked(built, "-o", path, "SELECT nothing FROM pos.order_lines")).code == 1
    assert path.read_text() == "before"
    assert run(*asked(built, "-o", path, "-f", "table", SQL)).code == 2
    assert run(*asked(built, "-o", tmp_path / "none" / "out.csv", SQL)).code == 2
    assert path.read_text() == "before"
