"""The demonstration on a PostgreSQL server: databases, roles and rows, made and dropped.

A workspace has databases and roles of its own there, all called ``sekisho_demo_`` and ten letters that follow
from its place, so that what was left half-built is found again: ``sekisho_demo_1f2e3d4c5b_crm``. A database's
comment names the build that finished it.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import platform
import re
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import LiteralString
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

import psycopg
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from psycopg import sql

from sekisho.adapters.records.roles import KEEPER_SUFFIX, OWNER_SUFFIX
from sekisho.demo.builder import Progress
from sekisho.domain.terms import ColumnType, Dataset, Store
from sekisho.errors import WorkspaceError
from sekisho.settings.servers import address_fault

STORES = ("crm", "support")
"""The stores that are databases of the server; the order lines stand in the first, and in Parquet as always."""

RECORDS = "records"
"""What the database of the gateway's own records is called."""

_TYPES = {
    ColumnType.STRING: "text",
    ColumnType.INTEGER: "bigint",
    ColumnType.DOUBLE: "double precision",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp",
}
_KEYS = {"crm.customers": "customer_id", "support.tickets": "ticket_id"}
_INDEXED = {
    "crm.customers": ("UNIQUE:email",),
    "crm.order_lines": ("customer_id", "invoiced_at"),
    "support.tickets": ("customer_id", "opened_at"),
}
_ROWS = 50_000  # in one piece of a COPY
_LEAST = 140_000  # a server older than PostgreSQL 14 has not all that a session is set to


