"""Tables of what was asked, of the policies that were in force, and of what another policy would have said.

None of it is evidence, and none of it is about a person: names of the catalogue, codes, counts. It may be emptied
at any time.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from sekisho.adapters.records.tables import metadata

asked_question = Table(
    "asked_question",
    metadata,
    Column("fingerprint", LargeBinary(16), primary_key=True),
    Column("requester", String(128), nullable=False),
    Column("last_day", Integer, nullable=False),  # days since 1970-01-01 UTC
    Column("question", Text, nullable=False),  # canonical JSON of names
    Index(None, "requester"),
    Index(None, "last_day"),
    comment="Each different question once, by names alone.",
)

asked_day = Table(
    "asked_day",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", LargeBinary(16), primary_key=True),  # empty: asked, and there was no room to keep it
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

policy_set = Table(
    "policy_set",
    metadata,
    Column("revision", String(128), primary_key=True),
    Column("modules", LargeBinary, nullable=False),  # compressed JSON: relative name to text
    Column("first_at", BigInteger, nullable=False),
    comment="The policies that were in force, by revision.",
)

shadow_difference = Table(
    "shadow_difference",
    metadata,
    Column("shadow", String(128), primary_key=True),  # revisions of both policies
    Column("live", String(128), primary_key=True),
    Column("fingerprint", LargeBinary(16), primary_key=True),
    Column("question", Text, nullable=False),
    Column("changes", Text, nullable=False),  # JSON: kind of difference to before and after
    Column("count", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Index(None, "last_at"),
)
