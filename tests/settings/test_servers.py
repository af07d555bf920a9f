"""A store in a server: its address, what may stand in it, and the way there."""

import pytest
from sqlalchemy import make_url

from sekisho.domain.terms import StoreKind
from sekisho.errors import WorkspaceError
from tests.settings.conftest import GOOD

FILE = "crm: {kind: sqlite, location: stores/crm.db}"


def declared(url, more=""):
    return f"crm: {{kind: postgresql, url: '{url}'{more}}}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://gate@db.example:5432/crm?sslmode=verify-full",
        "postgres://gate@db.example/crm?sslmode=disable",
        "postgresql://gate@localhost/crm",
        "postgresql://gate@127.0.0.1:5433/crm",
        "postgresql://gate@[::1]/crm",
        "postgresql://gate@/crm?host=/run/postgresql",
        "postgresql://gate%40shop@db.example/crm?sslmode=verify-full&sslrootcert=/etc/ca.pem",
    ],
)
def test_addresses_that_are_taken(workspace, url):
    """A role, a database, and a way there that is protected, local, or said to be otherwise."""
    store = workspace.load(GOOD.replace(FILE, declared(url))).catalogue.stores["crm"]
    assert (store.kind, store.location, store.password_file) == (StoreKind.POSTGRESQL, url, None)


@pytest.mark.parametrize(
    ("options", "alike"),
    [
        ("?sslmode=require", True),
        ("?sslmode=disable&sslcert=/etc/c.pem", True),
        ("?sslmode=require&port=5433", False),
    ],
)
def test_how_the_way_to_a_server_is_protected_does_not_say_which_data_it_is(workspace, options, alike):
    """A release of its data stays the release when the way there is protected otherwise."""
    address = "postgresql://gate@db.example/crm"
    one, other = (
        workspace.load(GOOD.replace(FILE, declared(address + more))).catalogue.stores["crm"].named
        for more in ("?sslmode=verify-full", options)
    )
    assert (one == other) is alike


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://gate:NGsecret@db.example/crm?sslmode=verify-full", "a password stands in `url`"),
        ("postgresql://gate@db.example/crm?sslmode=require&password=NGsecret", "a password stands in `url`"),
        ("postgresql://gate@db.example/crm", "the way to the server is not protected"),
        ("postgresql://gate@/crm?host=db.example", "the way to the server is not protected"),
        ("postgresql://gate@localhost,db.example/crm", "the way to the server is not protected"),
        ("postgresql://gate@localhost/crm?options=-crow_security%3Doff", "an option that is not allowed"),
        ("postgresql://gate@localhost/crm?passfile=elsewhere", "an option that is not allowed"),
        ("postgresql://gate@db.example/crm?sslmode=verify-full&sslmode=disable", "says an option twice"),
        ("postgresql://gate@db.example/crm?sslmode=always", "no such sslmode"),
        ("postgresql://gate@db.example/crm?sslmode=verify-full&sslrootcert=ca.pem", "by a relative path"),
        ("postgresql://localhost/crm", "does not name a role"),
        ("postgresql://gate@localhost", "does not name a role"),
        ("postgresql://gate@localhost:99999/crm", "does not name a role"),
        ("mysql://gate@localhost/crm", "does not name a role"),
        ("postgresql://gate@localhost/crm?nothing", "does not name a role"),
    ],
)
def test_addresses_that_are_refused(workspace, url, told):
    """What is wrong is said, and nothing of the address is repeated."""
    faults = "\n".join(workspace.faults_of(FILE, declared(url)))
    assert told in faults
    assert "NGsecret" not in faults
    assert "db.example" not in faults.replace("db.shop.example", "")


def test_a_password_file_lies_where_it_is_said(workspace):
    """Its path is absolute, or below the workspace."""
    url = "postgresql://gate@localhost/crm"
    text = GOOD.replace(FILE, declared(url, ", password_file: /run/secrets/crm"))
    assert workspace.load(text).catalogue.stores["crm"].password_file == "/run/secrets/crm"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("crm: {kind: postgresql}", "needs a `url`"),
        ("crm: {kind: postgresql, location: x, url: 'postgresql://g@localhost/c'}", "has no `location`"),
        ("crm: {kind: sqlite}", "has no `location`"),
        (
            "crm: {kind: sqlite, location: stores/crm.db, url: 'postgresql://g@localhost/c'}",
            "for a store in a server",
        ),
    ],
)
def test_each_kind_has_its_own_keys(workspace, text, told):
    """A server has an address, files have a place."""
    assert told in "\n".join(workspace.faults_of(FILE, text))


