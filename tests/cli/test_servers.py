"""A workspace with a store in PostgreSQL, from the command line: rights, check, query, people tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sekisho.settings import load
from tests.adapters.stores.servers import Server, database
from tests.cli.moved import FILE, in_server, move_crm

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

STATEMENT = "SELECT member_rank, count(*) AS customers FROM crm.customers GROUP BY member_rank ORDER BY member_rank"
ROWS = "SELECT customer_id, postal_code, birth_date FROM crm.customers ORDER BY customer_id"


@dataclass
class Site:
    """A demonstration workspace whose CRM is in PostgreSQL."""

    folder: Path
    server: Server


@pytest.fixture
def site(workspace: Path) -> Iterator[Site]:
    """The CRM of the demonstration, moved to a server; the role has no rights yet."""
    with database() as server:
        move_crm(workspace, server)
        yield Site(workspace, server)


def requester_of(site: Site) -> str:
    """Return somebody who may ask for recommendations."""
    declared = load(site.folder).catalogue.requesters
    return next(name for name, each in declared.items() if "recommendation" in each.purposes)


def ready(site: Site, run) -> None:
    """Run the script of the store's rights as the administrator."""
    done = run("stores", "bootstrap", "crm", "-w", site.folder, "--apply", site.server.admin)
    assert (done.code, done.out) == (0, ""), done.err


def query(
    site: Site, run, sql: str, purpose: str = "recommendation", requester: str = "recommender"
) -> list[list[object]]:
    """Return the rows of an answer."""
    done = run("query", "-w", site.folder, "-r", requester_of(site), "--purpose", purpose, "--format", "json", sql)
    assert done.code == 0, done.err
    rows: list[list[object]] = json.loads(done.out)["rows"]
    return rows


def test_the_answers_are_those_of_the_same_table_elsewhere(run, site) -> None:
    """What a requester gets does not depend on the engine that holds the data."""
    ready(site, run)
    mine = query(site, run, STATEMENT)
    rows = query(site, run, ROWS)
    file = site.folder / "sekisho.yaml"
    file.write_text(file.read_text().replace(in_server(site.server), FILE))
    assert mine == query(site, run, STATEMENT)
    assert rows == query(site, run, ROWS)
    assert len(rows) > 10


def test_before_the_script_has_run_check_says_what_is_missing(run, site) -> None:
    """Without its role the store is not in order, and check names the command."""
    done = run("check", "-w", site.folder)
    assert done.code == 1
    assert "store crm" in done.out
    ready(site, run)
    done = run("check", "-w", site.folder)
    assert done.code == 0, done.out


@pytest.mark.parametrize(
    ("change", "told", "code"),
    [
        ("ALTER TABLE customers DROP COLUMN birth_date", "no column birth_date", 1),
        ("ALTER TABLE customers RENAME TO moved", "no table customers", 1),
        ("REVOKE ALL ON customers FROM {role}", "may not read", 1),
        ("DROP SCHEMA sekisho", "no schema sekisho", 1),
        ("GRANT UPDATE ON customers TO {role}", "may change a governed table", 1),
        ("ALTER ROLE {role} BYPASSRLS", "bypasses row-level security", 1),
        ("ALTER TABLE customers ALTER member_rank TYPE text[] USING ARRAY[member_rank]", "correct its type", 1),
        ("ALTER TABLE customers ADD COLUMN password text", "nobody can ask for them: password", 0),
        (
            "ALTER TABLE customers ADD COLUMN more text; GRANT SELECT ON customers TO {role}",
            "which nobody governs",
            0,
        ),
        ("GRANT SELECT (birth_date) ON customers TO PUBLIC; CREATE ROLE {role}_two LOGIN", "{role}_two", 0),
    ],
    ids=["column", "table", "right", "schema", "write", "bypass", "type", "undeclared", "ungoverned", "others"],
)
def test_check_holds_the_catalogue_against_the_server(run, site, change, told, code) -> None:
    """Missing tables, columns and rights, excess of the role, other types and other readers are findings."""
    ready(site, run)
    role = site.server.role
    site.server.run(change.format(role=role))
    try:
        done = run("check", "-w", site.folder)
        assert told.format(role=role) in done.out
        assert done.code == code
    finally:
        site.server.run(f"DROP ROLE IF EXISTS {role}_two")


def test_people_tables_are_written_anew(run, site) -> None:
    """The command writes what is in use, whatever stands there; it is recorded."""
    ready(site, run)
    before = query(site, run, ROWS)
    ((table,),) = site.server.run("SELECT projection FROM sekisho.applied")
    site.server.run(f'DELETE FROM sekisho."{table}" WHERE n % 2 = 0')
    assert len(query(site, run, ROWS)) < len(before)
    done = run("stores", "sync", "crm", "-w", site.folder, "--json")
    assert (done.code, json.loads(done.out)) == (0, [{"store": "crm", "people_tables": [table]}]), done.err
    assert query(site, run, ROWS) == before


def test_a_ledger_that_is_older_than_the_store_is_refused(run, site) -> None:
    """What a store has seen of the ledger must still be there: else everything is denied."""
    ready(site, run)
    query(site, run, ROWS)
    site.server.run("UPDATE sekisho.applied SET consent = consent + 1000000")
    done = run("query", "-w", site.folder, "-r", requester_of(site), "--purpose", "recommendation", ROWS)
    assert done.code == 1
    assert "consent_unavailable" in done.err + done.out


def test_the_script_is_printed(run, site) -> None:
    """Without --apply nothing is changed: the script is for an administrator to read and to run."""
    done = run("stores", "bootstrap", "crm", "-w", site.folder, "--connections", "12")
    assert done.code == 0
    assert "CONNECTION LIMIT 12" in done.out
    assert 'GRANT SELECT ("customer_id"' in done.out
    assert site.server.run(f"SELECT 1 FROM pg_roles WHERE rolname = '{site.server.role}'") == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "no such store"),
        (["pos", "--apply", "postgresql://admin@localhost/crm"], "no store in a server"),
        (["crm", "--apply", "postgresql://admin:s3cret@db/crm"], "PGPASSWORD"),
    ],
    ids=["unknown", "files", "password"],
)
def test_a_script_that_cannot_be_made(run, site, arguments, told) -> None:
    """Files are not changed by a server's administrator, and a password on the command line is not taken."""
    done = run("stores", "bootstrap", *arguments, "-w", site.folder)
    assert done.code in {1, 2}
    assert told in done.err
    assert "s3cret" not in done.err
