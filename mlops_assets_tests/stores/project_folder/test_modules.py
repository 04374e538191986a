"""The Python files of a project, imported."""

import os
import sys
from pathlib import Path

import pytest

from mlops_assets.stores.project_folder.files import ProjectFiles


def test_a_file_that_changes_within_a_second_and_keeps_its_size_is_a_new_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    files, file = ProjectFiles("shop", tmp_path), tmp_path / "sample.py"
    for number in (1, 2):
        file.write_text(f"def sample(folder):\n    return {number}\n", "utf-8")
        os.utime(file, (1_000_000_000, 1_000_000_000))
        assert files.sample()(tmp_path) == number
