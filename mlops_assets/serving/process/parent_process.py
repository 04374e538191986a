"""The end of a worker with its supervisor, also if that was killed: no worker is left behind."""

import multiprocessing
import os
import signal
import threading


def end_with_parent() -> None:
    """End this process as SIGTERM does, as soon as the process that started it has ended."""
    threading.Thread(target=_wait, name="parent", daemon=True).start()


def _wait() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
