"""Alembic's entry: runs the revisions on the connection that ``migrate`` opened.

Start it by ``sekisho migrate``; there is no alembic.ini, because the database stands in the workspace.
"""

from alembic import context

from sekisho.adapters.records.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Run `sekisho migrate`: the database is named by the workspace, not by an alembic.ini.")

context.configure(
    connection=connection,
    target_metadata=metadata,
    # The caller's transaction spans every revision, on SQLite too: all or nothing.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
