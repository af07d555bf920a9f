"""Stores in a server that asks for a password over TLS: what the URL asks for is what happens, or nothing does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.stores.postgresql import rights
from sekisho.adapters.stores.postgresql.session import Session, connect
from sekisho.cli.findings import findings
from sekisho.demo.server import DemoServer
from sekisho.demo.workspace import build_workspace
from sekisho.domain.terms import Store, StoreKind
from sekisho.errors import StoreUnavailable
from sekisho.settings import load
from tests.adapters.stores.cluster import Cluster, certificate, cluster
from tests.adapters.stores.worker import VISITS

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

PASSWORD = "NGpässword's-own"


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A server with the visits, and the role ``gate`` with a password, made by the script of its rights."""
    with cluster() as made:
        made.run("CREATE DATABASE crm", "CREATE ROLE manager LOGIN CREATEDB CREATEROLE PASSWORD 'NGadmin'")
        admin = made.admin.replace("/postgres?", "/crm?")
        store = Store("crm", StoreKind.POSTGRESQL, f"postgresql://gate@localhost:{made.port}/crm")
        asyncio.run(rights.apply("CREATE TABLE visits (customer_id bigint, place text)", admin))
        text = rights.script(store, [VISITS], password=PASSWORD, connections=10)
        asyncio.run(rights.apply(text, admin))
        yield made


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """The file of the role's password."""
    file = tmp_path / "secret"
    file.write_text(f"{PASSWORD}\n", "utf-8")
    file.chmod(0o600)
    return file


def store(server: Cluster, secret: Path | None, options: str, host: str = "localhost") -> Store:
    """Return the store as *options* of its URL say; ``CA`` in them is the file of the server's authority."""
    query = options.replace("CA", str(server.ca))
    url = f"postgresql://gate@{host}:{server.port}/crm{query and '?'}{query}"
    return Store("crm", StoreKind.POSTGRESQL, url, None if secret is None else str(secret))


async def secured(session: Session) -> bool:
    """Return whether the server says that the connection is encrypted; it ends."""
    try:
        found = await session.connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return bool(found)
    finally:
        await session.end()


def connected(store: Store) -> psycopg.Connection:
    """Open a connection as the gateway's role."""
    assert store.password_file is not None
    return psycopg.connect(store.location, password=Path(store.password_file).read_text("ascii").strip())


@pytest.mark.parametrize(
    "options",
    ["sslmode=verify-full&sslrootcert=CA", "sslmode=verify-ca&sslrootcert=CA", "sslmode=require", ""],
    ids=["verify-full", "verify-ca", "require", "nothing-said"],
)
async def test_the_password_in_its_file_signs_in_over_tls(server: Cluster, secret: Path, options: str) -> None:
    """The role signs in by SCRAM with the file's password, and the connection is encrypted."""
    assert await secured(await connect(store(server, secret, options), [VISITS], statement_s=5))


async def test_a_new_password_is_read_when_a_connection_is_opened(server: Cluster, secret: Path) -> None:
    """Nothing has to be started again after the password was changed on the server and in the file."""
    named = store(server, secret, "sslmode=verify-full&sslrootcert=CA")
    try:
        await asyncio.to_thread(server.run, f"ALTER ROLE gate PASSWORD '{rights.verifier('another')}'")
        with pytest.raises(StoreUnavailable):
            await connect(named, [VISITS], statement_s=5)
        await asyncio.to_thread(secret.write_text, "another", "utf-8")
        assert await secured(await connect(named, [VISITS], statement_s=5))
    finally:
        await asyncio.to_thread(server.run, f"ALTER ROLE gate PASSWORD '{rights.verifier(PASSWORD)}'")


@pytest.mark.parametrize(
    ("options", "host"),
    [
        ("sslmode=verify-full&sslrootcert=OTHER", "localhost"),
        ("sslmode=verify-ca&sslrootcert=OTHER", "localhost"),
        ("sslmode=verify-full&sslrootcert=CA", "127.0.0.1"),
        ("sslmode=verify-full&sslrootcert=/none", "localhost"),
        ("sslmode=verify-full", "localhost"),
    ],
    ids=["other-authority", "other-authority-ca", "other-host", "no-file", "no-authority"],
)
async def test_a_server_that_cannot_prove_itself_is_refused(
    server: Cluster, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, host: str
) -> None:
    """A certificate of another authority or for another host ends the attempt; the message tells no secret."""
    monkeypatch.setenv("HOME", str(tmp_path))  # where the driver would look for an authority
    other = certificate(tmp_path, "other", None)
    with pytest.raises(StoreUnavailable) as refused:
        await connect(store(server, secret, options.replace("OTHER", str(other)), host), [VISITS], statement_s=5)
    assert "NG" not in refused.value.detail


