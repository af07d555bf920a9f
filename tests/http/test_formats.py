"""An answer says the same in every form, and says whether it is all."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import httpx
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import FakeRelease
from tests.http.conftest import QUERY, REQUESTER, World, batch, client_of

from sekisho.domain.access import TransformKind
from sekisho.domain.governed import Output
from sekisho.domain.spreadsheets import FORMULA_START
from sekisho.domain.terms import ColumnType
from sekisho.errors import InvalidRequest
from sekisho.http import rows
from sekisho.http.formats import ARROW, CSV, JSON, NDJSON, PARQUET, _word, negotiate
from sekisho.http.rows import csv_header, csv_lines, json_rows, ndjson_lines, unique_names


async def ask(world: World, media_type: str) -> httpx.Response:
    async with client_of(world.app, Accept=media_type, **REQUESTER) as client:
        return await client.post("/v1/query", json=QUERY)


async def test_json_has_columns_rows_and_release(world: World) -> None:
    """JSON carries the columns with their transform, the rows, and what the release rests on."""
    response = await ask(world, "application/json")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "columns": [
            {"name": "n", "type": "integer", "transform": "clear"},
            {"name": "code", "type": "string", "transform": "clear"},
        ],
        "rows": [[0, "c0"], [1, "c1"], [2, "c2"]],
        "release": {
            "id": "0190c0de-0000-7000-8000-000000000001",
            "audit_seq": 100,
            "policy_revision": "policy-7",
            "consent_seq": 41,
            "rows": 3,
            "complete": True,
        },
    }


async def test_json_is_one_page_and_admits_that_there_is_more(world: World) -> None:
    """JSON stops after the first page, says that it is not complete, and reads no further."""
    release = world.gateway.release = FakeRelease([batch(5), batch(5, 5), batch(5, 10)])
    answer = (await ask(world, "application/json")).json()
    assert (answer["release"]["rows"], answer["release"]["complete"]) == (5, False)
    assert (release.read, release.closed) == (1, True)


async def test_ndjson_ends_with_a_line_that_says_complete(world: World) -> None:
    """NDJSON leaves page by page and its last line tells completeness and rows."""
    world.gateway.release = FakeRelease([batch(2), batch(1, 2)])
    response = await ask(world, "application/x-ndjson")
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert lines[:-1] == [{"n": n, "code": f"c{n}"} for n in range(3)]
    assert (lines[-1]["complete"], lines[-1]["rows"]) == (True, 3)


async def test_an_answer_cut_by_max_rows_is_not_complete(world: World) -> None:
    """When the gateway cut the answer, every form that streams says so at its end."""
    world.gateway.release = FakeRelease([batch(2)], complete=False)
    assert json.loads((await ask(world, NDJSON.media_type)).text.splitlines()[-1])["complete"] is False
    assert (await ask(world, CSV.media_type)).headers["sekisho-complete"] == "false"


async def test_csv_of_many_pages_is_whole_with_its_length(world: World) -> None:
    """CSV of several pages is collected, then sent with its length and how many rows it has."""
    world.gateway.release = FakeRelease([batch(2), batch(2, 2)])
    response = await ask(world, "text/csv")
    assert int(response.headers["content-length"]) == len(response.content)
    assert response.headers["sekisho-rows"] == "4"
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    parsed = list(csv.reader(io.StringIO(response.text)))
    assert parsed == [["n", "code"], *([str(n), f"c{n}"] for n in range(4))]


async def test_arrow_marks_its_last_batch(world: World) -> None:
    """The Arrow stream has all batches, and only the last carries ``complete``."""
    world.gateway.release = FakeRelease([batch(4), batch(3, 4)])
    response = await ask(world, ARROW.media_type)
    reader = pa.ipc.open_stream(response.content)
    first, second = (
        reader.read_next_batch_with_custom_metadata(),
        reader.read_next_batch_with_custom_metadata(),
    )
    assert first.batch.to_pydict() == batch(4).to_pydict()
    assert second.batch.to_pydict() == batch(3, 4).to_pydict()
    assert not first.custom_metadata
    assert second.custom_metadata["complete"] == b"true"
    with pytest.raises(StopIteration):
        reader.read_next_batch_with_custom_metadata()


@pytest.mark.parametrize("pages", [1, 3])
async def test_parquet_round_trips(world: World, pages: int) -> None:
    """A Parquet answer reads back as the same table, of one page or several."""
    world.gateway.release = FakeRelease([batch(2, 2 * i) for i in range(pages)])
    response = await ask(world, PARQUET.media_type)
    table = pq.read_table(io.BytesIO(response.content))
    assert table.to_pydict() == batch(2 * pages).to_pydict()
    assert response.headers["sekisho-complete"] == "true"


@pytest.mark.parametrize("transform", [TransformKind.PSEUDONYM, TransformKind.TOKEN, TransformKind.HMAC])
async def test_parquet_makes_no_dictionary_of_what_hardly_repeats(world: World, transform: TransformKind) -> None:
    """Values that are made with keys stand as they are in Parquet; of other columns there is a dictionary."""

    class Keyed(FakeRelease):
        @property
        def columns(self) -> tuple[Output, ...]:
            return Output("n", None, transform), Output("code", None, TransformKind.CLEAR)

    world.gateway.release = Keyed([batch(2)])
    response = await ask(world, PARQUET.media_type)
    group = pq.ParquetFile(io.BytesIO(response.content)).metadata.row_group(0)
    assert [group.column(i).has_dictionary_page for i in range(2)] == [False, True]


@pytest.mark.parametrize("form", [NDJSON, CSV, ARROW, PARQUET], ids=lambda f: f.name)
async def test_forms_other_than_json_carry_the_release_in_headers(world: World, form) -> None:
    """Release id, policy revision and consent sequence stand in headers; pages have the contract's size."""
    response = await ask(world, form.media_type)
    assert response.headers["sekisho-release-id"] == "0190c0de-0000-7000-8000-000000000001"
    assert response.headers["sekisho-policy-revision"] == "policy-7"
    assert response.headers["sekisho-consent-seq"] == "41"
    assert world.gateway.asked[-1][2] == {ARROW: 32_768, PARQUET: 65_536}.get(form, 10_000)


