"""A small disk for tests of a full disk: a file system in memory."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of this size; without permission to mount, the test is skipped, and fails in CI."""
    folder.mkdir()
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    mount = [*sudo, "mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no disk to fill: {done.stderr}")
    try:
        yield folder
    finally:
        subprocess.run([*sudo, "umount", "-l", str(folder)], check=True)


def fill(disk: Path, *, leave: int) -> Path:
    """Fill a disk except for `leave` bytes; return the file to delete to free the space again."""
    free = shutil.disk_usage(disk).free
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        file.write(b"x" * max(free - leave, 0))
    return ballast
