"""Files with a random secret key, which only their owner can read."""

import os
import secrets
import tempfile
from pathlib import Path

_BYTES = 32


def create_secret(file: Path) -> str:
    """Create a file with a random key in hexadecimal digits, or read that of a process that was faster."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_hex(_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        os.link(name, file)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
    return file.read_text("ascii").strip()