@pytest.mark.parametrize("form", [JSON, NDJSON, CSV, ARROW, PARQUET], ids=lambda f: f.name)
async def test_no_rows_is_an_answer_in_every_form(world: World, form) -> None:
    """An answer without rows has a head and an end like any other."""
    world.gateway.release = FakeRelease([batch(0)])
    response = await ask(world, form.media_type)
    assert response.status_code == 200
    if form is CSV:
        assert response.text == '"n","code"\r\n'
    if form is ARROW:
        assert pa.ipc.open_stream(response.content).read_all().num_rows == 0
    if form is PARQUET:
        assert pq.read_table(io.BytesIO(response.content)).num_rows == 0


VALUES = pa.record_batch(
    {
        "when": pa.array([datetime(2011, 12, 9, 12, 50, tzinfo=UTC), None], pa.timestamp("us")),
        "zoned": pa.array(
            [datetime(2011, 12, 9, 9, 0, tzinfo=timezone(timedelta(hours=9))), None],
            pa.timestamp("us", "Asia/Tokyo"),
        ),
        "day": pa.array([date(2011, 12, 9), None]),
        "ratio": pa.array([float("nan"), -1.5]),
        "limit": pa.array([float("inf"), float("-inf")]),
        "sum": pa.array([Decimal(-12), None], pa.decimal128(38, 0)),
        "price": pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)),
        "raw": pa.array([b"\xff\x00", None]),
        "kept": pa.array([True, None]),
        "kind": pa.array(["a", None]).dictionary_encode(),
        "list": pa.array([[1, 2], None]),
        "nothing": pa.nulls(2),
        "name": pa.array(['山田, "花子"', ""]),
    }
)
EARLIEST = datetime(1900, 1, 1)  # noqa: DTZ001 - Hypothesis takes naive bounds
AS_JSON = [
    [
        "2011-12-09T12:50:00Z", "2011-12-09T00:00:00Z", "2011-12-09", None, None, -12, 1.1, "/wA=", True, "a",
        "[1,2]", None, '山田, "花子"',
    ],
    [None, None, None, -1.5, None, None, None, None, None, None, None, None, ""],
]  # fmt: skip


@pytest.mark.parametrize("small", [64, 0], ids=["lists", "frame"])
async def test_every_type_has_one_spelling_in_json(world: World, monkeypatch, small: int) -> None:
    """Instants are UTC, non-finite numbers null, bytes base64, whichever way rows are built."""
    monkeypatch.setattr(rows, "_SMALL", small)
    world.gateway.release = FakeRelease([VALUES])
    assert (await ask(world, JSON.media_type)).json()["rows"] == AS_JSON


