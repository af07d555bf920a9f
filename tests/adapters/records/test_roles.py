"""Under the role that the script makes the gateway works, and cannot rewrite its records; nor does a slip do it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import asked_tables, scan_tables  # noqa: F401 - what they declare has an owner, too
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, DatabaseFailed, migrate
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.adapters.records.roles import APPENDED, excess, script
from sekisho.adapters.records.tables import metadata
from sekisho.adapters.records.views import SqlViewCache
from sekisho.adapters.stores.postgresql.rights import verifier
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.ports import AuditEntry, AuditQuery, ConsentEventInput
from tests.adapters.records.conftest import PURPOSES
from tests.conftest import postgres_server

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

FORBIDDEN = [
    *(
        f"{verb} {table}{rest}"
        for table in APPENDED
        for verb, rest in (("DELETE FROM", ""), ("TRUNCATE", " CASCADE"))
    ),
    "UPDATE audit_record SET kind = 'other'",
    "UPDATE audit_subject SET refs = ''",
    "UPDATE audit_head SET note = ''",
    "UPDATE audit_pruned SET anchor = ''",
    "UPDATE consent_event SET kind = 'give'",
    "UPDATE view_release SET sealed = ''",
    "ALTER TABLE audit_record DISABLE TRIGGER USER",
    "DROP TRIGGER audit_record_no_update ON audit_record",
    "DROP TABLE audit_record CASCADE",
    "CREATE TABLE mine (x int)",
    "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$",
    "SET session_replication_role = replica",
]
BY_TRIGGER = [
    f"{what} {table}{rest}"
    for table in ("audit_record", "audit_subject", "audit_head")
    for what, rest in (("DELETE FROM", ""), ("TRUNCATE", " CASCADE"))
] + [
    "UPDATE audit_record SET kind = 'other'",
    "UPDATE audit_subject SET refs = ''",
    "UPDATE audit_head SET note = ''",
]


@contextmanager
def made() -> Iterator[tuple[URL, URL]]:
    """Yield the URLs of a migrated database: its administrator's, and that of a writer that the script made."""
    admin = make_url(postgres_server()).set(drivername="postgresql+psycopg")
    name = f"sekisho_test_{uuid.uuid4().hex}"
    engine = sa.create_engine(admin, isolation_level="AUTOCOMMIT")
    ours = admin.set(database=name)
    writer = ours.set(username=f"{name}_w", password="a 'quoted\" word")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        migrate(ours.render_as_string(hide_password=False))
        text = script(writer.render_as_string(hide_password=False), password=verifier(str(writer.password)))
        for _ in range(2):  # it can be run again
            run(ours, text)
        yield ours, writer
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            for role in ("", "_owner", "_keeper"):
                connection.exec_driver_sql(f"DROP ROLE IF EXISTS {name}_w{role}")
        engine.dispose()


@pytest.fixture
def server() -> Iterator[tuple[URL, URL]]:
    """A database of the test's own."""
    with made() as urls:
        yield urls


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[URL, URL]]:
    """A database with records, people and heads, for tests whose statements change nothing."""
    folder = tmp_path_factory.mktemp("written")

    async def fill(url: URL) -> None:
        database = Database(url.render_as_string(hide_password=False))
        opened = await _begun(database, FileKeyRing.create(folder / "keys"), folder)
        await opened.close()
        await database.close()

    with made() as urls:
        asyncio.run(fill(urls[1]))
        yield urls


def run(url: URL, text: str) -> None:
    """Run SQL as psql does."""
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        connection.execute(text)


@pytest.fixture
async def database(server: tuple[URL, URL]) -> AsyncIterator[Database]:
    """The database as the gateway opens it, under the writer."""
    opened = Database(server[1].render_as_string(hide_password=False))
    yield opened
    await opened.close()


@pytest.fixture
async def log(database: Database, keys: FileKeyRing, tmp_path: Path) -> AsyncIterator[SqlAuditLog]:
    """A log with records, people and heads, begun twice."""
    opened = await _begun(database, keys, tmp_path)
    yield opened
    await opened.close()


