"""The tables of the consent ledger, of what people are asked, and of what hears of their decisions.

Times are whole microseconds since 1970-01-01 UTC, as in ``tables``.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, Table, Text

from sekisho.adapters.records.tables import BigInt, metadata

consent_event = Table(
    "consent_event",
    metadata,
    Column("seq", BigInt, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    # Null for what concerns everybody (publish). Held against the counter of people: a foreign key would mark the
    # person's row anew for every event.
    Column("number", BigInt),
    Column("purpose", String(64), nullable=False),  # empty for link and unlink
    Column("cells", Text, nullable=False),  # JSON array
    Column("kind", String(16), nullable=False),
    Column("method", String(16), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("notice_version", String(64)),
    Column("occurred_at", BigInteger),  # the claim
    Column("recorded_at", BigInteger, nullable=False),
    Column("said_at", BigInteger, nullable=False),  # what the rule goes by; see domain.consent.Happening
    Column("counts_at", BigInteger, nullable=False),
    Column("valid_until", BigInteger),
    Column("facts", Text, nullable=False),  # canonical JSON: provenance; names nobody
    Column("sealed", LargeBinary),  # evidence, under the person's own key
    Column("hash", LargeBinary(32), nullable=False),  # SHA-256(hash before || SHA-256(canonical event))
    # What it does to the bits: 0 off, 1 on until holds_until, 2 nothing, 3 see effects, 4 off for everybody.
    Column("outcome", SmallInteger, nullable=False),
    Column("holds_until", BigInteger),
    Column("effects", Text),  # JSON: [[number, cell, 1 or 0, until or null], …]
    Index(None, "number", "seq"),
)

consent_state = Table(
    "consent_state",
    metadata,
    # No foreign key: a row follows from events, whose own key the database has checked.
    Column("number", BigInt, primary_key=True, autoincrement=False),
    Column("cell", String(160), primary_key=True),
    Column("state", String(24), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("valid_until", BigInteger),
    Column("of_age_at", BigInteger),
    Column("notice_version", String(64)),
    Column("refused_seq", BigInteger),  # of the no that a yes which waits for its confirmation has not lifted yet
    Column("refused_since", BigInteger),
    Column("linked", String(24)),  # what counts instead while identifiers are linked
    Column("linked_until", BigInteger),
    Column("linked_seq", BigInteger),  # of the yes it rests on: a later major notice makes it outdated
    Index(None, "cell"),
)

consent_cell = Table(
    "consent_cell",
    metadata,
    Column("cell", String(160), primary_key=True),
    Column("asked_again_seq", BigInteger, nullable=False),  # of the last major notice; a yes below it is outdated
)

data_subject_link = Table(
    "data_subject_link",
    metadata,
    Column("linked_seq", BigInt, primary_key=True, autoincrement=False),
    Column("one", ForeignKey("data_subject.number"), nullable=False),
    Column("other", ForeignKey("data_subject.number"), nullable=False),
    Column("unlinked_seq", BigInteger),
    Index(None, "one"),
    Index(None, "other"),
)

suppression = Table(
    "suppression",
    metadata,
    Column("hash", LargeBinary(16), primary_key=True),  # AES-CMAC of kind and value, under a key of its own
    Column("day", Integer, nullable=False),  # of the erasure, since 1970-01-01 UTC; no time finer than that
    Column("refused", Text, nullable=False),  # JSON: state to cells
    sqlite_with_rowid=False,  # the order of the rows would tell in which order people were erased
)

notice_version = Table(
    "notice_version",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("change", String(8), nullable=False),
    Column("purposes", Text, nullable=False),  # JSON array
    Column("drafted_by", String(128), nullable=False),
    Column("drafted_at", BigInteger, nullable=False),
    Column("published_by", String(128)),
    Column("published_at", BigInteger),
    Column("published_seq", BigInteger),
    Column("supersedes", Integer),
)

notice_text = Table(
    "notice_text",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("locale", String(16), primary_key=True),
    Column("content", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
)

notice_purpose = Table(
    "notice_purpose",
    metadata,
    Column("purpose", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),  # names one text for this purpose
    Column("key", String(64), nullable=False),
)

purpose_version = Table(
    "purpose_version",
    metadata,
    Column("purpose", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("change", String(8), nullable=False),
    Column("facts", Text, nullable=False),  # canonical JSON
    Column("sha256", String(64), nullable=False),
    Column("source", String(16), nullable=False),  # file or api
    Column("drafted_by", String(128), nullable=False),
    Column("drafted_at", BigInteger, nullable=False),
    Column("published_at", BigInteger),
    Column("published_seq", BigInteger),
)

webhook = Table(
    "webhook",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("url", Text, nullable=False),
    Column("requester", String(64), nullable=False),  # who listens: hears of its own purposes only
    Column("secret", LargeBinary, nullable=False),  # sealed
    Column("created_at", BigInteger, nullable=False),
    Column("from_seq", BigInteger, nullable=False),  # queued up to here
    Column("paused", SmallInteger, nullable=False),
    Column("deleted_at", BigInteger),  # URL and secret are empty then; the deliveries stay as evidence
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("webhook", ForeignKey("webhook.id"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger),  # deliveries about one person go out in order
    Column("status", String(12), nullable=False),  # waiting, delivered, dead
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("delivered_at", BigInteger),
    Column("response", Integer),
    Column("fault", String(64)),
    Index(None, "status", "next_at"),
    Index(None, "webhook", "number", "seq"),
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("scope", LargeBinary(32), primary_key=True),  # HMAC-SHA-256 of caller, route and key
    Column("fingerprint", LargeBinary(32), nullable=False),  # HMAC-SHA-256 of the body
    Column("created_at", BigInteger, nullable=False),
    Column("status", Integer),  # null while the first call is under way
    Column("answer", LargeBinary),  # sealed body of the answer
    Index(None, "created_at"),
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("identifier", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # the identifier's value
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

customer_session = Table(
    "customer_session",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("identifier", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("assurance", String(24), nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # moves on with use
    Column("ends_at", BigInteger, nullable=False),  # does not
    Column("ended_at", BigInteger),
)

import_batch = Table(
    "import_batch",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of the file: the same file is one batch
    Column("format", String(8), nullable=False),
    Column("lines", BigInteger, nullable=False),  # lines done; what follows is still to be imported
    Column("recorded", BigInteger, nullable=False),
    Column("unchanged", BigInteger, nullable=False),  # of the recorded: the ledger knew of something later
    Column("left_out", BigInteger, nullable=False),  # lines with faults
    Column("last_seq", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
)

dsr_request = Table(
    "dsr_request",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", ForeignKey("data_subject.number"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),  # received, done, refused
    Column("received_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("sealed", LargeBinary),  # what the person asked, and the answer, under the person's own key
    Index(None, "number"),
)
