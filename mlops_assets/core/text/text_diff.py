"""The differences of two texts as a unified diff."""

from difflib import unified_diff as _lines


def unified_diff(before: str, after: str, *, name: str, was: str, now: str) -> str:
    """Return a unified diff of two texts; empty if they are equal.

    Parameters
    ----------
    was, now
        Labels of the two sides, such as `version 3`.
    """
    lines = _lines(before.splitlines(), after.splitlines(), f"{name} ({was})", f"{name} ({now})", lineterm="")
    return "\n".join(lines)
