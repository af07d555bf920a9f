"""What erased people had said no to, under a hash of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suppression",
        sa.Column("hash", sa.LargeBinary(16), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_suppression"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("suppression")
