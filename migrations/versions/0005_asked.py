"""What was asked, by names alone; policies by revision; what a shadow policy said otherwise."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "asked_question",
        sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
        sa.Column("requester", sa.String(128), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_asked_question"),
        comment="Each different question once, by names alone.",
    )
    op.create_index("ix_asked_question_requester", "asked_question", ["requester"])
    op.create_index("ix_asked_question_last_day", "asked_question", ["last_day"])
    op.create_table(
        "asked_day",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "fingerprint", name="pk_asked_day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "policy_set",
        sa.Column("revision", sa.String(128), nullable=False),
        sa.Column("modules", sa.LargeBinary(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_policy_set"),
        comment="The policies that were in force, by revision.",
    )
    op.create_table(
        "shadow_difference",
        sa.Column("shadow", sa.String(128), nullable=False),
        sa.Column("live", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shadow", "live", "fingerprint", name="pk_shadow_difference"),
    )
    op.create_index("ix_shadow_difference_last_at", "shadow_difference", ["last_at"])


def downgrade() -> None:
    for table in ("shadow_difference", "policy_set", "asked_day", "asked_question"):
        op.drop_table(table)
