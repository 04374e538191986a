"""What steps print, kept by Dagster in files, without a stack trace of its own at Ctrl-C."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from mlops_assets.compat.dagster_logs import CapturedLogContext, LocalComputeLogManager


class LocalLogs(LocalComputeLogManager):
    """Dagster's files of what steps print.

    Dagster starts two processes beside each run: `tail`, and a script that ends it when the run dies. A
    terminal sends Ctrl-C to all of them, and the script answers with a stack trace. Both are ended by Dagster
    when the run is, so they need no Ctrl-C: they are started with that signal blocked, which they inherit.
    """

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        with ExitStack() as capture:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                context = capture.enter_context(super().capture_logs(log_key))
            finally:  # a Ctrl-C that came meanwhile reaches us now
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield context
