"""The examples in docstrings run with the documented results."""

import doctest
import importlib
import pkgutil

import pytest

import mlops_assets.ml

MODULES = [found.name for found in pkgutil.walk_packages(mlops_assets.ml.__path__, "mlops_assets.ml.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_have_the_documented_results(name: str):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
