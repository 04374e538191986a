"""The tests do not run the benchmarks, but check every name of the package that they use."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import kill_anywhere
from benchmarks.models.scores import loss, standings

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
OTHER_ENVIRONMENTS = {"polars_way.py"}
FILES = sorted(
    path for path in BENCHMARKS.rglob("*.py") if path.name not in {"__init__.py", *OTHER_ENVIRONMENTS}
)
IMPORT = re.compile(r"^\s*from (mlops_assets[\w.]*) import (\([^)]*\)|.+)$", flags=re.MULTILINE)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(BENCHMARKS.parent).with_suffix("").parts)


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Every name that a file imports from the package, in functions and in the text of templates, too."""
    for module, names in IMPORT.findall(path.read_text("utf-8")):
        for name in names.partition("#")[0].strip("()").split(","):
            if name := name.strip().partition(" as ")[0]:
                yield module, name


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_benchmark_can_be_imported(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.syspath_prepend(BENCHMARKS.parent)
    import_module(module_name(path))


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_every_name_that_a_benchmark_imports_from_the_package_exists(path: Path):
    for module, name in imports(path):
        owner = import_module(module)
        if not hasattr(owner, name):
            import_module(f"{module}.{name}")


def test_imports_in_functions_and_templates_are_found():
    assert ("mlops_assets.core.names", "LEDGER") in imports(BENCHMARKS / "kill_anywhere.py")
    assert ("mlops_assets.resources", "resources") in imports(BENCHMARKS / "cdnow.py")


@pytest.mark.parametrize("seam", kill_anywhere.SEAMS.values(), ids=list(kill_anywhere.SEAMS))
def test_every_seam_names_an_existing_function(seam: str):
    owner, name = kill_anywhere.resolve(seam)
    assert callable(getattr(owner, name))
    _, _, when, *call = seam.split(":")
    assert when in ("before", "after")
    assert all(int(number) > 0 for number in call)


@pytest.mark.parametrize("module", [*kill_anywhere.LIBRARIES, *kill_anywhere.MODULES])
def test_every_preloaded_module_exists(module: str):
    import_module(module)


def test_a_row_without_a_prediction_has_the_loss_of_no_model():
    train, truth = pd.Series([1.0, 3.0]), pd.Series([2.0, 5.0])
    assert loss(truth, pd.DataFrame({"prediction": []}), "regression", train) == pytest.approx(4.5**0.5)
    classes = pd.Series(["no", "no", "no", "yes"])
    one = pd.DataFrame({"no": [0.5], "yes": [0.5]}, index=[1])
    expected = -(np.log(0.75) + np.log(0.5)) / 2
    assert loss(pd.Series(["no", "yes"]), one, "binary", classes) == pytest.approx(expected)


def test_the_standing_of_a_system_is_by_its_ranks_ratios_and_wins():
    losses = pd.DataFrame({"ours": [1.0, 2.0], "peer": [2.0, 1.0], "other": [1.005, 4.0]})
    found = standings(losses, "ours")
    assert [found[system].rank for system in losses] == [1.5, 2.0, 2.5]
    assert found["ours"].ratio == pytest.approx(2**0.5)
    assert (found["peer"].wins, found["other"].wins) == (0.5, 1.0)
    assert (found["ours"].near, found["other"].near) == (1, 1)
