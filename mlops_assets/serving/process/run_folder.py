"""The folder of a running service, which it locks, and the folders that killed services have left."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from filelock import FileLock, Timeout

from mlops_assets.serving.config import ServingConfig
from mlops_assets.stores.serving_status.status_files import remove_statuses
from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_replaceable
from mlops_assets.stores.system.service_files import remove_ended

RUN_VARIABLE = "MLOPS_SERVING_RUN"
"""Environment variable with the run folder, for workers."""
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client; it is read when the library is imported."""

_PREFIX = "run-"
_LOCK, _CONFIG, _DRAINING = "service.lock", "config.json", "draining"
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class RunFolder:
    """The folder of one service: its configuration, deployment, models, reports of workers and metrics."""

    path: Path

    @property
    def service(self) -> str:
        """Identifier of the service."""
        return self.path.name

    @property
    def metrics(self) -> Path:
        """The folder that all processes of the service write their metrics to."""
        return self.path / "metrics"

    def write_config(self, config: ServingConfig) -> None:
        """Write the configuration, for which workers wait."""
        write_replaceable(self.path / _CONFIG, config.to_text())

    @property
    def has_config(self) -> bool:
        """Whether the configuration is written."""
        return (self.path / _CONFIG).exists()

    def wait_for_config(self) -> ServingConfig:
        """Return the configuration as soon as it is written."""
        while not self.has_config:
            time.sleep(_POLL_SECONDS)
        return ServingConfig.from_text((self.path / _CONFIG).read_text("utf-8"))

    def drain(self) -> None:
        """Request that workers report not to be ready, and still answer."""
        (self.path / _DRAINING).touch()

    @property
    def is_draining(self) -> bool:
        """Whether `drain` was called."""
        return (self.path / _DRAINING).exists()


@contextmanager
def running(state: Path) -> Iterator[RunFolder]:
    """Yield a new run folder of a state directory, and remove it on exit.

    Folders of services that were killed are removed; those of services that run are locked. What ended
    services have reported is removed, too.

    Raises
    ------
    StoreError
        When the state directory can't be written to, or its disk is full.
    """
    serving = state / "serving"
    with translated_disk_errors("the folder of the service", serving):
        serving.mkdir(parents=True, exist_ok=True)
        with FileLock(serving / "start.lock"):  # a folder is never seen before its service has locked it
            _remove_left_folders(state, serving)
            remove_ended(serving, {folder.name for folder in serving.glob(f"{_PREFIX}*")})
            run = RunFolder(Path(mkdtemp(prefix=_PREFIX, dir=serving)))
            lock = FileLock(run.path / _LOCK)
            lock.acquire()
        run.metrics.mkdir()
    try:
        os.environ |= {RUN_VARIABLE: str(run.path), METRICS_VARIABLE: str(run.metrics)}
        yield run
    finally:
        remove_statuses(state, run.service)
        shutil.rmtree(run.path, ignore_errors=True)
        lock.release()


def _remove_left_folders(state: Path, serving: Path) -> None:
    for folder in serving.glob(f"{_PREFIX}*"):
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except (Timeout, FileNotFoundError):
            continue
        remove_statuses(state, folder.name)
        with suppress(FileNotFoundError):  # a service that ends removes its folder at the same time
            shutil.rmtree(folder)
        lock.release()
