"""Scans of stores, the columns that they found, and the reviews of these, which are only appended to."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

REFUSED = "reviews of columns are only appended to"


def upgrade() -> None:
    op.create_table(
        "scan_run",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("requester", sa.String(128), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("error", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_scan_run"),
    )
    op.create_index("ix_scan_run_requester_started_at", "scan_run", ["requester", "started_at"])
    op.create_table(
        "scanned_column",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("relation", sa.String(512), nullable=False),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("dataset", sa.String(160)),
        sa.Column("declared", sa.String(32)),
        sa.Column("governed", sa.Boolean(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("proposal", sa.Text()),
        sa.Column("baseline", sa.Text(), nullable=False),
        sa.Column("reviewed_proposal", sa.Text()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("drift", sa.Text(), nullable=False),
        sa.Column("review", sa.Text()),
        sa.Column("scanned_at", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_scanned_column"),
        sa.UniqueConstraint("store", "relation", "name", name="uq_scanned_column_store_relation_name"),
        comment="Columns as the newest scan found them, and where their review stands.",
    )
    op.create_index("ix_scanned_column_state_id", "scanned_column", ["state", "id"])
    op.create_index("ix_scanned_column_dataset_id", "scanned_column", ["dataset", "id"])
    op.create_table(
        "column_review",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("column_id", sa.String(36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("review", sa.Text(), nullable=False),
        sa.Column("proposal", sa.Text()),
        sa.PrimaryKeyConstraint("seq", name="pk_column_review"),
        sa.UniqueConstraint("id", name="uq_column_review_id"),
        sa.ForeignKeyConstraint(["column_id"], ["scanned_column.id"], name="fk_column_review_column_id"),
        comment="Every review, in order; only ever appended to.",
    )
    op.create_index("ix_column_review_column_id_seq", "column_review", ["column_id", "seq"])
    if op.get_bind().dialect.name == "sqlite":
        for event in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER column_review_no_{event} BEFORE {event.upper()} ON column_review"
                f" BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION column_review_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    op.execute(
        "CREATE TRIGGER column_review_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON column_review"
        " FOR EACH STATEMENT EXECUTE FUNCTION column_review_append_only()"
    )


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.drop_table("column_review")
    if postgresql:
        op.execute("DROP FUNCTION column_review_append_only()")
    op.drop_table("scanned_column")
    op.drop_table("scan_run")
