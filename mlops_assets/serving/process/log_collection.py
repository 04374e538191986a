"""The thread of the supervisor that commits logged rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from mlops_assets.serving.log.collector import LogCollector
from mlops_assets.serving.process.run_folder import RunFolder
from mlops_assets.stores.prediction_log.status import LogStatus

_SECONDS = 10.0
"""How often spool files are committed."""
_POLL_SECONDS = 0.2


@contextmanager
def collecting(run: RunFolder, on_status: Callable[[str, LogStatus], None]) -> Iterator[None]:
    """Collect in a thread, and once more at the end, when the workers have written all they had."""
    stop = Event()

    def collect_always() -> None:
        while not run.has_config and not stop.wait(_POLL_SECONDS):
            pass
        if not run.has_config:
            return
        collector = LogCollector(run.wait_for_config(), run.path, on_status)
        while not stop.wait(_SECONDS):
            collector.collect()
        collector.collect()

    thread = Thread(target=collect_always, name="log-collector", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
