"""A fresh database of the gateway's own, on SQLite and, where there is one, PostgreSQL; and the search of the run."""

from __future__ import annotations

import os
import re
import shutil
import uuid
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import URL, create_engine, make_url

from sekisho.adapters.records.database import Database, migrate
from tests.sinks.run import (  # noqa: F401 - hooks of pytest, found here by their names
    pytest_runtest_makereport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)

# A loaded machine is no failure; properties that want more examples than these ask for them.
settings.register_profile("tests", deadline=None, max_examples=40)
settings.load_profile("tests")

_ON_BOTH = frozenset({
    "test_audit", "test_audit_crash", "test_audit_faults", "test_audit_ground", "test_audit_sent_together",
    "test_audit_tree", "test_consent_sequence", "test_consent_use_cases", "test_database", "test_decisions",
    "test_glances", "test_grouped", "test_key_epochs", "test_ledger_guards", "test_people", "test_pruning",
    "test_roles", "test_scans", "test_suppression", "test_views",
})  # fmt: skip
"""Modules of the own records that the usual run, too, asks on PostgreSQL; of the others the long run does."""

_LONG = re.compile(
    r"faults/test_(restored_ledger\.py::test_(?!a_missing)|policy_opa|import_killed|exports_break\.py::test_kill)"
    r"|records/test_(ledger\.py::test_projection_and_bits|audit_exports\.py::test_consecutive)"
    r"|records/test_audit(\.py::test_nobody_waits.*postgresql|_tree\.py::test_a_process_killed.*-[1-3])"
    r"|records/test_(people\.py::test_a_hundred_thousand.*postgresql|views\.py::test_processes.*sqlite)"
    r"|stores/test_colocated\.py::test_kill_9.*\[False"
    r"|query/test_(generated\.py.*(duckdb|postgresql|small)|joined\.py.*PostgreSQL|useful_share\.py.*(duckdb|postgresql))"
    r"|query/test_(scopes\.py.*postgresql|dialects\.py::test_compiled_or_not)"
    r"|gateway/test_copies\.py::test_(?!the_copy_is)"
    r"|witness/test_witness_process\.py::test_killed"
    r"|test_docs\.py::test_the_scripts_of_a_page_run(?!\[docs/(quick-start|scan)\.md)"
    r"|cli/test_(policy_new|keys\.py::test_an_existing)"
    r"|consents/test_importing_killed|test_consent_machine"
    r"|gateway/test_withdrawal\.py::test_(many_changes|consent_that_expires.*pos\.order_lines\])"
    r"|consents/test_disclosures\.py::test_a_release_is_listed.*[12]\]|demo/test_server\.py::test_a_finished"
)
"""Tests that take seconds each and tell what their neighbours tell at smaller sizes."""

_SAMPLED = re.compile(
    r"tests/attacks/test_sql_(?!names|limits|over_time|withheld_rows\.py.*-consent\])|query/test_(joined|dialects)"
    r"|gateway/test_(discharge|conditions|cursor|withheld_rows|explained|pseudonyms|default_deny)"
    r"|stores/test_(contract|postgresql_(people|overlay|values|history))|faults/test_(policy_down|no_record)"
    r"|consents/test_(sign_in|rights|importing)|cli/test_commands"
)
"""Tables of tens and hundreds of cases, of which the usual run takes one of three."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the long run what takes it, so that the usual one takes minutes on two cores."""
    for item in items:
        records = item.path.parent.name in {"records", "consents"}
        elsewhere = records and item.path.stem not in _ON_BOTH and "postgresql" in item.name
        left_out = "[" in item.name and _SAMPLED.search(item.nodeid) and zlib.crc32(item.nodeid.encode()) % 3
        if elsewhere or left_out or _LONG.search(item.nodeid):
            item.add_marker(pytest.mark.long)


def postgres_server() -> str:
    """Return the URL of a server on which databases can be made; skip without one, fail in CI."""
    url = os.environ.get("SEKISHO_TEST_POSTGRES")
    if url is None:
        if os.environ.get("CI") == "true":
            pytest.fail("SEKISHO_TEST_POSTGRES must name a PostgreSQL server")
        pytest.skip("SEKISHO_TEST_POSTGRES names no PostgreSQL server")
    return url


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.enable_socket])]
)
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which database."""
    return str(request.param)


@contextmanager
def _postgres(made_from: str = "template1") -> Iterator[URL]:
    server = make_url(postgres_server()).set(drivername="postgresql+psycopg")
    name = f"sekisho_test_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {made_from}")
        yield server.set(database=name)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        engine.dispose()


@pytest.fixture
def empty_url(database_kind: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path}/records.db"
        return
    with _postgres() as made:
        yield made.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Where a database of each kind has the newest schema: a copy of it takes a tenth of the time of migrating."""
    with ExitStack() as stack:

        @cache
        def made(kind: str) -> str:
            if kind == "sqlite":
                path = str(tmp_path_factory.mktemp("newest") / "records.db")
                migrate(f"sqlite:///{path}")
                return path
            database = stack.enter_context(_postgres())
            migrate(database.render_as_string(hide_password=False))
            return str(database.database)

        yield made


@pytest.fixture
def url(database_kind: str, newest: Callable[[str], str], tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the newest schema."""
    if database_kind == "sqlite":
        shutil.copyfile(newest(database_kind), tmp_path / "records.db")
        yield f"sqlite:///{tmp_path}/records.db"
        return
    with _postgres(newest(database_kind)) as made:
        yield made.render_as_string(hide_password=False)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """A database with the newest schema."""
    opened = Database(url)
    yield opened
    await opened.close()
