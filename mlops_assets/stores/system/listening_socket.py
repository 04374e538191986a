"""A socket that listens before its server is ready."""

import socket

from mlops_assets.core.errors import StoreError


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
            hint="stop the program that uses it, or choose another port with --port",
        ) from error
    return listening