class DemoServer:
    """What one demonstration has on a server.

    Parameters
    ----------
    url:
        An administrator's, who may make databases and roles: ``postgresql://…`` without a password, which comes
        from ``PGPASSWORD`` or ``~/.pgpass``.
    folder:
        The workspace's place.

    Raises ``WorkspaceError`` when the URL cannot be used; no message repeats any of it.
    """

    def __init__(self, url: str, folder: Path) -> None:
        fault = address_fault(url, "the URL")
        if fault is not None:
            wrong, remedy = fault
            if "password" in wrong:
                remedy = "give it by PGPASSWORD or ~/.pgpass"
            raise WorkspaceError(f"{wrong[0].upper()}{wrong[1:]}; {remedy}.")
        self._url = url
        place = f"{platform.node()}:{folder.absolute()}"
        self._name = f"sekisho_demo_{hashlib.sha256(place.encode()).hexdigest()[:10]}"

    # -- addresses -----------------------------------------------------------------------------------

    def database(self, store: str) -> str:
        """Return the name of a store's database, and of the role that the gateway reads it by."""
        return f"{self._name}_{store}"

    def admin_url(self, store: str) -> str:
        """Return the administrator's URL of a store's database."""
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{self.database(store)}"))

    def role_url(self, store: str) -> str:
        """Return the URL by which the gateway's role reaches a store's database."""
        parts = urlsplit(self._url)
        place = parts.netloc.rpartition("@")[2]
        # The administrator's certificate is not the gateway's.
        kept = {key: value[0] for key, value in parse_qs(parts.query).items() if key not in {"sslcert", "sslkey"}}
        return urlunsplit(
            parts._replace(
                scheme="postgresql",
                netloc=f"{self.database(store)}@{place}",
                path=f"/{self.database(store)}",
                query=urlencode(kept, quote_via=quote, safe="/"),
            )
        )

    # -- the server ----------------------------------------------------------------------------------

    def holds(self, build: str) -> bool:
        """Return whether every database of the finished *build* stands."""
        with self._administrator() as connection:
            found = connection.execute(
                "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = ANY (%s)",
                [[self.database(store) for store in STORES]],
            ).fetchall()
        return dict(found) == {self.database(store): _comment(build) for store in STORES}

    def drop(self) -> tuple[int, int]:
        """Drop the workspace's databases, whoever uses them, and its roles; return how many there were of each."""
        with self._administrator() as connection:
            roles = self._found(connection, "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) ORDER BY 1")
            databases = self._found(connection, "SELECT datname FROM pg_database WHERE datname = ANY (%s) ORDER BY 1")
            for role in roles:
                # Whoever belongs to it may end its connections and drop what it owns.
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
            for database in databases:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
            for role in roles:
                connection.execute(sql.SQL("DROP ROLE {}").format(role))
        return len(databases), len(roles)

    def _found(self, connection: psycopg.Connection, named: LiteralString) -> list[sql.Identifier]:
        """Return those of the workspace's names that *named* finds."""
        names = [self.database(store) for store in (*STORES, RECORDS)]
        names += [names[-1] + suffix for suffix in (OWNER_SUFFIX, KEEPER_SUFFIX)]  # of `sekisho migrate roles`
        return [sql.Identifier(name) for (name,) in connection.execute(named, [names])]

    def make(self, *, records: bool) -> None:
        """Make the databases anew, empty, and the role of the own records with a database of its own."""
        self.drop()
        with self._administrator() as connection:
            if connection.info.server_version < _LEAST:
                raise WorkspaceError("The demonstration needs PostgreSQL 14 or newer.")
            for store in (*STORES, RECORDS) if records else STORES:
                name = sql.Identifier(self.database(store))
                # Texts compare by their letters' codes, as in the other engines: one order of rows in all.
                connection.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'").format(name)
                )
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))

    def own_records(self, password: str) -> str:
        """Give the own records' role its database; return the URL of it, in which no password stands."""
        from sekisho.adapters.stores.postgresql.rights import verifier  # noqa: PLC0415 - loads the driver

        role = sql.Identifier(self.database(RECORDS))
        with self._administrator() as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(verifier(password)))
            )
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(role, role))
        return self.role_url(RECORDS)

    def restrict(self, url: str) -> None:
        """Take from the role that *url* of the own records names what it needed to make them; see ``roles``."""
        from sekisho.adapters.records.roles import script  # noqa: PLC0415 - loads the driver
        from sekisho.adapters.stores.postgresql import rights  # noqa: PLC0415 - loads the driver

        name = sql.Identifier(self.database(RECORDS))
        with self._administrator() as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(name))
        asyncio.run(rights.apply(script(url), self.admin_url(RECORDS)))

    def finish(self, build: str) -> None:
        """Say in the comment of each database that *build* is done."""
        with self._administrator() as connection:
            for store in STORES:
                connection.execute(
                    sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                        sql.Identifier(self.database(store)), sql.Literal(_comment(build))
                    )
                )

    def load(self, stores: Path, datasets: Mapping[str, Dataset], tell: Progress) -> None:
        """Make the tables of the server's *datasets* and fill them from the files in *stores*, by COPY."""
        mine = [dataset for dataset in datasets.values() if dataset.store in STORES]
        sources = {dataset.name: _source(stores, dataset) for dataset in mine}
        rows = sum(count for count, _ in sources.values())
        done = 0
        for dataset in mine:
            with self._administrator(dataset.store) as connection, connection.transaction():
                table = sql.Identifier("public", dataset.relation)
                names = sql.SQL(", ").join(sql.Identifier(column.name) for column in dataset.columns)
                connection.execute(_table(dataset))
                # The table is new in this transaction: its rows need no vacuum.
                copying = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, FREEZE)").format(table, names)
                with connection.cursor().copy(copying) as copy:
                    for batch in sources[dataset.name][1]:
                        copy.write(_csv(batch))
                        done += batch.num_rows
                        tell("PostgreSQL", done / max(rows, 1))
                for column in _INDEXED[dataset.name]:
                    unique, _, name = column.rpartition(":")
                    connection.execute(
                        sql.SQL("CREATE {} INDEX ON {} ({})").format(sql.SQL(unique), table, sql.Identifier(name))
                    )
                connection.execute(sql.SQL("ANALYZE {}").format(table))

    @contextmanager
    def _administrator(self, store: str | None = None) -> Iterator[psycopg.Connection]:
        """Hold a connection that commits each statement. Raises ``WorkspaceError`` without the server's words."""
        url = self._url if store is None else self.admin_url(store)
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=10, options="-c search_path=public") as held:
                yield held
        except psycopg.errors.InsufficientPrivilege:
            raise WorkspaceError("The role of the URL may not make databases and roles on the server.") from None
        except psycopg.OperationalError:
            raise WorkspaceError(
                "The server does not accept the URL's role, or went away; look at the URL, PGPASSWORD and ~/.pgpass."
            ) from None
        except psycopg.Error as fault:
            # The server's own text may name what was in a row.
            raise WorkspaceError(f"The server refused a step of the build ({fault.sqlstate}).") from None


def new_password(folder: Path, store: str) -> str:
    """Write a new password for a store's role below *folder*, for its owner alone; return it."""
    place = folder / password_file(store)
    for each in (folder / "var", place.parent):
        each.mkdir(mode=0o700, exist_ok=True)
    password = secrets.token_urlsafe(24)
    place.touch(mode=0o600)
    place.write_text(f"{password}\n", encoding="ascii")
    return password


def password_file(store: str) -> str:
    """Return where a store's password stands, relative to the workspace."""
    return f"var/secrets/{store}"


