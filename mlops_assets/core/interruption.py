"""A limit for the time from a signal to the end of the process."""

import atexit
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread
from time import monotonic, sleep

from mlops_assets.core.process_end import exit_at_once

GRACE_SECONDS = 3.0
"""Time from SIGINT or SIGTERM until the process ends without waiting for the current call."""
REPEAT_SECONDS = 1.5
"""Time until the signal is sent again."""
CLEANUP_SECONDS = 1.0
"""Maximum duration of the clean-up before that."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def limited_interruption(
    cleanup: Callable[[], None] = lambda: None, *, exit_code: int = 1, until_exit: bool = False
) -> Iterator[None]:
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
    until_exit
        After a signal, limit the time to the end of the process instead of that to the end of the block.
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
    left = Event()

    def watch() -> None:
        while number := os.read(reader, 1):
            if number[0] not in _SIGNALS:
                continue
            deadline = monotonic() + GRACE_SECONDS
            if not left.wait(REPEAT_SECONDS):
                os.kill(os.getpid(), number[0])
            if until_exit:
                atexit.register(exit_at_once, exit_code)  # clearing modules takes seconds
                sleep(max(deadline - monotonic(), 0))
            elif left.wait(max(deadline - monotonic(), 0)):
                continue
            if not left.is_set():
                cleaner = Thread(target=cleanup, daemon=True)
                cleaner.start()
                cleaner.join(CLEANUP_SECONDS)
            os._exit(exit_code)
        os.close(reader)

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        left.set()
        os.close(writer)  # the thread ends, unless it has read or will read a signal
        if not until_exit:
            watcher.join()
