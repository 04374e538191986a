"""The loading of versions in a worker, beside the requests that it answers."""

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.process.run_folder import RunFolder

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.25
_SWITCH_SECONDS = 0.001
_END_SECONDS = 10.0
"""How long the end of a worker waits for a version that is being loaded."""


@asynccontextmanager
async def loading(engine: Engine, run: RunFolder) -> AsyncIterator[None]:
    """Wait until every project has an answer, and load other versions while the application runs.

    Until then the worker accepts no connection: requests wait in the socket.
    """
    while not engine.is_ready:
        await asyncio.to_thread(engine.refresh)
        if not engine.is_ready:
            await asyncio.sleep(_POLL_SECONDS / 5)
    # A request waits at most this long for the thread that loads a version, where that runs Python code.
    sys.setswitchinterval(_SWITCH_SECONDS)
    stop = threading.Event()
    thread = threading.Thread(target=_load, args=(engine, run, stop), name="loading", daemon=True)
    thread.start()
    yield
    stop.set()
    # Native code of the thread, such as that of DuckDB, must not run while the interpreter ends.
    await asyncio.to_thread(thread.join, _END_SECONDS)
    gc.unfreeze()  # see `worker.create`; at the end, everything is to be collected


def _load(engine: Engine, run: RunFolder, stop: threading.Event) -> None:
    """Load versions until the event is set.

    The thread has the priority of the others: with a lower one it would wait for a processor while it holds
    Python's lock, and requests with it.
    """
    while not stop.wait(_POLL_SECONDS):
        if run.is_draining:
            engine.drain()
        try:
            engine.refresh()
        except Exception:  # such as a full disk: the versions that answer are unchanged
            _LOG.exception("the deployment could not be read")
