"""SHA-256 digests of texts and files."""

import hashlib
from pathlib import Path


def text_digest(*parts: str) -> str:
    """Digest of texts, 64 hexadecimal digits; where one ends and the next begins matters."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(f"{len(encoded)}:".encode() + encoded)
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """Digest of a file's bytes, 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
