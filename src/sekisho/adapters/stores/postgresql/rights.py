"""The rights that the gateway needs in a PostgreSQL store, as a script for its administrator.

The role may read the governed columns, nothing else, and owns one schema, ``sekisho``, for the people tables; none
where the store is declared with ``writes: false``.
The script can be run again: it takes back what was granted by an earlier catalogue.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from sekisho.adapters.stores.postgresql.inspection import SCHEMA, physical, quoted
from sekisho.adapters.stores.postgresql.session import FAULTS, SETTINGS
from sekisho.domain.terms import Dataset, Store
from sekisho.errors import StoreUnavailable

_SUPERUSER = "(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)"
_ITERATIONS = 4096  # PostgreSQL's own default


def role_and_database(store: Store) -> tuple[str, str]:
    """Return the role and the database that the store's URL names."""
    parts = urlsplit(store.location)
    given = parse_qs(parts.query)
    role = unquote(parts.username or "") or given.get("user", [""])[0]
    return role, unquote(parts.path.removeprefix("/")) or role


def verifier(password: str, salt: bytes | None = None) -> str:
    """Return what PostgreSQL keeps of *password* (SCRAM-SHA-256, RFC 5803): the password cannot be read from it."""
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    told = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{told[0]}${told[1]}:{told[2]}"


def script(store: Store, datasets: Iterable[Dataset], *, password: str | None, connections: int) -> str:
    """Return the SQL that gives the role of *store* what it needs, and takes everything else from it.

    Parameters
    ----------
    store:
        Names role and database by its URL.
    datasets:
        Those of the store.
    password:
        Of the role; ``None`` leaves the server's as it is (certificates, peer authentication).
    connections:
        How many connections all workers together may have.
    """
    role, database = role_and_database(store)
    name, text = quoted(role), _text(role)
    relations = [(quoted(*physical(dataset)), dataset) for dataset in datasets]
    schemas = sorted({physical(dataset)[0] for _, dataset in relations})
    settings = SETTINGS | {"idle_in_transaction_session_timeout": "60000", "statement_timeout": "60000"}
    lines = [
        f"-- The gateway's rights in the store {store.name}. Run it as an administrator; again after each change of",
        "-- the store's datasets in sekisho.yaml.",
        "BEGIN;",
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {text}) THEN",
        f"  CREATE ROLE {name};",
        "END IF; END $$;",
        f"ALTER ROLE {name} LOGIN",
        f"  CONNECTION LIMIT {connections}{f' PASSWORD {_text(verifier(password))}' if password else ''};",
        "-- Only a superuser may take these away; any other administrator makes a schema for a role it belongs to.",
        f"DO $$ BEGIN IF {_SUPERUSER} THEN",
        f"  ALTER ROLE {name} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;",
        "ELSE",
        f"  GRANT {name} TO CURRENT_USER;",
        "END IF; END $$;",
        f"GRANT CONNECT ON DATABASE {quoted(database)} TO {name};",
        *(
            f"ALTER ROLE {name} IN DATABASE {quoted(database)} SET {quoted(setting)} = {_value(setting, value)};"
            for setting, value in settings.items()
        ),
        "-- Values that a statement is run with stay out of the server's log; only a superuser may set this.",
        f"DO $$ BEGIN IF {_SUPERUSER} THEN",
        f"  ALTER ROLE {name} IN DATABASE {quoted(database)} SET log_parameter_max_length = 0;",
        "END IF; END $$;",
        "",
        *(_own_schema(name) if store.writes else ()),
        "-- To read the columns of the catalogue.",
    ]
    for schema in schemas:
        lines += [
            f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {name};",
            f"REVOKE ALL ON ALL TABLES IN SCHEMA {quoted(schema)} FROM {name};",
        ]
    for relation, dataset in relations:
        columns = ", ".join(quoted(column.name) for column in dataset.columns)
        lines += [
            f"REVOKE ALL ON TABLE {relation} FROM PUBLIC;",
            f"GRANT SELECT ({columns}) ON TABLE {relation} TO {name};",
        ]
    lines += [
        "",
        f"DO $$ BEGIN IF NOT {_SUPERUSER} THEN",
        f"  REVOKE {name} FROM CURRENT_USER;",
        "END IF; END $$;",
        "COMMIT;",
        "",
    ]
    return "\n".join(lines)


def _own_schema(role: str) -> tuple[str, ...]:
    return (
        "-- One schema of its own, for the people tables.",
        f"CREATE SCHEMA IF NOT EXISTS {quoted(SCHEMA)} AUTHORIZATION {role};",
        f"ALTER SCHEMA {quoted(SCHEMA)} OWNER TO {role};",
        f"REVOKE ALL ON SCHEMA {quoted(SCHEMA)} FROM PUBLIC;",
        "",
    )


async def apply(text: str, url: str) -> None:
    """Run a :func:`script` as the administrator of *url*. Raises ``StoreUnavailable``; then nothing was changed."""
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except FAULTS:
        raise StoreUnavailable("The server does not accept the administrator; look at the URL.") from None
    try:
        await connection.execute(text)
    except asyncpg.PostgresError as fault:
        # Its text names roles, tables and columns here, and no value of a row.
        raise StoreUnavailable(f"The script stopped, and nothing was changed: {fault.args[0]}.") from None
    except FAULTS:
        raise StoreUnavailable("The connection broke while the script ran; run it again.") from None
    finally:
        connection.terminate()


def _value(setting: str, value: str) -> str:
    return value if setting == "search_path" else _text(value)  # a list of names, not one name


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
