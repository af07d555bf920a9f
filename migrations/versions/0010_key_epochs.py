"""Epochs of the keys of pseudonyms and tokens, and their wrapped data keys."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    epochs = op.create_table(
        "key_epoch",
        sa.Column("epoch", big, autoincrement=False, nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(16), nullable=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("epoch", name="pk_key_epoch"),
        comment="Data keys of pseudonyms and tokens, one for each epoch, wrapped by the provider of keys.",
    )
    # The first epoch is that of every pseudonym that was ever made; its keys are derived from the master key.
    op.bulk_insert(epochs, [{"epoch": 1, "scope": "pseudonyms", "began_at": 0}])
    op.execute("INSERT INTO ledger_counter (name, value) VALUES ('key_epoch', 1)")


def downgrade() -> None:
    op.execute("DELETE FROM ledger_counter WHERE name = 'key_epoch'")
    op.drop_table("key_epoch")
