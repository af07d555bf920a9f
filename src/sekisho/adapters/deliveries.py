"""Sending webhooks over HTTP, to the public internet and nowhere else.

The name is resolved here, every address is checked, and the connection goes to an address that was checked: nothing
resolves the name a second time (DNS rebinding). TLS is verified against the name. Nothing is followed (a
redirect is a failure), no proxy of the environment is taken, connections are not shared between receivers
(names at one address would share the certificate of whichever came first), and of the answer only the status is
kept.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import cast

import httpx

from sekisho.domain.webhook_targets import Address, Target, may_connect, read_target
from sekisho.domain.webhooks import Outcome
from sekisho.errors import InvalidRequest

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Returns every address of a host; raises ``OSError`` when there is none."""

_TOTAL_S = 15.0  # all of one attempt, the look-up of the name included
_CONNECT_S = 5.0
_ADDRESSES = 3  # tried one after another while none takes the connection
_MAX_ANSWER = 4_096  # bytes
_REST_S = 1.0
_AGENT = "sekisho-webhooks/1"


class HttpWebhookSender:
    """Implements ``ports.feeds.WebhookSender``.

    Parameters
    ----------
    allow_loopback:
        Allow receivers on this machine, without TLS and on any port: for the demonstration alone.
    resolve:
        Looks a name up; the system's resolver when left out.
    tls:
        How certificates are verified; by the system's authorities when left out.
    total_s:
        Seconds that one attempt may take.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        total_s: float = _TOTAL_S,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve if resolve is not None else _system_resolver
        self._tls = tls if tls is not None else ssl.create_default_context()
        self._total_s = total_s

    def check(self, url: str) -> str:
        """Return the host of *url*. Raises ``InvalidRequest`` for a URL that no webhook may have.

        A name is resolved only when something is sent: what it resolves to now says nothing about then, and an
        answer to the caller would tell of the names inside.
        """
        target = read_target(url, allow_loopback=self._allow_loopback)
        literal = target.literal
        if literal is not None and not may_connect(target, [literal], allow_loopback=self._allow_loopback):
            raise InvalidRequest("url names an address that is not of the public internet.")
        return target.host

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send *body* and return how it ended; it never raises.

        ``fault`` is one of ``invalid_url``, ``unresolved``, ``address_refused``, ``unreachable``, ``tls``,
        ``timeout``, ``broken_off``, ``redirect``, ``status`` (neither of the latter is a success), ``internal``.
        """
        try:
            async with asyncio.timeout(self._total_s):
                return await self._send(url, headers, body)
        except (TimeoutError, httpx.TimeoutException):
            return Outcome(fault="timeout")
        except InvalidRequest:
            return Outcome(fault="invalid_url")
        except httpx.ConnectError as error:
            return Outcome(fault="tls" if _is_tls(error) else "unreachable")
        except httpx.TransportError:
            return Outcome(fault="broken_off")
        except Exception:  # noqa: BLE001 - whatever it was, it must count as an attempt that failed
            return Outcome(fault="internal")

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        target = read_target(url, allow_loopback=self._allow_loopback)
        literal = target.literal
        try:
            addresses = [literal] if literal is not None else await self._resolve(target.host, target.port)
        except (OSError, UnicodeError, ValueError):
            return Outcome(fault="unresolved")
        if not may_connect(target, addresses, allow_loopback=self._allow_loopback):
            return Outcome(fault="address_refused")
        tried = list(dict.fromkeys(addresses))[:_ADDRESSES]
        for address in tried[:-1]:
            try:
                return await self._post(target, address, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if _is_tls(error):
                    raise
        return await self._post(target, tried[-1], headers, body)

    async def _post(self, target: Target, address: Address, headers: Mapping[str, str], body: bytes) -> Outcome:
        path = target.path.encode("ascii")
        limits = {"connect": _CONNECT_S, "read": self._total_s, "write": self._total_s, "pool": self._total_s}
        request = httpx.Request(
            "POST",
            httpx.URL(scheme=target.scheme, host=str(address), port=target.port, raw_path=path),
            headers={**headers, "host": target.authority, "user-agent": _AGENT, "connection": "close"},
            content=body,
            # sni_hostname is also the name that the certificate must be for.
            extensions={"timeout": limits, "sni_hostname": target.host},
        )
        # The transport itself: a client would follow, keep cookies, heed the environment and log the URL.
        async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, retries=0) as transport:
            response = await transport.handle_async_request(request)
            try:
                # The status has been said; how the rest ends changes nothing.
                with suppress(TimeoutError, httpx.TransportError):
                    async with asyncio.timeout(_REST_S):
                        await _let_go(response)
            finally:
                await response.aclose()
        status = response.status_code
        if 200 <= status < 300:
            return Outcome(status)
        return Outcome(status, "redirect" if 300 <= status < 400 else "status")


async def _let_go(response: httpx.Response) -> None:
    """Read a little of the answer, so that a receiver which is still writing sees no reset, and keep nothing."""
    seen = 0
    stream = cast("httpx.AsyncByteStream", response.stream)
    async for chunk in stream:
        seen += len(chunk)
        if seen >= _MAX_ANSWER:
            return


async def _system_resolver(host: str, port: int) -> Sequence[Address]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(address[0])) for *_, address in found]


def _is_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
