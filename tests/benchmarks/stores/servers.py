"""Two servers of one workspace, with governance and without, asked in turns."""

from __future__ import annotations

import http.client
import io
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.ipc

from tests.benchmarks.cases import Pair, in_turns
from tests.benchmarks.client import Server, start
from tests.benchmarks.stores.place import PURPOSE, Place

JSON, ARROW, NDJSON = "application/json", "application/vnd.apache.arrow.stream", "application/x-ndjson"

Body = dict[str, object]


def question(sql: str, *parameters: object) -> Body:
    """Return the body of a query."""
    return {"purpose": PURPOSE, "sql": sql, "parameters": list(parameters), "max_rows": 10_000_000}


@dataclass(frozen=True)
class Servers:
    """The governed server, and the one without; each answers on a port of its own."""

    place: Place
    governed: Server
    plain: Server

    def in_turns(self, ours: Body, theirs: Body, times: int, *, accept: str = JSON, warm: int = 2) -> Pair:
        """Ask the governed server *ours* and the other *theirs*, in turns."""
        return in_turns(
            partial(seconds, self.governed, ours, accept), partial(seconds, self.plain, theirs, accept), times, warm
        )

    def fenced(self, sql: str) -> bool:
        """Return whether the governed statement is fenced."""
        answer = self._explained(sql)
        return bool(answer["fenced"])

    def _explained(self, sql: str) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self.governed.token}", "Content-Type": "application/json"}
        self.governed.connection.request(
            "POST", "/v1/query:explain", json.dumps({"purpose": PURPOSE, "sql": sql}), headers
        )
        told: dict[str, object] = json.loads(self.governed.connection.getresponse().read())
        return told


@contextmanager
def servers(place: Place) -> Iterator[Servers]:
    """Yield both servers, started anew."""
    governed = start(place.folder, free_port(), "governed", "recommender")
    try:
        plain = start(place.folder, free_port(), "ungoverned", "recommender")
        try:
            yield Servers(place, governed, plain)
        finally:
            plain.stop()
    finally:
        governed.stop()


def seconds(server: Server, body: Body, accept: str = JSON) -> float:
    """Return the seconds that one query took."""
    return server.ask(body, accept)[0]


def table(server: Server, body: Body) -> pa.Table:
    """Return the answer of one query."""
    return pyarrow.ipc.open_stream(io.BytesIO(server.ask(body, ARROW)[1])).read_all()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def read_through(server: Server, body: Body, accept: str) -> http.client.HTTPResponse:
    """Ask, and return the answer with its body still to be read."""
    headers = {"Authorization": f"Bearer {server.token}", "Accept": accept, "Content-Type": "application/json"}
    server.connection.request("POST", "/v1/query", json.dumps(body), headers)
    response = server.connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {response.read()[:500]!r}")
    return response
