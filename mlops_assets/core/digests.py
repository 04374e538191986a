"""SHA-256 digests of texts and files, and HMAC-SHA256 of texts in Python and in SQL."""

import hashlib
import hmac
from pathlib import Path

_BLOCK_BYTES = 64
"""Of SHA-256, see RFC 2104."""


def text_digest(*parts: str) -> str:
    """Return the digest of texts as 64 hexadecimal digits; the boundaries between the texts count."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(f"{len(encoded)}:".encode() + encoded)
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """Return the digest of a file as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def keyed_digest(secret: bytes, text: str) -> str:
    """Return the HMAC-SHA256 of a text as 64 hexadecimal digits."""
    return hmac.new(secret, text.encode(), "sha256").hexdigest()


def keyed_digest_sql(secret: bytes, text: str) -> str:
    """Return the SQL expression of `keyed_digest` for the expression of a text; DuckDB has no HMAC."""
    key = secret if len(secret) <= _BLOCK_BYTES else hashlib.sha256(secret).digest()
    inner, outer = (
        _blob(bytes(byte ^ pad for byte in key.ljust(_BLOCK_BYTES, b"\0"))) for pad in (0x36, 0x5C)
    )
    return f"sha256({outer} || unhex(sha256({inner} || encode({text}))))"


def _blob(value: bytes) -> str:
    return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::blob"
