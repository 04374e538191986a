"""What the machine gives: threads and memory."""

import os
import resource
import sys


def thread_count(declared: int | None) -> int:
    """How many threads a fit uses: as declared, else those that this process may run on."""
    if declared:
        return declared
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory_bytes() -> int:
    """Most resident memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
