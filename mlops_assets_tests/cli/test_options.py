"""Options of `mlops` itself: its version, and completion for shells."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mlops_assets_tests.support.command_line import mlops

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_version_is_that_of_the_distribution():
    declared = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["version"]
    done = mlops("--version")
    assert (done.exit_code, done.stdout) == (0, f"mlops_assets {declared}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_completes_mlops(shell, monkeypatch):
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    code = "import sys; sys.argv[0] = 'mlops'; from mlops_assets.cli.app import app; app(prog_name='mlops')"
    script = subprocess.run(
        [sys.executable, "-c", code, "--show-completion", shell], capture_output=True, text=True, check=True
    ).stdout
    assert "_MLOPS_COMPLETE=complete_" + shell in script


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("mlops roll", {"rollback"}), ("mlops data ", {"versions", "diff", "restore", "vacuum"})],
)
def test_commands_are_completed(typed, offered):
    words = {"_MLOPS_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    code = "from mlops_assets.cli.app import app; app(prog_name='mlops')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **words}
    )
    assert set(done.stdout.split()) == offered, done.stderr
