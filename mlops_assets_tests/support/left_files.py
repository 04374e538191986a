"""Files that a step leaves behind."""

from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """All files below a folder, except locks, which stay for the next process."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock")]
