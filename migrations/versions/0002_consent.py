"""Consent events and their projection, what people are asked, and what hears of their decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite gives rowid behaviour only to INTEGER; PostgreSQL needs the wide type.
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "consent_event",
        sa.Column("seq", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", BIG_KEY),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("notice_version", sa.String(64)),
        sa.Column("occurred_at", sa.BigInteger()),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("counts_at", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger()),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("outcome", sa.SmallInteger(), nullable=False),
        sa.Column("holds_until", sa.BigInteger()),
        sa.Column("effects", sa.Text()),
        sa.PrimaryKeyConstraint("seq", name="pk_consent_event"),
        sa.UniqueConstraint("id", name="uq_consent_event_id"),
        sa.ForeignKeyConstraint(["number"], ["data_subject.number"], name="fk_consent_event_number"),
    )
    op.create_index("ix_consent_event_number_seq", "consent_event", ["number", "seq"])
    op.create_table(
        "consent_state",
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("cell", sa.String(160), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger()),
        sa.Column("of_age_at", sa.BigInteger()),
        sa.Column("notice_version", sa.String(64)),
        sa.Column("linked", sa.String(24)),
        sa.Column("linked_until", sa.BigInteger()),
        sa.Column("linked_seq", sa.BigInteger()),
        sa.PrimaryKeyConstraint("number", "cell", name="pk_consent_state"),
    )
    op.create_index("ix_consent_state_cell", "consent_state", ["cell"])
    op.create_table(
        "consent_cell",
        sa.Column("cell", sa.String(160), nullable=False),
        sa.Column("asked_again_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cell", name="pk_consent_cell"),
    )
    op.create_table(
        "data_subject_link",
        sa.Column("linked_seq", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("one", BIG_KEY, nullable=False),
        sa.Column("other", BIG_KEY, nullable=False),
        sa.Column("unlinked_seq", sa.BigInteger()),
        sa.PrimaryKeyConstraint("linked_seq", name="pk_data_subject_link"),
        sa.ForeignKeyConstraint(["one"], ["data_subject.number"], name="fk_data_subject_link_one"),
        sa.ForeignKeyConstraint(["other"], ["data_subject.number"], name="fk_data_subject_link_other"),
    )
    op.create_index("ix_data_subject_link_one", "data_subject_link", ["one"])
    op.create_index("ix_data_subject_link_other", "data_subject_link", ["other"])
    op.create_table(
        "notice_version",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("change", sa.String(8), nullable=False),
        sa.Column("purposes", sa.Text(), nullable=False),
        sa.Column("drafted_by", sa.String(128), nullable=False),
        sa.Column("drafted_at", sa.BigInteger(), nullable=False),
        sa.Column("published_by", sa.String(128)),
        sa.Column("published_at", sa.BigInteger()),
        sa.Column("published_seq", sa.BigInteger()),
        sa.Column("supersedes", sa.Integer()),
        sa.PrimaryKeyConstraint("key", "version", name="pk_notice_version"),
    )
    op.create_table(
        "notice_text",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("locale", sa.String(16), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("key", "version", "locale", name="pk_notice_text"),
    )
    op.create_table(
        "notice_purpose",
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("purpose", "version", name="pk_notice_purpose"),
    )
    op.create_table(
        "purpose_version",
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("change", sa.String(8), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("drafted_by", sa.String(128), nullable=False),
        sa.Column("drafted_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger()),
        sa.Column("published_seq", sa.BigInteger()),
        sa.PrimaryKeyConstraint("purpose", "version", name="pk_purpose_version"),
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("requester", sa.String(64), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("from_seq", sa.BigInteger(), nullable=False),
        sa.Column("paused", sa.SmallInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_webhook"),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("webhook", sa.String(36), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger()),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger()),
        sa.Column("response", sa.Integer()),
        sa.Column("fault", sa.String(64)),
        sa.PrimaryKeyConstraint("webhook", "seq", name="pk_webhook_delivery"),
        sa.ForeignKeyConstraint(["webhook"], ["webhook.id"], name="fk_webhook_delivery_webhook"),
    )
    op.create_index("ix_webhook_delivery_status_next_at", "webhook_delivery", ["status", "next_at"])
    op.create_index("ix_webhook_delivery_webhook_number_seq", "webhook_delivery", ["webhook", "number", "seq"])
    op.create_table(
        "idempotency_key",
        sa.Column("scope", sa.LargeBinary(32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("scope", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"])
    op.create_table(
        "sign_in_link",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("identifier", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sign_in_link"),
    )
    op.create_table(
        "customer_session",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("identifier", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("assurance", sa.String(24), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("token_hash", name="pk_customer_session"),
    )
    op.create_table(
        "import_batch",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("format", sa.String(8), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("left_out", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_import_batch"),
    )
    op.create_table(
        "dsr_request",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_dsr_request"),
        sa.ForeignKeyConstraint(["number"], ["data_subject.number"], name="fk_dsr_request_number"),
    )
    op.create_index("ix_dsr_request_number", "dsr_request", ["number"])
    op.create_index(
        "ix_audit_record_seq",
        "audit_record",
        ["seq"],
        postgresql_where=sa.text("kind = 'access.void'"),
        sqlite_where=sa.text("kind = 'access.void'"),
    )


def downgrade() -> None:
    op.drop_index("ix_audit_record_seq", "audit_record")
    for table in (
        "dsr_request",
        "import_batch",
        "customer_session",
        "sign_in_link",
        "idempotency_key",
        "webhook_delivery",
        "webhook",
        "purpose_version",
        "notice_purpose",
        "notice_text",
        "notice_version",
        "data_subject_link",
        "consent_cell",
        "consent_state",
        "consent_event",
    ):
        op.drop_table(table)
