"""How much was released in a window of time."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("account", sa.String(160), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "what", "seconds", name="pk_usage"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("usage")
