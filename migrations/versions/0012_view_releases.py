"""The releases of statistics views, one for all gateways over these records; those in files are taken over when read."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "view_release",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("terms", sa.String(64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", "terms", name="pk_view_release"),
        comment="The one release of a statistics view for each set of terms: inserted once, never changed.",
    )


def downgrade() -> None:
    op.drop_table("view_release")
