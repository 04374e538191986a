"""What is costly and read only, made once in a test run by the first of its processes that needs it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import pytest
from filelock import FileLock

STATE_VARIABLES = (
    "MLOPS_STATE_DIR",
    "DAGSTER_HOME",
    "MLFLOW_TRACKING_URI",
    "MLOPS_LEDGER_KEY",
    "MLOPS_LEDGER_FORMER_KEYS",
)
"""Variables of the environment that no test inherits."""


@dataclass(frozen=True)
class Kept:
    """A folder that all processes of a test run share; tests copy what is in it."""

    shared: Path

    @classmethod
    def of(cls, factory: pytest.TempPathFactory) -> "Kept":
        """The folder of this test run: of several workers, the one above their own."""
        own = factory.getbasetemp()
        folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "kept"
        folder.mkdir(exist_ok=True)
        return cls(folder)

    def folder(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder of a name; `make` fills it, unless a process of this test run has done so before."""
        path, made = self.shared / name, self.shared / f"{name}.made"
        with FileLock(self.shared / f"{name}.lock"):
            if not made.exists():
                rmtree(path, ignore_errors=True)  # of a test that failed within `make`
                with pytest.MonkeyPatch.context() as patch:
                    for variable in STATE_VARIABLES:
                        patch.delenv(variable, raising=False)
                    make(path)
                made.touch()
        return path
