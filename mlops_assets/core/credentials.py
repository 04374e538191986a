"""User and password in URLs: removed for display, extracted for the connection."""

import re
from urllib.parse import unquote, urlsplit

_CREDENTIALS = re.compile(r"(?<=://)[^/\s'\"]*@")


def without_credentials(text: str) -> str:
    """Return a text with `scheme://user:password@host` replaced by `scheme://host`."""
    return _CREDENTIALS.sub("", text)


def credentials_of(url: str) -> tuple[str, str] | None:
    """Return user and password of a URL, percent-decoded; None if it has none."""
    if not _CREDENTIALS.search(url):
        return None
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or "")
