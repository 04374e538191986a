"""A shop whose champion is served in this process, with its prediction log."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.serving.deployment.state import ProjectDeployment, write_deployment
from mlops_assets.serving.deployment.versions import VersionFolders
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.app import create_app
from mlops_assets.serving.log.collector import LogCollector
from mlops_assets.serving.log.observer import LogObserver
from mlops_assets.serving.log.prediction_log import PredictionLog
from mlops_assets_tests.support.shop import Shop


def shop_config(shop: Shop) -> ServingConfig:
    """The configuration of `mlops serve shop`."""
    project = ServedProject(
        "shop",
        str(shop.root / "defs" / "shop"),
        None,
        ("customer",),
        settings=shop.project.settings.serving.model_dump(mode="json"),
        logged_entity=("customer",),
        sensitive=tuple(shop.project.sensitive),
    )
    tracking, artifacts = shop.state.tracking_uri, str(shop.state.mlflow / "artifacts")
    return ServingConfig((project,), str(shop.warehouse.root), tracking, artifacts, str(shop.state.root))


@contextmanager
def served(config: ServingConfig, run: Path) -> Iterator[tuple[TestClient, LogCollector]]:
    """A client of the application of a worker, which writes its log at the end."""
    run.mkdir(exist_ok=True)
    folders = VersionFolders(config, run, print)
    deployed = {one.name: ProjectDeployment(folders.champion(one.name)) for one in config.projects}
    write_deployment(run, deployed)
    engine, log = Engine(config, run), PredictionLog(config, run)
    engine.refresh()
    app = create_app(engine, services=[log.running()], observers=[LogObserver(log)])
    with TestClient(app) as client:
        yield client, LogCollector(config, run)
