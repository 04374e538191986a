"""One process, measured: wall and CPU time, and the peak memory, of it and all that it started."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Measured:
    """What a process took.

    Attributes
    ----------
    seconds
        From its start to its end.
    cpu_seconds
        User and system time of the process and of all descendants that ended before it.
    peak_mib
        The larger one of two figures: the highest sum of the resident sets of the process tree, looked at
        every 20 ms, and the kernel's own peak of the largest process of the tree. Pages that processes
        share are counted for each.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str


def measure(command: Sequence[str], *, folder: Path, env: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end; one that fails ends the benchmark with what it printed."""
    with tempfile.TemporaryFile("w+") as printed:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(env or {})}, stdout=printed, stderr=subprocess.STDOUT
        )
        peak = 0
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            peak = max(peak, _resident_bytes(process.pid))
            time.sleep(_SAMPLE_SECONDS)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        output = printed.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{output}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Measured(seconds, cpu_seconds, max(peak, usage.ru_maxrss * 1024) / 2**20, output)


def _resident_bytes(pid: int) -> int:
    """Of a process and its descendants; one that ended meanwhile counts nothing."""
    try:
        own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        children = [
            child
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return own + sum(_resident_bytes(int(child)) for child in children)
