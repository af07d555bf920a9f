"""Connections to a PostgreSQL store: settings pinned and read back, the role looked at, errors without their text.

A connection is used only when the server says that every setting is what was asked for, and that the role is
neither above the rules of the database nor able to change what it reads.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import TypeVar

import asyncpg

from sekisho.adapters.stores.postgresql.inspection import excess_of_role, faults_of
from sekisho.domain.terms import Dataset, Store
from sekisho.errors import StatementRefused, StoreUnavailable

_T = TypeVar("_T")

FAULTS = (
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError, ValueError,
    OverflowError,
)  # fmt: skip
"""What the driver raises; see :func:`own_error`."""

_STATEMENTS = 200  # prepared statements that a connection keeps
_CONNECT_S = 10.0
_LOOKED_S = 10.0  # for which what was seen of role and tables holds
_CANCEL_S = 5.0  # for a server to acknowledge that a statement was cancelled

SETTINGS = {
    "default_transaction_read_only": "on",
    "search_path": "pg_catalog, pg_temp",  # left empty, temporary objects would come first
    "standard_conforming_strings": "on",
    "row_security": "on",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "client_min_messages": "error",
    # Plans are made for the values at hand: a shared one is wrong for keys that few and many rows have.
    "plan_cache_mode": "force_custom_plan",
    # Compiling costs more than it gains below some seconds of work, and each connection compiles for itself.
    "jit": "off",
    "lock_timeout": "5000",
    "client_connection_check_interval": "1000",  # a gateway that was killed leaves no statement running
}
"""What every connection is set to, whatever the role's, the database's and the server's own settings are."""

_READ_BACK = "SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY ($1::text[])"

# Values that the program wants as text, whatever Python type the driver has for them.
_AS_TEXT = ("uuid", "interval", "time", "timetz", "inet", "cidr", "macaddr")


@dataclass(eq=False)
class Session:
    """One connection, the statements that it has prepared, the least used first, and when it looked at the tables."""

    connection: asyncpg.Connection
    statements: OrderedDict[str, asyncpg.prepared_stmt.PreparedStatement] = field(default_factory=OrderedDict)
    looked: float = 0.0

    async def prepared(self, sql: str) -> asyncpg.prepared_stmt.PreparedStatement:
        """Return *sql* as a prepared statement; the server takes one command only."""
        held = self.statements.pop(sql, None)
        if held is None:
            held = await self.connection.prepare(sql)
            if len(self.statements) >= _STATEMENTS:
                self.statements.popitem(last=False)
        self.statements[sql] = held
        return held

    async def look_again(self, store: Store, datasets: Sequence[Dataset]) -> None:
        """Look at the role and the tables once more, if that was some time ago. Raises ``StoreUnavailable``.

        An administrator changes tables while connections last, and the server plans prepared statements anew without
        a word: a key whose texts compare loosely since would let the rows of ``A`` through by the consent of ``a``.
        """
        if monotonic() - self.looked > _LOOKED_S:
            await _compare(self.connection, store, datasets)
            self.looked = monotonic()

    async def end(self) -> None:
        """Cancel what runs, if anything does, and close the connection."""
        try:
            await self.connection.close(timeout=_CANCEL_S)
        except FAULTS:
            return  # it is gone: the driver has cut it off

    def cut(self) -> None:
        """Close the connection at once, also when its event loop has ended."""
        try:
            self.connection.terminate()
        except RuntimeError:
            return


async def connect(store: Store, datasets: Sequence[Dataset], *, statement_s: float) -> Session:
    """Open a connection for governed statements.

    Parameters
    ----------
    store:
        Its location is the URL.
    datasets:
        The store's; their tables are looked at.
    statement_s:
        Seconds after which the server stops a statement, or a transaction in which nothing is asked.

    Raises ``StoreUnavailable``, without anything that the server said.
    """
    settings = settings_of(statement_s)
    try:
        password = await password_of(store)
        connection = await asyncpg.connect(
            store.location, password=password, timeout=_CONNECT_S, server_settings=settings, statement_cache_size=20
        )
    except FAULTS:
        raise StoreUnavailable(
            f"The store {store.name} does not accept the gateway; look at its url, password_file and server."
        ) from None
    session = Session(connection)
    try:
        async with asyncio.timeout(_CONNECT_S):
            await _look_at(connection, store, datasets, settings)
            session.looked = monotonic()
    except FAULTS:
        session.cut()
        raise StoreUnavailable(f"The store {store.name} could not be opened; run sekisho check.") from None
    except BaseException:
        session.cut()
        raise
    return session


