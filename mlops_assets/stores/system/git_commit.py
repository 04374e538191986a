"""The git commit of a project's folder, if it is in a checkout."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10


@dataclass(frozen=True)
class Checkout:
    """The git state of a folder.

    Attributes
    ----------
    commit
        Hash of the commit that is checked out.
    path
        The folder, relative to the root of the checkout.
    clean
        Whether the folder has no uncommitted changes.
    """

    commit: str
    path: str
    clean: bool


def checkout_of(folder: Path) -> Checkout | None:
    """Return the checkout that contains a folder; None without a checkout, a commit or git."""
    head = _git(folder, "rev-parse", "HEAD", "--show-prefix")
    changed = _git(folder, "status", "--porcelain", "--", ".")
    if head is None or changed is None:
        return None
    commit, prefix = head.split("\n")[:2]
    return Checkout(commit, prefix.rstrip("/"), not changed.strip())


def _git(folder: Path, *arguments: str) -> str | None:
    # With optional locks, even `git status` would write to the user's index.
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
