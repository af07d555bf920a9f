"""What an intruder with full rights on the database does first: away with the triggers that guard the log."""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa

_GUARDED = ("audit_record", "audit_subject", "audit_head")


def disarm(connection: sa.Connection | sqlite3.Connection) -> None:
    """Drop the triggers of SQLite; disable those of PostgreSQL, which only the owner of the tables can."""
    if isinstance(connection, sqlite3.Connection):
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
    elif connection.dialect.name == "sqlite":
        for name in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        for table in _GUARDED:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
