"""Releases to third parties are found without reading the whole log.

The index is over the records themselves: there is no second place that could say something else.
"""

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MARK = b'"recipient":"third_party"'.hex()
_SQLITE = f"kind = 'access.release' AND instr(record, x'{_MARK}') > 0"
_POSTGRESQL = f"kind = 'access.release' AND position('\\x{_MARK}'::bytea in record) > 0"


def upgrade() -> None:
    op.create_index(
        "ix_audit_record_provision",
        "audit_record",
        ["seq"],
        postgresql_where=text(_POSTGRESQL.replace(":", "\\:")),
        sqlite_where=text(_SQLITE),
    )


def downgrade() -> None:
    op.drop_index("ix_audit_record_provision", table_name="audit_record")
