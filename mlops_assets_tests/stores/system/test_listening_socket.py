"""A port that can't be bound: the hint fits the cause."""

import errno
import sys

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.listening_socket import listening_socket, stop_connecting


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EADDRINUSE, "stop the program that uses it, or choose another port with --port"),
        (errno.EADDRNOTAVAIL, "choose an address of this machine"),
        (errno.EACCES, "choose a port of 1024 or more with --port, or permit the user to use this one"),
    ],
)
def test_the_hint_fits_the_cause(number: int, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(*_: object) -> None:
        raise OSError(number, "cause")

    monkeypatch.setattr("mlops_assets.stores.system.listening_socket.socket.socket.bind", bind)
    with pytest.raises(StoreError, match=r"port 8000 of 127\.0\.0\.1 can't be used: cause") as caught:
        listening_socket("127.0.0.1", 8000)
    assert caught.value.hint == hint


def test_a_system_that_permits_no_filter_of_packets_does_not_stop_the_shutdown() -> None:
    asked = list[tuple[object, ...]]()

    class Listening:
        def setsockopt(self, *option: object) -> None:
            asked.append(option)
            raise PermissionError(errno.EPERM, "Operation not permitted")

    stop_connecting(Listening())
    assert len(asked) == (sys.platform == "linux")
