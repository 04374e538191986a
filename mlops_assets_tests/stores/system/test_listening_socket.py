"""A port that can't be bound: the hint fits the cause."""

import errno

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.listening_socket import listening_socket


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
