"""SHA-256 digests of texts and files."""

import hashlib
from pathlib import Path


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