class Time:
    """The time that the server has for one piece of work, in seconds."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    async def of(self, awaited: Awaitable[_T]) -> _T:
        """Return what *awaited* does. Raises ``TimeoutError`` when no time is left; the server is told to stop."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(max(self._left, 0.0)):
                return await awaited
        finally:
            self._left -= loop.time() - began


def settings_of(statement_s: float) -> dict[str, str]:
    """Return what a connection is set to on which a statement may take *statement_s* seconds."""
    milliseconds = str(int(statement_s * 1000))
    return SETTINGS | {
        "statement_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
        "application_name": "sekisho",
    }


async def password_of(store: Store) -> str | None:
    """Return the password of the gateway's role, if it has one. Raises ``OSError``."""
    if not store.password_file:
        return None
    return (await asyncio.to_thread(Path(store.password_file).read_text, encoding="utf-8")).strip()


async def _look_at(
    connection: asyncpg.Connection, store: Store, datasets: Sequence[Dataset], settings: dict[str, str]
) -> None:
    wanted = settings | {"client_encoding": "UTF8"}
    found = dict(await connection.fetch(_READ_BACK, list(wanted)))
    for name in sorted(wanted.keys() - {name for name, value in wanted.items() if found.get(name) == value}):
        raise StoreUnavailable(f"The server of the store {store.name} did not accept the setting {name}.")
    await _compare(connection, store, datasets)
    for kind in _AS_TEXT:
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=str, decoder=str, format="text")
    await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=Decimal, format="text")


async def _compare(connection: asyncpg.Connection, store: Store, datasets: Sequence[Dataset]) -> None:
    """Raise ``StoreUnavailable`` where role or tables are not what they must be."""
    if excess := await excess_of_role(connection, datasets):
        raise StoreUnavailable(
            f"The role of the store {store.name} {excess}; give the gateway a role of its own:"
            f" sekisho stores bootstrap {store.name}."
        )
    for fault in await faults_of(connection, datasets):
        raise StoreUnavailable(f"In the store {store.name}, {fault}.")


def in_step(fault: BaseException) -> bool:
    """Return whether the connection can be used further: the server has answered, or was not asked."""
    stale = asyncpg.InvalidCachedStatementError | asyncpg.OutdatedSchemaCacheError | asyncpg.PostgresConnectionError
    return isinstance(fault, asyncpg.PostgresError | ValueError) and not isinstance(fault, stale)


def own_error(fault: BaseException, store: str) -> StatementRefused | StoreUnavailable:
    """Return our own error for what the driver or the server said: their texts may print a value."""
    if isinstance(fault, TimeoutError | asyncpg.QueryCanceledError):
        return StoreUnavailable("The statement took too long and was stopped.")
    if isinstance(fault, asyncpg.UnsupportedClientFeatureError | ValueError | OverflowError):
        return StatementRefused("PostgreSQL could not evaluate the statement; check types and functions.")
    if isinstance(fault, asyncpg.InsufficientPrivilegeError):
        return StoreUnavailable(
            f"The role of the store {store} may not read all that sekisho.yaml declares:"
            f" sekisho stores bootstrap {store}."
        )
    code = getattr(fault, "sqlstate", None) or ""
    if not in_step(fault):
        return StoreUnavailable(f"The store {store} could not be read.")
    gone = {"42P01", "42703", "3F000"}  # the gateway wrote the names: the store is not what the catalogue says
    if code[:2] in {"22", "42", "0A", "21", "54", "2F", "38"} and code not in gone:
        return StatementRefused("PostgreSQL could not evaluate the statement; check types and functions.")
    return StoreUnavailable(f"The store {store} could not be read.")
