"""A fresh database of the gateway's own, on SQLite and, where there is one, PostgreSQL; and the search of the run."""

from __future__ import annotations

import os
import shutil
import uuid
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

_LONG_ON_POSTGRESQL = frozenset({
    "test_audit_exports", "test_export_jobs", "test_export_schedule", "test_export_is_log", "test_exports_break",
    "test_import_killed", "test_webhook_dispatch", "test_monthly", "test_consent_links", "test_ledger",
})  # fmt: skip
"""Modules that take minutes on two databases, and ask PostgreSQL nothing that their neighbours do not: see below."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the PostgreSQL half of some modules to the long run, so that the usual one takes minutes."""
    for item in items:
        if item.path.stem in _LONG_ON_POSTGRESQL and "postgresql" in item.name:
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
