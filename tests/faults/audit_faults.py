"""An own database that stops taking audit records, and comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import sqlalchemy as sa
from tests.gateway.site import Site, read_sqlite

from sekisho.adapters.records.audit_sink import SqliteSink


class AuditFault:
    """Faults of the audit log's own connection; reading the ledger goes on.

    SQLite itself says no, on the connection in use and on every new one.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.pragmas: list[str] = []

    def strike(self, name: str) -> None:
        """Make the database *read-only*, or *full* from now on."""
        self.pragmas = ["PRAGMA query_only=ON"]
        if name == "full":
            self.pragmas = [f"PRAGMA max_page_count={self._pages()}"]
        self._apply(self.pragmas)

    def _apply(self, pragmas: list[str]) -> None:
        writer = self.site.workspace.audit._writer
        assert writer is not None
        if writer._sink is None:  # the fault was felt: the next connection is a new one
            return
        assert isinstance(writer._sink, SqliteSink)
        for pragma in pragmas:
            writer._sink._connection.execute(pragma)

    async def heal(self) -> None:
        """Make it well, and wait until the log has noticed."""
        self.pragmas.clear()
        # A connection that the log's thread is opening just now is still a broken one: it goes with the next fault.
        for _ in range(20):
            self._apply(["PRAGMA query_only=OFF", "PRAGMA max_page_count=1000000"])
            if await self.site.workspace.audit.healthy():
                return
        raise AssertionError("the log stays unavailable")

    def _pages(self) -> int:
        with closing(sqlite3.connect(self.site.folder / "var" / "sekisho.db")) as connection:
            return int(connection.execute("PRAGMA page_count").fetchone()[0])


@contextmanager
def audit_fault(site: Site) -> Iterator[AuditFault]:
    """Yield the faults of a site's audit log; afterwards they are gone."""
    fault = AuditFault(site)

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in fault.pragmas:
            connection.execute(pragma)

    engine = site.workspace.database.engine
    sa.event.listen(engine, "connect", prepare)
    try:
        yield fault
    finally:
        fault.pragmas.clear()
        sa.event.remove(engine, "connect", prepare)


def recorded(site: Site, kind: str) -> list[str]:
    """Return the ids of the records of *kind* that another reader of the database's file sees: the durable ones."""
    found = read_sqlite(
        site.folder / "var" / "sekisho.db", f"SELECT id FROM audit_record WHERE kind = '{kind}' ORDER BY seq"
    )
    return [row[0] for row in found]