@pytest.mark.parametrize(
    ("relation", "fits"),
    [
        ("customers", True), ("Crm.Customers", True), ("crm.customers_2011", True), ("pg_authid", False),
        ("pg_catalog.pg_authid", False), ("information_schema.columns", False), ("sekisho.applied", False),
        ("a.b.c", False), ("customers; DROP TABLE x", False), ("顧客", False),
    ],
)  # fmt: skip
def test_relations_are_tables_of_the_store(workspace, relation, fits):
    """A relation is a table, with its schema or in ``public``; none of the system's or the gateway's own."""
    text = GOOD.replace(FILE, declared("postgresql://gate@localhost/crm"))
    text = text.replace("relation: customers", f"relation: '{relation}'", 1)
    if fits:
        assert relation in {each.relation for each in workspace.load(text).catalogue.datasets.values()}
    else:
        assert "is no table of the store" in "\n".join(workspace.faults(text))


@pytest.mark.parametrize(
    ("name", "kind", "fits"),
    [
        ("duckdb", "sqlite, location: stores/crm.db", False), ("people", "duckdb, location: stores/crm", False),
        ("colocated", "duckdb, location: stores/crm", False), ("temp", "duckdb, location: stores/crm", False),
        ("people", "sqlite, location: stores/crm.db", True), ("duckdb", "duckdb, location: stores/crm", True),
    ],
)  # fmt: skip
def test_a_store_has_no_name_that_the_gateway_uses(workspace, name, kind, fits):
    """A store that is called like the engine of all files would be found nowhere, or in the place of it."""
    told = "\n".join(workspace.faults_of(FILE, f"{name}: {{kind: {kind}}}"))
    assert ("cannot be called" in told) is not fits


def test_a_store_may_say_that_it_allows_no_writing(workspace):
    """``writes`` is true unless it is said; files have no such key."""
    url = "postgresql://gate@localhost/crm"
    assert workspace.load(GOOD.replace(FILE, declared(url))).catalogue.stores["crm"].writes
    assert not workspace.load(GOOD.replace(FILE, declared(url, ", writes: false"))).catalogue.stores["crm"].writes
    faults = workspace.faults_of(FILE, "crm: {kind: sqlite, location: stores/crm.db, writes: false}")
    assert "`writes` is for a store in a server" in "\n".join(faults)


def test_the_own_database_takes_its_password_from_a_file(workspace):
    """It stands in the URL that the database is opened by, whatever letters it has."""
    secret = workspace.folder / "secret"
    secret.write_text("p@ss/w%rd:\n", encoding="utf-8")
    database = "database: {url: 'postgresql://gate@db.example:5433/own?sslmode=verify-full', password_file: secret}\n"
    url = make_url(workspace.load(GOOD + database).database_url)
    assert (url.username, url.password, url.host, url.port) == ("gate", "p@ss/w%rd:", "db.example", 5433)
    assert dict(url.query) == {"sslmode": "verify-full"}


@pytest.mark.parametrize(
    ("url", "written", "told"),
    [
        ("postgresql://gate@h/own", None, "no password that can be read"),
        ("postgresql://gate@h/own", "", "no password that can be read"),
        ("postgresql://gate:NGother@h/own", "NGsecret", "has a password itself"),
        ("postgresql:///own", "NGsecret", "names no role"),
    ],
    ids=["away", "empty", "twice", "nobody"],
)
def test_a_password_file_of_the_own_database_that_cannot_be_used(workspace, url, written, told):
    """What is wrong is said, and no password is repeated."""
    if written is not None:
        (workspace.folder / "secret").write_text(written, encoding="utf-8")
    with pytest.raises(WorkspaceError, match=told) as refused:
        workspace.load(GOOD + f"database: {{url: '{url}', password_file: secret}}\n")
    assert "NG" not in refused.value.detail
