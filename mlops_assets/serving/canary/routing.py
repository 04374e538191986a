"""The version that answers a row: deterministic by its key, so that an entity stays with one version."""

from collections.abc import Callable, Sequence
from hashlib import blake2b

_DIGEST_BYTES = 8
_RANGE = 2.0 ** (8 * _DIGEST_BYTES)

Value = Callable[[int, str], object]
"""The value of a column in a row, None without one."""


def takes_challenger(project: str, version: int, key: str, share: float) -> bool:
    """Whether the challenger answers the rows of a key.

    A larger share of the same version keeps the keys of a smaller one. Keys that one version answers are
    independent of those of another version.
    """
    text = f"{project}\0{version}\0{key}".encode("utf-8", "surrogatepass")
    digest = blake2b(text, digest_size=_DIGEST_BYTES).digest()
    return int.from_bytes(digest, "big") / _RANGE < share


def routing_keys(columns: Sequence[str], count: int, value: Value, request_key: str) -> list[str]:
    """The key of each row.

    Parameters
    ----------
    columns
        The columns that identify an entity.
    count
        Number of rows.
    request_key
        The key of rows without these columns, which is that of the request.
    """
    if not columns:
        return [request_key] * count
    return [_row_key([value(row, name) for name in columns]) or request_key for row in range(count)]


def _row_key(values: Sequence[object]) -> str:
    """The values of the columns as text; empty if one is missing. 17, 17.0 and "17" are the same value."""
    if any(value is None or value == "" for value in values):
        return ""
    return "\0".join(_text(value) for value in values)


def _text(value: object) -> str:
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
