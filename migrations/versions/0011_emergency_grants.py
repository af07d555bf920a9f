"""Grants for emergencies, which can be called back; one that was given before is given anew."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "emergency_grant",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("requester", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("ticket", sa.String(32), nullable=False),
        sa.Column("granted_by", sa.String(64), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_emergency_grant"),
        comment="Grants for emergencies: one that does not stand here, or was called back, opens nothing.",
    )
    op.create_index("ix_emergency_grant_expires", "emergency_grant", ["expires"])


def downgrade() -> None:
    op.drop_table("emergency_grant")
