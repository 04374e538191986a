"""A socket that listens before its server is ready."""

import ctypes
import errno
import socket
import struct
import sys
from contextlib import suppress

from mlops_assets.core.errors import StoreError

_ATTACH_FILTER = 26
_DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A program of one instruction for Linux' socket filter: return 0, so that the packet is dropped."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens, so that requests during the start wait instead of failing.

    Raises
    ------
    StoreError
        When the host is not known, or the port can't be used.
    """
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise StoreError(
            f"the host {host} is not known: {error.strerror}", hint="choose an address of this machine"
        ) from error
    listening = socket.socket(kind)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen()  # of two that are bound at once, only one can
    except OSError as error:
        listening.close()
        raise StoreError(
            f"port {port} of {host} can't be used: {error.strerror}",
            hint=_hint(error.errno),
        ) from error
    return listening


def _hint(number: int | None) -> str:
    """What to do about an address that can't be bound."""
    if number == errno.EADDRNOTAVAIL:
        return "choose an address of this machine"
    if number == errno.EACCES:
        return "choose a port of 1024 or more with --port, or permit the user to use this one"
    return "stop the program that uses it, or choose another port with --port"


def stop_connecting(listening: socket.socket) -> None:
    """Let no further connection in, while those that wait in the socket can still be accepted.

    Only Linux can do that: it drops the packets of new connections, and their clients try again. Elsewhere,
    and where the system does not permit it, the socket is unchanged.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError):  # hardened kernels refuse it to users without capabilities
        program = ctypes.create_string_buffer(_DROP_ALL, len(_DROP_ALL))
        listening.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program))
        )