def test_ndjson_spells_values_like_json() -> None:
    """NDJSON has the same values as JSON."""
    lines = [json.loads(line) for line in ndjson_lines(VALUES).splitlines()]
    assert [list(line.values()) for line in lines] == AS_JSON
    assert list(lines[0]) == VALUES.schema.names


def test_csv_spells_values() -> None:
    """CSV has instants in UTC and exact decimals; missing is empty, and an empty text is quoted."""
    text = csv_lines(VALUES).decode()
    first, second = text.removesuffix("\r\n").split("\r\n")
    assert first == (
        '2011-12-09T12:50:00Z,2011-12-09T00:00:00Z,2011-12-09,,,-12,1.10,/wA=,true,a,"[1,2]",,"山田, ""花子"""'
    )
    assert second == ',,,-1.5,,,,,,,,,""'


@pytest.mark.parametrize(
    "start",
    [
        "=",
        "+",
        "-",
        "@",
        "\t",
        "\r",
        "\n",
        "＝",
        "＋",
        "－",
        "＠",
        " =",
        "\u3000=",
        "'=",
        '"=',
        "\u200b@",
        "\ufeff+",
        "'＝",
    ],
    ids=ascii,
)
def test_csv_texts_do_not_run_in_a_spreadsheet(start: str) -> None:
    """A text or a heading that starts like a formula gets an apostrophe; a negative number does not."""
    cells = pa.record_batch({"a": pa.array([start + "1+1", None]), "b": pa.array([-5, 5])})
    parsed = list(csv.reader(io.StringIO(csv_lines(cells).decode(), newline="")))
    assert parsed == [["'" + start + "1+1", "-5"], ["", "5"]]
    assert next(csv.reader(io.StringIO(csv_header([start + "x"]).decode(), newline=""))) == ["'" + start + "x"]


@given(st.text(alphabet=st.sampled_from("=+-@＝'\" \t\n\u200b\u3000a1"), max_size=6))
def test_csv_escapes_can_be_undone(text: str) -> None:
    """An apostrophe in front of what would run is ours, and no other: taking it off gives every text back."""
    line = csv_lines(pa.record_batch({"a": pa.array([text])})).decode()
    ((cell,),) = csv.reader(io.StringIO(line, newline=""))
    undone = cell[1:] if cell.startswith("'") and FORMULA_START.match(cell[1:]) else cell
    assert undone == text
    assert not FORMULA_START.match(cell) or cell.startswith("'")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.text()),
            st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
            st.one_of(st.none(), st.floats()),
            st.one_of(st.none(), st.datetimes(min_value=EARLIEST)),
        ),
        max_size=8,
    )
)
def test_lists_and_frames_give_equal_rows(data: list[tuple[object, ...]]) -> None:
    """Few rows and many rows take different ways to the same values, and NDJSON has them too."""
    table = pa.record_batch(
        [
            pa.array([row[i] for row in data], kind)
            for i, kind in enumerate((pa.string(), pa.int64(), pa.float64(), pa.timestamp("us")))
        ],
        names=["t", "i", "f", "w"],
    )
    as_lists = json_rows(table)
    plain = [rows._plain(column) for column in table.columns]
    as_frame = rows._frame(plain, ["0", "1", "2", "3"]).rows()
    assert as_lists == as_frame
    lines = [json.loads(line) for line in ndjson_lines(table).decode().split("\n") if line]
    assert [(line["t"], line["i"], line["f"]) for line in lines] == [row[:3] for row in as_lists]
    instants = [None if line["w"] is None else datetime.fromisoformat(line["w"]) for line in lines]
    assert instants == [None if row[3] is None else row[3].replace(tzinfo=UTC) for row in as_lists]
    cells = csv.reader(io.StringIO(csv_lines(table).decode(), newline=""))
    assert [cell[1] for cell in cells] == ["" if row[1] is None else str(row[1]) for row in data]


@given(st.lists(st.sampled_from(["a", "a_2", "b", "a_3", ""]), max_size=8))
def test_repeated_names_become_unique(names: list[str]) -> None:
    """Columns of one name stay apart in NDJSON, and a first one keeps its name."""
    unique = unique_names(names)
    assert len(set(unique)) == len(names)
    assert all(unique[names.index(name)] == name for name in names)