def in_server(shipped: bytes, server: DemoServer, records: str | None) -> bytes:
    """Return the shipped workspace file with the server's stores, and with *records*, the own records' URL."""
    text = shipped.decode()
    for store in STORES:
        text, changed = re.subn(
            rf"^  {store}: \{{kind: sqlite, location: .*\}}$",
            lambda _, name=store: (  # type: ignore[misc]  # a default says which store it is
                f"  {name}:\n    kind: postgresql\n    url: {json.dumps(server.role_url(name))}\n"
                f"    password_file: {password_file(name)} # mode 0600"
            ),
            text,
            flags=re.MULTILINE,
        )
        if changed != 1:
            raise WorkspaceError(f"The shipped {store} store is not where it was expected.")
    # The same lines as in the shop's files, beside the customers: joins run inside the server.
    lines = re.search(r"^  pos\.order_lines:\n(?:    .*\n)+", text, re.MULTILINE)
    if lines is None:
        raise WorkspaceError("The shipped order lines are not where they were expected.")
    copied = lines.group().replace("  pos.order_lines:", "  crm.order_lines:", 1)
    copied = re.sub(r"relation: .*", "relation: order_lines", copied, count=1)
    copied = re.sub(r"title: .*", "title: {ja: 注文明細 (CRM), en: Order lines in the CRM}", copied, count=1)
    text = text.replace(lines.group(), f"{lines.group()}\n{copied}", 1)
    if records is not None:
        url = f"url: {json.dumps(records)}\n  password_file: {password_file(RECORDS)} # mode 0600"
        text = text.replace("url: sqlite:///var/sekisho.db", url, 1)
    return text.encode()


def rows_of(store: Store, dataset: Dataset) -> tuple[list[str], list[tuple[object, ...]]]:
    """Return the columns of a dataset in PostgreSQL and its rows, read as the gateway's own role."""
    password = Path(store.password_file).read_text(encoding="ascii").strip() if store.password_file else None
    names = [column.name for column in dataset.columns]
    with psycopg.connect(store.location, password=password, connect_timeout=10) as connection:
        found = connection.execute(
            sql.SQL("SELECT {} FROM {}").format(
                sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier("public", dataset.relation)
            )
        )
        return names, found.fetchall()


def _comment(build: str) -> str:
    return f"Demonstration of Sekisho, build {build}; sekisho demo --drop removes it"


def _table(dataset: Dataset) -> sql.Composed:
    columns = [
        sql.SQL("{} {}").format(
            sql.Identifier(column.name),
            sql.SQL(_TYPES[column.type] + (" PRIMARY KEY" if _KEYS.get(dataset.name) == column.name else "")),
        )
        for column in dataset.columns
    ]
    return sql.SQL("CREATE TABLE {} ({})").format(
        sql.Identifier("public", dataset.relation), sql.SQL(", ").join(columns)
    )


def _source(stores: Path, dataset: Dataset) -> tuple[int, Iterator[pa.RecordBatch]]:
    """Return how many rows *dataset* has in the built files, and the rows."""
    if dataset.name == "crm.order_lines":
        file = pq.ParquetFile(stores / "pos" / "order_lines.parquet")
        names = [column.name for column in dataset.columns]
        return file.metadata.num_rows, file.iter_batches(_ROWS, columns=names)
    path = stores / f"{dataset.store}.db"
    with closing(_opened(path)) as connection:
        count: int = connection.execute(f'SELECT count(*) FROM "{dataset.relation}"').fetchone()[0]
    return count, _sqlite_rows(path, dataset)


def _sqlite_rows(path: Path, dataset: Dataset) -> Iterator[pa.RecordBatch]:
    kinds = {ColumnType.INTEGER: pa.int64(), ColumnType.BOOLEAN: pa.int64(), ColumnType.DOUBLE: pa.float64()}
    schema = pa.schema([(column.name, kinds.get(column.type, pa.string())) for column in dataset.columns])
    names = ", ".join(f'"{name}"' for name in schema.names)
    with closing(_opened(path)) as connection:
        cursor = connection.execute(f'SELECT {names} FROM "{dataset.relation}"')
        while rows := cursor.fetchmany(_ROWS):
            columns = zip(*rows, strict=True)
            yield pa.record_batch(
                [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)], schema=schema
            )


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _csv(batch: pa.RecordBatch) -> bytes:
    """Return *batch* as CSV: texts are quoted, so that an empty text is not a missing one."""
    whole = io.BytesIO()
    pc.write_csv(batch, whole, pc.WriteOptions(include_header=False))
    return whole.getvalue()
