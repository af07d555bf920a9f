"""How often one network of clients may try to sign in.

A fixed window in the memory of one process: no write for a hostile request, and with N worker processes up to
N times as many tries. It bounds how many addresses an outsider can name; what is sent to one address is
bounded in the database, for all processes together, and never told.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sekisho.errors import RateLimited
from sekisho.ports import Clock

WINDOW_S: Final = 900.0
"""Length of a window, in seconds."""

_MOST_NETWORKS: Final = 50_000  # counted apart in one window; all further ones share one count
_OTHERS: Final = "others"
_PREFIX: Final = {4: 32, 6: 56}  # what one customer of a provider is given (RFC 6177 for IPv6)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from.

    Attributes
    ----------
    peer:
        Address of the other end of the connection.
    forwarded:
        ``X-Forwarded-For`` as it came in, several joined by commas; believed from our own proxies only.
    """

    peer: str
    forwarded: str = field(default="", repr=False)


class ClientLimit:
    """Counts tries by network.

    Parameters
    ----------
    clock:
        Its monotonic time makes the windows.
    most:
        Tries that one network has in a window.
    proxies:
        Networks of the controller's own reverse proxies (``10.0.0.0/8``).
    """

    def __init__(self, clock: Clock, most: int, proxies: Iterable[str] = ()) -> None:
        self._clock = clock
        self._most = most
        self._proxies = tuple(ipaddress.ip_network(proxy) for proxy in proxies)
        self._window = -1
        self._tries: dict[str, int] = {}

    def take(self, client: Client) -> None:
        """Count one try. Raises ``RateLimited`` when there were too many, whatever they were about."""
        window = int(self._clock.monotonic() // WINDOW_S)
        if window != self._window:
            self._window = window
            self._tries.clear()
        network = network_of(client, self._proxies)
        if network not in self._tries and len(self._tries) >= _MOST_NETWORKS:
            network = _OTHERS
        tries = self._tries.get(network, 0) + 1
        self._tries[network] = tries
        if tries > self._most:
            raise RateLimited("There were too many tries from this network; wait a quarter of an hour.")


def network_of(client: Client, proxies: Sequence[_Network]) -> str:
    """Return the network of *client*: the nearest address that is none of *proxies*.

    Every proxy adds the address that it saw on the right; what stands further to the left anybody may have
    written.
    """
    address = _address(client.peer)
    if address is None:
        return "local"  # a socket without addresses
    for hop in reversed(client.forwarded.split(",")):
        if not any(address in proxy for proxy in proxies):
            break
        further = _address(hop.strip())
        if further is None:
            break
        address = further
    return str(ipaddress.ip_network((address, _PREFIX[address.version]), strict=False))


def _address(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
