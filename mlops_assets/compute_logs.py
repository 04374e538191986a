"""Dagster's compute logs in local files, without a second stack trace at Ctrl-C."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from mlops_assets.compat.dagster_logs import CapturedLogContext, LocalComputeLogManager


class LocalLogs(LocalComputeLogManager):
    """Dagster's local compute logs: the output of steps in files.

    Dagster starts two processes for each run: `tail`, and a script that stops `tail` when the run dies. A
    terminal sends Ctrl-C to all of them, and the script then prints a stack trace. Dagster stops both at the
    end of the run, so they do not need Ctrl-C. They are started with the signal blocked, and inherit this.
    """

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        with ExitStack() as capture:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                context = capture.enter_context(super().capture_logs(log_key))
            finally:  # a pending Ctrl-C is delivered now
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield context
