"""Addresses without what only the addressee may know.

Holds: taking user and password out of an address, and out of any text that holds one.
Not here: where addresses are declared (`stores/state.py`), and how a store is told who asks
(`stores/mlflow_client.py`).
"""

import re
from urllib.parse import unquote, urlsplit

_CREDENTIALS = re.compile(r"(?<=://)[^/\s'\"]*@")


def without_credentials(text: str) -> str:
    """A text in which `scheme://user:password@host` is `scheme://host`."""
    return _CREDENTIALS.sub("", text)


def credentials_of(address: str) -> tuple[str, str] | None:
    """User and password of an address, as they are said and not as they are spelled; None without them."""
    if not _CREDENTIALS.search(address):
        return None
    parts = urlsplit(address)
    return unquote(parts.username or ""), unquote(parts.password or "")
