"""A time limit for a call that may block in the network."""

from collections.abc import Callable
from threading import Event, Thread
from typing import TypeVar

from mlops_assets.stores.alerts.delivery import DeliveryError

T = TypeVar("T")


def within(seconds: float, call: Callable[[Event], T], what: str) -> T:
    """Return the result of a call, which runs in a thread of its own.

    A time limit of a socket is one of each read: a receiver that sends a byte now and then exceeds it, and a
    name server has none at all.

    Parameters
    ----------
    call
        Gets an event that is set after the time, and must send nothing then.

    Raises
    ------
    DeliveryError
        After the time; the thread is abandoned.
    """
    results: list[T] = []
    errors: list[Exception] = []
    late = Event()

    def run() -> None:
        try:
            results.append(call(late))
        except Exception as error:
            errors.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    late.set()
    if errors:
        raise errors[0]
    if not results:
        raise DeliveryError(f"{what} did not answer within {seconds:g} s")
    return results[0]


def require_in_time(late: Event) -> None:
    """Raise if the time is over, before anything is sent."""
    if late.is_set():
        raise DeliveryError("too late")
