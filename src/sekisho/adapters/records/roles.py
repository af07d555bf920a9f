"""The roles of the gateway's own database on PostgreSQL, as a script for its administrator.

The *writer* is who the gateway runs as. It may read everything and insert, and changes or deletes only what is made
to change; records, people beside them, heads and consent events it cannot touch once they are there. The *owner* owns
the tables and signs in nowhere. The *keeper* may delete what the log says was pruned, and nothing else: the triggers
hold it, and every owner, to that.

The script can be run again, and is to be run again after each ``sekisho migrate up``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from sekisho.adapters.records.database import Database

APPENDED: Final = (
    "audit_record", "audit_subject", "audit_head", "audit_pruned", "consent_event", "column_review", "view_release",
)  # fmt: skip
"""What is only ever appended to."""

OWNER_SUFFIX, KEEPER_SUFFIX = "_owner", "_keeper"

_CHANGED: Final[Mapping[str, str]] = {
    **dict.fromkeys(APPENDED, ""),
    "audit_subject_ref": "",  # an index; whoever wants it made anew is the owner
    "audit_tail": "UPDATE, DELETE",
    "key_epoch": "UPDATE",
    "ledger_counter": "UPDATE",
    "data_subject": "UPDATE",
    "data_subject_identifier": "DELETE",
    "data_subject_link": "UPDATE",
    "consent_state": "UPDATE, DELETE",
    "consent_cell": "UPDATE",
    "suppression": "UPDATE, DELETE",
    "notice_version": "UPDATE",
    "notice_text": "",
    "notice_purpose": "",
    "purpose_version": "UPDATE",
    "webhook": "UPDATE",
    "webhook_delivery": "UPDATE",
    "idempotency_key": "UPDATE, DELETE",
    "sign_in_link": "UPDATE, DELETE",
    "customer_session": "UPDATE, DELETE",
    "import_batch": "UPDATE",
    "dsr_request": "UPDATE",
    "asked_question": "UPDATE, DELETE",
    "asked_day": "UPDATE, DELETE",
    "policy_set": "DELETE",
    "shadow_difference": "UPDATE, DELETE",
    "usage": "UPDATE",
    "emergency_grant": "UPDATE, DELETE",
    "scan_run": "UPDATE",
    "scanned_column": "UPDATE",
}
"""What the writer may do to each table besides reading and inserting."""

_KEPT: Final = ("audit_record", "audit_subject", "audit_subject_ref", "audit_head", "audit_pruned")
"""What the keeper deletes from."""

_FUNCTIONS: Final = (
    "audit_append_only()", "audit_spoken_of(text, bigint)", "audit_minimum_index()", "column_review_append_only()",
)  # fmt: skip


def writer_of(url: str) -> tuple[str, str]:
    """Return the role and the database that the gateway's own database URL names."""
    parsed = make_url(url)
    return parsed.username or str(parsed.query.get("user", "")), str(parsed.database)


def script(url: str, *, password: str | None = None) -> str:
    """Return the SQL that makes the three roles and gives each what it needs.

    Parameters
    ----------
    url:
        Of the own database, as the gateway is to use it: it names the writer.
    password:
        What PostgreSQL is to keep of the writer's password (``SCRAM-SHA-256$…``); left out, it stays as it is.

    Raises
    ------
    ValueError
        When *url* names no role.
    """
    writer, database = writer_of(url)
    if not writer:
        raise ValueError("the URL of the own database names no role: write postgresql://role@host/database")
    owner, keeper = f"{writer}{OWNER_SUFFIX}", f"{writer}{KEEPER_SUFFIX}"
    ours = ", ".join((*_CHANGED, "alembic_version"))
    lines = [
        "-- The roles of the gateway's own database. Run it as an administrator, in that database; again after each",
        "-- `sekisho migrate up`.",
        "BEGIN;",
        *(_role(name) for name in (owner, writer, keeper)),
        f"DO $$ BEGIN IF {_text(writer)} = current_user OR (SELECT rolsuper FROM pg_catalog.pg_roles",
        f"  WHERE rolname = {_text(writer)}) THEN",
        "  RAISE EXCEPTION 'the role in the url of sekisho.yaml is an administrator; name one of its own there';",
        "END IF; END $$;",
        f"ALTER ROLE {_name(owner)} NOLOGIN;",
        f"ALTER ROLE {_name(writer)} LOGIN NOCREATEDB NOCREATEROLE;",
        *([f"ALTER ROLE {_name(writer)} PASSWORD {_text(password)};"] if password else []),
        f"REVOKE {_name(owner)} FROM {_name(writer)};",
        f"REVOKE {_name(keeper)} FROM {_name(writer)};",
        f"GRANT CONNECT ON DATABASE {_name(database)} TO {_name(writer)}, {_name(keeper)};",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {_name(owner)};",
        f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {_name(writer)}, {_name(keeper)};",
        f"GRANT USAGE ON SCHEMA public TO {_name(writer)}, {_name(keeper)};",
        "",
        "-- Whoever runs the gateway owns nothing here. An administrator who is no superuser hands over as a member.",
        f"GRANT {_name(owner)} TO CURRENT_USER;",
        *(f"ALTER TABLE public.{table} OWNER TO {_name(owner)};" for table in (*_CHANGED, "alembic_version")),
        *(f"ALTER FUNCTION public.{function} OWNER TO {_name(owner)};" for function in _FUNCTIONS),
        f"REVOKE ALL ON {ours} FROM PUBLIC, {_name(writer)}, {_name(keeper)};",
        "",
        "-- The writer.",
        f"GRANT SELECT ON {ours} TO {_name(writer)};",
        f"GRANT INSERT ON {', '.join(_CHANGED)} TO {_name(writer)};",
        *(f"GRANT {rights} ON {table} TO {_name(writer)};" for table, rights in _CHANGED.items() if rights),
        "",
        "-- The keeper: what the log says was pruned. The triggers refuse everything else.",
        f"GRANT SELECT, DELETE ON {', '.join(_KEPT)} TO {_name(keeper)};",
        f"GRANT SELECT ON ledger_counter, alembic_version TO {_name(keeper)};",
        f"REVOKE {_name(owner)} FROM CURRENT_USER;",
        "COMMIT;",
        "",
    ]
    return "\n".join(lines)


def _role(name: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {_text(name)}) THEN\n"
        f"  CREATE ROLE {_name(name)};\nEND IF; END $$;"
    )


async def excess(database: Database) -> list[str]:
    """Return what the role of run time may do that it should not, one sentence each; nothing on SQLite."""
    if database.dialect != "postgresql":
        return []
    return await database.read(lambda connection: list(_excess(connection)))


def _excess(connection: sa.Connection) -> Iterable[str]:
    again = "`sekisho migrate roles` prints what to run"
    name, superuser = connection.execute(
        sa.text("SELECT rolname, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")
    ).one()
    if superuser:
        yield f"the gateway runs as {name}, a superuser: nothing stops it from rewriting the audit log; {again}"
        return
    owned, changed = [], []
    for table in APPENDED:
        owns, changes = connection.execute(
            sa.text(
                "SELECT pg_has_role(relowner, 'MEMBER'),"
                " has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')"
                " FROM pg_catalog.pg_class WHERE oid = to_regclass(:table)"
            ),
            {"table": table},
        ).one_or_none() or (False, False)
        owned += [table] if owns else []
        changed += [table] if changes and not owns else []
    if owned:
        yield f"the gateway runs as {name}, which owns {', '.join(owned)}, and could drop what guards them; {again}"
    if changed:
        yield f"the gateway runs as {name}, which may change or delete in {', '.join(changed)}; {again}"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
