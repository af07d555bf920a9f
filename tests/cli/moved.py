"""The CRM of a demonstration workspace, moved from its file to a server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sekisho.domain.terms import Dataset
from sekisho.settings import load
from tests.adapters.stores.servers import Server

FILE = "crm: {kind: sqlite, location: stores/crm.db}"


def in_server(server: Server) -> str:
    """Return how the workspace file names the store."""
    return f"crm: {{kind: postgresql, url: '{server.url}'}}"


def move_crm(folder: Path, server: Server) -> list[Dataset]:
    """Load the customers into *server* and let the workspace in *folder* name it; the role has no rights yet."""
    with closing(sqlite3.connect(folder / "stores" / "crm.db")) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM customers")]
    dataset = load(folder).catalogue.datasets["crm.customers"]
    file = folder / "sekisho.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(FILE, in_server(server)), encoding="utf-8")
    server.load(dataset, rows)
    return [dataset]