async def test_repeated_column_names_survive(world: World) -> None:
    """Two output columns of one name are two columns in JSON and CSV, and numbered in NDJSON."""
    twice = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    world.gateway.release = FakeRelease([twice])
    assert (await ask(world, JSON.media_type)).json()["rows"] == [[1, 2]]
    assert (await ask(world, CSV.media_type)).text == '"a","a"\r\n1,2\r\n'
    assert json.loads((await ask(world, NDJSON.media_type)).text.splitlines()[0]) == {"a": 1, "a_2": 2}


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/*", CSV),
        ("TEXT/CSV", CSV),
        ("application/x-ndjson, */*;q=0.1", NDJSON),
        ("application/json;q=0.5, application/vnd.apache.arrow.stream", ARROW),
        ("application/json;q=0, */*", NDJSON),
        ("application/x-ndjson, */*", NDJSON),
        ("*/*, text/csv", CSV),
        ("application/*, text/*", JSON),
        ("text/csv;q=0.9, */*", JSON),
        ("", JSON),
        ("application/vnd.apache.parquet;q=0.3, image/png", PARQUET),
    ],
)
def test_accept_chooses_the_form(accept: str | None, form) -> None:
    """The highest weight wins, then what is named, then the order of preference; nothing asked means JSON."""
    assert negotiate(accept) is form


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "text/csv;q=nan", "application/json;q=x", ","])
def test_an_unknown_form_is_refused(accept: str) -> None:
    """An Accept that nothing fits is an invalid request that names what there is."""
    with pytest.raises(InvalidRequest, match=r"application/vnd\.apache\.parquet"):
        negotiate(accept)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (pa.bool_(), ColumnType.BOOLEAN),
        (pa.uint8(), ColumnType.INTEGER),
        (pa.decimal128(38, 0), ColumnType.INTEGER),
        (pa.decimal128(10, 2), ColumnType.DOUBLE),
        (pa.float32(), ColumnType.DOUBLE),
        (pa.date32(), ColumnType.DATE),
        (pa.timestamp("s"), ColumnType.TIMESTAMP),
        (pa.string(), ColumnType.STRING),
    ],
)
def test_types_that_the_catalogue_does_not_know_are_named(kind: pa.DataType, word: ColumnType) -> None:
    """A computed column has the word for what its JSON values are."""
    assert _word(kind) is word


FAR = {
    "dates": (pa.date32(), (15_317, 2_932_897, -719_163, -735_108, 2**31 - 1, 1 - 2**31, None)),
    "instants": (
        pa.timestamp("us"),
        (1_323_419_160_000_000, 253_402_300_800_000_000, -62_135_596_800_000_001, 2**63 - 1, 1 - 2**63, None),
    ),
    "zoned": (pa.timestamp("ms", "Asia/Tokyo"), (1_323_419_160_000, 253_402_300_800_000, -(2**63) + 1, None)),
    "seconds": (pa.timestamp("s"), (1_323_419_160, 2**55, None)),
}
WRITTEN = {
    "dates": ["2011-12-09", "+010000-01-01", "+000000-12-31", "-000043-05-06", "9999-12-31", "0001-01-01", None],
    "instants": [
        "2011-12-09T08:26:00Z", "+010000-01-01T00:00:00Z", "+000000-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", None,
    ],
    "zoned": ["2011-12-09T08:26:00Z", "+010000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", None],
    "seconds": ["2011-12-09T08:26:00Z", "+1141709097-06-13T06:26:08Z", None],
}  # fmt: skip


@pytest.mark.parametrize("times", [1, 30], ids=["few rows", "many rows"])
@pytest.mark.parametrize("what", FAR)
def test_days_beyond_the_calendar_are_written(what: str, times: int) -> None:
    """What no four digits of a year can say has more of them, alike in JSON, NDJSON and CSV; infinity is the end."""
    kind, counted = FAR[what]
    raw = pa.array(counted * times, pa.int32() if pa.types.is_date(kind) else pa.int64())
    table, written = pa.record_batch({"c": raw.cast(kind)}), WRITTEN[what] * times
    assert [row[0] for row in json_rows(table)] == written
    assert [orjson.loads(line)["c"] for line in ndjson_lines(table).splitlines()] == written
    assert [line or None for line in csv_lines(table).decode().splitlines()] == written


def test_sums_too_large_for_integers_stay_numbers() -> None:
    """A sum of more than 64 bits becomes a double instead of an error."""
    table = pa.record_batch({"s": pa.array([Decimal(10) ** 30], pa.decimal128(38, 0))})
    assert json_rows(table) == [(1e30,)]


def test_frames_are_what_the_fast_path_uses() -> None:
    """The frame keeps column order and types that serialise."""
    assert isinstance(rows._frame([pa.array([1])], ["x"]), pl.DataFrame)
