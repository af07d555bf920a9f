"""PostgreSQL stores: what values become, and what parameters are."""

from __future__ import annotations

import asyncio
from datetime import date, datetime

import pyarrow as pa
import pytest

from sekisho.errors import StatementRefused
from tests.adapters.stores.worker import Worker, plain, statement

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]


async def answer(worker: Worker, sql: str, parameters: dict[str, object] | None = None) -> pa.RecordBatch:
    """Return the only page of an answer without people."""
    asked = statement(sql, (plain(),), hidden=0, projections=(), parameters=parameters)
    (batch,) = await worker.batches(None, worker.trust(asked))
    return batch


AT, BEFORE = datetime.fromisoformat("2011-12-09 08:26"), datetime.fromisoformat("2011-12-08 23:26")

VALUES = {
    "1::smallint": 1,
    "4000000000": 4_000_000_000,
    "1.5::real": 1.5,
    "2.25::numeric": 2.25,
    "sum(i) FROM (VALUES (1), (2)) AS s(i)": 3,
    "true": True,
    "'関所'::varchar(9)": "関所",
    "'a'::char(3)": "a  ",
    "DATE '2011-12-09'": date(2011, 12, 9),
    "TIMESTAMP '2011-12-09 08:26:00.123456'": AT.replace(microsecond=123456),
    "TIMESTAMPTZ '2011-12-09 08:26:00+09'": BEFORE,
    "'6f2c1b1e-7a0e-4a55-9f29-0b8e1f1d2c3b'::uuid": "6f2c1b1e-7a0e-4a55-9f29-0b8e1f1d2c3b",
    "INTERVAL '90 minutes'": "PT1H30M",
    "TIME '08:26'": "08:26:00",
    "'{\"a\": 1}'::jsonb": '{"a": 1}',
    "'\\x00ff'::bytea": b"\x00\xff",
    "'10.0.0.1'::inet": "10.0.0.1",
    "NULL": None,
    "NULL::bigint": None,
}


@pytest.mark.parametrize("expression", VALUES)
async def test_what_the_server_holds_becomes_arrow(worker: Worker, expression: str) -> None:
    """Each type has one form; instants are in UTC and naive, numeric is a double."""
    value, _, table = expression.partition(" FROM ")
    batch = await answer(worker, f"SELECT {value} AS x" + (f" FROM {table}" if table else ""))
    assert batch.column(0).to_pylist() == [VALUES[expression]]
    assert batch.schema.names == ["x"]


@pytest.mark.parametrize("expression", ["ARRAY[1]", "ROW(1, 2)", "int4range(1, 2)", "point(1, 2)"])
async def test_what_has_no_form_is_refused(worker: Worker, expression: str) -> None:
    """A type that answers cannot hold is refused, with what would help."""
    with pytest.raises(StatementRefused, match="cast it to text"):
        await answer(worker, f"SELECT {expression} AS x")


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("bigint", 7, 7), ("text", "関", "関"), ("boolean", True, True), ("double precision", 1, 1.0),
        ("numeric", 2.5, 2.5), ("date", "2011-12-09", date(2011, 12, 9)),
        ("timestamp", "2011-12-09T08:26:00", AT),
        ("timestamp", "2011-12-09T08:26:00+09:00", BEFORE),
        ("timestamptz", "2011-12-09T08:26:00+09:00", BEFORE),
        ("timestamptz", "2011-12-09 08:26", AT),
        ("date", "2011-12-09T08:26:00", date(2011, 12, 9)), ("text", None, None),
    ],
)  # fmt: skip
async def test_parameters_are_values_of_their_type(worker: Worker, kind: str, value: object, told: object) -> None:
    """A parameter reaches the server as what the statement compares it with."""
    batch = await answer(worker, f"SELECT $1::{kind} AS x", {"v0": value})
    assert batch.column(0).to_pylist() == [told]


@pytest.mark.parametrize(("kind", "value"), [("date", "NGsecret"), ("bigint", "NGsecret"), ("text", 771234)])
async def test_a_parameter_that_does_not_fit_is_not_repeated(worker: Worker, kind: str, value: object) -> None:
    """The refusal holds no value, and the connection is used again."""
    with pytest.raises(StatementRefused) as caught:
        await answer(worker, f"SELECT $1::{kind} AS x", {"v0": value})
    assert str(value) not in str(caught.value)
    assert caught.value.__suppress_context__
    await asyncio.gather(*worker.store._settling)
    assert len(worker.store._idle) == 1


async def test_other_columns_than_planned_are_refused(worker: Worker) -> None:
    """An answer with more columns than the plan has none of them released."""
    with pytest.raises(StatementRefused, match="other columns"):
        await answer(worker, "SELECT 1 AS x, 2 AS y")
