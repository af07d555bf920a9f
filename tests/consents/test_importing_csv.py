"""A CSV says what NDJSON says."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.consents.import_house import MARK, House, ndjson, open_house, said

from sekisho.consents.import_lines import ImportFormat
from sekisho.errors import InvalidRequest


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """An empty house over SQLite."""
    opened = open_house(f"sqlite:///{tmp_path}/records.db")
    yield opened
    await opened.database.close()


def as_csv(rows: list[dict[str, str]], columns: list[str], **options: Any) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", **options)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


async def test_csv_says_the_same_as_ndjson(house, tmp_path):
    """Both formats record the same events, nested fields by column or as JSON, with a byte order mark or without."""
    lines = [
        said("customer_id:1", "recommendation", "give", 1, scope={"data_category": "purchase"}),
        said("customer_id:2", "lifecycle_email", "give", 2, evidence={"form": "a,b\n「c」"}, locale="ja"),
        said("customer_id:1", "recommendation", "withdraw", 3, actor={"type": "agent", "relation": "mother"}),
        said("customer_id:3", "newsletter", "give", 4, age=40, consent_type="explicit"),
    ]
    rows = [
        {name: value for name, value in line.items() if name not in {"scope", "evidence", "actor"}} for line in lines
    ]
    rows[0]["scope.data_category"] = "purchase"
    rows[1]["evidence"] = json.dumps(lines[1]["evidence"])
    rows[2] |= {"actor.type": "agent", "actor.relation": "mother"}
    columns = list(dict.fromkeys(name for row in rows for name in row))
    await house.run(ndjson(lines))
    expected = [row[1:12] for row in await house.ledger_says()]
    for name, content in {
        "plain": as_csv(rows, columns),
        "quoted": b"\xef\xbb\xbf" + as_csv(rows, columns, quoting=csv.QUOTE_ALL, lineterminator="\n"),
    }.items():
        other = open_house(f"sqlite:///{tmp_path}/{name}.db")
        try:
            report = await other.run(content, file_format=ImportFormat.CSV)
            assert (report["recorded"], report["fault_count"]) == (4, 0)
            assert [row[1:12] for row in await other.ledger_says()] == expected
        finally:
            await other.database.close()


HEADER = b"data_subject,purpose,event,method,occurred_at,notice_version"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(HEADER + b"," + MARK.encode() + b"\n", id="unknown-column"),
        pytest.param(HEADER + b",purpose\n", id="column-twice"),
        pytest.param(b"data_subject,purpose,event,occurred_at\n", id="no-method"),
        pytest.param(
            f"customer_id:{MARK},lifecycle_email,give,paper,2020-01-01T00:00:00Z\n".encode(), id="no-header"
        ),
        pytest.param(HEADER + b"\ncustomer_id:1,\x8a\xe6\x8b\xbd,give,paper,x,1\n", id="not-utf-8"),
        pytest.param(b'"data_subject', id="open-quote"),
    ],
)
async def test_a_csv_that_cannot_be_read_is_refused_whole(house, content):
    """A header or an encoding that cannot be used refuses the file, and quotes nothing of it."""
    with pytest.raises(InvalidRequest) as refusal:
        await house.run(content, file_format=ImportFormat.CSV)
    assert MARK not in refusal.value.detail


async def test_faults_of_a_csv_name_the_line_of_the_file(house):
    """Lines are those of the file, also where a cell spans several, and after one that is no CSV."""
    good = 'customer_id:1,lifecycle_email,give,web_form,2020-01-02T00:00:00Z,1,"a\nb"'
    rows = ["", good, good + ",x", good.replace('"a', '"a"b'), 'x",', good.replace("give", MARK), ""]
    report = await house.run(
        "\n".join([HEADER.decode() + ",evidence.form", *rows]).encode(), file_format=ImportFormat.CSV
    )
    assert {fault["line"] for fault in report["faults"]} >= {6}
    assert MARK not in json.dumps(report)
    assert report["recorded"] == 0
