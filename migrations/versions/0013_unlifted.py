"""A no stays known while a yes after it waits for its confirmation."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consent_state", sa.Column("refused_seq", sa.BigInteger()))
    op.add_column("consent_state", sa.Column("refused_since", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("consent_state", "refused_since")
    op.drop_column("consent_state", "refused_seq")
