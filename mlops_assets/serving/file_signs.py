"""Signs of changes: what differs once a file was replaced or written, cheap enough to look at each second."""

import os
from collections.abc import Sequence
from pathlib import Path

from mlops_assets.core import names

FileSign = tuple[int, int, int]


def file_sign(path: Path) -> FileSign | None:
    """Inode, size and time of change of a file or folder; None if there is none, or it can't be examined."""
    try:
        found = os.stat(path)  # noqa: PTH116 -- twice as fast as Path.stat
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def ledger_sign(warehouse: str, project: str) -> FileSign | None:
    """What changes with every event of a ledger."""
    table: Sequence[str] = names.project_asset(project, names.LEDGER)
    return file_sign(Path(warehouse).joinpath(*table, "_delta_log"))
