"""The gateway's own database: one SQLAlchemy schema for SQLite and PostgreSQL.

Times are stored as whole microseconds since 1970-01-01 UTC, so that both databases order and
compare them alike. Nothing here holds a customer's data: identifiers are keyed hashes beside
ciphertext, audit records hold pseudonyms and codes.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite gives rowid behaviour only to INTEGER; PostgreSQL needs the wide type.
BigInt = BigInteger().with_variant(Integer(), "sqlite")

_THIRD_PARTY = b'"recipient":"third_party"'.hex()

ledger_counter = Table(
    "ledger_counter",
    metadata,
    Column("name", String(32), primary_key=True),  # consent, audit, data_subject, identifier, key_epoch
    Column("value", BigInt, nullable=False),
    comment="Gap-free sequences: the row is locked until commit, so order of value is order of commit.",
)

data_subject = Table(
    "data_subject",
    metadata,
    Column("number", BigInt, primary_key=True, autoincrement=False),
    Column("created_at", BigInteger, nullable=False),
    # Seals what is said about this person alone (evidence); made when first needed, gone once erased.
    Column("sealing_key", LargeBinary),
    Column("erased_at", BigInteger),  # strictly ascending: what was erased since is a range
    Index(
        None,
        "erased_at",
        postgresql_where=text("erased_at IS NOT NULL"),
        sqlite_where=text("erased_at IS NOT NULL"),
    ),
)

data_subject_identifier = Table(
    "data_subject_identifier",
    metadata,
    Column("lookup", LargeBinary(16), primary_key=True),  # AES-CMAC of kind and value
    Column("kind", String(64), nullable=False),
    Column("number", ForeignKey("data_subject.number"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # AES-SIV of the value
    Column("created_at", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),  # counter "identifier": what was added since is a range
    Index(None, "number"),
    Index(None, "kind", "position", unique=True),
)

audit_record = Table(
    "audit_record",
    metadata,
    Column("seq", BigInt, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    Column("writer", String(36), nullable=False),
    Column("wseq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("requester", String(64)),
    Column("purpose", String(64)),
    Column("decision", String(16)),
    Column("record", LargeBinary, nullable=False),  # canonical bytes, kept verbatim
    Column("chain", LargeBinary(32), nullable=False),  # SHA-256(previous chain value || SHA-256(record))
    UniqueConstraint("writer", "wseq"),
    Index(None, "at"),
    Index(None, "requester", "seq"),
    Index(None, "purpose", "seq"),
    # Voids are few, and whoever tells a person who received their data must find them.
    Index(None, "seq", postgresql_where=text("kind = 'access.void'"), sqlite_where=text("kind = 'access.void'")),
    # So are releases to third parties among all others; the mark is `"recipient":"third_party"` of the record.
    Index(
        "ix_audit_record_provision",
        "seq",
        postgresql_where=text(f"kind = 'access.release' AND position('\\x{_THIRD_PARTY}'\\:\\:bytea in record) > 0"),
        sqlite_where=text(f"kind = 'access.release' AND instr(record, x'{_THIRD_PARTY}') > 0"),
    ),
    # And what says that the beginning was pruned, which the triggers ask for each row that is to go.
    Index(
        "ix_audit_record_prune",
        "seq",
        postgresql_where=text("kind = 'retention.prune'"),
        sqlite_where=text("kind = 'retention.prune'"),
    ),
)

audit_subject = Table(
    "audit_subject",
    metadata,
    Column("seq", ForeignKey("audit_record.seq"), primary_key=True, autoincrement=False),
    Column("refs", LargeBinary, nullable=False),  # keyed references, ascending, 16 bytes each, no separator
    comment="Whom a record concerns: one row for each record, checked against the digest in the record.",
)

audit_subject_ref = Table(
    "audit_subject_ref",
    metadata,
    Column("ref", LargeBinary(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    comment="Index of audit_subject by person: derived at search time, no evidence, can be made anew.",
    sqlite_with_rowid=False,  # the key is all there is
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("writer", String(36), primary_key=True),
    Column("wseq", BigInteger, primary_key=True),
    Column("note", Text, nullable=False),  # signed head, the same text as outside the database
    sqlite_with_rowid=False,
)

audit_pruned = Table(
    "audit_pruned",
    metadata,
    Column("minimum_index", BigInteger, primary_key=True, autoincrement=False),
    Column("anchor", LargeBinary, nullable=False),
    comment="Where the log went on when its beginning was pruned; a record holds the hash of each row.",
)

audit_tail = Table(
    "audit_tail",
    metadata,
    Column("writer", String(36), primary_key=True),
    Column("wseq", BigInteger, nullable=False),
    Column("tag", LargeBinary(32), nullable=False),  # MAC of the head that is about to be signed
    comment="Ends of chains whose head is not in audit_head yet; what a crash left is signed at the next start.",
    sqlite_with_rowid=False,
)

usage = Table(
    "usage",
    metadata,
    Column("account", String(160), primary_key=True),  # requester and purpose
    Column("what", String(16), primary_key=True),
    Column("seconds", Integer, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),  # begin of the window, in seconds since 1970
    Column("used", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

key_epoch = Table(
    "key_epoch",
    metadata,
    Column("epoch", BigInt, primary_key=True, autoincrement=False),  # counter "key_epoch"
    Column("scope", String(64), nullable=False),  # "pseudonyms" (every purpose), or one purpose
    Column("began_at", BigInteger, nullable=False),
    Column("provider", String(16)),  # who wrapped the data key
    Column("wrapped", LargeBinary),  # null: of the first epoch, whose keys the ring derives; of a retired one
    Column("retired_at", BigInteger),
    comment="Data keys of pseudonyms and tokens, one for each epoch, wrapped by the provider of keys.",
)

emergency_grant = Table(
    "emergency_grant",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("requester", String(64), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("ticket", String(32), nullable=False),
    Column("granted_by", String(64), nullable=False),
    Column("issued", BigInteger, nullable=False),  # seconds since 1970, as the next two
    Column("expires", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Index(None, "expires"),
    comment="Grants for emergencies: one that does not stand here, or was called back, opens nothing.",
)

view_release = Table(
    "view_release",
    metadata,
    Column("name", String(64), primary_key=True),  # of the view
    Column("terms", String(64), primary_key=True),  # hash of statement, smallest group, row filters, transforms
    Column("made_at", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    comment="The one release of a statistics view for each set of terms: inserted once, never changed.",
)
