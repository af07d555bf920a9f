"""Idempotency keys in the gateway's own database (draft-ietf-httpapi-idempotency-key-header).

A row is found by a keyed hash of caller, route and key, and compared by a keyed hash of what was sent: the
table names nobody. The answer is sealed (AES-SIV, RFC 5297) and bound to its row.

Calls that wait at the same time share one transaction, as in the ledger: keys must not cost a commit each.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import Connection

from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.rounds import Rounds
from sekisho.errors import ConsentUnavailable, IdempotencyConflict
from sekisho.ports import KeyRing
from sekisho.ports.idempotency import Claim, KeptAnswer

_DAY: Final = 24 * 3600 * 1_000_000  # microseconds that an answer is kept
_CRASHED: Final = 60 * 1_000_000  # microseconds after which a claim without an answer was left by a crash
_GROUP: Final = 500  # calls in one transaction; SQLite takes 32,766 parameters
_SWEPT: Final = 1_000  # old rows that one sweep removes
_SWEEP_EVERY: Final = 250  # claims between two sweeps: what is added is removed in time
_UNREADABLE: Final = "Idempotency keys cannot be looked up now. Try again."

_TAKE: Final = (
    "INSERT INTO idempotency_key (scope, fingerprint, created_at) VALUES {rows}"
    " ON CONFLICT (scope) DO UPDATE SET fingerprint = excluded.fingerprint, created_at = excluded.created_at,"
    " status = NULL, answer = NULL"
    f" WHERE idempotency_key.created_at <= excluded.created_at - {_DAY}"
    " OR (idempotency_key.status IS NULL AND idempotency_key.fingerprint = excluded.fingerprint"
    f" AND idempotency_key.created_at <= excluded.created_at - {_CRASHED})"
    " RETURNING scope, created_at"
)
_LOOK: Final = "SELECT scope, fingerprint, status, answer FROM idempotency_key WHERE scope IN ({rows})"
_KEEP: Final = (
    "UPDATE idempotency_key SET status = {mark}, answer = {mark}"
    " WHERE scope = {mark} AND created_at = {mark} AND status IS NULL"
)
_RELEASE: Final = "DELETE FROM idempotency_key WHERE scope = {mark} AND created_at = {mark} AND status IS NULL"
# The age stands outside too: a row that is claimed anew meanwhile is looked at again, and stays.
_SWEEP: Final = (
    f"DELETE FROM idempotency_key WHERE created_at <= {{now}} - {_DAY} AND scope IN"
    f" (SELECT scope FROM idempotency_key WHERE created_at <= {{now}} - {_DAY} ORDER BY created_at LIMIT {_SWEPT})"
)


@dataclass(eq=False, slots=True)
class _Asked:
    """One call that waits for its reservation, and what it gets: a claim, or the row that stands there."""

    scope: bytes
    fingerprint: bytes = field(repr=False)
    claim: Claim | None = None
    row: tuple[bytes, int | None, bytes | None] | None = field(default=None, repr=False)


class SqlIdempotencyStore:
    """Idempotency keys in the gateway's own database; implements ``ports.idempotency.IdempotencyStore``.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    keys:
        Key ring; the labels are ``idempotency-lookup`` and ``idempotency``.
    """

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._key = keys.derive("idempotency-lookup")
        self._cipher = AESSIV(keys.derive("idempotency", 64))
        self._mark = "?" if database.dialect == "sqlite" else "%s"
        self._asked: list[_Asked] = []
        self._done: list[tuple[Claim, KeptAnswer | None]] = []
        self._asking = Rounds(self._take_waiting)
        self._finishing = Rounds(self._finish_waiting)
        self._until_sweep = 0

    async def reserve(self, caller: str, route: str, key: str, content: bytes) -> Claim | KeptAnswer | None:
        """Return a claim, the kept answer, or ``None`` while the first call is served; see the port.

        Raises ``IdempotencyConflict`` for other *content*, ``ConsentUnavailable`` without an answer of the
        database.
        """
        scope = self._hashed(json.dumps(["scope", caller, route, key]).encode())
        asked = _Asked(scope, self._hashed(b"content\0" + scope + content))
        self._asked.append(asked)
        await self._joined(self._asking)
        if asked.claim is not None:
            return asked.claim
        if asked.row is None:
            return None  # another call of this very moment has it
        fingerprint, status, sealed = asked.row
        if not hmac.compare_digest(fingerprint, asked.fingerprint):
            raise IdempotencyConflict("This idempotency key was used with another body. Send a new key.")
        return None if status is None or sealed is None else self._opened(scope, status, sealed)

    async def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        """Keep *answer*, sealed. What somebody else took over meanwhile stays theirs."""
        self._done.append((claim, answer))
        await self._joined(self._finishing)

    async def release(self, claim: Claim) -> None:
        """Give the claim up."""
        self._done.append((claim, None))
        await self._joined(self._finishing)

    async def sweep(self) -> int:
        """Remove answers that are older than a day, some at a time; return how many. Happens by itself, too."""

        def remove(connection: Connection) -> int:
            return connection.exec_driver_sql(_SWEEP.format(now=self._database.now_sql)).rowcount

        try:
            return await self._database.run(remove)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def _joined(self, rounds: Rounds) -> None:
        try:
            await rounds.join()
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def _take_waiting(self) -> None:
        waiting, self._asked = self._asked, []
        for start in range(0, len(waiting), _GROUP):
            group = waiting[start : start + _GROUP]
            # One statement may touch a row once; its twins of this moment find the first call under way.
            first: dict[bytes, _Asked] = {}
            for asked in group:
                first.setdefault(asked.scope, asked)
            # In one order everywhere, so that two workers never wait for each other.
            ordered = [first[scope] for scope in sorted(first)]
            claimed, rows = await self._database.run(partial(self._take, asked=ordered))
            for asked in group:
                is_first = first[asked.scope] is asked
                if asked.scope not in claimed:
                    asked.row = rows.get(asked.scope)
                elif is_first:
                    asked.claim = Claim(asked.scope, claimed[asked.scope])
                else:
                    asked.row = (first[asked.scope].fingerprint, None, None)

    def _take(
        self, connection: Connection, asked: list[_Asked]
    ) -> tuple[dict[bytes, int], Mapping[bytes, tuple[bytes, int | None, bytes | None]]]:
        if self._database.dialect == "postgresql":
            # A claim that a crash of the database forgets is one that nobody was answered for.
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        row = f"({self._mark}, {self._mark}, {self._database.now_sql})"
        parameters = tuple(value for one in asked for value in (one.scope, one.fingerprint))
        taken = connection.exec_driver_sql(_TAKE.format(rows=", ".join([row] * len(asked))), parameters)
        claimed = {bytes(scope): int(at) for scope, at in taken}
        others = tuple(one.scope for one in asked if one.scope not in claimed)
        rows: dict[bytes, tuple[bytes, int | None, bytes | None]] = {}
        if others:
            found = connection.exec_driver_sql(_LOOK.format(rows=", ".join([self._mark] * len(others))), others)
            for scope, fingerprint, status, answer in found:
                rows[bytes(scope)] = (bytes(fingerprint), status, None if answer is None else bytes(answer))
        self._until_sweep -= len(claimed)
        if self._until_sweep < 0:
            self._until_sweep = _SWEEP_EVERY
            connection.exec_driver_sql(_SWEEP.format(now=self._database.now_sql))
        return claimed, rows

    async def _finish_waiting(self) -> None:
        done, self._done = self._done, []
        kept = [
            (answer.status, self._sealed(claim.scope, answer), claim.scope, claim.at)
            for claim, answer in done
            if answer is not None
        ]
        released = [(claim.scope, claim.at) for claim, answer in done if answer is None]

        def finish(connection: Connection) -> None:
            for statement, rows in ((_KEEP, sorted(kept, key=_by_scope)), (_RELEASE, sorted(released))):
                if rows:
                    connection.exec_driver_sql(statement.format(mark=self._mark), list[Any](rows))

        await self._database.run(finish)

    def _hashed(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)

    def _sealed(self, scope: bytes, answer: KeptAnswer) -> bytes:
        about = json.dumps([answer.code, answer.headers]).encode()
        return self._cipher.encrypt(about + b"\n" + answer.body, [scope, str(answer.status).encode()])

    def _opened(self, scope: bytes, status: int, sealed: bytes) -> KeptAnswer:
        try:
            about, _, body = self._cipher.decrypt(sealed, [scope, str(status).encode()]).partition(b"\n")
        except InvalidTag:
            raise ConsentUnavailable("The answer kept for this idempotency key cannot be read.") from None
        code, headers = json.loads(about)
        return KeptAnswer(status, tuple((name, value) for name, value in headers), body, code)


def _by_scope(row: tuple[int, bytes, bytes, int]) -> bytes:
    return row[2]
