"""The worker processes of a service: started, replaced when they end, stopped without losing requests."""

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket
from types import ModuleType

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from mlops_assets.core.errors import StoreError
from mlops_assets.serving.deployment.worker_reports import WorkerReport, read_reports, remove_report
from mlops_assets.serving.process.answering_server import Worker
from mlops_assets.serving.process.run_folder import RunFolder
from mlops_assets.stores.system.listening_socket import stop_connecting

_LOG = logging.getLogger(__name__)
_TICK_SECONDS = 0.2
_STABLE_SECONDS = 30.0
_LONGEST_PAUSE = 30.0


class Workers(Multiprocess):
    """The workers of a service, which share a listening socket.

    The first worker starts at once, the others when the first one answers: so the service is ready earlier.

    Parameters
    ----------
    config
        How workers answer; its `workers` is their number.
    on_end
        Called with the process ID of a worker that has ended.
    """

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket], run: RunFolder, on_end: Callable[[int], None]
    ) -> None:
        super().__init__(config, sockets)
        self.error: Exception | None = None
        self.restarts, self.is_terminated = 0, False
        self._run, self._on_end = run, on_end
        self._known: set[int] = set()
        self._started: dict[Process, float] = {}
        self._quick_ends, self._pause_until = 0, 0.0
        self._is_ready = False

    @property
    def reports(self) -> list[WorkerReport]:
        """The reports of the workers that are alive."""
        alive = {process.pid for process in self.processes}
        return [report for report in read_reports(self._run.path) if report.pid in alive]

    @property
    def ready(self) -> int:
        """Number of workers that answer."""
        return sum(report.ready for report in self.reports)

    def stop(self, error: Exception | None = None) -> None:
        """Stop all workers; `supervise` raises the error then."""
        self.error = self.error or error
        self.should_exit.set()

    def mark_ready(self) -> None:
        """Start the other workers; from now on, a worker that ends is replaced."""
        self._is_ready = True

    def supervise(self, drain_seconds: float) -> None:
        """Keep the workers alive until SIGINT or SIGTERM, or until `stop` is called.

        Parameters
        ----------
        drain_seconds
            How long requests are still accepted after SIGTERM, while `/readyz` answers 503.
        """
        self._start()
        while not self.should_exit.wait(_TICK_SECONDS):
            self.handle_signals()
            if not self.should_exit.is_set():
                self.keep_subprocess_alive()
        if self.is_terminated and self.error is None and drain_seconds:
            self._run.drain()
            time.sleep(drain_seconds)
        self._end()
        if self.error is not None:
            raise self.error

    def handle_term(self) -> None:
        """Stop after the drain; after SIGINT, which a terminal sends to the workers too, there is none."""
        self.is_terminated = True
        super().handle_term()

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have ended or do not respond, and forget the reports of ended ones."""
        timeout = self.config.timeout_worker_healthcheck
        self._known |= {process.pid for process in self.processes if process.pid is not None}
        for process in [one for one in self.processes if not one.is_alive(timeout)]:
            process.kill()  # one that does not respond; the others have ended
            process.join()
            self._replace(process)
        self._forget_ended()
        wanted = self.processes_num if self._is_ready else 1
        if len(self.processes) < wanted and time.monotonic() >= self._pause_until:
            self._start()

    def _replace(self, process: Process) -> None:
        self.processes.remove(process)
        reason = _reason(process.exitcode)
        if not self._is_ready:
            problem = f"the service does not start: its first worker {reason}"
            self.stop(StoreError(problem, hint="see the log above for the reason"))
            return
        self.restarts += 1
        is_quick = time.monotonic() - self._started.pop(process, 0.0) < _STABLE_SECONDS
        self._quick_ends = self._quick_ends + 1 if is_quick else 0
        pause = min(2.0**self._quick_ends, _LONGEST_PAUSE) if self._quick_ends > 1 else 0.0
        self._pause_until = time.monotonic() + pause
        later = f" in {pause:.0f} seconds" if pause else ""
        _LOG.error("worker %s %s; another one is started%s", process.pid, reason, later)

    def _start(self) -> None:
        process = Worker(self.config, self.sockets)
        with _without_main_module():
            process.start()
        self.processes.append(process)
        self._started[process] = time.monotonic()

    def _forget_ended(self) -> None:
        alive = {process.pid for process in self.processes if process.pid is not None}
        for pid in self._known - alive:
            remove_report(self._run.path, pid)
            self._on_end(pid)
        self._known = alive

    def _end(self) -> None:
        """Stop all workers: those that answer finish the requests that they have accepted."""
        for one in self.sockets:
            stop_connecting(one)
            one.close()  # the workers have theirs; without any, new connections are refused
        ready = {report.pid for report in self.reports if report.ready}
        for process in self.processes:
            if process.pid in ready:
                process.terminate()
            else:
                process.kill()
        self.join_all()


def _reason(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Start a process that does not import the main module of this one: the command, and all its commands."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
