"""Long texts as compressed bytes, for the columns of a database."""

import zlib

_SHORTEST = 400
"""A shorter text is stored as it is."""
_START = b"zlib\0"


def compact(text: str) -> str | bytes:
    """Return the bytes of a long text, or a short one as it is."""
    if len(text) < _SHORTEST:
        return text
    return _START + zlib.compress(text.encode("utf-8", "surrogatepass"))


def expanded(stored: str | bytes) -> str:
    """Return the text of what `compact` has returned.

    Raises
    ------
    ValueError
        If the bytes are others.
    """
    if isinstance(stored, str):
        return stored
    if not stored.startswith(_START):
        raise ValueError("not a compact text")
    try:
        return zlib.decompress(stored[len(_START) :]).decode("utf-8", "surrogatepass")
    except zlib.error as error:
        raise ValueError(f"a damaged compact text: {error}") from error
