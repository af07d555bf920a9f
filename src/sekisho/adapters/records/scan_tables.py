"""Tables of scans, of the columns that they found, and of every review. None of them holds a customer's value."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, String, Table, Text, UniqueConstraint

from sekisho.adapters.records.tables import BigInt, metadata

scan_run = Table(
    "scan_run",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("requester", String(128), nullable=False),
    Column("wanted", Text, nullable=False),  # JSON: names of stores and datasets
    Column("started_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("progress", Float, nullable=False),
    Column("result", Text, nullable=False),  # JSON: names and counts
    Column("error", String(64)),
    Index(None, "requester", "started_at"),
)

scanned_column = Table(
    "scanned_column",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("store", String(64), nullable=False),
    Column("relation", String(512), nullable=False),
    Column("name", String(512), nullable=False),  # a path inside nested values
    Column("dataset", String(160)),
    Column("declared", String(32)),
    Column("governed", Boolean, nullable=False),
    Column("profile", Text, nullable=False),  # JSON: counts, shares and a keyed hash
    Column("proposal", Text),  # JSON
    Column("baseline", Text, nullable=False),  # the profile that drift is measured from
    Column("reviewed_proposal", Text),
    Column("state", String(16), nullable=False),
    Column("drift", Text, nullable=False),  # JSON: reasons
    Column("review", Text),  # JSON: the last one; every one stands in column_review
    Column("scanned_at", BigInteger, nullable=False),
    Column("gone_at", BigInteger),
    UniqueConstraint("store", "relation", "name"),
    Index(None, "state", "id"),
    Index(None, "dataset", "id"),
    comment="Columns as the newest scan found them, and where their review stands.",
)

column_review = Table(
    "column_review",
    metadata,
    Column("seq", BigInt, primary_key=True, autoincrement=False),  # counter "classification"
    Column("id", String(36), nullable=False, unique=True),  # of its audit record, too
    Column("column_id", ForeignKey("scanned_column.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("review", Text, nullable=False),  # JSON: decision, class, category, by whom, note
    Column("proposal", Text),  # what the reviewer saw
    Index(None, "column_id", "seq"),
    comment="Every review, in order; only ever appended to.",
)
