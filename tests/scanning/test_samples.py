"""What is read of each kind of store, and how nested values are looked into."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from sekisho.adapters.stores.duckdb_sampling import DuckDbSampling
from sekisho.adapters.stores.postgresql.sampling import PostgresSampling
from sekisho.adapters.stores.sampling import Sampling
from sekisho.adapters.stores.sqlite_sampling import SqliteSampling
from sekisho.detect.path_keys import without_people
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, DataSubjectKey, Store, StoreKind
from sekisho.errors import StoreUnavailable
from sekisho.ports.scans import FoundColumn, SampledColumn, SampledStore
from tests.adapters.stores.servers import Server, database

PEOPLE = Dataset(
    "crm.people",
    "crm",
    "people",
    tuple(
        Column(name, ColumnType.INTEGER if name == "id" else ColumnType.STRING, ColumnClass.DIRECT_IDENTIFIER)
        for name in ("id", "email", "profile", "tags")
    ),
    DataSubjectKey("id", "customer_id"),
    None,
    frozenset(),
)
LARGE = 60_000


async def read(store: SampledStore, **declared: Dataset) -> dict[str, SampledColumn]:
    """Return every column of every table, by table and name."""
    found = {}
    for table in await store.tables(declared):
        async for group in store.sample(table, 100):
            found.update({f"{table.relation}.{column.name}": column for column in group})
    return found


def nested(*documents: object, most: int = 100) -> dict[str, SampledColumn]:
    sampling = Sampling([FoundColumn("j", "json")], most)
    for document in documents:
        sampling.add([None if document is None else json.dumps(document, ensure_ascii=False)])
    return {column.name: column for column in sampling.done()}


def test_nested_values_are_looked_into_by_path():
    """Objects, lists and lists of objects have paths; the text of the whole is no value."""
    documents = [{"a": {"mail": f"m{n}"}, "tags": ["x", n], "rows": [{"tel": n}], "memo": "山田"} for n in range(40)]
    found = nested(*documents, None)

    assert set(found) == {"j", "j.a.mail", "j.tags[]", "j.rows[].tel", "j.memo"}
    assert (found["j"].values, found["j"].rows, found["j"].nulls) == ((), 41, 1)
    assert len(found["j.a.mail"].values) == 40
    assert found["j.rows[].tel"].type == "number"


def test_keys_that_are_data_are_no_names():
    """A map from people to something names nobody: its keys are values, looked at and not kept."""
    found = nested(*[{"by": {f"taro{n}": n, "hanako@example.com": n}} for n in range(60)])

    assert {name for name in found if name.startswith("j.")} == {"j.by.*"}
    assert "taro1" in found["j.by.*"].values
    assert "hanako@example.com" in found["j.by.*"].values


@pytest.mark.parametrize(
    "key",
    [
        "山田太郎",
        "氏名",
        "tanaka_ichiro",
        "tanakaIchiro",
        "u09012345678",
        "id_12345",
        "taro@example.com",
        "Tanaka Ichiro",
        "hanako",
        "taro",
        "Yuko",
        "suzuki",
        "mary",
        "watanabe_kids",
        "山田",
        "ヤマダ",
    ],
)
def test_a_key_that_may_say_something_of_somebody_is_no_name(key):
    """However often it stands there, it is a value: it is looked at, and stands in no path."""
    found = nested(*[{key: {"visits": n}} for n in range(60)])

    assert set(found) == {"j", "j.*", "j.*.visits"}
    assert found["j.*"].values == (key,)


@pytest.mark.parametrize(
    "key",
    [
        *("customer_id", "first_name", "createdAt", "postal_code", "blood_type", "phone", "email", "last_login_at"),
        *(
            "memo",
            "sku",
            "ratio",
            "cpu",
            "note",
            "home",
            "rate",
            "kana",
            "mono",
            "site",
            "token",
            "beta",
            "no",
            "points",
        ),
    ],
)
def test_fields_are_named_as_programs_name_them(key):
    """What the words of a schema say is nobody."""
    assert set(nested(*[{key: n} for n in range(60)])) == {"j", f"j.{key}"}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("profile.contact.mail", "profile.contact.mail"),
        ("tags[]", "tags[]"),
        ("by.*.visits", "by.*.visits"),
        ("family.taro.age", "family.*.age"),
        ("family.taro[].age", "family.*[].age"),
        ("family.山田太郎.age", "family.*.age"),
        ("family.u09012345678", "family.*"),
        (f"long.{'x' * 300}~{'0' * 64}", "long.*"),
    ],
)
def test_a_path_is_cleaned_of_keys_that_are_data(path, shown):
    """A key that may say something of somebody is taken out of a path; the others and the column's name stay."""
    assert without_people(path) == shown
    assert without_people(shown) == shown


@pytest.mark.parametrize(
    ("objects", "having", "named"), [(40, 8, True), (40, 7, False), (400, 20, True), (400, 19, False)]
)
def test_a_field_stands_in_a_fifth_of_the_objects_or_in_twenty(objects, having, named):
    """What fewer have is data."""
    found = nested(*[{"a": n} | ({"rare": n} if n < having else {}) for n in range(objects)], most=500)

    assert set(found) == {"j", "j.a", "j.rare" if named else "j.*"}


