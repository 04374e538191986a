"""Sizes in bytes as text."""

import math

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def format_bytes(size: float) -> str:
    """A size with three significant digits in the largest binary unit that it fills: `1.50 MiB`.

    Parameters
    ----------
    size
        The number of bytes, 0 or more.
    """
    power = next((index for index in range(len(_UNITS)) if size < 1024 ** (index + 1)), len(_UNITS) - 1)
    if not power:
        return f"{size:.0f} {_UNITS[0]}"
    value = size / 1024**power
    return f"{value:,.{max(0, 2 - math.floor(math.log10(value)))}f} {_UNITS[power]}"
