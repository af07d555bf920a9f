"""One server process of a benchmark: ``python -m tests.benchmarks.server WORKSPACE PORT governed|ungoverned``."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import uvicorn
import uvloop

from sekisho.bootstrap import build_app, configure_logging, open_workspace
from sekisho.http.memory import give_memory_back
from sekisho.http.server import Server
from tests.benchmarks.ungoverned import Ungoverned


async def main(workspace: Path, port: int, mode: str) -> None:
    """Serve *workspace* until killed."""
    configure_logging()
    give_memory_back()
    async with open_workspace(workspace) as opened:
        app = build_app(opened)
        if mode == "ungoverned":
            baseline = Ungoverned(opened.settings.catalogue, opened.stores, opened.people, opened.clock)
            app.state.services = dataclasses.replace(app.state.services, gateway=baseline)
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            http="httptools",
            access_log=False,
            log_level="warning",
            timeout_keep_alive=900,
        )
        await Server(config).serve()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
