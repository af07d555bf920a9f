"""The way to an OPA server: a socket of this machine, loopback, or TLS that both sides prove themselves by."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson
from opa_client.opa_async import AsyncOpaClient

from sekisho.adapters.opa.exchange import Exchange

_SOURCES_S: Final = 10.0  # nobody waits for it


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is trusted and who asks, in files.

    Attributes
    ----------
    authority:
        Certificates of those who sign the server's certificate; the system's when ``None``.
    certificate:
        The gateway's own certificate, which the server demands; ``None`` where it demands none.
    key:
        Private key of ``certificate``.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer that came whole, with status 200 and JSON in it, as the library reads it."""

    body: bytes

    def raise_for_status(self) -> None:
        """Return: the exchange hands nothing else over."""

    async def json(self) -> object:
        """Return what it says. Raises ``ValueError`` where it is no JSON."""
        return orjson.loads(self.body)


class Connection(AsyncOpaClient):  # type: ignore[misc]  # ships no types
    """A client of one server that tries nothing twice.

    Parameters
    ----------
    url:
        ``unix:///path``, ``http://host:port`` or ``https://host:port``.
    timeout_s:
        Seconds for one request.
    credentials:
        For ``https``.

    The library knows neither sockets of a machine nor authorities of one's own: how a connection is made is said
    anew here, and what carries a question: see :class:`~sekisho.adapters.opa.exchange.Exchange`.
    """

    def __init__(self, url: str, timeout_s: float, credentials: Credentials) -> None:
        parts = urlsplit(url)
        self._socket = parts.path if parts.scheme == "unix" else None
        if self._socket is None and parts.hostname is None:
            raise ValueError("the address of the policy server names no host")
        host = parts.hostname or "opa"
        secure = parts.scheme == "https"
        super().__init__(
            host=f"[{host}]" if ":" in host else host,
            port=parts.port or (443 if secure else 8181),
            ssl=secure,
            retries=0,
            timeout=timeout_s,
        )
        self._credentials = credentials
        self._exchange: Exchange | None = None
        self._where = (host, int(self.port))

    async def close_connection(self) -> None:
        """Close all connections."""
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None
        await super().close_connection()

    async def sources(self) -> list[str]:
        """Return the text of each policy that the server holds. Raises what the library raises, and ``KeyError``."""
        patience = aiohttp.ClientTimeout(total=_SOURCES_S)
        async with self._request("GET", f"{self.root_url}/policies", timeout=patience) as response:
            response.raise_for_status()
            return [str(each["raw"]) for each in (await response.json())["result"]]

    async def _init_session(self) -> None:
        tls = self._tls() if self.ssl else None
        self._connector = (
            aiohttp.TCPConnector(ssl=True if tls is None else tls)
            if self._socket is None
            else aiohttp.UnixConnector(self._socket)
        )
        self._exchange = Exchange(*self._where, socket=self._socket, tls=tls)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            timeout=aiohttp.ClientTimeout(total=self.timeout),
            trust_env=False,
        )

    @asynccontextmanager
    async def _request(self, method: str, url: str, **more: Any) -> AsyncIterator[Any]:
        """Carry what the library asks: a question by the exchange, everything else as the library does."""
        if method != "POST" or self._exchange is None:
            async with super()._request(method, url, **more) as response:
                yield response
            return
        target = url.partition("://")[2].partition("/")[2]
        yield _Answer(await self._exchange.ask(f"/{target}", orjson.dumps(more["json"])))

    def _tls(self) -> ssl.SSLContext:
        authority = self._credentials.authority
        context = ssl.create_default_context(cafile=None if authority is None else str(authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._credentials.certificate is not None:
            context.load_cert_chain(self._credentials.certificate, self._credentials.key)
        return context
