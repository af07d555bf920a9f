"""The forms of an export: what other programs make of them."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl
import pytest
from ocsf.v1_7_0.events import ApiActivity, DatastoreActivity

from sekisho.adapters.records.exports.cef import cef_lines
from sekisho.adapters.records.exports.columns import SCHEMA, csv_head, csv_rows, record_batch
from sekisho.adapters.records.exports.ocsf import ocsf_lines
from sekisho.domain.record import canonical, leaf_hash, subject_digest, timestamp
from tests.adapters.records.export_world import FORMULAS, START, entries


def records() -> list[bytes]:
    """Return every kind of entry as a record, and the kinds that the log writes itself."""
    made = [(entry.kind, dict(entry.fields)) for entry in entries()]
    made += [("writer.open", {"key": "k"}), ("writer.heartbeat", {}), ("gap", {"refused": {"access.release": 3}})]
    found = []
    for seq, (kind, fields) in enumerate(made, start=1):
        refs = fields.get("subjects")
        if isinstance(refs, list):
            fields["subjects"] = {"n": len(refs), "digest": subject_digest(bytes.fromhex("".join(sorted(refs))))}
        own = {"v": 1, "id": f"id-{seq}", "seq": seq, "writer": "w", "wseq": seq - 1, "prev": "ab" * 32, "kind": kind}
        found.append(canonical({**fields, **own, "at": timestamp(START + timedelta(seconds=seq))}))
    return found


@cache
def schema() -> dict[str, Any]:
    """Return OCSF 1.7.0 as the validator carries it."""
    read: dict[str, Any] = json.loads((files("ocsf") / "schemas" / "v1_7_0.json").read_text("utf-8"))
    return read


def attributes(kind: str, name: str) -> dict[str, Any]:
    """Return the attributes of a class or object, inherited ones too."""
    known = schema()[kind].get(name, {})
    above = known.get("extends")
    return {**(attributes(kind, above) if above and above != name else {}), **known.get("attributes", {})}


def unknown_in(value: object, known: dict[str, Any], where: str = "") -> list[str]:
    """Return what of *value* OCSF has no attribute for; what stands under ``unmapped`` is free."""
    if isinstance(value, list):
        return [fault for each in value for fault in unknown_in(each, known, where)]
    if not isinstance(value, dict):
        return []
    faults = []
    for name, inner in value.items():
        if name not in known:
            faults.append(f"{where}.{name}")
        elif name != "unmapped":
            kind = schema()["dictionary"]["attributes"].get(name, {}).get("type", "")
            if kind in schema()["objects"]:
                faults += unknown_in(inner, attributes("objects", kind), f"{where}.{name}")
    return faults


# Attributes of the profile security_control, which the validator's classes do not list (OCSF 1.7.0).
PROFILE: dict[str, Any] = {"action_id": {}, "disposition_id": {}, "policy": {}, "authorizations": {}}
EVENTS = [json.loads(line) for line in ocsf_lines(records()).splitlines()]
KINDS = [event["metadata"]["event_code"] for event in EVENTS]


@pytest.mark.parametrize("event", EVENTS, ids=[f"{n}-{kind}" for n, kind in enumerate(KINDS)])
def test_every_event_is_ocsf(event):
    """Each event passes the validator, is of the class of its kind, and has no attribute that OCSF does not know."""
    asked = event["metadata"]["event_code"].startswith("access.")
    model, name = (DatastoreActivity, "datastore_activity") if asked else (ApiActivity, "api_activity")
    model.model_validate(event)
    assert event["class_uid"] == (6005 if asked else 6003)
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    known = attributes("events", name) | (PROFILE if asked else {})
    assert unknown_in(event, known) == []
    if asked:  # what the schema calls at_least_one, which the validator does not look at
        assert {"database", "table", "databucket"} & event.keys()
        assert event["metadata"]["profiles"] == ["security_control"]
    assert {"user", "app_name"} & event["actor"].keys()


def test_the_validator_can_fail():
    """Without the required attributes, or with another type, no event passes."""
    good = next(event for event in EVENTS if event["class_uid"] == 6005)
    for spoilt in (
        {k: v for k, v in good.items() if k != "src_endpoint"},
        {**good, "type_uid": 600501},
        {**good, "query_info": {"name": "x"}},
        {**good, "time": "yesterday"},
    ):
        with pytest.raises(ValueError, match="validation error"):
            DatastoreActivity.model_validate(spoilt)
    assert unknown_in({**good, "table": {"nonsense": 1}}, attributes("events", "datastore_activity") | PROFILE) == [
        ".table.nonsense"
    ]


def test_a_release_says_what_was_decided_and_never_a_literal():
    """Masked is Modified and Corrected, clear is Allowed, a no is Denied; the statement is its fingerprint."""
    by_id = dict(zip(range(1, 100), EVENTS, strict=False))
    masked, unregistered, denied = by_id[1], by_id[9], by_id[10]
    assert (masked["action_id"], masked["disposition_id"], masked["status_id"]) == (4, 11, 1)
    assert (unregistered["action_id"], unregistered["disposition_id"], unregistered["status_id"]) == (2, 26, 2)
    assert (denied["action_id"], denied["disposition_id"], denied["status_code"]) == (2, 2, "access_denied")
    assert re.fullmatch("[0-9a-f]{64}", masked["query_info"]["query_string"])
    assert masked["time"] == round((START + timedelta(seconds=1)).timestamp() * 1000)
    assert masked["unmapped"]["purpose"] == "recommendation"
    assert masked["unmapped"]["consent"]["seq"] == 7
    attested = masked["unmapped"]["record_integrity"]["attestation_list"][0]
    assert attested["fingerprint"]["value"] == leaf_hash(records()[0]).hex()
    clear = json.loads(records()[0]) | {"columns": {"pos.order_lines.country": "clear"}}
    event = json.loads(ocsf_lines([canonical(clear)]))
    assert (event["action_id"], event["disposition_id"]) == (1, 1)


def test_references_of_people_are_in_no_event():
    """What leads back to people, and what is only bulk, stays in the raw form."""
    fields = json.loads(records()[0]) | {"kind": "consent.give", "subject_ref": "8c3dfe1aa03e93fc56fd970ca02ccc21"}
    text = ocsf_lines([canonical(fields)]) + cef_lines([canonical(fields)])
    assert b"8c3dfe1aa03e93fc56fd970ca02ccc21" not in text


# CEF -------------------------------------------------------------------------------------------------

_PARTS = re.compile(r"(?<!\\)(?:\\\\)*\|")


def parsed(line: str) -> tuple[list[str], dict[str, str]]:
    """Return header and extension of a line as a reader of ArcSight's specification takes them."""
    header, rest, escaped = [], line, False
    field = ""
    for at, character in enumerate(line):
        if escaped:
            field, escaped = field + character, False
        elif character == "\\":
            escaped = True
        elif character == "|":
            header.append(field)
            field = ""
            if len(header) == 7:
                rest = line[at + 1 :]
                break
        else:
            field += character
    extension = {}
    keys = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", rest))
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        value = rest[key.end() : None if following is None else following.start()]
        extension[key[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), value)
    return header, extension


