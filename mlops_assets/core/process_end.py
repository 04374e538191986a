"""The end of a process without the teardown of Python, which visits and frees a million objects."""

import atexit
import os
import sys


def exit_at_once(code: int) -> None:
    """Write what was printed, and end the process; exit functions that were not called are skipped."""
    os._exit(code if _is_written() else code or 1)


class FastExit:
    """Ends the process without teardown after all exit functions, which were registered later.

    Create it before anything that registers exit functions. Threads that are no daemons are waited for.

    Attributes
    ----------
    code
        The exit code; with None, the process ends as usual.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        atexit.register(self._end)

    def _end(self) -> None:
        if self.code is not None:
            exit_at_once(self.code)


def _is_written() -> bool:
    """Flush the standard streams; False if there is no reader any more, or no space."""
    written = True
    for stream in (sys.stdout, sys.stderr):
        if stream is None or stream.closed:
            continue
        try:
            stream.flush()
        except BrokenPipeError:
            written = False
        except OSError as error:
            os.write(2, f"error: the output can't be written: {error.strerror}\n".encode())
            written = False
    return written
