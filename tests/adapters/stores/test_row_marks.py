"""Files that are read beside a mark for each row: answered as by a join, and never by marks of other rows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sekisho.adapters.stores import row_marks
from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.duckdb_oracle import in_step
from sekisho.domain.access import Comparison
from sekisho.domain.governed import MARKED
from sekisho.domain.terms import StoreKind
from sekisho.errors import ConsentUnavailable, StatementRefused, StoreUnavailable
from tests.adapters.stores.copied import LINES, CopiedWorld, copy_of, source
from tests.query.world import DATASETS, FIRST_ID, PEOPLE, Answer, FakeView, WatchedStore, agrees, number_of

GROUPS = "SELECT country, count(*) AS n, sum(quantity) AS q FROM pos.order_lines GROUP BY country ORDER BY country"
WHOLE = [
    GROUPS,
    "SELECT count(*) AS n FROM pos.order_lines",
    "SELECT upper(country) AS c, sum(quantity * unit_price) AS s FROM pos.order_lines GROUP BY 1 ORDER BY 1",
    "SELECT sum(quantity) AS q FROM pos.order_lines WHERE quantity + 1 > 4",
    "SELECT country, count(*) AS n FROM pos.order_lines GROUP BY 1 HAVING count(*) > 1 ORDER BY n DESC, 1 LIMIT 2",
    (
        "WITH c AS (SELECT country, max(unit_price) AS m FROM pos.order_lines GROUP BY 1)"
        " SELECT count(*) AS n, sum(m) AS m FROM c WHERE m > 1"
    ),
    "SELECT median(quantity) AS m, count(DISTINCT stock_code) AS s FROM pos.order_lines",
]
OTHERS = [
    "SELECT customer_id, count(*) AS n FROM pos.order_lines GROUP BY customer_id",
    "SELECT count(DISTINCT customer_id) AS n FROM pos.order_lines",
    "SELECT stock_code FROM pos.order_lines",
    "SELECT count(*) AS n FROM pos.order_lines WHERE quantity > 6",
    "SELECT count(*) AS n FROM pos.order_lines o JOIN pos.order_lines p ON o.stock_code = p.stock_code",
    "SELECT (SELECT count(*) FROM pos.order_lines) AS n, count(*) AS m FROM pos.order_lines",
]
HERS = next(p for p in range(PEOPLE) if agrees(p, "recommendation"))


class MarkedWorld(CopiedWorld):
    """A world whose files are marked however small and new they are; two gateways of it are not."""

    def __init__(self, folder: Path, *, times: int = 4, settled: float = 0.0) -> None:
        super().__init__(folder, times=times)
        self.duckdb.close()
        files = {name: store for name, store in self.catalogue.stores.items() if store.kind is StoreKind.DUCKDB}
        self.duckdb = DuckDbStores(files, DATASETS, threads=3, timeout=20, copies=self.copies, least_marked=1)
        self.duckdb._rows._settled = settled
        self.watched["duckdb"] = WatchedStore(self.duckdb)
        self._closing = (*self._closing, self.duckdb.close)
        self.without = replace(self.gateway, copies=None, key_bits=())
        self.marked = replace(self.without, key_bits=(self.duckdb,))
        self.with_copies = replace(self.marked, copies=self.reader())
        self.gateway = self.marked

    def answer(self, sql: str = GROUPS, *, copied: bool = False) -> Answer:
        """Return the answer by marks; the statement reads them."""
        found = self.by(self.with_copies if copied else self.marked, sql)
        assert self.is_marked()
        return found

    def joined(self, sql: str = GROUPS) -> Answer:
        """Return the answer by a join."""
        found = self.by(self.without, sql)
        assert not self.is_marked()
        return found

    def is_marked(self) -> bool:
        """Return whether DuckDB read marks for the last statement."""
        return f'"{MARKED}"."r_' in self.ran()

    def rewrite(self, table: pa.Table) -> None:
        """Put a file in the place of the order lines, whose size does not show the order of its rows."""
        path = source(self)
        plain: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}
        pq.write_table(table, path.with_suffix(".new"), row_group_size=40, **plain)
        path.with_suffix(".new").replace(path)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[MarkedWorld]:
    """A world of the test's own, whose file has several groups of rows."""
    with MarkedWorld(tmp_path) as built:
        built.rewrite(pq.read_table(source(built)))
        yield built


@pytest.mark.parametrize("sql", WHOLE)
def test_answers_are_those_of_a_join(world: MarkedWorld, sql: str) -> None:
    """Over the files and over their copy, which is written in other groups of rows."""
    wanted = world.joined(sql)
    assert world.answer(sql) == wanted
    world.sync()
    assert world.answer(sql, copied=True) == wanted
    assert world.watched["duckdb"].ran[-1].projections[0].copied


@pytest.mark.parametrize("sql", OTHERS)
def test_who_asks_for_people_or_for_some_rows_has_a_join(world: MarkedWorld, sql: str) -> None:
    """Marks tell nobody's number, and are read from end to end, of one dataset."""
    found = world.by(world.marked, sql)
    assert not world.is_marked()
    assert sorted(found.rows, key=repr) == sorted(world.by(world.without, sql).rows, key=repr)


