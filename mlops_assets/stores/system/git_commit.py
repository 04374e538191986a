"""The git commit that a project's folder is at, where it lies in a checkout."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10


@dataclass(frozen=True)
class Checkout:
    """Where a folder stands.

    Attributes
    ----------
    commit
        The commit that is checked out.
    path
        The folder, from the checkout's root on.
    clean
        Whether all that lies in the folder is committed.
    """

    commit: str
    path: str
    clean: bool


def checkout_of(folder: Path) -> Checkout | None:
    """The checkout that a folder lies in; None where there is none, no commit, or no git."""
    told = _git(folder, "rev-parse", "HEAD", "--show-prefix")
    changed = _git(folder, "status", "--porcelain", "--", ".")
    if told is None or changed is None:
        return None
    commit, prefix = told.split("\n")[:2]
    return Checkout(commit, prefix.rstrip("/"), not changed.strip())


def _git(folder: Path, *arguments: str) -> str | None:
    # Optional locks would make a command that only asks write to somebody's index.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None
