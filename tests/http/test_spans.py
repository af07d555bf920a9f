"""Spans of time, and lists, are told in every form."""

from __future__ import annotations

import io

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.fakes import FakeRelease
from tests.http.conftest import QUERY, REQUESTER, World, client_of

from sekisho.http.formats import CSV, JSON, NDJSON, PARQUET, Format
from sekisho.http.rows import json_rows


async def ask(world: World, media_type: str) -> httpx.Response:
    async with client_of(world.app, Accept=media_type, **REQUESTER) as client:
        return await client.post("/v1/query", json=QUERY)


SPANS = pa.array([pa.MonthDayNano([14, -3, 3_723_500_000_000]), None, pa.MonthDayNano([0, 0, 0])])


@pytest.mark.parametrize("written", [JSON, NDJSON, CSV, PARQUET], ids=lambda form: form.name)
async def test_a_span_of_time_is_told_as_iso_8601_has_it(world: World, written: Format) -> None:
    """What two instants are apart in DuckDB is told in every form, in words that are not of Python."""
    world.gateway.release = FakeRelease([pa.record_batch({"span": SPANS})])
    response = await ask(world, written.media_type)
    assert response.status_code == 200
    if written is PARQUET:
        assert pq.read_table(io.BytesIO(response.content))["span"].to_pylist() == ["P1Y2M-3DT1H2M3.5S", None, "PT0S"]
    else:
        assert "P1Y2M-3DT1H2M3.5S" in response.text
        assert "MonthDayNano" not in response.text


@pytest.mark.parametrize(
    ("months", "days", "nanoseconds", "told"),
    [
        (0, 0, 0, "PT0S"),
        (12, 0, 0, "P1Y"),
        (-13, 0, 0, "P-1Y-1M"),
        (0, 5, 0, "P5D"),
        (0, 0, -1_000, "PT-0.000001S"),
        (0, 0, -5_400_000_000_000, "PT-1H-30M"),
        (0, 2, 86_400_000_000_000, "P2DT24H"),
    ],
)
def test_a_span_has_the_sign_at_each_part(months: int, days: int, nanoseconds: int, told: str) -> None:
    """Months, days and time are apart, each with its own sign."""
    spans = pa.array([pa.MonthDayNano([months, days, nanoseconds])])
    assert json_rows(pa.record_batch({"span": spans})) == [(told,)]


@pytest.mark.parametrize("written", [JSON, NDJSON, CSV], ids=lambda form: form.name)
async def test_a_list_of_far_dates_is_told(world: World, written: Format) -> None:
    """A date beyond the years of Python within a list is told as one by itself is."""
    dates = pa.array([[-719_163, 0], None, [2_932_897, None]], pa.list_(pa.int32())).cast(pa.list_(pa.date32()))
    world.gateway.release = FakeRelease([pa.record_batch({"days": dates})])
    response = await ask(world, written.media_type)
    assert response.status_code == 200
    assert "+010000-01-01" in response.text
    assert "1970-01-01" in response.text
