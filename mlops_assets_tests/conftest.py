"""Shared fixtures: projects in temporary folders, stores, instances and servers."""

import gc
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from hypothesis import settings

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.kept import STATE_VARIABLES, Kept
from mlops_assets_tests.support.library_caches import cache_libraries
from mlops_assets_tests.support.loans import enter_lending_project
from mlops_assets_tests.support.loans_project import loans_project
from mlops_assets_tests.support.postgres import Server, running_server
from mlops_assets_tests.support.redis_server import RedisServer, running_redis
from mlops_assets_tests.support.shop import Shop

# A background job of a shell ignores SIGINT, and Dagster then leaves SIGTERM ignored, also for children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The heap of Dagster, MLflow and pandas is large and stays; to search it less often saves 5 % of the time.
gc.set_threshold(100_000, 50, 1_000)

settings.register_profile("many", max_examples=2_000, deadline=None)

pytest_plugins = [
    "mlops_assets.testing",  # known by its entry point, too, where the package is installed
    "mlops_assets_tests.support.kept_projects",
]

MakeProject = Callable[..., Project]
WORKING_DIRECTORY = Path.cwd()
LONGEST_FIRST = (
    "test_own_project.py",
    "monitoring/test_closed_loop.py",
    "workspace/test_changed_projects.py",
    "workspace/test_run_plan.py",
    "commands/test_run_scoring.py",
    "commands/test_backtest.py",
    "governance/test_reproduce.py",
    "health/test_model_files.py",
)
"""Modules whose tests run whole projects: at the end, one of them would keep one worker busy."""
MLFLOW_DEFAULTS = ("mlflow.db", "mlruns")
"""What MLflow writes to the working directory when no tracking store is set."""


def _mlflow_defaults() -> dict[str, int]:
    paths = [WORKING_DIRECTORY / name for name in MLFLOW_DEFAULTS]
    return {path.name: path.stat().st_mtime_ns for path in paths if path.exists()}


BEFORE = _mlflow_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST_FIRST))


@pytest.fixture(autouse=True)
def _nothing_is_written_to_mlflows_default_store() -> Iterator[None]:
    """Of several workers, one of the tests that ran at that time wrote it."""
    yield
    assert _mlflow_defaults() == BEFORE, f"a test wrote {' or '.join(MLFLOW_DEFAULTS)} to {WORKING_DIRECTORY}"


FETCH = """
def fetch(folder):
    raise OSError("no route to host")
"""


@pytest.fixture(autouse=True)
def _no_state_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in STATE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def _coarse_pictures_and_speeds() -> Iterator[None]:
    """Figures with few dots and speeds of few rows, which no test compares: a run takes a tenth less."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlops_assets.ml.reports.plots.predictions.DOTS_PER_INCH", 40)
        patch.setattr("mlops_assets.ml.model.costs.SINGLE_ROWS", 2)
        yield


@pytest.fixture(scope="session", autouse=True)
def _libraries_are_cached() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        cache_libraries(patch)
        yield


@pytest.fixture
def drawn_figures() -> None:
    """For tests of pages: without it, figures are made and not drawn, which is an eighth of a run.

    They are drawn in the runs of projects that several tests share, too.
    """


@pytest.fixture(autouse=True)
def _figures_are_not_drawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "drawn_figures" not in request.fixturenames:
        monkeypatch.setattr("mlops_assets.ml.reports.plots.predictions.figure_png", lambda figure: b"")


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """What the processes of this test run make once."""
    return Kept.of(tmp_path_factory)


@pytest.fixture(scope="session")
def mlops_tracking_database(kept: Kept) -> Path:
    """As the fixture of the plugin, but made once for all processes."""

    def make(folder: Path) -> None:
        folder.mkdir()
        _ = TrackingStore(f"sqlite:///{folder / 'mlflow.db'}").client

    return kept.folder("mlflow", make) / "mlflow.db"


@pytest.fixture(scope="session")
def empty_tracking_store(mlops_tracking_database: Path) -> Path:
    return mlops_tracking_database


@pytest.fixture
def state(mlops_state: StateDirectory) -> StateDirectory:
    return mlops_state


@pytest.fixture
def warehouse(mlops_warehouse: Warehouse) -> Warehouse:
    return mlops_warehouse


@pytest.fixture
def tracking(mlops_tracking: TrackingStore) -> TrackingStore:
    return mlops_tracking


@pytest.fixture
def stores(mlops_resources: dict[str, dg.ConfigurableResource]) -> dict[str, dg.ConfigurableResource]:
    return mlops_resources


@pytest.fixture
def instance(mlops_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    return mlops_instance


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """A function that creates a project from files and settings; by default one that predicts late loans."""

    return partial(loans_project, tmp_path)


@pytest.fixture
def write_loans(tmp_path: Path) -> Callable[[pd.DataFrame], Path]:
    """A function that writes loans to the project's source."""

    def write(frame: pd.DataFrame, name: str = "loans.csv") -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        frame.to_csv(path, index=False)
        return path

    return write


@pytest.fixture
def open_shop(
    tmp_path: Path, empty_tracking_store: Path, instance: dg.DagsterInstance
) -> Callable[..., Shop]:
    """A function that opens an event project without arrivals; see `Shop` for its arguments."""

    def open_(**declared: Any) -> Shop:
        return Shop(tmp_path / "shop", empty_tracking_store, instance, **declared)

    return open_


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server of this test process."""
    with running_redis() as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_tracking_store: Path) -> Path:
    """A dg project with one model project and its data, as the working directory of commands."""
    files = {"fetch.py": FETCH}
    return enter_lending_project(
        tmp_path / "project", monkeypatch, empty_tracking_store, family="xgboost", files=files
    )
