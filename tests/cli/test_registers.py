"""``sekisho provisions`` and ``sekisho ropa``."""

from __future__ import annotations

import csv
import io
import json

ADS = "SELECT customer_id, stock_code FROM pos.order_lines LIMIT 5"


def test_what_a_third_party_received_is_listed(workspace, run):
    """A query of the advertising company stands in the register, as JSON and as a table, and in the ROPA."""
    asked = run("query", "-w", workspace, "-r", "ads", "-p", "targeted_advertising", ADS)
    assert asked.code == 0, asked.err
    listed = run("provisions", "-w", workspace, "--json")
    [item] = json.loads(listed.out)["items"]
    assert item["purpose"] == "targeted_advertising"
    table = run("provisions", "-w", workspace, "--requester", "ads", "--as", "auditor").out.splitlines()
    assert len(table) == 2
    assert table[1].split("\t")[-1] == item["id"]
    assert (
        run("provisions", "-w", workspace, "--data-subject", "customer_id:0", "--json").out == '{\n  "items": []\n}\n'
    )

    records = json.loads(run("ropa", "-w", workspace, "--json").out)
    told = {each["purpose"]: each["happened"] for each in records["activities"]}
    assert told["targeted_advertising"][0]["releases"] == 1
    lines = list(csv.reader(io.StringIO(run("ropa", "-w", workspace, "--format", "csv", "--locale", "en").out)))
    assert lines[0][0] == "Purpose"
    assert run("ropa", "-w", workspace, "--format", "html").out.startswith("<!doctype html>")
    assert "targeted_advertising\tconsent\tads\t1" in run("ropa", "-w", workspace).out


def test_only_officer_and_auditor_read_the_registers(workspace, run):
    """A requester without the role is refused, and one that is not registered is a wrong use."""
    for command in ("provisions", "ropa"):
        assert run(command, "-w", workspace, "--as", "ads").code == 1
        assert run(command, "-w", workspace, "--as", "nobody").code == 2


def test_a_third_party_without_its_facts_is_found(workspace, run):
    """``sekisho check`` warns where the record of a provision could not say who received it."""
    file = workspace / "sekisho.yaml"
    file.write_text(file.read_text().replace("      representative: 架空 太郎\n", ""))
    found = json.loads(run("check", "-w", workspace, "--json").out)
    [finding] = [each for each in found["findings"] if each["part"] == "ads"]
    assert finding["level"] == "warning"
    assert "APPI 29" in finding["finding"]
