"""A limit for the time from a signal to the end of the process."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread

GRACE_SECONDS = 3.0
"""Time from SIGINT or SIGTERM until the process ends without waiting for the current call."""
REPEAT_SECONDS = 1.5
"""Time until the signal is sent again."""
CLEANUP_SECONDS = 1.0
"""Maximum duration of the clean-up before that."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def limited_interruption(cleanup: Callable[[], None] = lambda: None, *, exit_code: int = 1) -> Iterator[None]:
    """End the process soon after SIGINT or SIGTERM, whatever it is doing.

    Python handles a signal between two instructions of its main thread. A call into a library, such as the
    SHAP values of a large forest, delays that by minutes. And the exception that a handler raises is lost in
    the callback of a weak reference, in a finalizer and in a callback of ctypes: it is printed as ignored.

    Here another thread learns of the signal at once. It sends the signal again, and if the block has not
    ended after `GRACE_SECONDS`, it ends the process. What the process has written is complete or absent, as
    after a crash.

    It has no effect outside of the main thread, and inside another such block.

    Parameters
    ----------
    cleanup
        Called in that thread before the process ends.
    exit_code
        The exit code of the process in that case.
    """
    if current_thread() is not main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    outer = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if outer != -1:  # another block, or an event loop, is informed of signals
        signal.set_wakeup_fd(outer)
        os.close(reader)
        os.close(writer)
        yield
        return
    ended = Event()
    watcher = Thread(target=_watch, args=(reader, ended, cleanup, exit_code), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        ended.set()
        os.close(writer)
        watcher.join()
        os.close(reader)


def _watch(reader: int, ended: Event, cleanup: Callable[[], None], exit_code: int) -> None:
    """Wait for a signal, or for the end of the block, which closes the other end of the pipe."""
    while number := os.read(reader, 1):
        if number[0] in _SIGNALS and not (ended.wait(REPEAT_SECONDS) or _repeated(number[0], ended)):
            cleaner = Thread(target=cleanup, daemon=True)
            cleaner.start()
            cleaner.join(CLEANUP_SECONDS)
            os._exit(exit_code)


def _repeated(number: int, ended: Event) -> bool:
    """Send a signal again, and return whether the block ends then."""
    os.kill(os.getpid(), number)
    return ended.wait(GRACE_SECONDS - REPEAT_SECONDS)