def test_cef_is_one_line_for_each_record_with_seven_parts_before_the_extension():
    """Header and extension are read back as they were meant, in every record."""
    lines = cef_lines(records()).decode().splitlines()
    assert len(lines) == len(records())
    for line, record in zip(lines, map(json.loads, records()), strict=True):
        header, extension = parsed(line)
        assert header[0] == "CEF:0"
        assert (len(header), header[4]) == (7, record["kind"])
        assert extension["cn1"] == str(record["seq"])
        assert extension.get("suser") == record.get("requester")
        assert extension.get("cs1") == record.get("purpose")


@pytest.mark.parametrize("text", ["a|b", "a\\b", "a=b", "a\\", "x act=permit", "\\=", "|=\\|"], ids=range(7))
def test_cef_escapes_what_would_end_a_field(text):
    """A pipe, a backslash and an equals sign in a value forge no field; in the kind they forge no header."""
    record = json.loads(records()[0]) | {"requester": text, "kind": "access.release|9|evil"}
    header, extension = parsed(cef_lines([canonical(record)]).decode().rstrip("\n"))
    assert (header[4], header[6]) == ("access.release|9|evil", "1")
    assert extension["suser"] == text
    assert extension["act"] == "permit"


def test_cef_keeps_line_breaks_out():
    """A record has no control characters; one that somebody put there by hand still makes no second event."""
    record = records()[0].replace(b'"recommender"', b'"a\\nCEF:0|x"')
    assert cef_lines([record]).count(b"\n") == 1


# Tables ----------------------------------------------------------------------------------------------


def test_csv_cells_are_no_formulas():
    """A text that a spreadsheet would run has an apostrophe in front, numbers and other texts are as they were."""
    rows = list(csv.DictReader(io.StringIO((csv_head() + csv_rows(records())).decode(), newline="")))
    assert list(rows[0]) == SCHEMA.names
    told = [
        row["purpose"] for row in rows if json.loads(row["record"])["purpose" if row["purpose"] else "v"] in FORMULAS
    ]
    assert told == [f"'{text}" for text in FORMULAS]
    for row in rows:
        assert not [cell for cell in row.values() if re.match(r"[=+\-@\t\r＝＋－＠]", cell)]
    assert rows[0]["rows"] == "10"
    assert rows[0]["datasets"] == "pos.order_lines web.events"
    assert [row["record"].encode() for row in rows] == records()


def test_the_table_has_types_and_the_record_itself():
    """Times, numbers and lists are what they are; the bytes of the record are its last column."""
    frame = pl.from_arrow(record_batch(records()))
    assert isinstance(frame, pl.DataFrame)
    first = frame.row(0, named=True)
    assert first["at"] == datetime(2026, 11, 2, 9, 0, 1, tzinfo=UTC)
    assert (first["rows"], first["people"], first["consent_seq"], first["policy_revision"]) == (
        10, 0, 7, "d56d5203209d853b",
    )  # fmt: skip
    assert first["datasets"] == ["pos.order_lines", "web.events"]
    assert frame["record"].to_list() == records()
    assert frame["leaf_hash"].to_list() == [leaf_hash(record) for record in records()]


def test_a_field_of_another_type_is_left_out_of_its_column():
    """A record that says something odd in a field stops no export; the record itself has it."""
    odd = canonical(
        json.loads(records()[0]) | {"rows": "many", "purpose": 3, "datasets": "x", "policy": [], "bytes": True}
    )
    frame = pl.from_arrow(record_batch([odd]))
    assert isinstance(frame, pl.DataFrame)
    row = frame.row(0, named=True)
    assert (row["rows"], row["purpose"], row["datasets"], row["policy_revision"], row["bytes"]) == (None,) * 5
    assert row["record"] == odd
    assert ocsf_lines([odd])
    assert cef_lines([odd])
