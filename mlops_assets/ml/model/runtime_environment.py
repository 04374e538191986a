"""The runtime environment of a fit: versions of Python and packages, threads, and peak memory."""

import platform
import resource
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from mlops_assets.ml.families.extras import installed_extras

PACKAGES = ("mlops-assets", "duckdb", "numpy", "pandas", "scikit-learn", "scipy", "skops", "xgboost")
ABSENT = "absent"


def runtime_environment() -> dict[str, str]:
    """Versions by name: Python, `PACKAGES`, libraries of further families, operating system, architecture."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: _version(name) for name in (*PACKAGES, *installed_extras())},
    }


def environment_changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Entries that differ, by name: the version before and the version after."""
    found = {name: (before.get(name, ABSENT), after.get(name, ABSENT)) for name in (*before, *after)}
    return {name: sides for name, sides in found.items() if sides[0] != sides[1]}


def thread_count(declared: int | None) -> int:
    """Number of threads of all fits: the declared one, else the number of CPUs that this process may use.

    That is at most the CPU limit of its container, beyond which threads would only be throttled.
    """
    if declared:
        return declared
    from joblib import cpu_count  # a numeric library, which definitions do not load

    return int(cpu_count())


def peak_memory_bytes() -> int:
    """Peak resident set size of this process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ABSENT
