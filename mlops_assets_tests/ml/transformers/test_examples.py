"""The examples in the docstrings run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from mlops_assets.ml import transformers

MODULES = sorted(path.stem for path in Path(transformers.__file__).parent.glob("[a-z]*.py"))


@pytest.mark.parametrize("name", [name for name in MODULES if name != "places"])
def test_examples_run(name: str):
    found = doctest.testmod(import_module(f"mlops_assets.ml.transformers.{name}"))
    assert (found.failed, found.attempted > 0) == (0, True)
