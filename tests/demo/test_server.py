"""The demonstration on a PostgreSQL server: the same story, nothing left behind, nothing told."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from sqlalchemy import make_url

from sekisho.cli.findings import findings
from sekisho.demo import workspace as workspaces
from sekisho.demo.server import STORES, DemoServer
from sekisho.demo.story import tell
from sekisho.demo.workspace import Built, build_workspace
from sekisho.errors import WorkspaceError
from tests.cli.conftest import _quiet, run
from tests.conftest import postgres_server
from tests.demo.trips import counted
from tests.gateway.site import opened

__all__ = ["_quiet", "run"]

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

FEW = 150


@pytest.fixture(scope="module")
def url() -> str:
    """The administrator's URL of the tests' server."""
    parts = make_url(postgres_server()).set(drivername="postgresql")
    return parts.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, url: str) -> Iterator[Built]:
    """A small demonstration with everything on the server, the gateway's own records too."""
    folder = tmp_path_factory.mktemp("server") / "demo"
    try:
        yield build_workspace(folder, customers=FEW, postgres=url, own_records=True)
    finally:
        DemoServer(url, folder).drop()


@pytest.fixture
def place(tmp_path: Path, url: str) -> Iterator[Path]:
    """The place of a workspace of the test's own, of which nothing is left on the server."""
    yield tmp_path / "demo"
    DemoServer(url, tmp_path / "demo").drop()


def ask(url: str, sql: str) -> list[tuple[object, ...]]:
    """Return the rows of *sql*."""
    with psycopg.connect(url) as connection:
        return connection.execute(sql.encode()).fetchall()


def left(url: str, folder: Path) -> list[str]:
    """Return the names of what the workspace in *folder* has on the server."""
    mine = DemoServer(url, folder).database("").rstrip("_")
    sql = f"SELECT datname FROM pg_database WHERE datname LIKE '{mine}%' UNION ALL SELECT rolname FROM pg_roles"
    return sorted(str(name) for (name,) in ask(url, f"{sql} WHERE rolname LIKE '{mine}%'"))


async def test_the_same_story_holds(built: Built) -> None:
    """All nine parts, with every expectation, over order lines, customers, tickets and records in PostgreSQL."""
    parts = [part async for part in tell(built)]
    assert [part.number for part in parts] == list(range(1, 10))
    assert [each.says for part in parts for each in part.expectations if not each.held] == []
    assert "crm.order_lines" in parts[0].asked
    assert parts[0].facts["rows_in_store"] == built.facts.lines


async def test_a_small_read_goes_twice_to_a_server(built: Built) -> None:
    """One row by key over HTTP: to the store and to the audit log; just after a decision, to the ledger, too."""
    key = "SELECT customer_id FROM crm.customers LIMIT 1"
    by_key = "SELECT customer_id, member_rank FROM crm.customers WHERE customer_id = ?"
    trips = []
    with tempfile.TemporaryDirectory() as sockets, counted(built.folder / "sekisho.yaml", Path(sockets)) as proxies:
        async with opened(built.folder) as site:
            (found,) = await site.rows("recommender", "recommendation", key)
            for still in (10.0**9, 0.0):
                site.workspace.ledger._index._still_from = still
                for _ in range(20):
                    before = sum(proxy.count for proxy in proxies)
                    assert len(await site.rows("recommender", "recommendation", by_key, found["customer_id"])) == 1
                    trips.append(sum(proxy.count for proxy in proxies) - before)
    # At first connections are opened and statements prepared; now and then the log writes a record of its own.
    assert sorted(trips[10:20])[:5] == [3] * 5, trips
    assert sorted(trips[20:])[:10] == [2] * 10, trips


def test_what_the_server_holds_is_what_the_files_held(built: Built, url: str) -> None:
    """Every order line stands there, letter by letter, nobody's too; customers and tickets stand there alone."""
    server = DemoServer(url, built.folder)
    there = ask(server.admin_url("crm"), "SELECT * FROM order_lines")
    files = pq.read_table(built.folder / "stores" / "pos" / "order_lines.parquet").to_pylist()
    assert sorted(map(repr, there)) == sorted(repr(tuple(line.values())) for line in files)
    assert ask(server.admin_url("crm"), "SELECT count(*) FROM customers") == [(built.facts.customers,)]
    assert ask(server.admin_url("support"), "SELECT count(*) FROM tickets") == [(built.facts.tickets,)]
    assert not list((built.folder / "stores").glob("*.db"))


