"""The git commit of a folder, read from a real git repository."""

import subprocess
from pathlib import Path

import pytest

from mlops_assets.stores.system.git_commit import checkout_of

AS_ADA = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *AS_ADA, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder below the root of a checkout, without a commit."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "checkout" / "defs" / "garage"
    folder.mkdir(parents=True)
    (folder / "pipeline.py").write_text("a = 1\n")
    git(tmp_path / "checkout", "init", "--quiet")
    return folder


def test_a_folder_has_a_commit_a_path_and_a_clean_state(folder: Path):
    assert checkout_of(folder) is None, "nothing is committed yet"
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    found = checkout_of(folder)
    assert (found.commit, found.path, found.clean) == (git(folder, "rev-parse", "HEAD"), "defs/garage", True)
    (folder.parent / "elsewhere.py").write_text("")
    assert checkout_of(folder).clean
    (folder / "pipeline.py").write_text("a = 2\n")
    assert not checkout_of(folder).clean


def test_without_a_checkout_or_git_there_is_no_commit(tmp_path: Path, folder: Path, monkeypatch):
    outside = tmp_path / "outside"
    outside.mkdir()
    assert checkout_of(outside) is None
    assert checkout_of(tmp_path / "missing") is None
    monkeypatch.setenv("PATH", "")
    assert checkout_of(folder) is None