def test_whose_each_row_is_is_not_read_for_rows(world: MarkedWorld) -> None:
    """An answer of rows takes no memory for the person numbers of all rows; the first aggregate reads them."""
    world.by(world.marked, "SELECT stock_code FROM pos.order_lines")
    assert not world.duckdb._rows._held
    world.answer()
    assert world.duckdb._rows._held


def test_a_filter_of_the_policy_has_a_join(world: MarkedWorld) -> None:
    """What narrows the rows may narrow the scan."""
    world.policy.filters = {LINES.name: (Comparison("country", "eq", "Japan"),)}
    assert world.by(world.marked, GROUPS).rows == world.by(world.without, GROUPS).rows
    assert not world.is_marked()


@pytest.mark.parametrize("copied", [False, True], ids=["files", "copy"])
def test_a_withdrawal_and_a_yes_count_at_the_next_query(world: MarkedWorld, *, copied: bool) -> None:
    """Her rows go and come."""
    world.sync()
    before = world.answer(copied=copied)
    world.consents.withdraw("recommendation", number_of(HERS))
    after = world.answer(copied=copied)
    assert after != before
    assert after == world.joined()
    world.consents.give("recommendation", number_of(HERS))
    assert world.answer(copied=copied) == before


def test_rows_that_change_places_take_their_marks_with_them(world: MarkedWorld) -> None:
    """A file with the same rows the other way round, of the same size and time of change, is read anew."""
    path = source(world)
    table = pq.read_table(path)
    world.rewrite(table)
    before, state = world.answer(), path.stat()
    world.rewrite(table.take(pa.array(range(table.num_rows - 1, -1, -1))))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    assert world.answer() == before == world.joined()


