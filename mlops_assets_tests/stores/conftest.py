"""Fixtures of the stores: a warehouse, rows, a model with its runs, and processes for concurrency tests."""

from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from pathlib import Path

import duckdb
import mlflow
import pytest

from mlops_assets.ml.model.artifact import save_model
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.stores.tracking.runs import DAGSTER_RUN_TAG
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.tracking.trained_model import TrainedModel
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.garage import StartRun, garage_model


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


@pytest.fixture
def rows() -> Iterator[Callable[..., duckdb.DuckDBPyRelation]]:
    """Create a relation of literal rows."""
    with duckdb.connect() as connection:
        yield lambda values, columns="a, b": connection.sql(
            f"select * from (values {values}) rows({columns})"
        )


@pytest.fixture(scope="session")
def processes() -> BaseContext:
    """Processes of a server that has imported the stores once, because imports take longer than the tests."""
    context = get_context("forkserver")
    context.set_forkserver_preload(
        ["mlops_assets.stores.tracking.tracking", "mlops_assets.stores.warehouse.warehouse"]
    )
    return context


@pytest.fixture
def run(tracking: TrackingStore) -> Iterator[StartRun]:
    """Create a run of a project, optionally with a Dagster run and a model."""
    started = iter(range(1_000_000, 2_000_000))

    def make(project: str = "garage", *, dagster: str | None = None, model: str | None = None) -> str:
        tags = {DAGSTER_RUN_TAG: dagster} if dagster else {}
        if model:
            tags["mlops.model_uri"] = model
        created = tracking.client.create_run(
            tracking.experiment(project), start_time=next(started), tags=tags
        )
        return str(created.info.run_id)

    return make


@pytest.fixture
def another_store(tmp_path: Path) -> Iterator[None]:
    """Another default tracking store of the process, so that a test does not depend on it."""
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'another.db'}")
    yield
    mlflow.set_tracking_uri(None)


@pytest.fixture
def model() -> TabularModel:
    return garage_model()


@pytest.fixture
def trained(tracking: TrackingStore, run: StartRun, model: TabularModel, tmp_path: Path) -> TrainedModel:
    """A model that was logged by a run."""
    digest = save_model(model, tmp_path / "model")
    run_id = run()
    mlflow.set_tracking_uri(tracking.uri)
    with mlflow.start_run(run_id=run_id):
        uri = tracking.log_model(tmp_path / "model", model.spec)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'another.db'}")
    tracking.log_facts(run_id, facts={"model_uri": uri, "model_digest": digest})
    return tracking.trained_model("garage")
