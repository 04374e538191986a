"""Addresses of the user interface."""

import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.host_addresses import Address, allowed_addresses, parse_address, parse_origin


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost", Address("localhost", None)),
        ("LOCALHOST:3000", Address("localhost", 3000)),
        ("[::1]:3000", Address("[::1]", 3000)),
        ("a b", None),
        ("localhost\n", None),
        ("localhost:3000@evil.example", None),
        ("localhost:", None),
        ("::1", None),
        ("", None),
    ],
)
def test_an_address_is_parsed_to_its_end(text, address):
    assert parse_address(text) == address


def test_an_origin_is_an_address_of_http_with_and_without_the_default_port():
    assert parse_origin("https://a.example") == {Address("a.example", None), Address("a.example", 443)}
    assert parse_origin("http://a.example:443") == {Address("a.example", 443)}
    assert parse_origin("null") is None
    assert parse_origin("chrome-extension://abc") is None


def test_the_host_and_the_allowed_names_are_added_to_the_loopback_names():
    found = allowed_addresses("::1", ["mlops.example.com:8443"])
    assert found.hosts == {"localhost", "127.0.0.1", "[::1]", "mlops.example.com"}
    assert found.proxies == {Address("mlops.example.com", 8443)}
    assert "10.0.0.7" in allowed_addresses("10.0.0.7", []).hosts


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_interface_requires_a_name_to_open_it(host):
    with pytest.raises(ProjectError, match="listens on every interface, but no name is allowed"):
        allowed_addresses(host, [])
    assert host not in allowed_addresses(host, ["mlops.example.com"]).hosts


@pytest.mark.parametrize(
    "text", ["https://mlops.example.com", "mlops.example.com/ui", "*", "*.example.com", ""]
)
def test_an_allowed_host_that_is_no_name_is_rejected(text):
    with pytest.raises(ProjectError, match="is not a host name or an address"):
        allowed_addresses("127.0.0.1", [text])