@pytest.mark.parametrize("given", ["wrong", "none", "away"])
async def test_a_wrong_password_is_refused_without_being_told(
    server: Cluster, secret: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong, a missing or an unreadable password ends the attempt, and none is repeated."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    if given == "wrong":
        await asyncio.to_thread(secret.write_text, "NGother", "utf-8")
    if given == "away":
        await asyncio.to_thread(secret.unlink)
    named = store(server, None if given == "none" else secret, "sslmode=verify-full&sslrootcert=CA")
    with pytest.raises(StoreUnavailable) as refused:
        await connect(named, [VISITS], statement_s=5)
    assert "NG" not in refused.value.detail


async def test_plain_text_only_where_the_url_allows_it(server: Cluster, secret: Path) -> None:
    """A server without TLS is refused by every mode that asks for it, and accepted by those that do not."""
    await asyncio.to_thread(server.speak_tls, on=False)
    try:
        for mode in ("require", "verify-ca&sslrootcert=CA", "verify-full&sslrootcert=CA"):
            with pytest.raises(StoreUnavailable):
                await connect(store(server, secret, f"sslmode={mode}"), [VISITS], statement_s=5)
        for mode in ("prefer", "disable"):
            plain = await connect(store(server, secret, f"sslmode={mode}"), [VISITS], statement_s=5)
            assert not await secured(plain)
    finally:
        await asyncio.to_thread(server.speak_tls, on=True)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_nothing_is_said_to_whoever_declines_tls(server: Cluster, secret: Path, mode: str) -> None:
    """Somebody on the way who answers that there is no TLS hears neither role nor password."""
    heard: list[bytes] = []
    ended = asyncio.Event()

    async def decline(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heard.append(await reader.readexactly(8))
            writer.write(b"N")
            heard.append(await reader.read(1_000))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            ended.set()

    listener = await asyncio.start_server(decline, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        url = f"postgresql://gate@localhost:{port}/crm?sslmode={mode}&sslrootcert={server.ca}"
        with pytest.raises(StoreUnavailable):
            await connect(Store("crm", StoreKind.POSTGRESQL, url, str(secret)), [VISITS], statement_s=5)
        await ended.wait()
    assert heard == [bytes([0, 0, 0, 8, 4, 210, 22, 47]), b""]  # the request for TLS (80877103), and nothing else


def test_the_demonstration_over_tls_by_passwords(
    server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator with a password, who is no superuser, builds it, drops it, and is taken for no other."""
    monkeypatch.setenv("PGPASSWORD", "NGadmin")
    url = f"postgresql://manager@localhost:{server.port}/postgres?sslmode=verify-full&sslrootcert={server.ca}"
    folder = tmp_path / "demo"
    build_workspace(folder, customers=20, postgres=url, own_records=True)
    monkeypatch.delenv("PGPASSWORD")
    try:
        settings = load(folder)
        assert findings(folder) == []
        assert {each.location.partition("?")[2] for each in settings.catalogue.stores.values()} == {
            "", f"sslmode=verify-full&sslrootcert={server.ca}"
        }  # fmt: skip
        migrate(settings.database_url)
        with psycopg.connect(server.admin) as connection:
            members = connection.execute(
                "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = 'manager'::regrole"
            ).fetchall()
        assert [role for (role,) in members if not role.endswith("_records")] == []
        assert "NGadmin" not in (folder / "sekisho.yaml").read_text("utf-8")
    finally:
        monkeypatch.setenv("PGPASSWORD", "NGadmin")
        with connected(settings.catalogue.stores["crm"]):  # the gateway is still there
            assert DemoServer(url, folder).drop() == (3, 5)


async def test_a_wrong_password_of_the_own_records_is_not_told(server: Cluster) -> None:
    """The URL that the own database is opened by stands in no message."""
    url = f"postgresql+psycopg://gate:NGother@localhost:{server.port}/crm?sslmode=require"
    database = Database(url)
    try:
        with pytest.raises(Exception) as refused:  # noqa: PT011 - whatever it is
            await database.peek("SELECT 1")
        assert "NG" not in f"{refused.value!r} {refused.value}"
    finally:
        await database.close()
