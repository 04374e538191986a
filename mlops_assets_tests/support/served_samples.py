"""The sample projects with small models in a service of this process: their real contracts and queries."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import uvicorn

from mlops_assets.components.model_project.settings.serving.service import ServingSettings
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.families import Settings
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.artifact import save_model
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.example_rows import example_columns
from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.serving.deployment.state import DeployedVersion, ProjectDeployment, write_deployment
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.stores.project_folder.files import ProjectFiles
from mlops_assets.stores.project_folder.table_declaration import TableDeclaration

HOUSING, CHURN = "california_housing", "customer_churn"
_DEFS = Path(__file__).parents[2] / "mlops_assets" / "defs"
_ROWS = 200


@dataclass(frozen=True)
class Samples:
    """Small models of both projects in folders.

    Attributes
    ----------
    deployed
        The versions by project.
    """

    deployed: Mapping[str, DeployedVersion]

    def engine(self, run: Path, *projects: str) -> Engine:
        """A loaded engine of some projects."""
        config = ServingConfig(tuple(map(served_project, projects)), "", "", None, str(run))
        run.mkdir(exist_ok=True)
        write_deployment(run, {name: ProjectDeployment(self.deployed[name]) for name in projects})
        engine = Engine(config, run)
        engine.refresh()
        return engine


class FixedEngine:
    """An engine with one version of one project, which is not compiled."""

    def __init__(self, engine: Engine, model: ServedModel) -> None:
        self.config = replace(engine.config, projects=(engine.config.project(HOUSING),))
        self.served, self.is_ready = model, True

    def model(self, project: str) -> ServedModel:
        self.config.project(project)
        return self.served


def train_samples(folder: Path) -> Samples:
    """Fit a small model of each project to generated rows."""
    models = {HOUSING: _housing(), CHURN: _churn()}
    digests = {name: save_model(model, folder / name) for name, model in models.items()}
    return Samples({name: DeployedVersion(1, digest, str(folder / name)) for name, digest in digests.items()})


def sample_rows(contract: Contract, rules: Contract | None = None) -> list[dict[str, Any]]:
    """Generated rows, of which some violate rules of several columns."""
    values = example_columns(contract, rules or contract, _ROWS)
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


@contextmanager
def running(app: Any) -> Iterator[str]:
    """The address of an application that answers over HTTP."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def served_project(name: str) -> ServedProject:
    settings = ServingSettings().model_dump(mode="json")
    if name == HOUSING:
        return ServedProject(name, str(_DEFS / name), TableDeclaration("districts"), settings=settings)
    return ServedProject(name, str(_DEFS / name), None, ("customer_id",), settings=settings)


def _housing() -> TabularModel:
    files = ProjectFiles(HOUSING, _DEFS / HOUSING)
    contract = TableDeclaration("districts").contract(files).without("median_house_value")
    query, columns = files.text("features.sql"), contract.columns
    names = [column.name for column in files.feature_contract().columns]  # type: ignore[union-attr]
    spec = _spec(HOUSING, "regression", "median_house_value", "districts", columns, names)
    unfitted = TabularModel(spec, query, None, None)  # type: ignore[arg-type]
    features = unfitted.compute_features(pd.DataFrame(sample_rows(contract)))
    target = np.random.default_rng(0).uniform(15_000, 500_000, len(features))
    return TabularModel.fit(spec, query, features, target, default_pipeline, _fit_settings("regression"))


def _churn() -> TabularModel:
    files = ProjectFiles(CHURN, _DEFS / CHURN)
    contract = files.feature_contract()
    assert contract is not None
    contract = contract.without("customer_id")
    names = [column.name for column in contract.columns]
    spec = _spec(CHURN, "binary", "churned", None, contract.columns, names, classes=(0, 1))
    features = pd.DataFrame(sample_rows(contract))
    target = np.random.default_rng(0).integers(0, 2, len(features))
    query = files.text("features.sql")
    return TabularModel.fit(spec, query, features, target, default_pipeline, _fit_settings("binary", 2))


def _spec(
    project: str,
    task: Any,
    target: str,
    table: str | None,
    columns: tuple[Column, ...],
    features: list[str],
    classes: tuple[int, ...] = (),
) -> ModelSpec:
    params = {"penalty": 1.0}
    names = tuple(features)
    return ModelSpec(project, task, target, table, columns, names, classes, "linear", params, None, 0)


def _fit_settings(task: Any, classes: int = 1) -> Settings:
    return Settings(task=task, classes=classes, seed=0, threads=1)
