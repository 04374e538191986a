"""Dagster's compute logs in local files: redacted, and without a second stack trace at Ctrl-C."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mlops_assets.compat.dagster_logs import (
    IO_TYPE_EXTENSION,
    CapturedLogContext,
    ConfigurableClassData,
    LocalComputeLogManager,
)
from mlops_assets.core.redaction.redact import redact

_BLOCK = 1 << 20


class LocalLogs(LocalComputeLogManager):
    """Dagster's local compute logs: the output of steps in files, without known secrets.

    Dagster starts two processes for each run: `tail`, and a script that stops `tail` when the run dies. A
    terminal sends Ctrl-C to all of them, and the script then prints a stack trace. Dagster stops both at the
    end of the run, so they do not need Ctrl-C. They are started with the signal blocked, and inherit this.

    Output goes to the files directly, also that of libraries in C. A secret in it, which only a `print` of
    user code writes, is replaced when the step has ended.
    """

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "LocalLogs":
        # Dagster's method returns its own class, also for a subclass.
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        try:
            with ExitStack() as capture:
                before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
                try:
                    context = capture.enter_context(super().capture_logs(log_key))
                finally:  # a pending Ctrl-C is delivered now
                    signal.pthread_sigmask(signal.SIG_SETMASK, before)
                yield context
        finally:
            for extension in IO_TYPE_EXTENSION.values():
                _redact_file(Path(self.get_captured_local_path(log_key, extension)))


def _redact_file(path: Path) -> None:
    """Redact a file, which is replaced if a line changes."""
    if not path.exists():
        return
    written = path.with_name(f".{path.name}.redacted")
    changed = False
    with (
        path.open(encoding="utf-8", errors="surrogateescape", newline="") as lines,
        written.open("w", encoding="utf-8", errors="surrogateescape", newline="") as target,
    ):
        while block := "".join(lines.readlines(_BLOCK)):
            redacted = redact(block)
            changed = changed or redacted != block
            target.write(redacted)
    if changed:
        written.replace(path)
    else:
        written.unlink()
