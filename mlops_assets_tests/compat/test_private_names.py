"""Private names of other libraries are imported in `mlops_assets.compat` alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlops_assets

PACKAGE = Path(mlops_assets.__file__).parent


def private_imports(source: str) -> Iterator[str]:
    """The imported paths of other libraries that have a private part, such as `dagster._core`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                paths = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), names=names):
                paths = [f"{module}.{alias.name}" for alias in names]
            case _:
                continue
        for path in paths:
            parts = path.split(".")
            if parts[0] != "mlops_assets" and any(part.startswith("_") for part in parts[1:]):
                yield path


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from dagster._core.utils import make_new_run_id", ["dagster._core.utils.make_new_run_id"]),
        ("import dagster._core", ["dagster._core"]),
        ("def f():\n    from mlflow.store.db.utils import _upgrade", ["mlflow.store.db.utils._upgrade"]),
        ("from mlops_assets.stores import _own\nimport dagster as dg", []),
    ],
)
def test_a_private_import_is_found(source, found):
    assert list(private_imports(source)) == found


def test_only_compat_imports_private_names():
    found = {
        path.relative_to(PACKAGE).as_posix(): list(private_imports(path.read_text("utf-8")))
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "compat"
    }
    assert {name: imports for name, imports in found.items() if imports} == {}
