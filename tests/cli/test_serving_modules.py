"""What a serving process has loaded when it is ready: nothing that nobody needs before it is asked for."""

import subprocess
import sys

NOT_AT_START = {
    "alembic.testing",
    "pandas",
    "polars",
    "presidio_analyzer",
    "presidio_anonymizer",
    "pyarrow.dataset",
    "pyarrow.fs",
    "pyarrow.parquet",
    "regopy",
    "sekisho.demo",
    "spacy",
    "sudachipy",
    "typst",
}

PROGRAM = """
import asyncio, sys
from pathlib import Path
from sekisho.cli.serve import OpenedApp
import sekisho.http.server

async def main():
    inbox = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive():
        return {"type": next(inbox)}

    async def send(message):
        print(message["type"], *sys.modules)

    await OpenedApp(Path(sys.argv[1]))({"type": "lifespan"}, receive, send)

asyncio.run(main())
"""


def test_a_serving_process_loads_what_it_needs(built):
    """A server that is ready has not loaded libraries that few requests need, or none."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM, built], check=True, capture_output=True, text=True)
    ready, *loaded = ran.stdout.splitlines()[0].split()
    assert ready == "lifespan.startup.complete"
    assert {"sekisho.http.app", "sqlglot", "duckdb"} <= set(loaded)
    assert not NOT_AT_START & set(loaded)
