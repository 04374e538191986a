"""Addresses under which a server may be opened: hosts with an optional port."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from mlops_assets.core.errors import ProjectError

_ADDRESS = re.compile(r"(?P<host>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<address>\S+)")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_EVERY_INTERFACE = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Allowed:
    """Under which addresses a server may be opened.

    Attributes
    ----------
    hosts
        Values of the header `Host`, without port.
    proxies
        Addresses that were allowed by name: a page of theirs is one of the server, also if a proxy replaced
        `Host`.
    """

    hosts: frozenset[str]
    proxies: frozenset["Address"]


class Address(NamedTuple):
    """A host as a browser writes it, and a port; None if it is not written."""

    host: str
    port: int | None

    def __str__(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address | None:
    """Parse `host`, `host:port`, `[::1]` or `[::1]:port`; None for any other text."""
    found = _ADDRESS.fullmatch(text.lower())
    if not found:
        return None
    port = found["port"]
    return Address(found["host"], None if port is None else int(port))


def parse_origin(text: str) -> set[Address] | None:
    """Parse the header `Origin`.

    Returns
    -------
    set of Address
        The address of the page. A default port is there with and without its number. None for `null` and
        for pages that are not of http or https.
    """
    found = _ORIGIN.fullmatch(text.lower())
    address = parse_address(found["address"]) if found else None
    if not found or not address:
        return None
    default = _DEFAULT_PORTS[found["scheme"]]
    if address.port in (None, default):
        return {Address(address.host, None), Address(address.host, default)}
    return {address}


def allowed_addresses(host: str, allowed: Iterable[str]) -> Allowed:
    """Return the addresses under which a server may be opened.

    Parameters
    ----------
    host
        The interface that it listens on.
    allowed
        Further names or addresses, such as that of a proxy, with the port if it is not that of the scheme.

    Raises
    ------
    ProjectError
        When an address is not written as `host` or `host:port`, or when the server listens on every
        interface and no address is allowed.
    """
    proxies = frozenset(map(_require_address, allowed))
    own = parse_address(bracketed(host))
    if own is None or own.port is not None:
        raise ProjectError(
            f"--host {host} is not a host name or an address", hint="write it without http:// and port"
        )
    if is_every_interface(host):
        if not proxies:
            raise ProjectError(
                f"--host {host} listens on every interface, but no name is allowed to open it",
                hint="add --allow-host NAME, with the name or address that is entered in the browser",
            )
        return Allowed(frozenset({*_LOOPBACK, *(one.host for one in proxies)}), proxies)
    return Allowed(frozenset({*_LOOPBACK, own.host, *(one.host for one in proxies)}), proxies)


def is_every_interface(host: str) -> bool:
    """Whether a server on this host is reached at every address of the machine."""
    return host in _EVERY_INTERFACE


def _require_address(text: str) -> Address:
    address = parse_address(text)
    if address is None:
        raise ProjectError(
            f"--allow-host {text} is not a host name or an address",
            hint="write it as in the address bar of the browser, without http:// and path: "
            "--allow-host mlops.example.com, or --allow-host mlops.example.com:8443",
        )
    return address


def bracketed(host: str) -> str:
    """Return a host as it stands in a URL: an IPv6 address is in brackets."""
    try:
        return f"[{host}]" if ip_address(host).version == 6 else host
    except ValueError:
        return host
