"""Dagster's compute logs in local files: redacted, and mirrored without processes of their own."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TextIO

from mlops_assets.compat.dagster_logs import (
    IO_TYPE_EXTENSION,
    CapturedLogContext,
    ConfigurableClassData,
    LocalComputeLogManager,
    redirect_to_file,
)
from mlops_assets.core.redaction.redact import redact

_BLOCK = 1 << 20
_POLL_SECONDS = 0.1


class LocalLogs(LocalComputeLogManager):
    """Dagster's local compute logs: the output of steps in files, without known secrets.

    Dagster's own class starts four processes for each run, to show the output in the terminal, too: `tail`
    for each stream, and a script that stops `tail` when the run dies. They take longer than a step with few
    rows. Here a thread copies what is written to the file.

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
        out, err = (Path(self.get_captured_local_path(log_key, kind)) for kind in IO_TYPE_EXTENSION.values())
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            with _captured(sys.stdout, out), _captured(sys.stderr, err):
                yield CapturedLogContext(log_key)
            Path(self.complete_artifact_path(log_key)).touch()
        finally:
            _redact_file(out)
            _redact_file(err)

    def show_captured(self) -> None:
        """Show in the terminal what was captured so far, before the process ends without a step."""
        for mirror in reversed(_MIRRORS):  # the last one may write to the file of another
            mirror.copy()


class _Mirror(Thread):
    """Copies what is appended to a file to a file descriptor, until `stop`."""

    def __init__(self, file: Path, target: int) -> None:
        super().__init__(daemon=True)
        self._written, self._shown = file.open("rb"), open(target, "wb")  # noqa: SIM115
        self._written.seek(0, os.SEEK_END)
        self._done, self._turn = Event(), Lock()

    def run(self) -> None:
        while not self._done.wait(_POLL_SECONDS):
            self.copy()

    def copy(self) -> None:
        # A terminal or pipe that was closed ends the copy, as it would end `tail`; the file has all output.
        with self._turn, suppress(OSError):
            while block := self._written.read(_BLOCK):
                self._shown.write(block)
                self._shown.flush()

    def stop(self) -> None:
        self._done.set()
        self.join()
        self.copy()
        self._written.close()
        with suppress(OSError):  # the rest that a closed terminal does not take
            self._shown.close()


_MIRRORS: list[_Mirror] = []
"""Those of this process, which has one stdout and one stderr."""


@contextmanager
def _captured(stream: TextIO, file: Path) -> Iterator[None]:
    """Redirect a stream and its file descriptor to the end of a file, and copy that to their former place."""
    try:
        former = os.dup(stream.fileno())
    except OSError:  # not a file of the operating system, such as in a test: Dagster does not redirect it
        yield
        return
    file.touch()
    mirror = _Mirror(file, former)
    _MIRRORS.append(mirror)
    mirror.start()
    try:
        with redirect_to_file(stream, str(file)):
            yield
    finally:
        mirror.stop()
        _MIRRORS.remove(mirror)


def _redact_file(path: Path) -> None:
    """Redact a file, which is replaced if a line changes."""
    if not path.exists() or not path.stat().st_size:
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