def test_the_gateway_has_no_more_rights_than_it_needs(built: Built, url: str) -> None:
    """Check finds nothing, in the stores or the own records; a role reaches its own database alone, to read it."""
    assert findings(built.folder) == []
    server = DemoServer(url, built.folder)
    for store, other in (STORES, STORES[::-1]):
        role = server.database(store)
        ((connects, creates),) = ask(
            server.admin_url(other),
            f"SELECT has_database_privilege('{role}', current_database(), 'CONNECT'),"
            f" has_database_privilege('{role}', current_database(), 'CREATE')",
        )
        assert not connects
        assert not creates
        assert ask(url, f"SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = '{role}'") == [
            (False, False, False)
        ]


def test_passwords_stand_in_their_files_alone(built: Built) -> None:
    """A file for each role, for its owner's eyes; no other file of the workspace has any of them."""
    secrets = {path: path.read_text("ascii").strip().encode() for path in (built.folder / "var/secrets").iterdir()}
    assert {path.name for path in secrets} == {*STORES, "records"}
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    assert (built.folder / "var").stat().st_mode & 0o777 == 0o700
    for path in built.folder.rglob("*"):
        if path.is_file() and path not in secrets:
            content = path.read_bytes()
            assert not [secret for secret in secrets.values() if secret in content], path


def test_a_finished_workspace_is_used_again_and_a_dropped_one_is_built_anew(place: Path, url: str) -> None:
    """Nothing is made twice; when the server lost it, or holds another build, everything is made."""
    first = build_workspace(place, customers=20, postgres=url)
    again = build_workspace(place, customers=20, postgres=url)
    assert (first.fresh, again.fresh) == (True, False)
    server = DemoServer(url, place)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{server.database("support")}" WITH (FORCE)'.encode())
    assert build_workspace(place, customers=20, postgres=url).fresh
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"""COMMENT ON DATABASE "{server.database("crm")}" IS 'another build'""".encode())
    assert build_workspace(place, customers=20, postgres=url).fresh


@pytest.mark.parametrize("at", [pytest.param("prepare", marks=pytest.mark.long), "fill"])
def test_a_half_built_one_is_built_anew(place: Path, url: str, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """What a broken-off build left on the server is found by its name, and goes."""

    def fail(*_given: object) -> None:
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as patched:
        patched.setattr(workspaces, at, fail)
        with pytest.raises(RuntimeError):
            build_workspace(place, customers=20, postgres=url, own_records=True)
    assert len(left(url, place)) == 6
    assert not place.exists()
    assert build_workspace(place, customers=20, postgres=url).fresh
    assert len(left(url, place)) == 4


def test_two_workspaces_do_not_meet(place: Path, url: str, built: Built) -> None:
    """Each has databases and roles of its own; dropping one leaves the other."""
    build_workspace(place, customers=20, postgres=url)
    others = left(url, built.folder)
    assert not set(left(url, place)) & set(others)
    assert DemoServer(url, place).drop() == (2, 2)
    assert left(url, place) == []
    assert left(url, built.folder) == others


@pytest.mark.long
def test_the_command_drops_what_it_made(place: Path, url: str, run) -> None:
    """--drop takes the same URL and workspace, says how much there was, and repeats nothing of the URL."""
    made = run("demo", "-w", place, "--postgres", url, "--build-only", "--json")
    assert made.code == 0, made.err
    assert json.loads(made.out)["built_now"]
    told = run("demo", "-w", place, "--postgres", url, "--drop")
    assert told.code == 0
    assert "Dropped 2 databases and 2 roles." in told.err
    assert left(url, place) == []
    host = make_url(url).query.get("host") or make_url(url).host
    assert host not in made.err + made.out + told.err + told.out
    assert "Dropped 0 databases" in run("demo", "-w", place, "--postgres", url, "--drop").err


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://admin:NGsecret@localhost/postgres", "PGPASSWORD"),
        ("postgresql://NGadmin@db.shop.example/postgres", "not protected"),
        ("mysql://NGadmin@localhost/mysql", "does not name a role"),
        ("postgresql://NGadmin@127.0.0.1:1/postgres", "does not accept"),
    ],
    ids=["password", "plain", "another", "away"],
)
def test_a_url_that_cannot_be_used(tmp_path: Path, url: str, told: str) -> None:
    """Nothing is built, and no message repeats any of it."""
    with pytest.raises(WorkspaceError, match=told) as refused:
        build_workspace(tmp_path / "demo", customers=20, postgres=url)
    assert "NG" not in refused.value.detail
    assert not (tmp_path / "demo").exists()


def test_an_administrator_without_rights_is_told_so(tmp_path: Path, url: str) -> None:
    """A role that may make no databases ends the build by a sentence; nothing is left of it."""
    role = f"sekisho_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        try:
            weak = make_url(url).set(username=role, password=None).render_as_string()
            with pytest.raises(WorkspaceError, match="may not make databases and roles"):
                build_workspace(tmp_path / "demo", customers=20, postgres=weak)
        finally:
            connection.execute(f"DROP ROLE {role}".encode())
