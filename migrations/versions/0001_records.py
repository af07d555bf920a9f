"""Counters, people and audit: the first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite gives rowid behaviour only to INTEGER; PostgreSQL needs the wide type.
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    counter = op.create_table(
        "ledger_counter",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_ledger_counter"),
        comment="Gap-free sequences: the row is locked until commit, so order of value is order of commit.",
    )
    op.bulk_insert(
        counter, [{"name": name, "value": 0} for name in ("consent", "audit", "data_subject", "identifier")]
    )
    op.create_table(
        "data_subject",
        sa.Column("number", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("sealing_key", sa.LargeBinary()),
        sa.Column("erased_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("number", name="pk_data_subject"),
    )
    op.create_index(
        "ix_data_subject_erased_at",
        "data_subject",
        ["erased_at"],
        postgresql_where=sa.text("erased_at IS NOT NULL"),
        sqlite_where=sa.text("erased_at IS NOT NULL"),
    )
    op.create_table(
        "data_subject_identifier",
        sa.Column("lookup", sa.LargeBinary(16), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lookup", name="pk_data_subject_identifier"),
        sa.ForeignKeyConstraint(["number"], ["data_subject.number"], name="fk_data_subject_identifier_number"),
    )
    op.create_index("ix_data_subject_identifier_number", "data_subject_identifier", ["number"])
    op.create_index(
        "ix_data_subject_identifier_kind_position",
        "data_subject_identifier",
        ["kind", "position"],
        unique=True,
    )
    op.create_table(
        "audit_record",
        sa.Column("seq", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("writer", sa.String(36), nullable=False),
        sa.Column("wseq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("requester", sa.String(64)),
        sa.Column("purpose", sa.String(64)),
        sa.Column("decision", sa.String(16)),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_record"),
        sa.UniqueConstraint("id", name="uq_audit_record_id"),
        sa.UniqueConstraint("writer", "wseq", name="uq_audit_record_writer_wseq"),
    )
    op.create_index("ix_audit_record_at", "audit_record", ["at"])
    op.create_index("ix_audit_record_requester_seq", "audit_record", ["requester", "seq"])
    op.create_index("ix_audit_record_purpose_seq", "audit_record", ["purpose", "seq"])
    op.create_table(
        "audit_subject",
        sa.Column("seq", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("refs", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_subject"),
        sa.ForeignKeyConstraint(["seq"], ["audit_record.seq"], name="fk_audit_subject_seq"),
        comment="Whom a record concerns: one row for each record, checked against the digest in the record.",
    )
    op.create_table(
        "audit_subject_ref",
        sa.Column("ref", sa.LargeBinary(16), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("ref", "seq", name="pk_audit_subject_ref"),
        comment="Index of audit_subject by person: derived at search time, no evidence, can be made anew.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_head",
        sa.Column("writer", sa.String(36), nullable=False),
        sa.Column("wseq", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("writer", "wseq", name="pk_audit_head"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_tail",
        sa.Column("writer", sa.String(36), nullable=False),
        sa.Column("wseq", sa.BigInteger(), nullable=False),
        sa.Column("tag", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("writer", name="pk_audit_tail"),
        comment="Ends of chains whose head is not in audit_head yet; what a crash left is signed at the next start.",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in (
        "audit_tail",
        "audit_head",
        "audit_subject_ref",
        "audit_subject",
        "audit_record",
        "data_subject_identifier",
        "data_subject",
        "ledger_counter",
    ):
        op.drop_table(table)
