"""Two other ways to write an audit record before a page leaves, made anew to stand beside ours in one run.

``Alone`` commits each record for itself, over a pool of connections, with no chain: what a service does that inserts
into an audit table in the request's own transaction. ``Locked`` reads and locks the head of one chain
(``SELECT … FOR UPDATE``), links the record to it and moves the head, in one transaction for each request: the design
of audit trails whose chain is a row. Both get the record's bytes ready made, prepared statements and the fastest
driver; neither has indexes, a queue, references of people or a signature.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import asyncpg

CONNECTIONS = 32


class Peer(Protocol):
    """A design that records."""

    name: str

    async def record(self, data: bytes) -> None:
        """Make one record durable."""


class Alone:
    """A commit for each request, no chain."""

    name = "a commit each"

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def record(self, data: bytes) -> None:
        """See :class:`Peer`."""
        await self._pool.execute("INSERT INTO alone (body) VALUES ($1)", data)


class Locked:
    """A commit for each request, behind the locked head of one chain."""

    name = "a locked head"

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def record(self, data: bytes) -> None:
        """See :class:`Peer`."""
        async with self._pool.acquire() as connection, connection.transaction():
            seq, chain = await connection.fetchrow("SELECT seq, chain FROM locked_head FOR UPDATE")
            chain = hashlib.sha256(chain + hashlib.sha256(data).digest()).digest()
            await connection.execute(
                "INSERT INTO locked (seq, body, chain) VALUES ($1, $2, $3)", seq + 1, data, chain
            )
            await connection.execute("UPDATE locked_head SET seq = $1, chain = $2", seq + 1, chain)


TABLES = """
CREATE TABLE alone (seq bigserial PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE locked (seq bigint PRIMARY KEY, body bytea NOT NULL, chain bytea NOT NULL);
CREATE TABLE locked_head (seq bigint NOT NULL, chain bytea NOT NULL);
INSERT INTO locked_head VALUES (0, '\\x00');
"""
