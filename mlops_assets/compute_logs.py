"""Dagster's compute logs in local files: redacted, and mirrored without processes of their own."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
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


@contextmanager
def _captured(stream: TextIO, file: Path) -> Iterator[None]:
    """Redirect a stream and its file descriptor to the end of a file, and copy that to their former place."""
    try:
        former = os.dup(stream.fileno())
    except OSError:  # not a file of the operating system, such as in a test: Dagster does not redirect it
        yield
        return
    file.touch()
    done, start = Event(), file.stat().st_size
    mirror = Thread(target=_mirror, args=(file, start, former, done), daemon=True)
    mirror.start()
    try:
        with redirect_to_file(stream, str(file)):
            yield
    finally:
        done.set()
        mirror.join()
        os.close(former)


def _mirror(file: Path, start: int, target: int, done: Event) -> None:
    """Copy what is appended to a file to a file descriptor, until the rest is copied."""
    # A terminal or pipe that was closed ends the copy, as it would end `tail`; the file has all output.
    with suppress(OSError), file.open("rb") as written, open(target, "wb", closefd=False) as shown:
        written.seek(start)
        finished = False
        while not finished:
            finished = done.wait(_POLL_SECONDS)
            while block := written.read(_BLOCK):
                shown.write(block)
                shown.flush()


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
