"""What the machine gives: threads and memory.

Holds: thread counts, how threads wait, peak memory.
Add here: another fact about the machine that a fit depends on.
Not here: anything that imports a numeric library; threads must be told before those are loaded.
"""

import os
import resource
import sys


def thread_count(declared: int | None) -> int:
    """How many threads a fit uses: as declared, else those that this process may run on."""
    if declared:
        return declared
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def wait_without_spinning() -> None:
    """Let OpenMP's threads sleep while they wait; call before XGBoost is imported.

    A thread that spins on a core which another process uses can make a fit many times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def peak_memory_bytes() -> int:
    """Most resident memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
