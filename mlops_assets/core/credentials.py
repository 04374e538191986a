"""Addresses without what only the addressee may know."""

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