async def _begun(database: Database, keys: FileKeyRing, folder: Path) -> SqlAuditLog:
    for _ in range(2):
        opened = SqlAuditLog(database, keys, SystemClock(), folder / "heads")
        await opened.start()
        await opened.append(AuditEntry("access.release", {"subjects": ["0" * 32, "f" * 32]}))
        await opened.settled()
        await opened.close()
    opened = SqlAuditLog(database, keys, SystemClock(), folder / "heads")
    await opened.start()
    return opened


async def test_the_gateways_records_are_written_under_the_role(log, database, keys, tmp_path) -> None:
    """People are registered, consent is given, read, erased, the log is written and proved, a view released once."""
    ledger = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    people = PeopleRegistry(database, keys, record=ledger.record_within)
    await people.register("customer_id", ["a", "b"])
    given = ConsentEventInput(
        SubjectNumber(1), "lifecycle_email", (Cell("lifecycle_email"),), ConsentEventKind.GIVE, "web_form", "desk"
    )
    await ledger.record([given])
    assert (await ledger.view((Cell("lifecycle_email"),))).members().tolist() == [1]
    await people.erase(SubjectNumber(1))
    assert len(await log.search(AuditQuery(data_subject="f" * 32))) == 2
    views = SqlViewCache(database, keys, tmp_path / "views")
    released = await views.put("sales", "a" * 64, pa.table({"people": [40]}))
    other = SqlViewCache(database, keys, tmp_path / "other")
    assert released.equals(await other.put("sales", "a" * 64, pa.table({"people": [41]})))
    assert await AuditTree(database, keys, tmp_path / "tree", tmp_path / "heads").advance()
    assert await excess(database) == []


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_role_rewrites_nothing(written, statement) -> None:
    """Each statement that would change or delete what is only appended to, or what guards it, is refused."""
    database = Database(written[1].render_as_string(hide_password=False))
    with pytest.raises(DatabaseFailed, match="InsufficientPrivilege"):
        await database.run(lambda connection: connection.execute(sa.text(statement)))
    await database.close()


@pytest.mark.parametrize("statement", BY_TRIGGER)
def test_the_triggers_hold_the_owner_too(written, statement) -> None:
    """Whoever has every right is stopped by the triggers until they are taken away on purpose."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="the audit log is only appended to"):
        run(written[0], statement)


@pytest.mark.parametrize("statement", BY_TRIGGER[:1] + BY_TRIGGER[2:3] + BY_TRIGGER[4:5])
def test_the_keeper_deletes_nothing_that_no_record_says_was_pruned(written, statement) -> None:
    """The keeper has the right to delete, and the triggers hold it to what a record says."""
    admin, writer = written
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="the audit log is only appended to"):
        run(admin, f'SET ROLE "{writer.username}_keeper"; {statement}')


async def test_every_table_has_an_owner_who_signs_in_nowhere(server) -> None:
    """No table is left to the administrator or the writer, and the owner has no login."""

    def owners() -> list[tuple[str, bool]]:
        with psycopg.connect(server[0].set(drivername="postgresql").render_as_string(hide_password=False)) as c:
            return c.execute(
                "SELECT relname, rolname = %s AND NOT rolcanlogin FROM pg_class JOIN pg_roles r ON r.oid = relowner"
                " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
                [f"{server[1].username}_owner"],
            ).fetchall()

    found = dict(await asyncio.to_thread(owners))
    assert found.keys() == {*metadata.tables, "alembic_version"}
    assert all(found.values())


async def test_what_the_role_could_do_too_much_is_said(server, database) -> None:
    """A superuser, an owner of a guarded table and a role that may delete are each named by the check."""
    admin, writer = server
    mighty = Database(admin.render_as_string(hide_password=False))
    (says,) = await excess(mighty)
    await mighty.close()
    assert "superuser" in says
    await asyncio.to_thread(run, admin, f'GRANT DELETE ON audit_record TO "{writer.username}"')
    (says,) = await excess(database)
    assert "may change or delete in audit_record" in says
    await asyncio.to_thread(run, admin, f'ALTER TABLE audit_head OWNER TO "{writer.username}"')
    assert "owns audit_head" in (await excess(database))[0]