def test_a_path_is_never_too_long_to_be_kept():
    """Where long names stand in each other the path says no more, and the values are looked at all the same."""

    def document(value: object) -> object:
        for level in range(8):
            value = {f"{'long' * 14}{level}": value}
        return value

    found = nested(*[document(f"x{n}") for n in range(30)])
    (path,) = (name for name, column in found.items() if "x1" in column.values)

    assert path.endswith(".*.*")
    assert max(map(len, found)) <= 256 + 32


def test_a_column_of_texts_is_no_column_of_json():
    """One text in braces among others does not make a column nested; a number in quotes is no document."""
    sampling = Sampling([FoundColumn("t", "text"), FoundColumn("n", "text")], 100)
    for text in ['{"a": 1}', "plain", "other"]:
        sampling.add([text, "12"])
    assert [column.name for column in sampling.done()] == ["t", "n"]


def test_distinct_values_are_counted_beyond_those_that_are_kept():
    """As many values are held as were asked for; the others count."""
    sampling = Sampling([FoundColumn("n", "integer")], 10)
    for n in range(30):
        sampling.add([str(n % 25)])
    (column,) = sampling.done()
    assert (len(column.values), column.distinct, column.rows) == (10, 25, 30)


# SQLite -------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with a large table, a view, a table without row ids and bytes."""
    place = tmp_path / "crm.db"
    with closing(sqlite3.connect(place)) as db, db:
        db.execute("CREATE TABLE large (n INTEGER PRIMARY KEY, half TEXT, photo BLOB)")
        db.execute(
            "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?)"
            " INSERT INTO large SELECT i, CASE WHEN i > ? THEN 'late' ELSE 'early' END, x'00ff' FROM s",
            (LARGE, LARGE // 2),
        )
        db.execute("CREATE TABLE keyed (k TEXT PRIMARY KEY) WITHOUT ROWID")
        db.execute("INSERT INTO keyed VALUES ('a'), ('b')")
        db.execute("CREATE VIEW seen AS SELECT n * 2 AS twice FROM large")
        db.execute("CREATE TABLE empty (x TEXT)")
    return place


async def test_sqlite_is_sampled_from_all_over_and_never_written(file):
    """Rows of the whole table come, the same each time, within what was asked for; the file stays as it was."""
    before = file.read_bytes()
    store = SqliteSampling(Store("crm", StoreKind.SQLITE, str(file)))
    found, again = await read(store), await read(store)

    assert found["large.n"].values == again["large.n"].values
    assert 100 < found["large.n"].rows <= 600
    assert set(found["large.half"].values) == {"early", "late"}
    assert (found["large.photo"].values, found["large.photo"].nulls) == ((), found["large.photo"].rows)
    assert set(found["keyed.k"].values) == {"a", "b"}
    assert found["seen.twice"].rows > 100
    assert found["empty.x"].rows == 0
    assert file.read_bytes() == before


async def test_a_query_that_takes_too_long_is_stopped(file):
    """The time of a store is limited; the fault says nothing of what was read."""
    store = SqliteSampling(Store("crm", StoreKind.SQLITE, str(file)), timeout=-1)
    with pytest.raises(StoreUnavailable, match="The store crm could not be looked into"):
        await read(store)


# Files --------------------------------------------------------------------------------------------------


async def test_files_are_sampled_declared_and_not(tmp_path):
    """Patterns, single files and partitioned folders are tables; numbers in CSV keep their zeros."""
    with duckdb.connect() as db:
        place = tmp_path
        (place / "days" / "day=1").mkdir(parents=True)
        (place / "lines").mkdir()
        db.execute(f"COPY (SELECT i, {{'a': [i]}} AS s FROM range(70000) t(i)) TO '{place}/lines/x.parquet'")
        db.execute(f"COPY (SELECT 'x' AS v) TO '{place}/days/day=1/a.parquet'")
        db.execute(f"COPY (SELECT '0901234' AS tel, 'g'::ENUM('g', 'h') AS e) TO '{place}/calls.csv'")
        db.execute(f"COPY (SELECT 'g'::ENUM('g', 'h') AS e) TO '{place}/e.parquet'")
    (tmp_path / "log.jsonl").write_text('{"u": {"mail": "a@b"}}\n{"u": {"mail": "c@d"}}\n')
    (tmp_path / "bad.parquet").write_text("none")
    (tmp_path / "notes.txt").write_text("none")
    store = DuckDbSampling(Store("pos", StoreKind.DUCKDB, str(tmp_path)))
    found = await read(store, **{"lines/*.parquet": PEOPLE})

    assert {name.rpartition(".")[0] for name in found if "s.a" not in name and ".u." not in name} == {
        "lines/*.parquet", "days/*/*.parquet", "calls.csv", "e.parquet", "log.jsonl",
    }  # fmt: skip
    assert found["calls.csv.tel"].values == ("0901234",)
    assert set(found["log.jsonl.u.mail"].values) == {"a@b", "c@d"}
    assert found["lines/*.parquet.s.a[]"].distinct
    assert 50 < found["lines/*.parquet.i"].rows < 1_000


async def test_keys_at_the_top_of_documents_that_are_data_are_no_columns(tmp_path):
    """A file that maps people to something has no column of their names: they are looked at as values."""
    file = tmp_path / "family.jsonl"
    file.write_text(
        "".join(
            json.dumps({"山田太郎": {"age": n}, "hanako": {"age": n}, "氏名": "x", "shop": n}, ensure_ascii=False)
            + "\n"
            for n in range(30)
        )
    )
    declared = replace(PEOPLE, columns=(Column("hanako", ColumnType.STRING, ColumnClass.NONE),))
    store = DuckDbSampling(Store("pos", StoreKind.DUCKDB, str(tmp_path)))
    found = await read(store)

    assert set(found) == {f"family.jsonl.{name}" for name in ("氏名", "shop", "*", "*.*", "*.*.age")}
    assert set(found["family.jsonl.*.*"].values) == {"山田太郎", "hanako"}
    assert len(found["family.jsonl.*.*.age"].values) == 30
    named = await read(store, **{"family.jsonl": declared})
    assert {"family.jsonl.hanako.age", "family.jsonl.*.*.age"} < set(named)
    assert "山田太郎" not in "".join(named)


async def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    """What lies elsewhere is not the store's."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out.csv").write_text("a\n1\n")
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "out.csv")
    assert await read(DuckDbSampling(Store("pos", StoreKind.DUCKDB, str(tmp_path / "in")))) == {}


# PostgreSQL ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A database with granted and other columns, nested ones, a view and a partitioned table."""
    with database() as made:
        made.run(
            "CREATE TABLE people (id bigint, email text, profile jsonb, tags text[], secret text);"
            "INSERT INTO people SELECT i, 'p' || i || '@example.com', jsonb_build_object('tel', '0' || i),"
            f" ARRAY['a', 'b' || i % 3], 'NG' FROM generate_series(1, {LARGE}) i;"
            "CREATE TABLE hidden (x text); CREATE VIEW seen AS SELECT id FROM people; GRANT SELECT ON seen TO PUBLIC;"
            "CREATE VIEW broken AS SELECT 1 / (id - id) AS z FROM people; GRANT SELECT ON broken TO PUBLIC;"
            "CREATE TABLE parted (n int) PARTITION BY RANGE (n); GRANT SELECT ON parted TO PUBLIC;"
            "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100000);"
            "INSERT INTO parted SELECT i FROM generate_series(1, 20000) i; ANALYZE"
        )
        made.bootstrap([PEOPLE])
        yield made


@pytest.mark.postgres
@pytest.mark.enable_socket
async def test_postgresql_is_read_as_the_role_of_the_gateway(server):
    """Granted columns are sampled, the others only listed; nested ones by path; the same rows each time."""
    store = PostgresSampling(server.store())
    tables = {table.relation: table for table in await store.tables({"people": PEOPLE})}
    groups = [group async for group in store.sample(tables["people"], 100)]
    found = {column.name: column for group in groups for column in group}

    assert {name: [c.name for c in t.columns if c.readable] for name, t in tables.items()} == {
        "people": ["id", "email", "profile", "tags"], "hidden": [], "seen": ["id"], "broken": ["z"], "parted": ["n"],
    }  # fmt: skip
    assert set(found) == {"id", "email", "profile", "profile.tel", "tags", "tags[]"}
    assert 100 < found["id"].rows <= 600
    assert max(map(int, found["id"].values)) > LARGE // 2
    assert all(value.endswith("@example.com") for value in found["email"].values)
    assert set(found["tags[]"].values) == {"a", "b0", "b1", "b2"}
    again = [group async for group in store.sample(tables["people"], 100)]
    assert [column.values for column in again[0]] == [column.values for column in groups[0]]
    (parted,) = [column async for group in store.sample(tables["parted"], 100) for column in group]
    assert parted.rows > 100


@pytest.mark.postgres
@pytest.mark.enable_socket
async def test_a_view_that_fails_tells_nothing_of_the_server(server):
    """The server's own text may hold a value: it is not passed on."""
    store = PostgresSampling(server.store())
    broken = next(table for table in await store.tables({}) if table.relation == "broken")
    with pytest.raises(StoreUnavailable, match="The store crm could not be looked into") as refused:
        [group async for group in store.sample(broken, 100)]
    assert refused.value.__cause__ is None


@pytest.mark.postgres
@pytest.mark.enable_socket
async def test_a_superuser_is_no_account_to_scan_with(server):
    """A role that could do more than read is refused, as for every statement."""
    with pytest.raises(StoreUnavailable, match="superuser"):
        await PostgresSampling(Store("crm", StoreKind.POSTGRESQL, server.admin)).tables({})
