"""A small workspace over real stores, and a classifier that is easily followed."""

from __future__ import annotations

import json
import sqlite3
import textwrap
from contextlib import closing
from pathlib import Path

import duckdb

from sekisho.detect.columns import ColumnSample
from sekisho.domain.classification import Proposal
from sekisho.domain.terms import ColumnClass

CANARY = "canary7f3a"
"""Stands in every personal value, so that it is found wherever one came to lie."""

ROWS = 400

FILE = textwrap.dedent("""\
    controller: {name: Shop, contact: privacy@shop.example}
    identity: {issuer: "https://issuer.example", audience: sekisho, jwks: embedded}
    stores:
      crm: {kind: sqlite, location: stores/crm.db}
      pos: {kind: duckdb, location: stores/pos}
    purposes:
      support:
        title: {ja: サポート, en: Support}
        description: {ja: お答えします, en: We answer}
        legal_basis: contract
        clear: [email]
    datasets:
      crm.customers:
        relation: customers
        data_subject: {column: customer_id, identifier: customer_id}
        purposes: [support]
        columns:
          customer_id: {type: integer, class: direct_identifier}
          email: {type: string, class: unreviewed, category: email}
          rank: {type: string, class: unreviewed}
          nickname: {type: string, class: none}
          profile: {type: string, class: none}
      pos.lines:
        relation: "lines/*.parquet"
        data_subject: {column: customer_id, identifier: customer_id}
        purposes: [support]
        columns:
          customer_id: {type: integer, class: direct_identifier}
          amount: {type: double, class: none}
    requesters:
      desk: {purposes: [support]}
      privacy_officer: {purposes: [], roles: [privacy_officer]}
    """)


def email_of(number: int) -> str:
    """Return the address of a customer."""
    return f"{CANARY}{number}@example.com"


def build(folder: Path, text: str = FILE) -> Path:
    """Write the workspace and its stores into *folder*."""
    (folder / "stores" / "pos" / "lines").mkdir(parents=True)
    (folder / "sekisho.yaml").write_text(text, encoding="utf-8")
    with closing(sqlite3.connect(folder / "stores" / "crm.db")) as db, db:
        db.execute(
            "CREATE TABLE customers (customer_id INTEGER PRIMARY KEY, email TEXT, rank TEXT, nickname TEXT,"
            " profile TEXT, ghost TEXT, photo BLOB)"
        )
        db.executemany(
            "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    n,
                    email_of(n),
                    ("gold", "silver")[n % 2],
                    f"nick{n}",
                    json.dumps({"contact": {"mail": email_of(n)}, "tags": [f"t{n % 5}"], "by": {email_of(n): n}}),
                    f"ghost {CANARY}{n}",
                    CANARY.encode(),
                )
                for n in range(ROWS)
            ],
        )
        db.execute("CREATE TABLE leads (name TEXT)")
        db.execute("INSERT INTO leads VALUES (?)", (f"{CANARY} lead",))
    with duckdb.connect() as files:
        place = folder / "stores" / "pos"
        lines = f"i AS customer_id, i * 1.5::DOUBLE AS amount, {{'mail': '{CANARY}' || i || '@example.com'}} AS buyer"
        files.execute(f"COPY (SELECT {lines} FROM range({ROWS}) t(i)) TO '{place}/lines/a.parquet'")
        files.execute(f"COPY (SELECT '0901234' || (1000 + i) AS phone FROM range(50) t(i)) TO '{place}/calls.csv'")
        files.execute(f"COPY (SELECT i AS n, '{CANARY}' || i AS who FROM range(20) t(i)) TO '{place}/visits.jsonl'")
    return folder


def classify(sample: ColumnSample) -> Proposal:
    """Take addresses for addresses, and everything else for nothing."""
    hits = sum("@" in value for value in sample.values) / max(1, len(sample.values))
    factors = {"match_rate": hits}
    if hits > 0.3:
        return Proposal("email", ColumnClass.DIRECT_IDENTIFIER, "email", 0.95, factors, (("none", 0.05),))
    return Proposal("none", ColumnClass.NONE, None, 0.9, factors)


def traces(folder: Path) -> list[str]:
    """Return the files of the workspace, stores aside, in which a value stands."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "stores" not in path.relative_to(folder).parts and CANARY.encode() in path.read_bytes()
    ]
