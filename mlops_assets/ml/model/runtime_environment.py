"""What a fit runs on: Python, the packages that compute, and the kind of machine."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("mlops-assets", "duckdb", "numpy", "pandas", "scikit-learn", "scipy", "skops", "xgboost")
ABSENT = "absent"


def environment() -> dict[str, str]:
    """The version of Python and of each package, the system and the processor, by their names."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: _version(name) for name in PACKAGES},
    }


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What differs, by name: the version before and the one after."""
    found = {name: (before.get(name, ABSENT), after.get(name, ABSENT)) for name in (*before, *after)}
    return {name: sides for name, sides in found.items() if sides[0] != sides[1]}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ABSENT
