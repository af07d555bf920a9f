"""Where webhooks may go: addresses of the public internet over TLS, and nothing of the house.

A service names the URL, and the gateway stands inside the network: without these rules a service could make
it speak to what only the inside reaches (server-side request forgery, OWASP API7:2023). The rules are a list of
what is allowed. The tables stand here rather than in ``ipaddress.is_global``, which changed between versions
of Python.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from sekisho.errors import InvalidRequest

Address = IPv4Address | IPv6Address

_MAX_URL = 2_000
_PORTS = frozenset({443, 8443})
# Printable ASCII without what parsers disagree about: quotes, brackets of markup, backslash, caret, backtick.
_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
# A last label of digits, or in hexadecimal, makes the name an address in some parsers (127.1, 0x7f000001).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

# IANA special-purpose registries, as of 2026: what is not one host of the public internet.
_CLOSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; cloud metadata of some providers
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own agent, on a public number
        "169.254.0.0/16",  # link-local; cloud metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; broadcast
    )
)
# Only this block is global unicast: mapped, NAT64, unique local, link-local and multicast lie outside of it.
_OPEN_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was read: whom to resolve, where to connect, what to ask for.

    ``path`` holds path and query; it may hold a secret of the receiver.
    """

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def literal(self) -> Address | None:
        """The address, when the host is one."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """The value of the ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"


def read_target(url: str, *, allow_loopback: bool = False) -> Target:
    """Return the parts of a webhook's URL.

    Parameters
    ----------
    url:
        ``https`` on port 443 or 8443. With *allow_loopback* also ``http``, and any port: what it
        resolves to decides then (:func:`may_connect`).

    Raises
    ------
    InvalidRequest
        For everything else: another scheme or port, a user name, a fragment, a name that is no host of the
        internet, characters that parsers disagree about. The text does not repeat the URL.
    """
    if len(url) > _MAX_URL or not _PLAIN.fullmatch(url):
        raise InvalidRequest("url is at most 2,000 printable ASCII characters; encode others (%…, xn--…).")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise InvalidRequest("url cannot be read.") from None
    if parts.scheme != "https" and not (allow_loopback and parts.scheme == "http"):
        raise InvalidRequest("url begins with https://.")
    if "@" in parts.netloc or "#" in url or not _is_host(host, parts.netloc):
        raise InvalidRequest("url names a host of the internet, without user name and fragment.")
    port = port if port is not None else (443 if parts.scheme == "https" else 80)
    if port not in _PORTS and not allow_loopback:
        raise InvalidRequest("url is on port 443 or 8443.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def may_connect(target: Target, addresses: Sequence[Address], *, allow_loopback: bool = False) -> bool:
    """Return whether *target*, which resolves to *addresses*, may be spoken to.

    Every address must be allowed, not only the one that will be used: a name with one address of the house
    is not a stranger's. Loopback, where it is allowed at all, is allowed on any port; nothing else is
    spoken to without TLS, or on a port of its own.
    """
    if not addresses:
        return False
    if allow_loopback and all(address.is_loopback for address in addresses):
        return True
    if target.scheme != "https" or target.port not in _PORTS:
        return False
    return all(is_public(address) for address in addresses)


def is_public(address: Address) -> bool:
    """Return whether *address* is one host of the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    return address.scope_id is None and address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def _is_host(host: str, netloc: str) -> bool:
    if netloc.startswith("["):
        try:
            return isinstance(ip_address(host), IPv6Address) and "%" not in host
        except ValueError:
            return False
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return isinstance(ip_address(host), IPv4Address)
        except ValueError:
            return False
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
