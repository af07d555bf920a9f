"""An export is the log: any range in any form holds what the database holds, and any changed file is named."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import random
import re
import shutil
import sqlite3
import unicodedata
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ocsf.v1_7_0.events import ApiActivity, DatastoreActivity

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.exports.columns import csv_head, csv_rows
from sekisho.adapters.records.exports.proving import TreeProving
from sekisho.adapters.records.exports.writing import Exported, write_export
from sekisho.audit_verify import Outcome, verify_export
from sekisho.consents.processing_forms import _cell
from sekisho.domain.audit_export import EVENTS_FILES, ExportFormat, ExportOrder
from sekisho.domain.record import leaf_hash
from tests.adapters.records.export_world import START, SetClock, entries, opened_log

RANGES = int(os.environ.get("SEKISHO_TEST_EXPORTS", "12"))
"""How many ranges are exported; ``make attacks`` takes more."""
Edge = datetime | int | None
EDGES = st.one_of(
    st.none(), st.integers(-100, 500).map(lambda minutes: START + timedelta(minutes=minutes)), st.integers(0, 36)
)
"""Where a range begins or ends: nowhere, at some time, or at the very time of a record."""


@dataclass(frozen=True)
class Written:
    """A log that was written by two writers, and closed."""

    folder: Path
    keys: FileKeyRing
    records: list[bytes]

    def instant(self, edge: Edge) -> datetime | None:
        """Return the time of an edge of a range."""
        if isinstance(edge, int):
            return datetime.fromisoformat(json.loads(self.records[edge])["at"])
        return edge

    def between(self, since: datetime | None, until: datetime | None) -> list[bytes]:
        """Return the records of a time range, by what they say themselves."""
        return [
            record
            for record in self.records
            if (at := datetime.fromisoformat(json.loads(record)["at"]))
            and (since is None or since <= at)
            and (until is None or at < until)
        ]

    def holding(self, part: list[bytes], since: datetime | None) -> list[bytes]:
        """Return the records from the first to the last of *part*, without holes; without *since* from the beginning.

        Whatever the clock of its writer said, the first record is the beginning.
        """
        if not part:
            return []
        first = 0 if since is None else self.records.index(part[0])
        return self.records[first : self.records.index(part[-1]) + 1]

    async def export(self, order: ExportOrder, folder: Path) -> Exported:
        """Write an export."""
        database = Database(f"sqlite:///{self.folder}/own.db")
        try:
            log = SqlAuditLog(database, self.keys, SetClock(), self.folder / "heads")
            tree = AuditTree(database, self.keys, self.folder / "tree", self.folder / "heads")
            return await write_export(log, order, folder, proving=TreeProving(tree))
        finally:
            await database.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Written:
    """Records of every kind, by two writers, one of whose clocks goes to and fro."""
    folder = tmp_path_factory.mktemp("is-log")
    url = f"sqlite:///{folder}/own.db"
    migrate(url)
    keys = FileKeyRing.create(folder / "keys")

    async def live() -> None:
        database, chance, one, other = Database(url), random.Random(7), SetClock(), SetClock()
        async with (
            opened_log(database, keys, folder, one) as first,
            opened_log(database, keys, folder, other) as second,
        ):
            for number, entry in enumerate(entries()):
                one.instant = START + timedelta(minutes=7 * number)
                other.instant = one.instant + timedelta(minutes=chance.randrange(-60, 61))
                await (first, second)[number % 2].append(entry)
        await AuditTree(database, keys, folder / "tree", folder / "heads").advance()
        await database.close()

    asyncio.run(live())
    with closing(sqlite3.connect(folder / "own.db")) as own:
        records = [bytes(record) for (record,) in own.execute("SELECT record FROM audit_record ORDER BY seq")]
    return Written(folder, keys, records)


def events_in(folder: Path, form: ExportFormat) -> list[bytes]:
    """Return what identifies the record of each event: its bytes, or its leaf hash where a form has no more."""
    path = folder / EVENTS_FILES[form]
    if form is ExportFormat.PARQUET:
        return [bytes(record) for record in pq.read_table(path)["record"].to_pylist()]
    if form is ExportFormat.CSV:
        return [row["record"].encode() for row in csv.DictReader(io.StringIO(path.read_text("utf-8"), newline=""))]
    lines = path.read_bytes().splitlines()
    if form is ExportFormat.CEF:
        return [re.search(rb" cs6=([0-9a-f]{64}) ", line)[1] for line in lines]  # type: ignore[index]
    if form is ExportFormat.OCSF:
        events = [json.loads(line) for line in lines]
        for event in events:
            (DatastoreActivity if event["class_uid"] == 6005 else ApiActivity).model_validate(event)
        attested = [event["unmapped"]["record_integrity"]["attestation_list"] for event in events]
        return [one["fingerprint"]["value"].encode() for (one,) in attested]
    return lines


def check(written: Written, begins: Edge, ends: Edge, form: ExportFormat, at: float) -> None:
    """Export a range, hold it against the log, and change each file of it."""
    since, until = written.instant(begins), written.instant(ends)
    folder, key = written.folder / "export", written.keys.verification_key()
    shutil.rmtree(folder, ignore_errors=True)
    done = asyncio.run(written.export(ExportOrder(form, since, until), folder))
    expected = written.between(since, until)
    if form is ExportFormat.RAW:
        expected = written.holding(expected, since)
    if form in {ExportFormat.OCSF, ExportFormat.CEF}:
        assert events_in(folder, form) == [leaf_hash(record).hex().encode() for record in expected]
    else:
        assert events_in(folder, form) == expected
    manifest = json.loads((folder / "manifest.json").read_bytes())
    verdict = verify_export(folder, key)
    assert verdict.ok, verdict
    assert verdict.records == done.records == manifest["records"] == len(expected)
    assert manifest["files"].keys() | {"manifest.json", "manifest.note"} == {path.name for path in folder.iterdir()}
    for path in folder.iterdir():
        whole = path.read_bytes()
        for changed in changes(whole, at):
            path.write_bytes(changed)
            found = verify_export(folder, key)
            if path.name == "manifest.note":  # its key, too, may be another one now
                assert found.outcome in {Outcome.TAMPERED, Outcome.UNTRUSTED}, (path.name, found)
            else:
                assert found.outcome.value == 1, (path.name, found)
                assert path.name in found.finding or found.bad is not None, found
        path.write_bytes(whole)
    assert verify_export(folder, key).ok


def changes(whole: bytes, at: float) -> list[bytes]:
    """Return *whole* with a byte flipped, taken out and put in, and with its end cut off."""
    if not whole:
        return [b"\n"]
    place = int(at * (len(whole) - 1))
    flipped = whole[:place] + bytes([whole[place] ^ 0x01]) + whole[place + 1 :]
    return [flipped, whole[:place] + whole[place + 1 :], whole[:place] + b"0" + whole[place:], whole[:-1]]


@settings(max_examples=RANGES, deadline=None, derandomize=True)
@given(EDGES, EDGES, st.sampled_from(list(ExportFormat)), st.floats(0, 1))
@example(None, START, ExportFormat.RAW, 0.5)  # the second writer's clock was behind when it began
def test_any_range_in_any_form_is_the_log_and_each_changed_file_is_named(written, begins, ends, form, at):
    """The same records in the same order; the count agrees everywhere; whatever is changed, verification says 1."""
    check(written, begins, ends, form, at)


@pytest.mark.long
@settings(max_examples=1_000, deadline=None)
@given(EDGES, EDGES, st.sampled_from(list(ExportFormat)), st.floats(0, 1))
def test_a_thousand_ranges_are_the_log(written, begins, ends, form, at):
    """The same, as often as takes minutes."""
    check(written, begins, ends, form, at)


# Cells -----------------------------------------------------------------------------------------------

STARTS = "=+-@＝＋－＠﹦﹢﹣﹫⁼⁺⁻\t\r\n \u00a0\u3000'\"\u200b\u2060\ufeff\u00ad\u202e\0\x0b1a|%"
CELLS = st.text(st.sampled_from(STARTS), max_size=6).map(lambda start: f"{start}SUM(A1)")


def runs(cell: str) -> bool:
    """Return whether a spreadsheet could take *cell* for a formula: by Unicode's own tables, not by our rule."""
    plain = unicodedata.normalize("NFKC", cell)
    if cell.startswith("'"):
        return False  # that is how spreadsheets mark text
    start = next((c for c in plain if not (c.isspace() or c in "'\"" or unicodedata.category(c) in {"Cf", "Cc"})), "")
    return start in set("=+-@") or cell[:1] in set("\t\r\n")


@settings(max_examples=200, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=8))
@example(["=1", "+1", "-1", "@A1", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠A1", "﹦1", "\u200b=1", "\0=1"])
def test_no_cell_of_a_table_is_a_formula(texts):
    """What could be run has an apostrophe in front: in the table of the log, and in the records of processing."""
    own = {"v": 1, "id": "i", "seq": 1, "writer": "w", "wseq": 0, "prev": "ab", "at": "2026-11-02T09:00:00.000000Z"}
    # Past the log's own refusal of control characters: as if somebody had put them there by hand.
    records = [
        orjson.dumps({**own, "kind": text, "requester": text, "reasons": [text], "policy": {"revision": text}})
        for text in texts
    ]
    table = list(csv.reader(io.StringIO((csv_head() + csv_rows(records)).decode(), newline="")))
    assert len(table) == len(records) + 1
    assert [cell for row in table for cell in row if runs(cell)] == []
    assert [text for text in texts if runs(str(_cell(text)))] == []
