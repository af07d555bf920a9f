"""The audit log takes nothing but inserts; what a record says was pruned may go, and what it proved stays."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

REFUSED = "the audit log is only appended to"
PRUNE = "retention.prune"
TABLES = ("audit_record", "audit_subject", "audit_head")


def upgrade() -> None:
    op.create_table(
        "audit_pruned",
        sa.Column("minimum_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("anchor", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("minimum_index", name="pk_audit_pruned"),
        comment="Where the log went on when its beginning was pruned; a record holds the hash of each row.",
    )
    where = sa.text(f"kind = '{PRUNE}'")
    op.create_index("ix_audit_record_prune", "audit_record", ["seq"], postgresql_where=where, sqlite_where=where)
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    minimum = (
        "coalesce((SELECT max(json_extract(CAST(record AS TEXT), '$.minimum_index')) FROM audit_record"
        f" WHERE kind = '{PRUNE}'), 0)"
    )
    spoken_of = "EXISTS (SELECT 1 FROM audit_record WHERE writer = OLD.writer AND wseq = OLD.wseq)"
    kept = {
        "audit_record": f" WHEN OLD.seq > {minimum}",
        "audit_subject": f" WHEN OLD.seq > {minimum}",
        "audit_head": f" WHEN {spoken_of}",
    }
    for table in TABLES:
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}{kept[table]} {refuse}")


def _postgresql() -> None:
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    # A search path of their own: a table of the same name elsewhere says nothing about this log.
    path = f"SET search_path = {schema}, pg_temp"
    op.execute(
        "CREATE FUNCTION audit_minimum_index() RETURNS bigint LANGUAGE sql STABLE "
        f"{path} AS $$ SELECT coalesce(max((convert_from(record, 'UTF8')::jsonb ->> 'minimum_index')::bigint), 0)"
        f" FROM audit_record WHERE kind = '{PRUNE}' $$"
    )
    op.execute(
        "CREATE FUNCTION audit_spoken_of(of_writer text, place bigint) RETURNS boolean LANGUAGE sql STABLE "
        f"{path} AS $$ SELECT EXISTS (SELECT 1 FROM audit_record WHERE writer = of_writer AND wseq = place) $$"
    )
    op.execute(
        f"CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql {path} AS $$ BEGIN"
        f" RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    kept = {
        "audit_record": "WHEN (OLD.seq > audit_minimum_index()) ",
        "audit_subject": "WHEN (OLD.seq > audit_minimum_index()) ",
        "audit_head": "WHEN (audit_spoken_of(OLD.writer, OLD.wseq)) ",
    }
    run = "EXECUTE FUNCTION audit_append_only()"
    for table in TABLES:
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE OR TRUNCATE ON {table} FOR EACH STATEMENT {run}")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW {kept[table]}{run}")


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in TABLES:
        for what in ("no_update", "no_delete"):
            op.execute(f"DROP TRIGGER {table}_{what}" + (f" ON {table}" if postgresql else ""))
    if postgresql:
        for function in ("audit_append_only()", "audit_spoken_of(text, bigint)", "audit_minimum_index()"):
            op.execute(f"DROP FUNCTION {function}")
    op.drop_index("ix_audit_record_prune", "audit_record")
    op.drop_table("audit_pruned")
