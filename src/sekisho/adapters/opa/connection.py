"""The way to an OPA server: a socket of this machine, loopback, or TLS that both sides prove themselves by."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import orjson
from opa_client.opa_async import AsyncOpaClient


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

    The library knows neither sockets of a machine nor authorities of one's own; only how a connection is made is
    said anew here.
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

    async def _init_session(self) -> None:
        self._connector = (
            aiohttp.TCPConnector(ssl=self._tls() if self.ssl else True)
            if self._socket is None
            else aiohttp.UnixConnector(self._socket)
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            timeout=aiohttp.ClientTimeout(total=self.timeout),
            trust_env=False,
            # The default writes a question of twenty columns ten times as slowly, and with spaces that OPA reads.
            json_serialize=lambda value: orjson.dumps(value).decode(),
        )

    def _tls(self) -> ssl.SSLContext:
        authority = self._credentials.authority
        context = ssl.create_default_context(cafile=None if authority is None else str(authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._credentials.certificate is not None:
            context.load_cert_chain(self._credentials.certificate, self._credentials.key)
        return context
