"""Webhooks go to the public internet over TLS, to the address that was checked, and nowhere else."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from sekisho.adapters.deliveries import HttpWebhookSender
from sekisho.domain.webhook_targets import is_public, may_connect, read_target
from sekisho.domain.webhooks import Outcome
from sekisho.errors import InvalidRequest
from tests.adapters.receivers import PUBLIC, resolving

REFUSED_ADDRESSES = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:93.184.216.34",
    "::ffff:0:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "5f00::1",
]
PUBLIC_ADDRESSES = [PUBLIC, "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111"]
REFUSED_URLS = [
    "",
    "http://receiver.example/hook",
    "ftp://receiver.example/",
    "file:///etc/passwd",
    "gopher://receiver.example:70/",
    "//receiver.example/",
    "receiver.example",
    "https://",
    "https:///hook",
    "https://user@receiver.example/",
    "https://user:password@receiver.example/",
    "https://receiver.example@127.0.0.1/",
    "https://receiver.example#@127.0.0.1/",
    "https://receiver.example/#fragment",
    "https://receiver.example\\@127.0.0.1/",
    "https://receiver.example:80/",
    "https://receiver.example:22/",
    "https://receiver.example:0/",
    "https://receiver.example:65536/",
    "https://receiver.example:443a/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.1./",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://[127.0.0.1]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://receiver.example\r\nHost: inside/",
    "https://receiver.example/ hook",
    "https://receiver.example/\thook",
    "https://rec%65iver.example/",
    "https://レシーバー.example/",
    "https://-receiver.example/",
    "https://receiver..example/",
    "https://receiver.example/<script>",
    "https://receiver.example/" + "a" * 2_000,
]


@pytest.mark.parametrize("text", REFUSED_ADDRESSES)
async def test_addresses_of_the_house_are_refused(text: str) -> None:
    """Private, local, reserved, multicast, metadata and embedding addresses are never connected to."""
    address = ip_address(text)
    target = read_target("https://receiver.example/hook")
    assert not is_public(address)
    assert not may_connect(target, [address])
    assert not may_connect(target, [ip_address(PUBLIC), address]), "one bad address among good ones"
    resolve, _ = resolving([text])
    # Sockets are off in this test: an attempt to connect would raise and be another fault.
    assert await HttpWebhookSender(resolve=resolve).send("https://receiver.example/hook", {}, b"{}") == Outcome(
        fault="address_refused"
    )


@pytest.mark.parametrize("text", PUBLIC_ADDRESSES)
def test_addresses_of_the_internet_are_allowed(text: str) -> None:
    """A public address is one, also right beside a closed block."""
    assert is_public(ip_address(text))


@pytest.mark.parametrize("url", REFUSED_URLS, ids=range(len(REFUSED_URLS)))
async def test_a_url_that_is_no_https_url_of_the_internet_is_refused(url: str) -> None:
    """Nothing but https to a plain host on 443 or 8443 is taken, neither at registration nor when sending."""
    resolve, asked = resolving([PUBLIC])
    sender = HttpWebhookSender(resolve=resolve)
    with pytest.raises(InvalidRequest) as refused:
        sender.check(url)
    assert not url or url not in refused.value.detail
    assert (await sender.send(url, {}, b"{}")).fault in {"invalid_url", "address_refused"}
    assert asked == []


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://receiver.example", "receiver.example", 443, "/", "receiver.example"),
        ("https://Receiver.Example:8443/a?b=c", "receiver.example", 8443, "/a?b=c", "receiver.example:8443"),
        ("https://xn--eckwd4c7c.example:443/", "xn--eckwd4c7c.example", 443, "/", "xn--eckwd4c7c.example"),
        ("https://[2606:4700::1111]:8443/x", "2606:4700::1111", 8443, "/x", "[2606:4700::1111]:8443"),
        ("https://93.184.216.34/x", PUBLIC, 443, "/x", PUBLIC),
    ],
)
def test_a_url_is_read_into_its_parts(url: str, host: str, port: int, path: str, authority: str) -> None:
    """Host, port, path and Host header are those that the URL says."""
    target = read_target(url)
    assert (target.scheme, target.host, target.port, target.path) == ("https", host, port, path)
    assert target.authority == authority
    assert HttpWebhookSender().check(url) == host


def test_loopback_is_for_the_demonstration_alone() -> None:
    """Only the flag allows http and other ports, and then for loopback alone."""
    inside = read_target("http://localhost:9000/hook", allow_loopback=True)
    assert may_connect(inside, [ip_address("127.0.0.1"), ip_address("::1")], allow_loopback=True)
    assert not may_connect(inside, [ip_address("127.0.0.1")])
    assert not may_connect(inside, [ip_address("127.0.0.1"), ip_address("10.0.0.1")], allow_loopback=True)
    assert not may_connect(inside, [ip_address(PUBLIC)], allow_loopback=True), "no TLS"
    other = read_target("https://receiver.example:9000/", allow_loopback=True)
    assert not may_connect(other, [ip_address(PUBLIC)], allow_loopback=True), "a port of its own"
    assert not may_connect(inside, [], allow_loopback=True)
