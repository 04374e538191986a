"""Suggestions for a misspelled name, by edit distance."""

from collections.abc import Iterable

MAX_LISTED = 20
"""Of more names, only the first are listed."""


def closest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name with the smallest edit distance; None if none is similar.

    The distance is the number of inserted, deleted, replaced and swapped characters, without regard to case
    (Damerau-Levenshtein, optimal string alignment). It may be a third of the length of the name, at least 1.
    """
    found = min(((_distance(name.lower(), each.lower()), each) for each in known), default=None)
    return found[1] if found and found[0] <= max(1, len(name) // 3) else None


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Return a hint: the closest name, else the names to choose from."""
    names = sorted(known)
    if (near := closest_name(name, names)) is not None:
        return f"did you mean {near}?"
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"choose one of {', '.join(names[:MAX_LISTED])}{more}"


def _distance(one: str, other: str) -> int:
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, left in enumerate(one, 1):
        earlier, before, row = before, row, [place]
        for column, right in enumerate(other, 1):
            cost = min(before[column] + 1, row[-1] + 1, before[column - 1] + (left != right))
            if place > 1 and column > 1 and left == other[column - 2] and right == one[place - 2]:
                cost = min(cost, earlier[column - 2] + 1)
            row.append(cost)
    return row[-1]