@pytest.mark.parametrize("when", ["before the statement", "while it is read"])
def test_a_file_that_changes_meanwhile_is_not_answered_from(
    world: MarkedWorld, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Nothing is released that was read beside the marks of another file."""
    world.answer()
    table = pq.read_table(source(world))
    other = table.take(pa.array(range(table.num_rows - 1, -1, -1)))
    name = "of" if when == "before the statement" else "put_beside"
    owner: Any = row_marks.RowMarks if name == "of" else row_marks.Marked
    really = getattr(owner, name)

    def change(*arguments: Any) -> Any:
        world.rewrite(other)
        return really(*arguments)

    monkeypatch.setattr(owner, name, change)
    with pytest.raises(StoreUnavailable, match="change"):
        world.answer()
    monkeypatch.setattr(owner, name, really)
    assert world.answer() == world.joined()


def test_files_that_changed_a_moment_ago_are_joined(tmp_path: Path) -> None:
    """A second change in the same moment could not be told from the first."""
    with MarkedWorld(tmp_path, settled=3600.0) as world:
        found = world.by(world.marked, GROUPS)
        assert not world.is_marked()
        assert found == world.joined()


def test_small_files_are_joined(world: MarkedWorld) -> None:
    """Below some rows there is nothing to gain."""
    world.duckdb._rows._least = 1_000_000
    found = world.by(world.marked, GROUPS)
    assert not world.is_marked()
    assert found == world.joined()


def test_who_is_registered_later_is_read_at_once(world: MarkedWorld) -> None:
    """Rows of somebody unknown: by a join as soon as the registry knows more, by marks when they were read again."""
    known = world.people.known["customer_id"]
    hers = str(FIRST_ID + HERS)
    number = known.pop(hers)
    without = world.answer()
    known[hers] = number
    world.people.version += 1
    found = world.by(world.marked, GROUPS)
    assert not world.is_marked()
    assert found == world.joined()
    assert found != without
    states, numbered = world.duckdb._rows._held[LINES.name, False]
    assert numbered is not None
    world.duckdb._rows._held[LINES.name, False] = (states, replace(numbered, again=0.0))
    assert world.answer() == found


def test_a_key_of_two_people_is_not_marked(world: MarkedWorld) -> None:
    """A row that came twice, or not at all, shows that places cannot be counted on."""
    cursor = world.duckdb._db.cursor()
    cursor.register("everybody", pa.table({"k": [FIRST_ID, FIRST_ID], "n": [1, 2]}))
    path = source(world)
    rows = pq.read_metadata(path).num_rows
    state = (path.as_posix(), 0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match="two people"):
        row_marks._numbers(cursor, (state,), [rows], "customer_id", copied=False)


def test_several_files_are_marked_each_by_its_own_rows(tmp_path: Path) -> None:
    """A pattern of files with groups of rows of all sizes."""
    with MarkedWorld(tmp_path) as world:
        path = source(world)
        table = pq.read_table(path)
        world.duckdb.close()
        dataset = replace(LINES, relation="lines-*.parquet")
        for place, (start, rows) in enumerate([(0, 50), (50, 0), (50, 3), (53, table.num_rows)]):
            pq.write_table(table.slice(start, rows), path.with_name(f"lines-{place}.parquet"), row_group_size=20)
        files = {name: store for name, store in world.catalogue.stores.items() if store.kind is StoreKind.DUCKDB}
        store = DuckDbStores(files, DATASETS | {LINES.name: dataset}, threads=3, timeout=20, least_marked=1)
        store._rows._settled = 0.0
        world.watched["duckdb"] = WatchedStore(store)
        world.marked = replace(world.without, key_bits=(store,))
        try:
            assert world.answer() == world.joined()
            pq.write_table(table.slice(0, 60), path.with_name("lines-9.parquet"))
            assert world.answer() == world.joined()
        finally:
            store.close()


def test_the_engine_keeps_files_and_marks_in_step(world: MarkedWorld) -> None:
    """A plan that puts anything below a positional join is refused before it runs."""
    world.sync()
    world.answer(copied=True)
    path, rows = copy_of(world).as_posix(), pq.read_metadata(copy_of(world)).num_rows
    cursor = duckdb.connect()
    cursor.register("marks", {"m": pa.array([True] * rows).to_numpy(zero_copy_only=False)})
    written = world.folder / "marks.parquet"
    pq.write_table(pa.table({"m": [True] * rows}), written)
    cursor.execute(f"CREATE VIEW lines AS SELECT * FROM read_parquet('{path}', file_row_number = true)")

    def planned(sql: str) -> bool:
        return in_step(json.loads(cursor.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()[0][1]))

    beside = "(SELECT * FROM lines {}) AS t POSITIONAL JOIN {} AS g"
    assert planned(f"SELECT count(*) FROM {beside.format('WHERE file_row_number >= 5', 'marks')} WHERE m")
    assert planned(f"SELECT sum(quantity) FROM {beside.format('', 'marks')} WHERE m AND quantity > 3")
    for below, marks in (
        ("WHERE quantity > 3", "marks"),
        ("LIMIT 9", "marks"),
        ("ORDER BY quantity", "marks"),
        ("", "(SELECT * FROM marks WHERE m)"),
        ("", "(SELECT * FROM marks LIMIT 5)"),
        ("", f"(SELECT * FROM read_parquet('{written}'))"),  # marks are the gateway's, never a file's
    ):
        assert not planned(f"SELECT sum(quantity) FROM {beside.format(below, marks)} WHERE m")
    assert not planned("SELECT sum(quantity) FROM lines")
    computed = "(SELECT CAST(stock_code AS VARCHAR) || 'x' AS c, quantity FROM lines) AS t POSITIONAL JOIN marks AS g"
    assert not planned(f"SELECT max(c), sum(quantity) FROM {computed} WHERE m")


def test_a_plan_out_of_step_is_not_run(world: MarkedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check stands before the first run of each statement."""
    monkeypatch.setattr("sekisho.adapters.stores.duckdb.in_step", lambda _plan: False)
    with pytest.raises(StatementRefused):
        world.answer()


def test_rows_are_marked_by_consent_and_by_files_that_are_known(world: MarkedWorld) -> None:
    """Without a view, without cells, or of files that nobody has numbered, no row is marked."""
    world.answer()
    projection = world.watched["duckdb"].ran[-1].projections[0]
    view = FakeView(1, 1, projection.cells, frozenset([1]))
    rows = world.duckdb._rows
    run = world._runner.run
    assert run(rows.of(projection, view)).projection is projection
    for lacking, by in ((projection, None), (replace(projection, cells=()), view)):
        with pytest.raises(ConsentUnavailable):
            run(rows.of(lacking, by))
    with pytest.raises(StoreUnavailable):
        run(rows.of(replace(projection, dataset="pos.nothing"), view))
    stamp = source(world).stat().st_mtime_ns + 10**9
    os.utime(source(world), ns=(stamp, stamp))
    with pytest.raises(StoreUnavailable):
        run(rows.of(projection, view))


class _Answers:
    """A cursor whose every answer is the same places, with the number 0 for each."""

    def __init__(self, *places: int) -> None:
        self._batch = pa.record_batch(
            [
                pa.array(places, pa.int64()),
                pa.array([1] * len(places), pa.int32()),
                pa.array([False] * len(places)),
            ],
            names=["place", "number", "strange"],
        )

    def sql(self, _asked: str) -> _Answers:
        return self

    def to_arrow_reader(self, _rows: int) -> list[pa.RecordBatch]:
        return [self._batch]


@pytest.mark.parametrize(
    ("places", "fault"),
    [
        ((0, 1, 3), "outside its file"),
        ((-1, 0, 1), "outside its file"),
        ((0, 1), "two people"),
        ((0, 1, 1), "did not come"),
    ],
)
def test_each_row_comes_once_or_none_is_marked(places: tuple[int, ...], fault: str) -> None:
    """A row that comes twice, not at all, or from elsewhere leaves it open whose the others are."""
    states: Any = (("x.parquet",),)
    numbers, unknown = row_marks._numbers(cast("Any", _Answers(0, 1, 2)), states, [3], "k", copied=False)
    assert (numbers.tolist(), unknown) == ([1, 1, 1], False)
    with pytest.raises(ValueError, match=fault):
        row_marks._numbers(cast("Any", _Answers(*places)), states, [3], "k", copied=False)
