"""Whose tries are counted together."""

from __future__ import annotations

import pytest
from tests.consents.fakes import make_parts

from sekisho.consents.client_limit import Client, ClientLimit
from sekisho.errors import RateLimited


@pytest.mark.parametrize(
    ("client", "network"),
    [
        (Client("192.0.2.7"), "192.0.2.7/32"),
        (Client("192.0.2.7", "198.51.100.1"), "192.0.2.7/32"),
        (Client("10.0.0.1", "198.51.100.1"), "198.51.100.1/32"),
        (Client("10.0.0.1", "203.0.113.5, 198.51.100.1"), "198.51.100.1/32"),
        (Client("10.0.0.1", "198.51.100.1, 10.0.0.2"), "198.51.100.1/32"),
        (Client("10.0.0.1", "nonsense"), "10.0.0.1/32"),
        (Client("10.0.0.1", ""), "10.0.0.1/32"),
        (Client("2001:db8:1:2::5"), "2001:db8:1::/56"),
        (Client("::ffff:192.0.2.7"), "192.0.2.7/32"),
        (Client(""), "local"),
    ],
)
def test_a_clients_network_is_what_our_own_proxies_saw(client, network):
    """``X-Forwarded-For`` counts from our own proxies only, and of it what they added."""
    limit = ClientLimit(make_parts().clock, 5, ["10.0.0.0/8"])
    limit.take(client)
    assert list(limit._tries) == [network]


def test_networks_beyond_number_share_one_count(monkeypatch):
    """However many networks somebody has, memory is bounded, and those beyond the bound are limited together."""
    monkeypatch.setattr("sekisho.consents.client_limit._MOST_NETWORKS", 3)
    limit = ClientLimit(make_parts().clock, 2)
    for number in range(5):
        limit.take(Client(f"192.0.2.{number}"))
    with pytest.raises(RateLimited):
        limit.take(Client("192.0.2.9"))
    assert len(limit._tries) == 4
    limit.take(Client("192.0.2.1"))
