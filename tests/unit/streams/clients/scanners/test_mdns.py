"""Addresses from announcements in the network."""

import pytest

from streams.clients.scanners.mdns import address_of


@pytest.mark.parametrize(
    ("scheme", "hosts", "port", "texts", "address"),
    [
        ("http", ["fe80::1", "10.0.0.7"], 80, {b"rs": b"eSCL"}, "http://10.0.0.7/eSCL"),
        ("http", ["10.0.0.7"], 8080, {b"rs": b"/eSCL/"}, "http://10.0.0.7:8080/eSCL"),
        ("https", ["10.0.0.7"], 443, {}, "https://10.0.0.7/eSCL"),
        ("http", ["fe80::1"], 80, {b"rs": None}, "http://[fe80::1]/eSCL"),
    ],
)
def test_makes_the_address_of_a_device(scheme, hosts, port, texts, address):
    assert address_of(scheme, hosts, port, texts) == address
