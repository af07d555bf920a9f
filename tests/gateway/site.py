"""A small real workspace, its application, and what a requester does with it.

The parts are those of the program: stores, policies, ledger, audit log, tokens. Tests replace one part at a
time, and compare answers with what they read themselves in the stores' files and in the ledger's events.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import httpx
from fastapi import FastAPI

from sekisho.bootstrap import Workspace, build_app, open_workspace
from sekisho.domain.terms import Requester, SubjectNumber
from sekisho.gateway import Gateway
from sekisho.ports import AuditQuery, DataSubjectRef
from sekisho.release import Ask, Release, ReleasedPage

NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
IN_FORCE = frozenset({"give", "renew", "confirm"})
"""Kinds of consent event after which consent is in force."""


@dataclass
class Site:
    """An open workspace and a client of its application.

    ``gateway`` is the workspace's own, or one with a part replaced (see :meth:`with_parts`).
    """

    workspace: Workspace
    gateway: Gateway
    app: FastAPI
    client: httpx.AsyncClient
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The workspace's folder."""
        return self.workspace.settings.folder

    def requester(self, name: str) -> Requester:
        """Return a registered requester."""
        return self.workspace.settings.catalogue.requesters[name]

    def headers(self, requester: str, accept: str = "application/json") -> dict[str, str]:
        """Return the headers of a call by *requester*."""
        if requester not in self._tokens:
            assert self.workspace.issuer is not None
            self._tokens[requester] = self.workspace.issuer.requester_token(requester)
        return {"Authorization": f"Bearer {self._tokens[requester]}", "Accept": accept}

    async def post(
        self,
        requester: str,
        purpose: str,
        sql: str,
        *parameters: object,
        accept: str = "application/json",
        **more: object,
    ) -> httpx.Response:
        """Ask over HTTP."""
        body = {"purpose": purpose, "sql": sql, "parameters": list(parameters), **more}
        return await self.client.post("/v1/query", json=body, headers=self.headers(requester, accept))

    async def rows(self, requester: str, purpose: str, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Return the rows of an answer that must come, whole."""
        response = await self.post(requester, purpose, sql, *parameters)
        assert response.status_code == 200, response.text
        body = response.json()
        assert body["release"]["complete"]
        names = [column["name"] for column in body["columns"]]
        return [dict(zip(names, row, strict=True)) for row in body["rows"]]

    async def release(
        self, requester: str, purpose: str, sql: str, *parameters: object, page_rows: int = 10_000
    ) -> Release:
        """Ask the gateway itself."""
        return await self.gateway.query(
            self.requester(requester), Ask(purpose, sql, tuple(parameters)), page_rows=page_rows
        )

    async def pages(
        self, requester: str, purpose: str, sql: str, *parameters: object, page_rows: int = 10_000
    ) -> list[ReleasedPage]:
        """Return all pages of an answer by the gateway itself."""
        release = await self.release(requester, purpose, sql, *parameters, page_rows=page_rows)
        return [page async for page in release.pages()]

    async def withdraw(self, customer: int, purpose: str) -> int:
        """Withdraw as the customer does; return the sequence."""
        person = DataSubjectRef("customer_id", str(customer))
        answer = await self.workspace.consents.recording.withdraw(person, purpose)
        seq = answer["seq"]
        assert isinstance(seq, int)
        return seq

    def customer_of(self, requester: str, purpose: str, pseudonym: str) -> int | None:
        """Return the customer behind a pseudonym, by the gateway's own keys; ``None`` for a forged one."""
        number = self.workspace.gateway.pseudonymity.number_of(self.requester(requester), purpose, pseudonym)
        return None if number is None else self._customers()[number]

    def customers_of(self, requester: str, purpose: str, pseudonyms: Sequence[str]) -> list[int | None]:
        """Return the customer behind each pseudonym."""
        return [self.customer_of(requester, purpose, pseudonym) for pseudonym in pseudonyms]

    def _customers(self) -> Mapping[int, int]:
        # The order of registration is that of the customer ids, see ``demo.workspace``.
        return {place + 1: number for place, number in enumerate(self.customers())}

    def number_of(self, customer: int) -> SubjectNumber:
        """Return the person number of a customer."""
        return SubjectNumber(self.customers().index(customer) + 1)

    def customers(self) -> list[int]:
        """Return all customer ids, ascending, as they stand in the CRM's file."""
        return [row[0] for row in self.sqlite("crm", "SELECT customer_id FROM customers ORDER BY 1")]

    def sqlite(self, store: str, sql: str) -> list[tuple[Any, ...]]:
        """Read a SQLite store's file past the gateway."""
        return read_sqlite(self.folder / "stores" / f"{store}.db", sql)

    def files(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the file stores past the gateway; ``{pos}``, ``{web}`` stand for their tables."""
        stores = self.folder / "stores"
        tables = {name: f"read_parquet('{stores / name}/*.parquet')" for name in ("pos", "web")} | {
            name: f"read_json('{stores / name}/*.jsonl', format = 'newline_delimited')" for name in ("app", "survey")
        }
        with closing(duckdb.connect()) as connection:
            return connection.execute(sql.format(**tables)).fetchall()

    def agreeing(self, *cells: str) -> list[int]:
        """Return the customers who have all *cells* in force: by the ledger's events, read one by one."""
        events = read_sqlite(
            self.folder / "var" / "sekisho.db",
            "SELECT number, cells, kind, valid_until FROM consent_event ORDER BY seq",
        )
        state: dict[tuple[int, str], bool] = {}
        now = self.workspace.clock.now().timestamp() * 1_000_000
        for number, named, kind, until in events:
            for cell in json.loads(named):
                state[number, cell] = kind in IN_FORCE and (until is None or until > now)
        return [c for n, c in self._customers().items() if all(state.get((n, cell), False) for cell in cells)]

    async def records(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the audit records of *kinds*, or all, oldest first."""
        found = await self.workspace.audit.search(AuditQuery(limit=1000))
        return [dict(record) for record in found if not kinds or record["kind"] in kinds]

    @asynccontextmanager
    async def with_parts(self, **parts: Any) -> AsyncIterator[Site]:
        """Yield a site whose gateway has other *parts*; ``audit`` and ``clock`` are those of the web, too."""
        gateway = replace(self.gateway, **parts)
        shared = {name: part for name, part in parts.items() if name in {"audit", "clock"}}
        workspace = replace(self.workspace, gateway=gateway, **shared)
        async with _client(app := build_app(workspace)) as client:
            yield Site(workspace, gateway, app, client, self._tokens)


def read_sqlite(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read a SQLite file with a connection of its own."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Site]:
    """Yield the workspace in *folder*, open."""
    async with open_workspace(folder) as workspace, _client(app := build_app(workspace)) as client:
        yield Site(workspace, workspace.gateway, app, client)


def _client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sekisho")
