"""Two texts side by side, as programmers read it."""

from difflib import unified_diff as _lines


def unified_diff(before: str, after: str, *, name: str, was: str, now: str) -> str:
    """The lines that differ with some around them, `-` before and `+` after; empty when none does.

    Parameters
    ----------
    was, now
        What the two sides are, such as `version 3`.
    """
    lines = _lines(before.splitlines(), after.splitlines(), f"{name} ({was})", f"{name} ({now})", lineterm="")
    return "\n".join(lines)
